//! signalfd in a process with threads of other libraries: makes every thread block the signals, and handles a signal that
//! reaches a thread which does not block it yet.
//!
//! It must never lose a signal or what came with it, and the handler must call nothing that is not
//! async-signal-safe. Called by `descriptor/signal.rs`.
//!
//! A signal to the process goes to any thread that does not block it, and a JavaScript runtime has several threads. So
//! every thread is made to block it (`threads.rs`). The signal then stays pending until a signalfd reads it, and the kernel calls
//! no handler, even if the runtime or the program installs a new one meanwhile.
//!
//! A thread that does not block the signal yet runs the handler installed here. The handler makes
//! the thread that it interrupts block the signal from then on, and sends the signal, as it came, to the process again.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::threads::{self, bit, own_id, Bits, Thread};
use super::{fresh, lifted};
use crate::Errno;

/// What was there before a signal was caught.
pub(crate) struct Before {
    signal: i32,
    action: libc::sigaction,
    /// Threads that blocked the signal already, for reasons of their own.
    blockers: Vec<i32>,
}

/// Signals for which another handler was installed over this crate's. It may call the one that it found there after its
/// own work, as long as the process lives (Deno's does).
static COVERED: AtomicU64 = AtomicU64::new(0);

/// What each thread of the process blocked at a time; empty where /proc cannot be read.
#[derive(Debug)]
pub(crate) struct Masks(Vec<Thread>);

/// What each thread blocks now.
#[must_use]
pub(crate) fn masks() -> Masks {
    Masks(threads::all().unwrap_or_default())
}

impl Masks {
    fn blockers(&self, signal: i32) -> Vec<i32> {
        let blocks = |thread: &&Thread| thread.blocked & bit(signal) != 0;
        self.0
            .iter()
            .filter(blocks)
            .map(|thread| thread.id)
            .collect()
    }
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
pub(crate) fn open(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let set = set_of(signals);
    // SAFETY: the set outlives the call.
    fresh(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })
}

/// Installs the handler, and blocks the signal in this thread. A call of [`spread`] for the other threads has to follow. `masks`
/// is what the threads blocked before.
///
/// # Errors
/// EINVAL for a signal that cannot be caught; nothing changed then.
pub(crate) fn catch(signal: i32, masks: &Masks) -> Result<Before, Errno> {
    let set = set_of(&[signal]);
    let mut mask = set_of(&[]);
    // SAFETY: both sets outlive the call.
    let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut mask) };
    if failed != 0 {
        return Err(Errno::from_raw_os_error(failed));
    }
    // SAFETY: pthread_sigmask filled the mask.
    let was_blocked = unsafe { libc::sigismember(&raw const mask, signal) } == 1;
    match replace(signal, &ours()) {
        Ok(action) => {
            let mut blockers = masks.blockers(signal);
            if was_blocked && !blockers.contains(&own_id()) {
                blockers.push(own_id());
            }
            Ok(Before {
                signal,
                action,
                blockers,
            })
        }
        Err(errno) => {
            if !was_blocked {
                unblock(signal);
            }
            Err(errno)
        }
    }
}

/// Every thread blocks these signals, which are caught, and so does every thread that one of them starts.
pub(crate) fn spread(signals: &[i32]) {
    threads::block(bits(signals));
}

fn bits(signals: &[i32]) -> Bits {
    signals.iter().fold(0, |bits, signal| bits | bit(*signal))
}

/// This thread, too, blocks the signal: it has one signalfd more.
pub(crate) fn block(signal: i32) {
    let set = set_of(&[signal]);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

pub(super) fn unblock(signal: i32) {
    let set = set_of(&[signal]);
    // SAFETY: the set outlives the call; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
}

/// Puts back the handlers that these signals had before, unless another handler was installed since, and unblocks the
/// signals in every thread that did not block them before. This thread is the first: it receives a signal that was sent
/// and not read.
pub(crate) fn release(caught: &[Before]) {
    for before in caught {
        before.put_back();
        if !before.blockers.contains(&own_id()) {
            unblock(before.signal);
        }
    }
    let signals: Vec<i32> = caught.iter().map(|before| before.signal).collect();
    threads::unblock(bits(&signals), |thread| {
        let blocks = |before: &&Before| before.blockers.contains(&thread);
        let own: Vec<i32> = caught
            .iter()
            .filter(blocks)
            .map(|before| before.signal)
            .collect();
        bits(&own)
    });
}

impl Before {
    /// Puts back the handler that the signal had before, unless another handler was installed since.
    pub(crate) fn put_back(&self) {
        let current = current(self.signal);
        if current.is_ok_and(|action| is_ours(&action)) {
            // The signal was caught once, so it can be set again.
            let _ = replace(self.signal, &self.action);
        } else {
            COVERED.fetch_or(bit(self.signal), Ordering::SeqCst);
        }
    }

    /// The signal, unless this thread blocked it before it was caught.
    #[must_use]
    pub(crate) fn liftable(&self) -> Option<i32> {
        (!self.blockers.contains(&own_id())).then_some(self.signal)
    }
}

pub(super) fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == handler_address()
}

fn handler_address() -> libc::sighandler_t {
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = pass_on;
    handler as libc::sighandler_t
}

pub(super) fn ours() -> libc::sigaction {
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

pub(super) fn replace(signal: i32, action: &libc::sigaction) -> Result<libc::sigaction, Errno> {
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
        // Another handler called this one, and no signalfd reads the signal any more. Sent again, it would be a second one.
        if COVERED.load(Ordering::SeqCst) & bit(signal) != 0 && threads::wanted(bit(signal)) == 0 {
            return;
        }
        let errno = *libc::__errno_location();
        if !lifted::keep(signal, info) {
            let context = context.cast::<libc::ucontext_t>();
            libc::sigaddset(&raw mut (*context).uc_sigmask, signal);
            // Fails when too many signals are queued (RLIMIT_SIGPENDING). A signal handler cannot report that.
            let _ = threads::send_again(signal, info);
        }
        *libc::__errno_location() = errno;
    }
}
