//! sendmsg(2) and recvmsg(2) with descriptors, credentials and other control messages.
//!
//! Every received descriptor gets an owner and is close-on-exec, whatever the message contains.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::call::{owned, socket_length, uninterrupted};
use super::file::close_on_exec;
use super::memory::{Source, Space};
use super::socket::AddressBuffer;
use crate::Errno;

/// The largest number of descriptors that one message can carry (SCM_MAX_FD).
pub const MAX_DESCRIPTORS: usize = 253;

/// The sender's pidfd (SO_PASSPIDFD, Linux 6.5).
const SCM_PIDFD: i32 = 4;

/// The sender of a message, as the kernel has checked it (SCM_CREDENTIALS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The process.
    pub pid: i32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A control message (cmsg(3)) as bytes, whose layout depends on the level and the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawControlMessage {
    /// The level of the protocol: SOL_SOCKET, IPPROTO_IP …
    pub level: i32,
    /// The kind, as the level numbers it.
    pub kind: i32,
    /// The content, without the header.
    pub content: Vec<u8>,
}

/// A received message, except for its bytes.
#[derive(Debug)]
pub(crate) struct Received {
    /// The length of the message. It exceeds the space if the message was cut and MSG_TRUNC was set.
    pub length: usize,
    /// The sender's address in the kernel's bytes; empty if there is none.
    pub address: Vec<u8>,
    /// MSG_TRUNC, MSG_CTRUNC, MSG_EOR …
    pub flags: i32,
    /// Every descriptor that the kernel installed, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Present if SO_PASSCRED is set.
    pub credentials: Option<Credentials>,
    /// All other control messages, in the kernel's order.
    pub control: Vec<RawControlMessage>,
}

/// How a message is received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request {
    /// MSG_TRUNC, MSG_PEEK, MSG_ERRQUEUE, MSG_CMSG_CLOEXEC; MSG_DONTWAIT is always added.
    pub flags: i32,
    /// The number of descriptors to make room for.
    pub descriptors: usize,
    /// Bytes of room for other control messages, headers included.
    pub control: usize,
}

/// Bytes of a control message's header: its length, level and kind.
const HEADER: usize = size_of::<libc::cmsghdr>();

/// Bytes of the length. The kernel writes a size_t. With musl the field is an int and, where size_t is larger, padding.
const LENGTH: usize = size_of::<usize>();
const _: () = assert!(HEADER == LENGTH + 2 * size_of::<i32>());

/// The size of a control message with `length` bytes of content, without and with its padding.
fn sizes(length: usize) -> (usize, usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    // SAFETY: pure arithmetic.
    let (bare, padded) = unsafe { (libc::CMSG_LEN(length), libc::CMSG_SPACE(length)) };
    (bare as usize, padded as usize)
}

/// The type of a header's length of all control messages: size_t with glibc, socklen_t with musl. Neither is too small: the callers
/// bound that length.
#[cfg(target_env = "musl")]
type ControlLength = libc::socklen_t;
#[cfg(not(target_env = "musl"))]
type ControlLength = libc::size_t;

/// Zeroed memory with the alignment of control messages.
fn control_buffer(bytes: usize) -> Vec<u64> {
    vec![0; bytes.div_ceil(size_of::<u64>())]
}

fn empty_header() -> libc::msghdr {
    // SAFETY: a msghdr of zeros is valid: it has no address, no buffers and no control messages.
    unsafe { std::mem::zeroed() }
}

/// Sends one message without waiting and without SIGPIPE.
///
/// # Errors
/// The errors of sendmsg(2), EINTR excepted.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    from: &Source<'_>,
    address: &[u8],
    messages: &[RawControlMessage],
) -> Result<usize, Errno> {
    let mut vector = libc::iovec {
        iov_base: from.start.cast_mut().cast(),
        iov_len: from.length,
    };
    let mut header = empty_header();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    if !address.is_empty() {
        header.msg_name = address.as_ptr().cast_mut().cast();
        header.msg_namelen = socket_length(address.len());
    }
    let mut control: Vec<u8> = Vec::new();
    for message in messages {
        push_control(&mut control, message);
    }
    let mut aligned = control_buffer(control.len());
    if !control.is_empty() {
        // SAFETY: `aligned` has at least that many bytes, and the two do not overlap.
        unsafe {
            std::ptr::copy_nonoverlapping(
                control.as_ptr(),
                aligned.as_mut_ptr().cast(),
                control.len(),
            );
        }
        header.msg_control = aligned.as_mut_ptr().cast();
        header.msg_controllen = control.len() as ControlLength;
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: everything that the header points to outlives the call, and a `Source` promises readable memory.
    uninterrupted(|| unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) })
}

/// Appends a control message with its padding.
fn push_control(control: &mut Vec<u8>, message: &RawControlMessage) {
    let (bare, padded) = sizes(message.content.len());
    let end = control.len() + padded;
    control.extend_from_slice(&bare.to_ne_bytes());
    control.extend_from_slice(&message.level.to_ne_bytes());
    control.extend_from_slice(&message.kind.to_ne_bytes());
    control.extend_from_slice(&message.content);
    control.resize(end, 0);
}

/// Receives one message without waiting. There is room for credentials in addition to what is asked for. If no credentials come,
/// that room may hold a few descriptors more than were asked for.
///
/// Without MSG_CMSG_CLOEXEC, which AF_PACKET and some CAN protocols refuse, descriptors are made close-on-exec after the
/// call.
///
/// # Errors
/// The errors of recvmsg(2), EINTR excepted.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    into: &Space<'_>,
    request: Request,
) -> Result<Received, Errno> {
    let mut vector = libc::iovec {
        iov_base: into.start.cast(),
        iov_len: into.length,
    };
    let mut name = AddressBuffer::new();
    let mut header = empty_header();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    // There is always room for credentials: with SO_PASSCRED the kernel writes them first, and they would take the room of the
    // descriptors. No padding follows if the descriptors come last, because the kernel would install one more there.
    let mut control_length = sizes(size_of::<libc::ucred>()).1;
    if request.descriptors > 0 {
        let (bare, padded) = sizes(request.descriptors * size_of::<RawFd>());
        control_length += if request.control > 0 { padded } else { bare };
    }
    control_length += request.control;
    let mut control = control_buffer(control_length);
    let flags = request.flags | libc::MSG_DONTWAIT;
    let received = uninterrupted(|| {
        let (address, address_length) = name.parts();
        header.msg_name = address.cast();
        // SAFETY: the pointer is to a field of `name`, which is alive.
        header.msg_namelen = unsafe { *address_length };
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control_length as ControlLength;
        // SAFETY: everything that the header points to is writable and outlives the call, and a `Space` promises writable memory.
        unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut header, flags) }
    })?;
    name.set_length(header.msg_namelen);
    let mut message = Received {
        length: received,
        address: name.written(),
        flags: header.msg_flags,
        descriptors: Vec::new(),
        credentials: None,
        control: Vec::new(),
    };
    let reported: ControlLength = header.msg_controllen;
    let written = control_length.min(reported as usize);
    // SAFETY: the kernel wrote that many bytes of `control`, which was zeroed before.
    let bytes = unsafe { std::slice::from_raw_parts(control.as_ptr().cast::<u8>(), written) };
    read_control(bytes, &mut message);
    if flags & libc::MSG_CMSG_CLOEXEC == 0 {
        for fd in &message.descriptors {
            close_on_exec(fd)?;
        }
    }
    Ok(message)
}

/// Parses the control messages. Every descriptor gets its owner here.
fn read_control(mut bytes: &[u8], message: &mut Received) {
    while let Some((length, level, kind)) = control_header(bytes) {
        let content = &bytes[HEADER..length];
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                message.descriptors.extend(installed(content));
            }
            // A pidfd is not reported, but the kernel has installed it, so it has to be closed.
            (libc::SOL_SOCKET, SCM_PIDFD) => drop(installed(content).collect::<Vec<_>>()),
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if content.len() >= 12 => {
                message.credentials = Some(Credentials {
                    pid: word(content, 0),
                    uid: word(content, 4).cast_unsigned(),
                    gid: word(content, 8).cast_unsigned(),
                });
            }
            _ => message.control.push(RawControlMessage {
                level,
                kind,
                content: content.to_vec(),
            }),
        }
        let padded = length.next_multiple_of(size_of::<usize>());
        bytes = bytes.get(padded..).unwrap_or_default();
    }
}

/// The descriptors in a control message. In the place of one the kernel may have written an error as a negative number.
fn installed(content: &[u8]) -> impl Iterator<Item = OwnedFd> + '_ {
    let numbers = content.chunks_exact(size_of::<RawFd>());
    numbers
        .map(|raw| word(raw, 0))
        .filter(|number| *number >= 0)
        .filter_map(|number| owned(number).ok())
}

/// Length, level and kind of the first control message; `None` if it is not complete.
fn control_header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let length = usize::from_ne_bytes(*bytes.first_chunk::<LENGTH>()?);
    (length >= HEADER && length <= bytes.len()).then(|| {
        let kind = LENGTH + size_of::<i32>();
        (length, word(bytes, LENGTH), word(bytes, kind))
    })
}

fn word(bytes: &[u8], at: usize) -> i32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    i32::from_ne_bytes(raw)
}
