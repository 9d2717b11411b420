//! The functions of Node-API that a plug-in needs. The host process provides them.

use std::ffi::{c_char, c_int, c_void};

/// A napi_env, a napi_value or a napi_callback_info.
pub type Raw = *mut c_void;

#[repr(C)]
pub(super) struct TypeTag {
    pub(super) lower: u64,
    pub(super) upper: u64,
}

/// napi_ok.
pub(super) const OK: c_int = 0;
// Of napi_valuetype.
pub(super) const UNDEFINED: c_int = 0;
pub(super) const BOOLEAN: c_int = 2;
pub(super) const NUMBER: c_int = 3;
pub(super) const STRING: c_int = 4;
pub(super) const SYMBOL: c_int = 5;
pub(super) const OBJECT: c_int = 6;
pub(super) const FUNCTION: c_int = 7;
pub(super) const EXTERNAL: c_int = 8;

pub(super) type Callback = unsafe extern "C" fn(Raw, Raw) -> Raw;
pub(super) type Finalize = unsafe extern "C" fn(Raw, *mut c_void, *mut c_void);

unsafe extern "C" {
    pub(super) fn napi_coerce_to_string(env: Raw, value: Raw, result: *mut Raw) -> c_int;
    pub(super) fn napi_create_object(env: Raw, result: *mut Raw) -> c_int;
    pub(super) fn napi_create_string_utf8(
        env: Raw,
        text: *const c_char,
        length: usize,
        result: *mut Raw,
    ) -> c_int;
    pub(super) fn napi_wrap(
        env: Raw,
        object: Raw,
        data: *mut c_void,
        finalize: Option<Finalize>,
        hint: *mut c_void,
        reference: *mut Raw,
    ) -> c_int;
    pub(super) fn napi_type_tag_object(env: Raw, object: Raw, tag: *const TypeTag) -> c_int;
    pub(super) fn napi_create_function(
        env: Raw,
        name: *const c_char,
        length: usize,
        callback: Callback,
        data: *mut c_void,
        result: *mut Raw,
    ) -> c_int;
    pub(super) fn napi_set_named_property(
        env: Raw,
        object: Raw,
        name: *const c_char,
        value: Raw,
    ) -> c_int;
    pub(super) fn napi_get_cb_info(
        env: Raw,
        info: Raw,
        count: *mut usize,
        arguments: *mut Raw,
        this: *mut Raw,
        data: *mut *mut c_void,
    ) -> c_int;
    pub(super) fn napi_throw_error(env: Raw, code: *const c_char, message: *const c_char) -> c_int;
    pub(super) fn napi_throw_type_error(
        env: Raw,
        code: *const c_char,
        message: *const c_char,
    ) -> c_int;
    pub(super) fn napi_throw_range_error(
        env: Raw,
        code: *const c_char,
        message: *const c_char,
    ) -> c_int;
    pub(super) fn napi_get_named_property(
        env: Raw,
        object: Raw,
        name: *const c_char,
        result: *mut Raw,
    ) -> c_int;
    pub(super) fn napi_get_property_names(env: Raw, object: Raw, result: *mut Raw) -> c_int;
    pub(super) fn napi_get_array_length(env: Raw, array: Raw, result: *mut u32) -> c_int;
    pub(super) fn napi_get_element(env: Raw, array: Raw, index: u32, result: *mut Raw) -> c_int;
    pub(super) fn napi_is_array(env: Raw, value: Raw, result: *mut bool) -> c_int;
    pub(super) fn napi_typeof(env: Raw, value: Raw, result: *mut c_int) -> c_int;
    pub(super) fn napi_get_value_double(env: Raw, value: Raw, result: *mut f64) -> c_int;
    pub(super) fn napi_get_value_bool(env: Raw, value: Raw, result: *mut bool) -> c_int;
    pub(super) fn napi_get_value_string_utf8(
        env: Raw,
        value: Raw,
        buffer: *mut c_char,
        size: usize,
        length: *mut usize,
    ) -> c_int;
}
