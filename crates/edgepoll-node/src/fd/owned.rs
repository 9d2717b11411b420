//! The descriptors that an environment owns. What is left open when the environment ends is closed.

use std::collections::HashSet;
use std::ffi::c_void;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use edgepoll::descriptor::signal::Caught;
use edgepoll::Errno;
use napi::{sys, Env};

use super::registry;
use super::results::failed;
use super::transfer_methods::reset_methods;

/// Stores a new descriptor for its owner and returns its number.
pub(super) fn keep(fd: OwnedFd, owner: usize, caught: Option<Caught>) -> i32 {
    reset_methods(fd.as_raw_fd());
    registry::hold(fd, owner, caught)
}

/// The environments that have a clean-up hook, which closes the descriptors that they left open.
static HOOKED: Mutex<Option<HashSet<usize>>> = Mutex::new(None);

/// The owner of descriptors that this environment makes: the environment's address. Adds the clean-up hook at the first call.
pub(super) fn owner(env: &Env) -> usize {
    let raw = env.raw();
    let owner = raw as usize;
    let mut hooked = HOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    let hooked = hooked.get_or_insert_default();
    if !hooked.contains(&owner) {
        // SAFETY: `env` is live: the caller is inside a call from JavaScript.
        let status =
            unsafe { sys::napi_add_env_cleanup_hook(raw, Some(on_end), raw.cast::<c_void>()) };
        // Only an environment whose hook was added is stored, and the next call tries again. Otherwise the address would stay in the
        // set, a later environment with the same address would get no hook, and its descriptors would stay open at its end.
        if status == sys::Status::napi_ok {
            hooked.insert(owner);
        }
    }
    owner
}

unsafe extern "C" fn on_end(env: *mut c_void) {
    let owner = env as usize;
    let mut hooked = HOOKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(hooked) = hooked.as_mut() {
        hooked.remove(&owner);
    }
    drop(hooked);
    registry::close_all(owner);
}

/// Stores a new descriptor for this environment and returns its number, or an error.
pub(super) fn hold(env: &Env, made: Result<OwnedFd, Errno>) -> i32 {
    made.map_or_else(failed, |fd| keep(fd, owner(env), None))
}

/// As [`hold`], for a signalfd.
pub(super) fn hold_signals(env: &Env, made: Result<(OwnedFd, Caught), Errno>) -> i32 {
    made.map_or_else(failed, |(fd, caught)| keep(fd, owner(env), Some(caught)))
}

/// Stores two new descriptors and returns both numbers, or one error.
pub(super) fn hold_both(env: &Env, made: Result<(OwnedFd, OwnedFd), Errno>) -> Vec<i32> {
    match made {
        Ok((first, second)) => [first, second]
            .map(|fd| keep(fd, owner(env), None))
            .to_vec(),
        Err(errno) => vec![failed(errno)],
    }
}
