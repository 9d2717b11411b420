//! Calls on sockets of any family. An address is the kernel's own bytes, which no call here interprets.
//!
//! Every socket is made non-blocking and close-on-exec.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::call::{owned, socket_length, uninterrupted};
use crate::Errno;

const FLAGS: i32 = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

/// Memory for an address of any family, and the length of what the kernel wrote there.
pub(crate) struct AddressBuffer {
    bytes: [u8; size_of::<libc::sockaddr_storage>()],
    length: libc::socklen_t,
}

impl AddressBuffer {
    pub(crate) fn new() -> AddressBuffer {
        let bytes = [0; size_of::<libc::sockaddr_storage>()];
        let length = socket_length(bytes.len());
        AddressBuffer { bytes, length }
    }

    /// The address and length arguments of a call that writes an address.
    pub(crate) fn parts(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        (self.bytes.as_mut_ptr().cast(), &raw mut self.length)
    }

    pub(crate) fn set_length(&mut self, length: libc::socklen_t) {
        self.length = length;
    }

    /// The bytes that the kernel wrote. The length that it reports may be larger, if it had to cut the address.
    pub(crate) fn written(self) -> Vec<u8> {
        let length = usize::try_from(self.length).unwrap_or(0);
        self.bytes[..length.min(self.bytes.len())].to_vec()
    }
}

/// Opens a socket (socket(2)).
///
/// # Errors
/// EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no pointer.
    owned(unsafe { libc::socket(family, kind | FLAGS, protocol) })
}

/// Opens two sockets that are connected to each other (socketpair(2)).
///
/// # Errors
/// Those of [`open`], and EOPNOTSUPP.
pub fn pair(family: i32, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut both = [-1; 2];
    // SAFETY: the array holds two numbers and outlives the call.
    let result = unsafe { libc::socketpair(family, kind | FLAGS, protocol, both.as_mut_ptr()) };
    Errno::result(result)?;
    Ok((owned(both[0])?, owned(both[1])?))
}

/// Binds a socket to an address (bind(2)).
///
/// # Errors
/// The errors of bind(2).
pub(crate) fn bind(fd: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    let length = socket_length(address.len());
    // SAFETY: the address is readable memory of that length; the call only reads it.
    Errno::result(unsafe { libc::bind(fd.as_raw_fd(), address.as_ptr().cast(), length) }).map(drop)
}

/// Connects (connect(2)). Returns true when the socket is connected, false when the connect is in progress.
///
/// # Errors
/// The errors of connect(2), except EINPROGRESS and EINTR: the connect continues after them.
pub(crate) fn connect(fd: BorrowedFd<'_>, address: &[u8]) -> Result<bool, Errno> {
    let length = socket_length(address.len());
    // SAFETY: as for bind.
    match Errno::result(unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr().cast(), length) }) {
        Ok(_) => Ok(true),
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Makes a socket accept connections (listen(2)).
///
/// # Errors
/// The errors of listen(2).
pub fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// Accepts one connection, and returns it with its peer's address (accept4(2)).
///
/// # Errors
/// The errors of accept4(2), EINTR excepted.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> Result<(OwnedFd, Vec<u8>), Errno> {
    let mut buffer = AddressBuffer::new();
    let accepted = uninterrupted(|| {
        buffer = AddressBuffer::new();
        let (address, length) = buffer.parts();
        // SAFETY: `address` is writable memory of `length` bytes, and both outlive the call.
        unsafe { libc::accept4(fd.as_raw_fd(), address, length, FLAGS) as isize }
    })?;
    let socket = owned(i32::try_from(accepted).unwrap_or(-1))?;
    Ok((socket, buffer.written()))
}

/// The socket's own address, or its peer's (getsockname(2), getpeername(2)).
///
/// # Errors
/// EBADF, ENOTCONN, ENOTSOCK, ENOBUFS.
pub(crate) fn name(fd: BorrowedFd<'_>, of_peer: bool) -> Result<Vec<u8>, Errno> {
    let mut buffer = AddressBuffer::new();
    let (address, length) = buffer.parts();
    // SAFETY: `address` is writable memory of `length` bytes, and both outlive the call.
    let result = unsafe {
        if of_peer {
            libc::getpeername(fd.as_raw_fd(), address, length)
        } else {
            libc::getsockname(fd.as_raw_fd(), address, length)
        }
    };
    Errno::result(result)?;
    Ok(buffer.written())
}

/// Shuts down one direction or both (shutdown(2)): 0 for receiving, 1 for sending, 2 for both.
///
/// # Errors
/// EBADF, EINVAL, ENOTCONN, ENOTSOCK.
pub fn shutdown(fd: BorrowedFd<'_>, how: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::shutdown(fd.as_raw_fd(), how) }).map(drop)
}

/// The bytes of an option (getsockopt(2)). The kernel cuts an option that is longer than `length`, without an error.
///
/// # Errors
/// EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP; ERANGE from an option that does not fit into `length` and is not cut.
pub fn option_bytes(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    length: usize,
) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0_u8; length];
    let mut given = socket_length(length);
    // SAFETY: `value` is writable memory of `given` bytes, and both outlive the call.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut given,
        )
    };
    Errno::result(result)?;
    // For a few options the kernel reports the full length even if it has cut the value; truncate() ignores a larger length.
    value.truncate(usize::try_from(given).unwrap_or(0));
    Ok(value)
}

/// Sets an option to the given bytes (setsockopt(2)).
///
/// # Errors
/// EBADF, EDOM, EINVAL, ENOPROTOOPT, ENOTSOCK, EPERM.
pub fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let length = socket_length(value.len());
    // SAFETY: `value` is readable memory of `length` bytes and outlives the call.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// The index of a network interface by name (if_nametoindex(3)).
///
/// # Errors
/// ENODEV when no interface has the name, EINVAL for a name that contains NUL.
pub fn interface_index(name: &str) -> Result<u32, Errno> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the name ends with NUL and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(Errno::last()),
        index => Ok(index),
    }
}
