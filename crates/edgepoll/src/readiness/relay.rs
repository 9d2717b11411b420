//! Files whose events the kernel reports once, to the first poll: a thread polls them and keeps the events.
//!
//! The host's loop or the driver's thread watches a poller's own epoll descriptor, and its wait polls every file in there that
//! has an event. For the pressure files, /proc/self/mounts and the like, that poll consumes the event, and the poller's look finds
//! nothing afterwards. So these files are in an epoll set of their own, on which only the relay's thread waits. The thread adds
//! each event to the file's registration, and makes an eventfd readable, which is in the poller's set.
//!
//! The thread must never wait for room or for a consumer: it keeps only one mask per registration. It must never keep a file
//! open. The drop of the relay joins it. Used by `poller.rs`.

use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::sys::eventfd::{EfdFlags, EventFd};

use super::bits;
use super::engine::{Readiness, Refusal};
use crate::kernel::descriptor::threads::start_quiet;
use crate::kernel::epoll::{Epoll, EpollEvent, Operation};
use crate::kernel::poll::{poll, poll_entry};
use crate::{Errno, Token};

/// The token of the relay's eventfd in the poller's set, and of the eventfd that ends the thread in the relay's set.
pub(super) const RELAY: Token = Token {
    index: u32::MAX,
    generation: u32::MAX,
};

/// Events that one wait of the thread takes; the rest come with the next.
const BATCH: usize = 32;

/// The bits that an interest can contain. The kernel always reports errors and hang-ups.
const ASKED: u32 = bits::READABLE | bits::PRIORITY | bits::WRITABLE | bits::READ_HANGUP;

/// The bits that a file of procfs or cgroup2 reports once. Its other bits last as long as their condition.
const ONCE: u32 = bits::PRIORITY | bits::ERROR;

/// One registration.
struct Watched {
    fd: RawFd,
    interest: u32,
    /// False for a oneshot that has fired, until it is armed again.
    armed: bool,
    /// The bits that are kept until the consumer gets them, because another poll would not report them again.
    once: u32,
    /// Which of these bits were reported since the last event.
    kept: u32,
    /// Whether it is in the queue.
    listed: bool,
}

impl Watched {
    fn wanted(&self, mask: u32) -> u32 {
        mask & (self.interest & ASKED | bits::ERROR | bits::HANGUP)
    }
}

#[derive(Default)]
struct Table {
    watched: HashMap<u64, Watched>,
    /// Tokens of registrations that may have an event, each once.
    queue: VecDeque<u64>,
    /// The thread has ended because of this.
    failure: Option<Errno>,
}

impl Table {
    /// Gives whether the registration was not in the queue before.
    fn list(&mut self, token: u64) -> bool {
        let Some(watched) = self.watched.get_mut(&token) else {
            return false;
        };
        if watched.listed {
            return false;
        }
        watched.listed = true;
        self.queue.push_back(token);
        true
    }

    fn list_all(&mut self, tokens: &mut Vec<u64>) {
        for token in tokens.drain(..) {
            self.list(token);
        }
    }

    /// Adds an event that the kernel reported to the thread. Gives whether the consumer has to be woken.
    fn told(&mut self, token: u64, mask: u32) -> bool {
        let Some(watched) = self.watched.get_mut(&token) else {
            // The file was unregistered meanwhile.
            return false;
        };
        watched.kept |= mask & watched.once;
        watched.armed && watched.wanted(mask) != 0 && self.list(token)
    }

    /// As [`Table::told`], for the registration of that number.
    fn told_of(&mut self, fd: RawFd, mask: u32) -> bool {
        let found = self.watched.iter().find(|(_, watched)| watched.fd == fd);
        let token = found.map(|(token, _)| *token);
        token.is_some_and(|token| self.told(token, mask))
    }
}

struct Shared {
    /// Only the relay waits on this set, so no other poll takes an event of its files.
    epoll: Epoll,
    table: Mutex<Table>,
    /// Readable: the queue is not empty.
    signal: EventFd,
    /// Wakes the thread to end.
    control: EventFd,
    stop: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Table> {
        // Each change under the lock is complete in itself; a panic cannot leave one half done.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        // Fails only when the counter is full, and then it is readable already.
        let _ = self.signal.write(1);
    }

    /// Whether the number still stands for the file that was added.
    fn holds(&self, fd: RawFd) -> bool {
        self.epoll.holds(fd)
    }

    /// Polls every file in the queue, and removes those without an event. Gives the others, in order, with their events: lasting
    /// bits as they are now, and bits that the kernel reports once as they were kept.
    fn refresh(&self, table: &mut Table) -> Vec<(u64, u32)> {
        let mut ready = Vec::with_capacity(table.queue.len());
        let Table { watched, queue, .. } = table;
        queue.retain(|token| {
            let Some(watched) = watched.get_mut(token) else {
                return false;
            };
            let mask = if self.holds(watched.fd) {
                // If poll(2) fails, the kept bits are still reported.
                let now = ask(watched.fd, ASKED).unwrap_or(0);
                watched.kept |= now & watched.once;
                watched.wanted(watched.kept | now)
            } else {
                bits::CLOSED
            };
            watched.listed = watched.armed && mask != 0;
            if watched.listed {
                ready.push((*token, mask));
            }
            watched.listed
        });
        ready
    }
}

pub(super) struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Level-triggered registrations whose event was reported. It is reported again as long as the condition lasts.
    again: Vec<u64>,
    /// The events that the poller's own set watches the announcer for.
    pub(super) asked: u32,
}

impl Relay {
    pub(super) fn new() -> Result<Relay, Errno> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let eventfd = || EventFd::from_flags(flags).map_err(Errno::from_nix);
        let shared = Arc::new(Shared {
            epoll: Epoll::new()?,
            table: Mutex::default(),
            signal: eventfd()?,
            control: eventfd()?,
            stop: AtomicBool::new(false),
        });
        let control = shared.control.as_fd().as_raw_fd();
        shared
            .epoll
            .control_number(Operation::Add, control, bits::READABLE, RELAY.to_bits())?;
        let seen = Arc::clone(&shared);
        let builder = std::thread::Builder::new().name("edgepoll-relay".into());
        let thread =
            start_quiet(|| builder.spawn(move || run(&seen))).map_err(|_| Errno::EAGAIN)?;
        Ok(Relay {
            shared,
            thread: Some(thread),
            again: Vec::new(),
            asked: bits::READABLE,
        })
    }

    /// Readable while the relay has an event.
    pub(super) fn announcer(&self) -> BorrowedFd<'_> {
        self.shared.signal.as_fd()
    }

    pub(super) fn descriptors(&self) -> [RawFd; 3] {
        [
            self.shared.epoll.as_raw_fd(),
            self.shared.signal.as_fd().as_raw_fd(),
            self.shared.control.as_fd().as_raw_fd(),
        ]
    }

    /// Watches `fd`. Also reports an earlier event that no poll has consumed.
    ///
    /// # Errors
    /// Those of epoll_ctl(2); nothing changed then.
    pub(super) fn add(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let token = token.to_bits();
        let once = if interest & bits::POLL_CONSUMES == 0 {
            ONCE
        } else {
            ASKED | bits::ERROR
        };
        // Edge-triggered, for all bits. So the thread wakes once per change, however long a condition lasts. And a change of the
        // interest needs no epoll_ctl(2), which would poll the file and lose the event that it finds.
        let asked = if interest & bits::EXCLUSIVE == 0 {
            ASKED | interest & bits::WAKEUP
        } else {
            interest & (ASKED | bits::EXCLUSIVE | bits::WAKEUP)
        };
        let mut table = self.shared.lock();
        // EPOLL_CTL_ADD polls the file as well, and if it finds an event, it only lets the next wait poll again. So a poll(2)
        // before it consumes the event that is there. An event within the microsecond between these two calls is lost, as it is
        // for every user of epoll.
        let before = ask(fd, ASKED)?;
        let epoll = &self.shared.epoll;
        if let Err(errno) = epoll.control_number(Operation::Add, fd, asked | bits::EDGE, token) {
            // EEXIST: the event that the poll has consumed belongs to the existing registration.
            if errno == Errno::EEXIST && table.told_of(fd, before) {
                self.shared.announce();
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
                listed: false,
            },
        );
        // EPOLL_CTL_ADD makes the kernel report lasting bits to the thread, so for an edge trigger they are not added here: they
        // would be reported twice.
        let is_edge = interest & (bits::EDGE | bits::ONESHOT) == bits::EDGE;
        if table.told(token, if is_edge { before & once } else { before }) {
            self.shared.announce();
        }
        Ok(())
    }

    /// Changes what is watched for, and arms a oneshot again.
    ///
    /// # Errors
    /// ENOENT when the descriptor was closed, EINVAL for an exclusive registration.
    pub(super) fn modify(&mut self, fd: RawFd, interest: u32, token: Token) -> Result<(), Refusal> {
        let token = token.to_bits();
        let mut table = self.shared.lock();
        if !self.shared.holds(fd) {
            return Err(Errno::ENOENT.into());
        }
        let watched = table.watched.get_mut(&token).ok_or(Errno::ENOENT)?;
        if (watched.interest | interest) & bits::EXCLUSIVE != 0 {
            return Err(Errno::EINVAL.into());
        }
        let found = ask(fd, ASKED)?;
        watched.interest = interest;
        watched.armed = true;
        let mask = watched.kept | found;
        self.again.retain(|told| *told != token);
        if table.told(token, mask) {
            self.shared.announce();
        }
        Ok(())
    }

    /// # Errors
    /// ENOENT or EBADF when the descriptor was closed before.
    pub(super) fn remove(&mut self, fd: RawFd, token: Token) -> Result<(), Errno> {
        self.forget(token);
        self.shared
            .epoll
            .control_number(Operation::Delete, fd, 0, 0)
    }

    /// The descriptor was closed.
    pub(super) fn forget(&mut self, token: Token) {
        let token = token.to_bits();
        let mut table = self.shared.lock();
        table.watched.remove(&token);
        table.queue.retain(|listed| *listed != token);
        self.again.retain(|told| *told != token);
    }

    pub(super) fn holds(&self, fd: RawFd) -> bool {
        self.shared.holds(fd)
    }

    /// The consumer waits again. If the condition of a reported level-triggered event still lasts, this announces it.
    pub(super) fn arm(&mut self) {
        let Relay { shared, again, .. } = self;
        if again.is_empty() {
            return;
        }
        let mut table = shared.lock();
        table.list_all(again);
        if !shared.refresh(&mut table).is_empty() {
            shared.announce();
        }
    }

    /// Writes what is ready now into `found`, and gives how many.
    ///
    /// # Errors
    /// The error that ended the thread.
    pub(super) fn look(&mut self, found: &mut [Readiness]) -> Result<usize, Errno> {
        let Relay { shared, again, .. } = self;
        // EAGAIN: nothing was announced. Then only level-triggered registrations whose event was reported before can be ready.
        let announced = shared.signal.read().is_ok();
        if !announced && again.is_empty() {
            return Ok(0);
        }
        let mut table = shared.lock();
        if let Some(errno) = table.failure.take() {
            return Err(errno);
        }
        table.list_all(again);
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
            watched.listed = false;
            watched.kept = 0;
            if watched.interest & bits::ONESHOT != 0 {
                watched.armed = false;
            } else if watched.interest & bits::EDGE == 0 {
                again.push(token);
            }
        }
        if !table.queue.is_empty() {
            shared.announce();
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
        // As in `announce`.
        let _ = self.shared.control.write(1);
        // The thread waits only on its set, which contains `control`, so the join takes little time. A panic of the thread could
        // harm nothing that is left.
        let _ = thread.join();
    }
}

/// What `fd` reports now: poll(2) without a wait.
fn ask(fd: RawFd, asked: u32) -> Result<u32, Errno> {
    let mut entry = [poll_entry(fd, i16::try_from(asked).unwrap_or(0))];
    match poll(&mut entry, false) {
        Ok(_) => {
            Ok(u32::from(entry[0].revents.cast_unsigned()) & (ASKED | bits::ERROR | bits::HANGUP))
        }
        // poll(2) was interrupted before it found anything: nothing is ready.
        Err(Errno::EINTR) => Ok(0),
        Err(errno) => Err(errno),
    }
}

/// The thread's function. Runs until `control` is readable or its wait fails.
fn run(shared: &Shared) {
    let mut events = [EpollEvent { events: 0, u64: 0 }; BATCH];
    loop {
        let result = shared.epoll.wait(&mut events);
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        match result {
            Ok(count) => {
                let mut table = shared.lock();
                let mut is_news = false;
                for event in &events[..count] {
                    is_news |= table.told(event.u64, event.events);
                }
                if is_news {
                    shared.announce();
                }
            }
            Err(Errno::EINTR) => {}
            Err(errno) => {
                // The next look reports the error. Trying again in a loop would keep a processor busy for ever.
                shared.lock().failure = Some(errno);
                shared.announce();
                return;
            }
        }
    }
}
