//! The command line of `well_behaved`, its defaults and bounds.

use std::net::SocketAddr;

use clap::Parser;

#[derive(Parser)]
#[command(
    about = "Well-behaved clients of a line server, whose waiting is measured.

Each line of standard input begins a phase of that name. When standard input ends, prints one JSON object."
)]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Clients that stay connected.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(crate) clients: u32,
    /// Each of them sends a line this often, in microseconds.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    pub(crate) every_us: u32,
    /// A fresh connection begins this often, in microseconds.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    pub(crate) fresh_every_us: u32,
    /// A fresh connection has failed when it has no reply after this time, in milliseconds.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(100..=60_000))]
    pub(crate) patience_ms: u32,
}
