//! What the kernel's buffers of a server cost: the throughput over a path with a delay, and the memory of the kernel under clients that
//! flood or never read.
//!
//! It starts the server in a network namespace of its own, and its clients in another. It needs root, `ip` and `ss` (iproute2), and
//! /dev/net/tun.

mod clients;
mod tunnel;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use edgepoll_benchmark::raise_open_file_limit;
use serde::Serialize;

/// What the clients do. The first byte tells the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// One sends as fast as it can, and the server receives.
    Upload,
    /// The server sends to one as fast as it can.
    Download,
    /// All send as fast as they can, and the server receives.
    Flood,
    /// All send as fast as they can, and the server receives nothing.
    Unread,
    /// All send as fast as they can, and the server receives the first megabytes of each, and then nothing.
    Swell,
    /// The server sends to all, and they receive nothing.
    Deaf,
}

#[derive(Debug, Parser)]
struct Options {
    /// What the clients do.
    #[arg(long)]
    mode: Mode,
    /// The round trip in milliseconds.
    #[arg(long, default_value_t = 0.0)]
    round_trip: f64,
    /// How many clients flood or do not read.
    #[arg(long, default_value_t = 1)]
    clients: usize,
    /// How long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The server: it prints "listening on HOST:PORT" and serves what the first byte of a connection says.
    #[arg(last = true, required = true)]
    server: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Outcome {
    /// Bytes that all clients moved in a second, without the first third of the time.
    bytes_per_second: f64,
    /// The most memory of the kernel that the server's sockets had: the queues of received bytes, and those to be sent.
    received: u64,
    to_send: u64,
    connections: u64,
}

fn run(options: &Options) -> Result<Outcome, Box<dyn Error>> {
    raise_open_file_limit()?;
    let ended = AtomicBool::new(false);
    let seconds = Duration::from_secs_f64(options.seconds);
    let (memory, moved) = tunnel::connect(
        Duration::from_secs_f64(options.round_trip / 1000.0),
        |start| -> Result<Memory, String> {
            let mut child = serve(&options.server).map_err(|error| error.to_string())?;
            start();
            let mut most = Memory::default();
            while !ended.load(Ordering::Relaxed) {
                if let Some(now) = memory() {
                    most = most.or(now);
                }
                thread::sleep(Duration::from_millis(250));
            }
            child.kill().map_err(|error| error.to_string())?;
            child.wait().map_err(|error| error.to_string())?;
            Ok(most)
        },
        || {
            let moved = clients::run(options.mode, options.clients, seconds);
            ended.store(true, Ordering::Relaxed);
            moved
        },
    )?;
    let memory = memory?;
    Ok(Outcome {
        bytes_per_second: moved?,
        received: memory.received,
        to_send: memory.to_send,
        connections: memory.connections,
    })
}

/// Starts the server in the namespace of this thread, and waits until it listens.
fn serve(command: &[String]) -> Result<Child, Box<dyn Error>> {
    let (program, arguments) = command.split_first().ok_or("no server")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output of the server")?;
    for line in BufReader::new(output).lines() {
        if line?.starts_with("listening on") {
            return Ok(child);
        }
    }
    Err("the server has ended".into())
}

/// The memory of the sockets of a namespace.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    received: u64,
    to_send: u64,
    connections: u64,
}

impl Memory {
    fn or(self, other: Memory) -> Memory {
        if other.received + other.to_send > self.received + self.to_send {
            other
        } else {
            self
        }
    }
}

/// What ss(8) says of all connections in the namespace of this thread: skmem:(r…,rb…,t…,tb…,f…,w…,…).
fn memory() -> Option<Memory> {
    let output = Command::new("ss").args(["-tnmH"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut all = Memory::default();
    for fields in text.split("skmem:(").skip(1) {
        let number = |name: &str| {
            let field = fields
                .split([',', ')'])
                .find_map(|field| field.strip_prefix(name));
            field.and_then(|digits| digits.parse::<u64>().ok())
        };
        // `f` is memory that a socket has reserved; it counts for the side that uses more.
        all.received += number("r").unwrap_or(0);
        all.to_send += number("w").unwrap_or(0);
        all.connections += 1;
    }
    Some(all)
}

fn main() -> ExitCode {
    let outcome = run(&Options::parse());
    let text = outcome.and_then(|outcome| Ok(serde_json::to_string(&outcome)?));
    match text {
        Ok(text) => {
            use std::io::Write;
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("buffers: {error}");
            ExitCode::FAILURE
        }
    }
}
