//! Descriptors to watch: made, owned by number, and used without waiting.
//!
//! It must never make a descriptor that blocks or that a child process would inherit, and never look at who is ready:
//! that is [`crate::readiness`]'s. Called by the glue, or by a Rust program.
//!
//! What uses a descriptor borrows it, and what makes one gives an owned one, so a safe program cannot reach a descriptor that
//! is not its own ([I/O safety](std::io#io-safety)):
//!
//! ```
//! use std::os::fd::AsFd;
//!
//! use edgepoll::descriptor::{add_to_counter, eventfd, take_counter};
//!
//! let counter = eventfd(0, false)?;
//! add_to_counter(counter.as_fd(), 3)?;
//! assert_eq!(take_counter(counter.as_fd()), Ok(3));
//! # Ok::<(), edgepoll::Errno>(())
//! ```
//!
//! A bare number is not taken:
//!
//! ```compile_fail,E0308
//! use std::os::fd::AsRawFd;
//!
//! use edgepoll::descriptor::{eventfd, take_counter};
//!
//! let counter = eventfd(3, false)?;
//! assert_eq!(take_counter(counter.as_raw_fd()), Ok(3));
//! # Ok::<(), edgepoll::Errno>(())
//! ```
//!
//! Everything here gives EAGAIN instead of waiting, also when another process cleared O_NONBLOCK of the open file that it
//! shares; `transfer.rs` says where a gap is left.

pub mod address;
pub mod control;
mod event;
pub mod inotify;
pub mod kind;
pub mod message;
mod process;
pub mod signal;
pub mod socket;
mod timer;
mod transfer;

use std::os::fd::OwnedFd;

use nix::fcntl::OFlag;

pub use event::{add_to_counter, eventfd, take_counter};
pub use process::{pidfd, signal_process};
pub use timer::{arm, disarm, remaining, timerfd, When};
pub use transfer::{read, write, Manner};

pub use crate::kernel::descriptor::broken_pipe;
pub use crate::kernel::descriptor::memory::{Source, Space};
pub use crate::kernel::descriptor::{close, duplicate};
use crate::Errno;

/// A pipe: the end to read from, the end to write to (pipe2(2)).
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(Errno::from_nix)
}
