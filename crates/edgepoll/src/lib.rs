//! An edge-triggered epoll reactor for Linux that others extend with their own wire protocols.
//!
//! The layers, each importing only what stands below it:
//!
//! - [`reactor`] owns the epoll descriptor, the slots and the ready list; [`reactor::Reactor::turn`]
//!   is one wait and what follows from it.
//! - [`connection`] is what a connection may do next: states, the send queue, limits. No I/O, no clock.
//! - [`protocol`] turns bytes into frames and back: the [`protocol::Codec`] trait and two framings.
//! - [`readiness`] watches any descriptor for its owner, level- or edge-triggered.
//! - [`descriptor`] makes descriptors to watch and uses them: timers, signals, sockets of any family.
//! - [`kernel`] makes every system call, behind one trait; the only unsafe code of this crate.
//!
//! Nothing here knows of JavaScript, and nothing here runs by itself: the caller decides when to turn.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "a token carries a 32-bit slot and a 32-bit generation, which needs 64-bit pointers"
);

pub mod connection;
pub mod descriptor;
pub mod kernel;
pub mod protocol;
pub mod reactor;
pub mod readiness;
