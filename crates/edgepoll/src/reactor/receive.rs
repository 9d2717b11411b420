//! Receiving from one connection until it is empty, ended or out of budget, and cutting frames.
//!
//! It must never clear `readable` without EAGAIN or the stream-socket shortcut, and never tell an end before
//! the bytes that precede it. Called by the turn.

use super::turn::MIN_ROOM;
use super::{Budget, Entry, Event, Inbox};
use crate::connection::{CloseReason, Connection, Reading};
use crate::kernel::Kernel;
use crate::protocol::{CodecError, Frame};
use crate::{Call, Errno, Token};

/// What receiving came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// Bytes received.
    pub(super) bytes: usize,
    pub(super) calls: u32,
    /// Frames handed over.
    pub(super) frames: u32,
    pub(super) closed: Option<CloseReason>,
}

/// What one connection may still be handed over in this turn.
struct Share {
    frames: u32,
    /// Bytes that may be received or taken from what earlier turns left.
    bytes: usize,
    /// Bytes of the frames that were handed over, their delimiters included.
    handed: usize,
    /// With so few bytes left or fewer, the turn makes no further receive: it would bring too little for a system call.
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

    /// A frame that took up `consumed` bytes was handed over.
    fn hand_over(&mut self, consumed: usize) {
        self.frames -= 1;
        self.handed += consumed;
    }

    fn takes_bytes(&self) -> bool {
        self.bytes > self.least
    }
}

pub(super) fn receive<K: Kernel, I: Inbox>(
    kernel: &mut K,
    entry: &mut Entry<K::Socket>,
    token: Token,
    budget: &Budget,
    inbox: &mut I,
) -> Outcome {
    let mut outcome = Outcome::default();
    let Entry {
        socket: Some(socket),
        connection,
        ..
    } = entry
    else {
        return outcome;
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
        outcome.closed = decoded.err().map(CloseReason::Protocol);
    }
    while outcome.closed.is_none() && connection.may_read() && !connection.carry_ready {
        let spent = outcome.calls >= budget.slot_calls || outcome.bytes >= budget.slot_bytes;
        if spent || !share.takes_bytes() || !share.takes_frames(inbox) {
            break;
        }
        let space = inbox.space(connection.limits.lend);
        let size = space.len().min(share.bytes);
        if size == 0 {
            // A receive into an empty space gives 0, which would be taken for the peer's end.
            break;
        }
        outcome.calls += 1;
        match kernel.receive(socket, space.first(size)) {
            Ok(0) => {
                outcome.closed = end(connection, token, &mut share, inbox)
                    .err()
                    .map(CloseReason::Protocol);
            }
            Ok(length) => {
                outcome.bytes += length;
                share.bytes -= length;
                connection.handle_received(length, size);
                outcome.closed = deliver(connection, token, length, &mut share, inbox);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                connection.handle_receive_blocked();
                // Nothing is left before the failure that a send met.
                outcome.closed = connection.failure.map(CloseReason::Failed);
            }
            Err(errno) => {
                connection.handle_failure(Call::Receive, errno);
                outcome.closed = connection.failure.map(CloseReason::Failed);
            }
        }
    }
    outcome.frames = budget.slot_frames - share.frames;
    if connection.handle_handed_over(share.handed, outcome.frames) {
        let failure = connection.failure.map(CloseReason::Failed);
        outcome.closed = outcome.closed.or(failure);
    }
    outcome
}

/// Cuts what was just received into frames; what is left over waits in `carry`.
fn deliver<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Option<CloseReason> {
    if connection.reading == Reading::Discarding {
        connection.discarded = u32::try_from(length)
            .map_or(u32::MAX, |more| connection.discarded.saturating_add(more));
        inbox.received(length);
        let limit = connection.limits.discard;
        return (connection.discarded > limit).then_some(CloseReason::Destroyed);
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

/// Frames straight from the received bytes, without a copy of ours.
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

/// Frames from what earlier receives left.
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

/// The peer's FIN: the rest is the last frame or a broken one.
fn end<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), CodecError> {
    let discarding = connection.reading == Reading::Discarding;
    connection.handle_end();
    // A failure that a send met ends the connection: its 0 is no clean end, and the rest no last frame.
    if discarding || connection.failure.is_some() {
        return Ok(());
    }
    decode_rest(connection, token, share, inbox)
}

/// What the end leaves: the last frames, then the end itself. They wait for room as all others do.
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

/// A codec that waits for more must not make the peer's bytes pile up, whatever length the peer has told it.
fn bounded(connection: &Connection, length: usize) -> Result<(), CodecError> {
    let limit = connection.codec.limit();
    if length > limit {
        return Err(CodecError::FrameTooLong { limit });
    }
    Ok(())
}

/// A codec is somebody else's code: a frame outside the input must not become a panic.
fn checked(frame: Frame, length: usize) -> Result<Frame, CodecError> {
    let Frame { body, consumed } = &frame;
    if *consumed == 0 || *consumed > length || body.start > body.end || body.end > *consumed {
        return Err(CodecError::Malformed(
            "the codec gave a frame outside the input",
        ));
    }
    Ok(frame)
}
