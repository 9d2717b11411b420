//! Takes the runner's commands, one window at a time. The connections stay open and silent in between, so that short windows
//! on many servers can follow each other closely.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::window::Window;

/// A load that can be switched on and off.
pub(crate) trait Load {
    fn start(&mut self) -> Result<(), Box<dyn Error>>;
    /// Waits for one batch of replies, and sends the next messages.
    fn turn(&mut self, window: &mut Window) -> Result<(), Box<dyn Error>>;
    /// Sends nothing new and waits for every reply that is still missing.
    fn settle(&mut self) -> Result<(), Box<dyn Error>>;
}

struct Command {
    seconds: Duration,
    warmup: Duration,
    /// The runner switches its counters on and off at the ends of the window.
    counted: bool,
}

impl Command {
    fn parse(line: &str) -> Result<Self, Box<dyn Error>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[name @ ("window" | "count"), seconds, warmup] = words.as_slice() else {
            return Err(format!("not a command: '{line}'").into());
        };
        Ok(Self {
            seconds: Duration::try_from_secs_f64(seconds.parse()?)?,
            warmup: Duration::try_from_secs_f64(warmup.parse()?)?,
            counted: name == "count",
        })
    }
}

/// Prints `word` on standard error. With `wait`, waits for a line on standard input.
pub(crate) fn tell(word: &str, wait: bool) -> io::Result<()> {
    eprintln!("{word}");
    if wait && io::stdin().lock().read_line(&mut String::new())? == 0 {
        return Err(io::Error::other(
            "standard input ended in the middle of a window",
        ));
    }
    Ok(())
}

/// Serves commands until standard input ends.
pub(crate) fn serve(
    options: &Options,
    load: &mut dyn Load,
    window: &mut Window,
) -> Result<(), Box<dyn Error>> {
    tell("ready", false)?;
    let mut line = String::new();
    while io::stdin().lock().read_line(&mut line)? > 0 {
        let Command {
            seconds,
            warmup,
            counted,
        } = Command::parse(&line)?;
        load.start()?;
        let started = Instant::now();
        while started.elapsed() < warmup {
            load.turn(window)?;
        }
        let began = window.begin(options, counted)?;
        while began.elapsed() < seconds {
            load.turn(window)?;
        }
        let report = window.end(counted)?;
        load.settle()?;
        writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
        line.clear();
    }
    Ok(())
}
