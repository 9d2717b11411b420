//! Readiness of descriptors that belong to somebody else: one poller, three engines.
//!
//! It must never read, write, close or re-flag what it watches. Called by the glue, or by a Rust program
//! that nests its descriptor in another loop.
//!
//! ```
//! use std::os::fd::{AsFd, AsRawFd};
//!
//! use edgepoll::descriptor::{add_to_counter, eventfd};
//! use edgepoll::readiness::{bits, Poller, Refusal};
//!
//! # fn main() -> Result<(), Refusal> {
//! let mut poller = Poller::new(64)?;
//! let counter = eventfd(0, false)?;
//! // SAFETY: the counter is open until after the poller's last look.
//! let token = unsafe { poller.register(counter.as_raw_fd(), bits::READABLE | bits::EDGE) }?;
//! add_to_counter(counter.as_fd(), 1)?;
//! let mut told = Vec::new();
//! poller.look(64, |event| told.push((event.token, event.mask)))?;
//! assert_eq!(told, [(token, bits::READABLE)]);
//! // An edge is told once, until more is written.
//! assert_eq!(poller.look(64, |_| {})?.told, 0);
//! # Ok(())
//! # }
//! ```
//!
//! A look does not wait. To wait, call [`Poller::arm`], then wait until the poller's own descriptor is readable, in
//! whatever loop there is.

mod by_epoll;
mod by_poll;
mod by_select;
mod counters;
mod engine;
mod identity;
mod poller;
mod relay;
mod sleeper;
mod stale_looks;

pub use counters::{Counters, Looked};
pub use engine::{Engine, EngineKind, Readiness, Refusal, Retired};
pub use poller::Poller;

/// The readiness bits, with epoll's own values.
pub mod bits {
    /// Something can be received, or an end (EPOLLIN).
    pub const READABLE: u32 = libc::EPOLLIN as u32;
    /// Urgent data or an exceptional condition (EPOLLPRI).
    pub const PRIORITY: u32 = libc::EPOLLPRI as u32;
    /// Something can be sent (EPOLLOUT).
    pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
    /// An error; always reported (EPOLLERR).
    pub const ERROR: u32 = libc::EPOLLERR as u32;
    /// Both sides are gone; always reported (EPOLLHUP).
    pub const HANGUP: u32 = libc::EPOLLHUP as u32;
    /// The peer will send no more (EPOLLRDHUP).
    pub const READ_HANGUP: u32 = libc::EPOLLRDHUP as u32;
    /// Reported once per change instead of for as long as it lasts (EPOLLET).
    pub const EDGE: u32 = libc::EPOLLET as u32;
    /// Reported once, then not until armed again (EPOLLONESHOT).
    pub const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
    /// Of several epoll descriptors that watch the file, not all are woken (EPOLLEXCLUSIVE).
    pub const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;
    /// The system does not suspend while the event is handled (EPOLLWAKEUP); needs CAP_BLOCK_SUSPEND.
    pub const WAKEUP: u32 = libc::EPOLLWAKEUP as u32;
    /// Not the kernel's: the descriptor was closed under the poller, and its registration is gone.
    pub const CLOSED: u32 = 1 << 20;
    /// Not one of the kernel's bits. In an interest: poll(2) on the file consumes its event, so only the poller's own thread may
    /// poll it. Files of procfs and cgroup2 are recognised without it.
    pub const POLL_CONSUMES: u32 = 1 << 21;
}
