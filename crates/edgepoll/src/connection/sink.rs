//! Where the bytes of a connection go.

/// Where a connection's received bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sink {
    /// The protocol decodes them into messages, which go to the owner's [`Inbox`](crate::reactor::Inbox).
    Inbox,
    /// They are discarded. They are received all the same, because closing a socket with unread bytes resets the connection
    /// (RFC 1122, 4.2.2.13).
    Discard,
}
