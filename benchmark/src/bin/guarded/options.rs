//! The command line of `guarded`. The defaults are those of edgepoll's `listen()`.

use std::net::SocketAddr;

use clap::Parser;

#[derive(Parser)]
#[command(
    about = "Line server on plain epoll with limits, the yardstick of the attack benchmark.

Prints `stats` and one JSON object of counters on SIGUSR2. Runs until it is killed."
)]
pub(crate) struct Options {
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) address: SocketAddr,
    /// Connections at once. Default 80 % of the limit of open descriptors.
    #[arg(long)]
    pub(crate) max_connections: Option<usize>,
    /// Connections at once of one address. Default half of those of all.
    #[arg(long)]
    pub(crate) max_connections_per_address: Option<usize>,
    /// Connections a second of one address, and as many at once.
    #[arg(long, default_value_t = 16_384)]
    pub(crate) accept_rate_per_address: u32,
    /// Bytes of a line without its end.
    #[arg(long, default_value_t = 65_536)]
    pub(crate) max_frame: usize,
    /// Milliseconds without a first byte of either side.
    #[arg(long, default_value_t = 30_000)]
    pub(crate) first_byte_timeout: u64,
    /// Milliseconds without a byte.
    #[arg(long, default_value_t = 3_600_000)]
    pub(crate) idle_timeout: u64,
    /// Milliseconds that a line may take, and a second more for each 1,024 bytes.
    #[arg(long, default_value_t = 60_000)]
    pub(crate) message_timeout: u64,
    /// Milliseconds that bytes may wait to be sent, and a second more for each 1,024 bytes.
    #[arg(long, default_value_t = 60_000)]
    pub(crate) send_timeout: u64,
    /// Bytes of each of the kernel's two buffers of a connection.
    #[arg(long, default_value_t = 65_536)]
    pub(crate) kernel_buffer: usize,
}
