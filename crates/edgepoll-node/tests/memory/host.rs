//! A host of Node-API that refuses memory when a test asks for that. It has only the calls that the inbox and its regions make.
//!
//! It never moves a buffer and never writes into one after it was given.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Once;

use napi::sys;

/// A typed array, which is what every value of this host points to.
struct Array {
    data: *mut u8,
    bytes: usize,
    /// The number of elements, which is what Node-API returns.
    length: usize,
}

#[derive(Default)]
struct Host {
    /// Whether each of the next requests for a buffer gets one, in order. Later requests get one.
    grants: Vec<bool>,
    /// The sizes of all buffers that were made.
    given: Vec<usize>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// A new environment. The tests never free the memory that it gives, which is a few megabytes.
pub(crate) fn environment() -> sys::napi_env {
    static LOADED: Once = Once::new();
    // SAFETY: this runs once, before the first call of Node-API. The functions below belong to this executable, so they are never
    // unloaded.
    LOADED.call_once(|| std::mem::forget(unsafe { sys::setup() }));
    HOST.take();
    ptr::without_provenance_mut(1)
}

/// Sets for each of the next requests for a buffer whether it gets one.
pub(crate) fn grant_next(grants: &[bool]) {
    HOST.with_borrow_mut(|host| host.grants = grants.to_vec());
}

/// How many buffers of at least that size were made.
pub(crate) fn given(least: usize) -> usize {
    HOST.with_borrow(|host| host.given.iter().filter(|size| **size >= least).count())
}

/// An Int32Array whose memory is aligned for doubles.
pub(crate) fn int32_array(length: usize) -> sys::napi_value {
    let data = vec![0_f64; length.div_ceil(2)].leak().as_mut_ptr();
    value(data.cast(), length * 4, length)
}

fn value(data: *mut u8, bytes: usize, length: usize) -> sys::napi_value {
    let array = Array {
        data,
        bytes,
        length,
    };
    Box::into_raw(Box::new(array)).cast()
}

/// Detaches the array's memory, as JavaScript can.
pub(crate) fn detach(value: sys::napi_value) {
    // SAFETY: this host made `value`, and no other reference to the array exists now.
    let array = unsafe { &mut *value.cast::<Array>() };
    (array.data, array.bytes, array.length) = (ptr::null_mut(), 0, 0);
}

/// The address of an array's memory.
pub(crate) fn address_of(value: sys::napi_value) -> usize {
    // SAFETY: this host made `value`, and no code changes the array now.
    unsafe { &*value.cast::<Array>() }.data.addr()
}

/// The bytes that JavaScript would read from an array.
pub(crate) fn bytes_at(value: sys::napi_value, offset: usize, length: usize) -> Vec<u8> {
    // SAFETY: this host made `value`, whose memory is never freed, and no code writes it now.
    let array = unsafe { &*value.cast::<Array>() };
    assert!(offset + length <= array.bytes, "outside the array");
    // SAFETY: the range is inside the array, as asserted above.
    unsafe { std::slice::from_raw_parts(array.data.add(offset), length) }.to_vec()
}

/// New memory is filled with 0xee, so that a test notices bytes that were never written.
#[no_mangle]
unsafe extern "C" fn napi_create_buffer(
    _env: sys::napi_env,
    size: usize,
    data: *mut *mut c_void,
    result: *mut sys::napi_value,
) -> sys::napi_status {
    let is_granted = HOST.with_borrow_mut(|host| {
        let is_granted = host.grants.is_empty() || host.grants.remove(0);
        if is_granted {
            host.given.push(size);
        }
        is_granted
    });
    if !is_granted {
        return sys::Status::napi_generic_failure;
    }
    let memory = vec![0xee_u8; size].leak().as_mut_ptr();
    // SAFETY: the caller passes valid pointers for the results.
    unsafe {
        data.write(memory.cast());
        result.write(value(memory, size, size));
    }
    sys::Status::napi_ok
}

#[no_mangle]
unsafe extern "C" fn napi_create_reference(
    _env: sys::napi_env,
    value: sys::napi_value,
    _count: u32,
    result: *mut sys::napi_ref,
) -> sys::napi_status {
    // SAFETY: the caller passes a valid pointer for the result.
    unsafe { result.write(value.cast()) };
    sys::Status::napi_ok
}

#[no_mangle]
extern "C" fn napi_delete_reference(_env: sys::napi_env, _it: sys::napi_ref) -> sys::napi_status {
    sys::Status::napi_ok
}

#[no_mangle]
unsafe extern "C" fn napi_get_reference_value(
    _env: sys::napi_env,
    reference: sys::napi_ref,
    result: *mut sys::napi_value,
) -> sys::napi_status {
    // SAFETY: the caller passes a valid pointer for the result.
    unsafe { result.write(reference.cast()) };
    sys::Status::napi_ok
}

#[no_mangle]
unsafe extern "C" fn napi_get_typedarray_info(
    _env: sys::napi_env,
    value: sys::napi_value,
    _kind: *mut sys::napi_typedarray_type,
    length: *mut usize,
    data: *mut *mut c_void,
    _buffer: *mut sys::napi_value,
    _offset: *mut usize,
) -> sys::napi_status {
    // SAFETY: this host made `value`, and the caller passes valid pointers for the results.
    unsafe {
        let array = &*value.cast::<Array>();
        length.write(array.length);
        data.write(array.data.cast());
    }
    sys::Status::napi_ok
}
