//! Where a turn puts what it received and what happened.
//!
//! It must never call back into the reactor. Implemented by the owner: the glue writes into JavaScript's
//! memory, tests into vectors.

use std::ops::Range;

use crate::connection::{CloseReason, Failure};
use crate::kernel::Space;
use crate::{Address, Errno, Token};

/// Something that happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A listener accepted a connection.
    Opened {
        /// The new connection.
        token: Token,
        /// The listener that accepted it.
        listener: Token,
        /// Who connected.
        peer: Address,
    },
    /// A connect succeeded.
    Connected {
        /// The connection.
        token: Token,
    },
    /// The peer sent FIN, and every byte before it was handed over.
    End {
        /// The connection.
        token: Token,
    },
    /// How many bytes wait to be sent. Told when a write left more, when they fell to the low watermark, and when none is
    /// left. A writer that waits for room compares the number with its limits.
    Queued {
        /// The connection.
        token: Token,
        /// Bytes in the send queue.
        bytes: usize,
    },
    /// A send failed: what was queued is lost, and writes are refused. The close follows once everything that arrived
    /// before is received; a paused connection has [`Limits::end_timeout`](crate::connection::Limits::end_timeout) for that.
    WriteFailed {
        /// The connection.
        token: Token,
        /// What failed.
        failure: Failure,
    },
    /// The connection is over; its token is stale from here on. The last event of every connection, told once.
    Closed {
        /// The connection.
        token: Token,
        /// Why.
        reason: CloseReason,
        /// Bytes written that the kernel never took.
        unsent: usize,
        /// Bytes received in all.
        bytes_read: u64,
        /// Bytes that the kernel took in all.
        bytes_written: u64,
        /// The peer's address. Of a connect that failed, the address that it was for.
        peer: Address,
        /// The local address; `None` if it never was connected.
        local: Option<Address>,
    },
    /// A listener ran out of descriptors, memory or watches, or was refused too often in a row; it accepts again by itself.
    AcceptPaused {
        /// The listener.
        listener: Token,
        /// EMFILE, ENFILE, ENOBUFS or ENOMEM; or ENOMEM or ENOSPC of epoll_ctl(2), and then the connection that could not be
        /// watched is closed; or EPERM and the like, when one accept after the other is refused (accept(2), seccomp(2)).
        errno: Errno,
    },
    /// The kernel refused to set the alarm for the next deadline. Reported once; the reactor goes on trying. Until it succeeds, a
    /// passed deadline is noticed in the next turn. [`Reactor::turn`](super::Reactor::turn) ends its own wait in time for it.
    AlarmRefused {
        /// What timerfd_settime(2) gave: EBADF when the program closed a descriptor that is not its own.
        errno: Errno,
    },
}

/// Takes what a turn produces.
pub trait Inbox {
    /// How many more frames and events fit; the turn leaves work for the next one when it gets low.
    /// An empty inbox has room for 8 at least: no connection is served while there is less.
    fn room(&self) -> usize;

    /// Where the next receive goes; for the same `lend` the same memory until [`Inbox::received`]. An empty space stands
    /// for no room: nothing is received into it, and the connection waits for another turn.
    ///
    /// `lend` is the connection's [`Limits::lend`](crate::connection::Limits::lend): its owner gives every frame back
    /// before long, so that its memory can be used again, which keeps it in the processor's caches.
    ///
    /// The memory may be uninitialised: only the bytes that were received are read.
    fn space(&mut self, lend: bool) -> Space<'_>;

    /// What was received: the first `length` bytes of the space that [`Inbox::space`] gave for this `lend`. They have been
    /// written.
    fn filled(&mut self, lend: bool, length: usize) -> &[u8];

    /// A frame that lies in the space, not to be written over if it is kept without a copy.
    fn frame(&mut self, token: Token, body: Range<usize>);

    /// A frame that lies elsewhere and is gone after the call.
    fn copied_frame(&mut self, token: Token, body: &[u8]);

    /// The first `length` bytes of the space are dealt with.
    fn received(&mut self, length: usize);

    /// Something happened.
    fn event(&mut self, event: Event);
}
