//! The thread of the driver `thread`, and what it shares with the JavaScript thread.
//!
//! The thread touches neither JavaScript nor the task, and reads no event of the poll descriptor. It is joined before the descriptor
//! is closed.

use std::os::fd::{AsFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use napi::sys;
use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::eventfd::EventFd;

/// What both threads use.
pub(super) struct Shared {
    /// Wakes the thread from poll(2).
    pub(super) control: EventFd,
    /// Whether the thread may call JavaScript because the descriptor is readable. The thread clears it with that call.
    pub(super) armed: AtomicBool,
    /// Milliseconds after which the thread calls even if nothing is ready; 0 for never. The thread sets it to 0 when it reads it.
    pub(super) call_after: AtomicU64,
    /// Whether a call for the time alone is still useful.
    pub(super) needs_time: AtomicBool,
    /// Whether the thread made the last call because its time had passed, and not because the descriptor was readable.
    pub(super) is_time: AtomicBool,
    pub(super) stop: AtomicBool,
}

impl Shared {
    pub(super) fn new(control: EventFd) -> Shared {
        Shared {
            control,
            armed: AtomicBool::new(true),
            call_after: AtomicU64::new(0),
            needs_time: AtomicBool::new(false),
            is_time: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    /// Wakes the thread.
    pub(super) fn wake(&self) {
        // A write to an eventfd fails only when its counter is full, and then the thread is awake already.
        let _ = self.control.write(1);
    }
}

/// The thread-safe function, for the thread.
pub(super) struct Function(pub(super) sys::napi_threadsafe_function);

// SAFETY: Node-API allows napi_call_threadsafe_function on any thread, and the thread makes no other call with it.
unsafe impl Send for Function {}

/// The time left until `until`, rounded up.
fn timeout(until: Option<Instant>) -> PollTimeout {
    let Some(until) = until else {
        return PollTimeout::NONE;
    };
    let left = until.saturating_duration_since(Instant::now());
    let milliseconds = left.as_micros().div_ceil(1000);
    PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
}

/// Runs until the driver stops or the environment ends.
pub(super) fn watch(fd: &OwnedFd, shared: &Shared, function: &Function) {
    // When to call even if nothing is ready.
    let mut call_at = None;
    while !shared.stop.load(Ordering::Acquire) {
        let armed = shared.armed.load(Ordering::Acquire);
        match shared.call_after.swap(0, Ordering::AcqRel) {
            0 => {}
            after => call_at = Some(Instant::now() + Duration::from_millis(after)),
        }
        let mut fds = [
            PollFd::new(shared.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(fd.as_fd(), PollFlags::POLLIN),
        ];
        let count = if armed { 2 } else { 1 };
        let until = call_at.filter(|_| armed);
        match poll(&mut fds[..count], timeout(until)) {
            Ok(_) | Err(Errno::EINTR) => {}
            // The only other error is ENOMEM. The next round tries again.
            Err(_) => std::thread::yield_now(),
        }
        let signalled = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
        if signalled(&fds[0]) {
            // EAGAIN: an earlier read has already taken this wake-up.
            let _ = shared.control.read();
        }
        let is_ready = armed && signalled(&fds[1]);
        let is_due = until.is_some_and(|until| until <= Instant::now());
        if is_due {
            call_at = None;
        }
        let is_time = is_due && shared.needs_time.load(Ordering::Acquire);
        if is_ready || is_time {
            call_at = None;
            // A call because of the time leaves the thread armed. If the descriptor becomes ready before JavaScript has run that
            // call, there are two calls, and one of them finds nothing.
            shared.is_time.store(!is_ready, Ordering::Release);
            if is_ready {
                shared.armed.store(false, Ordering::Release);
            }
            // SAFETY: the function is released after this thread was joined, or else by the environment that ends. In that
            // case, this call returns an error status.
            let status = unsafe {
                sys::napi_call_threadsafe_function(
                    function.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                )
            };
            if status != sys::Status::napi_ok {
                return;
            }
        }
    }
}
