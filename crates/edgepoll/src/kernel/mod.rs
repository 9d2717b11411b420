//! Every system call of the reactor, behind one trait: [`Kernel`].
//!
//! The reactor is generic over that trait, so the same rules run on Linux ([`LinuxKernel`]) and on a simulated kernel that
//! replays failures from a seed. The other modules make those system calls of [`readiness`](crate::readiness) and
//! [`descriptor`](crate::descriptor) that need unsafe code. Other calls are made there, through safe functions of the crate nix and
//! the standard library.
//!
//! Nothing here decides anything: no retries, no policies, no buffers. All unsafe code of this crate is here.

mod calls;
pub(crate) mod descriptor;
pub mod epoll;
mod errno;
mod linux;
pub(crate) mod poll;
pub(crate) mod select;
#[cfg(feature = "simulation")]
pub mod simulated;
mod token_bits;

pub(crate) use calls::MOST_EVENTS;
pub use calls::{Buffers, ConnectFlags, Interest, Kernel, ListenFlags};
pub use descriptor::memory::Space;
pub use linux::{LinuxKernel, LinuxSocket};
pub use token_bits::TokenBits;
