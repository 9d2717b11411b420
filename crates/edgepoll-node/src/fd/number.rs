//! Descriptors that JavaScript passes by number.

use std::os::fd::BorrowedFd;

use edgepoll::Errno;

/// The descriptor of a number that JavaScript passed. The argument is a reference so that the borrow ends with the call that has
/// the number as its argument.
///
/// # Errors
/// EBADF for a negative number.
pub(crate) fn borrowed(number: &i32) -> Result<BorrowedFd<'_>, Errno> {
    if *number < 0 {
        return Err(Errno::EBADF);
    }
    // SAFETY: the number is not -1. Either an open JavaScript object owns it, or a JavaScript program passed it as a plain number and
    // is responsible for the right to use it. No JavaScript of this environment runs during the call, so none closes it before the
    // borrow ends. If other code has closed the number although the object owns it, the kernel returns EBADF, or the call reaches
    // the file that has the number by then. Safe Rust rules that out (I/O safety), JavaScript cannot. It is that program's fault,
    // and no memory of this addon depends on which file it is.
    Ok(unsafe { BorrowedFd::borrow_raw(*number) })
}
