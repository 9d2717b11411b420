//! Messages with descriptors and credentials.
//!
//! It must never keep a descriptor that the caller did not ask for. Called by the glue.

use std::os::fd::{OwnedFd, RawFd};

use super::address::Address;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::descriptor::message as raw;
use crate::kernel::Errno;

pub use crate::kernel::descriptor::message::{Credentials, MOST_DESCRIPTORS};

/// What is wanted beside the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Room for so many descriptors; the others are closed.
    pub descriptors: usize,
    /// The sender's credentials; they come only with SO_PASSCRED.
    pub credentials: bool,
    /// The true length of a message that was cut. Never for a TCP socket: there it throws bytes away.
    pub true_length: bool,
    /// Look at the message and leave it there. Descriptors are duplicated by the kernel then.
    pub peek: bool,
}

/// A message that was received.
#[derive(Debug)]
pub struct Message {
    /// Its length; more than the room when it was cut and the true length was asked for.
    pub length: usize,
    /// The sender.
    pub from: Option<Address>,
    /// Its end did not fit (MSG_TRUNC).
    pub truncated: bool,
    /// Descriptors that came are closed, because fewer were asked for (MSG_CTRUNC).
    pub descriptors_truncated: bool,
    /// At most as many as were asked for.
    pub descriptors: Vec<OwnedFd>,
    /// Who sent it.
    pub credentials: Option<Credentials>,
}

/// Sends one message (sendmsg(2)).
///
/// # Errors
/// EAGAIN when the queue is full; ENAMETOOLONG and EINVAL of the address; EINVAL for more than 253 descriptors; whatever
/// sendmsg(2) gives.
pub fn send(
    fd: RawFd,
    bytes: &Source<'_>,
    to: Option<&Address>,
    descriptors: &[RawFd],
    credentials: Option<Credentials>,
) -> Result<usize, Errno> {
    if descriptors.len() > MOST_DESCRIPTORS {
        return Err(Errno::EINVAL);
    }
    let address = to.map_or_else(|| Ok(Vec::new()), Address::encode)?;
    raw::send(fd, bytes, &address, descriptors, credentials)
}

/// Receives one message (recvmsg(2)).
///
/// # Errors
/// EAGAIN when there is none; whatever recvmsg(2) gives.
pub fn receive(fd: RawFd, into: &Space<'_>, wanted: Wanted) -> Result<Message, Errno> {
    let mut flags = 0;
    if wanted.true_length {
        flags |= libc::MSG_TRUNC;
    }
    if wanted.peek {
        flags |= libc::MSG_PEEK;
    }
    let most = wanted.descriptors.min(MOST_DESCRIPTORS);
    let mut received = raw::receive(fd, into, flags, most)?;
    // Room that no credentials used may have taken descriptors that nobody asked for.
    let excess = raw::keep(&mut received.descriptors, most);
    Ok(Message {
        length: received.length,
        from: Address::decode(&received.address),
        truncated: received.flags & libc::MSG_TRUNC != 0,
        descriptors_truncated: excess || received.flags & libc::MSG_CTRUNC != 0,
        descriptors: received.descriptors,
        credentials: received.credentials.filter(|_| wanted.credentials),
    })
}
