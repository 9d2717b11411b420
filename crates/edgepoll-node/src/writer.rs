//! The one function that JavaScript calls per message, for messages too large to stage: made of bare Node-API,
//! because the general glue costs several times the function itself.
//!
//! It must never keep the message's memory, nor run JavaScript while it looks at it.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use napi::{sys, Result};

use crate::node;

type Write = Box<dyn Fn(i32, i32, &[u8]) -> f64>;

/// A JavaScript function `(slot, generation, message) => number` that calls `write`.
pub(crate) fn make(
    env: sys::napi_env,
    write: impl Fn(i32, i32, &[u8]) -> f64 + 'static,
) -> Result<sys::napi_value> {
    let data = Box::into_raw(Box::new(Box::new(write) as Write)).cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: `env` is live: the caller is inside a call from JavaScript. The function has no name.
    let status = unsafe {
        sys::napi_create_function(env, ptr::null(), 0, Some(on_call), data, &raw mut function)
    };
    if let Err(error) = node::check(status, "napi_create_function") {
        // SAFETY: no function holds the box.
        drop(unsafe { Box::from_raw(data.cast::<Write>()) });
        return Err(error);
    }
    // SAFETY: the function is live; the box is freed when it is collected, and it is not called after that.
    let status = unsafe {
        sys::napi_add_finalizer(
            env,
            function,
            data,
            Some(on_finalize),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    node::check(status, "napi_add_finalizer")?;
    Ok(function)
}

unsafe extern "C" fn on_call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); 3];
    let mut count = arguments.len();
    let mut data = ptr::null_mut();
    let (mut slot, mut generation) = (0, 0);
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
        sys::napi_get_value_int32(env, arguments[0], &raw mut slot);
        sys::napi_get_value_int32(env, arguments[1], &raw mut generation);
    }
    let written = catch_unwind(AssertUnwindSafe(|| {
        let (bytes, length) = node::bytes_of(env, arguments[2])?;
        // SAFETY: the memory of a Uint8Array, which cannot move or go while no JavaScript runs.
        let message = unsafe { std::slice::from_raw_parts(bytes, length) };
        // SAFETY: `data` is the box that `make` leaked; the finalizer comes after the last call.
        let write = unsafe { &*data.cast::<Write>() };
        Ok::<f64, napi::Error>(write(slot, generation, message))
    }));
    match written {
        Ok(Ok(queued)) => {
            // SAFETY: `env` is live.
            unsafe { sys::napi_create_double(env, queued, &raw mut result) };
        }
        Ok(Err(_)) | Err(_) => {
            // SAFETY: the texts end with NUL, and `env` is live.
            unsafe {
                sys::napi_throw_error(
                    env,
                    ptr::null(),
                    c"edgepoll: the write failed inside".as_ptr(),
                );
            }
        }
    }
    result
}

unsafe extern "C" fn on_finalize(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the box that `make` leaked, given back once.
    drop(unsafe { Box::from_raw(data.cast::<Write>()) });
}
