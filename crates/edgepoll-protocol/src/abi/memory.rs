//! Growable memory of the host that a plug-in writes into.

/// Growable bytes. The host owns them.
#[repr(C)]
pub struct RawBytes {
    pub(crate) data: *mut u8,
    pub(crate) length: usize,
    pub(crate) capacity: usize,
    /// The longest that it may become.
    pub(crate) limit: usize,
    /// Makes room for so many more bytes. Returns 0 if the host refuses.
    pub(crate) grow: extern "C" fn(*mut RawBytes, usize) -> i32,
}

impl RawBytes {
    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// Appends bytes. Returns false, and appends nothing, if they exceed the limit or the host has no memory for them.
    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> bool {
        if self.limit.saturating_sub(self.length) < bytes.len() {
            return false;
        }
        if self.capacity - self.length < bytes.len() && (self.grow)(self, bytes.len()) == 0 {
            return false;
        }
        // SAFETY: there is room for as many bytes behind `length`, and the host's memory does not overlap the plug-in's `bytes`.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data.add(self.length), bytes.len());
        }
        self.length += bytes.len();
        true
    }
}

/// Growable 32-bit numbers. The host owns them.
#[repr(C)]
pub struct RawTable {
    pub(crate) data: *mut i32,
    pub(crate) length: usize,
    pub(crate) capacity: usize,
    /// The longest that it may become.
    pub(crate) limit: usize,
    /// Makes room for so many more numbers. Returns 0 if the host refuses.
    pub(crate) grow: extern "C" fn(*mut RawTable, usize) -> i32,
}

impl RawTable {
    /// Appends numbers. Returns false, and appends nothing, if they exceed the limit or the host has no memory for them.
    #[inline]
    pub(crate) fn push<const N: usize>(&mut self, numbers: &[i32; N]) -> bool {
        if self.limit.saturating_sub(self.length) < N {
            return false;
        }
        if self.capacity - self.length < N && (self.grow)(self, N) == 0 {
            return false;
        }
        // SAFETY: there is room for N numbers behind `length`, and `[i32; N]` has the alignment of an i32.
        unsafe {
            self.data
                .add(self.length)
                .cast::<[i32; N]>()
                .write(*numbers);
        };
        self.length += N;
        true
    }

    /// Overwrites a number that was pushed before.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, number: i32) {
        if at < self.length {
            // SAFETY: `at` lies among the numbers that were pushed.
            unsafe { self.data.add(at).write(number) };
        }
    }
}
