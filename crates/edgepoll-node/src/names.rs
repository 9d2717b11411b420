//! Numbers in words: what an error number is called, and what this process may open.
//!
//! It must never hold state. Called by src/internal/errors.ts and src/internal/validate.ts, and by whatever hands an error number over.

use edgepoll::Call;
use napi_derive::napi;
use nix::errno::Errno;
use nix::sys::resource::{getrlimit, Resource};

/// Every call, in the order of its number in a record.
const CALLS: [Call; 10] = [
    Call::Socket,
    Call::SetOption,
    Call::Bind,
    Call::Listen,
    Call::Accept,
    Call::Connect,
    Call::Receive,
    Call::Send,
    Call::Shutdown,
    Call::Register,
];

/// The number of an error, never 0, which is a success over there: nix has one word for all that it does not know, and
/// that has no number.
pub(crate) fn number(errno: Errno) -> i32 {
    match errno {
        Errno::UnknownErrno => Errno::EIO as i32,
        known => known as i32,
    }
}

/// What Node.js calls the system call of that number.
#[napi(catch_unwind)]
#[must_use]
pub fn call_name(number: u32) -> String {
    let found = CALLS.into_iter().find(|call| *call as u32 == number);
    found.map_or("syscall", Call::name).to_owned()
}

/// The symbol of an error number: `ECONNRESET`. A number without one is `UNKNOWN`, as libuv has it.
#[napi(catch_unwind)]
#[must_use]
pub fn error_name(errno: i32) -> String {
    match Errno::from_raw(errno) {
        Errno::UnknownErrno => "UNKNOWN".to_owned(),
        known => format!("{known:?}"),
    }
}

/// What strerror(3) says of an error number, in lower case as Node.js has it.
#[napi(catch_unwind)]
#[must_use]
pub fn error_text(errno: i32) -> String {
    Errno::from_raw(errno).desc().to_lowercase()
}

/// How many descriptors this process may have open (RLIMIT_NOFILE, the soft limit).
#[napi(catch_unwind)]
#[must_use]
pub fn descriptor_limit() -> u32 {
    getrlimit(Resource::RLIMIT_NOFILE)
        .map_or(1024, |(soft, _)| u32::try_from(soft).unwrap_or(u32::MAX))
}

/// Whether the number is an open descriptor (fcntl(2), F_GETFD: changes nothing).
#[napi(catch_unwind)]
#[must_use]
pub fn is_open(fd: i32) -> bool {
    edgepoll::kernel::epoll::is_open(fd)
}
