//! What one connection may do next, as a state machine.
//!
//! It makes no system call and reads no clock. It says which calls may be made; the reactor makes them and passes the outcome of
//! each to a method `handle_…` here. Apart from the send queue and the bytes of a partial frame, it keeps no memory.

mod carry;
mod deadline;
mod layers;
mod limits;
mod reason;
mod send_queue;
mod sink;
mod timers;
mod wire;

use std::fmt;
use std::rc::Rc;

pub use carry::Carry;
pub use deadline::{Clock, Deadline, Since};
pub use layers::Layers;
pub use limits::Limits;
pub use reason::{CloseReason, Failure};
pub use send_queue::{SendQueue, MAX_BUFFERS};
pub use sink::Sink;
pub(crate) use timers::{Timer, Timers};
pub use wire::Wire;

use crate::{Address, Call, Errno, Ready, Token};

/// The state of the reading side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The peer may still send. Received bytes go to the sink.
    Open(Sink),
    /// A receive returned 0: the peer sends no more.
    Ended,
}

/// The state of the writing side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// The connect has not ended yet. Writes are queued.
    Connecting,
    /// Writes are sent.
    Open,
    /// FIN follows the last queued byte.
    Finishing,
    /// FIN is sent.
    Finished,
    /// A send failed. What was queued is lost.
    Failed,
}

/// The state of one connection.
pub struct Connection {
    /// The bits that the kernel reported and that no EAGAIN has cleared.
    pub ready: Ready,
    /// The state of the reading side.
    pub reading: Reading,
    /// The state of the writing side.
    pub writing: Writing,
    /// The owner does not want to receive for now.
    pub paused: bool,
    /// There is no room for more of its input: see [`ListenOptions::max_held`](crate::reactor::ListenOptions::max_held). What was
    /// received is still decoded.
    pub stalled: bool,
    /// The owner ended the connection while it was still connecting.
    pub finish_requested: bool,
    /// The kernel reported an error or a hang-up, and no call has returned the error yet.
    pub error_reported: bool,
    /// The protocol has ended the writing side, and the owner gets an event for it.
    pub ended_by_protocol: bool,
    /// The first failure of any call. Every later end is reported as this failure.
    pub failure: Option<Failure>,
    /// The protocol; `None` if the owner gets bytes as they arrive.
    pub wire: Option<Box<Wire>>,
    /// The layers between the socket and the protocol; `None` for most connections.
    pub layers: Option<Box<Layers>>,
    /// Received bytes that do not make a message yet, or that the turn had no room for.
    pub carry: Carry,
    /// `carry` may hold whole messages, which are decoded before the next receive.
    pub carry_ready: bool,
    /// Bytes that the kernel has not taken yet.
    pub queue: SendQueue,
    /// The queue's length in the last report to the owner.
    pub queue_reported: u32,
    /// The peer's address.
    pub peer: Address,
    /// The listener that accepted the connection.
    pub listener: Option<Token>,
    /// The bounds, shared by all connections of a listener.
    pub limits: Rc<Limits>,
    /// When the reactor has to look at the connection although nothing has happened.
    pub(crate) timers: Timers,
    /// When the things began that have a deadline.
    pub since: Since,
    /// The value of [`Connection::progress`] when the time for the end began. If it has grown since, the connection is not late.
    pub mark: u64,
    /// The kernel had no memory for a send, which is tried again after a pause.
    pub short: bool,
    /// How often in a row the kernel had no memory, with no byte sent or received in between.
    pub shortages: u32,
    /// The kernel reports writability. That is requested with the first send that blocks.
    pub watches_writable: bool,
    /// Bytes that were received and discarded.
    pub discarded: u32,
    /// What the owner got since a send failed, counted as [`Limits::leftover`] counts it.
    pub leftover: u32,
    /// Bytes received.
    pub bytes_read: u64,
    /// Bytes that the kernel took.
    pub bytes_written: u64,
}

impl Connection {
    /// A connection that was accepted ([`Writing::Open`]) or that is connecting ([`Writing::Connecting`]).
    #[must_use]
    pub fn new(
        writing: Writing,
        peer: Address,
        listener: Option<Token>,
        wire: Option<Box<Wire>>,
        limits: Rc<Limits>,
    ) -> Connection {
        Connection {
            // An accepted socket has room for a send. An event of the kernel reports its input.
            ready: if writing == Writing::Open {
                Ready::WRITABLE
            } else {
                Ready::empty()
            },
            reading: Reading::Open(Sink::Inbox),
            writing,
            paused: false,
            stalled: false,
            finish_requested: false,
            error_reported: false,
            ended_by_protocol: false,
            failure: None,
            wire,
            layers: None,
            carry: Carry::default(),
            carry_ready: false,
            queue: SendQueue::default(),
            queue_reported: 0,
            peer,
            listener,
            limits,
            timers: Timers::default(),
            since: Since::default(),
            mark: 0,
            short: false,
            shortages: 0,
            watches_writable: writing == Writing::Connecting,
            discarded: 0,
            leftover: 0,
            bytes_read: 0,
            bytes_written: 0,
        }
    }

    /// Stops receiving, unless the input is discarded: then nothing waits for the owner.
    pub fn pause(&mut self) {
        self.paused = self.reading != Reading::Open(Sink::Discard);
        // No receive returns an error while the connection is paused, and an earlier check may have found bytes before it.
        self.recheck_error();
    }

    /// Receives again. If the kernel has reported an error by now, receiving goes on until a call returns it after the last bytes.
    pub fn resume(&mut self) {
        self.paused = false;
        self.recheck_error();
    }

    /// Discards what was received and not handed over yet, and everything that still arrives.
    pub fn discard_input(&mut self) {
        if self.reading == Reading::Open(Sink::Inbox) {
            self.reading = Reading::Open(Sink::Discard);
        }
        self.carry.clear();
        self.carry_ready = false;
        self.since.message = 0;
        self.paused = false;
        // What is thrown away needs no room.
        self.stalled = false;
        if let Some(wire) = &mut self.wire {
            (wire.paused, wire.holds) = (false, false);
        }
        if let Some(layers) = &mut self.layers {
            layers.holds = false;
        }
    }

    /// Queues bytes of the owner or of its protocol. Layers change them first.
    pub fn push(&mut self, plain: &[u8]) {
        match &mut self.layers {
            None => self.queue.push(plain),
            Some(layers) => layers.send(plain, &mut self.queue),
        }
    }

    /// Takes received bytes of a connection with layers: their plain bytes go to `carry`.
    pub fn handle_layered(&mut self, bytes: &[u8]) {
        if let Some(layers) = &mut self.layers {
            let before = self.queue.len();
            layers.receive(bytes, &mut self.carry, &mut self.queue);
            let queued = self.queue.len();
            layers.holds |= queued > before && queued >= self.limits.high_water as usize;
        }
    }

    /// The socket's stream has ended. Returns true if a layer says that this is no clean end. Its failure ends the connection then.
    pub fn was_cut_off(&mut self) -> bool {
        let discards = self.reading == Reading::Open(Sink::Discard);
        let Some(layers) = self.layers.as_mut().filter(|_| !discards) else {
            return false;
        };
        layers.peer_ended();
        self.has_failed_layer()
    }

    /// True when a layer has failed.
    #[must_use]
    pub fn has_failed_layer(&self) -> bool {
        let layers = self.layers.as_ref();
        layers.is_some_and(|layers| layers.failure().is_some())
    }

    /// A layer has failed. As [`Connection::handle_fault`]. Later calls change nothing, so that the peer can end.
    pub fn handle_failed_layer(&mut self) -> Option<CloseReason> {
        let (error, has_sent) = self.layers.as_ref()?.failure()?;
        let discards = self.reading == Reading::Open(Sink::Discard);
        if has_sent && discards && self.writing == Writing::Finished {
            return None;
        }
        let is_writable = matches!(self.writing, Writing::Open | Writing::Finishing);
        if !has_sent || !is_writable {
            return Some(CloseReason::Protocol(error.clone()));
        }
        if self.reading != Reading::Open(Sink::Discard) {
            self.ended_by_protocol = true;
            self.discard_input();
        }
        self.finish();
        None
    }

    /// Bytes of the owner that the kernel has not taken.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let pending = self.layers.as_ref().map_or(0, |layers| layers.pending());
        self.queue.len().saturating_add(pending)
    }

    /// True while FIN has to wait for bytes in front of it.
    #[must_use]
    pub fn holds_fin(&self) -> bool {
        !self.queue.is_empty()
            || self
                .layers
                .as_ref()
                .is_some_and(|layers| layers.holds_fin())
    }

    /// The queue has become shorter. Receiving and decoding go on if they waited for that.
    pub fn handle_drained(&mut self, clock: Clock) {
        let is_low = self.queue.len() <= self.limits.low_water as usize;
        let held = |wire: &mut Box<Wire>| std::mem::take(&mut wire.holds);
        if is_low && self.wire.as_mut().is_some_and(held) {
            self.restart_message(clock);
        }
        if let Some(layers) = &mut self.layers {
            layers.holds &= !is_low;
        }
    }

    /// True when messages of the owner go through the session.
    #[must_use]
    #[inline]
    pub fn encodes(&self) -> bool {
        self.wire
            .as_ref()
            .is_some_and(|wire| wire.session.encodes())
    }

    /// True when received bytes go to memory that the owner gives back soon. Messages always do: the owner reads them at once.
    #[must_use]
    #[inline]
    pub fn lends(&self) -> bool {
        match &self.wire {
            Some(wire) if !wire.session.gives_frames() => true,
            _ => self.limits.lend,
        }
    }

    /// True while the protocol takes no input: the session has paused, or much is queued.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        let wire = self.wire.as_ref();
        let layers = self.layers.as_ref();
        wire.is_some_and(|wire| wire.paused || wire.holds)
            || layers.is_some_and(|layers| layers.is_asking() || layers.holds)
    }

    /// True while nothing is handed over, because the owner or the protocol does not want to.
    #[must_use]
    pub fn is_held_back(&self) -> bool {
        self.paused || self.is_blocked()
    }

    /// True while nothing is received: as [`Connection::is_held_back`], or there is no room.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_held_back() || self.stalled
    }

    /// Latches the bits that the kernel reported, until a call returns EAGAIN.
    pub fn handle_ready(&mut self, ready: Ready) {
        self.ready.insert(ready);
        self.error_reported |= ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// Makes [`Connection::error_reported`] true again if the kernel has reported an error or a hang-up.
    fn recheck_error(&mut self) {
        self.error_reported |= self.ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// A receive of `length` bytes into `space` bytes succeeded.
    ///
    /// A stream socket is empty when a receive fills only part of the space (epoll(7)). That does not hold when the kernel has
    /// reported the stream's end or an urgent mark, at which a receive stops (tcp(7)): then only EAGAIN proves it.
    pub fn handle_received(&mut self, length: usize, space: usize) {
        self.bytes_read += length as u64;
        let more_may_wait = Ready::READ_CLOSED | Ready::HANGUP | Ready::ERROR | Ready::PRIORITY;
        if length < space && !self.ready.intersects(more_may_wait) {
            self.ready.remove(Ready::READABLE);
        }
    }

    /// `length` received bytes were discarded. Returns true when they are more than [`Limits::discard`] allows.
    pub fn handle_discarded(&mut self, length: usize) -> bool {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        self.discarded = self.discarded.saturating_add(length);
        self.discarded > self.limits.discard
    }

    /// Counts what one turn handed over. Returns true when a send has failed and the owner has got more of the input before the
    /// failure than [`Limits::leftover`] allows.
    pub fn handle_handed_over(&mut self, bytes: usize, frames: u32) -> bool {
        if self.writing != Writing::Failed {
            return false;
        }
        let cost = bytes.saturating_add((frames as usize).saturating_mul(Limits::FRAME_COST));
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.leftover = self.leftover.saturating_add(cost);
        self.leftover > self.limits.leftover
    }

    /// A receive returned 0: the peer sends no more.
    pub fn handle_end(&mut self) {
        self.reading = Reading::Ended;
        // A check of the socket while it was paused may have found this end before the error behind it.
        self.recheck_error();
    }

    /// A receive failed with EAGAIN: everything is received, including the bytes after the urgent mark. If a new mark arrives, the
    /// kernel reports it with the bytes before it.
    pub fn handle_receive_blocked(&mut self) {
        self.ready.remove(Ready::READABLE | Ready::PRIORITY);
    }

    /// A send failed with EAGAIN.
    pub fn handle_send_blocked(&mut self) {
        self.ready.remove(Ready::WRITABLE);
    }

    /// The kernel took `length` bytes.
    pub fn handle_sent(&mut self, length: usize) {
        self.bytes_written += length as u64;
    }

    /// A call failed. Only the first failure is kept, so that a reset that a send returned is never reported as a clean end.
    pub fn handle_failure(&mut self, call: Call, errno: Errno) {
        self.failure.get_or_insert(Failure { call, errno });
    }

    /// A call failed, and nothing can be sent any more because of that.
    pub fn handle_send_failure(&mut self, call: Call, errno: Errno) {
        self.handle_failure(call, errno);
        self.fail_writing();
    }

    /// The kernel had no memory for a send, which is tried again every `pause` milliseconds. Returns false when no byte has been
    /// sent or received for [`Limits::end_timeout`].
    pub fn handle_shortage(&mut self, pause: u32) -> bool {
        if self.shortages == 0 || self.progress() != self.mark {
            self.mark = self.progress();
            self.shortages = 0;
        }
        let lasts = self.shortages.saturating_mul(pause);
        self.shortages = self.shortages.saturating_add(1);
        let goes_on = lasts == 0 || lasts < self.limits.end_timeout;
        self.short |= goes_on;
        goes_on
    }

    /// The connect succeeded, and the peer had reset the connection before its outcome was read. Reading the outcome has
    /// cleared the error, so receives would give the bytes that the peer sent before and then a clean end.
    pub fn handle_connected_and_reset(&mut self, errno: Errno) {
        self.handle_connected();
        self.handle_send_failure(Call::Receive, errno);
    }

    fn fail_writing(&mut self) {
        self.writing = Writing::Failed;
        // Bytes that arrived before the failure are received first, and the close is reported after them. The socket may still be
        // open, as when there is no route for a moment. With ERROR set, a short receive does not count as the last one.
        self.ready.insert(Ready::READABLE | Ready::ERROR);
        self.error_reported = true;
    }

    /// The connect succeeded. What was queued meanwhile is sent.
    pub fn handle_connected(&mut self) {
        self.writing = if self.finish_requested {
            Writing::Finishing
        } else {
            Writing::Open
        };
    }

    /// The owner writes no more. FIN follows what is queued.
    pub fn finish(&mut self) {
        match self.writing {
            Writing::Connecting => self.finish_requested = true,
            Writing::Open => self.writing = Writing::Finishing,
            Writing::Finishing | Writing::Finished | Writing::Failed => {}
        }
    }

    /// Grows with every byte that is sent or received. Discarded bytes do not count: by sending those, a peer that reads
    /// nothing could keep the send queue in memory without end.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.bytes_read - u64::from(self.discarded) + self.bytes_written
    }

    /// True when a byte has been sent or received that gives the connection more time to end. After this side's end, only what
    /// the owner reads does: by sending bytes that are discarded, a peer could keep the connection open without end.
    #[must_use]
    pub fn has_moved_towards_end(&self) -> bool {
        let is_awaited = match self.writing {
            Writing::Finished | Writing::Failed => self.reading == Reading::Open(Sink::Inbox),
            Writing::Connecting | Writing::Open | Writing::Finishing => true,
        };
        is_awaited && self.progress() != self.mark
    }

    /// True when the owner may still write.
    #[must_use]
    pub fn takes_writes(&self) -> bool {
        match self.writing {
            Writing::Open => true,
            Writing::Connecting => !self.finish_requested,
            Writing::Finishing | Writing::Finished | Writing::Failed => false,
        }
    }

    /// True when the connection is neither connecting nor stopped, and a receive, or decoding received bytes, may give input.
    #[must_use]
    pub fn may_read(&self) -> bool {
        let waits = self.carry_ready && !self.is_held_back();
        let arrived = self.ready.contains(Ready::READABLE) && self.reading != Reading::Ended;
        self.writing != Writing::Connecting && (waits || (arrived && !self.is_stopped()))
    }

    /// True when the socket has no room and the kernel would not report that it has some again.
    #[must_use]
    pub fn must_watch(&self) -> bool {
        !self.watches_writable && !self.ready.contains(Ready::WRITABLE)
    }

    /// True when queued bytes, or FIN, may be sent now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.ready.contains(Ready::WRITABLE)
            && match self.writing {
                Writing::Open => !self.queue.is_empty(),
                Writing::Finishing => !self.queue.is_empty() || !self.holds_fin(),
                Writing::Connecting | Writing::Finished | Writing::Failed => false,
            }
    }

    /// True when the connect may have ended.
    #[must_use]
    pub fn may_connect(&self) -> bool {
        self.writing == Writing::Connecting && self.ready.contains(Ready::WRITABLE)
    }

    /// True when the kernel reported an error or a hang-up and no receive will return the error, because the connection is paused
    /// or the stream has ended.
    #[must_use]
    pub fn must_check_error(&self) -> bool {
        // Frames that wait for room come before the error.
        let is_empty = self.reading == Reading::Ended && !self.carry_ready;
        self.error_reported
            && self.writing != Writing::Connecting
            && (self.is_stopped() || is_empty)
    }

    /// True while the reactor has something to do for this connection without another event of the kernel.
    #[must_use]
    pub fn may_progress(&self) -> bool {
        self.may_read() || self.may_write() || self.may_connect() || self.must_check_error()
    }

    /// How the connection ended, or `None` while it has not. It ends when both sides have sent FIN, or with a failure after
    /// everything is received.
    #[must_use]
    pub fn finished(&self) -> Option<CloseReason> {
        if self.reading != Reading::Ended || self.carry_ready {
            return None;
        }
        match (self.failure, self.writing) {
            (Some(failure), _) => Some(CloseReason::Failed(failure)),
            (None, Writing::Finished) => Some(CloseReason::Ended),
            (None, _) => None,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("ready", &self.ready)
            .field("reading", &self.reading)
            .field("writing", &self.writing)
            .field("paused", &self.paused)
            .field("failure", &self.failure)
            .field("carried", &self.carry.len())
            .field("queued", &self.queue.len())
            .field("peer", &self.peer)
            .field("timers", &self.timers)
            .field("bytes_read", &self.bytes_read)
            .field("bytes_written", &self.bytes_written)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::Reading;

    #[test]
    fn sink_makes_no_connection_larger() {
        assert_eq!(size_of::<Reading>(), 1);
    }
}
