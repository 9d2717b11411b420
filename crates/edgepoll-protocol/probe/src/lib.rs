//! A plug-in that breaks its contract when the peer asks for it, for the tests of hosts. The commands are lines of text: [`session`] has the list.

#![allow(clippy::panic, reason = "the tests of hosts need panics")]

#[cfg(feature = "node")]
mod addon;
mod counted;
mod frames;
mod session;

pub use counted::{Counted, CountedSession};
pub use frames::{Frames, FramesSession};
pub use session::{Probe, ProbeSession, Where};
