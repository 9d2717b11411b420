//! Queries of the state of a connection or a listener.

use super::occupant::Occupant;
use super::state::Reactor;
use crate::kernel::{Buffers, Kernel};
use crate::{Address, Errno, Token};

impl<K: Kernel> Reactor<K> {
    /// Bytes in the connection's send queue. 0 for a closed connection.
    pub fn queued(&mut self, token: Token) -> usize {
        self.live(token)
            .map_or(0, |(_, entry)| entry.connection.unsent())
    }

    /// True if the next turn may hand over input for this connection: by a receive, or from what an earlier turn had no room for.
    /// False for a connection that is paused or closed.
    #[must_use]
    pub fn has_input(&self, token: Token) -> bool {
        self.entry(token).is_some_and(|entry| {
            let connection = &entry.connection;
            entry.closed.is_none() && (connection.may_read() || connection.stalled)
        })
    }

    /// True while the connection receives nothing because all of its listener hold too much:
    /// [`ListenOptions::max_held`](super::ListenOptions::max_held).
    #[must_use]
    pub fn waits_for_room(&self, token: Token) -> bool {
        self.entry(token)
            .is_some_and(|entry| entry.closed.is_none() && entry.connection.stalled)
    }

    /// Bytes that were written and that the kernel has not taken: those queued, and those lost by a failed send or a close.
    /// 0 once the close event is reported, which has the number.
    #[must_use]
    pub fn unsent(&self, token: Token) -> usize {
        self.entry(token).map_or(0, |entry| {
            entry.unsent.saturating_add(entry.connection.unsent())
        })
    }

    /// True while the connection is open. False once it is closed, even before the close event is reported.
    #[must_use]
    pub fn is_open(&self, token: Token) -> bool {
        self.entry(token)
            .is_some_and(|entry| entry.closed.is_none())
    }

    /// The peer's address. `None` once the close event is reported, which has the address.
    #[must_use]
    pub fn peer_address(&self, token: Token) -> Option<&Address> {
        self.entry(token).map(|entry| &entry.connection.peer)
    }

    /// What the kernel keeps for the connections of a listener, or for a connection.
    ///
    /// # Errors
    /// EBADF once it is closed. Else the errors of getsockopt(2).
    pub fn buffers(&self, token: Token) -> Result<Buffers, Errno> {
        let socket = self.slots.get(token).and_then(Occupant::socket);
        self.kernel.buffers(socket.ok_or(Errno::EBADF)?)
    }

    /// Bytes received, and bytes that the kernel took. `None` once the close event is reported, which has the numbers.
    #[must_use]
    pub fn counters(&self, token: Token) -> Option<(u64, u64)> {
        let connection = &self.entry(token)?.connection;
        Some((connection.bytes_read, connection.bytes_written))
    }

    /// How many connections the listener has dropped, for each of [`Dropped::ALL`](super::Dropped::ALL). `None` once it is closed.
    #[must_use]
    pub fn dropped(&self, listener: Token) -> Option<[u64; 3]> {
        let listener = self.slots.get(listener)?.listener()?;
        Some(listener.drops.totals())
    }

    /// The local address of the listener or connection.
    ///
    /// # Errors
    /// EBADF once the close event is reported, which has the address. Else the errors of getsockname(2).
    pub fn local_address(&self, token: Token) -> Result<Address, Errno> {
        if let Some(socket) = self.slots.get(token).and_then(Occupant::socket) {
            return self.kernel.local_address(socket);
        }
        let closed = self.entry(token).and_then(|entry| entry.closed.as_ref());
        closed
            .and_then(|closed| closed.local.clone())
            .ok_or(Errno::EBADF)
    }
}
