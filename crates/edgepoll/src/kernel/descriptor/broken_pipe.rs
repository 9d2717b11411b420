//! write(2) to a pipe that nobody reads, where SIGPIPE would end the process.
//!
//! It must never change what a signal does, nor take one that its call did not raise. Called by the glue.
//!
//! MSG_NOSIGNAL is for sockets, and RWF_NOSIGNAL is younger than most kernels. So this thread blocks the signal for as
//! long as the call takes, and takes back what the call left pending for it.

use std::mem::MaybeUninit;
use std::ptr;

use super::signal::{block, current, set_of, unblock};
use crate::Errno;

/// Whether SIGPIPE ends this process: its default action stands.
#[must_use]
pub fn ends_process() -> bool {
    current(libc::SIGPIPE).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL)
}

/// Does a call of write(2) that does not end the process. `unheard`: nor is a handler told, which may be a runtime's own
/// that ends it.
///
/// # Errors
/// The call's own.
pub fn survive(unheard: bool, call: impl FnOnce() -> Result<usize, Errno>) -> Result<usize, Errno> {
    // A handler is told, as its owner wants it.
    if !unheard && !ends_process() {
        return call();
    }
    let was_blocked = is_blocked();
    let was_pending = was_blocked && is_pending();
    block(libc::SIGPIPE);
    let result = call();
    if result == Err(Errno::EPIPE) && !was_pending {
        discard();
    }
    if !was_blocked {
        unblock(libc::SIGPIPE);
    }
    result
}

fn is_blocked() -> bool {
    let mut mask = set_of(&[]);
    // SAFETY: the mask is writable and outlives the call; without a new set nothing changes.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut mask) };
    // SAFETY: pthread_sigmask filled the mask.
    unsafe { libc::sigismember(&raw const mask, libc::SIGPIPE) == 1 }
}

fn is_pending() -> bool {
    let mut pending = set_of(&[]);
    // SAFETY: the set is writable and outlives the call.
    unsafe { libc::sigpending(&raw mut pending) };
    // SAFETY: sigpending filled the set, or left it empty.
    unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) == 1 }
}

/// Takes one SIGPIPE that is pending: this thread's own first, which is where write(2) sends it.
fn discard() {
    let set = set_of(&[libc::SIGPIPE]);
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: all three outlive the call, which does not wait. Where nothing is pending it changes nothing.
    unsafe { libc::sigtimedwait(&raw const set, info.as_mut_ptr(), &raw const at_once) };
}
