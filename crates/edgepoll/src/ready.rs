//! Readiness bits of a socket.

/// A set of readiness bits: what the kernel reported and no call has used up yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(u8);

impl Ready {
    /// A receive, or an accept, may make progress.
    pub const READABLE: Ready = Ready(1);
    /// A send may make progress.
    pub const WRITABLE: Ready = Ready(2);
    /// The peer sends no more (EPOLLRDHUP or EPOLLHUP). Only a hint: the end itself is a receive of 0 bytes.
    pub const READ_CLOSED: Ready = Ready(4);
    /// Both directions are closed (EPOLLHUP).
    pub const HANGUP: Ready = Ready(8);
    /// The socket has a pending error (EPOLLERR). The next system call on it returns the error.
    pub const ERROR: Ready = Ready(16);
    /// The stream has TCP's urgent mark, received or not (EPOLLPRI). A receive stops at the mark even if bytes follow
    /// it, so a short receive does not prove that the socket is empty; only EAGAIN does (tcp(7)).
    pub const PRIORITY: Ready = Ready(32);

    /// No bits.
    #[must_use]
    pub const fn empty() -> Ready {
        Ready(0)
    }

    /// True when every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when at least one bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds the bits of `other`.
    pub fn insert(&mut self, other: Ready) {
        self.0 |= other.0;
    }

    /// Removes the bits of `other`.
    pub fn remove(&mut self, other: Ready) {
        self.0 &= !other.0;
    }
}

impl std::ops::BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}
