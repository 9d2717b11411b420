//! Unblocks caught signals in one thread for a short time, so that a child which it starts meanwhile does not begin with them
//! blocked: a child has the mask of the thread that started it (fork(2), execve(2)).
//!
//! It must never lose a signal that comes meanwhile: the handler keeps it, and it is sent again at the end. Called by
//! `descriptor/signal.rs`.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{compiler_fence, AtomicI32, AtomicU64, Ordering};

use super::signal::{current, is_ours, ours, replace, set_of};
use super::threads::{self, bit, own_id};

/// Signals are numbered from 1 to 64.
const SIGNALS: usize = 64;

/// The thread in which caught signals are unblocked now; 0: none.
static HOLDER: AtomicI32 = AtomicI32::new(0);

/// The signals that came meanwhile, one bit each.
static KEPT: AtomicU64 = AtomicU64::new(0);

struct Slots(UnsafeCell<[MaybeUninit<libc::siginfo_t>; SIGNALS]>);

// SAFETY: only the thread in HOLDER touches the slots: its handler, and `Lifted::drop` once the signals are blocked again.
unsafe impl Sync for Slots {}

/// The siginfo of each of them.
static SLOTS: Slots = Slots(UnsafeCell::new([MaybeUninit::uninit(); SIGNALS]));

/// These signals are unblocked in this thread until the value is dropped, on the same thread.
#[derive(Debug)]
pub(crate) struct Lifted {
    signals: Vec<i32>,
    /// Actions of other code that this crate's handler has replaced.
    foreign: Vec<Foreign>,
    /// Not `Send`, because a signal mask belongs to its thread.
    not_send: PhantomData<*const ()>,
}

struct Foreign {
    signal: i32,
    action: libc::sigaction,
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Foreign({})", self.signal)
    }
}

/// Unblocks these caught signals in this thread. Waits while another thread has a [`Lifted`]; `None` when this one has.
#[must_use]
pub(crate) fn lift(signals: Vec<i32>) -> Option<Lifted> {
    let own = own_id();
    while let Err(holder) = HOLDER.compare_exchange(0, own, Ordering::SeqCst, Ordering::SeqCst) {
        if holder == own {
            return None;
        }
        std::thread::yield_now();
    }
    let mut foreign = Vec::new();
    for signal in &signals {
        // A caught signal can be set again.
        if let Ok(action) = replace(*signal, &ours()) {
            if !is_ours(&action) {
                foreign.push(Foreign {
                    signal: *signal,
                    action,
                });
            }
        }
    }
    let set = set_of(&signals);
    // SAFETY: the set outlives the call, and the old mask may be null. Pending signals reach the handler within the call.
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut()) };
    Some(Lifted {
        signals,
        foreign,
        not_send: PhantomData,
    })
}

impl Drop for Lifted {
    fn drop(&mut self) {
        // A signal whose descriptor was closed meanwhile stays unblocked.
        let is_caught = |signal: &i32| threads::wanted(bit(*signal)) != 0;
        let blocked: Vec<i32> = self.signals.iter().copied().filter(is_caught).collect();
        let set = set_of(&blocked);
        // SAFETY: the set outlives the call; the old mask is not asked for.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
        for Foreign { signal, action } in &self.foreign {
            if current(*signal).is_ok_and(|action| is_ours(&action)) {
                let _ = replace(*signal, action);
            }
        }
        compiler_fence(Ordering::SeqCst);
        let kept = KEPT.swap(0, Ordering::SeqCst);
        for (place, signal) in (0..SIGNALS).zip(1_i32..) {
            if kept & bit(signal) != 0 {
                // SAFETY: the handler of this thread filled the slot, and runs for none of these signals now.
                let info = unsafe { (*SLOTS.0.get())[place].assume_init_ref() };
                // The signal was pending before, so the kernel has room for it again.
                let _ = threads::send_again(signal, info);
            }
        }
        HOLDER.store(0, Ordering::SeqCst);
    }
}

/// Keeps a signal that interrupted the thread in [`lift`]; false: it is another thread, or there is no place for it.
///
/// # Safety
/// Called by a signal handler, with what the kernel gave it.
pub(super) unsafe fn keep(signal: i32, info: *const libc::siginfo_t) -> bool {
    let Some(place) = usize::try_from(signal - 1).ok().filter(|at| *at < SIGNALS) else {
        return false;
    };
    if HOLDER.load(Ordering::SeqCst) != own_id() {
        return false;
    }
    if KEPT.load(Ordering::SeqCst) & bit(signal) != 0 {
        // A standard signal that comes again before it was read is one with the first; a real-time signal is not.
        return signal < libc::SIGRTMIN();
    }
    // SAFETY: the siginfo is the kernel's. The slot is this thread's, and its signal is blocked while the handler runs.
    unsafe { (*SLOTS.0.get())[place].write(info.read()) };
    compiler_fence(Ordering::SeqCst);
    KEPT.fetch_or(bit(signal), Ordering::SeqCst);
    true
}
