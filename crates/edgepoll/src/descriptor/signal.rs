//! Signals as a descriptor: which may be caught, and how many descriptors share one.
//!
//! It must never take a signal that says that this program is broken, and never leave one caught that nobody reads.
//! Called by the glue.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::transfer::{self, Manner};
use crate::kernel::descriptor::lifted;
use crate::kernel::descriptor::memory::Space;
use crate::kernel::descriptor::signal::{self as kernel, Before};
use crate::Errno;

pub use crate::kernel::descriptor::threads::start_quiet;

/// Nobody can catch the first two; the others are raised by the instruction that they are about, and a thread that
/// blocks them is ended.
const REFUSED: [i32; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// Bytes of one signalfd_siginfo.
const RECORD: usize = 128;

/// Per signal: what was there before, and how many descriptors read it.
static CAUGHT: Mutex<Option<HashMap<i32, (Before, usize)>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<HashMap<i32, (Before, usize)>>> {
    CAUGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Signals that a descriptor reads. The last one to go gives each back to what handled it before.
#[derive(Debug)]
pub struct Caught(Vec<i32>);

impl Caught {
    fn all(signals: &[i32]) -> Result<Caught, Errno> {
        let mut map = lock();
        let map = map.get_or_insert_default();
        let masks = kernel::masks();
        // Grows with each that is caught, so that a failure gives exactly those back.
        let mut caught = Vec::with_capacity(signals.len());
        for signal in signals {
            let result = match map.get_mut(signal) {
                Some((_, count)) => {
                    *count += 1;
                    kernel::block(*signal);
                    Ok(())
                }
                None => kernel::catch(*signal, &masks).map(|before| {
                    map.insert(*signal, (before, 1));
                }),
            };
            if let Err(errno) = result {
                give_back(map, &caught);
                return Err(errno);
            }
            caught.push(*signal);
        }
        kernel::spread(&caught);
        Ok(Caught(caught))
    }
}

fn give_back(map: &mut HashMap<i32, (Before, usize)>, signals: &[i32]) {
    let mut released = Vec::new();
    for signal in signals {
        let Some((_, count)) = map.get_mut(signal) else {
            continue;
        };
        *count -= 1;
        if *count == 0 {
            released.extend(map.remove(signal).map(|(before, _)| before));
        }
    }
    if !released.is_empty() {
        kernel::release(&released);
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        if let Some(map) = lock().as_mut() {
            give_back(map, &self.0);
        }
    }
}

/// Whether a signal can be read from a descriptor.
#[must_use]
pub fn can_catch(signal: i32) -> bool {
    (1..=libc::SIGRTMAX()).contains(&signal) && !REFUSED.contains(&signal)
}

/// A descriptor that reads these signals, which do nothing else from now on (signalfd(2)).
///
/// # Errors
/// EINVAL for a signal that cannot be caught, EMFILE, ENFILE, ENODEV, ENOMEM.
pub fn signalfd(signals: &[i32]) -> Result<(OwnedFd, Caught), Errno> {
    if !signals.iter().all(|signal| can_catch(*signal)) {
        return Err(Errno::EINVAL);
    }
    let mut signals = signals.to_vec();
    signals.sort_unstable();
    signals.dedup();
    let fd = kernel::open(&signals)?;
    let caught = Caught::all(&signals)?;
    Ok((fd, caught))
}

/// The caught signals are unblocked in this thread until the value is dropped.
#[derive(Debug)]
pub struct Lifted(#[allow(dead_code, reason = "it is dropped")] lifted::Lifted);

/// Unblocks the signals that open descriptors read in this thread, so that a child which it starts meanwhile does not begin with
/// them blocked. A signal that comes meanwhile is kept, and can be read after the value was dropped.
///
/// `None` when there is no signal to unblock in this thread, and when this thread holds a [`Lifted`] already. Waits while another
/// thread holds one.
#[must_use]
pub fn lift() -> Option<Lifted> {
    let signals: Vec<i32> = lock()
        .as_ref()?
        .values()
        .filter_map(|(before, _)| before.liftable())
        .collect();
    if signals.is_empty() {
        return None;
    }
    lifted::lift(signals).map(Lifted)
}

/// Restores the earlier handlers of those signals that only one descriptor reads. Every thread goes on blocking these signals
/// until the descriptor is closed. For a runtime that changes a handler only if it is the runtime's own.
pub fn yield_to_others(signals: &[i32]) {
    let map = lock();
    for signal in signals {
        if let Some((before, 1)) = map.as_ref().and_then(|map| map.get(signal)) {
            before.put_back();
        }
    }
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its number.
    pub signal: i32,
    /// Where it comes from: SI_USER, SI_QUEUE, SI_KERNEL, CLD_EXITED …
    pub code: i32,
    /// The sending process, or the child that it is about.
    pub pid: u32,
    /// The sending user.
    pub uid: u32,
    /// A child's exit status or signal (SIGCHLD).
    pub status: i32,
    /// What sigqueue(3) sent along.
    pub value: i32,
}

/// How reading is kept from waiting: the same for every signalfd.
static MANNER: Manner = Manner::trying();

/// The next signal.
///
/// # Errors
/// EAGAIN when there is none; EBADF, EINVAL.
pub fn next(fd: BorrowedFd<'_>) -> Result<SignalInfo, Errno> {
    let mut record = [0; RECORD];
    transfer::read(fd, &Space::from(&mut record[..]), &MANNER)?;
    let field = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&record[at..at + 4]);
        u32::from_ne_bytes(bytes)
    };
    // signo, errno, code, pid, uid, fd, tid, band, overrun, trapno, status, int (signalfd(2)).
    Ok(SignalInfo {
        signal: field(0).cast_signed(),
        code: field(8).cast_signed(),
        pid: field(12),
        uid: field(16),
        status: field(40).cast_signed(),
        value: field(44).cast_signed(),
    })
}
