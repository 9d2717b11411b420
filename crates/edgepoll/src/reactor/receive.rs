//! Receives from one connection until its socket is empty, its stream ends or its budget is used up.
//!
//! The end of the stream is reported after the bytes before it.

use edgepoll_protocol::host::Scratch;

use super::budget::Budget;
use super::decode::{decode_carry, decode_rest, decode_space};
use super::entry::Entry;
use super::inbox::{Event, Inbox};
use super::session_timers::Asked;
use super::share::Share;
use crate::connection::{CloseReason, Connection, Reading, Sink};
use crate::kernel::Kernel;
use crate::protocol::Fault;
use crate::{Call, Errno, Token};

/// What was received from one connection in a turn.
#[derive(Default)]
pub(super) struct Received {
    pub(super) bytes: usize,
    /// recv(2) calls.
    pub(super) calls: u32,
    /// Frames and messages handed over.
    pub(super) frames: u32,
    /// The timers that the session asked for.
    pub(super) asked: Asked,
    /// Why the connection has to be closed.
    pub(super) closed: Option<CloseReason>,
    /// How the connection's protocol failed.
    pub(super) fault: Option<Fault>,
}

impl Received {
    fn goes_on(&self) -> bool {
        self.closed.is_none() && self.fault.is_none()
    }
}

/// Receives and hands over, within the budget. At most `most_bytes` are received.
pub(super) fn receive<K: Kernel, I: Inbox>(
    kernel: &mut K,
    entry: &mut Entry<K::Socket>,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    budget: &Budget,
    most_bytes: usize,
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
    let mut share = Share::new(connection, budget, most_bytes);
    if connection.carry_ready {
        let before = connection.carry.len();
        received.fault = take_plain(connection, scratch, token, &mut share, inbox).err();
        let taken = before - connection.carry.len();
        share.bytes = share.bytes.saturating_sub(taken);
    }
    while received.goes_on() && connection.may_read() && !connection.carry_ready {
        let spent = received.calls >= budget.slot_calls || received.bytes >= budget.slot_bytes;
        if spent || !share.takes_bytes() || !share.takes_frames(inbox) {
            break;
        }
        let space = inbox.space(connection.lends());
        let size = space.len().min(share.bytes);
        if size == 0 {
            // A receive into an empty space returns 0, which would be taken for the end of the stream.
            break;
        }
        received.calls += 1;
        match kernel.receive(socket, space.first(size)) {
            Ok(0) if connection.was_cut_off() => connection.handle_end(),
            Ok(0) => {
                received.fault = end(connection, scratch, token, &mut share, inbox).err();
            }
            Ok(length) => {
                received.bytes += length;
                share.bytes -= length;
                connection.handle_received(length, size);
                if connection.reading == Reading::Open(Sink::Discard) {
                    inbox.received(length);
                    let too_many = connection.handle_discarded(length);
                    received.closed = too_many.then_some(CloseReason::Destroyed);
                } else if connection.layers.is_some() {
                    let decoded = layered(connection, scratch, token, length, &mut share, inbox);
                    received.fault = decoded.err();
                } else if connection.wire.is_none() && connection.carry.is_empty() {
                    share.hand_over(1, length);
                    inbox.frame(token, 0..length);
                    inbox.received(length);
                } else {
                    let decoded = decode(connection, scratch, token, length, &mut share, inbox);
                    received.fault = decoded.err();
                }
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
    received.asked = std::mem::take(&mut share.asked);
    if connection.handle_handed_over(share.handed, received.frames) {
        let failure = connection.failure.map(CloseReason::Failed);
        received.closed = received.closed.or(failure);
    }
    received
}

/// Passes what was just received through the connection's layers, and decodes the plain bytes that come out.
fn layered<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    let lend = connection.lends();
    connection.handle_layered(inbox.filled(lend, length));
    inbox.received(length);
    take_plain(connection, scratch, token, share, inbox)
}

/// Decodes the plain bytes that the connection's layers have given, and handles the end of the plain stream.
pub(super) fn take_plain<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    take_carry(connection, scratch, token, share, inbox)?;
    let layers = connection.layers.as_ref();
    let has_ended = layers.is_some_and(|layers| layers.has_peer_ended());
    if has_ended && connection.reading != Reading::Ended && !connection.carry_ready {
        return end(connection, scratch, token, share, inbox);
    }
    Ok(())
}

/// Decodes what was just received. Bytes that do not make a message yet are kept in `carry`.
fn decode<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    if connection.carry.is_empty() {
        let decoded = decode_space(connection, scratch, token, length, share, inbox);
        inbox.received(length);
        decoded
    } else {
        let lend = connection.lends();
        let kept = connection.carry.push(inbox.filled(lend, length));
        inbox.received(length);
        kept.map_err(Fault::Error)?;
        take_carry(connection, scratch, token, share, inbox)
    }
}

/// Hands over what earlier receives left, as far as there is room.
fn take_carry<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    if connection.reading == Reading::Ended {
        return rest(connection, scratch, token, share, inbox);
    }
    if connection.wire.is_some() {
        return decode_carry(connection, scratch, token, share, inbox);
    }
    // The owner has replaced a protocol by none.
    connection.carry_ready = !share.takes_frames(inbox);
    if !connection.carry_ready {
        hand_over_carry(connection, token, share, inbox);
    }
    Ok(())
}

fn hand_over_carry<I: Inbox>(
    connection: &mut Connection,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) {
    if !connection.carry.is_empty() {
        share.hand_over(1, connection.carry.len());
        inbox.copied_frame(token, &connection.carry);
        connection.carry.clear();
    }
}

/// Handles the end of the stream.
fn end<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    let discards = connection.reading == Reading::Open(Sink::Discard);
    connection.handle_end();
    // After a send has failed, the connection ends with that failure. This is then no clean end, and the rest no last message.
    if discards || connection.failure.is_some() {
        return Ok(());
    }
    rest(connection, scratch, token, share, inbox)
}

/// Hands over the last messages after the end of the stream, and then the end itself. They wait for room as other messages do.
fn rest<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    connection.carry_ready = !share.takes_frames(inbox);
    if connection.carry_ready {
        return Ok(());
    }
    let is_over = if connection.wire.is_some() {
        decode_rest(connection, scratch, token, share, inbox)?
    } else {
        hand_over_carry(connection, token, share, inbox);
        true
    };
    if is_over {
        connection.carry.clear();
        inbox.event(Event::End { token });
    }
    Ok(())
}
