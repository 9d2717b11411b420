//! The few Node-API calls that napi-rs does not wrap, each with its status looked at.
//!
//! It must never unwrap a status: while an environment ends, every call may fail.

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

/// The kernel's refusal; src/internal/errors.ts makes the error with its code of it.
pub(crate) fn os_error(errno: i32) -> Error {
    Error::from_reason(format!("errno {errno}"))
}

/// A strong reference to a JavaScript value, released on the JavaScript thread.
pub(crate) struct Reference {
    env: sys::napi_env,
    raw: sys::napi_ref,
}

impl Reference {
    pub(crate) fn new(env: sys::napi_env, value: sys::napi_value) -> Result<Reference> {
        let mut raw = ptr::null_mut();
        // SAFETY: `env` and `value` are live: the caller is inside a call from JavaScript.
        let status = unsafe { sys::napi_create_reference(env, value, 1, &raw mut raw) };
        check(status, "napi_create_reference")?;
        Ok(Reference { env, raw })
    }

    /// The value, in the current handle scope; `None` while the environment ends.
    pub(crate) fn value(&self) -> Option<sys::napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: the reference is live until drop, and we are on its environment's thread.
        let status = unsafe { sys::napi_get_reference_value(self.env, self.raw, &raw mut value) };
        (status == sys::Status::napi_ok && !value.is_null()).then_some(value)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: made by napi_create_reference and deleted once; owners drop it before their environment is gone.
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
        // SAFETY: `env` is live: drivers stop before their environment is gone.
        let status = unsafe { sys::napi_open_handle_scope(env, &raw mut raw) };
        (status == sys::Status::napi_ok).then_some(Scope { env, raw })
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: opened by us, closed once, in reverse order by Rust's drop order.
        unsafe { sys::napi_close_handle_scope(self.env, self.raw) };
    }
}

/// Whose work a call is: the host's async hooks go by it. It begins with the call that makes it.
pub(crate) struct AsyncContext {
    env: sys::napi_env,
    raw: sys::napi_async_context,
}

impl AsyncContext {
    pub(crate) fn new(env: sys::napi_env, name: &str) -> Result<AsyncContext> {
        let length = isize::try_from(name.len()).unwrap_or(0);
        let mut resource_name = ptr::null_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: `name` outlives the calls, and `env` is live: the caller is inside a call from JavaScript.
        unsafe {
            check(
                sys::napi_create_string_utf8(
                    env,
                    name.as_ptr().cast(),
                    length,
                    &raw mut resource_name,
                ),
                "napi_create_string_utf8",
            )?;
            check(
                sys::napi_async_init(env, ptr::null_mut(), resource_name, &raw mut raw),
                "napi_async_init",
            )?;
        }
        Ok(AsyncContext { env, raw })
    }

    pub(crate) fn raw(&self) -> sys::napi_async_context {
        self.raw
    }
}

impl Drop for AsyncContext {
    fn drop(&mut self) {
        // SAFETY: made by napi_async_init and destroyed once, on the JavaScript thread.
        unsafe { sys::napi_async_destroy(self.env, self.raw) };
    }
}

/// A JavaScript function to be called from a driver.
pub(crate) struct Callback {
    env: sys::napi_env,
    function: Reference,
    /// What make_callback wants. A driver inside a callback scope of the host's has none and needs none; Deno
    /// moreover cannot let go of one while an environment ends.
    context: Option<AsyncContext>,
}

impl Callback {
    /// `bare`: the caller will stand on libuv's stack, with no callback scope of the host's around it.
    pub(crate) fn new(
        env: sys::napi_env,
        function: sys::napi_value,
        bare: bool,
    ) -> Result<Callback> {
        let context = if bare {
            Some(AsyncContext::new(env, "edgepoll")?)
        } else {
            None
        };
        Ok(Callback {
            env,
            function: Reference::new(env, function)?,
            context,
        })
    }

    /// Calls it. From a bare stack, ticks and microtasks have run before this returns.
    /// What it throws surfaces as an uncaught exception.
    pub(crate) fn call(&self, arguments: &[sys::napi_value]) {
        self.call_in(self.context.as_ref(), arguments);
    }

    /// As [`Callback::call`], as work of another context than its own: of one that the caller keeps until it returns.
    pub(crate) fn call_in(&self, context: Option<&AsyncContext>, arguments: &[sys::napi_value]) {
        let Some(function) = self.function.value() else {
            return;
        };
        let mut result = ptr::null_mut();
        let (count, values) = (arguments.len(), arguments.as_ptr());
        // SAFETY: all values are live in the caller's handle scope; a function is an object, as `recv` must be.
        let status = unsafe {
            match context {
                Some(context) => sys::napi_make_callback(
                    self.env,
                    context.raw(),
                    function,
                    function,
                    count,
                    values,
                    &raw mut result,
                ),
                None => sys::napi_call_function(
                    self.env,
                    function,
                    function,
                    count,
                    values,
                    &raw mut result,
                ),
            }
        };
        if status == sys::Status::napi_pending_exception {
            surface_exception(self.env);
        }
        // Any other failure means that the environment is ending: nobody is left to be told.
    }
}

/// Hands a pending exception to the process, as an uncaught one.
pub(crate) fn surface_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: `env` is live and an exception may be pending; both calls tolerate that there is none.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env, &raw mut exception) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env, exception);
        }
    }
}

/// Makes `message` an uncaught exception: for failures where no JavaScript is waiting for a result.
pub(crate) fn throw_uncaught(env: sys::napi_env, message: &str) {
    let Some(_scope) = Scope::open(env) else {
        return;
    };
    if let Some(error) = error(env, message) {
        // SAFETY: `env` is live, and the error lives in the scope above.
        unsafe { sys::napi_fatal_exception(env, error) };
    }
}

/// Takes back the exception that a call of ours left, whose status was seen.
pub(crate) fn clear_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: `env` is live and a handle scope is open.
    unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut exception) };
}

/// Makes `message` an exception of the JavaScript that called us.
pub(crate) fn throw(env: sys::napi_env, message: &str) {
    if let Some(error) = error(env, message) {
        // SAFETY: we are inside a call from JavaScript, in whose handle scope the error lives.
        unsafe { sys::napi_throw(env, error) };
    }
}

/// An Error, in the current handle scope; `None` while the environment ends.
fn error(env: sys::napi_env, message: &str) -> Option<sys::napi_value> {
    let length = isize::try_from(message.len()).unwrap_or(0);
    let (mut text, mut error) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `message` outlives the calls, `env` is live and a handle scope is open.
    let status = unsafe {
        sys::napi_create_string_utf8(env, message.as_ptr().cast(), length, &raw mut text);
        sys::napi_create_error(env, ptr::null_mut(), text, &raw mut error)
    };
    (status == sys::Status::napi_ok).then_some(error)
}

/// A 32-bit number, or 0 for what is none.
pub(crate) fn int32(env: sys::napi_env, value: sys::napi_value) -> i32 {
    let mut number = 0;
    // SAFETY: `env` and `value` are live: the caller is inside a call from JavaScript.
    unsafe { sys::napi_get_value_int32(env, value, &raw mut number) };
    number
}

/// A JavaScript number.
pub(crate) fn number(env: sys::napi_env, value: usize) -> Option<sys::napi_value> {
    let mut result = ptr::null_mut();
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    // SAFETY: `env` is live and a handle scope is open.
    let status = unsafe { sys::napi_create_uint32(env, value, &raw mut result) };
    (status == sys::Status::napi_ok).then_some(result)
}

/// A JavaScript array of the values.
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

/// The memory of a typed array or buffer; valid until JavaScript runs again.
pub(crate) fn bytes_of(env: sys::napi_env, value: sys::napi_value) -> Result<(*mut u8, usize)> {
    let mut data: *mut c_void = ptr::null_mut();
    let mut length = 0;
    let mut kind = 0;
    // SAFETY: `value` is live; unwanted outputs may be null. Of a Uint8Array the length is in bytes.
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
    // An empty or detached array may have a null pointer, which no slice may have.
    let data = if data.is_null() {
        ptr::NonNull::dangling().as_ptr()
    } else {
        data.cast()
    };
    Ok((data, length))
}
