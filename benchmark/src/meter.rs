//! Reads what a process has used so far. The loads do so at both ends of the timed window, never inside it.

use std::error::Error;
use std::fs;

use nix::time::{clock_gettime, ClockId};
use nix::unistd::Pid;
use serde::Serialize;

/// What a process has used since it started.
pub struct Reading {
    cpu_ns: u64,
    user_ticks: u64,
    system_ticks: u64,
    waited_ns: u64,
    rss_bytes: u64,
}

/// What a process used within the window, except where a field says otherwise.
#[derive(Serialize)]
pub struct Usage {
    /// CPU time of all threads, exact.
    cpu_ns: u64,
    /// Since the process started, not since the window began. The kernel divides CPU time into user and system by sampling
    /// at its timer tick, in steps of 10 ms, so only the proportion over many windows is meaningful.
    user_ticks: u64,
    system_ticks: u64,
    /// Time that the threads were ready to run and something else had the CPU.
    waited_ns: u64,
    rss_bytes: u64,
}

impl Reading {
    /// Reads the process `pid` as it is now. Fails when it is gone.
    pub fn of(pid: Pid) -> Result<Self, Box<dyn Error>> {
        let now = clock_gettime(ClockId::pid_cpu_clock_id(pid)?)?;
        let cpu_ns = u64::try_from(now.tv_sec())? * 1_000_000_000 + u64::try_from(now.tv_nsec())?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold anything; the numbers follow the last parenthesis.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_whitespace().collect())
            .unwrap_or_default();
        let field = |index: usize| -> Result<u64, Box<dyn Error>> {
            Ok(fields
                .get(index)
                .ok_or("/proc/PID/stat is too short")?
                .parse()?)
        };
        Ok(Self {
            cpu_ns,
            user_ticks: field(11)?,
            system_ticks: field(12)?,
            waited_ns: waited_ns(pid)?,
            rss_bytes: rss_bytes(pid)?,
        })
    }

    /// What was used between this reading and `end`.
    pub fn until(&self, end: &Self) -> Usage {
        Usage {
            cpu_ns: end.cpu_ns.saturating_sub(self.cpu_ns),
            user_ticks: end.user_ticks,
            system_ticks: end.system_ticks,
            // The time of a thread that ended is lost, so the sum may shrink.
            waited_ns: end.waited_ns.saturating_sub(self.waited_ns),
            rss_bytes: end.rss_bytes,
        }
    }
}

/// Resident memory of the process `pid`.
pub fn rss_bytes(pid: Pid) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes: u64 = line
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or("no VmRSS")?
        .parse()?;
    Ok(kibibytes * 1024)
}

fn waited_ns(pid: Pid) -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the reading. Kernels without scheduler statistics count nothing.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        if let Some(waited) = text.split_whitespace().nth(1) {
            sum += waited.parse::<u64>()?;
        }
    }
    Ok(sum)
}
