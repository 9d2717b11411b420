//! Descriptors to watch, as JavaScript sees them: numbers in, numbers out; a negative number is an error.
//!
//! It must never keep a rule, nor JavaScript's memory beyond a call. Called by src/fd/.

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
use edgepoll::descriptor::Manner;
use edgepoll::Errno;
use napi::{sys, Env};

use crate::names;

pub use address::SocketAddress;
pub use message::{ControlMessage, OutgoingBeside, PacketInfo, QueuedError, ReceivedMessage};
pub use signal::SignalRecord;
pub use usage::InotifyRecord;

/// An error as a number below 0.
fn failed(errno: Errno) -> i32 {
    -names::number(errno)
}

/// Success as 0.
fn outcome(result: Result<(), Errno>) -> i32 {
    result.map_or_else(failed, |()| 0)
}

/// A length; the kernel moves at most 2^31 − 4,096 bytes at once.
fn length(result: Result<usize, Errno>) -> i32 {
    result.map_or_else(failed, |length| i32::try_from(length).unwrap_or(i32::MAX))
}

/// The descriptor of a number that JavaScript gave. It takes a reference so that the borrow ends with the call that has the
/// number as its argument.
///
/// # Errors
/// EBADF for a negative number.
pub(crate) fn borrowed(number: &i32) -> Result<BorrowedFd<'_>, Errno> {
    if *number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not -1. Either a JavaScript object owns it and is open, or a JavaScript program passed it as a plain
    // number and answers for the right to use it. No JavaScript of this environment runs during the call, so none closes it
    // before the borrow ends. If other code closed the number although the object owns it, the kernel answers EBADF, or the
    // call reaches the file that has the number by then. Safe Rust rules that out (I/O safety), JavaScript cannot; the fault
    // is that program's, and no memory of ours depends on which file it is.
    Ok(unsafe { BorrowedFd::borrow_raw(*number) })
}

/// Numbers below this have a place in [`MANNERS`]: more than most programs may open (RLIMIT_NOFILE).
const KNOWN_NUMBERS: usize = 65_536;

/// How to read and write the file of each number without waiting. Of these 128 KiB only pages that are used take memory.
static MANNERS: [Manner; KNOWN_NUMBERS] = [const { Manner::new() }; KNOWN_NUMBERS];

/// Calls `use_it` with the entry of a number in [`MANNERS`]. A number above those gets a new entry for each call.
fn with_manner<T>(fd: RawFd, use_it: impl FnOnce(&Manner) -> T) -> T {
    let unknown = Manner::new();
    let known = usize::try_from(fd).ok().and_then(|at| MANNERS.get(at));
    use_it(known.unwrap_or(&unknown))
}

/// Drops the entry of a number, which has a new owner and may stand for another file than before.
fn forget_manner(fd: RawFd) {
    with_manner(fd, Manner::forget);
}

/// Keeps a new descriptor for its owner; gives its number.
fn keep(fd: OwnedFd, owner: usize, caught: Option<Caught>) -> i32 {
    forget_manner(fd.as_raw_fd());
    registry::hold(fd, owner, caught)
}

/// Environments whose end closes what they left open.
static FOLLOWED: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

/// Who owns descriptors: this environment, until it ends.
fn owner(env: &Env) -> usize {
    let raw = env.raw();
    let owner = raw as usize;
    let mut followed = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    let followed = followed.get_or_insert_default();
    if !followed.contains(&owner) {
        // SAFETY: `env` is live: the caller is inside a call from JavaScript.
        let status =
            unsafe { sys::napi_add_env_cleanup_hook(raw, Some(on_end), raw.cast::<c_void>()) };
        // Without the hook the address would stay in the set. A later environment may get the same address, and would then
        // not be followed: its descriptors would stay open at its end. So only a hook that was added counts; the next call
        // tries again.
        if status == sys::Status::napi_ok {
            followed.insert(owner);
        }
    }
    owner
}

unsafe extern "C" fn on_end(env: *mut c_void) {
    let owner = env as usize;
    let mut followed = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(followed) = followed.as_mut() {
        followed.remove(&owner);
    }
    drop(followed);
    registry::close_all(owner);
}

/// Keeps a new descriptor for this environment; gives its number.
fn hold(env: &Env, made: Result<OwnedFd, Errno>) -> i32 {
    made.map_or_else(failed, |fd| keep(fd, owner(env), None))
}

fn hold_signals(env: &Env, made: Result<(OwnedFd, Caught), Errno>) -> i32 {
    made.map_or_else(failed, |(fd, caught)| keep(fd, owner(env), Some(caught)))
}

/// Keeps two new descriptors; gives both numbers, or one error.
fn hold_both(env: &Env, made: Result<(OwnedFd, OwnedFd), Errno>) -> Vec<i32> {
    match made {
        Ok((first, second)) => [first, second]
            .map(|fd| keep(fd, owner(env), None))
            .to_vec(),
        Err(errno) => vec![failed(errno)],
    }
}
