//! The descriptors that this process's copy of the package owns, by number, each with the environment that owns it.
//!
//! Every environment (the main thread, each worker) shares this table, because descriptor numbers belong to the process. The
//! table holds a number at most once, and closes only numbers that were given to it.

use std::collections::hash_map::{Entry, HashMap};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use edgepoll::descriptor;
use edgepoll::descriptor::signal::Caught;
use edgepoll::kernel::epoll::is_open;
use edgepoll::Errno;

struct Held {
    fd: OwnedFd,
    /// The address of the environment that owns the descriptor. When an environment ends, its open descriptors are closed.
    owner: usize,
    /// The signals that a signalfd reads. The drop restores their handlers.
    caught: Option<Caught>,
}

static HELD: Mutex<Option<HashMap<RawFd, Held>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<HashMap<RawFd, Held>>> {
    // No change of the map can panic halfway, so a poisoned map is still consistent.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stores a new descriptor and returns its number.
pub(super) fn hold(fd: OwnedFd, owner: usize, caught: Option<Caught>) -> RawFd {
    let number = fd.as_raw_fd();
    let held = Held { fd, owner, caught };
    let stale = lock().get_or_insert_default().insert(number, held);
    if let Some(stale) = stale {
        // Other code closed this number, and the kernel assigned it again. The new entry owns it, so the old one must not close
        // it.
        let Held { fd, caught, .. } = stale;
        std::mem::forget(fd);
        drop(caught);
    }
    number
}

/// Stores a number that other code opened. [`close`] or [`close_all`] closes it.
///
/// # Errors
/// EBADF when it is not open, EPERM for standard input, output and error, EEXIST when the table holds it already.
///
/// # Safety
/// As for [`FromRawFd::from_raw_fd`]: if the number is open, the caller owns it and hands it over. No other code closes it from
/// now on.
pub(super) unsafe fn adopt(number: RawFd, owner: usize) -> Result<(), Errno> {
    if !is_open(number) {
        return Err(Errno::EBADF);
    }
    if number <= libc::STDERR_FILENO {
        return Err(Errno::EPERM);
    }
    let mut map = lock();
    match map.get_or_insert_default().entry(number) {
        Entry::Occupied(_) => Err(Errno::EEXIST),
        Entry::Vacant(place) => {
            // SAFETY: the number is open, so it is not -1, and the caller hands it over.
            let fd = unsafe { OwnedFd::from_raw_fd(number) };
            place.insert(Held {
                fd,
                owner,
                caught: None,
            });
            Ok(())
        }
    }
}

/// Removes a number that this owner holds. The number may belong to another owner by now, if other code closed it and the kernel
/// assigned it again.
fn take(number: RawFd, owner: usize) -> Option<Held> {
    match lock().get_or_insert_default().entry(number) {
        Entry::Occupied(place) if place.get().owner == owner => Some(place.remove()),
        _ => None,
    }
}

/// Closes a number that this owner holds.
///
/// # Errors
/// EBADF when this owner does not hold it, and the errors of close(2). After any result the table no longer holds it for this
/// owner.
pub(super) fn close(number: RawFd, owner: usize) -> Result<(), Errno> {
    take(number, owner).map_or(Err(Errno::EBADF), end)
}

/// Closes an entry that was removed from the map.
fn end(Held { fd, caught, .. }: Held) -> Result<(), Errno> {
    let result = descriptor::close(fd);
    drop(caught);
    result
}

/// Returns a number to the caller without closing it; `None` if this owner does not hold it. If it is a signalfd, the handlers of
/// its signals are restored.
#[must_use = "dropping the descriptor closes it"]
pub(super) fn release(number: RawFd, owner: usize) -> Option<OwnedFd> {
    let Held { fd, caught, .. } = take(number, owner)?;
    drop(caught);
    Some(fd)
}

/// Closes every descriptor that an owner left open.
pub(super) fn close_all(owner: usize) {
    // All entries are removed under one lock. Between two locks a number could be closed and assigned to another owner.
    let left: Vec<Held> = match lock().as_mut() {
        Some(map) => {
            let is_left = |_: &RawFd, held: &mut Held| held.owner == owner;
            map.extract_if(is_left).map(|(_, held)| held).collect()
        }
        None => Vec::new(),
    };
    for held in left {
        // The owner has ended, so there is no caller to report an error to.
        let _ = end(held);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use nix::fcntl::{fcntl, FcntlArg};
    use nix::sys::eventfd::EventFd;

    use super::*;

    /// Odd numbers, because the address of an environment is even.
    const ENDING: usize = 1;
    const OTHER: usize = 3;

    fn held_by_ending() -> RawFd {
        hold(EventFd::new().expect("a descriptor").into(), ENDING, None)
    }

    /// Closes a number of the ending environment, and opens a descriptor of another environment under the same number.
    fn take_over(number: RawFd, source: &EventFd) -> Option<RawFd> {
        close(number, ENDING).ok()?;
        let copy = fcntl(source, FcntlArg::F_DUPFD_CLOEXEC(number)).expect("a descriptor");
        // SAFETY: the kernel has just opened the copy for this test.
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        Some(hold(copy, OTHER, None))
    }

    #[test]
    fn number_that_another_environment_got_meanwhile_outlives_the_end_of_its_first_one() {
        let source = EventFd::new().expect("a descriptor");
        for _ in 0..200 {
            let numbers: Vec<RawFd> = (0..64).map(|_| held_by_ending()).collect();
            let start = Barrier::new(2);
            // A set, because while other tests run a number may be taken over twice.
            let taken: HashSet<RawFd> = thread::scope(|scope| {
                let other = scope.spawn(|| {
                    start.wait();
                    let taken = numbers.iter().filter_map(|fd| take_over(*fd, &source));
                    taken.collect()
                });
                start.wait();
                close_all(ENDING);
                other.join().expect("no panic there")
            });
            for number in taken {
                assert_eq!(
                    close(number, OTHER),
                    Ok(()),
                    "{number} belongs to the other environment"
                );
            }
            assert!(numbers.iter().all(|number| close(*number, ENDING).is_err()));
        }
    }

    #[test]
    fn stale_owner_neither_closes_nor_releases_what_its_number_is_now() {
        let (stale, heir) = (5, 7);
        // The stale owner held this number before. It was closed by number, and the kernel assigned it again, to the heir.
        let number = hold(EventFd::new().expect("a descriptor").into(), heir, None);
        assert_eq!(close(number, stale), Err(Errno::EBADF));
        assert!(release(number, stale).is_none());
        assert!(is_open(number));
        assert_eq!(close(number, heir), Ok(()));
        assert_eq!(close(number, heir), Err(Errno::EBADF));
    }
}
