//! The thread-safe function by which the thread of the driver calls JavaScript's thread.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

use napi::sys;
use nix::sys::time::TimeValLike;
use nix::time::{clock_gettime, ClockId};

use super::state::State;
use crate::driver::task::Next;
use crate::node::{self, CallError};

/// Makes the function. It holds a count of the state until its finalizer runs.
pub(super) fn make(
    env: sys::napi_env,
    state: &Rc<State>,
) -> Result<sys::napi_threadsafe_function, CallError> {
    let name = "edgepoll";
    let mut resource_name = ptr::null_mut();
    let mut function = ptr::null_mut();
    let length = isize::try_from(name.len()).unwrap_or(0);
    let context = Rc::into_raw(Rc::clone(state)).cast_mut().cast::<c_void>();
    // SAFETY: `env` is live because the caller is inside a call from JavaScript. The context is a strong count, which
    // `on_finalize` drops.
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

/// The time in milliseconds (CLOCK_MONOTONIC); 0 where the kernel refuses the call.
fn now() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC);
    time.map_or(0, |time| {
        u64::try_from(time.num_milliseconds()).unwrap_or(0)
    })
}

/// Runs on the JavaScript thread for each call of the thread.
unsafe extern "C" fn on_call(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    _data: *mut c_void,
) {
    // If a call was pending when the function was released, Node.js has run the finalizer before, so the context is freed.
    if env.is_null() {
        return;
    }
    let raw = context.cast_const().cast::<State>();
    // SAFETY: the finalizer drops the context's count, after every call that has an environment. This takes another count for the
    // length of this call.
    let state = unsafe {
        Rc::increment_strong_count(raw);
        Rc::from_raw(raw)
    };
    if state.closed.get() {
        return;
    }
    match catch_unwind(AssertUnwindSafe(|| call_task(env, &state))) {
        Ok(Some(call_after)) => state.arm(call_after),
        Ok(None) => {}
        Err(_) => {
            // After a panic the state of the task is unknown, so the driver stops and the process gets an uncaught exception.
            state.close();
            node::throw_uncaught(env, "edgepoll: a panic stopped the driver");
        }
    }
}

/// Calls the task. Returns the argument for arming the thread, if it is to be armed.
fn call_task(env: sys::napi_env, state: &State) -> Option<u64> {
    state.count_call();
    // A replaced `setImmediate` may have closed this driver.
    if state.closed.get() {
        return None;
    }
    let task = &state.task;
    // This comes before events are delivered, so that the poller finds closed descriptors first and delivers no event of them.
    let call_after = if task.call_after() > 0 {
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
}

/// Node-API's callback when the function is gone. No other call gets this context.
unsafe extern "C" fn on_finalize(_env: sys::napi_env, _data: *mut c_void, context: *mut c_void) {
    // SAFETY: this is the count that `make` has put into the context, and it is dropped once.
    drop(unsafe { Rc::from_raw(context.cast::<State>()) });
}
