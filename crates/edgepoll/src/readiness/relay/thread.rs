//! The state that the relay shares with its thread, and the thread's function.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::eventfd::EventFd;

use super::super::bits;
use super::table::Table;
use crate::kernel::epoll::{Epoll, EpollEvent};
use crate::kernel::poll::{poll, poll_entry};
use crate::Errno;

/// The number of events that one wait of the thread takes. Further events come with the next wait.
const BATCH: usize = 32;

pub(super) struct Shared {
    /// Only the relay waits on this set, so no other poll takes an event of its files.
    pub(super) epoll: Epoll,
    pub(super) table: Mutex<Table>,
    /// Readable if the queue is not empty.
    pub(super) ready: EventFd,
    /// Wakes the thread, so that it ends.
    pub(super) wake: EventFd,
    pub(super) stop: AtomicBool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete in itself, so a panic cannot leave one half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the relay's descriptor readable.
    pub(super) fn set_ready(&self) {
        // Fails only if the counter is full, and then it is readable already.
        let _ = self.ready.write(1);
    }

    /// Polls every file in the queue, and removes those without an event. Returns the others, in order, with their events: lasting
    /// bits as they are now, and bits that the kernel reports once as they were kept.
    pub(super) fn refresh(&self, table: &mut Table) -> Vec<(u64, u32)> {
        let mut ready = Vec::with_capacity(table.queue.len());
        let Table { watched, queue, .. } = table;
        queue.retain(|token| {
            let Some(watched) = watched.get_mut(token) else {
                return false;
            };
            let mask = if self.epoll.is_same_file(watched.fd) {
                // If poll(2) fails, the kept bits are still reported.
                let now = poll_now(watched.fd).unwrap_or(0);
                watched.kept |= now & watched.once;
                watched.wanted(watched.kept | now)
            } else {
                bits::CLOSED
            };
            watched.queued = watched.armed && mask != 0;
            if watched.queued {
                ready.push((*token, mask));
            }
            watched.queued
        });
        ready
    }
}

/// The bits that poll(2) reports for `fd` now.
pub(super) fn poll_now(fd: RawFd) -> Result<u32, Errno> {
    let mut entry = [poll_entry(fd, i16::try_from(bits::POLLABLE).unwrap_or(0))];
    match poll(&mut entry, false) {
        Ok(_) => Ok(u32::from(entry[0].revents.cast_unsigned())
            & (bits::POLLABLE | bits::ERROR | bits::HANGUP)),
        // poll(2) was interrupted before it found anything, so nothing is ready.
        Err(Errno::EINTR) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// The thread's function. Runs until `wake` is readable or its wait fails.
pub(super) fn run(shared: &Shared) {
    let mut events = [EpollEvent { events: 0, u64: 0 }; BATCH];
    loop {
        let result = shared.epoll.wait(&mut events);
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        match result {
            Ok(count) => {
                let mut table = shared.lock();
                let mut has_new = false;
                for event in &events[..count] {
                    has_new |= table.add_event(event.u64, event.events);
                }
                if has_new {
                    shared.set_ready();
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                // The relay's next wait reports the error. Trying again in a loop would keep a processor busy for ever.
                shared.lock().failure = Some(errno);
                shared.set_ready();
                return;
            }
        }
    }
}
