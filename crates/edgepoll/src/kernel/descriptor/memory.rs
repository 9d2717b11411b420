//! Memory for system calls to read and write, without a Rust reference to it.
//!
//! A JavaScript buffer may be shared with other threads, and memory that a receive fills may be uninitialised. A Rust slice of
//! either is not allowed, so these types hold a pointer and a length.

use std::marker::PhantomData;

/// Memory that a system call may read.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub(crate) start: *const u8,
    pub(crate) length: usize,
    lifetime: PhantomData<&'a u8>,
}

impl Source<'_> {
    /// Describes `length` bytes of memory from `start` on.
    ///
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

    /// The first `length` bytes, or all if there are fewer.
    #[must_use]
    pub fn first(self, length: usize) -> Self {
        Source {
            length: length.min(self.length),
            ..self
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes as a number in the machine's byte order, as an eventfd takes it; `None` if there are not exactly 8.
    #[must_use]
    pub(crate) fn as_counter(&self) -> Option<u64> {
        if self.length != size_of::<u64>() {
            return None;
        }
        let mut bytes = [0; size_of::<u64>()];
        for (at, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: this value promises 8 readable bytes. The read is volatile, because other threads may write them.
            *byte = unsafe { self.start.add(at).read_volatile() };
        }
        Some(u64::from_ne_bytes(bytes))
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
    /// Describes `length` bytes of memory from `start` on.
    ///
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

    /// The first `length` bytes, or all if there are fewer.
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
            // SAFETY: this value promises that `at + length` bytes are writable and that no Rust reference to them exists, so
            // `bytes` does not overlap them.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), length) };
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
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
