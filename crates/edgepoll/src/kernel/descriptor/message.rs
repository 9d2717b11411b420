//! sendmsg(2) and recvmsg(2) with descriptors, credentials and other control messages.
//!
//! It must never let a received descriptor go unowned, nor inheritable, whatever the message looks like. Called by
//! `descriptor/message.rs`.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::memory::{Source, Space};
use super::socket::Room as AddressRoom;
use super::{close_on_exec, fresh, length_of, unbroken};
use crate::Errno;

/// The most descriptors that one message can carry (SCM_MAX_FD).
pub const MOST_DESCRIPTORS: usize = 253;

/// The sender's pidfd (SO_PASSPIDFD, Linux 6.5).
const SCM_PIDFD: i32 = 4;

/// Who sent a message, as the kernel vouches for it (SCM_CREDENTIALS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Process.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A control message (cmsg(3)): its level, its kind, and its bytes, whose layout depends on both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The protocol's level: SOL_SOCKET, IPPROTO_IP …
    pub level: i32,
    /// The kind, in the level's own numbering.
    pub kind: i32,
    /// The content.
    pub content: Vec<u8>,
}

/// What came beside the bytes.
#[derive(Debug)]
pub(crate) struct Received {
    /// The message's length; more than the room given when it was cut and the kernel was asked for the true one.
    pub length: usize,
    /// The sender's address in the kernel's bytes; empty when there is none.
    pub address: Vec<u8>,
    /// MSG_TRUNC, MSG_CTRUNC, MSG_EOR …
    pub flags: i32,
    /// Every descriptor that the kernel installed, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Present when SO_PASSCRED is set.
    pub credentials: Option<Credentials>,
    /// All other control messages, in the kernel's order.
    pub control: Vec<Control>,
}

/// How a message is received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Room {
    /// MSG_TRUNC, MSG_PEEK, MSG_ERRQUEUE, MSG_CMSG_CLOEXEC; MSG_DONTWAIT is always added.
    pub flags: i32,
    /// Room for so many descriptors.
    pub descriptors: usize,
    /// Bytes of room for other control messages, headers included.
    pub control: usize,
}

/// Bytes of a control message's header: its length, level and kind.
const HEADER: usize = 16;
const _: () = assert!(size_of::<libc::cmsghdr>() == HEADER);

/// Bytes of one control message with `length` bytes of content, and with its padding.
fn sizes(length: usize) -> (usize, usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    // SAFETY: pure arithmetic.
    let (bare, padded) = unsafe { (libc::CMSG_LEN(length), libc::CMSG_SPACE(length)) };
    (bare as usize, padded as usize)
}

/// Memory with the alignment that control messages want.
fn control_room(bytes: usize) -> Vec<u64> {
    vec![0; bytes.div_ceil(size_of::<u64>())]
}

fn empty_header() -> libc::msghdr {
    // SAFETY: a msghdr of zeros is one with no address, no buffers and no control messages.
    unsafe { std::mem::zeroed() }
}

/// Sends one message; SIGPIPE is never raised and nothing waits.
///
/// # Errors
/// Whatever sendmsg(2) gives, EINTR excepted.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    from: &Source<'_>,
    address: &[u8],
    messages: &[Control],
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
        header.msg_namelen = length_of(address.len());
    }
    let mut control: Vec<u8> = Vec::new();
    for message in messages {
        push_control(&mut control, message);
    }
    let mut aligned = control_room(control.len());
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
        header.msg_controllen = control.len();
    }
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: everything that the header points to outlives the call; the bytes are, as a `Source` promises.
    unbroken(|| unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) })
}

/// Appends a control message with its padding.
fn push_control(control: &mut Vec<u8>, message: &Control) {
    let (bare, padded) = sizes(message.content.len());
    let end = control.len() + padded;
    control.extend_from_slice(&bare.to_ne_bytes());
    control.extend_from_slice(&message.level.to_ne_bytes());
    control.extend_from_slice(&message.kind.to_ne_bytes());
    control.extend_from_slice(&message.content);
    control.resize(end, 0);
}

/// Receives one message. There is always room for credentials beside what is asked for; where no credentials come, their
/// room may take a few descriptors more.
///
/// Without MSG_CMSG_CLOEXEC, which AF_PACKET and some CAN protocols refuse, descriptors are made close-on-exec after the
/// call.
///
/// # Errors
/// Whatever recvmsg(2) gives, EINTR excepted.
pub(crate) fn receive(fd: BorrowedFd<'_>, into: &Space<'_>, room: Room) -> Result<Received, Errno> {
    let mut vector = libc::iovec {
        iov_base: into.start.cast(),
        iov_len: into.length,
    };
    let mut name = AddressRoom::new();
    let mut header = empty_header();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    // Always room for credentials: with SO_PASSCRED they come first, wanted or not, and would take the descriptors' room.
    // Then exactly what is asked for: padding after the last would let the kernel install one more.
    let mut control_length = sizes(size_of::<libc::ucred>()).1;
    if room.descriptors > 0 {
        let (bare, padded) = sizes(room.descriptors * size_of::<RawFd>());
        control_length += if room.control > 0 { padded } else { bare };
    }
    control_length += room.control;
    let mut control = control_room(control_length);
    let flags = room.flags | libc::MSG_DONTWAIT;
    let received = unbroken(|| {
        let (address, address_length) = name.parts();
        header.msg_name = address.cast();
        // SAFETY: `name` is alive and holds the length of its own memory.
        header.msg_namelen = unsafe { *address_length };
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control_length;
        // SAFETY: everything that the header points to is writable and outlives the call; the bytes are,
        // as a `Space` promises.
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
    let written = header.msg_controllen.min(control_length);
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

/// Takes what is known out of the control messages; every descriptor gets its owner here.
fn read_control(mut bytes: &[u8], message: &mut Received) {
    while let Some((length, level, kind)) = control_header(bytes) {
        let content = &bytes[HEADER..length];
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                message.descriptors.extend(installed(content));
            }
            // Nobody asks for it here, and it was installed all the same.
            (libc::SOL_SOCKET, SCM_PIDFD) => drop(installed(content).collect::<Vec<_>>()),
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) if content.len() >= 12 => {
                message.credentials = Some(Credentials {
                    pid: word(content, 0),
                    uid: word(content, 4).cast_unsigned(),
                    gid: word(content, 8).cast_unsigned(),
                });
            }
            _ => message.control.push(Control {
                level,
                kind,
                content: content.to_vec(),
            }),
        }
        let padded = length.next_multiple_of(size_of::<usize>());
        bytes = bytes.get(padded..).unwrap_or_default();
    }
}

/// The descriptors that a control message holds; the kernel may have put an error number in the place of one.
fn installed(content: &[u8]) -> impl Iterator<Item = OwnedFd> + '_ {
    let numbers = content.chunks_exact(size_of::<RawFd>());
    numbers
        .map(|raw| word(raw, 0))
        .filter(|number| *number >= 0)
        .filter_map(|number| fresh(number).ok())
}

/// Length, level and kind of the first control message, when there is a whole one.
fn control_header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let length = usize::from_ne_bytes(bytes.get(..8)?.try_into().ok()?);
    (length >= HEADER && length <= bytes.len()).then(|| (length, word(bytes, 8), word(bytes, 12)))
}

fn word(bytes: &[u8], at: usize) -> i32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    i32::from_ne_bytes(raw)
}

/// Keeps the first `most` descriptors and closes the others; true when there were others.
pub(crate) fn keep(descriptors: &mut Vec<OwnedFd>, most: usize) -> bool {
    let excess = descriptors.len() > most;
    descriptors.truncate(most);
    excess
}
