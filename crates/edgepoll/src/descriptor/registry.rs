//! Which numbers this process's copy of the package owns, and what has to be undone when one is closed.
//!
//! It must never hold a number twice, and never close one that it was not given. Called by the glue, from any thread.

use std::collections::hash_map::{Entry, HashMap};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::signal::Caught;
use crate::kernel::descriptor as raw;
use crate::kernel::Errno;

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

/// Keeps a number from outside.
///
/// # Errors
/// EBADF when it is not open, EPERM for stdio, EEXIST when it is held already.
pub fn adopt(number: RawFd, owner: usize) -> Result<(), Errno> {
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
    let Held { fd, caught, .. } = take(number, owner).ok_or(Errno::EBADF)?;
    let result = raw::close(fd);
    drop(caught);
    result
}

/// Lets go of a number without closing it; true if this owner held it. Signals that it caught are given back.
pub fn release(number: RawFd, owner: usize) -> bool {
    let Some(Held { fd, caught, .. }) = take(number, owner) else {
        return false;
    };
    std::mem::forget(fd);
    drop(caught);
    true
}

/// Closes everything that an owner left open.
pub fn close_all(owner: usize) {
    let numbers: Vec<RawFd> = match lock().as_ref() {
        Some(map) => map
            .iter()
            .filter(|(_, held)| held.owner == owner)
            .map(|(number, _)| *number)
            .collect(),
        None => Vec::new(),
    };
    for number in numbers {
        // The owner is gone: nobody is left to be told of a failure.
        let _ = close(number, owner);
    }
}

#[cfg(test)]
mod tests {
    use super::{close, hold, release};
    use crate::kernel::Errno;

    #[test]
    fn stale_owner_neither_closes_nor_releases_what_its_number_is_now() {
        let (stale, heir) = (1, 2);
        let (reader, _writer) = crate::descriptor::pipe().expect("two descriptors");
        // Held by the stale owner before, closed by number, and given out again to the heir.
        let number = hold(reader, heir, None);
        assert_eq!(close(number, stale), Err(Errno::EBADF));
        assert!(!release(number, stale));
        assert!(crate::kernel::epoll::is_open(number));
        assert_eq!(close(number, heir), Ok(()));
        assert_eq!(close(number, heir), Err(Errno::EBADF));
    }
}
