//! Unblocks caught signals in one thread for a short time, so that a child which it starts meanwhile does not begin with them
//! blocked: a child has the mask of the thread that started it (fork(2), execve(2)).
//!
//! A signal that arrives meanwhile is not lost: the handler stores it, and it is sent again at the end.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::atomic::{compiler_fence, AtomicI32, AtomicU64, Ordering};

use super::signal_calls::{bit, block, current, replace, send_again, thread_id, unblock};
use super::threads;

/// Signals are numbered from 1 to 64.
const SIGNALS: usize = 64;

/// The thread that has an [`Unblocked`] now; 0 if there is none.
static HOLDER: AtomicI32 = AtomicI32::new(0);

/// The signals that arrived meanwhile, one bit each.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

struct Slots(UnsafeCell<[MaybeUninit<libc::siginfo_t>; SIGNALS]>);

// SAFETY: only the thread in HOLDER accesses the slots: in its handler, and in `Unblocked::drop` once the signals are blocked
// again.
unsafe impl Sync for Slots {}

/// The siginfo of each signal in [`ARRIVED`].
static SLOTS: Slots = Slots(UnsafeCell::new([MaybeUninit::uninit(); SIGNALS]));

/// The caught signals are unblocked in this thread until the value is dropped, on the same thread.
#[derive(Debug)]
pub struct Unblocked {
    signals: Vec<i32>,
    /// This crate's handler, which every signal has meanwhile.
    handler: libc::sighandler_t,
    /// The actions of other code that this crate's handler has replaced.
    replaced: Vec<Replaced>,
    /// Not `Send`, because a signal mask belongs to its thread.
    not_send: PhantomData<*const ()>,
}

struct Replaced {
    signal: i32,
    action: libc::sigaction,
}

impl std::fmt::Debug for Replaced {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Replaced({})", self.signal)
    }
}

/// Unblocks these caught signals in this thread. `ours` is the action with this crate's handler, which calls [`store`]. Waits while
/// another thread has an [`Unblocked`]; returns `None` if this thread has one.
#[must_use]
pub(super) fn unblock_caught(signals: Vec<i32>, ours: &libc::sigaction) -> Option<Unblocked> {
    let own = thread_id();
    while let Err(holder) = HOLDER.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst) {
        if holder == own {
            return None;
        }
        std::thread::yield_now();
    }
    let handler = ours.sa_sigaction;
    let mut replaced = Vec::new();
    for signal in &signals {
        // The signal was caught once, so its action can be set again.
        if let Ok(action) = replace(*signal, ours) {
            if action.sa_sigaction != handler {
                replaced.push(Replaced {
                    signal: *signal,
                    action,
                });
            }
        }
    }
    unblock(&signals);
    Some(Unblocked {
        signals,
        handler,
        replaced,
        not_send: PhantomData,
    })
}

impl Drop for Unblocked {
    fn drop(&mut self) {
        // A signal whose descriptor was closed meanwhile stays unblocked.
        let is_caught = |signal: &i32| threads::wanted(bit(*signal)) != 0;
        let caught: Vec<i32> = self.signals.iter().copied().filter(is_caught).collect();
        block(&caught);
        for Replaced { signal, action } in &self.replaced {
            if current(*signal).is_ok_and(|action| action.sa_sigaction == self.handler) {
                // The signal was caught once, so its action can be set again.
                let _ = replace(*signal, action);
            }
        }
        compiler_fence(Ordering::SeqCst);
        let arrived = ARRIVED.swap(0, Ordering::SeqCst);
        for (place, signal) in (0..SIGNALS).zip(1_i32..) {
            if arrived & bit(signal) != 0 {
                // SAFETY: the handler of this thread filled the slot. None of these signals runs it now.
                let info = unsafe { (*SLOTS.0.get())[place].assume_init_ref() };
                // The signal was pending before, so the kernel has room for it again.
                let _ = send_again(signal, info);
            }
        }
        HOLDER.store(0, Ordering::SeqCst);
    }
}

/// Stores a signal that interrupted the thread in [`HOLDER`]. Returns false for another thread, and when there is no free slot.
///
/// # Safety
/// Called by a signal handler, with the kernel's arguments.
pub(super) unsafe fn store(signal: i32, info: *const libc::siginfo_t) -> bool {
    let Some(place) = usize::try_from(signal - 1).ok().filter(|at| *at < SIGNALS) else {
        return false;
    };
    if HOLDER.load(Ordering::SeqCst) != thread_id() {
        return false;
    }
    if ARRIVED.load(Ordering::SeqCst) & bit(signal) != 0 {
        // A standard signal that comes again before it was read counts once. Each real-time signal counts.
        return signal < libc::SIGRTMIN();
    }
    // SAFETY: the siginfo is the kernel's. The slot belongs to this thread, and its signal is blocked while the handler runs.
    unsafe { (*SLOTS.0.get())[place].write(info.read()) };
    compiler_fence(Ordering::SeqCst);
    ARRIVED.fetch_or(bit(signal), Ordering::SeqCst);
    true
}
