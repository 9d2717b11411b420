//! The hazards of readiness on the real kernel. /proc/self/fdinfo shows what the kernel has registered.
//!
//! A closed descriptor's number is reused at once, so one test runs at a time. No test sleeps: each wait returns at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod identity;
mod kernel;
mod nesting;
#[path = "../support/poller.rs"]
mod poller;

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use edgepoll::readiness::{bits, Poller};
use edgepoll::Token;
use nix::unistd;

use poller::{pipe, KINDS};

static SERIAL: Mutex<()> = Mutex::new(());

/// Keeps the other tests from opening descriptors meanwhile.
fn serial() -> MutexGuard<'static, ()> {
    SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write(to: &OwnedFd) {
    assert_eq!(unistd::write(to, b"x"), Ok(1));
}

fn read(from: &OwnedFd) -> usize {
    unistd::read(from, &mut [0; 100]).unwrap()
}

/// The events of one wait that returns at once.
fn try_wait(poller: &mut Poller) -> Vec<(Token, u32)> {
    let mut found = Vec::new();
    poller
        .try_wait(64, |event| found.push((event.token, event.mask)))
        .unwrap();
    found
}

/// What is registered with an epoll descriptor, as the kernel shows it: numbers and data.
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
