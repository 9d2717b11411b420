//! A block of JavaScript's memory that turns fill from the front, and anew only when its owner says that nobody has any of it.
//!
//! Its memory must never be touched without a look where it is: JavaScript may detach it at any time, so the pointer
//! is fetched anew when a turn first uses it and is good until JavaScript runs again. Called by the inbox.

use std::ffi::c_void;
use std::ptr;

use edgepoll::kernel::Space;
use napi::{sys, Result};

use crate::node::{self, Reference};

/// Chunks of a pool start at multiples of this many bytes, so that typed arrays over them are aligned.
pub(crate) const PACKED: usize = 8;
/// What the kernel copies into starts at multiples of this many: a cache line. On AMD's Zen a receive takes half
/// as long again into addresses less than 32 bytes behind the start of a page, which malloc gives to large blocks.
pub(crate) const FAST: usize = 64;

/// A buffer of JavaScript's, used up to `used`.
pub(crate) struct Region {
    env: sys::napi_env,
    reference: Reference,
    data: *mut u8,
    size: usize,
    used: usize,
    /// The end of the bytes that were ever handed out. The memory behind it was never written.
    filled: usize,
    alignment: usize,
    /// JavaScript may have run since `data` was fetched.
    stale: bool,
    detached: bool,
    /// The buffer's place in the batch: see the inbox.
    pub(crate) index: usize,
}

impl Region {
    /// A fresh buffer of `size` bytes, uninitialised, whose chunks start at addresses that are multiples of `alignment`.
    pub(crate) fn new(
        env: sys::napi_env,
        size: usize,
        alignment: usize,
        index: usize,
    ) -> Result<(Region, sys::napi_value)> {
        debug_assert!(alignment.is_power_of_two(), "places are found by a mask");
        let (data, value) = new_buffer(env, size)?;
        let reference = Reference::new(env, value)?;
        let mut region = Region {
            env,
            reference,
            data,
            size,
            used: 0,
            filled: 0,
            alignment,
            stale: false,
            detached: false,
            index,
        };
        region.clear();
        Ok((region, value))
    }

    /// A turn begins: JavaScript has run, and knows the buffer by this place.
    pub(crate) fn begin(&mut self, index: usize) {
        self.index = index;
        self.stale = true;
    }

    /// Looks where the memory is now, if JavaScript has run. A buffer that was detached is as good as full.
    #[inline]
    fn locate(&mut self) {
        if self.stale {
            self.find();
        }
    }

    /// Once a turn.
    #[cold]
    fn find(&mut self) {
        self.stale = false;
        let found = self
            .reference
            .value()
            .and_then(|value| node::bytes_of(self.env, value).ok());
        match found {
            Some((data, size)) if size == self.size => self.data = data,
            _ => {
                self.detached = true;
                self.used = self.size;
            }
        }
    }

    /// JavaScript has taken the memory away: there never will be room again.
    pub(crate) fn is_detached(&mut self) -> bool {
        self.locate();
        self.detached
    }

    /// Nobody has any of it: it is filled from the front again.
    pub(crate) fn clear(&mut self) {
        self.used = if self.detached {
            self.size
        } else {
            self.aligned(0)
        };
    }

    /// The next place for a chunk. The alignment is a power of two, which spares a division per chunk.
    #[inline]
    fn aligned(&self, offset: usize) -> usize {
        let address = self.data as usize;
        let mask = self.alignment - 1;
        (((address + offset + mask) & !mask) - address).min(self.size)
    }

    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    #[inline]
    pub(crate) fn left(&mut self) -> usize {
        self.locate();
        self.size - self.used
    }

    /// Whether there is as much room, where the memory was located already in this turn.
    #[inline]
    pub(crate) fn surely_has(&self, room: usize) -> bool {
        !self.stale && self.size - self.used >= room
    }

    /// All that was ever handed out, as it is now; nothing of a buffer that was detached. For outside a turn too.
    pub(crate) fn handed_out(&mut self) -> &[u8] {
        self.stale = true;
        if self.is_detached() {
            return &[];
        }
        // SAFETY: `data` is the memory of a buffer of `size` bytes that `reference` keeps alive, located just now, and
        // `filled` never passes `size`. All of that was written: chunks before they were handed out, the
        // places between them by `take`.
        unsafe { std::slice::from_raw_parts(self.data, self.filled) }
    }

    /// The beginning of the memory that was never handed out.
    #[inline]
    pub(crate) fn start(&mut self) -> *mut u8 {
        self.locate();
        // SAFETY: `data` is the memory of a buffer of `size` bytes, and `used` never passes `size`.
        unsafe { self.data.add(self.used) }
    }

    /// The memory that was never handed out. Its bytes may never have been written.
    #[inline]
    pub(crate) fn free(&mut self) -> Space<'_> {
        let start = self.start();
        // SAFETY: `data` is the memory of a buffer of `size` bytes that `reference` keeps alive, located since
        // JavaScript ran last (a detached one has no byte free). Only this value leads to it in Rust.
        unsafe { Space::new(start, self.size - self.used) }
    }

    /// The first `length` free bytes.
    ///
    /// # Safety
    /// They have been written.
    #[inline]
    pub(crate) unsafe fn filled(&mut self, length: usize) -> &[u8] {
        let start = self.start();
        let length = length.min(self.size - self.used);
        // SAFETY: as in `free`; the caller says that they have been written.
        unsafe { std::slice::from_raw_parts(start, length) }
    }

    /// The first `length` free bytes have been written and are handed out: they are not written again before [`Region::clear`].
    #[inline]
    pub(crate) fn take(&mut self, length: usize) {
        let start = self.used;
        let end = (start + length).min(self.size);
        if end > self.filled {
            if start > self.filled && self.alignment > PACKED {
                // SAFETY: both places lie in the buffer, which was located when its space was asked for, and no chunk
                // contains the bytes between them. Less than `alignment` bytes.
                unsafe { ptr::write_bytes(self.data.add(self.filled), 0, start - self.filled) };
            }
            self.filled = end;
        }
        self.used = self.aligned(end);
    }
}

/// A fresh buffer that nobody else sees yet, with its memory.
pub(crate) fn new_buffer(env: sys::napi_env, size: usize) -> Result<(*mut u8, sys::napi_value)> {
    let mut data: *mut c_void = ptr::null_mut();
    let mut value = ptr::null_mut();
    // SAFETY: `env` is live and a handle scope is open.
    let status = unsafe { sys::napi_create_buffer(env, size, &raw mut data, &raw mut value) };
    if status == sys::Status::napi_pending_exception {
        // The caller tells, or does without; an exception left behind would keep the next callback from running.
        node::clear_exception(env);
    }
    node::check(status, "napi_create_buffer")?;
    Ok((data.cast(), value))
}
