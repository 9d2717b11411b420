//! What every function of a plug-in does around the author's code.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::{status, RawIo};
use crate::Error;

/// Runs the author's code, which may write to `io`. A panic becomes a status and a text: it must not unwind into the host, which
/// another compiler may have built.
pub(super) fn guarded(io: &mut RawIo, run: impl FnOnce(&mut RawIo) -> i32) -> i32 {
    match catch_unwind(AssertUnwindSafe(|| run(io))) {
        Ok(status) => status,
        Err(payload) => {
            set_text(io, panic_text(&*payload));
            forget_panic(payload);
            status::PANICKED
        }
    }
}

/// Runs the author's code where there is nothing to write to. `None` means that it panicked.
pub(super) fn guarded_alone<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run))
        .map_err(forget_panic)
        .ok()
}

/// The message of `panic!`, which is a string in all but a few programs.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let fixed = payload.downcast_ref::<&'static str>().copied();
    fixed
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or_default()
}

/// Frees what `panic_any` was given. Its destructor may panic too, and then it is leaked.
pub(crate) fn forget_panic(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

/// Writes an error for the host, and returns its status.
pub(super) fn failed(io: &mut RawIo, error: &Error) -> i32 {
    set_text(io, error.text());
    io.error_number = error.number();
    error.kind() as i32
}

/// Writes as much of a text as the host takes.
fn set_text(io: &mut RawIo, text: &str) {
    io.text.length = 0;
    let mut end = text.len().min(io.text.limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // If the host has no memory for it, the kind and the number still say what happened.
    io.text.extend(&text.as_bytes()[..end]);
}
