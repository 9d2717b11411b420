//! libuv's functions, found in the host at run time by dlsym(3), so that the same addon loads in hosts without libuv.

use std::ffi::{c_char, c_int, c_void, CStr};

/// `UV_POLL` of `uv_handle_type` in uv.h.
pub(super) const UV_POLL: c_int = 8;
/// `UV_PREPARE` of `uv_handle_type`.
pub(super) const UV_PREPARE: c_int = 9;
/// `UV_TIMER` of `uv_handle_type`.
pub(super) const UV_TIMER: c_int = 13;
/// `UV_READABLE` of `uv_poll_event`.
pub(super) const UV_READABLE: c_int = 1;

pub(super) type Handle = *mut c_void;
type OnPoll = unsafe extern "C" fn(Handle, c_int, c_int);
type OnClose = unsafe extern "C" fn(Handle);
type HandleSize = unsafe extern "C" fn(c_int) -> usize;
type PollInit = unsafe extern "C" fn(*mut c_void, Handle, c_int) -> c_int;
type PollStart = unsafe extern "C" fn(Handle, c_int, OnPoll) -> c_int;
type OnPrepare = unsafe extern "C" fn(Handle);
type PrepareInit = unsafe extern "C" fn(*mut c_void, Handle) -> c_int;
type PrepareStart = unsafe extern "C" fn(Handle, OnPrepare) -> c_int;
type BackendFd = unsafe extern "C" fn(*const c_void) -> c_int;
type BackendTimeout = unsafe extern "C" fn(*const c_void) -> c_int;
type Now = unsafe extern "C" fn(*const c_void) -> u64;
type UpdateTime = unsafe extern "C" fn(*mut c_void);
type TimerStart = unsafe extern "C" fn(Handle, OnPrepare, u64, u64) -> c_int;
type Close = unsafe extern "C" fn(Handle, OnClose);
type Refer = unsafe extern "C" fn(Handle);

/// The functions of libuv that the driver calls. Their signatures have not changed since libuv 1.0.
#[derive(Clone, Copy)]
pub(super) struct Libuv {
    pub(super) handle_size: HandleSize,
    pub(super) poll_init: PollInit,
    pub(super) poll_start: PollStart,
    pub(super) prepare_init: PrepareInit,
    pub(super) prepare_start: PrepareStart,
    pub(super) timer_init: PrepareInit,
    pub(super) timer_start: TimerStart,
    pub(super) backend_fd: BackendFd,
    pub(super) backend_timeout: BackendTimeout,
    pub(super) now: Now,
    pub(super) update_time: UpdateTime,
    pub(super) close: Close,
    pub(super) refer: Refer,
    pub(super) unref: Refer,
}

impl Libuv {
    /// Finds the functions in the host; `None` if the host has no libuv.
    pub(super) fn find() -> Option<Libuv> {
        fn symbol(name: &CStr) -> Option<*mut c_void> {
            let name: *const c_char = name.as_ptr();
            // SAFETY: `name` ends with NUL, and RTLD_DEFAULT is always a valid handle. It searches what the host has loaded.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name) };
            (!found.is_null()).then_some(found)
        }
        // SAFETY: each symbol is the libuv function of that name, and the field's type is its C signature.
        unsafe {
            Some(Libuv {
                handle_size: std::mem::transmute::<*mut c_void, HandleSize>(symbol(
                    c"uv_handle_size",
                )?),
                poll_init: std::mem::transmute::<*mut c_void, PollInit>(symbol(c"uv_poll_init")?),
                poll_start: std::mem::transmute::<*mut c_void, PollStart>(symbol(
                    c"uv_poll_start",
                )?),
                prepare_init: std::mem::transmute::<*mut c_void, PrepareInit>(symbol(
                    c"uv_prepare_init",
                )?),
                prepare_start: std::mem::transmute::<*mut c_void, PrepareStart>(symbol(
                    c"uv_prepare_start",
                )?),
                timer_init: std::mem::transmute::<*mut c_void, PrepareInit>(symbol(
                    c"uv_timer_init",
                )?),
                timer_start: std::mem::transmute::<*mut c_void, TimerStart>(symbol(
                    c"uv_timer_start",
                )?),
                backend_fd: std::mem::transmute::<*mut c_void, BackendFd>(symbol(
                    c"uv_backend_fd",
                )?),
                backend_timeout: std::mem::transmute::<*mut c_void, BackendTimeout>(symbol(
                    c"uv_backend_timeout",
                )?),
                now: std::mem::transmute::<*mut c_void, Now>(symbol(c"uv_now")?),
                update_time: std::mem::transmute::<*mut c_void, UpdateTime>(symbol(
                    c"uv_update_time",
                )?),
                close: std::mem::transmute::<*mut c_void, Close>(symbol(c"uv_close")?),
                refer: std::mem::transmute::<*mut c_void, Refer>(symbol(c"uv_ref")?),
                unref: std::mem::transmute::<*mut c_void, Refer>(symbol(c"uv_unref")?),
            })
        }
    }
}
