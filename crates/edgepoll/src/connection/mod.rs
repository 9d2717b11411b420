//! What one connection may do next, as a state machine: no system call, no clock, no memory of its own
//! except the send queue.
//!
//! It must never perform anything; it answers what may be performed. Called by the reactor, which does
//! the system calls and reports each outcome here.

mod carry;
mod limits;
mod reason;
mod send_queue;

use std::rc::Rc;

pub use carry::Carry;
pub use limits::Limits;
pub use reason::{CloseReason, Failure};
pub use send_queue::{SendQueue, MAX_BUFFERS};

use crate::protocol::Codec;
use crate::{Address, Call, Errno, Ready, Token};

/// How far the reading side has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Bytes go to the owner.
    Open,
    /// Bytes are received and thrown away, so that the close does not reset the peer (RFC 1122, 4.2.2.13).
    Discarding,
    /// A receive gave 0: nothing more will come.
    Ended,
}

/// How far the writing side has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// The connect has not ended yet: writes are queued.
    Connecting,
    /// Writes go out.
    Open,
    /// FIN follows the last queued byte.
    Finishing,
    /// FIN is sent.
    Finished,
    /// A send failed: what was queued is lost.
    Failed,
}

/// One connection's state.
pub struct Connection {
    /// The bits that the kernel reported and that no EAGAIN has taken back.
    pub ready: Ready,
    /// The reading side.
    pub reading: Reading,
    /// The writing side.
    pub writing: Writing,
    /// The owner wants no bytes for now.
    pub paused: bool,
    /// The owner ended it while it was still connecting.
    pub finish_requested: bool,
    /// An error or a hang-up was reported, and no call has met it yet.
    pub look: bool,
    /// The first failure met, whoever found it; every later end is told as this one.
    pub failure: Option<Failure>,
    /// Frames, from bytes and back.
    pub codec: Box<dyn Codec>,
    /// Bytes received that do not make a frame yet, or that the turn had no room for.
    pub carry: Carry,
    /// `carry` may hold whole frames: it is to be decoded before the next receive.
    pub carry_ready: bool,
    /// What the kernel has not taken yet.
    pub queue: SendQueue,
    /// The queue's length that the owner was told last.
    pub queue_told: u32,
    /// Who is at the other end.
    pub peer: Address,
    /// The listener that accepted it.
    pub listener: Option<Token>,
    /// Where its bounds are.
    pub limits: Rc<Limits>,
    /// When something must have happened, in nanoseconds of the kernel's clock; 0 is never.
    pub deadline: u64,
    /// What [`Connection::progress`] was when the deadline was set: whoever still moves bytes is not late.
    pub mark: u64,
    /// The kernel had no memory for a send: the deadline is for trying again.
    pub short: bool,
    /// How often in a row the kernel had no memory, with no byte moved in between.
    pub shortages: u32,
    /// The kernel tells when there is room. Asked for with the first send that blocked.
    pub watches_writable: bool,
    /// Bytes received since the input is thrown away.
    pub discarded: u32,
    /// What was handed over since a send failed, as [`Limits::leftover`] counts it.
    pub leftover: u32,
    /// Bytes received.
    pub bytes_read: u64,
    /// Bytes that the kernel took.
    pub bytes_written: u64,
}

impl Connection {
    /// A connection that was accepted (`Writing::Open`) or is being opened (`Writing::Connecting`).
    #[must_use]
    pub fn new(
        writing: Writing,
        peer: Address,
        listener: Option<Token>,
        codec: Box<dyn Codec>,
        limits: Rc<Limits>,
    ) -> Connection {
        Connection {
            // An accepted socket can take bytes at once; whether it holds some, only the kernel says.
            ready: if writing == Writing::Open {
                Ready::WRITABLE
            } else {
                Ready::empty()
            },
            reading: Reading::Open,
            writing,
            paused: false,
            finish_requested: false,
            look: false,
            failure: None,
            codec,
            carry: Carry::default(),
            carry_ready: false,
            queue: SendQueue::default(),
            queue_told: 0,
            peer,
            listener,
            limits,
            deadline: 0,
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

    /// The owner wants no bytes for now. Bytes that are thrown away are wanted by nobody: then it goes on.
    pub fn pause(&mut self) {
        self.paused = self.reading != Reading::Discarding;
        // An error known by now is met by no receive; the last look may have found bytes before it.
        self.look |= self.ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// The owner wants bytes again. If an error is known by now, receiving goes on until it is met behind the last bytes.
    pub fn resume(&mut self) {
        self.paused = false;
        self.look |= self.ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// The kernel reported bits; they are latched until a call answers EAGAIN.
    pub fn handle_ready(&mut self, ready: Ready) {
        self.ready.insert(ready);
        self.look |= ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// A receive of `length` bytes into `space` bytes succeeded.
    ///
    /// A stream socket is empty when a receive has filled only a part of the space (epoll(7)). That does not hold when its end
    /// was reported or it holds an urgent mark, at which a receive stops (tcp(7)): then only EAGAIN proves it.
    pub fn handle_received(&mut self, length: usize, space: usize) {
        self.bytes_read += length as u64;
        let more_may_wait = Ready::READ_CLOSED | Ready::HANGUP | Ready::ERROR | Ready::PRIORITY;
        if length < space && !self.ready.intersects(more_may_wait) {
            self.ready.remove(Ready::READABLE);
        }
    }

    /// Counts what was handed over in this turn. Gives true when a send has failed and the owner had enough of what the peer
    /// sent before.
    pub fn handle_handed_over(&mut self, bytes: usize, frames: u32) -> bool {
        if self.writing != Writing::Failed {
            return false;
        }
        let cost = bytes.saturating_add((frames as usize).saturating_mul(Limits::FRAME_COST));
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.leftover = self.leftover.saturating_add(cost);
        self.leftover > self.limits.leftover
    }

    /// A receive answered 0: nothing more will come.
    pub fn handle_end(&mut self) {
        self.reading = Reading::Ended;
        // While it was paused, a look met the end before the error behind it.
        self.look |= self.ready.intersects(Ready::HANGUP | Ready::ERROR);
    }

    /// A receive gave EAGAIN: everything is received, up to the urgent mark and behind it. If a mark lies ahead, the kernel
    /// reports it again with the bytes before it.
    pub fn handle_receive_blocked(&mut self) {
        self.ready.remove(Ready::READABLE | Ready::PRIORITY);
    }

    /// A send answered EAGAIN.
    pub fn handle_send_blocked(&mut self) {
        self.ready.remove(Ready::WRITABLE);
    }

    /// The kernel took `length` bytes.
    pub fn handle_sent(&mut self, length: usize) {
        self.bytes_written += length as u64;
    }

    /// A call failed. The first failure stays: a reset that a send met must not read as a clean end later.
    pub fn handle_failure(&mut self, call: Call, errno: Errno) {
        self.failure.get_or_insert(Failure { call, errno });
    }

    /// A call failed, and nothing can be sent any more because of that.
    pub fn handle_send_failure(&mut self, call: Call, errno: Errno) {
        self.handle_failure(call, errno);
        self.fail_writing();
    }

    /// The kernel had no memory for a send, which is tried again every `pause` milliseconds. Gives false when no byte has
    /// moved since that began and [`Limits::end_timeout`] is over.
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

    /// The connect succeeded, and the peer reset the connection before anybody looked: asking for the outcome
    /// took the error away, so a receive would read what was sent before, and then a clean end.
    pub fn handle_connected_and_reset(&mut self, errno: Errno) {
        self.handle_connected();
        self.handle_send_failure(Call::Receive, errno);
    }

    fn fail_writing(&mut self) {
        self.writing = Writing::Failed;
        // Bytes that arrived before are received first, and the close is reported after them. The socket may still be alive, as
        // when there is no route for a moment. ERROR is set so that a short receive does not count as the last one.
        self.ready.insert(Ready::READABLE | Ready::ERROR);
        self.look = true;
    }

    /// The connect succeeded: what was queued meanwhile goes out.
    pub fn handle_connected(&mut self) {
        self.writing = if self.finish_requested {
            Writing::Finishing
        } else {
            Writing::Open
        };
    }

    /// The owner will write no more: FIN follows what is queued.
    pub fn finish(&mut self) {
        match self.writing {
            Writing::Connecting => self.finish_requested = true,
            Writing::Open => self.writing = Writing::Finishing,
            Writing::Finishing | Writing::Finished | Writing::Failed => {}
        }
    }

    /// Grows with every byte in either direction, except with those that are thrown away: by sending them, a peer
    /// that reads nothing would keep what was written for it here for ever.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.bytes_read - u64::from(self.discarded) + self.bytes_written
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

    /// True when a receive is wanted and may make progress.
    #[must_use]
    pub fn may_read(&self) -> bool {
        let input = self.carry_ready
            || (self.ready.contains(Ready::READABLE) && self.reading != Reading::Ended);
        self.writing != Writing::Connecting && !self.paused && input
    }

    /// True when something waits for room that nobody would tell of.
    #[must_use]
    pub fn must_watch(&self) -> bool {
        !self.watches_writable && !self.ready.contains(Ready::WRITABLE)
    }

    /// True when queued bytes, or FIN, may go out now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.ready.contains(Ready::WRITABLE)
            && match self.writing {
                Writing::Open => !self.queue.is_empty(),
                Writing::Finishing => true,
                Writing::Connecting | Writing::Finished | Writing::Failed => false,
            }
    }

    /// True when the end of a connect may be looked at.
    #[must_use]
    pub fn may_connect(&self) -> bool {
        self.writing == Writing::Connecting && self.ready.contains(Ready::WRITABLE)
    }

    /// True when an error or a hang-up was reported that no receive will meet by itself: the owner
    /// wants no bytes, or there are no more.
    #[must_use]
    pub fn must_look(&self) -> bool {
        // Frames that wait for room come before the error.
        let is_empty = self.reading == Reading::Ended && !self.carry_ready;
        self.look && self.writing != Writing::Connecting && (self.paused || is_empty)
    }

    /// True while the reactor must serve this connection without being told by the kernel again.
    #[must_use]
    pub fn may_progress(&self) -> bool {
        self.may_read() || self.may_write() || self.may_connect() || self.must_look()
    }

    /// How the connection ended, once it has: both sides clean, or a failure with nothing left to receive.
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
