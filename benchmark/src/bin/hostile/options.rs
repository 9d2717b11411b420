//! The command line of `hostile`, its defaults and bounds.

use std::net::SocketAddr;

use clap::Parser;

use crate::kind::Kind;

#[derive(Parser)]
#[command(about = "Hostile clients for line servers on loopback.

Attacks until standard input ends or the time is up, then closes everything and prints one JSON object of counters.")]
pub(crate) struct Options {
    #[arg(long)]
    pub(crate) address: SocketAddr,
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=18_000))]
    pub(crate) clients: u32,
    /// Kinds, which the clients have in turn.
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) kind: Vec<Kind>,
    /// The attack ends by itself after so many seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// One client in so many comes from the same address.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) same_address: u32,
    /// How many clients begin a second.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) ramp: u32,
}
