//! Signals that are read from a descriptor.
//!
//! It must never leave a thread's mask changed when a call that was to start a child has returned. Called by src/fd/.

use std::cell::RefCell;

use edgepoll::descriptor::signal::{self, Lifted};
use napi::bindgen_prelude::Either;
use napi_derive::napi;

use super::{borrowed, failed};

thread_local! {
    /// While this holds a value, the thread does not block caught signals.
    static LIFTED: RefCell<Option<Lifted>> = const { RefCell::new(None) };
}

/// Unblocks the signals of open signalfds in this thread until [`put_back_signals`]. Gives false when there is nothing to change.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn lift_signals() -> bool {
    let Some(lifted) = signal::lift() else {
        return false;
    };
    LIFTED.set(Some(lifted));
    true
}

/// Blocks the signals again that [`lift_signals`] has unblocked in this thread.
#[napi(namespace = "fd", catch_unwind)]
pub fn put_back_signals() {
    LIFTED.set(None);
}

/// Restores the earlier handlers of those signals that only one descriptor reads. They stay blocked until it is closed.
#[napi(namespace = "fd", catch_unwind)]
pub fn yield_signals(signals: Vec<i32>) {
    signal::yield_to_others(&signals);
}

/// Whether a signal can be read from a descriptor.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn can_catch(signal: i32) -> bool {
    signal::can_catch(signal)
}

/// A signal that arrived.
#[napi(object, namespace = "fd")]
pub struct SignalRecord {
    /// Its number.
    pub signal: i32,
    /// si_code
    pub code: i32,
    /// The process that sent it, or the child that it is about.
    pub pid: u32,
    /// The user of that process.
    pub uid: u32,
    /// A child's status.
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
