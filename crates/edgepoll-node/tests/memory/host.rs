//! A host of Node-API that has memory when a test wants it to. Only the calls that the inbox and its regions make.
//!
//! It must never move a buffer, nor write into one: both are the glue's alone.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::Once;

use napi::sys;

/// What is behind a value of the host's: a typed array.
struct Array {
    data: *mut u8,
    bytes: usize,
    /// In elements, as Node-API tells it.
    length: usize,
}

#[derive(Default)]
struct Host {
    /// Answers to the next wishes for a buffer, in their order; after them there is memory.
    answers: Vec<bool>,
    /// The sizes of all buffers that were given.
    given: Vec<usize>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// A host's environment. The tests never free what it gives: a few megabytes.
pub(crate) fn environment() -> sys::napi_env {
    static LOADED: Once = Once::new();
    // SAFETY: once, before the first call; the functions below are this executable's, which stays.
    LOADED.call_once(|| std::mem::forget(unsafe { sys::setup() }));
    HOST.take();
    ptr::without_provenance_mut(1)
}

/// Whether the next buffers are given or refused.
pub(crate) fn answer_next(answers: &[bool]) {
    HOST.with_borrow_mut(|host| host.answers = answers.to_vec());
}

/// How many buffers of at least that size were given.
pub(crate) fn given(least: usize) -> usize {
    HOST.with_borrow(|host| host.given.iter().filter(|size| **size >= least).count())
}

/// An Int32Array of JavaScript's whose memory is aligned for doubles.
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

/// JavaScript takes the memory away.
pub(crate) fn detach(value: sys::napi_value) {
    // SAFETY: `value` is one of ours, and nobody else looks at it now.
    let array = unsafe { &mut *value.cast::<Array>() };
    (array.data, array.bytes, array.length) = (ptr::null_mut(), 0, 0);
}

/// Where an array's memory begins.
pub(crate) fn address_of(value: sys::napi_value) -> usize {
    // SAFETY: `value` is one of ours, and nobody changes it now.
    unsafe { &*value.cast::<Array>() }.data.addr()
}

/// What JavaScript reads at a place of an array.
pub(crate) fn bytes_at(value: sys::napi_value, offset: usize, length: usize) -> Vec<u8> {
    // SAFETY: `value` is one of ours; its memory is never freed, and nobody writes now.
    let array = unsafe { &*value.cast::<Array>() };
    assert!(offset + length <= array.bytes, "outside the array");
    // SAFETY: inside the array, as was just seen.
    unsafe { std::slice::from_raw_parts(array.data.add(offset), length) }.to_vec()
}

/// Fresh memory has something in it, so that a chunk of it that nobody wrote is seen.
#[no_mangle]
unsafe extern "C" fn napi_create_buffer(
    _env: sys::napi_env,
    size: usize,
    data: *mut *mut c_void,
    result: *mut sys::napi_value,
) -> sys::napi_status {
    let is_given = HOST.with_borrow_mut(|host| {
        let is_given = host.answers.is_empty() || host.answers.remove(0);
        if is_given {
            host.given.push(size);
        }
        is_given
    });
    if !is_given {
        return sys::Status::napi_generic_failure;
    }
    let memory = vec![0xee_u8; size].leak().as_mut_ptr();
    // SAFETY: the caller's places for results.
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
    // SAFETY: the caller's place for the result.
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
    // SAFETY: the caller's place for the result.
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
    // SAFETY: `value` is one of ours, and the places are the caller's.
    unsafe {
        let array = &*value.cast::<Array>();
        length.write(array.length);
        data.write(array.data.cast());
    }
    sys::Status::napi_ok
}
