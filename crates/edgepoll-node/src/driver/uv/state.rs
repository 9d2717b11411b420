//! The state of the driver `uv`: its libuv handles and their callbacks.
//!
//! The state is freed in the last close callback of libuv, never before.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::os::fd::RawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;

use edgepoll::kernel::epoll::{self, Operation};
use edgepoll::reactor::BusyPoll;
use edgepoll::readiness::bits;
use edgepoll::Errno;
use napi::sys;

use super::busy_poll::{cpu_time, is_ours_first};
use super::libuv::{Handle, Libuv, UV_READABLE};
use crate::driver::task::{Next, Task};
use crate::node;

/// How many times in a row the task is called in place of a sleep before the event loop must complete a turn.
const CALLS_IN_A_ROW: u32 = 16;

/// The memory of a handle, of the size that the running libuv asks for. libuv writes to it while Rust has shared references to
/// it.
pub(super) type Memory = Box<[UnsafeCell<u64>]>;

fn address(memory: &Memory) -> Handle {
    UnsafeCell::raw_get(memory.as_ptr()).cast()
}

/// What the `data` pointers of the handles point to.
pub(super) struct State {
    pub(super) libuv: Libuv,
    pub(super) env: sys::napi_env,
    pub(super) event_loop: *mut c_void,
    pub(super) fd: RawFd,
    /// Whether the descriptor is known to be in libuv's epoll set. It stays there until the handle is closed.
    pub(super) inside: Cell<bool>,
    /// The `uv_poll_t`.
    pub(super) handle: Memory,
    /// The `uv_prepare_t`, which calls back when the loop is about to wait; empty for a task that does not need it.
    pub(super) prepare: Memory,
    /// The `uv_timer_t` of the same task. It wakes the loop and does nothing else.
    pub(super) timer: Memory,
    /// Decides whether the loop polls before it sleeps; for a task that counts messages.
    pub(super) busy_poll: Option<RefCell<BusyPoll>>,
    pub(super) timer_runs: Cell<bool>,
    /// How many handles libuv still uses.
    pub(super) open: Cell<u8>,
    pub(super) hook: Cell<sys::napi_async_cleanup_hook_handle>,
    pub(super) task: Rc<dyn Task>,
    pub(super) armed: Cell<bool>,
    pub(super) closing: Cell<bool>,
    /// Shared with the driver, which may outlive this state.
    pub(super) closed: Rc<Cell<bool>>,
}

/// The data of an event as libuv reads it: it takes `fd` of the union `epoll_data`, an int in the first bytes.
fn data_of(fd: RawFd) -> u64 {
    let mut data = [0; size_of::<u64>()];
    data[..size_of::<RawFd>()].copy_from_slice(&fd.to_ne_bytes());
    u64::from_ne_bytes(data)
}

impl State {
    /// The poll handle.
    pub(super) fn raw(&self) -> Handle {
        address(&self.handle)
    }

    /// The prepare handle, if the task needs one.
    pub(super) fn prepare(&self) -> Option<Handle> {
        (!self.prepare.is_empty()).then(|| address(&self.prepare))
    }

    /// The timer of a task that has a prepare handle.
    pub(super) fn timer(&self) -> Handle {
        address(&self.timer)
    }

    /// Puts the descriptor into libuv's own epoll set, with no events, unless it is already there.
    ///
    /// libuv itself does so only in its loop's next turn, and aborts the process if the kernel then refuses: for epoll
    /// descriptors in a circle, or for too many wake-up paths to one file. It accepts that the descriptor is already there. While
    /// it is there, the kernel refuses a registration that would close a circle at once.
    pub(super) fn enter(&self) -> Result<(), Errno> {
        if self.inside.get() || self.closing.get() {
            return Ok(());
        }
        match self.control(Operation::Add, 0) {
            Ok(()) | Err(Errno::EEXIST) => self.inside.set(true),
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Changes the descriptor's registration in libuv's own epoll set. The data of an event is the descriptor's number, as in
    /// libuv's registrations.
    fn control(&self, operation: Operation, events: u32) -> Result<(), Errno> {
        // SAFETY: the loop lives longer than its handles, one of which is ours.
        let host = unsafe { (self.libuv.backend_fd)(self.event_loop) };
        let data = data_of(self.fd);
        // SAFETY: both descriptors are open: libuv's as long as its loop, and ours because its owner closes the driver first.
        // The registration belongs to our own handle, and libuv relies only on the descriptor's number in its events.
        unsafe { epoll::control(host, operation, self.fd, events, data) }
    }

    pub(super) fn start(&self) {
        // SAFETY: the handles were initialised and are not closing. Both calls fail only for a closing handle.
        unsafe {
            (self.libuv.poll_start)(self.raw(), UV_READABLE, on_poll);
            if let Some(prepare) = self.prepare() {
                (self.libuv.prepare_start)(prepare, on_prepare);
            }
        }
    }

    /// Watches the descriptor again, by the kernel alone and without libuv's knowledge. To stop and start a libuv handle takes the
    /// descriptor out of the set and puts it in again, and for that the kernel walks through everything that ours watches.
    pub(super) fn arm(&self) -> Result<(), Errno> {
        if self.closing.get() || self.armed.get() {
            return Ok(());
        }
        self.control(Operation::Modify, bits::READABLE)?;
        self.armed.set(true);
        Ok(())
    }

    fn disarm(&self) {
        // If the kernel refuses, the descriptor is not in the set any more, and then there are no events of it.
        if !self.closing.get() && self.armed.replace(false) {
            let _ = self.control(Operation::Modify, 0);
        }
    }

    /// Runs a part of the task. After a panic the state of the task is unknown, so the driver stops and the process gets an
    /// uncaught exception.
    fn guard<T>(&self, run: impl FnOnce() -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(run)).ok();
        if result.is_none() {
            self.close();
            node::throw_uncaught(self.env, "edgepoll: a panic stopped the driver");
        }
        result
    }

    /// Calls the task, because the descriptor is readable.
    fn serve(&self) {
        let next = self.guard(|| self.task.ready(self.env));
        if let Some(busy_poll) = &self.busy_poll {
            let messages = self.task.messages().unwrap_or(0);
            busy_poll.borrow_mut().add_messages(messages);
        }
        // After `Pause` the descriptor is still watched. A consumer that comes back before the next event saves two system
        // calls.
        if next == Some(Next::Stop) {
            self.disarm();
        }
    }

    /// In place of a sleep, polls for the next event, if that costs less. The loop has done all its other work, and an event of
    /// another handle ends the polling.
    fn poll_before_wait(&self) {
        let Some(busy_poll) = &self.busy_poll else {
            return;
        };
        for _ in 0..CALLS_IN_A_ROW {
            let longest = busy_poll.borrow_mut().before_wait(cpu_time);
            let Some(longest) = longest.filter(|_| self.would_sleep()) else {
                return;
            };
            // SAFETY: the loop lives longer than its handles.
            let host = unsafe { (self.libuv.backend_fd)(self.event_loop) };
            // SAFETY: both descriptors are open: libuv's as long as its loop, and ours because its owner closes the driver
            // first.
            let found = unsafe { is_ours_first(host, self.fd, longest) };
            busy_poll.borrow_mut().after_poll(found);
            if !found {
                return;
            }
            self.serve();
        }
    }

    /// Whether the loop will wait for longer than any polling lasts ([`BusyPoll::LONGEST`]).
    fn would_sleep(&self) -> bool {
        if self.closing.get() || !self.armed.get() {
            return false;
        }
        // The loop's time was taken before its last turn, which may have been long, so it is updated first.
        // SAFETY: the loop lives longer than its handles.
        let milliseconds = unsafe {
            (self.libuv.update_time)(self.event_loop);
            (self.libuv.backend_timeout)(self.event_loop)
        };
        !(0..=2).contains(&milliseconds)
    }

    pub(super) fn close(&self) {
        if !self.closing.replace(true) {
            // SAFETY: the handles were initialised, and because of the flag each is closed once.
            unsafe {
                (self.libuv.close)(self.raw(), on_close);
                if let Some(prepare) = self.prepare() {
                    (self.libuv.close)(prepare, on_close);
                    (self.libuv.close)(self.timer(), on_close);
                }
            }
        }
    }
}

/// libuv's callback when the poll descriptor is readable, or has failed: then the task's own system call reports the error.
unsafe extern "C" fn on_poll(handle: Handle, _status: c_int, _events: c_int) {
    // SAFETY: `data` was set at the start and points to the state, which lives until the last call of `on_close`.
    let state = unsafe { &**handle.cast::<*const State>() };
    state.serve();
}

/// libuv's callback when the loop is about to wait.
unsafe extern "C" fn on_prepare(handle: Handle) {
    // SAFETY: `data` was set at the start and points to the state, which lives until the last call of `on_close`.
    let state = unsafe { &**handle.cast::<*const State>() };
    // SAFETY: the loop lives longer than its handles.
    let now = unsafe { (state.libuv.now)(state.event_loop) };
    state.poll_before_wait();
    let later = state.guard(|| state.task.before_wait(state.env, now));
    let later = later.filter(|later| *later > 0 && !state.closing.get());
    if let Some(later) = later.filter(|_| !state.timer_runs.replace(true)) {
        // SAFETY: the handle was initialised and is not closing.
        unsafe { (state.libuv.timer_start)(state.timer(), on_timer, later, 0) };
    }
}

/// libuv's callback of the timer. It makes the loop start a turn, so that `on_prepare` is called again before the loop waits.
unsafe extern "C" fn on_timer(handle: Handle) {
    // SAFETY: `data` was set at the start and points to the state, which lives until the last call of `on_close`.
    let state = unsafe { &**handle.cast::<*const State>() };
    state.timer_runs.set(false);
}

/// libuv's callback when it has closed a handle and does not use its memory any more.
unsafe extern "C" fn on_close(handle: Handle) {
    // SAFETY: `data` was set at the start and points to the state, which lives until the last call of this function.
    let raw = unsafe { *handle.cast::<*mut State>() };
    // SAFETY: as above.
    let open = unsafe { &(*raw).open };
    open.set(open.get() - 1);
    if open.get() > 0 {
        return;
    }
    // SAFETY: libuv calls this once per handle, so this is the last call, and no other code frees the state.
    let state = unsafe { Box::from_raw(raw) };
    state.closed.set(true);
    state.task.stopped();
    let hook = state.hook.get();
    drop(state);
    if !hook.is_null() {
        // SAFETY: the hook was added together with this handle, and it is removed once. The environment can then go on ending.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
}

/// Node-API's callback when the environment ends. It ends only after `on_close` has removed the hook.
pub(super) unsafe extern "C" fn on_cleanup(
    _hook: sys::napi_async_cleanup_hook_handle,
    state: *mut c_void,
) {
    // SAFETY: `on_close` frees the state and removes the hook in one callback, so Node-API calls this only while the state lives.
    unsafe { &*state.cast::<State>() }.close();
}
