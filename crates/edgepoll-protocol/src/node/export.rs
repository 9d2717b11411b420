//! The functions that a plug-in exports to JavaScript.

use std::any::Any;
use std::ffi::{c_void, CStr, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use super::object::wrap;
use super::options::{OptionError, Options};
use super::pin::pin;
use super::symbols::{
    napi_create_function, napi_create_string_utf8, napi_get_cb_info, napi_set_named_property,
    napi_throw_error, napi_throw_range_error, napi_throw_type_error, Callback, Raw, OK,
};
use crate::abi::{forget_panic, layer_plugin, panic_text, protocol_plugin, RawPlugin};
use crate::{LayerFactory, Protocol};

/// Makes a protocol from the options that JavaScript passed.
type Make<T> = fn(&Options) -> Result<T, OptionError>;

/// Adds a function to an addon's exports that makes protocols. [`export_protocol!`](crate::export_protocol) calls it.
///
/// # Safety
/// `env` and `exports` are those of the addon's initialisation, which is running.
pub unsafe fn export<P: Protocol>(env: Raw, exports: Raw, name: &CStr, make: Make<P>) {
    unsafe extern "C" fn called<P: Protocol>(env: Raw, info: Raw) -> Raw {
        // SAFETY: Node-API calls this with live arguments, and `data` is what `add` gave.
        unsafe { call(env, info, P::NAME, protocol_plugin::<P>) }
    }
    // SAFETY: the caller's promise.
    unsafe { add(env, exports, name, called::<P>, make as *mut c_void) };
}

/// As [`export`], for layers. [`export_layer!`](crate::export_layer) calls it.
///
/// # Safety
/// As [`export`].
pub unsafe fn export_layer<F: LayerFactory>(env: Raw, exports: Raw, name: &CStr, make: Make<F>) {
    unsafe extern "C" fn called<F: LayerFactory>(env: Raw, info: Raw) -> Raw {
        // SAFETY: as above.
        unsafe { call(env, info, F::NAME, layer_plugin::<F>) }
    }
    // SAFETY: the caller's promise.
    unsafe { add(env, exports, name, called::<F>, make as *mut c_void) };
}

/// As [`export`], for plug-ins in the form that crosses the border: tests of hosts change them. `P` gives the name for errors.
///
/// # Safety
/// As [`export`]. What `make` gives is a plug-in of this version of the ABI, or says otherwise.
#[doc(hidden)]
pub unsafe fn export_raw<P: Protocol>(env: Raw, exports: Raw, name: &CStr, make: Make<RawPlugin>) {
    unsafe extern "C" fn called<P: Protocol>(env: Raw, info: Raw) -> Raw {
        // SAFETY: as above.
        unsafe { call(env, info, P::NAME, |plugin: RawPlugin| plugin) }
    }
    // SAFETY: the caller's promise.
    unsafe { add(env, exports, name, called::<P>, make as *mut c_void) };
}

/// Adds the name and the version of the plug-in's crate to an addon's exports, as `PACKAGE` and `VERSION`.
///
/// # Safety
/// As [`export`].
#[doc(hidden)]
pub unsafe fn export_package(env: Raw, exports: Raw, name: &str, version: &str) {
    for (key, value) in [(c"PACKAGE", name), (c"VERSION", version)] {
        let mut text = ptr::null_mut();
        // SAFETY: the caller's promise; the length is that of the text. A failure leaves a pending exception, with which the import
        // fails.
        unsafe {
            let bytes = value.as_ptr().cast();
            if napi_create_string_utf8(env, bytes, value.len(), &raw mut text) == OK {
                napi_set_named_property(env, exports, key.as_ptr(), text);
            }
        }
    }
}

unsafe fn add(env: Raw, exports: Raw, name: &CStr, called: Callback, make: *mut c_void) {
    if !pin() {
        let text = "the plug-in cannot be kept loaded";
        throw(env, napi_throw_error, c"ERR_PROTOCOL_FAULT", text);
        return;
    }
    let mut function = ptr::null_mut();
    // SAFETY: the caller's promise. The length says that the name ends with NUL (NAPI_AUTO_LENGTH). A failure leaves a pending
    // exception, with which the import fails.
    unsafe {
        let length = usize::MAX;
        if napi_create_function(env, name.as_ptr(), length, called, make, &raw mut function) == OK {
            napi_set_named_property(env, exports, name.as_ptr(), function);
        }
    }
}

/// Makes a plug-in from the options of a call. `name` is the protocol's, for errors.
///
/// # Safety
/// Node-API calls the function that `add` made, with a `make` for the same `T`.
unsafe fn call<T>(env: Raw, info: Raw, name: &str, plugin: fn(T) -> RawPlugin) -> Raw {
    let (mut count, mut argument, mut data) = (1, ptr::null_mut(), ptr::null_mut());
    // SAFETY: the caller's promise.
    let status = unsafe {
        napi_get_cb_info(
            env,
            info,
            &raw mut count,
            &raw mut argument,
            ptr::null_mut(),
            &raw mut data,
        )
    };
    if status != OK || data.is_null() {
        let text = format!("{name}: the call has no arguments");
        throw(env, napi_throw_error, c"ERR_PROTOCOL_FAULT", &text);
        return ptr::null_mut();
    }
    // SAFETY: `data` is the `make` that `add` was given. A `fn` is as large as a pointer.
    let make = unsafe { std::mem::transmute::<*mut c_void, Make<T>>(data) };
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is inside a call from JavaScript. Node-API sets a missing argument to undefined.
        let options = unsafe { Options::new(env, argument) }?;
        let made = make(&options)?;
        options.check_unknown()?;
        Ok(plugin(made))
    }));
    match made {
        // SAFETY: inside a call from JavaScript.
        Ok(Ok(plugin)) => return unsafe { wrap(env, plugin) },
        Ok(Err(error)) => {
            let (function, code): (Throw, _) = match error {
                OptionError::Type(_) => (napi_throw_type_error, c"ERR_INVALID_ARG_TYPE"),
                OptionError::Range(_) => (napi_throw_range_error, c"ERR_OUT_OF_RANGE"),
                OptionError::Value(_) => (napi_throw_type_error, c"ERR_INVALID_ARG_VALUE"),
                OptionError::Unknown(_) => (napi_throw_type_error, c"ERR_UNKNOWN_OPTION"),
            };
            throw(env, function, code, &format!("{name}: {error}"));
        }
        Err(payload) => {
            let text = format!("the protocol {name} panicked{}", said(&*payload));
            throw(env, napi_throw_error, c"ERR_PROTOCOL_FAULT", &text);
            forget_panic(payload);
        }
    }
    ptr::null_mut()
}

/// The message of a panic, behind a colon.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = panic_text(payload);
    let colon = if text.is_empty() { "" } else { ": " };
    format!("{colon}{text}")
}

type Throw =
    unsafe extern "C" fn(Raw, *const std::ffi::c_char, *const std::ffi::c_char) -> std::ffi::c_int;

fn throw(env: Raw, throw: Throw, code: &CStr, text: &str) {
    let text = CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default();
    // SAFETY: inside a call from JavaScript; both texts end with NUL. If an exception is pending, it stays.
    unsafe { throw(env, code.as_ptr(), text.as_ptr()) };
}

/// Makes this library an addon. Each entry exports a function of that name, which makes protocols: it takes the options that
/// JavaScript passed and returns the protocol or an [`OptionError`](crate::node::OptionError).
///
/// ```ignore
/// edgepoll_protocol::export_protocol!(c"resp" => Resp::new);
/// ```
///
/// The addon also exports `PACKAGE` and `VERSION`, the name and the version of the crate that calls the macro.
///
/// A library has at most one of these macros, with an entry for each protocol. The profile that builds it must keep
/// `panic = "unwind"`.
#[macro_export]
macro_rules! export_protocol {
    ($($name:literal => $make:expr),+ $(,)?) => {
        $crate::export_with!($crate::node::export, $($name => $make),+);
    };
}

/// As [`export_protocol!`](crate::export_protocol), for layers.
#[macro_export]
macro_rules! export_layer {
    ($($name:literal => $make:expr),+ $(,)?) => {
        $crate::export_with!($crate::node::export_layer, $($name => $make),+);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export_with {
    ($export:path, $($name:literal => $make:expr),+) => {
        #[cfg(panic = "abort")]
        compile_error!("a plug-in needs panic = \"unwind\": with \"abort\", a panic would end the process that loaded it");

        #[allow(unsafe_code, missing_docs, reason = "Node-API finds these two functions by their names")]
        mod edgepoll_addon {
            #[allow(unused_imports, reason = "an entry may be written with a full path")]
            use super::*;

            /// # Safety
            /// Node-API calls this when it loads the addon.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn napi_register_module_v1(
                env: $crate::node::Raw,
                exports: $crate::node::Raw,
            ) -> $crate::node::Raw {
                // SAFETY: these are the arguments of the initialisation, which is running.
                unsafe {
                    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
                    $crate::node::export_package(env, exports, name, version);
                }
                // SAFETY: as above.
                $(unsafe { $export(env, exports, $name, $make) };)+
                exports
            }

            #[unsafe(no_mangle)]
            pub extern "C" fn node_api_module_get_api_version_v1() -> i32 {
                8
            }
        }
    };
}
