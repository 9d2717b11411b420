//! Descriptors to watch: functions that make them, and functions that use them without waiting.
//!
//! Every descriptor that is made here is non-blocking and close-on-exec. [`crate::readiness`] watches them.
//!
//! A function that uses a descriptor borrows it, and a function that makes one returns an owned one. So a safe program cannot use a
//! descriptor that is not its own ([I/O safety](std::io#io-safety)):
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
//! A bare number is not accepted:
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
//! A call returns EAGAIN instead of waiting, even if another process has cleared O_NONBLOCK of the open file that both share.
//! `transfer.rs` describes when a call may wait all the same.

pub mod control;
mod counter_room;
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
pub use transfer::{read, write, TransferMethods};

pub use crate::kernel::descriptor::broken_pipe;
pub use crate::kernel::descriptor::file::{close, duplicate};
pub use crate::kernel::descriptor::memory::{Source, Space};
use crate::Errno;

/// Creates a pipe: the end to read from, and the end to write to (pipe2(2)).
///
/// # Errors
/// EMFILE, ENFILE.
pub fn pipe() -> Result<(OwnedFd, OwnedFd), Errno> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(Errno::from_nix)
}
