//! Keeps the library loaded. Node.js unloads the addons of a worker with the worker, and connections of other threads, or memory that is
//! not finalised yet, would be left with functions that are gone.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

#[repr(C)]
struct DlInfo {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
}

// Of <dlfcn.h>; the same on every architecture of Linux but MIPS.
const RTLD_LAZY: c_int = 1;
const RTLD_NOLOAD: c_int = 4;
const RTLD_NODELETE: c_int = 0x1000;

/// Marks this library as one that is never unloaded (dlopen(3), RTLD_NODELETE). Returns whether that worked.
pub(super) fn pin() -> bool {
    let mut info = DlInfo {
        file: ptr::null(),
        base: ptr::null_mut(),
        symbol: ptr::null(),
        address: ptr::null_mut(),
    };
    let address: *const c_void = (pin as fn() -> bool) as *const c_void;
    // SAFETY: both functions get live memory, and the name is that of this library, which is loaded.
    unsafe {
        dladdr(address, &raw mut info) != 0
            && !info.file.is_null()
            && !dlopen(info.file, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE).is_null()
    }
}
