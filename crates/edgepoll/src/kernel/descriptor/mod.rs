//! System calls on descriptors of any kind that nix has no safe wrapper for, because the memory is JavaScript's, or because the
//! call takes bytes that depend on a family or a protocol.
//!
//! A call that makes a descriptor makes it close-on-exec and non-blocking. No file here decides anything beyond repeating a call
//! that a signal interrupted; the rules are in `crate::descriptor`.
#![allow(
    unsafe_code,
    reason = "safe wrappers take slices, which JavaScript's memory may not become, and some calls have no safe wrapper"
)]

pub mod broken_pipe;
mod call;
pub(crate) mod file;
pub(crate) mod inotify;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod nowait;
pub(crate) mod process;
pub(crate) mod signal;
mod signal_calls;
pub(crate) mod socket;
pub(crate) mod threads;
pub(crate) mod timer;
pub(crate) mod unblocked;
