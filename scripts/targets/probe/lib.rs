//! An addon that panics and catches it, on the thread that loads it and on one of its own. `edgepoll` catches panics at each of its
//! entries, so this shows that unwinding works on a target. It returns its exports only if both panics were caught.

use std::ffi::c_void;
use std::panic::catch_unwind;
use std::process::abort;

#[allow(clippy::panic, reason = "the panic that is caught")]
fn panics_and_catches() -> bool {
    catch_unwind(|| panic!("this panic is caught")).is_err()
}

/// Node-API calls this when the addon is loaded.
// SAFETY: no other function of the process has this name that anyone looks up: Node.js asks this library for it.
#[allow(unsafe_code, reason = "an addon exports its entry point by name")]
#[no_mangle]
pub extern "C" fn napi_register_module_v1(_env: *mut c_void, exports: *mut c_void) -> *mut c_void {
    let elsewhere = std::thread::spawn(panics_and_catches).join();
    if !panics_and_catches() || !matches!(elsewhere, Ok(true)) {
        abort();
    }
    exports
}
