//! Messages with their descriptors, credentials and control messages (timestamps, packet information and others).
//!
//! It must never keep a descriptor that the caller did not ask for. Called by the glue.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::address::Address;
use super::control::{send_from, Control, Origin};
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::descriptor::message::{self as raw, Room};
use crate::Errno;

pub use crate::kernel::descriptor::message::{
    Control as RawControl, Credentials, MOST_DESCRIPTORS,
};

/// What is wanted beside the bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// Whether it is a Unix socket: only those carry descriptors. For other families MSG_CMSG_CLOEXEC is not set, because
    /// AF_PACKET, ISO-TP and J1939 refuse it.
    pub unix: bool,
    /// Room for so many descriptors; the others are closed.
    pub descriptors: usize,
    /// The sender's credentials; they come only with SO_PASSCRED.
    pub credentials: bool,
    /// Bytes of room for other control messages, 16 of header each; at most [`MOST_CONTROL`].
    pub control: usize,
    /// Report the true length of a message that was cut. Never set it for a TCP socket, which would drop bytes. J1939 does not
    /// report it.
    pub true_length: bool,
    /// Look at the message and leave it there. Descriptors are duplicated by the kernel then.
    pub peek: bool,
    /// Take from the error queue instead. Never for a family without one: many ignore the flag and take a message.
    pub from_error_queue: bool,
}

/// The most room for control messages.
pub const MOST_CONTROL: usize = 65_536;

/// A message that was received.
#[derive(Debug)]
pub struct Message {
    /// Its length; more than the room when it was cut and the true length was asked for.
    pub length: usize,
    /// The sender; for an entry of the error queue, the destination of the packet.
    pub from: Option<Address>,
    /// Its end did not fit (MSG_TRUNC).
    pub truncated: bool,
    /// Received descriptors were closed, because there was room for fewer (MSG_CTRUNC). For a Unix socket it is also true when
    /// other control messages had no room, because the kernel does not report which were cut.
    pub descriptors_truncated: bool,
    /// Control messages are lost, because there was no room for them (MSG_CTRUNC).
    pub control_truncated: bool,
    /// At most as many as were asked for.
    pub descriptors: Vec<OwnedFd>,
    /// Who sent it.
    pub credentials: Option<Credentials>,
    /// All other control messages.
    pub control: Vec<Control>,
}

/// The descriptors, credentials and control messages of a message to send.
#[derive(Clone, Debug, Default)]
pub struct Beside<'a> {
    /// Descriptors; the receiver gets its own.
    pub descriptors: &'a [BorrowedFd<'a>],
    /// Own credentials; others need a privilege.
    pub credentials: Option<Credentials>,
    /// The interface and the address to send from.
    pub origin: Option<Origin>,
    /// Any other control messages.
    pub control: Vec<RawControl>,
}

/// Sends one message (sendmsg(2)).
///
/// # Errors
/// EAGAIN when the queue is full; ENAMETOOLONG and EINVAL of the address; EINVAL for more than 253 descriptors; whatever
/// sendmsg(2) gives.
pub fn send(
    fd: BorrowedFd<'_>,
    bytes: &Source<'_>,
    to: Option<&Address>,
    beside: Beside<'_>,
) -> Result<usize, Errno> {
    if beside.descriptors.len() > MOST_DESCRIPTORS {
        return Err(Errno::EINVAL);
    }
    let address = to.map_or_else(|| Ok(Vec::new()), Address::encode)?;
    let mut messages = Vec::new();
    if !beside.descriptors.is_empty() {
        let borrowed = beside.descriptors.iter();
        let content = borrowed
            .flat_map(|fd| fd.as_raw_fd().to_ne_bytes())
            .collect();
        messages.push(of_sockets(libc::SCM_RIGHTS, content));
    }
    if let Some(Credentials { pid, uid, gid }) = beside.credentials {
        let content = [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat();
        messages.push(of_sockets(libc::SCM_CREDENTIALS, content));
    }
    messages.extend(beside.origin.map(send_from));
    messages.extend(beside.control);
    raw::send(fd, bytes, &address, &messages)
}

fn of_sockets(kind: i32, content: Vec<u8>) -> RawControl {
    RawControl {
        level: libc::SOL_SOCKET,
        kind,
        content,
    }
}

/// Receives one message (recvmsg(2)).
///
/// # Errors
/// EAGAIN when there is none; whatever recvmsg(2) gives.
pub fn receive(fd: BorrowedFd<'_>, into: &Space<'_>, wanted: Wanted) -> Result<Message, Errno> {
    let most = wanted.descriptors.min(MOST_DESCRIPTORS);
    let mut room = Room {
        flags: 0,
        descriptors: most,
        control: wanted.control.min(MOST_CONTROL),
    };
    for (is_wanted, flag) in [
        (wanted.unix, libc::MSG_CMSG_CLOEXEC),
        (wanted.true_length, libc::MSG_TRUNC),
        (wanted.peek, libc::MSG_PEEK),
        (wanted.from_error_queue, libc::MSG_ERRQUEUE),
    ] {
        if is_wanted {
            room.flags |= flag;
        }
    }
    let mut received = match raw::receive(fd, into, room) {
        // J1939 refuses MSG_TRUNC; a flag is refused before anything is taken.
        Err(Errno::EINVAL) if wanted.true_length => {
            room.flags &= !libc::MSG_TRUNC;
            raw::receive(fd, into, room)
        }
        result => result,
    }?;
    // Room that no credentials used may have taken descriptors that nobody asked for.
    let excess = raw::keep(&mut received.descriptors, most);
    let is_cut = received.flags & libc::MSG_CTRUNC != 0;
    Ok(Message {
        length: received.length,
        from: Address::decode(&received.address),
        truncated: received.flags & libc::MSG_TRUNC != 0,
        descriptors_truncated: excess || (wanted.unix && is_cut),
        control_truncated: is_cut,
        descriptors: received.descriptors,
        credentials: received.credentials.filter(|_| wanted.credentials),
        control: received.control.into_iter().map(Control::read).collect(),
    })
}
