//! A buffer of JavaScript's that turns fill from the front. It is filled again only after its owner has cleared it.
//!
//! JavaScript can detach a buffer whenever it runs. So the pointer to its memory is fetched anew when a turn first uses the
//! buffer, and it is valid until JavaScript runs again.

use std::ffi::c_void;
use std::ptr;

use edgepoll::kernel::Space;
use napi::{sys, Result};

use crate::node::{self, Reference};

/// Alignment of the chunks in a pool, so that a program can make typed arrays over them.
pub(crate) const PACKED: usize = 8;
/// Alignment of the memory that the kernel copies into. On AMD's Zen, a receive into an address less than 32 bytes behind the start
/// of a page takes half as long again, and malloc gives such addresses to large blocks.
pub(crate) const CACHE_LINE: usize = 64;

/// A buffer of JavaScript's whose first `used` bytes are handed out.
pub(crate) struct Region {
    env: sys::napi_env,
    reference: Reference,
    data: *mut u8,
    size: usize,
    used: usize,
    /// The end of the bytes that were ever handed out. The memory after it was never written.
    filled: usize,
    alignment: usize,
    /// Whether JavaScript may have run since `data` was fetched.
    stale: bool,
    detached: bool,
    /// The buffer's number in the batch; see `layout.rs`.
    pub(crate) index: usize,
}

impl Region {
    /// A new buffer of `size` uninitialised bytes, whose chunks start at multiples of `alignment`.
    pub(crate) fn new(
        env: sys::napi_env,
        size: usize,
        alignment: usize,
        index: usize,
    ) -> Result<(Region, sys::napi_value)> {
        debug_assert!(alignment.is_power_of_two(), "`aligned` uses a mask");
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

    /// Begins a turn: JavaScript has run, and now knows the buffer by this number.
    pub(crate) fn begin(&mut self, index: usize) {
        self.index = index;
        self.stale = true;
    }

    /// Fetches the pointer if JavaScript has run. A buffer that was detached counts as full.
    #[inline]
    fn locate(&mut self) {
        if self.stale {
            self.find();
        }
    }

    /// Runs once per turn at most, so it is kept out of the callers' code.
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

    /// Whether JavaScript has detached the buffer. Then it never has room again.
    pub(crate) fn is_detached(&mut self) -> bool {
        self.locate();
        self.detached
    }

    /// Makes all of it free again. No chunk of it may be in use.
    pub(crate) fn clear(&mut self) {
        self.used = if self.detached {
            self.size
        } else {
            self.aligned(0)
        };
    }

    /// The next offset where a chunk may start. Because the alignment is a power of two, no division is needed per chunk.
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

    /// Whether the pointer was fetched in this turn and `room` bytes are left.
    #[inline]
    pub(crate) fn surely_has(&self, room: usize) -> bool {
        !self.stale && self.size - self.used >= room
    }

    /// All bytes that were ever handed out, with their present content; none if the buffer was detached. Allowed outside a
    /// turn.
    pub(crate) fn handed_out(&mut self) -> &[u8] {
        self.stale = true;
        if self.is_detached() {
            return &[];
        }
        // SAFETY: `data` was fetched just now. It is the memory of a buffer of `size` bytes that `reference` keeps alive, and
        // `filled` never exceeds `size`. All these bytes were written: chunks before they were handed out, and the gaps
        // between chunks by `take`, because only the arena is asked for this, whose alignment is not `PACKED`.
        unsafe { std::slice::from_raw_parts(self.data, self.filled) }
    }

    /// The address of the first free byte.
    #[inline]
    pub(crate) fn start(&mut self) -> *mut u8 {
        self.locate();
        // SAFETY: `data` is the memory of a buffer of `size` bytes, and `used` never exceeds `size`.
        unsafe { self.data.add(self.used) }
    }

    /// The free memory. Its bytes may be uninitialised.
    #[inline]
    pub(crate) fn free(&mut self) -> Space<'_> {
        let start = self.start();
        // SAFETY: `data` is the memory of a buffer of `size` bytes that `reference` keeps alive, and was fetched after JavaScript
        // last ran. A detached buffer has no free byte. No other Rust value points to this memory.
        unsafe { Space::new(start, self.size - self.used) }
    }

    /// The first `length` free bytes.
    ///
    /// # Safety
    /// They have been written.
    #[inline]
    pub(crate) unsafe fn filled(&mut self, length: usize) -> &mut [u8] {
        let start = self.start();
        let length = length.min(self.size - self.used);
        // SAFETY: the memory is valid, as in `free`, and the caller guarantees that the bytes have been written.
        unsafe { std::slice::from_raw_parts_mut(start, length) }
    }

    /// Hands out the first `length` free bytes, which have been written. They are not written again before [`Region::clear`].
    #[inline]
    pub(crate) fn take(&mut self, length: usize) {
        let start = self.used;
        let end = (start + length).min(self.size);
        if end > self.filled {
            if start > self.filled && self.alignment > PACKED {
                // SAFETY: the gap between `filled` and `start` is inside the buffer, whose pointer was fetched when the caller
                // got the space. It is shorter than `alignment`, and no chunk contains it.
                unsafe { ptr::write_bytes(self.data.add(self.filled), 0, start - self.filled) };
            }
            self.filled = end;
        }
        self.used = self.aligned(end);
    }
}

/// A new buffer, which no JavaScript code has seen yet, and its memory.
pub(crate) fn new_buffer(env: sys::napi_env, size: usize) -> Result<(*mut u8, sys::napi_value)> {
    let mut data: *mut c_void = ptr::null_mut();
    let mut value = ptr::null_mut();
    // SAFETY: `env` is live and a handle scope is open.
    let status = unsafe { sys::napi_create_buffer(env, size, &raw mut data, &raw mut value) };
    if status == sys::Status::napi_pending_exception {
        // The caller reports the failure or does without the buffer. A pending exception would block the next callback.
        node::clear_exception(env);
    }
    node::check(status, "napi_create_buffer")?;
    Ok((data.cast(), value))
}
