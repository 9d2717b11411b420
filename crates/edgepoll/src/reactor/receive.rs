//! Receives from one connection until its socket is empty, its stream ends or its budget is used up, and cuts frames.
//!
//! The end of the stream is reported after the bytes before it.

use super::budget::Budget;
use super::entry::Entry;
use super::inbox::{Event, Inbox, MIN_ROOM};
use crate::connection::{CloseReason, Connection, Reading, Sink};
use crate::kernel::Kernel;
use crate::protocol::{CodecError, Frame};
use crate::{Call, Errno, Token};

/// What was received from one connection in a turn.
#[derive(Default)]
pub(super) struct Received {
    pub(super) bytes: usize,
    /// recv(2) calls.
    pub(super) calls: u32,
    /// Frames handed over.
    pub(super) frames: u32,
    /// Why the connection has to be closed.
    pub(super) closed: Option<CloseReason>,
}

/// How much one connection may still get in this turn.
struct Share {
    frames: u32,
    /// Bytes that may be received, or taken from what earlier turns left.
    bytes: usize,
    /// Bytes of the frames that were handed over, including their delimiters.
    handed: usize,
    /// With this many bytes left, or fewer, the turn makes no further receive: so few bytes are not worth a system call.
    least: usize,
}

impl Share {
    fn new(connection: &Connection, budget: &Budget) -> Share {
        let bytes = connection.limits.read_high_water.max(1) as usize;
        Share {
            frames: budget.slot_frames,
            bytes,
            handed: 0,
            least: bytes / 4,
        }
    }

    fn takes_frames<I: Inbox>(&self, inbox: &I) -> bool {
        self.frames > 0 && inbox.room() >= MIN_ROOM
    }

    /// Counts a frame of `consumed` bytes that was handed over.
    fn hand_over(&mut self, consumed: usize) {
        self.frames -= 1;
        self.handed += consumed;
    }

    fn takes_bytes(&self) -> bool {
        self.bytes > self.least
    }
}

/// Receives, cuts frames and hands them over, within the budget.
pub(super) fn receive<K: Kernel, I: Inbox>(
    kernel: &mut K,
    entry: &mut Entry<K::Socket>,
    token: Token,
    budget: &Budget,
    inbox: &mut I,
) -> Received {
    let mut received = Received::default();
    let Entry {
        socket: Some(socket),
        connection,
        ..
    } = entry
    else {
        return received;
    };
    let mut share = Share::new(connection, budget);
    if connection.carry_ready {
        let before = connection.carry.len();
        let decoded = if connection.reading == Reading::Ended {
            decode_rest(connection, token, &mut share, inbox)
        } else {
            decode_carry(connection, token, &mut share, inbox)
        };
        let taken = before - connection.carry.len();
        share.bytes = share.bytes.saturating_sub(taken);
        received.closed = decoded.err().map(CloseReason::Protocol);
    }
    while received.closed.is_none() && connection.may_read() && !connection.carry_ready {
        let spent = received.calls >= budget.slot_calls || received.bytes >= budget.slot_bytes;
        if spent || !share.takes_bytes() || !share.takes_frames(inbox) {
            break;
        }
        let space = inbox.space(connection.limits.lend);
        let size = space.len().min(share.bytes);
        if size == 0 {
            // A receive into an empty space returns 0, which would be taken for the end of the stream.
            break;
        }
        received.calls += 1;
        match kernel.receive(socket, space.first(size)) {
            Ok(0) => {
                received.closed = end(connection, token, &mut share, inbox)
                    .err()
                    .map(CloseReason::Protocol);
            }
            Ok(length) => {
                received.bytes += length;
                share.bytes -= length;
                connection.handle_received(length, size);
                received.closed = deliver(connection, token, length, &mut share, inbox);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                connection.handle_receive_blocked();
                // If a send has failed before, everything that arrived before the failure is received now.
                received.closed = connection.failure.map(CloseReason::Failed);
            }
            Err(errno) => {
                connection.handle_failure(Call::Receive, errno);
                received.closed = connection.failure.map(CloseReason::Failed);
            }
        }
    }
    received.frames = budget.slot_frames - share.frames;
    if connection.handle_handed_over(share.handed, received.frames) {
        let failure = connection.failure.map(CloseReason::Failed);
        received.closed = received.closed.or(failure);
    }
    received
}

/// Passes what was just received to the connection's sink. Bytes that do not make a frame yet are kept in `carry`.
fn deliver<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Option<CloseReason> {
    if connection.reading == Reading::Open(Sink::Discard) {
        inbox.received(length);
        let too_many = connection.handle_discarded(length);
        return too_many.then_some(CloseReason::Destroyed);
    }
    let cut = if connection.carry.is_empty() {
        let cut = cut_space(connection, token, length, share, inbox);
        inbox.received(length);
        cut
    } else {
        let lend = connection.limits.lend;
        connection.carry.push(inbox.filled(lend, length));
        inbox.received(length);
        decode_carry(connection, token, share, inbox)
    };
    cut.err().map(CloseReason::Protocol)
}

/// Cuts frames from the received bytes where they lie in the inbox's space, without a copy.
fn cut_space<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), CodecError> {
    let lend = connection.limits.lend;
    let mut at = 0;
    while at < length {
        if !share.takes_frames(inbox) {
            connection.carry_ready = true;
            break;
        }
        let Some(frame) = connection.codec.decode(&inbox.filled(lend, length)[at..])? else {
            bounded(connection, length - at)?;
            break;
        };
        let frame = checked(frame, length - at)?;
        share.hand_over(frame.consumed);
        inbox.frame(token, at + frame.body.start..at + frame.body.end);
        at += frame.consumed;
    }
    if at < length {
        connection.carry.push(&inbox.filled(lend, length)[at..]);
    }
    Ok(())
}

/// Cuts frames from what earlier receives left.
fn decode_carry<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), CodecError> {
    let mut at = 0;
    connection.carry_ready = false;
    let result = loop {
        let rest = &connection.carry[at..];
        if rest.is_empty() {
            break Ok(());
        }
        if !share.takes_frames(inbox) {
            connection.carry_ready = true;
            break Ok(());
        }
        match connection.codec.decode(rest) {
            Ok(Some(frame)) => match checked(frame, rest.len()) {
                Ok(frame) => {
                    share.hand_over(frame.consumed);
                    inbox.copied_frame(token, &rest[frame.body]);
                    at += frame.consumed;
                }
                Err(error) => break Err(error),
            },
            Ok(None) => break bounded(connection, rest.len()),
            Err(error) => break Err(error),
        }
    };
    connection.carry.consume(at);
    result
}

/// Handles the end of the stream.
fn end<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), CodecError> {
    let discards = connection.reading == Reading::Open(Sink::Discard);
    connection.handle_end();
    // After a send has failed, the connection ends with that failure. This is then no clean end, and the rest no last frame.
    if discards || connection.failure.is_some() {
        return Ok(());
    }
    decode_rest(connection, token, share, inbox)
}

/// Hands over the last frames after the end of the stream, and then the end itself. They wait for room as other frames do.
fn decode_rest<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), CodecError> {
    let mut at = 0;
    connection.carry_ready = !share.takes_frames(inbox);
    while !connection.carry_ready {
        let rest = &connection.carry[at..];
        let Some(frame) = connection.codec.decode_end(rest)? else {
            connection.carry.clear();
            inbox.event(Event::End { token });
            return Ok(());
        };
        let frame = checked(frame, rest.len())?;
        share.hand_over(frame.consumed);
        inbox.copied_frame(token, &rest[frame.body]);
        at += frame.consumed;
        connection.carry_ready = !share.takes_frames(inbox);
    }
    connection.carry.consume(at);
    Ok(())
}

/// Checks the length of input that is not a whole frame yet. Otherwise a peer that announces a very long frame could
/// fill the memory.
fn bounded(connection: &Connection, length: usize) -> Result<(), CodecError> {
    let limit = connection.codec.limit();
    if length > limit {
        return Err(CodecError::FrameTooLong { limit });
    }
    Ok(())
}

/// Checks that a frame lies inside the input. A codec may be wrong, and its mistake must not become a panic.
fn checked(frame: Frame, length: usize) -> Result<Frame, CodecError> {
    let Frame { body, consumed } = &frame;
    if *consumed == 0 || *consumed > length || body.start > body.end || body.end > *consumed {
        return Err(CodecError::Malformed(
            "the codec gave a frame outside the input",
        ));
    }
    Ok(frame)
}
