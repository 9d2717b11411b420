//! Takes the runner's commands and times windows.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeValLike;
use serde::Serialize;

/// What one window cost the process. The kernel divides CPU time into user and system by sampling at its timer tick: the sum
/// is exact, the proportion is meaningful over many windows only.
#[derive(Serialize)]
pub(crate) struct Report {
    count: u64,
    seconds: f64,
    user_us: i64,
    system_us: i64,
}

struct Reading {
    at: Instant,
    user_us: i64,
    system_us: i64,
}

impl Reading {
    fn now() -> nix::Result<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok(Self {
            at: Instant::now(),
            user_us: usage.user_time().num_microseconds(),
            system_us: usage.system_time().num_microseconds(),
        })
    }
}

/// Prints `ready` and answers the lines of standard input until it ends.
pub(crate) fn answer<T: Serialize>(
    mut command: impl FnMut(&[&str]) -> Result<T, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    writeln!(io::stdout(), "ready")?;
    let mut line = String::new();
    while io::stdin().lock().read_line(&mut line)? > 0 {
        let words: Vec<&str> = line.split_whitespace().collect();
        let report = command(&words)?;
        writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
        line.clear();
    }
    Ok(())
}

/// Serves `window SECONDS WARMUP [ACTIVE]`. `step` does a little work and returns the number of its events. The clock is read
/// between steps only.
pub(crate) fn serve_windows(
    mut step: impl FnMut(usize) -> Result<u64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    answer(|words| {
        let ["window", seconds, warmup, active @ ..] = words else {
            return Err(format!("not a command: '{}'", words.join(" ")).into());
        };
        let active = active.first().map_or(Ok(0), |word| word.parse())?;
        let seconds = Duration::try_from_secs_f64(seconds.parse()?)?;
        let warmup = Duration::try_from_secs_f64(warmup.parse()?)?;
        let started = Instant::now();
        while started.elapsed() < warmup {
            step(active)?;
        }
        let before = Reading::now()?;
        let mut count = 0;
        while before.at.elapsed() < seconds {
            count += step(active)?;
        }
        let after = Reading::now()?;
        Ok(Report {
            count,
            seconds: (after.at - before.at).as_secs_f64(),
            user_us: after.user_us - before.user_us,
            system_us: after.system_us - before.system_us,
        })
    })
}
