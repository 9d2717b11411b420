//! Names and texts of error numbers and system calls, what this process may open, and the addon's version.

use edgepoll::{Call, Errno};
use napi_derive::napi;
use nix::sys::resource::{getrlimit, Resource};

use crate::layout::REASON_MASK;

/// The version of the addon. The package refuses an addon of another one.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every system call that the core can name.
const CALLS: [Call; 13] = [
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
    Call::OpenEpoll,
    Call::OpenEvent,
    Call::OpenTimer,
];

/// A number that fits into a close reason and that no system call has. Its name is "syscall".
pub(crate) const NO_CALL: i32 = REASON_MASK;

const _: () = {
    let mut at = 0;
    while at < CALLS.len() {
        assert!(
            (CALLS[at] as i32) < NO_CALL,
            "a close reason has no bits for this number"
        );
        at += 1;
    }
};

/// The number of an error that Linux has, never 0, which means success to the caller. Any other becomes EIO.
pub(crate) fn number(errno: Errno) -> i32 {
    let known = errno.name().map_or(Errno::EIO, |_| errno);
    known.raw_os_error()
}

/// Node.js's name of the system call with that number in a close reason.
#[napi(catch_unwind)]
#[must_use]
pub fn call_name(number: u32) -> String {
    let found = CALLS.into_iter().find(|call| *call as u32 == number);
    found.map_or("syscall", Call::name).to_owned()
}

/// The symbol of an error number: `ECONNRESET`; or `UNKNOWN`, as in libuv, for a number without one.
#[napi(catch_unwind)]
#[must_use]
pub fn error_name(errno: i32) -> String {
    let name = Errno::from_raw_os_error(errno).name();
    name.unwrap_or("UNKNOWN").to_owned()
}

/// The text of an error number (strerror(3)), in lower case as in Node.js.
#[napi(catch_unwind)]
#[must_use]
pub fn error_text(errno: i32) -> String {
    let errno = Errno::from_raw_os_error(errno);
    errno.description().to_lowercase()
}

/// How many descriptors this process may have open (RLIMIT_NOFILE, the soft limit).
#[napi(catch_unwind)]
#[must_use]
pub fn descriptor_limit() -> u32 {
    getrlimit(Resource::RLIMIT_NOFILE)
        .map_or(1024, |(soft, _)| u32::try_from(soft).unwrap_or(u32::MAX))
}

/// Whether the number is an open descriptor (fcntl(2) with F_GETFD).
#[napi(catch_unwind)]
#[must_use]
pub fn is_open(fd: i32) -> bool {
    edgepoll::kernel::epoll::is_open(fd)
}
