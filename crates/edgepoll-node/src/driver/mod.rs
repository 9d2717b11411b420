//! Drivers: libuv's loop or a thread of ours, which calls a task when its poll descriptor is readable.
//!
//! A driver does not read the events of the descriptor, and it ends before its environment does.

mod immediate;
mod task;
mod thread;
mod uv;

pub use immediate::use_immediate;
pub(crate) use task::{Next, Task};

use std::os::fd::RawFd;
use std::rc::Rc;

use edgepoll::Errno;
use napi::{sys, Error};

use crate::node::CallError;

/// The kind of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A `uv_poll` in the event loop of the environment. For Node.js only: Bun and Deno export libuv's names, but do not implement
    /// them.
    Uv,
    /// A thread in poll(2), which calls JavaScript through a thread-safe function.
    Thread,
}

impl Kind {
    /// The kind by its name.
    pub(crate) fn named(name: &str) -> napi::Result<Kind> {
        match name {
            "uv" => Ok(Kind::Uv),
            "thread" => Ok(Kind::Thread),
            other => Err(Error::from_reason(format!("no such driver: {other}"))),
        }
    }

    /// Whether libuv itself calls [`Task::ready`]. Then ticks and microtasks have run when a callback into JavaScript returns.
    /// A host that calls us through a thread-safe function runs them later.
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

    /// The descriptors that the driver has opened for itself.
    pub(crate) fn descriptors(&self) -> &[RawFd] {
        match self {
            Driver::Uv(_) => &[],
            Driver::Thread(driver) => driver.descriptors(),
        }
    }

    /// Checks that the host can go on watching the descriptor after something was added to it. The kernel refuses epoll
    /// descriptors in a circle, but as long as the host's loop does not watch ours, the circle is not closed.
    ///
    /// # Errors
    /// EINVAL, ELOOP, ENOMEM, ENOSPC (epoll_ctl(2)).
    pub(crate) fn admit(&self) -> Result<(), Errno> {
        match self {
            Driver::Uv(driver) => driver.admit(),
            Driver::Thread(_) => Ok(()),
        }
    }

    /// Watches the descriptor again, whatever [`Task::ready`] returned last.
    ///
    /// # Errors
    /// EBADF and ENOENT, when other code has closed the descriptor.
    pub(crate) fn arm(&self) -> Result<(), Errno> {
        match self {
            Driver::Uv(driver) => driver.arm(),
            Driver::Thread(driver) => {
                driver.arm();
                Ok(())
            }
        }
    }

    /// No wait is pending any more, so the driver need not call [`Task::before_wait`] only because time has passed.
    pub(crate) fn forget_time(&self) {
        match self {
            // The driver `uv` calls before_wait() only when the loop is about to wait.
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

    /// Stops the driver for good. [`Task::stopped`] follows, at once or in the event loop's next turn.
    pub(crate) fn close(&self) {
        match self {
            Driver::Uv(driver) => driver.close(),
            Driver::Thread(driver) => driver.close(),
        }
    }
}
