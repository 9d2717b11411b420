//! Files whose events the kernel reports once, to the first poll: a thread polls them and keeps the events.
//!
//! The host's loop or the driver's thread watches a poller's own epoll descriptor, and its wait polls every file in there that
//! has an event. For the pressure files, /proc/self/mounts and the like, that poll consumes the event, and the poller's wait finds
//! nothing afterwards. So these files are in an epoll set of their own, on which only the relay's thread waits. The thread adds
//! each event to the file's registration, and makes an eventfd readable, which is in the poller's set.
//!
//! The thread never waits for room or for a consumer: it keeps only one mask per registration. It keeps no file open.

mod table;
mod thread;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use nix::sys::eventfd::{EfdFlags, EventFd};

use self::table::Watched;
use self::thread::{poll_now, run, Shared};
use super::bits;
use super::engine::{Readiness, Refusal};
use crate::kernel::descriptor::threads::start_quiet;
use crate::kernel::epoll::{Epoll, Operation};
use crate::{Errno, Token};

/// The token of the relay's eventfd in the poller's set, and of the eventfd that ends the thread in the relay's set. No registration
/// has its index.
pub(super) const RELAY: Token = Token {
    index: u32::MAX,
    generation: u32::MAX,
};

/// The bits that a file of procfs or cgroup2 reports once. Its other bits last as long as their condition.
const ONCE: u32 = bits::PRIORITY | bits::ERROR;

/// The relay's registrations and its thread. The drop joins the thread.
pub(super) struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Level-triggered registrations whose event was reported. It is reported again for as long as the condition lasts.
    again: Vec<u64>,
    /// The interest of the poller's own set in [`Relay::wait_fd`].
    pub(super) interest: u32,
}

impl Relay {
    pub(super) fn new() -> Result<Relay, Errno> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let eventfd = || EventFd::from_flags(flags).map_err(Errno::from_nix);
        let shared = Arc::new(Shared {
            epoll: Epoll::new()?,
            table: Mutex::default(),
            ready: eventfd()?,
            wake: eventfd()?,
            stop: AtomicBool::new(false),
        });
        let wake = shared.wake.as_fd().as_raw_fd();
        shared
            .epoll
            .control_number(Operation::Add, wake, bits::READABLE, RELAY.to_bits())?;
        let seen = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name("edgepoll-relay".into());
        let thread =
            start_quiet(|| builder.spawn(move || run(&seen))).map_err(|_| Errno::EAGAIN)?;
        Ok(Relay {
            shared,
            thread: Some(thread),
            again: Vec::new(),
            interest: bits::READABLE,
        })
    }

    /// Readable while the relay has an event.
    pub(super) fn wait_fd(&self) -> BorrowedFd<'_> {
        self.shared.ready.as_fd()
    }

    pub(super) fn own_descriptors(&self) -> [RawFd; 3] {
        [
            self.shared.epoll.as_raw_fd(),
            self.shared.ready.as_fd().as_raw_fd(),
            self.shared.wake.as_fd().as_raw_fd(),
        ]
    }

    /// Watches `fd`. Also reports an earlier event that no poll has consumed.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); nothing has changed then.
    pub(super) fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let token = token.to_bits();
        let once = if interest & bits::POLL_CONSUMES == 0 {
            ONCE
        } else {
            bits::POLLABLE | bits::ERROR
        };
        // Edge-triggered, for all bits. So the thread wakes once per change, however long a condition lasts. And a change of the
        // interest needs no epoll_ctl(2), which would poll the file and lose the event that it finds.
        let events = if interest & bits::EXCLUSIVE == 0 {
            bits::POLLABLE | interest & bits::WAKEUP
        } else {
            interest & (bits::POLLABLE | bits::EXCLUSIVE | bits::WAKEUP)
        };
        let mut table = self.shared.lock();
        // EPOLL_CTL_ADD polls the file as well, and if it finds an event, it only lets the next wait poll again. So a poll(2)
        // before it consumes the event that is there. An event within the microsecond between these two calls is lost, as it is
        // for every user of epoll.
        let before = poll_now(fd)?;
        let epoll = &self.shared.epoll;
        if let Err(errno) = epoll.control_number(Operation::Add, fd, events | bits::EDGE, token) {
            // EEXIST: the event that the poll has consumed belongs to the existing registration.
            if errno == Errno::EEXIST && table.add_event_of(fd, before) {
                self.shared.set_ready();
            }
            return Err(errno.into());
        }
        table.watched.insert(
            token,
            Watched {
                fd,
                interest,
                armed: true,
                once,
                kept: before & once,
                queued: false,
            },
        );
        // EPOLL_CTL_ADD makes the kernel report lasting bits to the thread, so for an edge trigger they are not added here: they
        // would be reported twice.
        let is_edge = interest & (bits::EDGE | bits::ONESHOT) == bits::EDGE;
        if table.add_event(token, if is_edge { before & once } else { before }) {
            self.shared.set_ready();
        }
        Ok(())
    }

    /// Changes the interest, and rearms a oneshot registration.
    ///
    /// # Errors
    /// ENOENT if the descriptor was closed, EINVAL for an exclusive registration.
    pub(super) fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let token = token.to_bits();
        let mut table = self.shared.lock();
        if !self.is_same_file(fd) {
            return Err(Errno::ENOENT.into());
        }
        let watched = table.watched.get_mut(&token).ok_or(Errno::ENOENT)?;
        if (watched.interest | interest) & bits::EXCLUSIVE != 0 {
            return Err(Errno::EINVAL.into());
        }
        let now = poll_now(fd)?;
        watched.interest = interest;
        watched.armed = true;
        let mask = watched.kept | now;
        self.again.retain(|reported| *reported != token);
        if table.add_event(token, mask) {
            self.shared.set_ready();
        }
        Ok(())
    }

    /// Ends a registration.
    ///
    /// # Errors
    /// ENOENT or EBADF if the descriptor was closed before.
    pub(super) fn remove(&mut self, fd: RawFd, token: Token) -> Result<(), Errno> {
        self.forget(token);
        self.shared
            .epoll
            .control_number(Operation::Delete, fd, 0, 0)
    }

    /// Drops the registration of a descriptor that was closed.
    pub(super) fn forget(&mut self, token: Token) {
        let token = token.to_bits();
        let mut table = self.shared.lock();
        table.watched.remove(&token);
        table.queue.retain(|queued| *queued != token);
        self.again.retain(|reported| *reported != token);
    }

    /// Whether the number still stands for the file that was added. Returns true if the kernel cannot tell.
    pub(super) fn is_same_file(&self, fd: RawFd) -> bool {
        self.shared.epoll.is_same_file(fd)
    }

    /// Makes [`Relay::wait_fd`] readable if the condition of a level-triggered event that was reported still lasts.
    pub(super) fn begin_wait(&mut self) {
        let Relay { shared, again, .. } = self;
        if again.is_empty() {
            return;
        }
        let mut table = shared.lock();
        table.enqueue_all(again);
        if !shared.refresh(&mut table).is_empty() {
            shared.set_ready();
        }
    }

    /// Writes the events that are ready now into `found`, without blocking, and returns their number.
    ///
    /// # Errors
    /// The error that ended the thread.
    pub(super) fn try_wait(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let Relay { shared, again, .. } = self;
        // EAGAIN: the eventfd was not readable. Then only level-triggered registrations that were reported before can be ready.
        let was_readable = shared.ready.read().is_ok();
        if !was_readable && again.is_empty() {
            return Ok(0);
        }
        let mut table = shared.lock();
        if let Some(errno) = table.failure.take() {
            return Err(errno);
        }
        table.enqueue_all(again);
        let ready = shared.refresh(&mut table);
        let count = ready.len().min(found.len());
        for (place, (token, mask)) in found.iter_mut().zip(ready) {
            let table = &mut *table;
            table.queue.pop_front();
            *place = Readiness {
                token: Token::from_bits(token),
                mask,
            };
            let Some(watched) = table.watched.get_mut(&token) else {
                continue;
            };
            watched.queued = false;
            watched.kept = 0;
            if watched.interest & bits::ONESHOT != 0 {
                watched.armed = false;
            } else if watched.interest & bits::EDGE == 0 {
                again.push(token);
            }
        }
        if !table.queue.is_empty() {
            shared.set_ready();
        }
        Ok(count)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.shared.stop.store(true, Ordering::Release);
        // Fails only if the counter is full, and then it is readable already.
        let _ = self.shared.wake.write(1);
        // The thread waits only on its set, which contains `wake`, so the join takes little time. A panic of the thread could
        // harm nothing that is left.
        let _ = thread.join();
    }
}
