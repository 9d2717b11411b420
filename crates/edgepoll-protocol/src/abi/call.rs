//! What every function of a plug-in does around the author's code.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::{status, RawIo};
use crate::Error;

/// Runs the author's code. A panic becomes a status: it must not unwind into the host, which another compiler may have built.
pub(super) fn guarded(run: impl FnOnce() -> i32) -> i32 {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(status::PANICKED)
}

/// Writes an error for the host, and returns its status.
pub(super) fn failed(io: &mut RawIo, error: &Error) -> i32 {
    io.text.length = 0;
    // A text that is too long for the host is left out. The kind and the number still say what happened.
    io.text.extend(error.text().as_bytes());
    io.error_number = error.number();
    error.kind() as i32
}
