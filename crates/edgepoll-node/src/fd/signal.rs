//! Signals that are read from a descriptor.

use std::cell::RefCell;

use edgepoll::descriptor::signal::{self, Unblocked};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use super::number::borrowed;
use super::results::failed;

thread_local! {
    /// While this holds a value, the thread does not block caught signals.
    static UNBLOCKED: RefCell<Option<Unblocked>> = const { RefCell::new(None) };
}

/// Unblocks the signals of open signalfds in this thread until [`put_back_signals`]. Returns false if there is nothing to unblock.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn lift_signals() -> bool {
    let Some(unblocked) = signal::unblock_for_child() else {
        return false;
    };
    UNBLOCKED.set(Some(unblocked));
    true
}

/// Blocks the signals again that [`lift_signals`] unblocked in this thread.
#[napi(namespace = "fd", catch_unwind)]
pub fn put_back_signals() {
    UNBLOCKED.set(None);
}

/// Restores the earlier handler of each of these signals that only one descriptor reads. The signals stay blocked until it is closed.
#[napi(namespace = "fd", catch_unwind)]
pub fn yield_signals(signals: Vec<i32>) {
    signal::restore_handlers(&signals);
}

/// Whether a descriptor can read the signal.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn can_catch(signal: i32) -> bool {
    signal::can_catch(signal)
}

/// A signal that arrived.
#[napi(object, namespace = "fd")]
#[derive(Debug)]
pub struct SignalRecord {
    /// Its number.
    pub signal: i32,
    /// si_code
    pub code: i32,
    /// The process that sent it; for SIGCHLD, the child.
    pub pid: u32,
    /// The user of that process.
    pub uid: u32,
    /// The child's status, for SIGCHLD.
    pub status: i32,
    /// The value of sigqueue(3).
    pub value: i32,
}

/// The next signal, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn signal_next(fd: i32) -> Either<SignalRecord, i32> {
    match borrowed(&fd).and_then(signal::next) {
        Ok(info) => Either::A(SignalRecord {
            signal: info.signal,
            code: info.code,
            pid: info.pid,
            uid: info.uid,
            status: info.status,
            value: info.value,
        }),
        Err(errno) => Either::B(failed(errno)),
    }
}
