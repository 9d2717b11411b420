//! The thread that waits in poll(2) or select(2), because these have no descriptor that announces for them.
//!
//! It must never read, write or report what is ready: it says that something may be, by an eventfd, and sleeps
//! until it is asked again. Used by the poll and select engines; it is joined before they are gone.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::kernel::descriptor::threads::start_quiet;
use crate::kernel::poll::{poll, poll_entry};
use crate::Errno;

/// What an engine waits for: a copy of its set, which the thread owns.
pub(super) trait Bed: Send + 'static {
    /// Waits until something of the set, or `control`, is ready. Gives true for the set.
    fn sleep(&mut self, control: RawFd) -> Result<bool, Errno>;
}

/// What the thread is to do, changed by the owner alone.
struct Order<B> {
    /// A set to wait for instead of the last one.
    bed: Option<B>,
    /// Somebody waits. The thread takes this back with its announcement, the owner with `withdraw`.
    wanted: bool,
    stop: bool,
}

struct Shared<B> {
    order: Mutex<Order<B>>,
    /// Wakes the thread to read its order.
    control: EventFd,
    /// Readable: something may be ready.
    signal: EventFd,
}

pub(super) struct Sleeper<B> {
    shared: Arc<Shared<B>>,
    /// Started by the first order.
    thread: Option<JoinHandle<()>>,
}

fn eventfd() -> Result<EventFd, Errno> {
    EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(Errno::from_nix)
}

impl<B: Bed> Sleeper<B> {
    pub(super) fn new() -> Result<Sleeper<B>, Errno> {
        Ok(Sleeper {
            shared: Arc::new(Shared {
                order: Mutex::new(Order {
                    bed: None,
                    wanted: false,
                    stop: false,
                }),
                control: eventfd()?,
                signal: eventfd()?,
            }),
            thread: None,
        })
    }

    /// Announces once something is ready; `bed` replaces the set, if it has changed.
    pub(super) fn order(&mut self, bed: Option<B>) -> Result<(), Errno> {
        {
            let mut order = self.lock();
            let is_news = bed.is_some() || !order.wanted;
            if bed.is_some() {
                order.bed = bed;
            }
            order.wanted = true;
            if !is_news {
                return Ok(());
            }
        }
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let builder = std::thread::Builder::new().name("edgepoll-sleep".into());
            let started = start_quiet(|| builder.spawn(move || run(&shared)));
            self.thread = Some(started.map_err(|_| Errno::EAGAIN)?);
        }
        self.nudge();
        Ok(())
    }

    /// Nobody waits. In its sleep the thread holds the files of its set: one that is closed meanwhile would stay
    /// open behind its owner's back, and a socket's peer would see no end.
    pub(super) fn withdraw(&self) {
        if std::mem::take(&mut self.lock().wanted) {
            self.nudge();
        }
    }

    /// Takes the announcement: what was announced is being looked at.
    pub(super) fn taken(&self) {
        // EAGAIN: there was none, somebody just looks.
        let _ = self.shared.signal.read();
    }

    pub(super) fn announcer(&self) -> BorrowedFd<'_> {
        self.shared.signal.as_fd()
    }

    /// The descriptor that select's thread must be able to wait for.
    pub(super) fn control(&self) -> RawFd {
        self.shared.control.as_fd().as_raw_fd()
    }

    fn nudge(&self) {
        // Fails only when the counter is full, and then the thread is awake already.
        let _ = self.shared.control.write(1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Order<B>> {
        // The thread holds the lock for assignments only; a panic cannot leave them half done.
        self.shared
            .order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Drop for Sleeper<B> {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.shared
            .order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stop = true;
        // As in `nudge`.
        let _ = self.shared.control.write(1);
        // The thread waits for nobody else, so this is short. A panic in it has nothing left to spoil.
        let _ = thread.join();
    }
}

/// The thread's whole life.
fn run<B: Bed>(shared: &Shared<B>) {
    let control = shared.control.as_fd().as_raw_fd();
    let mut bed = None;
    loop {
        // Before the order is read: one that comes after this wakes us again.
        let _ = shared.control.read();
        let wanted = {
            let mut order = shared.order.lock().unwrap_or_else(PoisonError::into_inner);
            if order.stop {
                return;
            }
            if order.bed.is_some() {
                bed = order.bed.take();
            }
            order.wanted
        };
        let woken = match bed.as_mut().filter(|_| wanted) {
            Some(bed) => bed.sleep(control),
            None => poll(&mut [poll_entry(control, libc::POLLIN)], true).map(|_| false),
        };
        match woken {
            Ok(false) | Err(Errno::EINTR) => {}
            // EBADF or ENOMEM: whoever looks will meet it, and tell it.
            Ok(true) | Err(_) => {
                shared
                    .order
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .wanted = false;
                // Full is readable as well.
                let _ = shared.signal.write(1);
            }
        }
    }
}
