//! Shared by the programs of the benchmarks. Nothing here runs once per message, so that
//! each program shows its own hot path in full.

pub mod loopback;
pub mod meter;

use nix::sys::resource::{getrlimit, setrlimit, Resource};

/// Raises the soft limit of open files to the hard one, because 10,000 idle connections need it.
pub fn raise_open_file_limit() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
