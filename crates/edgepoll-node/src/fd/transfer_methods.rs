//! How to read and write the file of each descriptor without waiting: what earlier calls have found out.

use std::os::fd::RawFd;

use edgepoll::descriptor::TransferMethods;

/// Numbers below this have an entry in [`METHODS`]: more than most programs may open (RLIMIT_NOFILE).
const ENTRIES: usize = 65_536;

/// How to read and write the file of each number without waiting. Of these 128 KiB only pages that are used take memory.
static METHODS: [TransferMethods; ENTRIES] = [const { TransferMethods::new() }; ENTRIES];

/// Calls `transfer` with the entry of a number in [`METHODS`]. A larger number gets a new entry for each call.
pub(super) fn with_methods<T>(fd: RawFd, transfer: impl FnOnce(&TransferMethods) -> T) -> T {
    let unknown = TransferMethods::new();
    let known = usize::try_from(fd).ok().and_then(|at| METHODS.get(at));
    transfer(known.unwrap_or(&unknown))
}

/// Resets the entry of a number that has a new owner, because it may stand for another file than before.
pub(super) fn reset_methods(fd: RawFd) {
    with_methods(fd, TransferMethods::reset);
}
