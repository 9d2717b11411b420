//! References, scopes and values by plain Node-API calls. Each checks the status of its call.
//!
//! No status may be unwrapped: while an environment ends, every call may fail.

use std::ffi::c_void;
use std::ptr;

use napi::sys;
use napi::{Error, Result, Status};

/// Turns a status into a result.
pub(crate) fn check(status: sys::napi_status, what: &str) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error::new(Status::from(status), format!("{what} failed")))
    }
}

/// A strong reference to a JavaScript value. It is released on the JavaScript thread.
pub(crate) struct Reference {
    env: sys::napi_env,
    raw: sys::napi_ref,
}

impl Reference {
    pub(crate) fn new(env: sys::napi_env, value: sys::napi_value) -> Result<Reference> {
        let mut raw = ptr::null_mut();
        // SAFETY: `env` and `value` are live because the caller is inside a call from JavaScript.
        let status = unsafe { sys::napi_create_reference(env, value, 1, &raw mut raw) };
        check(status, "napi_create_reference")?;
        Ok(Reference { env, raw })
    }

    /// The value, in the current handle scope; `None` while the environment ends.
    pub(crate) fn value(&self) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: the reference lives until it is dropped, and this is the thread of its environment.
        let status = unsafe { sys::napi_get_reference_value(self.env, self.raw, &raw mut value) };
        (status == sys::Status::napi_ok && !value.is_null()).then_some(value)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: `raw` was made by napi_create_reference and is deleted once. Its owners drop it before the environment is
        // gone.
        unsafe { sys::napi_delete_reference(self.env, self.raw) };
    }
}

/// A handle scope, closed when dropped.
pub(crate) struct Scope {
    env: sys::napi_env,
    raw: sys::napi_handle_scope,
}

impl Scope {
    pub(crate) fn open(env: sys::napi_env) -> Option<Scope> {
        let mut raw = ptr::null_mut();
        // SAFETY: `env` is live, because drivers stop before their environment is gone.
        let status = unsafe { sys::napi_open_handle_scope(env, &raw mut raw) };
        (status == sys::Status::napi_ok).then_some(Scope { env, raw })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: `raw` was opened by `Scope::open` and is closed once. Rust's drop order closes nested scopes in reverse.
        unsafe { sys::napi_close_handle_scope(self.env, self.raw) };
    }
}

/// The value as a 32-bit integer, or 0 if it is not a number.
pub(crate) fn int32(env: sys::napi_env, value: sys::napi_value) -> i32 {
    let mut number = 0;
    // SAFETY: `env` and `value` are live because the caller is inside a call from JavaScript.
    unsafe { sys::napi_get_value_int32(env, value, &raw mut number) };
    number
}

/// A JavaScript number in the current handle scope; `None` while the environment ends.
pub(crate) fn number(env: sys::napi_env, value: usize) -> Option<sys::napi_value> {
    let mut result = ptr::null_mut();
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    // SAFETY: `env` is live and a handle scope is open.
    let status = unsafe { sys::napi_create_uint32(env, value, &raw mut result) };
    (status == sys::Status::napi_ok).then_some(result)
}

/// A JavaScript array of the values in the current handle scope; `None` while the environment ends.
pub(crate) fn array(env: sys::napi_env, values: &[sys::napi_value]) -> Option<sys::napi_value> {
    let mut result = ptr::null_mut();
    // SAFETY: `env` and the values are live and a handle scope is open.
    unsafe {
        if sys::napi_create_array_with_length(env, values.len(), &raw mut result)
            != sys::Status::napi_ok
        {
            return None;
        }
        for (index, value) in (0..).zip(values) {
            if sys::napi_set_element(env, result, index, *value) != sys::Status::napi_ok {
                return None;
            }
        }
    }
    Some(result)
}

/// The memory of a typed array or buffer. The pointer is valid until JavaScript runs again. The length counts elements.
pub(crate) fn bytes_of(env: sys::napi_env, value: sys::napi_value) -> Result<(*mut u8, usize)> {
    let mut data: *mut c_void = ptr::null_mut();
    let mut length = 0;
    let mut kind = 0;
    // SAFETY: `value` is live, and Node-API allows null for outputs that are not needed.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    check(status, "napi_get_typedarray_info")?;
    // An empty or detached array may have a null pointer, which no Rust slice may have.
    let data = if data.is_null() {
        ptr::NonNull::dangling().as_ptr()
    } else {
        data.cast()
    };
    Ok((data, length))
}
