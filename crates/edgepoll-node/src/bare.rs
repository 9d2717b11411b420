//! JavaScript functions made by plain Node-API, for what is called once per message or event. Through napi-rs, a call costs several
//! times as much as the function itself.
//!
//! A panic or an error leaves such a function only as a JavaScript exception.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::bindgen_prelude::Unknown;
use napi::{sys, Env, Result};

use crate::node::{self, CallError};

/// The most arguments of such a function. Missing ones are undefined.
const MAX_ARGUMENTS: usize = 3;

type Arguments = [sys::napi_value; MAX_ARGUMENTS];
type Run = Box<dyn Fn(sys::napi_env, &Arguments) -> std::result::Result<f64, CallError>>;

/// Makes a JavaScript function that passes its arguments to `run` and returns the result. The arguments are live only while `run`
/// is running.
pub(crate) fn function(
    env: &Env,
    run: impl Fn(sys::napi_env, &Arguments) -> std::result::Result<f64, CallError> + 'static,
) -> Result<Unknown<'_>> {
    let raw = env.raw();
    let data = Box::into_raw(Box::new(Box::new(run) as Run)).cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: `env` is live because the caller is inside a call from JavaScript. A function without a name may have a null name.
    let status = unsafe {
        sys::napi_create_function(raw, ptr::null(), 0, Some(on_call), data, &raw mut function)
    };
    if let Err(error) = node::check(status, "napi_create_function") {
        // SAFETY: no function was made, so no other code has the pointer.
        drop(unsafe { Box::from_raw(data.cast::<Run>()) });
        return Err(error);
    }
    // SAFETY: the function is live. The box is freed when the function is collected, and then it is not called any more.
    let status = unsafe {
        sys::napi_add_finalizer(
            raw,
            function,
            data,
            Some(on_finalize),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    node::check(status, "napi_add_finalizer")?;
    // SAFETY: the function was made just now, in this environment and its handle scope.
    Ok(unsafe { Unknown::from_raw_unchecked(raw, function) })
}

unsafe extern "C" fn on_call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); MAX_ARGUMENTS];
    let mut count = MAX_ARGUMENTS;
    let mut data = ptr::null_mut();
    let mut result = ptr::null_mut();
    // SAFETY: Node-API passes a live `env` and `info`. The array has room for `count` arguments, and Node-API fills missing ones
    // with undefined.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            arguments.as_mut_ptr(),
            ptr::null_mut(),
            &raw mut data,
        );
    }
    let ran = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `data` is the box that `function` made. The finalizer frees it after the last call.
        let run = unsafe { &*data.cast::<Run>() };
        run(env, &arguments)
    }));
    match ran {
        Ok(Ok(number)) => {
            // SAFETY: `env` is live.
            unsafe { sys::napi_create_double(env, number, &raw mut result) };
        }
        Ok(Err(error)) => error.throw(env),
        Err(_) => node::throw(env, "edgepoll: a panic inside"),
    }
    result
}

unsafe extern "C" fn on_finalize(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: this is the box that `function` made, and it is freed once.
    drop(unsafe { Box::from_raw(data.cast::<Run>()) });
}
