//! signalfd(2): signals as a descriptor. Several descriptors may read one signal; it is caught while there is at least one.
//!
//! A signal that reports a fault of this program, as SIGSEGV, cannot be caught.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::transfer::{self, TransferMethods};
use crate::kernel::descriptor::memory::Space;
use crate::kernel::descriptor::signal::{self as kernel, Previous};
use crate::Errno;

pub use crate::kernel::descriptor::threads::start_quiet;
pub use crate::kernel::descriptor::unblocked::Unblocked;

/// The first two cannot be caught. An instruction raises the others in the thread that executes it, and the kernel ends the
/// process if that thread blocks them.
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

/// The size of one signalfd_siginfo.
const RECORD: usize = 128;

/// One value serves every signalfd, because all are files of one kind.
static METHODS: TransferMethods = TransferMethods::no_wait_flag();

/// For each caught signal its earlier state, and the number of descriptors that read it.
static CAUGHT: Mutex<Option<HashMap<i32, (Previous, usize)>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<HashMap<i32, (Previous, usize)>>> {
    CAUGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The signals that one descriptor reads. The drop restores the earlier handler of each signal that no other descriptor reads.
#[derive(Debug)]
pub struct Caught(Vec<i32>);

impl Caught {
    fn all(signals: &[i32]) -> Result<Caught, Errno> {
        let mut map = lock();
        let map = map.get_or_insert_default();
        let masks = kernel::masks();
        // The signals caught so far. If one fails, exactly these are released.
        let mut caught = Vec::with_capacity(signals.len());
        for signal in signals {
            let result = match map.get_mut(signal) {
                Some((_, count)) => {
                    *count += 1;
                    kernel::block_here(*signal);
                    Ok(())
                }
                None => kernel::catch(*signal, &masks).map(|previous| {
                    map.insert(*signal, (previous, 1));
                }),
            };
            if let Err(errno) = result {
                release(map, &caught);
                return Err(errno);
            }
            caught.push(*signal);
        }
        kernel::block_in_all_threads(&caught);
        Ok(Caught(caught))
    }
}

fn release(map: &mut HashMap<i32, (Previous, usize)>, signals: &[i32]) {
    let mut unused = Vec::new();
    for signal in signals {
        let Some((_, count)) = map.get_mut(signal) else {
            continue;
        };
        *count -= 1;
        if *count == 0 {
            unused.extend(map.remove(signal).map(|(previous, _)| previous));
        }
    }
    if !unused.is_empty() {
        kernel::restore(&unused);
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        if let Some(map) = lock().as_mut() {
            release(map, &self.0);
        }
    }
}

/// Whether a descriptor can read the signal.
#[must_use]
pub fn can_catch(signal: i32) -> bool {
    (1..=libc::SIGRTMAX()).contains(&signal) && !REFUSED.contains(&signal)
}

/// Creates a descriptor that reads these signals. While the [`Caught`] exists, they have no other effect.
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

/// Unblocks the caught signals in this thread, so that a child which it starts meanwhile does not begin with them blocked. A
/// signal that arrives meanwhile is stored, and can be read after the value was dropped.
///
/// Returns `None` if there is no signal to unblock in this thread, and if this thread has an [`Unblocked`] already. Waits while
/// another thread has one.
#[must_use]
pub fn unblock_for_child() -> Option<Unblocked> {
    let signals: Vec<i32> = lock()
        .as_ref()?
        .values()
        .filter_map(|(previous, _)| previous.unblockable())
        .collect();
    if signals.is_empty() {
        return None;
    }
    kernel::unblock_for_child(signals)
}

/// Restores the earlier handler of each of these signals that only one descriptor reads. All threads go on blocking the signals
/// until the descriptor is closed. This is for a runtime that changes a handler only if the handler is the runtime's own.
pub fn restore_handlers(signals: &[i32]) {
    let map = lock();
    for signal in signals {
        if let Some((previous, 1)) = map.as_ref().and_then(|map| map.get(signal)) {
            previous.restore_handler();
        }
    }
}

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignalInfo {
    /// Its number.
    pub signal: i32,
    /// How it was sent: SI_USER, SI_QUEUE, SI_KERNEL, CLD_EXITED …
    pub code: i32,
    /// The process that sent it; for SIGCHLD, the child.
    pub pid: u32,
    /// The user of that process.
    pub uid: u32,
    /// The child's exit status or signal (SIGCHLD).
    pub status: i32,
    /// The value that sigqueue(3) sent.
    pub value: i32,
}

/// Reads the next signal.
///
/// # Errors
/// EAGAIN when there is none; EBADF, EINVAL.
pub fn next(fd: BorrowedFd<'_>) -> Result<SignalInfo, Errno> {
    let mut record = [0; RECORD];
    transfer::read(fd, &Space::from(&mut record[..]), &METHODS)?;
    let field = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&record[at..at + 4]);
        u32::from_ne_bytes(bytes)
    };
    // The fields in order: signo, errno, code, pid, uid, fd, tid, band, overrun, trapno, status, int (signalfd(2)).
    Ok(SignalInfo {
        signal: field(0).cast_signed(),
        code: field(8).cast_signed(),
        pid: field(12),
        uid: field(16),
        status: field(40).cast_signed(),
        value: field(44).cast_signed(),
    })
}
