//! The handle that the glue has of the driver `uv`: it starts the driver and controls it.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::os::fd::RawFd;
use std::ptr;
use std::rc::Rc;

use edgepoll::reactor::BusyPoll;
use edgepoll::{Call, Errno};
use napi::{sys, Error};

use super::libuv::{Libuv, UV_POLL, UV_PREPARE, UV_TIMER};
use super::state::{on_cleanup, Memory, State};
use crate::driver::task::Task;
use crate::node::{self, CallError};

/// A `uv_poll` handle in the event loop of the environment.
pub(crate) struct UvDriver {
    state: *mut State,
    closed: Rc<Cell<bool>>,
}

impl UvDriver {
    pub(in crate::driver) fn start(
        env: sys::napi_env,
        fd: RawFd,
        task: Rc<dyn Task>,
    ) -> Result<UvDriver, CallError> {
        let libuv = Libuv::find()
            .ok_or_else(|| Error::from_reason("this host has no libuv: use the thread driver"))?;
        let mut event_loop = ptr::null_mut();
        // SAFETY: `env` is live because the caller is inside a call from JavaScript.
        let status = unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) };
        node::check(status, "napi_get_uv_event_loop")?;
        let memory = |kind| -> Memory {
            // SAFETY: the function accepts any number and returns 0 for a handle type that it does not know.
            let size = unsafe { (libuv.handle_size)(kind) };
            (0..size.div_ceil(8)).map(|_| UnsafeCell::new(0)).collect()
        };
        let busy_poll = task.messages().map(|_| RefCell::new(BusyPoll::new()));
        let (prepare, timer) = if task.call_after() > 0 || busy_poll.is_some() {
            (memory(UV_PREPARE), memory(UV_TIMER))
        } else {
            (Memory::default(), Memory::default())
        };
        let closed = Rc::new(Cell::new(false));
        let state = Box::into_raw(Box::new(State {
            libuv,
            env,
            event_loop: event_loop.cast(),
            fd,
            inside: Cell::new(false),
            handle: memory(UV_POLL),
            prepare,
            timer,
            busy_poll,
            timer_runs: Cell::new(false),
            open: Cell::new(1),
            hook: Cell::new(ptr::null_mut()),
            task,
            armed: Cell::new(true),
            closing: Cell::new(false),
            closed: Rc::clone(&closed),
        }));
        // SAFETY: the box was made just now, and no other pointer to it exists yet.
        let this = unsafe { &*state };
        // SAFETY: the handle's memory has the size that libuv asked for, and it does not move until `on_close`.
        let status = unsafe { (libuv.poll_init)(event_loop.cast(), this.raw(), fd) };
        if status != 0 {
            // SAFETY: libuv has not taken the handle, so no callback will free the state.
            drop(unsafe { Box::from_raw(state) });
            // libuv tries whether the descriptor can be watched. On Linux, its error numbers are the kernel's, negated.
            return Err(CallError::Failed(Call::Register.name(), -status));
        }
        // SAFETY: `data` is the first field of every libuv handle, and libuv leaves it to the user.
        unsafe { this.raw().cast::<*mut State>().write(state) };
        if let Some(prepare) = this.prepare() {
            this.open.set(3);
            // SAFETY: the memory of both handles is as that of the poll handle, and these calls cannot fail. Neither handle
            // keeps the loop alive.
            unsafe {
                (libuv.prepare_init)(event_loop.cast(), prepare);
                (libuv.timer_init)(event_loop.cast(), this.timer());
                for handle in [prepare, this.timer()] {
                    handle.cast::<*mut State>().write(state);
                    (libuv.unref)(handle);
                }
            }
        }
        let mut hook = ptr::null_mut();
        // SAFETY: `on_close` frees the state and then removes the hook, in one callback, so the hook finds the state alive.
        let status = unsafe {
            sys::napi_add_async_cleanup_hook(env, Some(on_cleanup), state.cast(), &raw mut hook)
        };
        this.hook.set(hook);
        let driver = UvDriver { state, closed };
        if let Err(error) = node::check(status, "napi_add_async_cleanup_hook") {
            driver.close();
            return Err(error.into());
        }
        // SAFETY: the handle was initialised above.
        unsafe { (libuv.unref)(this.raw()) };
        this.start();
        Ok(driver)
    }

    fn state(&self) -> Option<&State> {
        // SAFETY: the state is freed only after `closed` was set, and on this thread.
        (!self.closed.get()).then(|| unsafe { &*self.state })
    }

    /// Checks that the host can go on watching the descriptor after something was added to it; see [`State::enter`].
    pub(in crate::driver) fn admit(&self) -> Result<(), Errno> {
        self.state().map_or(Ok(()), State::enter)
    }

    pub(in crate::driver) fn arm(&self) -> Result<(), Errno> {
        self.state().map_or(Ok(()), State::arm)
    }

    pub(in crate::driver) fn refer(&self) {
        if let Some(state) = self.state() {
            // SAFETY: the handle was initialised, and its memory lives as long as the state.
            unsafe { (state.libuv.refer)(state.raw()) };
        }
    }

    pub(in crate::driver) fn unref(&self) {
        if let Some(state) = self.state() {
            // SAFETY: the handle was initialised, and its memory lives as long as the state.
            unsafe { (state.libuv.unref)(state.raw()) };
        }
    }

    pub(in crate::driver) fn close(&self) {
        if let Some(state) = self.state() {
            state.close();
        }
    }
}
