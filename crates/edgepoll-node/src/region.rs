//! A block of JavaScript's memory that a turn fills from the front and never writes twice.
//!
//! Its memory must never be touched outside a turn: JavaScript may detach it at any time, so the pointer
//! is fetched anew at each turn's begin and is good until JavaScript runs again. Called by the inbox.

use std::ffi::c_void;
use std::ptr;

use napi::{sys, Result};

use crate::node::{self, Reference};

/// Chunks start at multiples of this many bytes, so that typed arrays over them are aligned.
const ALIGNMENT: usize = 8;

/// A buffer of JavaScript's, used up to `used`.
pub(crate) struct Region {
    env: sys::napi_env,
    reference: Reference,
    data: *mut u8,
    size: usize,
    used: usize,
    /// The buffer's place in the batch: 0 and 1 are the ones that JavaScript knows, the rest are new.
    pub(crate) index: usize,
}

impl Region {
    /// A fresh buffer of `size` bytes, uninitialised.
    pub(crate) fn new(
        env: sys::napi_env,
        size: usize,
        index: usize,
    ) -> Result<(Region, sys::napi_value)> {
        let (data, value) = new_buffer(env, size)?;
        let reference = Reference::new(env, value)?;
        Ok((
            Region {
                env,
                reference,
                data,
                size,
                used: 0,
                index,
            },
            value,
        ))
    }

    /// A turn begins: looks where the memory is now. One that was detached is as good as full.
    pub(crate) fn begin(&mut self, index: usize) {
        self.index = index;
        let found = self
            .reference
            .value()
            .and_then(|value| node::bytes_of(self.env, value).ok());
        match found {
            Some((data, size)) if size == self.size => self.data = data,
            _ => self.used = self.size,
        }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn left(&self) -> usize {
        self.size - self.used
    }

    /// What was never handed out.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        // SAFETY: `data` is the memory of a buffer of `size` bytes that `reference` keeps alive; it was fetched
        // in this turn, no JavaScript ran since, and `used` never passes `size`.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(self.used), self.size - self.used) }
    }

    /// The first `length` free bytes are handed out: they are never written again.
    pub(crate) fn take(&mut self, length: usize) {
        self.used = (self.used + length)
            .next_multiple_of(ALIGNMENT)
            .min(self.size);
    }
}

/// A fresh buffer that nobody else sees yet, with its memory.
pub(crate) fn new_buffer(env: sys::napi_env, size: usize) -> Result<(*mut u8, sys::napi_value)> {
    let mut data: *mut c_void = ptr::null_mut();
    let mut value = ptr::null_mut();
    // SAFETY: `env` is live and a handle scope is open.
    let status = unsafe { sys::napi_create_buffer(env, size, &raw mut data, &raw mut value) };
    node::check(status, "napi_create_buffer")?;
    Ok((data.cast(), value))
}
