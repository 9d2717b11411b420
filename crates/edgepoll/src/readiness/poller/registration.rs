//! One watched descriptor.

use std::os::fd::{OwnedFd, RawFd};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Armed,
    /// A oneshot that has fired, until it is rearmed.
    Fired,
    /// The descriptor was closed while it was watched. The entry stays until that is reported, so that no later registration gets
    /// the event.
    Closed,
}

#[derive(Debug)]
pub(super) struct Registration {
    /// The number that the kernel knows.
    pub(super) fd: RawFd,
    /// The duplicate that is watched instead of the caller's descriptor. It is closed when the registration ends.
    pub(super) duplicate: Option<OwnedFd>,
    pub(super) interest: u32,
    pub(super) state: State,
    /// Whether the relay watches it, and not the engine.
    pub(super) is_relayed: bool,
}
