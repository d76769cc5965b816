//! The process, as the system sees it: what every Prometheus client tells of its own.
//!
//! Layer: reactor. Owns where each figure comes from on each system, and the rule that none of them costs
//! more with more clients. Knows nothing of how they are shown.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::admin::metrics::ProcessMetrics;

/// Asks the system; what it does not say is left out.
pub(super) fn measure(start_time: Option<Duration>) -> ProcessMetrics {
    let memory = memory_stats::memory_stats();
    ProcessMetrics {
        cpu: cpu(),
        open_fds: open_fds(),
        max_fds: rlimit::Resource::NOFILE.get().ok().map(|(soft, _)| soft),
        virtual_memory_bytes: memory.map(|memory| memory.virtual_mem as u64),
        resident_memory_bytes: memory.map(|memory| memory.physical_mem as u64),
        start_time,
    }
}

/// Time on the processor, all threads together (`clock_gettime(2)`).
fn cpu() -> Option<Duration> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanos = u32::try_from(time.tv_nsec).ok()?;
    Some(Duration::new(seconds, nanos))
}

/// Since Linux 6.2 the size of this directory is the number of descriptors (`proc_pid_fd(5)`); before,
/// it is 0. To count the entries takes milliseconds once there are ten thousand.
#[cfg(target_os = "linux")]
fn open_fds() -> Option<u64> {
    let count = fs::metadata("/proc/self/fd").ok()?.len();
    if count > 0 { Some(count) } else { listed_fds() }
}

#[cfg(not(target_os = "linux"))]
fn open_fds() -> Option<u64> {
    listed_fds()
}

/// Less the one that reads the list.
fn listed_fds() -> Option<u64> {
    let count = fs::read_dir("/dev/fd").ok()?.count();
    Some(count.saturating_sub(1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_found_and_a_descriptor_more_is_one_more() {
        let before = measure(None);
        assert!(before.cpu.is_some_and(|cpu| !cpu.is_zero()));
        assert!(before.max_fds >= before.open_fds);
        assert!(before.virtual_memory_bytes >= before.resident_memory_bytes);
        assert!(
            before
                .resident_memory_bytes
                .is_some_and(|bytes| bytes > 100_000)
        );
        assert!(before.open_fds.is_some_and(|count| count >= 3));
    }

    #[test]
    fn both_ways_of_counting_descriptors_agree_when_nobody_else_opens_any() {
        // Other tests of this process open and close descriptors meanwhile.
        let agree = (0..1000).any(|_| {
            let file = fs::File::open("/dev/null");
            file.is_ok() && open_fds() == listed_fds()
        });
        assert!(agree);
    }
}
