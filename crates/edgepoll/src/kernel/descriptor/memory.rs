//! Memory that other threads may see: a JavaScript buffer may be shared, so no Rust slice of it may exist.
//!
//! Memory that a receive fills may never have been written, which a Rust slice of bytes must have been.
//!
//! This code must never read the memory; only system calls read and write it. Made by the glue and by inboxes.

use std::marker::PhantomData;

/// Memory that a system call may read.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub(crate) start: *const u8,
    pub(crate) length: usize,
    lifetime: PhantomData<&'a u8>,
}

impl Source<'_> {
    /// # Safety
    /// For as long as the value is used, `start` is readable memory of `length` bytes.
    #[must_use]
    pub unsafe fn new(start: *const u8, length: usize) -> Self {
        Source {
            start,
            length,
            lifetime: PhantomData,
        }
    }

    /// The first `length` bytes of it.
    #[must_use]
    pub fn first(self, length: usize) -> Self {
        Source {
            length: length.min(self.length),
            ..self
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without a byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Source {
            start: bytes.as_ptr(),
            length: bytes.len(),
            lifetime: PhantomData,
        }
    }
}

/// Memory that a system call may write.
#[derive(Debug)]
pub struct Space<'a> {
    pub(crate) start: *mut u8,
    pub(crate) length: usize,
    lifetime: PhantomData<&'a mut u8>,
}

impl Space<'_> {
    /// # Safety
    /// For as long as the value is used, `start` is writable memory of `length` bytes, and no Rust reference to it exists.
    #[must_use]
    pub unsafe fn new(start: *mut u8, length: usize) -> Self {
        Space {
            start,
            length,
            lifetime: PhantomData,
        }
    }

    /// The first `length` bytes of it.
    #[must_use]
    pub fn first(self, length: usize) -> Self {
        Space {
            length: length.min(self.length),
            ..self
        }
    }

    /// Writes `bytes` from the offset `at` on, as a receive does. Bytes that do not fit are left out.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        let length = bytes.len().min(self.length.saturating_sub(at));
        if length > 0 {
            // SAFETY: `at + length` bytes are writable, as this value promises, and no Rust reference to them exists, so
            // `bytes` is other memory.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), length) };
        }
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// True without a byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl<'a> From<&'a mut [u8]> for Space<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Space {
            start: bytes.as_mut_ptr(),
            length: bytes.len(),
            lifetime: PhantomData,
        }
    }
}
