//! Which numbers this process's copy of the package owns, and what has to be undone when one is closed.
//!
//! It must never hold a number twice, and never close one that it was not given. Called by the glue, from any thread.

use std::collections::hash_map::{Entry, HashMap};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::signal::Caught;
use crate::kernel::descriptor as raw;
use crate::Errno;

struct Held {
    fd: OwnedFd,
    /// Whose it is: an environment. Its end closes what it left open.
    owner: usize,
    /// Signals that this descriptor reads; dropping it gives them back.
    caught: Option<Caught>,
}

static HELD: Mutex<Option<HashMap<RawFd, Held>>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<HashMap<RawFd, Held>>> {
    // Nothing in here panics between two changes, so a poisoned map is a whole one.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a descriptor that was just made; gives its number.
pub fn hold(fd: OwnedFd, owner: usize, caught: Option<Caught>) -> RawFd {
    let number = fd.as_raw_fd();
    let held = Held { fd, owner, caught };
    let stale = lock().get_or_insert_default().insert(number, held);
    if let Some(stale) = stale {
        // Somebody closed that number behind our back, and the kernel gave it out again: it has one owner, the new one.
        let Held { fd, caught, .. } = stale;
        std::mem::forget(fd);
        drop(caught);
    }
    number
}

/// Keeps a number from outside, which is closed by [`close`] or [`close_all`].
///
/// # Errors
/// EBADF when it is not open, EPERM for stdio, EEXIST when it is held already.
///
/// # Safety
/// As for [`FromRawFd::from_raw_fd`](std::os::fd::FromRawFd::from_raw_fd): if the number is open, the caller owns it and
/// hands it over. No other code closes it from now on.
#[allow(
    unsafe_code,
    reason = "a contract for the caller; what needs it is in kernel/"
)]
pub unsafe fn adopt(number: RawFd, owner: usize) -> Result<(), Errno> {
    if !crate::kernel::epoll::is_open(number) {
        return Err(Errno::EBADF);
    }
    if number <= libc::STDERR_FILENO {
        return Err(Errno::EPERM);
    }
    let mut map = lock();
    match map.get_or_insert_default().entry(number) {
        Entry::Occupied(_) => Err(Errno::EEXIST),
        Entry::Vacant(place) => {
            let fd = raw::adopt_number(number);
            place.insert(Held {
                fd,
                owner,
                caught: None,
            });
            Ok(())
        }
    }
}

/// Takes a number out that this owner holds. It may be somebody else's by now: closed behind its owner's back, and given
/// out again by the kernel.
fn take(number: RawFd, owner: usize) -> Option<Held> {
    match lock().get_or_insert_default().entry(number) {
        Entry::Occupied(place) if place.get().owner == owner => Some(place.remove()),
        _ => None,
    }
}

/// Closes a number that this owner holds, once.
///
/// # Errors
/// EBADF when this owner does not hold it, and whatever close(2) gives; it is not held any more in any case.
pub fn close(number: RawFd, owner: usize) -> Result<(), Errno> {
    take(number, owner).map_or(Err(Errno::EBADF), end)
}

/// Closes what was taken out of the map.
fn end(Held { fd, caught, .. }: Held) -> Result<(), Errno> {
    let result = raw::close(fd);
    drop(caught);
    result
}

/// Gives a number back to the caller without closing it; `None` if this owner does not hold it. If it is a signalfd, the
/// handlers of its signals are restored.
#[must_use = "dropping the descriptor closes it"]
pub fn release(number: RawFd, owner: usize) -> Option<OwnedFd> {
    let Held { fd, caught, .. } = take(number, owner)?;
    drop(caught);
    Some(fd)
}

/// Closes everything that an owner left open.
pub fn close_all(owner: usize) {
    // Out of the map under one lock: a number that was closed between two of them may be another owner's by then.
    let left: Vec<Held> = match lock().as_mut() {
        Some(map) => {
            let is_left = |_: &RawFd, held: &mut Held| held.owner == owner;
            map.extract_if(is_left).map(|(_, held)| held).collect()
        }
        None => Vec::new(),
    };
    for held in left {
        // The owner is gone: nobody is left to be told of a failure.
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

    /// No environment's: those are even addresses.
    const ENDING: usize = 1;
    const OTHER: usize = 3;

    fn held_by_the_ending_one() -> RawFd {
        hold(EventFd::new().expect("a descriptor").into(), ENDING, None)
    }

    /// Closes a number that it was handed, and gets the same one for something of its own.
    fn take_over(number: RawFd, source: &EventFd) -> Option<RawFd> {
        close(number, ENDING).ok()?;
        let copy = fcntl(source, FcntlArg::F_DUPFD_CLOEXEC(number)).expect("a descriptor");
        Some(hold(raw::adopt_number(copy), OTHER, None))
    }

    #[test]
    fn number_that_another_environment_got_meanwhile_outlives_the_end_of_its_first_one() {
        let source = EventFd::new().expect("a descriptor");
        for _ in 0..200 {
            let numbers: Vec<RawFd> = (0..64).map(|_| held_by_the_ending_one()).collect();
            let start = Barrier::new(2);
            // A set: while other tests run, the number may be one that is handed over later.
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
                assert_eq!(close(number, OTHER), Ok(()), "{number} is the other one's");
            }
            assert!(numbers.iter().all(|number| close(*number, ENDING).is_err()));
        }
    }

    #[test]
    fn stale_owner_neither_closes_nor_releases_what_its_number_is_now() {
        let (stale, heir) = (5, 7);
        // Held by the stale owner before, closed by number, and given out again to the heir.
        let number = hold(EventFd::new().expect("a descriptor").into(), heir, None);
        assert_eq!(close(number, stale), Err(Errno::EBADF));
        assert!(release(number, stale).is_none());
        assert!(crate::kernel::epoll::is_open(number));
        assert_eq!(close(number, heir), Ok(()));
        assert_eq!(close(number, heir), Err(Errno::EBADF));
    }
}
