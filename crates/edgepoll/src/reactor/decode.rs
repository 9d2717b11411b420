//! Decodes received bytes by the connection's session, and hands over what it finds.

use edgepoll_protocol::abi;
use edgepoll_protocol::host::{Outcome, Scratch};

use super::inbox::{Found, Inbox};
use super::share::Share;
use crate::connection::Connection;
use crate::protocol::{Error, ErrorKind, Fault};
use crate::Token;

/// Numbers of a frame in the table: the header, and one field.
const FRAME: usize = 1 + abi::FIELD;

/// Decodes the received bytes where they lie in the inbox's space, without a copy. The rest goes to `carry`.
pub(super) fn decode_space<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    length: usize,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    let scratch = prepared(scratch, connection);
    let lend = connection.lends();
    let Some(wire) = &mut connection.wire else {
        return Ok(());
    };
    let gives_frames = wire.session.gives_frames();
    let limit = share.table_limit(inbox, gives_frames);
    if limit == 0 {
        let kept = connection.carry.push(inbox.filled(lend, length));
        connection.carry_ready = true;
        return kept.map_err(Fault::Error);
    }
    let input = inbox.filled(lend, length);
    let (outcome, result) = wire.session.decode(scratch, input, limit);
    let mut handed = Ok(());
    if outcome.messages > 0 {
        share.hand_over(outcome.messages, outcome.consumed);
        if gives_frames {
            handed = frames(scratch.table(), |range| inbox.frame(token, range));
        } else {
            inbox.messages(&found(token, &outcome, scratch), outcome.consumed);
        }
    }
    let mut kept = Ok(());
    if outcome.consumed < length {
        let rest = &inbox.filled(lend, length)[outcome.consumed..];
        kept = connection.carry.push(rest).map_err(Fault::Error);
    }
    let result = result.and(handed).and(kept);
    after_decode(connection, scratch, &outcome, share, result)
}

/// Decodes what earlier receives left, with what has just been added to it.
pub(super) fn decode_carry<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<(), Fault> {
    connection.carry_ready = false;
    let scratch = prepared(scratch, connection);
    let Connection { wire, carry, .. } = connection;
    let Some(wire) = wire else { return Ok(()) };
    if carry.is_empty() {
        return Ok(());
    }
    if carry.len() < wire.need {
        return bounded(connection);
    }
    let gives_frames = wire.session.gives_frames();
    let limit = share.table_limit(inbox, gives_frames);
    if limit == 0 {
        connection.carry_ready = true;
        return Ok(());
    }
    let (outcome, result) = wire.session.decode(scratch, carry, limit);
    let handed = hand_over_copies(scratch, &outcome, carry, token, share, inbox, gives_frames);
    carry.consume(outcome.consumed);
    after_decode(connection, scratch, &outcome, share, result.and(handed))
}

/// Decodes what is left after the end of the stream. Returns true when that was everything, so that the end can be reported.
pub(super) fn decode_rest<I: Inbox>(
    connection: &mut Connection,
    scratch: &mut Option<Box<Scratch>>,
    token: Token,
    share: &mut Share,
    inbox: &mut I,
) -> Result<bool, Fault> {
    let scratch = prepared(scratch, connection);
    let Connection { wire, carry, .. } = connection;
    let Some(wire) = wire else { return Ok(true) };
    if wire.paused {
        // The end is reported once the session resumes.
        return Ok(false);
    }
    let gives_frames = wire.session.gives_frames();
    let limit = share.table_limit(inbox, gives_frames);
    if limit == 0 {
        connection.carry_ready = true;
        return Ok(false);
    }
    let (outcome, result) = wire.session.decode_end(scratch, carry, limit);
    let handed = hand_over_copies(scratch, &outcome, carry, token, share, inbox, gives_frames);
    carry.consume(outcome.consumed);
    share.asked.add(&outcome, scratch);
    connection.handle_outcome(&outcome, scratch.output());
    connection.carry_ready = outcome.is_full;
    result.and(handed)?;
    let is_paused = connection.wire.as_ref().is_some_and(|wire| wire.paused);
    Ok(!outcome.is_full && !is_paused)
}

/// Does what follows from a look at the input that was not the last.
fn after_decode(
    connection: &mut Connection,
    scratch: &Scratch,
    outcome: &Outcome,
    share: &mut Share,
    result: Result<(), Fault>,
) -> Result<(), Fault> {
    share.asked.add(outcome, scratch);
    if outcome.consumed > 0 {
        // What is left is another message.
        connection.since.message = 0;
    }
    connection.handle_outcome(outcome, scratch.output());
    result?;
    connection.carry_ready = outcome.is_full && !connection.carry.is_empty();
    if let Some(wire) = &mut connection.wire {
        wire.need = outcome.need;
        if outcome.is_full || wire.paused {
            return Ok(());
        }
    }
    bounded(connection)
}

/// Checks the length of input that is not a whole message yet. Otherwise a peer that announces a very long message could fill the
/// memory.
fn bounded(connection: &Connection) -> Result<(), Fault> {
    let Some(wire) = &connection.wire else {
        return Ok(());
    };
    let limit = wire.session.limit();
    if let Some(panic) = wire.session.panic() {
        return Err(Fault::Panicked(panic.clone()));
    }
    if connection.carry.len() > limit {
        let text = format!("a message is longer than {limit} bytes");
        return Err(Fault::Error(Error::new(ErrorKind::TooLong, text)));
    }
    Ok(())
}

/// Hands over messages whose bytes lie in `carry`.
fn hand_over_copies<I: Inbox>(
    scratch: &Scratch,
    outcome: &Outcome,
    carry: &[u8],
    token: Token,
    share: &mut Share,
    inbox: &mut I,
    gives_frames: bool,
) -> Result<(), Fault> {
    if outcome.messages == 0 {
        return Ok(());
    }
    share.hand_over(outcome.messages, outcome.consumed);
    if gives_frames {
        return frames(scratch.table(), |range| {
            inbox.copied_frame(token, &carry[range]);
        });
    }
    let body = &carry[..outcome.consumed];
    inbox.copied_messages(&found(token, outcome, scratch), body);
    Ok(())
}

fn found<'a>(token: Token, outcome: &Outcome, scratch: &'a Scratch) -> Found<'a> {
    Found {
        token,
        count: outcome.messages,
        table: scratch.table(),
        made: scratch.made(),
    }
}

/// Calls `take` with the range of each frame. A session that gives frames describes each by one field that lies in the input.
fn frames(table: &[i32], mut take: impl FnMut(std::ops::Range<usize>)) -> Result<(), Fault> {
    let header = 1 << abi::FIELDS_SHIFT;
    for frame in table.chunks(FRAME) {
        let &[what, offset, length, 0] = frame else {
            return Err(Fault::Broken);
        };
        let (Ok(start), Ok(length)) = (usize::try_from(offset), usize::try_from(length)) else {
            return Err(Fault::Broken);
        };
        if what != header {
            return Err(Fault::Broken);
        }
        take(start..start + length);
    }
    Ok(())
}

/// The memory that sessions write into, with the bounds of this connection.
pub(super) fn prepared<'a>(
    scratch: &'a mut Option<Box<Scratch>>,
    connection: &Connection,
) -> &'a mut Scratch {
    let scratch = scratch.get_or_insert_default();
    let limits = &connection.limits;
    scratch.limit_output(limits.high_water as usize, limits.send_queue as usize);
    scratch
}
