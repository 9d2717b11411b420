//! The hazards of readiness on the real kernel, where its own bookkeeping can be seen (/proc/self/fdinfo).
//!
//! Numbers of descriptors come back at once, so one test runs at a time. No test waits: every look is a look.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod identity;
mod kernel;
mod nesting;
#[path = "../support/poller.rs"]
mod poller;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use edgepoll::readiness::{bits, EngineKind, Poller};
use edgepoll::Token;
use nix::fcntl::OFlag;
use nix::unistd;

const ENGINES: [EngineKind; 3] = [EngineKind::Epoll, EngineKind::Poll, EngineKind::Select];

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the other tests from taking numbers.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pipe() -> (OwnedFd, OwnedFd) {
    unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).unwrap()
}

fn write(to: &OwnedFd) {
    assert_eq!(unistd::write(to, b"x"), Ok(1));
}

fn read(from: &OwnedFd) -> usize {
    unistd::read(from, &mut [0; 100]).unwrap()
}

/// What one look tells.
fn looked(poller: &mut Poller) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    poller
        .try_wait(64, |event| found.push((event.token, event.mask)))
        .unwrap();
    found
}

/// What an epoll descriptor has registered: numbers and data, from the kernel.
fn registered(epoll: RawFd) -> Vec<(RawFd, u64)> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{epoll}")).unwrap();
    let words = |line: &str| -> Option<(RawFd, u64)> {
        let mut words = line.strip_prefix("tfd:")?.split_whitespace();
        let fd = words.next()?.parse().ok()?;
        let data = words.skip_while(|word| *word != "data:").nth(1)?;
        Some((fd, u64::from_str_radix(data, 16).ok()?))
    };
    let mut found: Vec<_> = info.lines().filter_map(words).collect();
    found.sort_unstable();
    found
}

fn raw(fd: &OwnedFd) -> RawFd {
    fd.as_raw_fd()
}

const IN: u32 = bits::READABLE;
