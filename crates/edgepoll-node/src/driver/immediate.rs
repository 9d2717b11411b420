//! The host's own setImmediate, one per environment, and a function of ours for it to call.
//!
//! It must never look for one by itself: the global one may be anybody's. Given by src/internal/binding.ts, used by the driver
//! `thread`.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::{JsValue, Object};
use napi::{sys, Env, Result};
use napi_derive::napi;

use crate::bare;
use crate::node::{self, Reference};

/// What one environment gave.
struct Given {
    env: sys::napi_env,
    set: Reference,
}

thread_local! {
    /// By environment, of which a thread may have several. A box ends with its environment, by the hook: when the thread
    /// ends, there may be no environment any more that a reference could be given back to.
    static GIVEN: RefCell<Vec<*mut Given>> = const { RefCell::new(Vec::new()) };
}

/// Makes the host's setImmediate known to this environment, before its first driver is made. The first one stays.
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
    // SAFETY: `env` is live, and the box is freed by the hook alone.
    let status = unsafe { sys::napi_add_env_cleanup_hook(raw, Some(on_end), given.cast()) };
    if let Err(error) = node::check(status, "napi_add_env_cleanup_hook") {
        // SAFETY: nobody else was given the box.
        drop(unsafe { Box::from_raw(given) });
        return Err(error);
    }
    GIVEN.with_borrow_mut(|all| all.push(given));
    Ok(())
}

/// The environment ends.
unsafe extern "C" fn on_end(given: *mut c_void) {
    let given = given.cast::<Given>();
    // The list may be gone with its thread; the box is not.
    let _ = GIVEN.try_with(|all| all.borrow_mut().retain(|one| *one != given));
    // SAFETY: leaked by `use_immediate`, which added this hook once; nobody finds it any more.
    drop(unsafe { Box::from_raw(given) });
}

/// What was given, in the current handle scope.
fn given(env: sys::napi_env) -> Option<sys::napi_value> {
    GIVEN.with_borrow(|all| {
        // SAFETY: what is on the list was not freed: the hook takes it off first.
        let mut all = all.iter().map(|one| unsafe { &**one });
        all.find(|one| one.env == env)?.set.value()
    })
}

/// The host's setImmediate with what it is given.
pub(super) struct Immediate {
    env: sys::napi_env,
    set: Reference,
    passed: Reference,
}

impl Immediate {
    /// `run` is called whenever somebody calls the function that the host is given: late, often or never. `None` when no
    /// setImmediate was given.
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

    /// Both functions, in the current handle scope: for a caller that lets go of this before JavaScript runs.
    pub(super) fn values(&self) -> Option<Call> {
        Some(Call {
            env: self.env,
            set: self.set.value()?,
            passed: self.passed.value()?,
        })
    }
}

/// A call of setImmediate that borrows nothing: what it runs may be anybody's.
pub(super) struct Call {
    env: sys::napi_env,
    set: sys::napi_value,
    passed: sys::napi_value,
}

impl Call {
    /// True when an immediate is under way, or has run already. What is thrown surfaces as an uncaught exception.
    pub(super) fn make(self) -> bool {
        let mut result = ptr::null_mut();
        let Call { env, set, passed } = self;
        // SAFETY: all values are live in the caller's handle scope; a function is an object, as `recv` must be.
        let status = unsafe {
            sys::napi_call_function(env, set, set, 1, &raw const passed, &raw mut result)
        };
        if status != sys::Status::napi_ok {
            node::surface_exception(env);
        }
        status == sys::Status::napi_ok
    }
}
