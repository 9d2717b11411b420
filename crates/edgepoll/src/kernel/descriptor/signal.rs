//! signalfd in a process with threads of other libraries.
//!
//! A signal to the process goes to any thread that does not block it, and a JavaScript runtime has several threads. So
//! every thread is made to block it (`threads.rs`). The signal then stays pending until a signalfd reads it, and the kernel calls
//! no handler, even if the runtime or the program installs a new one meanwhile.
//!
//! A thread that does not block the signal yet runs the handler installed here. The handler makes the interrupted thread block
//! the signal from then on, and sends the signal to the process again with the same siginfo, so nothing is lost. It calls only
//! functions that are async-signal-safe.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use super::call::owned;
use super::signal_calls::{
    action_of, bit, block, current, is_blocked, replace, send_again, set_of, thread_id, unblock,
    Bits,
};
use super::threads::{self, Thread};
use super::unblocked::{self, Unblocked};
use crate::Errno;

/// The state of a signal before it was caught.
pub(crate) struct Previous {
    signal: i32,
    action: libc::sigaction,
    /// The threads that blocked the signal already.
    blockers: Vec<i32>,
}

impl std::fmt::Debug for Previous {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Previous")
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

/// The signals for which other code has installed a handler over this crate's. Such a handler may call the earlier one after its
/// own work, for as long as the process lives (Deno's does).
static CHAINED: AtomicU64 = AtomicU64::new(0);

/// The mask of each thread of the process; empty where /proc cannot be read.
#[derive(Debug)]
pub(crate) struct Masks(Vec<Thread>);

/// The masks of all threads now.
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

/// A descriptor that reads these signals (signalfd(2)).
///
/// # Errors
/// EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM.
pub(crate) fn open(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let set = set_of(signals);
    // SAFETY: the set outlives the call.
    owned(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })
}

/// Installs the handler, and blocks the signal in this thread. [`block_in_all_threads`] has to follow. `masks` holds the threads'
/// masks from before.
///
/// # Errors
/// EINVAL for a signal that cannot be caught; nothing has changed then.
pub(crate) fn catch(signal: i32, masks: &Masks) -> Result<Previous, Errno> {
    let was_blocked = is_blocked(signal);
    block(&[signal]);
    match replace(signal, &action_of(forward)) {
        Ok(action) => {
            let mut blockers = masks.blockers(signal);
            if was_blocked && !blockers.contains(&thread_id()) {
                blockers.push(thread_id());
            }
            Ok(Previous {
                signal,
                action,
                blockers,
            })
        }
        Err(errno) => {
            if !was_blocked {
                unblock(&[signal]);
            }
            Err(errno)
        }
    }
}

/// Blocks a caught signal in this thread, which may have been started since the signal was caught.
pub(crate) fn block_here(signal: i32) {
    block(&[signal]);
}

/// Blocks these caught signals in every thread, and so in every thread that one of them starts.
pub(crate) fn block_in_all_threads(signals: &[i32]) {
    threads::block(bits(signals));
}

fn bits(signals: &[i32]) -> Bits {
    signals.iter().fold(0, |bits, signal| bits | bit(*signal))
}

/// Restores the handlers that these signals had before, unless other code has installed another one since, and unblocks the
/// signals in every thread that did not block them before. This thread is the first, so it receives a signal that is pending.
pub(crate) fn restore(caught: &[Previous]) {
    for previous in caught {
        previous.restore_handler();
        if !previous.blockers.contains(&thread_id()) {
            unblock(&[previous.signal]);
        }
    }
    let signals: Vec<i32> = caught.iter().map(|previous| previous.signal).collect();
    threads::unblock(bits(&signals), |thread| {
        let blocked = |previous: &&Previous| previous.blockers.contains(&thread);
        let own: Vec<i32> = caught
            .iter()
            .filter(blocked)
            .map(|previous| previous.signal)
            .collect();
        bits(&own)
    });
}

impl Previous {
    /// Restores the handler that the signal had before, unless other code has installed another one since.
    pub(crate) fn restore_handler(&self) {
        let ours = action_of(forward).sa_sigaction;
        if current(self.signal).is_ok_and(|action| action.sa_sigaction == ours) {
            // The signal was caught once, so its action can be set again.
            let _ = replace(self.signal, &self.action);
        } else {
            CHAINED.fetch_or(bit(self.signal), Ordering::SeqCst);
        }
    }

    /// The signal, unless this thread blocked it before it was caught.
    #[must_use]
    pub(crate) fn unblockable(&self) -> Option<i32> {
        (!self.blockers.contains(&thread_id())).then_some(self.signal)
    }
}

/// Unblocks these caught signals in this thread until the value is dropped. Waits while another thread has an [`Unblocked`];
/// returns `None` if this thread has one.
#[must_use]
pub(crate) fn unblock_for_child(signals: Vec<i32>) -> Option<Unblocked> {
    unblocked::unblock_caught(signals, &action_of(forward))
}

/// The handler of caught signals. It runs only in a thread that does not block the signal.
extern "C" fn forward(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo and ucontext to a handler with SA_SIGINFO; the thread gets the mask in the latter
    // when the handler returns. sigaddset and system calls are async-signal-safe (signal-safety(7)), and errno is restored.
    unsafe {
        // Another handler called this one, and no signalfd reads the signal any more. If it were sent again, that handler would
        // run twice.
        if CHAINED.load(Ordering::SeqCst) & bit(signal) != 0 && threads::wanted(bit(signal)) == 0 {
            return;
        }
        let errno = *libc::__errno_location();
        if !unblocked::store(signal, info) {
            let context = context.cast::<libc::ucontext_t>();
            libc::sigaddset(&raw mut (*context).uc_sigmask, signal);
            // Fails for a real-time signal when too many signals are queued (RLIMIT_SIGPENDING). A signal handler cannot report
            // that.
            let _ = send_again(signal, info);
        }
        *libc::__errno_location() = errno;
    }
}
