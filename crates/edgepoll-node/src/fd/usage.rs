//! What is done with one descriptor: reading, writing, timers, inotify, processes.
//!
//! It must never make a Rust slice of JavaScript's memory: it may be shared with a worker. Called by src/fd/.

use edgepoll::descriptor::{self, broken_pipe, inotify, Source, Space, When};
use napi::bindgen_prelude::{Buffer, Either, JsValue, Object, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use super::{borrowed, failed, length, outcome, with_manner};
use crate::{bare, node};

/// The memory of an argument for a call that writes there.
pub(super) fn space<'a>(env: &Env, value: &'a Object<'_>) -> Result<Space<'a>> {
    let (start, length) = node::bytes_of(env.raw(), value.raw())?;
    // SAFETY: the memory of a typed array that is alive in this call, during which no JavaScript of this environment
    // runs to detach it; what other threads do to shared memory is theirs, and no Rust reference to it exists.
    Ok(unsafe { Space::new(start, length) })
}

/// The memory of an argument for a call that reads there.
pub(super) fn source<'a>(env: &Env, value: &'a Object<'_>) -> Result<Source<'a>> {
    let (start, length) = node::bytes_of(env.raw(), value.raw())?;
    // SAFETY: as above.
    Ok(unsafe { Source::new(start, length) })
}

/// The function for reading without waiting, of a descriptor into memory: it gives a length or an error.
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
            .and_then(|from| with_manner(fd, |manner| descriptor::read(from, &space, manner)));
        Ok(f64::from(length(read)))
    })
}

/// In a writer's last argument: SIGPIPE may end the process.
const MUST_SURVIVE: i32 = 2;
/// With that: nor is a handler told.
const UNHEARD: i32 = 4;

/// Whether SIGPIPE ends this process now.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn broken_pipe_ends_process() -> bool {
    broken_pipe::ends_process()
}

/// The function for writing without waiting, to a descriptor from memory; `care` is a sum of the constants above.
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
        let write = || with_manner(fd, |manner| descriptor::write(to?, &source, manner));
        let written = if care & MUST_SURVIVE == 0 {
            write()
        } else {
            broken_pipe::survive(care & UNHEARD != 0, write)
        };
        Ok(f64::from(length(written)))
    })
}

/// Nanoseconds that are not before the given milliseconds.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rounded up before, and a cast from a float saturates"
)]
fn nanoseconds(milliseconds: f64) -> u64 {
    // timespec's seconds are signed.
    ((milliseconds * 1e6).ceil() as u64).min(i64::MAX.cast_unsigned())
}

/// Arms a timerfd; milliseconds. `how`: 0 from now on, 1 on its clock, 2 on its clock until that is set. 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn timer_arm(fd: i32, first: f64, every: f64, how: u32) -> i32 {
    let first = nanoseconds(first);
    let when = match how {
        0 => When::After(first),
        1 => When::At(first),
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

/// Milliseconds until a timerfd expires next, 0 when disarmed; or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    reason = "a quarter of a microsecond in a century"
)]
pub fn timer_left(fd: i32) -> f64 {
    match borrowed(&fd).and_then(descriptor::remaining) {
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

/// Something that inotify tells.
#[napi(object, namespace = "fd")]
pub struct InotifyRecord {
    /// The watch.
    pub watch: i32,
    /// What happened.
    pub mask: u32,
    /// Joins the two events of a rename.
    pub cookie: u32,
    /// The name, as far as it is UTF-8.
    pub name: String,
    /// The name's bytes, when they are not UTF-8.
    pub bytes: Option<Buffer>,
}

/// A batch of events, or an error.
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

/// inotify_add_watch(2): the watch, or an error.
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
