//! The signal masks of every thread of this process.
//!
//! Only a thread itself can change its mask. So a change is sent to the thread as a real-time signal that nothing else uses, and
//! the signal's handler changes the mask of the thread that it interrupts. The threads and their masks are read from /proc; if
//! that cannot be read, nothing is changed. No change waits without a limit.

use std::fs;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::signal_calls::{action_of, bit, current, replace, set_of, thread_id, Bits};

/// The most passes over the threads. A pass finds the threads that started during the pass before it.
const MAX_PASSES: usize = 16;

/// How long a pass waits for the handlers of all threads. A thread whose handler does not run is in a system call that cannot be
/// interrupted; it changes its mask when that call ends. So a change takes 160 ms at most, and well below 1 ms if every handler
/// runs at once. The pass polls a counter, because a signal handler may not use a condition variable.
const PASS_TIMEOUT: Duration = Duration::from_millis(10);

/// glibc's own first signal. Only glibc blocks it, in a thread that is being started and in the one that starts it. Such
/// a mask lasts microseconds and is not the thread's own.
const GLIBC_INTERNAL: i32 = 32;

/// The signals that musl blocks in a thread that is being started and in the one that starts it: all but its own, 32 to 34. A
/// thread that blocks all signals by itself has the same mask.
const MUSL_ALL: Bits = !(0b111 << (32 - 1));

/// The signals that every thread has to block now. A handler that runs late compares its change with this.
static WANTED: AtomicU64 = AtomicU64::new(0);

/// The number of changes that were sent.
static SENT: AtomicUsize = AtomicUsize::new(0);
/// The number of changes whose handler has run.
static DONE: AtomicUsize = AtomicUsize::new(0);

/// One change is made at a time, because all use the same real-time signal.
static CHANGE: Mutex<()> = Mutex::new(());

/// A thread and the signals that it blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thread {
    pub(super) id: i32,
    pub(super) blocked: Bits,
}

impl Thread {
    /// Whether the C library blocks signals in it for a moment, while it is being started or starts another one.
    fn is_starting(&self) -> bool {
        if cfg!(target_env = "musl") {
            // No thread can block these two.
            let blocked = self.blocked | bit(libc::SIGKILL) | bit(libc::SIGSTOP);
            blocked & MUSL_ALL == MUSL_ALL
        } else {
            self.blocked & bit(GLIBC_INTERNAL) != 0
        }
    }
}

/// The threads of this process. One that ends meanwhile may be missing.
pub(super) fn all() -> io::Result<Vec<Thread>> {
    let mut threads = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let Some(id) = entry.file_name().to_str().and_then(|id| id.parse().ok()) else {
            continue;
        };
        // The thread may have ended since the directory was read.
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

/// Whether a change adds signals to a mask or removes them. The number is sent as si_errno.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Block = 0,
    Unblock = 1,
}

/// Blocks these signals in every thread, and so in every thread that one of them starts.
pub(super) fn block(signals: Bits) {
    WANTED.fetch_or(signals, Ordering::SeqCst);
    change(Change::Block, |thread| signals & !thread.blocked);
}

/// Unblocks these signals in every thread. `except` returns the signals that a thread goes on blocking, because it blocked them for
/// other reasons.
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
    let Some(carrier) = Carrier::claim() else {
        return;
    };
    let own = thread_id();
    let mut starting = Vec::new();
    for _ in 0..MAX_PASSES {
        let Ok(threads) = all() else {
            break;
        };
        let mut is_settled = true;
        let mut awaited = DONE.load(Ordering::SeqCst);
        let before = std::mem::take(&mut starting);
        for thread in threads {
            if thread.id == own {
                continue;
            }
            if thread.is_starting() {
                // With musl, a mask that lasts longer than a pass is the thread's own. It blocks every signal already.
                is_settled &= cfg!(target_env = "musl") && before.contains(&thread.id);
                starting.push(thread.id);
                continue;
            }
            let signals = wanted(thread);
            // A thread that blocks the real-time signal blocks every signal, as helper threads do, so nothing has to be changed.
            if signals != 0 && thread.blocked & bit(carrier.signal) == 0 {
                is_settled = false;
                awaited += usize::from(carrier.send(thread.id, change, signals));
            }
        }
        if is_settled {
            break;
        }
        wait(awaited);
    }
    carrier.release();
}

/// Waits until this many changes have been made, at most for [`PASS_TIMEOUT`]: a thread that ends does not make its change.
fn wait(awaited: usize) {
    let end = Instant::now() + PASS_TIMEOUT;
    while DONE.load(Ordering::SeqCst) < awaited {
        if Instant::now() > end {
            return;
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// How a siginfo with SI_QUEUE begins (<asm-generic/siginfo.h>).
#[repr(C)]
struct Queued {
    signal: i32,
    errno: i32,
    code: i32,
    sender: Sender,
}

/// Aligned as a pointer, because its last field may be one.
#[repr(C)]
struct Sender {
    pid: i32,
    uid: u32,
    value: usize,
}

const _: () = assert!(size_of::<Queued>() <= size_of::<libc::siginfo_t>());
const _: () = assert!(align_of::<Queued>() <= align_of::<libc::siginfo_t>());

/// The real-time signal that carries changes.
struct Carrier {
    signal: i32,
}

impl Carrier {
    /// Installs the handler for the highest real-time signal that has no handler, or that still has this one.
    fn claim() -> Option<Carrier> {
        let ours = action_of(change_mask);
        let is_free = |action: libc::sigaction| {
            action.sa_sigaction == libc::SIG_DFL || action.sa_sigaction == ours.sa_sigaction
        };
        let signal = (libc::SIGRTMIN()..=libc::SIGRTMAX())
            .rev()
            .find(|signal| current(*signal).is_ok_and(is_free))?;
        replace(signal, &ours).ok().map(|_| Carrier { signal })
    }

    /// Sends a change to a thread. Returns false if the thread has ended meanwhile.
    fn send(&self, thread: i32, change: Change, signals: Bits) -> bool {
        // SAFETY: a siginfo is plain data, for which zeros are a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let queued = Queued {
            signal: self.signal,
            errno: change as i32,
            code: libc::SI_QUEUE,
            sender: Sender {
                // SAFETY: the call cannot fail.
                pid: unsafe { libc::getpid() },
                // A value of 32 bits, as on 32-bit machines, holds half of the signals. The kernel passes the user on as it is.
                uid: (signals >> 32) as u32,
                value: signals as u32 as usize,
            },
        };
        // SAFETY: a siginfo begins with these fields and is longer.
        unsafe { (&raw mut info).cast::<Queued>().write(queued) };
        // Counted before the call, because the handler may run within it.
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

    /// Removes the handler, unless a change is still pending: the signal's default action would end the process.
    fn release(self) {
        if DONE.load(Ordering::SeqCst) < SENT.load(Ordering::SeqCst) {
            return;
        }
        // SAFETY: a sigaction of zeros is the default action without flags.
        let default: libc::sigaction = unsafe { std::mem::zeroed() };
        // The action was set by `claim`, so it can be set again.
        let _ = replace(self.signal, &default);
    }
}

/// The handler: changes the mask that the interrupted thread gets back when the handler returns.
extern "C" fn change_mask(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo and ucontext to a handler with SA_SIGINFO. `send` wrote the value. sigaddset and
    // sigdelset are async-signal-safe (signal-safety(7)), and so are atomic operations.
    unsafe {
        if (*info).si_code != libc::SI_QUEUE || (*info).si_pid() != libc::getpid() {
            return;
        }
        let signals = Bits::from((*info).si_uid()) << 32 | (*info).si_value().sival_ptr as Bits;
        let wanted = WANTED.load(Ordering::SeqCst);
        let blocks = (*info).si_errno == Change::Block as i32;
        // A signal is left as it is if the opposite change was decided since this one was sent.
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

/// The signals that an instruction raises in the thread that executes it. If a thread blocks such a signal, the kernel ends the
/// process instead of calling the runtime's handler.
const FAULTS: [i32; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// Calls `start`, and makes the threads that it starts block all signals except faults. Handlers then run on the process's other
/// threads, and no wait of these threads is interrupted. A thread has the mask from its first instruction on.
pub fn start_quiet<T>(start: impl FnOnce() -> T) -> T {
    let mut all = set_of(&[]);
    let mut before = set_of(&[]);
    // SAFETY: the sets outlive the calls. A new thread has the mask of the thread that starts it (pthread_create(3)).
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
