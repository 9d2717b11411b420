//! Who announces that a poll descriptor is readable: libuv's loop, or a thread of ours.
//!
//! A driver must never take out what is ready, and never outlive its environment. Made by the bindings.

mod immediate;
mod thread;
mod uv;

pub use immediate::use_immediate;

use std::os::fd::RawFd;
use std::rc::Rc;

use edgepoll::Errno;
use napi::sys;

use crate::node::CallError;

/// What a task says of the time after it was told that its descriptor is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It wants to be told again.
    Watch,
    /// It may want to soon. A driver to which that comes cheaper tells it once more.
    Pause,
    /// It does not until [`Driver::arm`].
    Stop,
}

/// What a driver drives. Called on the JavaScript thread only.
pub(crate) trait Task {
    /// The descriptor is readable.
    fn ready(&self, env: sys::napi_env) -> Next;

    /// Called when the host's loop is about to wait; `now` is a time in milliseconds. The `uv` driver gets a callback from the
    /// loop for that. The `thread` driver calls this before [`Task::ready`], and once [`Task::asks_after`] milliseconds have
    /// passed since a wait began. Gives the milliseconds after which it has to be called again at the latest; 0 for no limit.
    fn before_wait(&self, env: sys::napi_env, now: u64) -> u64 {
        let _ = (env, now);
        0
    }

    /// Milliseconds after the begin of a wait when [`Task::before_wait`] has to be called; 0 for never.
    fn asks_after(&self) -> u64 {
        0
    }

    /// Messages that the last [`Task::ready`] told, whose answers may bring the next ones soon. The `uv` driver may look for
    /// those before the loop sleeps; not for a task that gives none at its start.
    fn told(&self) -> Option<usize> {
        None
    }

    /// The driver has stopped for good: let go of everything of JavaScript's, and of the descriptor.
    fn stopped(&self);
}

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `uv_poll` in the environment's own loop. Node only: Bun and Deno export the name without the thing.
    Uv,
    /// A thread in poll(2), which wakes JavaScript through a thread-safe function.
    Thread,
}

impl Kind {
    /// By its name in TypeScript, which has checked it.
    pub(crate) fn named(name: &str) -> Kind {
        if name == "uv" {
            Kind::Uv
        } else {
            Kind::Thread
        }
    }

    /// True when [`Task::ready`] is called from libuv itself: ticks and microtasks then run when a callback made
    /// from it returns. The host runs them later when it called us through a thread-safe function.
    pub(crate) fn calls_bare(self) -> bool {
        self == Kind::Uv
    }
}

/// A running driver. It does not keep the process alive until [`Driver::refer`].
pub(crate) enum Driver {
    Uv(uv::UvDriver),
    Thread(thread::ThreadDriver),
}

impl Driver {
    pub(crate) fn start(
        kind: Kind,
        env: sys::napi_env,
        fd: RawFd,
        task: Rc<dyn Task>,
    ) -> Result<Driver, CallError> {
        match kind {
            Kind::Uv => uv::UvDriver::start(env, fd, task).map(Driver::Uv),
            Kind::Thread => thread::ThreadDriver::start(env, fd, task).map(Driver::Thread),
        }
    }

    /// The descriptors that it opened for itself.
    pub(crate) fn descriptors(&self) -> &[RawFd] {
        match self {
            Driver::Uv(_) => &[],
            Driver::Thread(driver) => driver.descriptors(),
        }
    }

    /// Whether the host can go on watching the descriptor that is driven, now that something was added to it. The kernel
    /// refuses epoll descriptors in a circle, but while the host's loop does not watch ours there is none yet.
    ///
    /// # Errors
    /// EINVAL, ELOOP, ENOMEM, ENOSPC (epoll_ctl(2)).
    pub(crate) fn admit(&self) -> Result<(), Errno> {
        match self {
            Driver::Uv(driver) => driver.admit(),
            Driver::Thread(_) => Ok(()),
        }
    }

    /// Watches again, whatever [`Task::ready`] gave last.
    ///
    /// # Errors
    /// EBADF and ENOENT, when somebody else has closed the descriptor.
    pub(crate) fn arm(&self) -> Result<(), Errno> {
        match self {
            Driver::Uv(driver) => driver.arm(),
            Driver::Thread(driver) => {
                driver.arm();
                Ok(())
            }
        }
    }

    /// Nothing waits any more, so [`Task::before_wait`] need not be called for the time alone.
    pub(crate) fn forget_time(&self) {
        match self {
            // The `uv` driver calls before_wait() only when the loop is about to wait.
            Driver::Uv(_) => {}
            Driver::Thread(driver) => driver.forget_time(),
        }
    }

    /// Keeps the process alive.
    pub(crate) fn refer(&self) {
        match self {
            Driver::Uv(driver) => driver.refer(),
            Driver::Thread(driver) => driver.refer(),
        }
    }

    /// Lets the process end.
    pub(crate) fn unref(&self) {
        match self {
            Driver::Uv(driver) => driver.unref(),
            Driver::Thread(driver) => driver.unref(),
        }
    }

    /// Stops for good. [`Task::stopped`] follows, at once or when the loop comes round.
    pub(crate) fn close(&self) {
        match self {
            Driver::Uv(driver) => driver.close(),
            Driver::Thread(driver) => driver.close(),
        }
    }
}
