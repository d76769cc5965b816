//! Reports nobody measured, for tests.

use crate::record::{Figures, Machine, Report, Sample, Settings};

/// A sample with round figures. `paced` and `linger` have 1,000 frames/s and a latency; anything else is flat out.
pub(crate) fn sample(scenario: &str, server: &str, clients: u32, repetition: u32) -> Sample {
    let is_paced = matches!(scenario, "paced" | "linger");
    let latency = |microseconds| is_paced.then_some(microseconds);
    Sample {
        scenario: scenario.to_owned(),
        server: server.to_owned(),
        clients,
        rate: if is_paced { 1000 } else { 0 },
        frame_size: 1024,
        linger_us: 0,
        repetition,
        figures: Figures {
            deliveries_per_second: 2e6,
            deliveries_per_cpu_second: 4e6,
            cpu_ns_per_delivery: 250.0,
            p50_us: latency(50.0),
            p99_us: latency(100.0),
            p999_us: latency(200.0),
            max_us: latency(1000.0),
            peak_resident_bytes: 3 << 20,
            threads: 1,
            context_switches_per_second: 10.0,
            busy_percent: 50.0,
            strangers_percent: 0.0,
            skipped_percent: 0.0,
        },
    }
}

/// A report of these samples on a machine that is nobody's.
pub(crate) fn report(samples: Vec<Sample>) -> Report {
    Report {
        machine: Machine {
            processor: "Some Processor".to_owned(),
            cores: 2,
            kernel: "6.1.0".to_owned(),
            ..Machine::default()
        },
        settings: Settings {
            window_ms: 1000,
            warm_up_ms: 500,
            repetitions: 3,
            full: false,
        },
        samples,
        skipped: Vec::new(),
        findings: Vec::new(),
    }
}
