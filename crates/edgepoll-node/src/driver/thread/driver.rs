//! The handle that the glue has of the driver `thread`: it starts the thread and controls it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use edgepoll::descriptor::signal::start_quiet;
use edgepoll::Call;
use napi::{sys, Error};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::function;
use super::state::{on_cleanup, State};
use super::watcher::{watch, Function, Shared};
use crate::driver::immediate::Immediate;
use crate::driver::task::Task;
use crate::node::{self, CallError};

/// The thread and its way into JavaScript.
pub(crate) struct ThreadDriver {
    env: sys::napi_env,
    state: Rc<State>,
    /// The numbers of its own descriptors.
    descriptors: Vec<RawFd>,
}

impl ThreadDriver {
    pub(in crate::driver) fn start(
        env: sys::napi_env,
        fd: RawFd,
        task: Rc<dyn Task>,
    ) -> Result<ThreadDriver, CallError> {
        let control = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| CallError::Failed(Call::OpenEvent.name(), errno as i32))?;
        let shared = Arc::new(Shared::new(control));
        let state = Rc::new(State::new(env, task, Arc::clone(&shared)));
        state.function.set(function::make(env, &state)?);
        let mut driver = ThreadDriver {
            env,
            state,
            descriptors: Vec::new(),
        };
        match driver
            .find_immediate()
            .and_then(|()| driver.run(fd, shared))
        {
            Ok(descriptors) => driver.descriptors = descriptors,
            Err(error) => {
                driver.close();
                return Err(error);
            }
        }
        driver.unref();
        Ok(driver)
    }

    /// Prepares the host's `setImmediate`, with a function that does nothing once this driver is gone.
    fn find_immediate(&self) -> Result<(), CallError> {
        let state = Rc::downgrade(&self.state);
        let went_round = move || {
            if let Some(state) = state.upgrade() {
                state.went_round();
            }
        };
        *self.state.immediate.borrow_mut() = Immediate::new(self.env, went_round)?;
        Ok(())
    }

    /// Adds the clean-up hook and starts the thread. Returns the descriptors that the thread uses.
    fn run(&self, fd: RawFd, shared: Arc<Shared>) -> Result<Vec<RawFd>, CallError> {
        let state = &self.state;
        // SAFETY: the state lives until the finalizer of the function, and `close` removes the hook before that.
        let status =
            unsafe { sys::napi_add_env_cleanup_hook(self.env, Some(on_cleanup), state.context()) };
        node::check(status, "napi_add_env_cleanup_hook")?;
        state.hooked.set(true);
        // The thread has a duplicate of its own. So it never polls another file, even if the original number is closed and
        // used again.
        // SAFETY: `fd` is open, because its owner has opened it and is calling this.
        let watched = unsafe { BorrowedFd::borrow_raw(fd) }
            .try_clone_to_owned()
            .map_err(failed("fcntl"))?;
        let descriptors = vec![watched.as_raw_fd(), shared.control.as_fd().as_raw_fd()];
        let function = Function(state.function.get());
        let builder = std::thread::Builder::new().name("edgepoll".into());
        let run = move || watch(&watched, &shared, &function);
        let thread = start_quiet(|| builder.spawn(run)).map_err(failed("clone"))?;
        *state.thread.borrow_mut() = Some(thread);
        Ok(descriptors)
    }

    pub(in crate::driver) fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
    }

    pub(in crate::driver) fn arm(&self) {
        self.state.arm(self.state.task.call_after());
    }

    /// No wait is pending any more. The thread makes no call for the time alone, because that would give the event loop a turn for
    /// nothing.
    pub(in crate::driver) fn forget_time(&self) {
        if let Some(shared) = &*self.state.shared.borrow() {
            shared.needs_time.store(false, Ordering::Release);
        }
    }

    pub(in crate::driver) fn refer(&self) {
        if !self.state.closed.get() {
            // SAFETY: the function is released only after `closed` was set, and on this thread.
            unsafe { sys::napi_ref_threadsafe_function(self.env, self.state.function.get()) };
        }
    }

    pub(in crate::driver) fn unref(&self) {
        if !self.state.closed.get() {
            // SAFETY: the function is released only after `closed` was set, and on this thread.
            unsafe { sys::napi_unref_threadsafe_function(self.env, self.state.function.get()) };
        }
    }

    pub(in crate::driver) fn close(&self) {
        self.state.close();
    }
}

fn failed(call: &'static str) -> impl Fn(std::io::Error) -> CallError {
    move |error| match error.raw_os_error() {
        Some(errno) => CallError::Failed(call, errno),
        None => CallError::Host(Error::from_reason(format!("edgepoll: {error}"))),
    }
}
