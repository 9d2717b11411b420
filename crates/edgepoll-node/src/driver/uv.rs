//! The driver in libuv's own loop: a level-triggered `uv_poll` on the poll descriptor, and no thread. Where that is cheaper
//! than a sleep, it looks for a while whether the descriptor is readable.
//!
//! libuv is found by `dlsym` at run time, so that the same file loads in hosts without it.
//! It must never free the handle before libuv's close callback, nor let an environment end with it open.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::{c_char, c_int, c_void, CStr};
use std::os::fd::{BorrowedFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use edgepoll::kernel::epoll::{self, Operation};
use edgepoll::reactor::BusyPoll;
use edgepoll::readiness::bits;
use edgepoll::Errno;
use napi::{sys, Error};
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::time::TimeValLike;
use nix::time::{clock_gettime, ClockId};

use super::{Next, Task};
use crate::node::{self, CallError};

/// uv.h: UV_POLL, UV_PREPARE and UV_TIMER in `uv_handle_type`, and UV_READABLE.
const UV_POLL: c_int = 8;
const UV_PREPARE: c_int = 9;
const UV_TIMER: c_int = 13;
const UV_READABLE: c_int = 1;
/// Turns that the task has in place of sleeps until the loop must go round.
const TURNS_IN_A_ROW: u32 = 16;

type Handle = *mut c_void;
type OnPoll = unsafe extern "C" fn(Handle, c_int, c_int);
type OnClose = unsafe extern "C" fn(Handle);
type HandleSize = unsafe extern "C" fn(c_int) -> usize;
type PollInit = unsafe extern "C" fn(*mut c_void, Handle, c_int) -> c_int;
type PollStart = unsafe extern "C" fn(Handle, c_int, OnPoll) -> c_int;
type OnPrepare = unsafe extern "C" fn(Handle);
type PrepareInit = unsafe extern "C" fn(*mut c_void, Handle) -> c_int;
type PrepareStart = unsafe extern "C" fn(Handle, OnPrepare) -> c_int;
type BackendFd = unsafe extern "C" fn(*const c_void) -> c_int;
type BackendTimeout = unsafe extern "C" fn(*const c_void) -> c_int;
type Now = unsafe extern "C" fn(*const c_void) -> u64;
type UpdateTime = unsafe extern "C" fn(*mut c_void);
type TimerStart = unsafe extern "C" fn(Handle, OnPrepare, u64, u64) -> c_int;
type Close = unsafe extern "C" fn(Handle, OnClose);
type Refer = unsafe extern "C" fn(Handle);

/// The functions of libuv that are used; their signatures have not changed since 1.0.
#[derive(Clone, Copy)]
struct Libuv {
    handle_size: HandleSize,
    poll_init: PollInit,
    poll_start: PollStart,
    prepare_init: PrepareInit,
    prepare_start: PrepareStart,
    timer_init: PrepareInit,
    timer_start: TimerStart,
    backend_fd: BackendFd,
    backend_timeout: BackendTimeout,
    now: Now,
    update_time: UpdateTime,
    close: Close,
    refer: Refer,
    unref: Refer,
}

impl Libuv {
    fn find() -> Option<Libuv> {
        fn symbol(name: &CStr) -> Option<*mut c_void> {
            let name: *const c_char = name.as_ptr();
            // SAFETY: `name` ends with NUL; the default handle searches what the host has loaded.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name) };
            (!found.is_null()).then_some(found)
        }
        // SAFETY: each symbol is the libuv function of that name, whose C signature is the field's type.
        unsafe {
            Some(Libuv {
                handle_size: std::mem::transmute::<*mut c_void, HandleSize>(symbol(
                    c"uv_handle_size",
                )?),
                poll_init: std::mem::transmute::<*mut c_void, PollInit>(symbol(c"uv_poll_init")?),
                poll_start: std::mem::transmute::<*mut c_void, PollStart>(symbol(
                    c"uv_poll_start",
                )?),
                prepare_init: std::mem::transmute::<*mut c_void, PrepareInit>(symbol(
                    c"uv_prepare_init",
                )?),
                prepare_start: std::mem::transmute::<*mut c_void, PrepareStart>(symbol(
                    c"uv_prepare_start",
                )?),
                timer_init: std::mem::transmute::<*mut c_void, PrepareInit>(symbol(
                    c"uv_timer_init",
                )?),
                timer_start: std::mem::transmute::<*mut c_void, TimerStart>(symbol(
                    c"uv_timer_start",
                )?),
                backend_fd: std::mem::transmute::<*mut c_void, BackendFd>(symbol(
                    c"uv_backend_fd",
                )?),
                backend_timeout: std::mem::transmute::<*mut c_void, BackendTimeout>(symbol(
                    c"uv_backend_timeout",
                )?),
                now: std::mem::transmute::<*mut c_void, Now>(symbol(c"uv_now")?),
                update_time: std::mem::transmute::<*mut c_void, UpdateTime>(symbol(
                    c"uv_update_time",
                )?),
                close: std::mem::transmute::<*mut c_void, Close>(symbol(c"uv_close")?),
                refer: std::mem::transmute::<*mut c_void, Refer>(symbol(c"uv_ref")?),
                unref: std::mem::transmute::<*mut c_void, Refer>(symbol(c"uv_unref")?),
            })
        }
    }
}

/// A handle's memory, of the size that the running libuv gives. libuv writes to it while we hold shared references.
type Memory = Box<[UnsafeCell<u64>]>;

/// What the handles' `data` points to. Freed in the last close callback, and nowhere else.
struct State {
    libuv: Libuv,
    env: sys::napi_env,
    event_loop: *mut c_void,
    fd: RawFd,
    /// It is known to be in libuv's set, where it stays until the handle is closed.
    inside: Cell<bool>,
    /// The `uv_poll_t`.
    handle: Memory,
    /// The `uv_prepare_t`, for a task that wants to know when the loop is about to wait, or may have it look first;
    /// empty otherwise.
    prepare: Memory,
    /// The `uv_timer_t` of the same task, which wakes the loop and does nothing else.
    timer: Memory,
    /// Whether the loop looks before it waits, for a task that tells what that takes.
    busy: Option<RefCell<BusyPoll>>,
    timer_runs: Cell<bool>,
    /// Handles that libuv has not given back.
    open: Cell<u8>,
    hook: Cell<sys::napi_async_cleanup_hook_handle>,
    task: Rc<dyn Task>,
    armed: Cell<bool>,
    closing: Cell<bool>,
    /// Shared with the driver, which may outlive this state.
    closed: Rc<Cell<bool>>,
}

fn address(memory: &Memory) -> Handle {
    UnsafeCell::raw_get(memory.as_ptr()).cast()
}

impl State {
    fn raw(&self) -> Handle {
        address(&self.handle)
    }

    /// The prepare handle, if the task wants one.
    fn prepare(&self) -> Option<Handle> {
        (!self.prepare.is_empty()).then(|| address(&self.prepare))
    }

    fn timer(&self) -> Handle {
        address(&self.timer)
    }

    /// Puts the descriptor into libuv's own set, for nothing yet, unless it is there. libuv does so only when its loop
    /// comes round, and aborts the process if the kernel refuses then: for epoll descriptors in a circle, or for too many
    /// ways to wake the same one. That it is there already libuv takes for granted. While it is, the kernel refuses
    /// whatever would close a circle at the moment that it is registered.
    fn enter(&self) -> Result<(), Errno> {
        if self.inside.get() || self.closing.get() {
            return Ok(());
        }
        match self.control(Operation::Add, 0) {
            Ok(()) | Err(Errno::EEXIST) => self.inside.set(true),
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Changes the descriptor's registration in libuv's own set; an event is told by the number, as libuv has it.
    fn control(&self, operation: Operation, events: u32) -> Result<(), Errno> {
        // SAFETY: the loop outlives its handles, one of which this is.
        let host = unsafe { (self.libuv.backend_fd)(self.event_loop) };
        let data = u64::from(self.fd.unsigned_abs());
        // SAFETY: both are open: libuv's as long as its loop, this one as long as its owner, which closes the driver first.
        // The registration is libuv's, which expects the events that it asked for to be set again before it waits.
        unsafe { epoll::control(host, operation, self.fd, events, data) }
    }

    fn start(&self) {
        // SAFETY: the handles were initialised and are not closing. Fails only for a closing handle.
        unsafe {
            (self.libuv.poll_start)(self.raw(), UV_READABLE, on_poll);
            if let Some(prepare) = self.prepare() {
                (self.libuv.prepare_start)(prepare, on_prepare);
            }
        }
    }

    /// Hears of the descriptor again. By the kernel alone, without libuv's knowledge: to stop and start a handle takes the
    /// descriptor out of the set and puts it in again, for which the kernel walks through all that ours watches.
    fn arm(&self) -> Result<(), Errno> {
        if self.closing.get() || self.armed.get() {
            return Ok(());
        }
        self.control(Operation::Modify, bits::READABLE)?;
        self.armed.set(true);
        Ok(())
    }

    fn disarm(&self) {
        // What cannot be changed is not in the set any more, and nothing is heard of it.
        if !self.closing.get() && self.armed.replace(false) {
            let _ = self.control(Operation::Modify, 0);
        }
    }

    /// Runs a part of the task. After a panic its state is unknown: it stops here, and the process is told why.
    fn guard<T>(&self, run: impl FnOnce() -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(run)).ok();
        if result.is_none() {
            self.close();
            node::throw_uncaught(self.env, "edgepoll: a panic stopped the driver");
        }
        result
    }

    /// The descriptor is readable.
    fn serve(&self) {
        let next = self.guard(|| self.task.ready(self.env));
        if let Some(busy) = &self.busy {
            busy.borrow_mut()
                .add_messages(self.task.told().unwrap_or(0));
        }
        // After a pause it is still watched: who comes back before the next event has spared both changes of that.
        if next == Some(Next::Stop) {
            self.disarm();
        }
    }

    /// In place of a sleep: looks for what comes next for a while, if that is cheaper. The loop has done all that it had
    /// to do, and what comes for anybody else ends the look.
    fn look_before_wait(&self) {
        let Some(busy) = &self.busy else { return };
        for _ in 0..TURNS_IN_A_ROW {
            let longest = busy.borrow_mut().before_wait(cpu_time);
            let Some(longest) = longest.filter(|_| self.would_sleep()) else {
                return;
            };
            let found = self.look(longest);
            busy.borrow_mut().after_poll(found);
            if !found {
                return;
            }
            self.serve();
        }
    }

    /// Whether the loop will wait for longer than any look lasts ([`BusyPoll::LONGEST`]).
    fn would_sleep(&self) -> bool {
        if self.closing.get() || !self.armed.get() {
            return false;
        }
        // SAFETY: the loop outlives its handles. Its time is from before the last turn, which may have taken long.
        let milliseconds = unsafe {
            (self.libuv.update_time)(self.event_loop);
            (self.libuv.backend_timeout)(self.event_loop)
        };
        !(0..=2).contains(&milliseconds)
    }

    /// Gives whether the descriptor became readable before anything else did.
    fn look(&self, longest: Duration) -> bool {
        // SAFETY: the loop outlives its handles.
        let host = unsafe { (self.libuv.backend_fd)(self.event_loop) };
        // In this order: what makes ours readable makes the host's, too, and may come between the two.
        let mut entries = [host, self.fd].map(|fd| {
            // SAFETY: both are open: the host's for as long as its loop, ours until its owner closes it, after this driver.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            PollFd::new(fd, PollFlags::POLLIN)
        });
        let began = Instant::now();
        loop {
            match poll(&mut entries, PollTimeout::ZERO) {
                Ok(0) if began.elapsed() < longest => {}
                // A bit that nix does not define counts as an event too.
                Ok(found) => return found > 0 && entries[1].any().unwrap_or(true),
                Err(_) => return false,
            }
        }
    }

    fn close(&self) {
        if !self.closing.replace(true) {
            // SAFETY: the handles were initialised and are closed once, by the flag.
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

/// A `uv_poll` handle in the environment's loop.
pub(crate) struct UvDriver {
    state: *mut State,
    closed: Rc<Cell<bool>>,
}

impl UvDriver {
    pub(super) fn start(
        env: sys::napi_env,
        fd: RawFd,
        task: Rc<dyn Task>,
    ) -> Result<UvDriver, CallError> {
        let libuv = Libuv::find()
            .ok_or_else(|| Error::from_reason("this host has no libuv: use the thread driver"))?;
        let mut event_loop = ptr::null_mut();
        // SAFETY: `env` is live: the caller is inside a call from JavaScript.
        let status = unsafe { sys::napi_get_uv_event_loop(env, &raw mut event_loop) };
        node::check(status, "napi_get_uv_event_loop")?;
        let memory = |kind| -> Memory {
            // SAFETY: the function takes a handle type, and gives 0 for one that it does not know.
            let size = unsafe { (libuv.handle_size)(kind) };
            (0..size.div_ceil(8)).map(|_| UnsafeCell::new(0)).collect()
        };
        let busy = task.told().map(|_| RefCell::new(BusyPoll::new()));
        let (prepare, timer) = if task.asks_after() > 0 || busy.is_some() {
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
            busy,
            timer_runs: Cell::new(false),
            open: Cell::new(1),
            hook: Cell::new(ptr::null_mut()),
            task,
            armed: Cell::new(true),
            closing: Cell::new(false),
            closed: Rc::clone(&closed),
        }));
        // SAFETY: the box was just leaked and is valid; nothing else points to it yet.
        let this = unsafe { &*state };
        // SAFETY: the handle's memory has the size that libuv asked for and does not move until on_close.
        let status = unsafe { (libuv.poll_init)(event_loop.cast(), this.raw(), fd) };
        if status != 0 {
            // SAFETY: libuv did not take the handle, so nobody else frees the state.
            drop(unsafe { Box::from_raw(state) });
            // libuv's errors on Linux are the kernel's, negative.
            return Err(CallError::Refused(-status));
        }
        // SAFETY: `data` is the first field of every libuv handle, and libuv leaves it to us.
        unsafe { this.raw().cast::<*mut State>().write(state) };
        if let Some(prepare) = this.prepare() {
            this.open.set(3);
            // SAFETY: as above; the calls cannot fail. Neither keeps the loop alive.
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
        // SAFETY: `state` lives until on_close, which removes the hook before it frees the state.
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
        // SAFETY: the state is freed only after `closed` was set, on this same thread.
        (!self.closed.get()).then(|| unsafe { &*self.state })
    }

    /// Whether the host can go on watching the descriptor, now that something was added to it; see [`State::enter`].
    pub(super) fn admit(&self) -> Result<(), Errno> {
        self.state().map_or(Ok(()), State::enter)
    }

    pub(super) fn arm(&self) -> Result<(), Errno> {
        self.state().map_or(Ok(()), State::arm)
    }

    pub(super) fn refer(&self) {
        if let Some(state) = self.state() {
            // SAFETY: the handle is initialised, and its memory lives.
            unsafe { (state.libuv.refer)(state.raw()) };
        }
    }

    pub(super) fn unref(&self) {
        if let Some(state) = self.state() {
            // SAFETY: the handle is initialised, and its memory lives.
            unsafe { (state.libuv.unref)(state.raw()) };
        }
    }

    pub(super) fn close(&self) {
        if let Some(state) = self.state() {
            state.close();
        }
    }
}

/// What the thread has used of the processor, in nanoseconds; always the same where the kernel refuses to tell.
fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.map_or(0, |time| u64::try_from(time.num_nanoseconds()).unwrap_or(0))
}

/// libuv: the poll descriptor is readable (or failed, which the task's own call will meet).
unsafe extern "C" fn on_poll(handle: Handle, _status: c_int, _events: c_int) {
    // SAFETY: `data` was set at start and points to a state that lives until on_close.
    let state = unsafe { &**handle.cast::<*const State>() };
    state.serve();
}

/// libuv: the loop is about to wait.
unsafe extern "C" fn on_prepare(handle: Handle) {
    // SAFETY: `data` was set at start and points to a state that lives until on_close.
    let state = unsafe { &**handle.cast::<*const State>() };
    // SAFETY: the loop outlives its handles.
    let now = unsafe { (state.libuv.now)(state.event_loop) };
    state.look_before_wait();
    let later = state.guard(|| state.task.before_wait(state.env, now));
    let later = later.filter(|later| *later > 0 && !state.closing.get());
    if let Some(later) = later.filter(|_| !state.timer_runs.replace(true)) {
        // SAFETY: the handle was initialised and is not closing.
        unsafe { (state.libuv.timer_start)(state.timer(), on_timer, later, 0) };
    }
}

/// libuv: the time has come; the loop goes round, and asks again before it waits.
unsafe extern "C" fn on_timer(handle: Handle) {
    // SAFETY: `data` was set at start and points to a state that lives until on_close.
    let state = unsafe { &**handle.cast::<*const State>() };
    state.timer_runs.set(false);
}

/// libuv: a handle is its owner's again.
unsafe extern "C" fn on_close(handle: Handle) {
    // SAFETY: `data` was set at start, and the state lives until the last handle's call of this.
    let raw = unsafe { *handle.cast::<*mut State>() };
    // SAFETY: as above.
    let open = unsafe { &(*raw).open };
    open.set(open.get() - 1);
    if open.get() > 0 {
        return;
    }
    // SAFETY: libuv calls this once per handle, so this is the last, and nobody else frees the state.
    let state = unsafe { Box::from_raw(raw) };
    state.closed.set(true);
    state.task.stopped();
    let hook = state.hook.get();
    drop(state);
    if !hook.is_null() {
        // SAFETY: the hook was added with this handle and is removed once. It lets the environment go on ending.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
    }
}

/// Node-API: the environment ends; it waits until on_close has removed the hook.
unsafe extern "C" fn on_cleanup(_hook: sys::napi_async_cleanup_hook_handle, state: *mut c_void) {
    // SAFETY: the hook is removed before the state is freed, so the state lives.
    unsafe { &*state.cast::<State>() }.close();
}
