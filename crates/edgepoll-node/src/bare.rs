//! Functions for JavaScript made of bare Node-API, for what is called once per message or event: the general glue
//! costs several times the function itself.
//!
//! It must never let a panic or an error out but as a JavaScript exception. Called by reactor.rs, poller.rs and the driver
//! `thread`.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::bindgen_prelude::Unknown;
use napi::{sys, Env, Result};

use crate::node::{self, CallError};

/// Arguments at most; those that are missing are undefined.
const MOST: usize = 3;

type Arguments = [sys::napi_value; MOST];
type Run = Box<dyn Fn(sys::napi_env, &Arguments) -> std::result::Result<f64, CallError>>;

/// A JavaScript function that gives what `run` makes of its arguments, which are live only while it runs.
pub(crate) fn function(
    env: &Env,
    run: impl Fn(sys::napi_env, &Arguments) -> std::result::Result<f64, CallError> + 'static,
) -> Result<Unknown<'_>> {
    let raw = env.raw();
    let data = Box::into_raw(Box::new(Box::new(run) as Run)).cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: `env` is live: the caller is inside a call from JavaScript. The function has no name.
    let status = unsafe {
        sys::napi_create_function(raw, ptr::null(), 0, Some(on_call), data, &raw mut function)
    };
    if let Err(error) = node::check(status, "napi_create_function") {
        // SAFETY: no function holds the box.
        drop(unsafe { Box::from_raw(data.cast::<Run>()) });
        return Err(error);
    }
    // SAFETY: the function is live; the box is freed when it is collected, and it is not called after that.
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
    // SAFETY: the function was just made in this environment and its handle scope.
    Ok(unsafe { Unknown::from_raw_unchecked(raw, function) })
}

unsafe extern "C" fn on_call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); MOST];
    let mut count = MOST;
    let mut data = ptr::null_mut();
    let mut result = ptr::null_mut();
    // SAFETY: Node-API gives a live `env` and `info`; the array has room for `count` arguments, and missing ones
    // are filled with undefined.
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
        // SAFETY: `data` is the box that `function` leaked; the finalizer comes after the last call.
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
    // SAFETY: the box that `function` leaked, given back once.
    drop(unsafe { Box::from_raw(data.cast::<Run>()) });
}
