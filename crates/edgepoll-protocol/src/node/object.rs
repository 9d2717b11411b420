//! A protocol as a JavaScript object, which the host recognises by its type tag.
//!
//! It is an object and not a `napi_external`: Node.js 20.12 to 20.14 compare the tag of an external by its address.

use std::ffi::c_void;
use std::ptr;

use super::symbols::{napi_create_object, napi_type_tag_object, napi_wrap, Raw, TypeTag, OK};
use crate::abi::{RawPlugin, TAG_LOWER, TAG_UPPER};

static TAG: TypeTag = TypeTag {
    lower: TAG_LOWER,
    upper: TAG_UPPER,
};

/// Makes the JavaScript object of a plug-in. Returns null, with a pending exception, if that fails.
///
/// # Safety
/// `env` is live, and this is inside a call from JavaScript.
pub(super) unsafe fn wrap(env: Raw, plugin: RawPlugin) -> Raw {
    let data: *mut RawPlugin = Box::into_raw(Box::new(plugin));
    let mut object = ptr::null_mut();
    // SAFETY: the caller's promise. `finalize` frees the box once: here, or when the object is collected.
    unsafe {
        if napi_create_object(env, &raw mut object) != OK
            || napi_wrap(
                env,
                object,
                data.cast(),
                Some(finalize),
                ptr::null_mut(),
                ptr::null_mut(),
            ) != OK
        {
            finalize(env, data.cast(), ptr::null_mut());
            return ptr::null_mut();
        }
        if napi_type_tag_object(env, object, &raw const TAG) != OK {
            return ptr::null_mut();
        }
    }
    object
}

unsafe extern "C" fn finalize(_env: Raw, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` was made by `wrap`, and this runs once for it.
    let plugin = unsafe { Box::from_raw(data.cast::<RawPlugin>()) };
    // SAFETY: the object's own reference ends.
    unsafe { (plugin.release)(plugin.data) };
}
