//! The command line of `load`, its defaults and bounds.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};

use nix::unistd::Pid;

use crate::content::MAX_MESSAGE;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Send messages over connections that stay open.
    Echo,
    /// Send messages over WebSocket connections that stay open.
    Websocket,
    /// Connect, send one message, read the reply, close.
    Churn,
}

#[derive(Parser)]
#[command(about = "Closed-loop load generator for echo servers.

Says `ready` on standard error when its connections are open, then takes commands on standard input: `window SECONDS
WARMUP` runs one timed window and prints one JSON object; `count SECONDS WARMUP` does the same, says `begin` and `end` at
the ends of the window and waits for a line each time. Ends when standard input ends.")]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) address: SocketAddr,
    #[arg(long, value_enum, default_value = "echo")]
    pub(crate) mode: Mode,
    /// Connections (echo, websocket), or cycles that run at the same time (churn).
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=19_000))]
    pub(crate) connections: u32,
    /// End each cycle with a reset instead of FIN (churn).
    #[arg(long)]
    pub(crate) reset: bool,
    /// Messages are texts (websocket).
    #[arg(long)]
    pub(crate) text: bool,
    /// Bytes of a message.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=MAX_MESSAGE))]
    pub(crate) size: u32,
    /// Messages of one connection in flight at the same time (echo, websocket).
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) in_flight: u32,
    /// Correct replies that every connection must have got before the load is ready (echo, websocket).
    #[arg(long, default_value_t = 4)]
    pub(crate) verify: u32,
    /// Process whose CPU time and memory are read at both ends of each window.
    #[arg(long)]
    pub(crate) server_pid: Option<i32>,
}

impl Options {
    pub(crate) fn server(&self) -> Option<Pid> {
        self.server_pid.map(Pid::from_raw)
    }
}
