//! Where a turn puts the frames that it received and the events that it reports. The owner implements it.

use std::ops::Range;

use super::admission::Dropped;
use crate::connection::{CloseReason, Failure};
use crate::kernel::Space;
use crate::protocol::ProtocolError;
use crate::{Address, Errno, Token};

/// The room that a slot needs in the inbox to be served: for events besides its frames, and for the turn's own.
pub(super) const MIN_ROOM: usize = 8;

/// Something that happened. The inbox gets events in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A listener accepted a connection.
    Opened {
        /// The new connection.
        token: Token,
        /// The listener that accepted it.
        listener: Token,
        /// The peer's address.
        peer: Address,
    },
    /// A listener closed connections as soon as they were accepted. There are ten such events of a listener in a second at most, and
    /// all counts together are the number of connections: an event has what was dropped since the last one with its reason.
    Dropped {
        /// The listener.
        listener: Token,
        /// The last client whose connection was closed for this reason.
        peer: Address,
        /// Why.
        reason: Dropped,
        /// How many connections were closed for this reason since the last event with it.
        count: u32,
    },
    /// A connect succeeded.
    Connected {
        /// The connection.
        token: Token,
    },
    /// The peer sent FIN, and every byte before it is handed over.
    End {
        /// The connection.
        token: Token,
    },
    /// How many bytes wait to be sent. Reported when a write left more than before, when they have fallen to the low watermark, and
    /// when none is left. A writer that waits for room compares the number with its limits.
    Queued {
        /// The connection.
        token: Token,
        /// Bytes in the send queue.
        bytes: usize,
    },
    /// A send failed. What was queued is lost, and writes fail from here on. The close follows once everything that arrived
    /// before is received; a paused connection has [`Limits::end_timeout`](crate::connection::Limits::end_timeout) for that.
    WriteFailed {
        /// The connection.
        token: Token,
        /// What failed.
        failure: Failure,
    },
    /// The connection's protocol has ended the writing side, and writes fail from here on. With an error, it has told the peer why, and
    /// everything that still arrives is discarded. The close follows once the peer has ended as well, or after
    /// [`Limits::end_timeout`](crate::connection::Limits::end_timeout).
    WritingEnded {
        /// The connection.
        token: Token,
        /// Why, if the protocol found an error. The close has the same one.
        error: Option<ProtocolError>,
    },
    /// The connection is closed. This is the last event of every connection, and its token is stale from here on.
    Closed {
        /// The connection.
        token: Token,
        /// Why it was closed.
        reason: CloseReason,
        /// Bytes that were written and that the kernel never took.
        unsent: usize,
        /// Bytes received in all.
        bytes_read: u64,
        /// Bytes that the kernel took in all.
        bytes_written: u64,
        /// The peer's address. If a connect failed, the address that it was for.
        peer: Address,
        /// The local address. `None` if the connection was never established.
        local: Option<Address>,
    },
    /// A layer needs a decision of the program, and leaves its input alone until it gets it by
    /// [`Reactor::answer`](super::Reactor::answer).
    Asked {
        /// The connection.
        token: Token,
        /// What it asks, in the layer's own form.
        question: Vec<u8>,
    },
    /// A listener stopped accepting, because descriptors, memory or watches are short or because too many accepts in a row were
    /// refused. It goes on by itself after a while.
    AcceptPaused {
        /// The listener.
        listener: Token,
        /// EMFILE, ENFILE, ENOBUFS or ENOMEM of accept4(2). Or ENOMEM or ENOSPC of epoll_ctl(2); the connection that could not be
        /// registered is closed then. Or EPERM and the like, when one accept after the other is refused (accept(2), seccomp(2)).
        errno: Errno,
    },
    /// The kernel refused to set the alarm for the next deadline. Reported once; the reactor goes on trying. Until it succeeds, a
    /// passed deadline is noticed only in the next turn. [`Reactor::turn`](super::Reactor::turn) ends its own wait in time for it.
    AlarmRefused {
        /// The error of timerfd_settime(2): EBADF when the program closed a descriptor that it does not own.
        errno: Errno,
    },
}

/// Messages that a session found in one look at the input. [`Messages`](crate::protocol::Messages) reads them, from the table and from
/// the bytes of the messages with `made` behind them.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The connection.
    pub token: Token,
    /// How many messages there are, at least 1.
    pub count: u32,
    /// For each message a header, and then three numbers for each field.
    pub table: &'a [i32],
    /// Bytes of fields that are not in the input. Their offsets count from the start of the messages' bytes, behind which these follow.
    pub made: &'a [u8],
}

/// Takes the frames, messages and events of a turn.
pub trait Inbox {
    /// How many more frames, groups of messages and events fit. When it gets low, the turn leaves work for the next one.
    /// An empty inbox must have room for at least 8: no slot is served while there is less.
    fn room(&self) -> usize;

    /// The memory that the next receive writes into. For the same `lend` it stays the same until [`Inbox::received`]. An empty
    /// space means that there is no room: nothing is received, and the connection waits for another turn.
    ///
    /// `lend` is the connection's [`Limits::lend`](crate::connection::Limits::lend), and true for messages: the owner gives everything back
    /// soon, so the same memory can be used again and stays in the processor's caches.
    ///
    /// The memory may be uninitialised. Only bytes that were received are read.
    fn space(&mut self, lend: bool) -> Space<'_>;

    /// The first `length` bytes of the space that [`Inbox::space`] gave for this `lend`. A receive has written them. A protocol may
    /// change them.
    fn filled(&mut self, lend: bool, length: usize) -> &mut [u8];

    /// Takes a frame that lies in the space. An inbox that keeps it without a copy must not give that memory out again.
    fn frame(&mut self, token: Token, body: Range<usize>);

    /// Takes a frame that lies elsewhere, in memory that is valid only during the call.
    fn copied_frame(&mut self, token: Token, body: &[u8]);

    /// How many numbers of [`Found::table`] fit, besides those of one more message, which has at most
    /// [`MESSAGE_NUMBERS`](crate::protocol::MESSAGE_NUMBERS). A message has one number, and three for each field. 0 means that there is
    /// no room for messages, and their connections wait for another turn.
    fn table_room(&self) -> usize;

    /// Takes messages whose bytes are the first `consumed` of the space. What was copied ([`Found::made`]) lies elsewhere.
    fn messages(&mut self, found: &Found<'_>, consumed: usize);

    /// Takes messages whose bytes lie elsewhere, in memory that is valid only during the call.
    fn copied_messages(&mut self, found: &Found<'_>, body: &[u8]);

    /// Everything in the first `length` bytes of the space has been passed to [`Inbox::frame`] or [`Inbox::messages`].
    fn received(&mut self, length: usize);

    /// Takes an event.
    fn event(&mut self, event: Event);
}
