//! The task that a driver calls when the poll descriptor is readable.

use napi::sys;

/// When the driver calls [`Task::ready`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// When the descriptor is readable again.
    Watch,
    /// After [`Driver::arm`](super::Driver::arm), which may follow soon. A driver for which going on is cheaper than stopping may
    /// keep watching, and call once more before that.
    Pause,
    /// Only after [`Driver::arm`](super::Driver::arm).
    Stop,
}

/// The functions that a driver calls, all on the JavaScript thread.
pub(crate) trait Task {
    /// The descriptor is readable.
    fn ready(&self, env: sys::napi_env) -> Next;

    /// Called when the host's event loop is about to wait. `now` is a time in milliseconds. Returns the milliseconds after which it
    /// must be called again at the latest; 0 for no limit.
    ///
    /// The driver `uv` gets a callback from the loop for that. The driver `thread` calls this before [`Task::ready`], and once
    /// [`Task::call_after`] milliseconds have passed since a wait began.
    fn before_wait(&self, env: sys::napi_env, now: u64) -> u64 {
        let _ = (env, now);
        0
    }

    /// The milliseconds after the beginning of a wait when [`Task::before_wait`] must be called; 0 for never.
    fn call_after(&self) -> u64 {
        0
    }

    /// How many messages the last [`Task::ready`] delivered, whose answers may bring the next ones soon. The driver `uv` may poll for
    /// those before the loop sleeps, unless this is `None` when the driver starts.
    fn messages(&self) -> Option<usize> {
        None
    }

    /// The driver has stopped for good. The task drops all that it has of JavaScript, and the descriptor.
    fn stopped(&self);
}
