//! Processor time of a process and of the thread that asks, as Linux counts it.
//!
//! Source: proc(5), `/proc/PID/stat`; clock_gettime(2), `CLOCK_THREAD_CPUTIME_ID`.
//! Why not the clock on the wall: others use the machine too, and waiting costs nobody anything.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What one tick of `/proc/PID/stat` lasts: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// Where `utime` stands after the name of the program: field 14 of all, the third being the first after it.
const UTIME_AFTER_NAME: usize = 11;

/// Returns the processor time, in user and kernel mode, of all threads that a process has and had; whole ticks of 10 ms.
///
/// # Panics
/// Panics when there is no such process.
#[must_use]
pub fn of_process(pid: u32) -> Duration {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    ticks(&stat).and_then(|ticks| TICK.checked_mul(ticks)).unwrap_or_else(|| panic!("{path}: {stat}"))
}

/// Adds `utime` and `stime`; the name in parentheses may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_ascii_whitespace().skip(UTIME_AFTER_NAME).map(str::parse::<u32>);
    times.next()?.ok()?.checked_add(times.next()?.ok()?)
}

/// Returns the processor time of the calling thread, to the nanosecond.
#[must_use]
pub fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added_whatever_the_program_is_called() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 160 0 0 0 31 12 0 0 20 0 3 0 100 1 2 3";
        assert_eq!(ticks(stat), Some(43));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn work_costs_time_and_waiting_does_not() {
        let before = of_this_thread();
        std::thread::park_timeout(Duration::from_millis(50));
        let waited = of_this_thread();
        let digests = (0..20_000_u32).map(|n| pki::digest::sha256(&n.to_be_bytes()));
        assert_eq!(digests.count(), 20_000);
        assert!(waited - before < Duration::from_millis(40));
        assert!(of_this_thread() > waited);
    }
}
