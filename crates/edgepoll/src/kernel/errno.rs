//! The error of a system call that failed, however it was made: by libc, by nix or by the standard library.

use crate::Errno;

/// What a system call returns: -1 when it failed.
pub(crate) trait Returned: Copy {
    fn is_failure(self) -> bool;
}

impl Returned for i32 {
    #[inline]
    fn is_failure(self) -> bool {
        self == -1
    }
}

impl Returned for i64 {
    #[inline]
    fn is_failure(self) -> bool {
        self == -1
    }
}

impl Errno {
    /// The error of this thread's last call that failed (errno(3)).
    #[inline]
    pub(crate) fn last() -> Errno {
        Errno::from_raw_os_error(nix::errno::Errno::last_raw())
    }

    /// What a call of libc returned, or its error.
    #[inline]
    pub(crate) fn result<R: Returned>(returned: R) -> Result<R, Errno> {
        if returned.is_failure() {
            Err(Errno::last())
        } else {
            Ok(returned)
        }
    }

    /// The error of a call that nix made.
    #[inline]
    pub(crate) fn from_nix(errno: nix::errno::Errno) -> Errno {
        Errno::from_raw_os_error(errno as i32)
    }

    /// The error of a call that the standard library or mio made.
    pub(crate) fn from_io(error: &std::io::Error) -> Errno {
        error
            .raw_os_error()
            .map_or(Errno::EIO, Errno::from_raw_os_error)
    }
}
