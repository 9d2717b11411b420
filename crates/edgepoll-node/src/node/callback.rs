//! A JavaScript function that a driver calls, and the async context of the call.

use std::ptr;

use napi::{sys, Result};

use super::error::surface_exception;
use super::value::{check, Reference};

/// An async context of the host, which decides what async hooks report and what `AsyncLocalStorage` holds during a call.
pub(crate) struct AsyncContext {
    env: sys::napi_env,
    raw: sys::napi_async_context,
}

impl AsyncContext {
    /// A new context. Async hooks know it by `name`. It inherits what `AsyncLocalStorage` holds now.
    pub(crate) fn new(env: sys::napi_env, name: &str) -> Result<AsyncContext> {
        let length = isize::try_from(name.len()).unwrap_or(0);
        let mut resource_name = ptr::null_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: `name` outlives the calls, and `env` is live because the caller is inside a call from JavaScript.
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
}

impl Drop for AsyncContext {
    fn drop(&mut self) {
        // SAFETY: `raw` was made by napi_async_init and is destroyed once, on the JavaScript thread.
        unsafe { sys::napi_async_destroy(self.env, self.raw) };
    }
}

/// A JavaScript function that a driver calls.
pub(crate) struct Callback {
    env: sys::napi_env,
    function: Reference,
    /// The context for `napi_make_callback`. `None` if the host has opened a callback scope around the driver's call: then no
    /// context is needed. Besides, Deno cannot release a context while an environment ends.
    context: Option<AsyncContext>,
}

impl Callback {
    /// `bare`: the caller will be called by libuv directly, with no callback scope of the host around it.
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

    /// Calls the function. If libuv called the caller directly, ticks and microtasks have run before this returns.
    /// An exception of the function becomes an uncaught exception.
    pub(crate) fn call(&self, arguments: &[sys::napi_value]) {
        self.call_in(self.context.as_ref(), arguments);
    }

    /// Like [`Callback::call`], in another context, which the caller keeps until this returns.
    pub(crate) fn call_in(&self, context: Option<&AsyncContext>, arguments: &[sys::napi_value]) {
        let Some(function) = self.function.value() else {
            return;
        };
        let mut result = ptr::null_mut();
        let (count, values) = (arguments.len(), arguments.as_ptr());
        // SAFETY: all values are live in the caller's handle scope. `recv` must be an object, and a function is one.
        let status = unsafe {
            match context {
                Some(context) => sys::napi_make_callback(
                    self.env,
                    context.raw,
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
        // Any other failure means that the environment is ending, and then no JavaScript is left to report it to.
    }
}
