//! System calls on signal sets, the calling thread's mask, and signal handlers.

use std::mem::MaybeUninit;
use std::ptr;

use crate::Errno;

/// A set of signals as /proc writes it: signal 1 is the lowest bit.
pub(super) type Bits = u64;

/// The bit of a signal; 0 for a number that is no signal.
pub(super) fn bit(signal: i32) -> Bits {
    u32::try_from(signal - 1)
        .ok()
        .and_then(|shift| 1_u64.checked_shl(shift))
        .unwrap_or(0)
}

/// A set of signals as system calls take it.
pub(super) fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set, and a number that is no signal changes nothing.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// The calling thread blocks these signals from now on.
pub(super) fn block(signals: &[i32]) {
    let set = set_of(signals);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// The calling thread no longer blocks these signals. A pending one is delivered within the call.
pub(super) fn unblock(signals: &[i32]) {
    let set = set_of(signals);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
}

/// Whether the calling thread blocks the signal.
pub(super) fn is_blocked(signal: i32) -> bool {
    let mut mask = set_of(&[]);
    // SAFETY: the mask is writable and outlives the call; without a new set nothing changes.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut mask) };
    // SAFETY: pthread_sigmask filled the mask.
    unsafe { libc::sigismember(&raw const mask, signal) == 1 }
}

/// The signature of a handler with SA_SIGINFO.
pub(super) type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

/// The action that calls this handler.
pub(super) fn action_of(handler: Handler) -> libc::sigaction {
    // SAFETY: a sigaction of zeros is the default action without flags; every field that matters is set below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    // On the alternative stack where a thread has one, because a runtime's own threads may have small stacks.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    action
}

/// The signal's action now.
///
/// # Errors
/// EINVAL for a number that is no signal.
pub(super) fn current(signal: i32) -> Result<libc::sigaction, Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is writable and outlives the call; nothing is changed.
    Errno::result(unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: sigaction filled it.
    Ok(unsafe { action.assume_init() })
}

/// Installs an action and returns the one that was there before. The action is one of [`action_of`], or one that this process
/// had before.
///
/// # Errors
/// EINVAL for a signal that cannot be caught.
pub(super) fn replace(signal: i32, action: &libc::sigaction) -> Result<libc::sigaction, Errno> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both outlive the call; the handler is valid, as the caller promises.
    Errno::result(unsafe { libc::sigaction(signal, action, old.as_mut_ptr()) })?;
    // SAFETY: sigaction filled it.
    Ok(unsafe { old.assume_init() })
}

/// The calling thread's number (gettid(2)).
pub(super) fn thread_id() -> i32 {
    // SAFETY: the call takes no argument and cannot fail.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    i32::try_from(id).unwrap_or(-1)
}

/// Sends a signal to the process with the siginfo that came with it. A signal handler may call this.
///
/// If that fails, because too many signals are queued or a sandbox forbids the call, it sends the signal without that siginfo: the
/// process itself is the sender then. A standard signal needs no memory for that.
///
/// # Errors
/// EAGAIN when too many signals are queued and this one is a real-time signal.
pub(super) fn send_again(signal: i32, info: *const libc::siginfo_t) -> Result<(), Errno> {
    // The target is this thread's number, because the kernel refuses to repeat the siginfo of kill(2) to any other. The signal
    // belongs to the whole process all the same.
    // SAFETY: the caller's siginfo is readable and outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, thread_id(), signal, info) };
    if result == 0 {
        return Ok(());
    }
    // SAFETY: neither call takes a pointer.
    Errno::result(unsafe { libc::kill(libc::getpid(), signal) }).map(drop)
}
