//! Messages with their descriptors, credentials and control messages (timestamps, packet information and others).

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use super::control::{send_from, ControlMessage, PacketSource};
use crate::address::Address;
use crate::kernel::descriptor::memory::{Source, Space};
use crate::kernel::descriptor::message::{self as raw, Request};
use crate::Errno;

pub use crate::kernel::descriptor::message::{Credentials, RawControlMessage, MAX_DESCRIPTORS};

/// How a message is received, and what is received in addition to its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReceiveOptions {
    /// Whether it is a Unix socket: only those carry descriptors. For other families MSG_CMSG_CLOEXEC is not set, because
    /// AF_PACKET, ISO-TP and J1939 refuse it.
    pub unix: bool,
    /// The largest number of descriptors to receive; further ones are closed.
    pub descriptors: usize,
    /// Whether to report the sender's credentials. The kernel sends them only with SO_PASSCRED.
    pub credentials: bool,
    /// Bytes of room for other control messages, 16 for each header; at most [`MAX_CONTROL`].
    pub control: usize,
    /// Report the true length of a message that was cut. Do not set it for a TCP socket, which would drop bytes. J1939 does not
    /// report it.
    pub true_length: bool,
    /// Leave the message in the queue. The kernel duplicates its descriptors then.
    pub peek: bool,
    /// Receive from the error queue instead. Do not set it for a family that has none, because many ignore the flag and take a
    /// message.
    pub from_error_queue: bool,
}

/// The largest room for control messages, in bytes.
pub const MAX_CONTROL: usize = 65_536;

/// A message that was received.
#[derive(Debug)]
#[non_exhaustive]
pub struct Message {
    /// The length of the message. It exceeds the space if the message was cut and [`ReceiveOptions::true_length`] was set.
    pub length: usize,
    /// The sender; for an entry of the error queue, the destination of the packet.
    pub from: Option<Address>,
    /// The message was cut, because the space was too small (MSG_TRUNC).
    pub truncated: bool,
    /// Received descriptors were closed, because there was room for fewer (MSG_CTRUNC). For a Unix socket it is also true when
    /// other control messages had no room, because the kernel does not report which were cut.
    pub descriptors_truncated: bool,
    /// Control messages were lost, because there was no room for them (MSG_CTRUNC).
    pub control_truncated: bool,
    /// The received descriptors, at most [`ReceiveOptions::descriptors`].
    pub descriptors: Vec<OwnedFd>,
    /// The sender's credentials.
    pub credentials: Option<Credentials>,
    /// All other control messages.
    pub control: Vec<ControlMessage>,
}

/// The ancillary data of a message to send: descriptors, credentials and other control messages.
#[derive(Clone, Debug, Default)]
pub struct Ancillary<'a> {
    /// Descriptors. The receiver gets duplicates.
    pub descriptors: &'a [BorrowedFd<'a>],
    /// Credentials. A process needs a privilege for any but its own.
    pub credentials: Option<Credentials>,
    /// The interface and the address to send from.
    pub source: Option<PacketSource>,
    /// Other control messages.
    pub control: Vec<RawControlMessage>,
}

/// Sends one message (sendmsg(2)).
///
/// # Errors
/// EAGAIN when the queue is full; EINVAL for more than 253 descriptors; those of [`Address::encode`] and of sendmsg(2).
pub fn send(
    fd: BorrowedFd<'_>,
    bytes: &Source<'_>,
    to: Option<&Address>,
    ancillary: Ancillary<'_>,
) -> Result<usize, Errno> {
    if ancillary.descriptors.len() > MAX_DESCRIPTORS {
        return Err(Errno::EINVAL);
    }
    let address = to.map_or_else(|| Ok(Vec::new()), Address::encode)?;
    let mut messages = Vec::new();
    if !ancillary.descriptors.is_empty() {
        let borrowed = ancillary.descriptors.iter();
        let content = borrowed
            .flat_map(|fd| fd.as_raw_fd().to_ne_bytes())
            .collect();
        messages.push(socket_level(libc::SCM_RIGHTS, content));
    }
    if let Some(Credentials { pid, uid, gid }) = ancillary.credentials {
        let content = [pid.to_ne_bytes(), uid.to_ne_bytes(), gid.to_ne_bytes()].concat();
        messages.push(socket_level(libc::SCM_CREDENTIALS, content));
    }
    messages.extend(ancillary.source.map(send_from));
    messages.extend(ancillary.control);
    raw::send(fd, bytes, &address, &messages)
}

fn socket_level(kind: i32, content: Vec<u8>) -> RawControlMessage {
    RawControlMessage {
        level: libc::SOL_SOCKET,
        kind,
        content,
    }
}

/// Receives one message (recvmsg(2)).
///
/// # Errors
/// EAGAIN when there is none; the errors of recvmsg(2).
pub fn receive(
    fd: BorrowedFd<'_>,
    into: &Space<'_>,
    options: ReceiveOptions,
) -> Result<Message, Errno> {
    let max_descriptors = options.descriptors.min(MAX_DESCRIPTORS);
    let mut request = Request {
        flags: 0,
        descriptors: max_descriptors,
        control: options.control.min(MAX_CONTROL),
    };
    for (is_wanted, flag) in [
        (options.unix, libc::MSG_CMSG_CLOEXEC),
        (options.true_length, libc::MSG_TRUNC),
        (options.peek, libc::MSG_PEEK),
        (options.from_error_queue, libc::MSG_ERRQUEUE),
    ] {
        if is_wanted {
            request.flags |= flag;
        }
    }
    let mut received = match raw::receive(fd, into, request) {
        // J1939 refuses MSG_TRUNC. The kernel refuses a flag before it takes a message.
        Err(Errno::EINVAL) if options.true_length => {
            request.flags &= !libc::MSG_TRUNC;
            raw::receive(fd, into, request)
        }
        result => result,
    }?;
    // The kernel may have put descriptors that were not asked for into the room for credentials.
    let has_excess = received.descriptors.len() > max_descriptors;
    received.descriptors.truncate(max_descriptors);
    let is_cut = received.flags & libc::MSG_CTRUNC != 0;
    Ok(Message {
        length: received.length,
        from: Address::decode(&received.address),
        truncated: received.flags & libc::MSG_TRUNC != 0,
        descriptors_truncated: has_excess || (options.unix && is_cut),
        control_truncated: is_cut,
        descriptors: received.descriptors,
        credentials: received.credentials.filter(|_| options.credentials),
        control: received
            .control
            .into_iter()
            .map(ControlMessage::decode)
            .collect(),
    })
}
