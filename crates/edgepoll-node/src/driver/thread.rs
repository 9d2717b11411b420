//! The driver for hosts without libuv: one thread sleeps in poll(2) on the poll descriptor and wakes
//! JavaScript by a thread-safe function without arguments. At most one call is under way, and one more for a
//! time that has passed.
//!
//! The host may serve calls that come one after the other without going round its loop: after some of them the next
//! waits for an immediate, so that timers and everybody else's input have their turn.
//!
//! The thread must never touch JavaScript, the task or the poll descriptor's contents. It is joined before
//! the descriptor is closed.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use edgepoll::descriptor::signal::start_quiet;
use napi::{sys, Error};
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeValLike;
use nix::time::{clock_gettime, ClockId};

use super::immediate::Immediate;
use super::{Next, Task};
use crate::node::{self, CallError, Scope};

/// Calls in a row until the loop must have gone round.
const CALLS_IN_A_ROW: u32 = 8;

/// What both threads see.
struct Shared {
    /// Wakes the thread out of its sleep.
    control: EventFd,
    /// The thread may call JavaScript; it takes this back with the call.
    armed: AtomicBool,
    /// Milliseconds after which the thread calls even if nothing is ready; 0: never. The thread sets it to 0 when it reads it.
    call_after: AtomicU64,
    /// A call for the time alone is still of use.
    needs_time: AtomicBool,
    /// Whether the thread made the last call because its time had passed, and not because something was ready.
    is_time: AtomicBool,
    stop: AtomicBool,
}

impl Shared {
    fn nudge(&self) {
        // An eventfd write fails only when the counter is full, and then the thread is awake already.
        let _ = self.control.write(1);
    }
}

/// The thread-safe function, for the thread.
struct Function(sys::napi_threadsafe_function);

// SAFETY: Node-API allows napi_call_threadsafe_function from any thread, and this is all the thread does with it.
unsafe impl Send for Function {}

/// What the thread-safe function's context points to. Freed by its finalizer.
struct State {
    env: sys::napi_env,
    task: Rc<dyn Task>,
    /// Given back at close: the binding, which holds this state, may wait long for its collection.
    shared: RefCell<Option<Arc<Shared>>>,
    function: Cell<sys::napi_threadsafe_function>,
    thread: RefCell<Option<JoinHandle<()>>>,
    /// The host's setImmediate and what it is given, if it is known; see [`State::yield_turn`].
    immediate: RefCell<Option<Immediate>>,
    /// Calls since the loop went round for certain.
    in_a_row: Cell<u32>,
    /// An immediate is under way, and whether it is to arm.
    yielding: Cell<bool>,
    arm_after: Cell<Option<u64>>,
    /// The clean-up hook was added and not removed.
    hooked: Cell<bool>,
    closed: Cell<bool>,
}

impl State {
    /// `call_after`: see [`Shared::call_after`].
    fn arm(&self, call_after: u64) {
        if self.yielding.get() {
            self.arm_after.set(Some(call_after));
        } else {
            self.arm_now(call_after);
        }
    }

    /// Holds the next call back until the host's loop has gone round.
    fn yield_turn(&self) {
        self.in_a_row.set(0);
        let Some(_scope) = Scope::open(self.env) else {
            return;
        };
        let Some(call) = self.immediate.borrow().as_ref().and_then(Immediate::values) else {
            return;
        };
        // Before the call: whoever replaced the host's function may call ours at once.
        self.yielding.set(true);
        if !call.make() {
            self.went_round();
        }
    }

    /// The loop has gone round. Anybody may say so at any time who has the function: once counts.
    fn went_round(&self) {
        if self.yielding.replace(false) {
            if let Some(call_after) = self.arm_after.take() {
                self.arm_now(call_after);
            }
        }
    }

    /// Whether the last call was made though nothing was ready.
    fn is_time(&self) -> bool {
        let shared = self.shared.borrow();
        let is_time = shared.as_ref().map(|shared| &shared.is_time);
        is_time.is_some_and(|is_time| is_time.load(Ordering::Acquire))
    }

    fn arm_now(&self, call_after: u64) {
        if let Some(shared) = &*self.shared.borrow() {
            shared.needs_time.store(call_after > 0, Ordering::Release);
            shared.call_after.store(call_after, Ordering::Release);
            // A thread that is armed already sleeps without this time limit: wake it, so that it reads the new one.
            if !shared.armed.swap(true, Ordering::AcqRel) || call_after > 0 {
                shared.nudge();
            }
        }
    }

    fn close(&self) {
        if self.closed.get() {
            return;
        }
        if self.hooked.replace(false) {
            // SAFETY: the same arguments as in `run`, which added it.
            unsafe {
                sys::napi_remove_env_cleanup_hook(self.env, Some(on_cleanup), self.context())
            };
        }
        self.stop();
    }

    /// What the clean-up hook and the thread-safe function know this state by.
    fn context(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// Once: joins the thread and lets go of everything.
    fn stop(&self) {
        if self.closed.replace(true) {
            return;
        }
        if let Some(shared) = self.shared.take() {
            shared.stop.store(true, Ordering::Release);
            shared.nudge();
        }
        if let Some(thread) = self.thread.borrow_mut().take() {
            // The thread never waits for JavaScript, so this is short. A panic in it has nothing left to spoil.
            let _ = thread.join();
        }
        self.immediate.borrow_mut().take();
        self.task.stopped();
        // SAFETY: made by Node-API, and released once, by the flag above.
        unsafe {
            sys::napi_release_threadsafe_function(
                self.function.get(),
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
        }
    }
}

/// The thread and its way into JavaScript.
pub(crate) struct ThreadDriver {
    env: sys::napi_env,
    state: Rc<State>,
    /// The numbers of its own descriptors, while it runs.
    descriptors: Vec<RawFd>,
}

impl ThreadDriver {
    pub(super) fn start(
        env: sys::napi_env,
        fd: RawFd,
        task: Rc<dyn Task>,
    ) -> Result<ThreadDriver, CallError> {
        let control = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
            .map_err(|errno| edgepoll::Errno::from_raw_os_error(errno as i32))?;
        let shared = Arc::new(Shared {
            control,
            armed: AtomicBool::new(true),
            call_after: AtomicU64::new(0),
            needs_time: AtomicBool::new(false),
            is_time: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let state = Rc::new(State {
            env,
            task,
            shared: RefCell::new(Some(Arc::clone(&shared))),
            function: Cell::new(ptr::null_mut()),
            thread: RefCell::new(None),
            immediate: RefCell::new(None),
            in_a_row: Cell::new(0),
            yielding: Cell::new(false),
            arm_after: Cell::new(None),
            hooked: Cell::new(false),
            closed: Cell::new(false),
        });
        let function = make_function(env, &state)?;
        state.function.set(function);
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

    /// Gets the host's setImmediate ready, with a function that does nothing once this driver is gone.
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

    /// Adds the clean-up hook and starts the thread; gives the descriptors that the thread uses.
    fn run(&self, fd: RawFd, shared: Arc<Shared>) -> Result<Vec<RawFd>, CallError> {
        let state = &self.state;
        // SAFETY: the state lives until the finalizer, and close removes the hook before that.
        let status =
            unsafe { sys::napi_add_env_cleanup_hook(self.env, Some(on_cleanup), state.context()) };
        node::check(status, "napi_add_env_cleanup_hook")?;
        state.hooked.set(true);
        // SAFETY: `fd` is open: its owner made it and is calling us.
        let watched = unsafe { BorrowedFd::borrow_raw(fd) }
            // The thread's own copy: whatever happens to the original, it never polls a stranger.
            .try_clone_to_owned()
            .map_err(refusal)?;
        let descriptors = vec![watched.as_raw_fd(), shared.control.as_fd().as_raw_fd()];
        let function = Function(state.function.get());
        let builder = std::thread::Builder::new().name("edgepoll".into());
        let run = move || watch(&watched, &shared, &function);
        let thread = start_quiet(|| builder.spawn(run)).map_err(refusal)?;
        *state.thread.borrow_mut() = Some(thread);
        Ok(descriptors)
    }

    pub(super) fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
    }

    pub(super) fn arm(&self) {
        self.state.arm(self.state.task.asks_after());
    }

    /// Nothing waits any more: the thread makes no call for the time alone, which would give the host's loop a turn.
    pub(super) fn forget_time(&self) {
        if let Some(shared) = &*self.state.shared.borrow() {
            shared.needs_time.store(false, Ordering::Release);
        }
    }

    pub(super) fn refer(&self) {
        if !self.state.closed.get() {
            // SAFETY: the function is released only with `closed` set, on this same thread.
            unsafe { sys::napi_ref_threadsafe_function(self.env, self.state.function.get()) };
        }
    }

    pub(super) fn unref(&self) {
        if !self.state.closed.get() {
            // SAFETY: the function is released only with `closed` set, on this same thread.
            unsafe { sys::napi_unref_threadsafe_function(self.env, self.state.function.get()) };
        }
    }

    pub(super) fn close(&self) {
        self.state.close();
    }
}

/// Milliseconds of CLOCK_MONOTONIC; 0 where the kernel refuses the call.
fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| {
        u64::try_from(time.num_milliseconds()).unwrap_or(0)
    })
}

fn refusal(error: std::io::Error) -> CallError {
    match error.raw_os_error() {
        Some(errno) => CallError::Refused(errno),
        None => CallError::Host(Error::from_reason(format!("edgepoll: {error}"))),
    }
}

/// The time left until `until`, rounded up.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    let milliseconds = left.as_micros().div_ceil(1000);
    PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
}

/// The thread's whole life.
fn watch(fd: &OwnedFd, shared: &Shared, function: &Function) {
    // The time of a call that is made even if nothing is ready.
    let mut call_at = None;
    while !shared.stop.load(Ordering::Acquire) {
        let armed = shared.armed.load(Ordering::Acquire);
        match shared.call_after.swap(0, Ordering::AcqRel) {
            0 => {}
            after => call_at = Some(Instant::now() + Duration::from_millis(after)),
        }
        let mut fds = [
            PollFd::new(shared.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(fd.as_fd(), PollFlags::POLLIN),
        ];
        let count = if armed { 2 } else { 1 };
        let until = call_at.filter(|_| armed);
        match poll(&mut fds[..count], timeout(until)) {
            Ok(_) | Err(Errno::EINTR) => {}
            // ENOMEM alone is left; the next round tries again.
            Err(_) => std::thread::yield_now(),
        }
        let signalled = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
        if signalled(&fds[0]) {
            // EAGAIN: somebody's nudge was counted with an earlier one.
            let _ = shared.control.read();
        }
        let is_ready = armed && signalled(&fds[1]);
        let is_due = until.is_some_and(|until| until <= Instant::now());
        if is_due {
            call_at = None;
        }
        let is_time = is_due && shared.needs_time.load(Ordering::Acquire);
        if is_ready || is_time {
            call_at = None;
            // A call because of the time leaves the thread armed. If the descriptor becomes ready before JavaScript has run that
            // call, there are two calls, and one of them finds nothing.
            shared.is_time.store(!is_ready, Ordering::Release);
            if is_ready {
                shared.armed.store(false, Ordering::Release);
            }
            // SAFETY: the function is released only after this thread was joined, or by the ending environment,
            // which this call is then told by its status.
            let status = unsafe {
                sys::napi_call_threadsafe_function(
                    function.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                )
            };
            if status != sys::Status::napi_ok {
                return;
            }
        }
    }
}

fn make_function(
    env: sys::napi_env,
    state: &Rc<State>,
) -> Result<sys::napi_threadsafe_function, CallError> {
    let name = "edgepoll";
    let mut resource_name = ptr::null_mut();
    let mut function = ptr::null_mut();
    let length = isize::try_from(name.len()).unwrap_or(0);
    let context = Rc::into_raw(Rc::clone(state)).cast_mut().cast::<c_void>();
    // SAFETY: `env` is live: the caller is inside a call from JavaScript. The context is a strong count that
    // the finalizer gives back.
    let status = unsafe {
        sys::napi_create_string_utf8(env, name.as_ptr().cast(), length, &raw mut resource_name);
        sys::napi_create_threadsafe_function(
            env,
            ptr::null_mut(),
            ptr::null_mut(),
            resource_name,
            0,
            1,
            ptr::null_mut(),
            Some(on_finalize),
            context,
            Some(on_call),
            &raw mut function,
        )
    };
    node::check(status, "napi_create_threadsafe_function")?;
    Ok(function)
}

/// On the JavaScript thread: the thread saw the descriptor readable.
unsafe extern "C" fn on_call(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    _data: *mut c_void,
) {
    // A call that was under way when the function went: Node.js runs the finalizer first, so the context is gone.
    if env.is_null() {
        return;
    }
    let raw = context.cast_const().cast::<State>();
    // SAFETY: the context's strong count is given back by the finalizer, which comes after every call that has an
    // environment; this is one count more, for the length of this call.
    let state = unsafe {
        Rc::increment_strong_count(raw);
        Rc::from_raw(raw)
    };
    if state.closed.get() {
        return;
    }
    let ran = catch_unwind(AssertUnwindSafe(|| {
        state.in_a_row.set(state.in_a_row.get() + 1);
        if state.in_a_row.get() >= CALLS_IN_A_ROW && !state.yielding.get() {
            state.yield_turn();
        }
        // The host's function may be anybody's, and have closed us.
        if state.closed.get() {
            return None;
        }
        let task = &state.task;
        // Before events are delivered, so that the poller finds closed descriptors first and delivers no event of them.
        let call_after = if task.asks_after() > 0 {
            task.before_wait(env, now())
        } else {
            0
        };
        if state.closed.get() {
            return None;
        }
        if state.is_time() {
            return (call_after > 0).then_some(call_after);
        }
        (task.ready(env) == Next::Watch).then_some(call_after)
    }));
    match ran {
        Ok(Some(call_after)) => state.arm(call_after),
        Ok(None) => {}
        Err(_) => {
            // The task's state is unknown: it stops here, and the process is told why.
            state.close();
            node::throw_uncaught(env, "edgepoll: a panic stopped the driver");
        }
    }
}

/// The function is gone: nobody calls with this context again.
unsafe extern "C" fn on_finalize(_env: sys::napi_env, _data: *mut c_void, context: *mut c_void) {
    // SAFETY: this is the count that make_function took out, and it is given back once.
    drop(unsafe { Rc::from_raw(context.cast::<State>()) });
}

/// Node-API: the environment ends. Not an async hook: there is nothing to wait for once the thread is joined,
/// and in Deno an async hook cannot be removed from inside itself.
unsafe extern "C" fn on_cleanup(context: *mut c_void) {
    // SAFETY: the state lives until the finalizer, which comes after the hooks.
    unsafe { &*context.cast::<State>() }.stop();
}
