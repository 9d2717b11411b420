//! A connection in its slot: its state, its socket, and its places in the reactor's lists.

use super::wheel::MILLISECOND;
use crate::connection::{Clock, CloseReason, Connection, Timer};
use crate::{Address, Ready};

/// The data of a closed connection for its close event, until that is reported.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) reason: CloseReason,
    /// The local address that the connection had.
    pub(super) local: Option<Address>,
}

/// A connection with its socket and its places in the reactor's lists.
#[derive(Debug)]
pub(super) struct Entry<S> {
    /// `None` once the descriptor is closed, at the latest when the close is reported. Then the slot is freed as well.
    pub(super) socket: Option<S>,
    pub(super) connection: Connection,
    /// It is on a list of slots that can make progress.
    pub(super) listed: bool,
    /// It got a whole share of the turn that served it last.
    pub(super) had_share: bool,
    /// Its last receive has emptied the socket.
    pub(super) drained: bool,
    /// It is in the list of connections with a report for the owner.
    pub(super) has_report: bool,
    /// The report includes the send queue's length.
    pub(super) report_queued: bool,
    /// The report includes that a send failed.
    pub(super) report_failed: bool,
    /// The close must reset the peer even if no bytes are lost.
    pub(super) resets: bool,
    /// Boxed, because it exists only between the close and its report.
    pub(super) closed: Option<Box<Closed>>,
    /// A timer has expired in this turn, and is handled once the connection has been served.
    pub(super) is_due: bool,
    /// It has been served since then.
    pub(super) was_served: bool,
    /// Bytes that were written and are lost.
    pub(super) unsent: usize,
    /// What it holds, as the reactor's sums have it.
    pub(super) held: usize,
    /// It is in its listener's list of those that waited for room.
    pub(super) waits_for_room: bool,
}

impl<S> Entry<S> {
    /// A connection whose socket is not registered yet.
    pub(super) fn new(connection: Connection) -> Entry<S> {
        Entry {
            socket: None,
            connection,
            listed: false,
            had_share: false,
            drained: true,
            has_report: false,
            report_queued: false,
            report_failed: false,
            resets: false,
            closed: None,
            is_due: false,
            was_served: false,
            unsent: 0,
            held: 0,
            waits_for_room: false,
        }
    }

    /// Counts `length` bytes as unsent: they were written and will not be sent. The count saturates, because the owner may add
    /// any number to it.
    pub(super) fn lose(&mut self, length: usize) {
        self.unsent = self.unsent.saturating_add(length);
    }

    /// Empties the send queue and counts its bytes as unsent.
    pub(super) fn lose_queue(&mut self) {
        let layers = self.connection.layers.as_mut();
        let pending = layers.map_or(0, |layers| layers.clear_pending());
        let length = self.connection.queue.clear();
        self.lose(length.saturating_add(pending));
    }

    /// True when the close must be a reset, because bytes of the owner will not be sent or because the owner asked for a reset.
    /// A FIN would mean to the peer that it has received everything.
    pub(super) fn must_reset(&self) -> bool {
        self.unsent > 0 || self.resets || self.connection.unsent() > 0
    }

    /// True when the owner gets another event before the close.
    pub(super) fn has_more_to_report(&self) -> bool {
        self.report_queued || self.report_failed || self.connection.ended_by_protocol
    }

    /// True when it had its share not long ago. Then it comes after connections that were quiet.
    #[inline]
    pub(super) fn is_busy(&self, clock: Clock) -> bool {
        self.had_share && self.connection.since.is_moving(clock)
    }

    /// True when serving it would do something.
    #[inline]
    pub(super) fn may_progress(&self) -> bool {
        self.closed.is_none() && self.connection.may_progress()
    }

    /// When it has to come up for its soonest timer. A session's timer that has expired and waits for the owner, because it was set for
    /// a time after `sessions_by`, is looked at again in a millisecond.
    pub(super) fn comes_up_at(&self, now: u64, sessions_by: u64) -> Option<u64> {
        let timers = &self.connection.timers;
        let soonest = timers.soonest()?;
        // `sessions_by` differs from `now` only if the owner is behind.
        if sessions_by == now || soonest > now {
            return Some(soonest);
        }
        let again = now + MILLISECOND;
        Some(timers.soonest_after(now).map_or(again, |at| at.min(again)))
    }

    /// The slot came up at the time `now`. Prepares what follows for the timers that have expired, those of sessions if they were set for
    /// `sessions_by` or before. A send is tried next: the kernel reports room only once a third of the buffer is free, and one wait may not
    /// report every connection. If the connection is late or its session or a layer has a timer, so is a receive. If the kernel has no room
    /// or no input, they fail with EAGAIN.
    ///
    /// Returns true when more follows once the connection has been served.
    pub(super) fn handle_timers(&mut self, now: u64, sessions_by: u64) -> bool {
        let connection = &mut self.connection;
        let is_due = |timer| connection.timers.is_due(timer, now);
        let is_retry = is_due(Timer::Retry);
        let is_end = is_due(Timer::Check) || is_due(Timer::Late);
        let of_session = |timer| connection.timers.is_due(timer, sessions_by);
        let is_session = Timer::of_session().any(of_session) || is_due(Timer::Layers);
        let is_deadline = is_due(Timer::Deadline);
        let receives = is_due(Timer::Late) || is_session || is_deadline;
        let is_waited_for = is_deadline && !connection.queue.is_empty();
        let sends = is_retry || is_end || is_waited_for || is_due(Timer::Connect);
        self.is_due = is_end || is_session || is_deadline || is_due(Timer::Connect);
        self.was_served = false;
        if is_retry {
            connection.timers.clear(Timer::Retry);
        }
        if sends {
            connection.ready.insert(Ready::WRITABLE);
        }
        if receives && !connection.is_stopped() {
            connection.ready.insert(Ready::READABLE);
        }
        self.is_due
    }
}
