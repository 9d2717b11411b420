//! Functions that make, adopt and release descriptors. A number that they return is in the registry.

use std::os::fd::IntoRawFd;

use edgepoll::descriptor::{self, inotify, signal, socket};
use edgepoll::Errno;
use napi::Env;
use napi_derive::napi;

use super::number::borrowed;
use super::owned::{hold, hold_both, hold_signals, owner};
use super::registry;
use super::results::{failed, outcome};
use super::transfer_methods::reset_methods;

/// pipe2(2): two numbers, or one error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn pipe(env: Env) -> Vec<i32> {
    hold_both(&env, descriptor::pipe())
}

/// eventfd(2)
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn eventfd(env: Env, initial: u32, semaphore: bool) -> i32 {
    hold(&env, descriptor::eventfd(initial, semaphore))
}

/// timerfd_create(2). The clock is 'realtime', 'monotonic' or 'boottime'.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn timerfd(env: Env, clock: String) -> i32 {
    let clock = match clock.as_str() {
        "realtime" => libc::CLOCK_REALTIME,
        "monotonic" => libc::CLOCK_MONOTONIC,
        "boottime" => libc::CLOCK_BOOTTIME,
        _ => return failed(Errno::EINVAL),
    };
    hold(&env, descriptor::timerfd(clock))
}

/// signalfd(2). The signals are caught until the descriptor is closed.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn signalfd(env: Env, signals: Vec<i32>) -> i32 {
    hold_signals(&env, signal::signalfd(&signals))
}

/// inotify_init1(2)
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn inotify_init(env: Env) -> i32 {
    hold(&env, inotify::inotify())
}

/// pidfd_open(2)
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn pidfd(env: Env, pid: i32) -> i32 {
    hold(&env, descriptor::pidfd(pid))
}

/// socket(2)
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_open(env: Env, family: i32, kind: i32, protocol: i32) -> i32 {
    hold(&env, socket::open(family, kind, protocol))
}

/// socketpair(2)
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_pair(env: Env, family: i32, kind: i32, protocol: i32) -> Vec<i32> {
    hold_both(&env, socket::pair(family, kind, protocol))
}

/// fcntl(2), F_DUPFD_CLOEXEC
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn duplicate(env: Env, fd: i32) -> i32 {
    hold(&env, borrowed(&fd).and_then(descriptor::duplicate))
}

/// Takes ownership of a number; 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn adopt(env: Env, fd: i32) -> i32 {
    // SAFETY: OwnedFd.adopt() documents that its caller hands over the number.
    let adopted = unsafe { registry::adopt(fd, owner(&env)) };
    if adopted.is_ok() {
        reset_methods(fd);
    }
    outcome(adopted)
}

/// Gives up ownership of a number without closing it. Returns true if this environment held it.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn release(env: Env, fd: i32) -> bool {
    let released = registry::release(fd, owner(&env));
    // The JavaScript caller owns the number from now on.
    released.map(IntoRawFd::into_raw_fd).is_some()
}

/// Closes a number that this environment holds; 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn close(env: Env, fd: i32) -> i32 {
    outcome(registry::close(fd, owner(&env)))
}
