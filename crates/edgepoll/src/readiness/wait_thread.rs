//! The thread that waits in poll(2) or select(2), which have no descriptor to wait on.
//!
//! The thread reports nothing itself. It makes an eventfd readable when something may be ready, and does not wait again until the
//! owner begins another wait. The drop of the owner joins it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::kernel::descriptor::threads::start_quiet;
use crate::kernel::poll::{poll, poll_entry};
use crate::Errno;

/// A copy of an engine's set, which the thread owns.
pub(super) trait WaitSet: Send + 'static {
    /// Waits until something of the set, or `wake`, is ready. Returns true if something of the set is.
    fn wait(&mut self, wake: RawFd) -> Result<bool, Errno>;
}

/// What the thread has to do. Only the owner changes it, except that the thread clears `wanted`.
struct Order<S> {
    /// A set to wait for, instead of the last one.
    set: Option<S>,
    /// Whether the owner waits. The thread clears it when something is ready, and the owner with [`WaitThread::end`].
    wanted: bool,
    stop: bool,
}

struct Shared<S> {
    order: Mutex<Order<S>>,
    /// Wakes the thread, so that it reads the order.
    wake: EventFd,
    /// Readable when something may be ready.
    ready: EventFd,
}

impl<S> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, Order<S>> {
        // The lock is held only for assignments, so a panic cannot leave the order half changed.
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // Fails only if the counter is full, and then the thread is awake already.
        let _ = self.wake.write(1);
    }
}

pub(super) struct WaitThread<S> {
    shared: Arc<Shared<S>>,
    /// The first order starts it.
    thread: Option<JoinHandle<()>>,
}

fn eventfd() -> Result<EventFd, Errno> {
    EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK).map_err(Errno::from_nix)
}

impl<S: WaitSet> WaitThread<S> {
    pub(super) fn new() -> Result<WaitThread<S>, Errno> {
        Ok(WaitThread {
            shared: Arc::new(Shared {
                order: Mutex::new(Order {
                    set: None,
                    wanted: false,
                    stop: false,
                }),
                wake: eventfd()?,
                ready: eventfd()?,
            }),
            thread: None,
        })
    }

    /// Begins to wait for something to be ready. `set` replaces the thread's set, if it has changed.
    pub(super) fn begin(&mut self, set: Option<S>) -> Result<(), Errno> {
        {
            let mut order = self.shared.lock();
            let is_new = set.is_some() || !order.wanted;
            if set.is_some() {
                order.set = set;
            }
            order.wanted = true;
            if !is_new {
                return Ok(());
            }
        }
        if self.thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let builder = std::thread::Builder::new().name("edgepoll-sleep".into());
            let started = start_quiet(|| builder.spawn(move || run(&shared)));
            self.thread = Some(started.map_err(|_| Errno::EAGAIN)?);
        }
        self.shared.wake();
        Ok(())
    }

    /// Ends the wait. While the thread waits, the kernel holds the files of its set: a file that its owner closes meanwhile would
    /// stay open, and a socket's peer would see no end.
    pub(super) fn end(&self) {
        if std::mem::take(&mut self.shared.lock().wanted) {
            self.shared.wake();
        }
    }

    /// Makes [`WaitThread::wait_fd`] no longer readable.
    pub(super) fn clear(&self) {
        // EAGAIN means that it was not readable.
        let _ = self.shared.ready.read();
    }

    /// The descriptor to wait on.
    pub(super) fn wait_fd(&self) -> BorrowedFd<'_> {
        self.shared.ready.as_fd()
    }

    /// The descriptor that wakes the thread. select(2) can wait for it only if it is below its limit.
    pub(super) fn wake_fd(&self) -> RawFd {
        self.shared.wake.as_fd().as_raw_fd()
    }
}

impl<S> Drop for WaitThread<S> {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.shared.lock().stop = true;
        self.shared.wake();
        // The thread waits only for `wake` and its set, so the join takes little time. A panic of the thread could harm nothing that
        // is left.
        let _ = thread.join();
    }
}

/// The thread's function. Runs until the owner is dropped.
fn run<S: WaitSet>(shared: &Shared<S>) {
    let wake = shared.wake.as_fd().as_raw_fd();
    let mut set = None;
    loop {
        // Cleared before the order is read, so that a later order wakes the thread again.
        let _ = shared.wake.read();
        let wanted = {
            let mut order = shared.lock();
            if order.stop {
                return;
            }
            if order.set.is_some() {
                set = order.set.take();
            }
            order.wanted
        };
        let is_ready = match set.as_mut().filter(|_| wanted) {
            Some(set) => set.wait(wake),
            None => poll(&mut [poll_entry(wake, libc::POLLIN)], true).map(|_| false),
        };
        match is_ready {
            Ok(false) | Err(Errno::EINTR) => {}
            // EBADF or ENOMEM: the engine's next wait gets the same error and reports it.
            Ok(true) | Err(_) => {
                shared.lock().wanted = false;
                // Fails only if the counter is full, and then it is readable already.
                let _ = shared.ready.write(1);
            }
        }
    }
}
