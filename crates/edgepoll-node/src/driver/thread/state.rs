//! The part of the driver `thread` that runs on the JavaScript thread.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::thread::JoinHandle;

use napi::sys;

use super::watcher::Shared;
use crate::driver::immediate::Immediate;
use crate::driver::task::Task;
use crate::node::Scope;

/// How many calls in a row the driver makes before the event loop must complete a turn. The host may run calls that follow each
/// other within one turn, and then timers and other input would wait.
const CALLS_IN_A_ROW: u32 = 8;

/// What the context of the thread-safe function points to. The finalizer of that function drops the last count.
pub(super) struct State {
    pub(super) env: sys::napi_env,
    pub(super) task: Rc<dyn Task>,
    /// Dropped at close, because the binding, which holds this state, may live long until it is collected.
    pub(super) shared: RefCell<Option<Arc<Shared>>>,
    pub(super) function: Cell<sys::napi_threadsafe_function>,
    pub(super) thread: RefCell<Option<JoinHandle<()>>>,
    /// The host's `setImmediate` with the function that it gets, if the host's is known; see [`State::count_call`].
    pub(super) immediate: RefCell<Option<Immediate>>,
    /// Calls since the event loop has certainly completed a turn.
    in_a_row: Cell<u32>,
    /// Whether an immediate is pending, before which no other call is made.
    yielding: Cell<bool>,
    /// Set if the immediate is to arm the thread: the argument for that.
    arm_after: Cell<Option<u64>>,
    /// Whether the clean-up hook is added.
    pub(super) hooked: Cell<bool>,
    pub(super) closed: Cell<bool>,
}

impl State {
    pub(super) fn new(env: sys::napi_env, task: Rc<dyn Task>, shared: Arc<Shared>) -> State {
        State {
            env,
            task,
            shared: RefCell::new(Some(shared)),
            function: Cell::new(ptr::null_mut()),
            thread: RefCell::new(None),
            immediate: RefCell::new(None),
            in_a_row: Cell::new(0),
            yielding: Cell::new(false),
            arm_after: Cell::new(None),
            hooked: Cell::new(false),
            closed: Cell::new(false),
        }
    }

    /// Lets the thread call again. `call_after`: see [`Shared::call_after`].
    pub(super) fn arm(&self, call_after: u64) {
        if self.yielding.get() {
            self.arm_after.set(Some(call_after));
        } else {
            self.arm_now(call_after);
        }
    }

    /// Counts a call of the thread. After [`CALLS_IN_A_ROW`], the next call waits for an immediate.
    pub(super) fn count_call(&self) {
        self.in_a_row.set(self.in_a_row.get() + 1);
        if self.in_a_row.get() >= CALLS_IN_A_ROW && !self.yielding.get() {
            self.yield_turn();
        }
    }

    /// Holds the next call back until the event loop has completed a turn.
    fn yield_turn(&self) {
        self.in_a_row.set(0);
        let Some(_scope) = Scope::open(self.env) else {
            return;
        };
        let Some(call) = self.immediate.borrow().as_ref().and_then(Immediate::values) else {
            return;
        };
        // This comes before the call, because a replaced `setImmediate` may call our function at once.
        self.yielding.set(true);
        if !call.make() {
            self.went_round();
        }
    }

    /// The event loop has completed a turn. JavaScript may call this at any time and more than once. Only the first call after an
    /// immediate was set counts.
    pub(super) fn went_round(&self) {
        if self.yielding.replace(false) {
            if let Some(call_after) = self.arm_after.take() {
                self.arm_now(call_after);
            }
        }
    }

    /// Whether the thread made the last call although nothing was ready.
    pub(super) fn is_time(&self) -> bool {
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
                shared.wake();
            }
        }
    }

    pub(super) fn close(&self) {
        if self.closed.get() {
            return;
        }
        if self.hooked.replace(false) {
            // SAFETY: these are the arguments with which `ThreadDriver::run` added the hook.
            unsafe {
                sys::napi_remove_env_cleanup_hook(self.env, Some(on_cleanup), self.context())
            };
        }
        self.stop();
    }

    /// The pointer to this state that the clean-up hook gets.
    pub(super) fn context(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// Joins the thread and drops everything. Later calls do nothing.
    fn stop(&self) {
        if self.closed.replace(true) {
            return;
        }
        if let Some(shared) = self.shared.take() {
            shared.stop.store(true, Ordering::Release);
            shared.wake();
        }
        if let Some(thread) = self.thread.borrow_mut().take() {
            // The thread never waits for JavaScript, so this is short. After a panic in it there is nothing left to repair.
            let _ = thread.join();
        }
        self.immediate.borrow_mut().take();
        self.task.stopped();
        // SAFETY: Node-API made the function, and because of the flag above it is released once.
        unsafe {
            sys::napi_release_threadsafe_function(
                self.function.get(),
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
        }
    }
}

/// Node-API's callback when the environment ends. A plain hook is enough, because nothing is left to wait for once the thread is
/// joined. Besides, Deno cannot remove an async hook from inside itself.
pub(super) unsafe extern "C" fn on_cleanup(context: *mut c_void) {
    // SAFETY: the state lives until the finalizer of the thread-safe function, which comes after the hooks.
    unsafe { &*context.cast::<State>() }.stop();
}
