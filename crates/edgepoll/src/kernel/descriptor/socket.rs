//! Raw calls on sockets of any family; an address is the kernel's own bytes.
//!
//! It must never look into an address, and never make a socket that blocks or survives exec. Called by
//! `descriptor/socket.rs`.

use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::{fresh, length_of, unbroken};
use crate::Errno;

const FLAGS: i32 = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

/// Room for an address of any family, and what of it was written.
pub(crate) struct Room {
    bytes: [u8; size_of::<libc::sockaddr_storage>()],
    length: libc::socklen_t,
}

impl Room {
    pub(crate) fn new() -> Room {
        let bytes = [0; size_of::<libc::sockaddr_storage>()];
        let length = length_of(bytes.len());
        Room { bytes, length }
    }

    pub(crate) fn parts(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        (self.bytes.as_mut_ptr().cast(), &raw mut self.length)
    }

    pub(crate) fn set_length(&mut self, length: libc::socklen_t) {
        self.length = length;
    }

    /// The kernel gives the true length even where it had to cut; more than there is room for is never shown.
    pub(crate) fn written(self) -> Vec<u8> {
        let length = usize::try_from(self.length).unwrap_or(0);
        self.bytes[..length.min(self.bytes.len())].to_vec()
    }
}

/// A socket (socket(2)).
///
/// # Errors
/// EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTONOSUPPORT, ESOCKTNOSUPPORT.
pub fn open(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: the call takes no pointer.
    fresh(unsafe { libc::socket(family, kind | FLAGS, protocol) })
}

/// Two connected sockets (socketpair(2)).
///
/// # Errors
/// As [`open`], and EOPNOTSUPP.
pub fn pair(family: i32, kind: i32, protocol: i32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let mut both = [-1; 2];
    // SAFETY: the array has room for the two numbers and outlives the call.
    let result = unsafe { libc::socketpair(family, kind | FLAGS, protocol, both.as_mut_ptr()) };
    Errno::result(result)?;
    Ok((fresh(both[0])?, fresh(both[1])?))
}

/// Gives a socket its address (bind(2)).
///
/// # Errors
/// Whatever bind(2) gives.
pub(crate) fn bind(fd: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    let length = length_of(address.len());
    // SAFETY: the address is readable memory of that length; the kernel copies it before it looks.
    Errno::result(unsafe { libc::bind(fd.as_raw_fd(), address.as_ptr().cast(), length) }).map(drop)
}

/// Connects; true when that is done already, false when it goes on (connect(2)).
///
/// # Errors
/// Whatever connect(2) gives, EINPROGRESS and EINTR excepted: the kernel goes on connecting then.
pub(crate) fn connect(fd: BorrowedFd<'_>, address: &[u8]) -> Result<bool, Errno> {
    let length = length_of(address.len());
    // SAFETY: as for bind.
    match Errno::result(unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr().cast(), length) }) {
        Ok(_) => Ok(true),
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Lets a socket be connected to (listen(2)).
///
/// # Errors
/// Whatever listen(2) gives.
pub fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// Takes one connection and its address (accept4(2)).
///
/// # Errors
/// Whatever accept4(2) gives, EINTR excepted.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> Result<(OwnedFd, Vec<u8>), Errno> {
    let mut room = Room::new();
    let accepted = unbroken(|| {
        room = Room::new();
        let (address, length) = room.parts();
        // SAFETY: `address` is writable memory of `length` bytes, and both outlive the call.
        unsafe { libc::accept4(fd.as_raw_fd(), address, length, FLAGS) as isize }
    })?;
    let socket = fresh(i32::try_from(accepted).unwrap_or(-1))?;
    Ok((socket, room.written()))
}

/// Its own address, or its peer's (getsockname(2), getpeername(2)).
///
/// # Errors
/// EBADF, ENOTCONN, ENOTSOCK, ENOBUFS.
pub(crate) fn name(fd: BorrowedFd<'_>, of_peer: bool) -> Result<Vec<u8>, Errno> {
    let mut room = Room::new();
    let (address, length) = room.parts();
    // SAFETY: `address` is writable memory of `length` bytes, and both outlive the call.
    let result = unsafe {
        if of_peer {
            libc::getpeername(fd.as_raw_fd(), address, length)
        } else {
            libc::getsockname(fd.as_raw_fd(), address, length)
        }
    };
    Errno::result(result)?;
    Ok(room.written())
}

/// Ends one direction or both (shutdown(2)): 0 receiving, 1 sending, 2 both.
///
/// # Errors
/// EBADF, EINVAL, ENOTCONN, ENOTSOCK.
pub fn shutdown(fd: BorrowedFd<'_>, how: i32) -> Result<(), Errno> {
    // SAFETY: the call takes no pointer.
    Errno::result(unsafe { libc::shutdown(fd.as_raw_fd(), how) }).map(drop)
}

/// The bytes of an option, as many as the kernel gives (getsockopt(2)). The kernel cuts a longer option to `length` without an
/// error.
///
/// # Errors
/// EBADF, EINVAL, ENOPROTOOPT, ENOTSOCK, EOPNOTSUPP; ERANGE where the option says that the room is too small.
pub fn option_bytes(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    length: usize,
) -> Result<Vec<u8>, Errno> {
    let mut value = vec![0_u8; length];
    let mut given = length_of(length);
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
    // For a few options the kernel reports the full length even if it has cut them.
    value.truncate(usize::try_from(given).unwrap_or(0));
    Ok(value)
}

/// Sets an option to the given bytes (setsockopt(2)).
///
/// # Errors
/// EBADF, EDOM, EINVAL, ENOPROTOOPT, ENOTSOCK, EPERM.
pub fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let length = length_of(value.len());
    // SAFETY: `value` is readable memory of `length` bytes and outlives the call.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    Errno::result(result).map(drop)
}

/// The index of a network interface by name (if_nametoindex(3)).
///
/// # Errors
/// ENODEV when there is none, EINVAL for a name with NUL inside.
pub fn interface_index(name: &str) -> Result<u32, Errno> {
    let name = CString::new(name).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the name ends with NUL and outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(Errno::last()),
        index => Ok(index),
    }
}
