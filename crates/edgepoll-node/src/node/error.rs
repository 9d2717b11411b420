//! Errors on their way from Rust to JavaScript: thrown at the caller, or reported as uncaught.
//!
//! `src/internal/errors.ts` reads the number of a refusal from the error's `errno` property, never from its text.

use std::ptr;

use edgepoll::connection::Failure;
use edgepoll::Errno;
use napi::{sys, Error, Status};

use super::value::Scope;
use crate::names;

/// Why a call from JavaScript failed.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The kernel refused a system call with this error number, or the glue refused with a negative number of
    /// `layout.rs`.
    Refused(i32),
    /// This system call failed with this error number.
    Failed(&'static str, i32),
    /// Node-API failed, or the call makes no sense in this host.
    Host(Error),
}

impl From<Errno> for CallError {
    fn from(errno: Errno) -> CallError {
        CallError::Refused(names::number(errno))
    }
}

impl From<Failure> for CallError {
    fn from(Failure { call, errno }: Failure) -> CallError {
        CallError::Failed(call.name(), names::number(errno))
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> CallError {
        CallError::Host(error)
    }
}

impl std::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Refused(number) => write!(formatter, "errno {number}"),
            CallError::Failed(call, number) => write!(formatter, "{call}: errno {number}"),
            CallError::Host(error) => formatter.write_str(&error.reason),
        }
    }
}

impl CallError {
    /// Throws an exception at the JavaScript caller. The exception of a refusal or a failure has the number as its `errno` property,
    /// that of a failure also the call's name as `syscall`.
    pub(crate) fn throw(&self, env: sys::napi_env) {
        let Some(error) = error(env, &self.to_string()) else {
            return;
        };
        // SAFETY: `env` is live because the caller is inside a call from JavaScript. The error lives in the handle scope of
        // that call, and so does the number made here.
        unsafe {
            if let CallError::Refused(number) | CallError::Failed(_, number) = *self {
                let mut value = ptr::null_mut();
                if sys::napi_create_int32(env, number, &raw mut value) == sys::Status::napi_ok {
                    sys::napi_set_named_property(env, error, c"errno".as_ptr(), value);
                }
            }
            if let CallError::Failed(call, _) = *self {
                if let Some(value) = text(env, call) {
                    sys::napi_set_named_property(env, error, c"syscall".as_ptr(), value);
                }
            }
            sys::napi_throw(env, error);
        }
    }

    /// For a function that napi-rs wraps: throws, and returns the error by which napi-rs knows that an exception is pending.
    pub(crate) fn thrown(self, env: sys::napi_env) -> Error {
        match self {
            CallError::Refused(_) | CallError::Failed(..) => {
                self.throw(env);
                Error::new(Status::PendingException, self.to_string())
            }
            CallError::Host(error) => error,
        }
    }
}

/// Passes a pending exception to the process as an uncaught exception.
pub(crate) fn surface_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: `env` is live. Both calls are allowed without a pending exception.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env, &raw mut exception) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env, exception);
        }
    }
}

/// Raises an uncaught exception with this message, for a failure that no JavaScript call is waiting for.
pub(crate) fn throw_uncaught(env: sys::napi_env, message: &str) {
    let Some(_scope) = Scope::open(env) else {
        return;
    };
    if let Some(error) = error(env, message) {
        // SAFETY: `env` is live, and the error lives in the scope above.
        unsafe { sys::napi_fatal_exception(env, error) };
    }
}

/// Drops the pending exception of a Node-API call whose status the caller has checked.
pub(crate) fn clear_exception(env: sys::napi_env) {
    let mut exception = ptr::null_mut();
    // SAFETY: `env` is live and a handle scope is open.
    unsafe { sys::napi_get_and_clear_last_exception(env, &raw mut exception) };
}

/// Throws an exception with this message at the JavaScript caller.
pub(crate) fn throw(env: sys::napi_env, message: &str) {
    if let Some(error) = error(env, message) {
        // SAFETY: the caller is inside a call from JavaScript, and the error lives in the handle scope of that call.
        unsafe { sys::napi_throw(env, error) };
    }
}

/// An `Error` object in the current handle scope; `None` while the environment ends.
fn error(env: sys::napi_env, message: &str) -> Option<sys::napi_value> {
    let message = text(env, message)?;
    let mut error = ptr::null_mut();
    // SAFETY: `env` is live, and `message` was made in the handle scope that is open.
    let status = unsafe { sys::napi_create_error(env, ptr::null_mut(), message, &raw mut error) };
    (status == sys::Status::napi_ok).then_some(error)
}

/// A JavaScript string in the current handle scope; `None` while the environment ends.
fn text(env: sys::napi_env, text: &str) -> Option<sys::napi_value> {
    let length = isize::try_from(text.len()).unwrap_or(0);
    let mut value = ptr::null_mut();
    // SAFETY: `text` outlives the call, `env` is live and a handle scope is open.
    let status =
        unsafe { sys::napi_create_string_utf8(env, text.as_ptr().cast(), length, &raw mut value) };
    (status == sys::Status::napi_ok).then_some(value)
}
