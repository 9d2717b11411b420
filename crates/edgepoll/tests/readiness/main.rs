//! The poller on real descriptors.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod closed;
mod differential;
mod levels;
#[path = "../support/poller.rs"]
mod poller;
mod relay;

use std::os::fd::{AsFd, OwnedFd};

use edgepoll::readiness::{EngineKind, Poller};
use edgepoll::Token;

use poller::{pipe, KINDS};

fn write(fd: &OwnedFd, length: usize) {
    nix::unistd::write(fd, &vec![7; length]).unwrap();
}

fn read(fd: &OwnedFd, length: usize) {
    nix::unistd::read(fd, &mut vec![0; length]).unwrap();
}

fn poller(kind: EngineKind) -> Poller {
    Poller::with_kind(kind, 64).unwrap()
}

/// The tokens and masks of one wait that returns at once.
fn try_wait(poller: &mut Poller) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    poller
        .try_wait(usize::MAX, |event| found.push((event.token, event.mask)))
        .unwrap();
    found
}

/// True if the poller's own descriptor is readable within `milliseconds`.
fn announces(poller: &Poller, milliseconds: u16) -> bool {
    is_ready(poller, milliseconds)
}

/// True if `fd` can be read, or has an error or a hang-up, within `milliseconds`.
fn is_ready(fd: &impl AsFd, milliseconds: u16) -> bool {
    use nix::poll::{poll, PollFd, PollFlags};

    let mut entries = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut entries, milliseconds).unwrap() > 0
}
