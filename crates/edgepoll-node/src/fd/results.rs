//! Results of system calls as numbers for JavaScript.

use edgepoll::Errno;

use crate::names;

/// An error as a negative number.
pub(super) fn failed(errno: Errno) -> i32 {
    -names::number(errno)
}

/// Success as 0.
pub(super) fn outcome(result: Result<(), Errno>) -> i32 {
    result.map_or_else(failed, |()| 0)
}

/// A length. It fits, because the kernel transfers at most 2^31 − 4,096 bytes in one call.
pub(super) fn length(result: Result<usize, Errno>) -> i32 {
    result.map_or_else(failed, |length| i32::try_from(length).unwrap_or(i32::MAX))
}
