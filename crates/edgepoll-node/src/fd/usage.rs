//! Functions that use one descriptor: reads, writes, timers, inotify, processes.
//!
//! No Rust slice of JavaScript's memory is made, because a worker may share that memory.

use std::fmt;

use edgepoll::descriptor::{self, broken_pipe, inotify, Source, Space, When};
use napi::bindgen_prelude::{Buffer, Either, JsValue, Object, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use super::number::borrowed;
use super::results::{failed, length, outcome};
use super::transfer_methods::with_methods;
use crate::layout::{TIMER_AFTER, TIMER_AT, WRITE_SURVIVE, WRITE_WITHOUT_HANDLER};
use crate::{bare, node};

/// The memory of an argument that a system call writes.
pub(super) fn space<'a>(env: &Env, value: &'a Object<'_>) -> Result<Space<'a>> {
    let (start, length) = node::bytes_of(env.raw(), value.raw())?;
    // SAFETY: the typed array is alive in this call, and no JavaScript of this environment runs during the call that could detach
    // its memory. No Rust reference to the memory exists. Other threads may write shared memory at any time, which a `Space`
    // allows.
    Ok(unsafe { Space::new(start, length) })
}

/// The memory of an argument that a system call reads.
pub(super) fn source<'a>(env: &Env, value: &'a Object<'_>) -> Result<Source<'a>> {
    let (start, length) = node::bytes_of(env.raw(), value.raw())?;
    // SAFETY: as in `space`.
    Ok(unsafe { Source::new(start, length) })
}

/// Returns the function that reads from a descriptor into memory without waiting. It returns a length or an error.
#[napi(
    namespace = "fd",
    catch_unwind,
    ts_return_type = "(fd: number, into: Uint8Array) => number"
)]
pub fn reader(env: &Env) -> Result<Unknown<'_>> {
    bare::function(env, |raw, [fd, into, _]| {
        let (start, size) = node::bytes_of(raw, *into)?;
        // SAFETY: as in `space`.
        let space = unsafe { Space::new(start, size) };
        let fd = node::int32(raw, *fd);
        let read = borrowed(&fd)
            .and_then(|from| with_methods(fd, |methods| descriptor::read(from, &space, methods)));
        Ok(f64::from(length(read)))
    })
}

/// Whether SIGPIPE would end this process now.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn broken_pipe_ends_process() -> bool {
    broken_pipe::ends_process()
}

/// Returns the function that writes to a descriptor from memory without waiting. `care` is a sum of the
/// `WRITE_` bits of `layout.rs`. It returns a length or an error.
#[napi(
    namespace = "fd",
    catch_unwind,
    ts_return_type = "(fd: number, from: Uint8Array, care: number) => number"
)]
pub fn writer(env: &Env) -> Result<Unknown<'_>> {
    bare::function(env, |raw, [fd, from, care]| {
        let (start, size) = node::bytes_of(raw, *from)?;
        // SAFETY: as in `space`.
        let source = unsafe { Source::new(start, size) };
        let (fd, care) = (node::int32(raw, *fd), node::int32(raw, *care));
        let to = borrowed(&fd);
        let write = || with_methods(fd, |methods| descriptor::write(to?, &source, methods));
        let written = if care & WRITE_SURVIVE == 0 {
            write()
        } else {
            broken_pipe::survive(care & WRITE_WITHOUT_HANDLER != 0, write)
        };
        Ok(f64::from(length(written)))
    })
}

/// Milliseconds as nanoseconds, rounded up.
fn nanoseconds(milliseconds: f64) -> u64 {
    // The cast saturates. The limit is i64::MAX, because the seconds of a timespec are signed.
    ((milliseconds * 1e6).ceil() as u64).min(i64::MAX.cast_unsigned())
}

/// Arms a timerfd. Times are in milliseconds. `how` is one of the `TIMER_` numbers of `layout.rs`. With `TIMER_AT_UNLESS_SET` the timer
/// becomes readable if the clock is set, and a read fails with ECANCELED. Returns 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn timer_arm(fd: i32, first: f64, every: f64, how: u32) -> i32 {
    let first = nanoseconds(first);
    let when = match how {
        TIMER_AFTER => When::After(first),
        TIMER_AT => When::At(first),
        _ => When::AtUnlessSet(first),
    };
    outcome(borrowed(&fd).and_then(|fd| descriptor::arm(fd, when, nanoseconds(every))))
}

/// Disarms a timerfd; 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn timer_disarm(fd: i32) -> i32 {
    outcome(borrowed(&fd).and_then(descriptor::disarm))
}

/// Milliseconds until a timerfd expires next, 0 if it is disarmed; or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn timer_left(fd: i32) -> f64 {
    match borrowed(&fd).and_then(descriptor::remaining) {
        // For a time of a century, rounding to a double changes it by at most a quarter of a microsecond.
        Ok(left) => left as f64 / 1e6,
        Err(errno) => f64::from(failed(errno)),
    }
}

/// pidfd_send_signal(2): 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn process_signal(fd: i32, signal: i32) -> i32 {
    outcome(borrowed(&fd).and_then(|fd| descriptor::signal_process(fd, signal)))
}

/// An event of inotify.
#[napi(object, namespace = "fd")]
pub struct InotifyRecord {
    /// The watch.
    pub watch: i32,
    /// The kind of change.
    pub mask: u32,
    /// The same number in both events of a rename.
    pub cookie: u32,
    /// The name. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// The bytes of the name, if they are not UTF-8.
    pub bytes: Option<Buffer>,
}

impl fmt::Debug for InotifyRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InotifyRecord")
            .field("watch", &self.watch)
            .field("mask", &self.mask)
            .field("cookie", &self.cookie)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The next events, at least one; or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn inotify_next(fd: i32) -> Either<Vec<InotifyRecord>, i32> {
    let record = |event: inotify::Event| {
        let (name, bytes) = match String::from_utf8(event.name) {
            Ok(name) => (name, None),
            Err(error) => {
                let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                (name, Some(Buffer::from(error.into_bytes())))
            }
        };
        InotifyRecord {
            watch: event.watch,
            mask: event.mask,
            cookie: event.cookie,
            name,
            bytes,
        }
    };
    match borrowed(&fd).and_then(inotify::next) {
        Ok(events) => Either::A(events.into_iter().map(record).collect()),
        Err(errno) => Either::B(failed(errno)),
    }
}

/// inotify_add_watch(2): the number of the watch, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn inotify_add(fd: i32, path: String, mask: u32) -> i32 {
    let added = borrowed(&fd).and_then(|fd| inotify::add(fd, &path, mask));
    added.unwrap_or_else(failed)
}

/// inotify_rm_watch(2): 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn inotify_remove(fd: i32, watch: i32) -> i32 {
    outcome(borrowed(&fd).and_then(|fd| inotify::remove(fd, watch)))
}
