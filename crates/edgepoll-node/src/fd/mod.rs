//! Functions on descriptors for JavaScript. Descriptors are passed as numbers, and a negative result is an error number.
//!
//! No function keeps JavaScript's memory beyond its call.

pub mod address;
pub mod constants;
pub mod kind;
pub mod make;
pub mod message;
mod registry;
pub mod signal;
pub mod socket;
pub mod usage;

use std::collections::HashSet;
use std::ffi::c_void;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};

use edgepoll::descriptor::signal::Caught;
use edgepoll::descriptor::TransferMethods;
use edgepoll::Errno;
use napi::{sys, Env};

use crate::names;

pub use address::SocketAddress;
pub use message::{ControlMessage, OutgoingBeside, PacketInfo, QueuedError, ReceivedMessage};
pub use signal::SignalRecord;
pub use usage::InotifyRecord;

/// An error as a negative number.
fn failed(errno: Errno) -> i32 {
    -names::number(errno)
}

/// Success as 0.
fn outcome(result: Result<(), Errno>) -> i32 {
    result.map_or_else(failed, |()| 0)
}

/// A length. It fits, because the kernel transfers at most 2^31 − 4,096 bytes in one call.
fn length(result: Result<usize, Errno>) -> i32 {
    result.map_or_else(failed, |length| i32::try_from(length).unwrap_or(i32::MAX))
}

/// The descriptor of a number that JavaScript passed. The argument is a reference so that the borrow ends with the call that has
/// the number as its argument.
///
/// # Errors
/// EBADF for a negative number.
pub(crate) fn borrowed(number: &i32) -> Result<BorrowedFd<'_>, Errno> {
    if *number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not -1. Either an open JavaScript object owns it, or a JavaScript program passed it as a plain number and
    // is responsible for the right to use it. No JavaScript of this environment runs during the call, so none closes it before the
    // borrow ends. If other code has closed the number although the object owns it, the kernel returns EBADF, or the call reaches
    // the file that has the number by then. Safe Rust rules that out (I/O safety), JavaScript cannot. It is that program's fault,
    // and no memory of this addon depends on which file it is.
    Ok(unsafe { BorrowedFd::borrow_raw(*number) })
}

/// Numbers below this have an entry in [`METHODS`]: more than most programs may open (RLIMIT_NOFILE).
const ENTRIES: usize = 65_536;

/// How to read and write the file of each number without waiting. Of these 128 KiB only pages that are used take memory.
static METHODS: [TransferMethods; ENTRIES] = [const { TransferMethods::new() }; ENTRIES];

/// Calls `transfer` with the entry of a number in [`METHODS`]. A larger number gets a new entry for each call.
fn with_methods<T>(fd: RawFd, transfer: impl FnOnce(&TransferMethods) -> T) -> T {
    let unknown = TransferMethods::new();
    let known = usize::try_from(fd).ok().and_then(|at| METHODS.get(at));
    transfer(known.unwrap_or(&unknown))
}

/// Resets the entry of a number that has a new owner, because it may stand for another file than before.
fn reset_methods(fd: RawFd) {
    with_methods(fd, TransferMethods::reset);
}

/// Stores a new descriptor for its owner and returns its number.
fn keep(fd: OwnedFd, owner: usize, caught: Option<Caught>) -> i32 {
    reset_methods(fd.as_raw_fd());
    registry::hold(fd, owner, caught)
}

/// The environments that have a clean-up hook, which closes the descriptors that they left open.
static HOOKED: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

/// The owner of descriptors that this environment makes: the environment's address. Adds the clean-up hook at the first call.
fn owner(env: &Env) -> usize {
    let raw = env.raw();
    let owner = raw as usize;
    let mut hooked = HOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    let hooked = hooked.get_or_insert_default();
    if !hooked.contains(&owner) {
        // SAFETY: `env` is live: the caller is inside a call from JavaScript.
        let status =
            unsafe { sys::napi_add_env_cleanup_hook(raw, Some(on_end), raw.cast::<c_void>()) };
        // Only an environment whose hook was added is stored, and the next call tries again. Otherwise the address would stay in the
        // set, a later environment with the same address would get no hook, and its descriptors would stay open at its end.
        if status == sys::Status::napi_ok {
            hooked.insert(owner);
        }
    }
    owner
}

unsafe extern "C" fn on_end(env: *mut c_void) {
    let owner = env as usize;
    let mut hooked = HOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(hooked) = hooked.as_mut() {
        hooked.remove(&owner);
    }
    drop(hooked);
    registry::close_all(owner);
}

/// Stores a new descriptor for this environment and returns its number, or an error.
fn hold(env: &Env, made: Result<OwnedFd, Errno>) -> i32 {
    made.map_or_else(failed, |fd| keep(fd, owner(env), None))
}

/// As [`hold`], for a signalfd.
fn hold_signals(env: &Env, made: Result<(OwnedFd, Caught), Errno>) -> i32 {
    made.map_or_else(failed, |(fd, caught)| keep(fd, owner(env), Some(caught)))
}

/// Stores two new descriptors and returns both numbers, or one error.
fn hold_both(env: &Env, made: Result<(OwnedFd, OwnedFd), Errno>) -> Vec<i32> {
    match made {
        Ok((first, second)) => [first, second]
            .map(|fd| keep(fd, owner(env), None))
            .to_vec(),
        Err(errno) => vec![failed(errno)],
    }
}
