//! The host's own `setImmediate`, one per environment, and a function of ours for it to call.
//!
//! `src/internal/binding.ts` passes it in. The global `setImmediate` is never used, because a program may replace it.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::{JsValue, Object};
use napi::{sys, Env, Result};
use napi_derive::napi;

use crate::bare;
use crate::node::{self, Reference};

/// The function of one environment.
struct Given {
    env: sys::napi_env,
    set: Reference,
}

thread_local! {
    /// One entry per environment; a thread may have several environments. The clean-up hook of an environment frees its box. The
    /// end of the thread must not, because a reference can be released only while its environment lives.
    static GIVEN: RefCell<Vec<*mut Given>> = const { RefCell::new(Vec::new()) };
}

/// Passes in the host's `setImmediate` for this environment, before its first driver starts. Later calls have no effect.
#[napi(catch_unwind)]
pub fn use_immediate(
    env: Env,
    #[napi(ts_arg_type = "(callback: () => void) => unknown")] set: Object<'_>,
) -> Result<()> {
    let raw = env.raw();
    if given(raw).is_some() {
        return Ok(());
    }
    let set = Reference::new(raw, set.raw())?;
    let given = Box::into_raw(Box::new(Given { env: raw, set }));
    // SAFETY: `env` is live, and only the hook frees the box.
    let status = unsafe { sys::napi_add_env_cleanup_hook(raw, Some(on_end), given.cast()) };
    if let Err(error) = node::check(status, "napi_add_env_cleanup_hook") {
        // SAFETY: the hook was not added, and no other code has the pointer.
        drop(unsafe { Box::from_raw(given) });
        return Err(error);
    }
    GIVEN.with_borrow_mut(|all| all.push(given));
    Ok(())
}

/// Node-API's callback when the environment ends.
unsafe extern "C" fn on_end(given: *mut c_void) {
    let given = given.cast::<Given>();
    // The list may be gone with its thread, but the box is not.
    let _ = GIVEN.try_with(|all| all.borrow_mut().retain(|one| *one != given));
    // SAFETY: `use_immediate` made the box and added this hook once. The list does not contain the pointer any more.
    drop(unsafe { Box::from_raw(given) });
}

/// The environment's function, in the current handle scope.
fn given(env: sys::napi_env) -> Option<sys::napi_value> {
    GIVEN.with_borrow(|all| {
        // SAFETY: every pointer in the list is valid, because the hook removes it before it frees the box.
        let mut all = all.iter().map(|one| unsafe { &**one });
        all.find(|one| one.env == env)?.set.value()
    })
}

/// The host's `setImmediate` and the function that it gets.
pub(super) struct Immediate {
    env: sys::napi_env,
    set: Reference,
    passed: Reference,
}

impl Immediate {
    /// `run` is called whenever JavaScript calls the function that the host gets, which may be late, more than once or never.
    /// `None` when no `setImmediate` was passed in.
    pub(super) fn new(env: sys::napi_env, run: impl Fn() + 'static) -> Result<Option<Immediate>> {
        let Some(set) = given(env) else {
            return Ok(None);
        };
        let of_env = Env::from_raw(env);
        let passed = bare::function(&of_env, move |_env, _arguments| {
            run();
            Ok(0.0)
        })?;
        Ok(Some(Immediate {
            env,
            set: Reference::new(env, set)?,
            passed: Reference::new(env, passed.raw())?,
        }))
    }

    /// Both functions, in the current handle scope, for a caller that ends its borrow of this before JavaScript runs.
    pub(super) fn values(&self) -> Option<Call> {
        Some(Call {
            env: self.env,
            set: self.set.value()?,
            passed: self.passed.value()?,
        })
    }
}

/// A call of `setImmediate`. It borrows nothing, because the function that it runs may call back into this driver.
pub(super) struct Call {
    env: sys::napi_env,
    set: sys::napi_value,
    passed: sys::napi_value,
}

impl Call {
    /// Returns true when an immediate is pending or has already run. An exception becomes an uncaught exception.
    pub(super) fn make(self) -> bool {
        let mut result = ptr::null_mut();
        let Call { env, set, passed } = self;
        // SAFETY: all values are live in the caller's handle scope. `recv` must be an object, and a function is one.
        let status = unsafe {
            sys::napi_call_function(env, set, set, 1, &raw const passed, &raw mut result)
        };
        if status != sys::Status::napi_ok {
            node::surface_exception(env);
        }
        status == sys::Status::napi_ok
    }
}
