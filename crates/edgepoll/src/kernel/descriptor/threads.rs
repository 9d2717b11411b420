//! The signal masks of every thread of this process.
//!
//! Only a thread itself can change its mask. So a change is sent as a real-time signal that nothing else uses, and its handler
//! changes the mask of the thread that it interrupts. The threads and their masks are read from /proc; if that cannot be read,
//! nothing is changed.
//!
//! It must never wait without a limit, and never use a signal that has a handler already. Called by `signal.rs`.

use std::fs;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::signal::{current, set_of};
use crate::Errno;

/// A set of signals as /proc writes it: signal 1 is the lowest bit.
pub(super) type Bits = u64;

/// The most passes over the threads: those that start while one is made are found by the next.
const MOST_PASSES: usize = 16;

/// How long a pass waits for the threads to answer. One that does not answer is in a system call that cannot be
/// interrupted; it changes its mask when that call ends. So a change takes 160 ms at most, and well below one where every
/// thread answers. No thread is woken by an answer: what a handler may call does not include a condition variable.
const PATIENCE: Duration = Duration::from_millis(10);

/// glibc's own first signal. Only glibc blocks it, in a thread that is being started and in the one that starts it. Such
/// a mask lasts microseconds and says nothing about the thread's own.
const INTERNAL: i32 = 32;

/// The signals that every thread has to block now. A handler that runs late compares its change with this.
static WANTED: AtomicU64 = AtomicU64::new(0);

/// Changes that were sent, and changes whose handler has run.
static SENT: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicUsize = AtomicUsize::new(0);

/// One change is made at a time: they share the real-time signal.
static CHANGE: Mutex<()> = Mutex::new(());

pub(super) fn bit(signal: i32) -> Bits {
    u32::try_from(signal - 1)
        .ok()
        .and_then(|shift| 1_u64.checked_shl(shift))
        .unwrap_or(0)
}

/// A thread and the signals that it blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub(super) id: i32,
    pub(super) blocked: Bits,
}

/// Every thread of this process; one that ended meanwhile may be missing.
pub(super) fn all() -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        // The thread may have ended since the folder was read.
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else {
            continue;
        };
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigBlk:"))
            .and_then(|mask| Bits::from_str_radix(mask.trim(), 16).ok());
        if let Some(blocked) = mask {
            threads.push(Thread { id, blocked });
        }
    }
    Ok(threads)
}

/// Which way a mask is changed; the number travels as si_errno.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Block = 0,
    Unblock = 1,
}

/// Every thread blocks these signals from now on, and so does every thread that one of them starts.
pub(super) fn block(signals: Bits) {
    WANTED.fetch_or(signals, Ordering::SeqCst);
    change(Change::Block, |thread| signals & !thread.blocked);
}

/// Unblocks these signals in every thread, except those that `except` lists for a signal: they blocked it for other reasons.
pub(super) fn unblock(signals: Bits, except: impl Fn(i32) -> Bits) {
    WANTED.fetch_and(!signals, Ordering::SeqCst);
    change(Change::Unblock, |thread| {
        signals & thread.blocked & !except(thread.id)
    });
}

/// Those of these signals that every thread has to block now.
pub(super) fn wanted(signals: Bits) -> Bits {
    signals & WANTED.load(Ordering::SeqCst)
}

/// Changes the masks of all other threads until `wanted` finds nothing left to change.
fn change(change: Change, wanted: impl Fn(Thread) -> Bits) {
    let _one = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(control) = Control::take() else {
        return;
    };
    let own = own_id();
    for _ in 0..MOST_PASSES {
        let Ok(threads) = all() else {
            break;
        };
        let mut is_settled = true;
        let mut awaited = DONE.load(Ordering::SeqCst);
        for thread in threads {
            if thread.id == own {
                continue;
            }
            if thread.blocked & bit(INTERNAL) != 0 {
                is_settled = false;
                continue;
            }
            let signals = wanted(thread);
            // A thread that blocks the real-time signal blocks every signal, as helper threads do: nothing has to be changed.
            if signals != 0 && thread.blocked & bit(control.signal) == 0 {
                is_settled = false;
                awaited += usize::from(control.send(thread.id, change, signals));
            }
        }
        if is_settled {
            break;
        }
        wait(awaited);
    }
    control.give_back();
}

/// Waits until so many changes have been made, or for as long as one pass may take. A thread that ends makes none.
fn wait(awaited: usize) {
    let end = Instant::now() + PATIENCE;
    while DONE.load(Ordering::SeqCst) < awaited {
        if Instant::now() > end {
            return;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// The real-time signal that carries changes.
struct Control {
    signal: i32,
}

impl Control {
    /// Takes the highest one that has no handler, or that has this one still.
    fn take() -> Option<Control> {
        let is_free = |action: libc::sigaction| {
            action.sa_sigaction == libc::SIG_DFL || action.sa_sigaction == handler_address()
        };
        let signal = (libc::SIGRTMIN()..=libc::SIGRTMAX())
            .rev()
            .find(|signal| current(*signal).is_ok_and(is_free))?;
        // SAFETY: a sigaction of zeros is the default action without flags; every field that matters is set below.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler_address();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: the action outlives the call; `change_mask` is a handler for SA_SIGINFO.
        let failed = unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
        (failed == 0).then_some(Control { signal })
    }

    /// Gives whether it was sent: the thread may have ended meanwhile.
    fn send(&self, thread: i32, change: Change, signals: Bits) -> bool {
        // SAFETY: a siginfo is plain data, for which zeros are valid.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        info.si_signo = self.signal;
        info.si_errno = change as i32;
        info.si_code = libc::SI_QUEUE;
        // SAFETY: the layout of a siginfo with SI_QUEUE: pid and uid at 16, the value at 24 (64-bit Linux). The siginfo
        // has 128 bytes.
        unsafe {
            let start = (&raw mut info).cast::<u8>();
            start.add(16).cast::<i32>().write(libc::getpid());
            start.add(24).cast::<u64>().write(signals);
        }
        // Counted before the call, because the handler may run and count within it.
        SENT.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the siginfo outlives the call. A thread that has ended meanwhile gives ESRCH.
        let failed = unsafe {
            libc::syscall(
                libc::SYS_rt_tgsigqueueinfo,
                libc::getpid(),
                thread,
                self.signal,
                &raw const info,
            )
        };
        if failed != 0 {
            SENT.fetch_sub(1, Ordering::SeqCst);
        }
        failed == 0
    }

    /// Removes the handler, unless a change is still under way: the signal's default action would end the process.
    fn give_back(self) {
        if DONE.load(Ordering::SeqCst) < SENT.load(Ordering::SeqCst) {
            return;
        }
        // SAFETY: as in `take`; the action is the default one, which was there before.
        unsafe {
            let action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(self.signal, &raw const action, ptr::null_mut());
        }
    }
}

fn handler_address() -> libc::sighandler_t {
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = change_mask;
    handler as libc::sighandler_t
}

/// The handler: changes the mask that the interrupted thread gets back when the handler returns.
extern "C" fn change_mask(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid siginfo and ucontext to a handler with SA_SIGINFO. `send` wrote the
    // value. sigaddset and sigdelset are async-signal-safe (signal-safety(7)), and so are atomic operations.
    unsafe {
        if (*info).si_code != libc::SI_QUEUE || (*info).si_pid() != libc::getpid() {
            return;
        }
        let signals = (*info).si_value().sival_ptr as u64;
        let wanted = WANTED.load(Ordering::SeqCst);
        let blocks = (*info).si_errno == Change::Block as i32;
        // A signal for which the opposite change was decided since this one was sent stays as it is.
        let signals = signals & if blocks { wanted } else { !wanted };
        let mask = &raw mut (*context.cast::<libc::ucontext_t>()).uc_sigmask;
        for signal in 1..=64 {
            if signals & bit(signal) == 0 {
                continue;
            }
            if blocks {
                libc::sigaddset(mask, signal);
            } else {
                libc::sigdelset(mask, signal);
            }
        }
    }
    DONE.fetch_add(1, Ordering::SeqCst);
}

pub(super) fn own_id() -> i32 {
    // SAFETY: the call takes no argument and cannot fail.
    let id = unsafe { libc::syscall(libc::SYS_gettid) };
    i32::try_from(id).unwrap_or(-1)
}

/// Signals that an instruction raises in the thread that executes it. If they are blocked, the kernel ends the process instead of
/// calling the runtime's handler.
const FAULTS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// Starts threads that take no signals, faults excepted: handlers run on the process's other threads, and no wait of these
/// is interrupted. A thread that `start` starts has the mask from its first instruction on.
pub fn start_quiet<T>(start: impl FnOnce() -> T) -> T {
    let mut all = set_of(&[]);
    let mut before = set_of(&[]);
    // SAFETY: the sets outlive the calls. A started thread has the mask of the one that starts it (pthread_create(3)).
    unsafe {
        libc::sigfillset(&raw mut all);
        for fault in FAULTS {
            libc::sigdelset(&raw mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
    }
    let started = start();
    // SAFETY: as above; `before` was filled by the first call.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    started
}

/// Sends this thread a signal as it came, so that it waits for the whole process.
///
/// # Errors
/// EAGAIN when too many signals wait.
pub(super) fn send_again(signal: i32, info: *const libc::siginfo_t) -> Result<(), Errno> {
    // To this thread's number: the kernel refuses to repeat the siginfo of kill(2) to any other, and the signal belongs to
    // the whole process all the same.
    // SAFETY: the caller's siginfo is readable and outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, own_id(), signal, info) };
    Errno::result(result).map(drop)
}
