//! The plain Rust side of the readiness benchmark: the same work by plain system calls, without JavaScript, and the
//! descriptors that the JavaScript side works on. Each module shows its own hot path in full.

mod descriptors;
mod idle;
mod ping_pong;
mod session;
mod transfer;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use edgepoll_benchmark::raise_open_file_limit;

use descriptors::Kind;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Select,
    Poll,
    EpollLevel,
    EpollEdge,
}

#[derive(Parser)]
#[command(about = "The plain Rust side of the readiness benchmark

Says `ready` on standard output when everything is open, then takes commands on standard input and answers each with one
JSON object. Ends when standard input ends.")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Opens descriptors, describes them in the variable DESCRIPTORS and becomes the command given.
    Hold {
        #[arg(long, value_enum)]
        kind: Kind,
        #[arg(long)]
        count: u32,
        /// The initial value of each eventfd.
        #[arg(long, default_value_t = 0)]
        initial: u32,
        #[arg(required = true, trailing_var_arg = true)]
        command: Vec<String>,
    },
    /// `window SECONDS WARMUP`: two descriptors, each event consumes one and makes the other ready.
    PingPong {
        #[arg(long, value_enum)]
        kind: Kind,
        /// The reads and writes alone, without waiting for readiness.
        #[arg(long)]
        work_only: bool,
    },
    /// `window SECONDS WARMUP`: descriptors that are always ready, taken in batches.
    Batch {
        #[arg(long)]
        count: u32,
    },
    /// `window SECONDS WARMUP ACTIVE`: one wake-up after another for ACTIVE descriptors among many idle ones.
    Idle {
        #[arg(long, value_enum)]
        engine: Engine,
        #[arg(long)]
        count: u32,
    },
    /// Receives what `load` sends. Prints its address, accepts the connections, ends when the first of them ends.
    Serve {
        #[arg(long, value_enum)]
        engine: Engine,
        #[arg(long)]
        connections: u32,
    },
    /// `transfer BYTES`: sends that many bytes over every connection, some connections at a time.
    Load {
        #[arg(long)]
        address: std::net::SocketAddr,
        #[arg(long)]
        connections: u32,
        #[arg(long)]
        at_a_time: u32,
        #[arg(long)]
        server_pid: i32,
    },
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    raise_open_file_limit()?;
    match command {
        Command::Hold {
            kind,
            count,
            initial,
            command,
        } => Err(descriptors::hold(kind, count, initial, &command)),
        Command::PingPong { kind, work_only } => ping_pong::ping_pong(kind, work_only),
        Command::Batch { count } => ping_pong::batch(count),
        Command::Idle { engine, count } => idle::idle(engine, count),
        Command::Serve {
            engine,
            connections,
        } => transfer::server::serve(engine, connections),
        Command::Load {
            address,
            connections,
            at_a_time,
            server_pid,
        } => transfer::load::load(address, connections, at_a_time, server_pid),
    }
}

fn main() -> ExitCode {
    match run(Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("readiness: {error}");
            ExitCode::FAILURE
        }
    }
}
