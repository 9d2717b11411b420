//! Readiness of descriptors that belong to other code: one poller, three engines.
//!
//! A poller never reads, writes or closes what it watches, and never changes its flags.
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
//! // SAFETY: the counter is open until after the poller's last wait.
//! let token = unsafe { poller.register(counter.as_raw_fd(), bits::READABLE | bits::EDGE) }?;
//! add_to_counter(counter.as_fd(), 1)?;
//! let mut found = Vec::new();
//! poller.try_wait(64, |event| found.push((event.token, event.mask)))?;
//! assert_eq!(found, [(token, bits::READABLE)]);
//! // An edge is reported once, until more is written.
//! assert_eq!(poller.try_wait(64, |_| {})?.events, 0);
//! # Ok(())
//! # }
//! ```
//!
//! [`Poller::try_wait`] does not block. To wait, call [`Poller::begin_wait`], then wait until the poller's own descriptor is
//! readable, in an event loop of your choice.

pub mod bits;
mod by_epoll;
mod by_poll;
mod by_select;
mod counters;
mod engine;
mod identity;
mod poll_set;
mod poller;
mod relay;
mod wait_thread;

pub use counters::{Batch, Counters};
pub use engine::{EngineKind, Readiness, Refusal};
pub use poller::Poller;
