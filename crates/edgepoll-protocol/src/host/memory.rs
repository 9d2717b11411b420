//! An allocator that counts what the calling thread holds, so that a host or a test can tell how much memory sessions keep.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count for each thread.
///
/// ```
/// use edgepoll_protocol::host::Counted;
///
/// #[global_allocator]
/// static MEMORY: Counted = Counted;
///
/// let before = Counted::held();
/// let kept = vec![0_u8; 1000];
/// assert_eq!(Counted::held() - before, 1000);
/// drop(kept);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted;

impl Counted {
    /// The bytes that this thread has allocated, less those that it has freed.
    #[must_use]
    pub fn held() -> isize {
        HELD.get()
    }

    /// Whether this is the program's global allocator.
    #[must_use]
    pub fn is_installed() -> bool {
        let before = Counted::held();
        let some = std::hint::black_box(vec![0_u8; 16]);
        let has_counted = Counted::held() != before;
        drop(some);
        has_counted
    }
}

fn count(more: usize, less: usize) {
    // The count is a number without a destructor, so it works while a thread ends too.
    HELD.set(HELD.get() + more.cast_signed() - less.cast_signed());
}

// SAFETY: all work is done by the system's allocator. Counting allocates nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise; here and below.
        let memory = unsafe { System.alloc(layout) };
        if !memory.is_null() {
            count(layout.size(), 0);
        }
        memory
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let memory = unsafe { System.alloc_zeroed(layout) };
        if !memory.is_null() {
            count(layout.size(), 0);
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        let memory = unsafe { System.realloc(memory, layout, size) };
        if !memory.is_null() {
            count(size, layout.size());
        }
        memory
    }
}
