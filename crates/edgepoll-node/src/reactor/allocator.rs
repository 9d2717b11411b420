//! Gives memory that the allocator keeps free back to the system.

/// glibc keeps what is freed below the highest block in use, for later allocations: after an attack that may be hundreds of megabytes.
/// This takes about a sixth of a millisecond for each megabyte.
#[cfg(target_env = "gnu")]
pub(crate) fn give_back() {
    // SAFETY: the call takes no pointer, and may be made at any time.
    unsafe { libc::malloc_trim(0) };
}

/// Other C libraries give memory back by themselves.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn give_back() {}
