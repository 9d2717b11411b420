//! write(2) to a pipe without a reader, where SIGPIPE would end the process.
//!
//! MSG_NOSIGNAL is for sockets, and RWF_NOSIGNAL is newer than most kernels. So the thread blocks SIGPIPE for the call, and
//! discards the signal that the call raised. The signal's action is not changed, and a signal that was pending before the call
//! is not discarded.

use std::mem::MaybeUninit;

use super::signal_calls::{block, current, is_blocked, set_of, unblock};
use crate::Errno;

/// Whether SIGPIPE ends this process, because its default action is set.
#[must_use]
pub fn ends_process() -> bool {
    current(libc::SIGPIPE).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL)
}

/// Makes a call of write(2) that does not end the process. If SIGPIPE has a handler, the call runs it, unless `without_handler` is
/// true: a runtime's own handler may end the process.
///
/// # Errors
/// The call's own.
pub fn survive(
    without_handler: bool,
    call: impl FnOnce() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    if !without_handler && !ends_process() {
        return call();
    }
    let was_blocked = is_blocked(libc::SIGPIPE);
    let was_pending = was_blocked && is_pending();
    block(&[libc::SIGPIPE]);
    let result = call();
    if result == Err(Errno::EPIPE) && !was_pending {
        discard();
    }
    if !was_blocked {
        unblock(&[libc::SIGPIPE]);
    }
    result
}

fn is_pending() -> bool {
    let mut pending = set_of(&[]);
    // SAFETY: the set is writable and outlives the call.
    unsafe { libc::sigpending(&raw mut pending) };
    // SAFETY: sigpending filled the set, or left it empty.
    unsafe { libc::sigismember(&raw const pending, libc::SIGPIPE) == 1 }
}

/// Takes one pending SIGPIPE. The kernel takes this thread's own first, and write(2) sends it to the thread.
fn discard() {
    let set = set_of(&[libc::SIGPIPE]);
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    let no_wait = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: all three outlive the call, which does not wait. If nothing is pending, it changes nothing.
    unsafe { libc::sigtimedwait(&raw const set, info.as_mut_ptr(), &raw const no_wait) };
}
