//! signalfd in a process whose threads are not ours: who blocks a signal, and what becomes of one that reaches a
//! thread that does not.
//!
//! It must never lose a signal or what came with it, and the handler must call nothing that is not
//! async-signal-safe. Called by `descriptor/signal.rs`.
//!
//! A signal to the process goes to any thread that does not block it, and a host of JavaScript has such threads.
//! The handler installed here makes the thread that it interrupts block the signal from then on, and sends the signal,
//! as it came, to the process again. When every thread has met it once, it stays pending, which is where a signalfd
//! finds it.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::ptr;

use super::fresh;
use crate::kernel::Errno;

/// What was there before a signal was caught.
pub struct Before {
    signal: i32,
    action: libc::sigaction,
    was_blocked: bool,
}

impl std::fmt::Debug for Before {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Before")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

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

/// A descriptor that reads these signals (signalfd(2)).
///
/// # Errors
/// EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM.
pub fn open(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let set = set_of(signals);
    // SAFETY: the set outlives the call.
    fresh(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })
}

/// From now on the signal waits for a signalfd.
///
/// # Errors
/// EINVAL for a signal that cannot be caught; nothing changed then.
pub fn catch(signal: i32) -> Result<Before, Errno> {
    let set = set_of(&[signal]);
    let mut mask = set_of(&[]);
    // SAFETY: both sets outlive the call.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut mask) };
    if failed != 0 {
        return Err(Errno::from_raw(failed));
    }
    // SAFETY: pthread_sigmask filled the mask.
    let was_blocked = unsafe { libc::sigismember(&raw const mask, signal) } == 1;
    match replace(signal, &ours()) {
        Ok(action) => Ok(Before {
            signal,
            action,
            was_blocked,
        }),
        Err(errno) => {
            if !was_blocked {
                unblock(signal);
            }
            Err(errno)
        }
    }
}

/// This thread, too, blocks the signal: it has one signalfd more.
pub fn block(signal: i32) {
    let set = set_of(&[signal]);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

pub(super) fn unblock(signal: i32) {
    let set = set_of(&[signal]);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
}

/// Puts back what was there before, unless somebody has put a handler of their own there since, and lets this thread
/// take the signal again.
pub fn release(before: &Before) {
    let current = current(before.signal);
    if current.is_ok_and(|action| action.sa_sigaction == handler_address()) {
        // The signal was caught once, so it can be set again.
        let _ = replace(before.signal, &before.action);
    }
    if !before.was_blocked {
        unblock(before.signal);
    }
}

fn handler_address() -> libc::sighandler_t {
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = pass_on;
    handler as libc::sighandler_t
}

fn ours() -> libc::sigaction {
    // SAFETY: a sigaction of zeros is the default action without flags; every field that matters is set below.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler_address();
    // On the alternative stack where a thread has one: a runtime's own threads may have small stacks.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
    action
}

pub(super) fn current(signal: i32) -> Result<libc::sigaction, Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is writable and outlives the call; nothing is changed.
    Errno::result(unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: sigaction filled it.
    Ok(unsafe { action.assume_init() })
}

fn replace(signal: i32, action: &libc::sigaction) -> Result<libc::sigaction, Errno> {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: both outlive the call; the handler is `pass_on`, or what this process had there before.
    Errno::result(unsafe { libc::sigaction(signal, action, old.as_mut_ptr()) })?;
    // SAFETY: sigaction filled it.
    Ok(unsafe { old.assume_init() })
}

/// The handler: on a thread that did not block the signal.
extern "C" fn pass_on(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo and ucontext to a handler with SA_SIGINFO; the mask in the latter is what
    // the thread gets when the handler returns. sigaddset and system calls are async-signal-safe
    // (signal-safety(7)), and errno is put back.
    unsafe {
        let errno = *libc::__errno_location();
        let context = context.cast::<libc::ucontext_t>();
        libc::sigaddset(&raw mut (*context).uc_sigmask, signal);
        // To this thread's number: the kernel refuses to repeat the siginfo of kill(2) to any other, and the
        // signal belongs to the whole process all the same.
        let thread = libc::syscall(libc::SYS_gettid);
        libc::syscall(libc::SYS_rt_sigqueueinfo, thread, signal, info);
        *libc::__errno_location() = errno;
    }
}
