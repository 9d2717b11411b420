//! The program that `scripts/inject.mjs` runs under strace, which makes one of its system calls fail: `victim PART …`. Each part
//! uses the core alone, so every call between the two marks is one of the core, or of the few that scripts/inject/calls.mjs lists.
//!
//! It prints a report in JSON as its last line. A panic, or a broken invariant of the reactor, ends it with another code than 0.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it fails by panicking, and its output is its result"
)]

mod descriptors;
mod serving;

use std::io::IoSlice;

/// A call that the core never makes. strace's log has it before the first call of the core and after the last one.
pub(crate) fn mark() {
    nix::unistd::getppid();
}

/// Prints a line by a call that the core never makes (writev), so that it is not among those that fail.
pub(crate) fn say(line: &str) {
    let buffers = [IoSlice::new(line.as_bytes()), IoSlice::new(b"\n")];
    nix::sys::uio::writev(std::io::stdout(), &buffers).unwrap();
}

/// How many descriptors are open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let before = descriptors();
    let report = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serving", port] => serving::run(port.parse().unwrap()),
        ["descriptors", ..] => descriptors::run(),
        _ => panic!("usage: victim serving PORT, or victim descriptors"),
    };
    let left = descriptors() - before;
    say(&format!("{{\"left\":{left},{report}}}"));
}
