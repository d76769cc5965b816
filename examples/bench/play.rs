//! A run from beginning to end: build, plan, measure, judge, report.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::agenda::{Agenda, Step};
use crate::bench::Bench;
use crate::cli::Cli;
use crate::cores::Pinning;
use crate::plan::Pace;
use crate::programs::Programs;
use crate::record::{Report, Settings};
use crate::session::{Session, clock_face};
use crate::{Fallible, building, charts, ending, findings, machine, report};

/// Measures what the command line asks for, and reports it.
pub(crate) fn run(cli: &Cli) -> Fallible<ExitCode> {
    let names = cli.server_names();
    // Ten thousand clients are ten thousand descriptors in the sink and as many in the server, which inherits this.
    rlimit::increase_nofile_limit(u64::MAX)?;
    ending::watch_signals()?;
    let programs = programs(cli)?;
    let (servers, mut skipped) = programs.roster(&names);
    skipped.dedup();
    let bench = Bench {
        programs,
        pinning: Pinning::establish(),
        pace: cli.pace(),
    };
    let agenda = Agenda::of(cli, &servers, &bench.pace);
    skipped.extend(agenda.skipped.iter().cloned());
    let report = Report {
        machine: machine::describe(&bench),
        settings: settings(cli, &bench.pace),
        samples: Vec::new(),
        skipped,
        findings: Vec::new(),
    };
    introduce(&report, &agenda);
    let mut session = Session::new(bench, servers, report, agenda.estimate);
    session.json.clone_from(&cli.common.json);
    for step in &agenda.steps {
        step.take(&mut session)?;
    }
    finish(cli, session)
}

/// Draws the charts of a report.
pub(crate) fn draw(report: &Report, folder: &Path) -> Fallible<()> {
    for file in charts::draw(report, folder)? {
        println!("drawn: {}", file.display());
    }
    Ok(())
}

/// Puts what the samples show before what was found already by other means.
pub(crate) fn judge(report: &mut Report) {
    let mut found = findings::of(&report.samples);
    report
        .findings
        .retain(|finding| !found.iter().any(|again| again.what == finding.what));
    found.append(&mut report.findings);
    report.findings = found;
}

/// Everything built and in its place.
fn programs(cli: &Cli) -> Fallible<Programs> {
    let mut programs = Programs::beside_this_one()?;
    programs.relay.clone_from(&cli.common.server);
    programs.relay_options.clone_from(&cli.common.server_option);
    if cfg!(debug_assertions) {
        println!(
            "WARNING: this is a debug build, its figures mean nothing: use `cargo run --release`"
        );
    }
    if !cli.common.no_build {
        building::build(&programs.builds)?;
    }
    match programs.missing() {
        Some(program) => Err(format!(
            "there is no {}: run `cargo build --release --bin fanout --examples` first",
            program.display()
        )
        .into()),
        None => Ok(programs),
    }
}

fn settings(cli: &Cli, pace: &Pace) -> Settings {
    let whole_ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Settings {
        window_ms: whole_ms(pace.window),
        warm_up_ms: whole_ms(pace.warm_up),
        repetitions: pace.demanded.into(),
        full: cli.common.full,
    }
}

fn introduce(report: &Report, agenda: &Agenda) {
    println!("{}", report.machine.pinning);
    println!("load average {}", report.machine.load_average);
    for line in &report.skipped {
        println!("{line}");
    }
    let samples: usize = agenda.steps.iter().map(Step::samples).sum();
    println!(
        "samples: {samples}, minutes: about {}",
        clock_face(agenda.estimate).trim()
    );
}

fn finish(cli: &Cli, mut session: Session) -> Fallible<ExitCode> {
    judge(&mut session.report);
    println!();
    report::print(&session.report);
    if let Some(path) = &cli.common.json {
        report::write_json(&session.report, path)?;
        println!("kept: {}", path.display());
    }
    if let Some(folder) = &cli.common.charts {
        draw(&session.report, folder)?;
    }
    for fault in session.faults() {
        eprintln!("bench: {fault}");
    }
    Ok(if session.faults().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
