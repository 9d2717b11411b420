//! What the owner may ask for: listen, connect, write, pause, end, destroy.
//!
//! It must never tell anything but by its result; what follows is told by the next turn.

use std::fmt;
use std::rc::Rc;

use super::accept::Listener;
use super::{ConnectOptions, ListenOptions, Occupant, Reactor, SCRATCH};
use crate::connection::{CloseReason, Connection, Failure, Reading, Writing};
use crate::kernel::{Interest, Kernel, ListenFlags};
use crate::protocol::CodecError;
use crate::{Address, Call, Errno, Ready, Token};

/// Why a write was not taken. Nothing of it will be sent, except with `Failed`: the send that failed may have been
/// this write's second. What was not sent then counts as unsent; what the others refuse is its writer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The connection is closed.
    Closed,
    /// The writing side was ended before.
    Ended,
    /// A send failed, now or before; the close that tells why follows.
    Failed,
    /// The send queue is full; the connection is reset.
    QueueFull,
    /// The message cannot be a frame of the protocol.
    Protocol(CodecError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Closed => write!(f, "the connection is closed"),
            WriteError::Ended => write!(f, "write after end"),
            WriteError::Failed => write!(f, "an earlier send failed"),
            WriteError::QueueFull => write!(f, "the send queue is full"),
            WriteError::Protocol(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for WriteError {}

impl<K: Kernel> Reactor<K> {
    /// Listens on a TCP address; connections are told by turns.
    ///
    /// # Errors
    /// The call that failed and its number, EADDRINUSE and EACCES among them. EAFNOSUPPORT for an address of another family than
    /// AF_INET and AF_INET6.
    pub fn listen(
        &mut self,
        address: impl Into<Address>,
        options: ListenOptions,
    ) -> Result<Token, Failure> {
        let flags = ListenFlags {
            no_delay: options.no_delay,
            reuse_port: options.reuse_port,
            ipv6_only: options.ipv6_only,
        };
        let failure = |(call, errno)| Failure { call, errno };
        let socket = self
            .kernel
            .listen(&address.into(), options.backlog, flags)
            .map_err(failure)?;
        let is_one = |bound: &Address| !bound.is_any_host();
        let bound = self.kernel.local_address(&socket).ok().filter(is_one);
        let Some(token) = self
            .slots
            .insert(Occupant::Listener(Listener::new(socket, options, bound)))
        else {
            return Err(Failure {
                call: Call::Listen,
                errno: Errno::ENOMEM,
            });
        };
        if let Some(Occupant::Listener(listener)) = self.slots.get_mut(token) {
            if let Err(errno) = self
                .kernel
                .register(&listener.socket, token, Interest::Listener)
            {
                self.close_listener(token);
                return Err(Failure {
                    call: Call::Register,
                    errno,
                });
            }
        }
        Ok(token)
    }

    /// Allows the listener to accept `more` connections.
    pub fn grant(&mut self, listener: Token, more: u32) {
        if let Some(Occupant::Listener(listener)) = self.slots.get_mut(listener) {
            listener.options.credit = listener.options.credit.saturating_add(more);
        }
        self.list(listener);
    }

    /// Stops listening. Its connections stay; what waited in the backlog is reset by the kernel.
    pub fn close_listener(&mut self, token: Token) {
        if matches!(self.slots.get_mut(token), Some(Occupant::Listener(_))) {
            self.set_deadline(token, None);
            if let Some(Occupant::Listener(listener)) = self.slots.remove(token) {
                self.kernel.close(listener.socket);
            }
        }
    }

    /// Starts to connect. [`super::Event::Connected`] or [`super::Event::Closed`] follows; writes may come before.
    ///
    /// # Errors
    /// What failed at once, by its number, EMFILE and ENETUNREACH among them: as [`Call::Connect`], also when it was
    /// socket(2) or setsockopt(2), or as [`Call::Register`]. EAFNOSUPPORT for an address of another family than AF_INET and AF_INET6.
    pub fn connect(
        &mut self,
        address: impl Into<Address>,
        options: ConnectOptions,
    ) -> Result<Token, Failure> {
        let address = address.into();
        let socket = self
            .kernel
            .connect(&address, options.no_delay)
            .map_err(|errno| Failure {
                call: Call::Connect,
                errno,
            })?;
        // Connect first, register then: an unconnected socket reports a hang-up at once.
        let connection = Connection::new(
            Writing::Connecting,
            address,
            None,
            options.codec,
            Rc::new(options.limits),
        );
        let token = self
            .admit_socket(socket, connection)
            .map_err(|errno| Failure {
                call: Call::Register,
                errno,
            })?;
        let at = self.after(options.timeout);
        self.set_deadline(token, Some(at));
        Ok(token)
    }

    /// Sends a message, or queues what the kernel does not take; gives the bytes queued then.
    /// With `more` it is only queued: another write to this connection follows at once, and both leave together.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, token: Token, message: &[u8], more: bool) -> Result<usize, WriteError> {
        self.write_within(token, message, more, false)
    }

    /// Writes a last message, however long the send queue is, and then as [`Reactor::end`]; gives the bytes that
    /// the kernel has not taken. The end follows also when the message is refused.
    ///
    /// # Errors
    /// [`WriteError`], never `QueueFull`.
    pub fn end_with(&mut self, token: Token, message: &[u8]) -> Result<usize, WriteError> {
        let written = self.write_within(token, message, false, true);
        self.end(token);
        written.map(|_| self.unsent(token))
    }

    #[inline]
    fn write_within(
        &mut self,
        token: Token,
        message: &[u8],
        more: bool,
        is_last: bool,
    ) -> Result<usize, WriteError> {
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        let connection = &entry.connection;
        if !connection.takes_writes() && connection.writing != Writing::Failed {
            return Err(WriteError::Ended);
        }
        let encoded = if connection.codec.passes_through() {
            None
        } else {
            Some(self.encode(token, message)?)
        };
        let bytes = encoded.as_deref().unwrap_or(message);
        let result = self.put(token, bytes, more, is_last);
        if let Some(scratch) = encoded {
            self.keep(scratch);
        }
        result
    }

    /// The message as it goes over the wire, in memory to be kept.
    fn encode(&mut self, token: Token, message: &[u8]) -> Result<Vec<u8>, WriteError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        match entry.connection.codec.encode(message, &mut scratch) {
            Ok(()) => Ok(scratch),
            Err(error) => {
                self.keep(scratch);
                Err(WriteError::Protocol(error))
            }
        }
    }

    /// For the next message. A large one is rare, and would be held for as long as the reactor.
    fn keep(&mut self, mut scratch: Vec<u8>) {
        scratch.clear();
        scratch.shrink_to(SCRATCH);
        self.scratch = scratch;
    }

    /// Sends or queues what goes over the wire.
    #[inline]
    fn put(
        &mut self,
        token: Token,
        bytes: &[u8],
        more: bool,
        is_last: bool,
    ) -> Result<usize, WriteError> {
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        let connection = &mut entry.connection;
        if connection.writing == Writing::Failed {
            entry.lose(bytes.len());
            return Err(WriteError::Failed);
        }
        if connection.queue.len() >= connection.limits.send_queue as usize && !is_last {
            self.close(token, CloseReason::QueueFull);
            return Err(WriteError::QueueFull);
        }
        let at_once = connection.queue.is_empty()
            && connection.writing == Writing::Open
            && connection.ready.contains(Ready::WRITABLE);
        if at_once && !more {
            if self.send_now(token, bytes) {
                return Ok(0);
            }
        } else {
            connection.queue.push(bytes);
            if more {
                // Whoever waits at the high watermark must be told when the queue has gone out.
                if connection.queue.len() >= connection.limits.high_water as usize {
                    self.tell_queued(token);
                }
                self.list(token);
            } else {
                self.tell_queued(token);
                self.flush(token);
            }
        }
        let (_, entry) = self.live(token).ok_or(WriteError::Closed)?;
        if entry.connection.writing == Writing::Failed {
            return Err(WriteError::Failed);
        }
        self.list(token);
        Ok(self.queued(token))
    }

    /// Bytes in the connection's send queue; 0 for a closed one.
    pub fn queued(&mut self, token: Token) -> usize {
        self.live(token)
            .map_or(0, |(_, entry)| entry.connection.queue.len())
    }

    /// Whether bytes that have arrived may not have been handed over: the next turn receives for this connection, or hands
    /// over frames that an earlier turn had no room for. False for a connection that is paused or closed.
    #[must_use]
    pub fn has_input(&self, token: Token) -> bool {
        matches!(self.slots.get(token), Some(Occupant::Connection(entry))
            if entry.closed.is_none() && entry.connection.may_read())
    }

    /// Bytes written that the kernel has not taken: queued, or lost with a send that failed or with the connection.
    /// 0 once the close was told, which tells them.
    #[must_use]
    pub fn unsent(&self, token: Token) -> usize {
        match self.slots.get(token) {
            Some(Occupant::Connection(entry)) => {
                entry.unsent.saturating_add(entry.connection.queue.len())
            }
            Some(Occupant::Listener(_)) | None => 0,
        }
    }

    /// Counts bytes as unsent that the owner had accepted for this connection before it knew that it would be closed.
    pub fn count_unsent(&mut self, token: Token, length: usize) {
        if let Some(Occupant::Connection(entry)) = self.slots.get_mut(token) {
            entry.lose(length);
        }
    }

    /// Receives nothing more for this connection until [`Reactor::resume`]. Errors are still reported. An error behind bytes that
    /// were not received is reported after [`Limits::end_timeout`](crate::connection::Limits::end_timeout) at the latest, so that
    /// the owner can resume and get the bytes first.
    /// Does nothing after [`Reactor::end_and_discard`]: who throws bytes away has none to wait for.
    pub fn pause(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.connection.pause();
            self.list(token);
        }
    }

    /// Goes on receiving; what the kernel reported meanwhile is not forgotten.
    pub fn resume(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.connection.resume();
            self.list(token);
        }
    }

    /// Sends FIN behind what is queued. Receiving goes on until the peer's end. Both have a deadline:
    /// [`Limits::end_timeout`](crate::connection::Limits::end_timeout).
    pub fn end(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        entry.connection.finish();
        self.flush(token);
        self.expect_flush(token);
        self.close_if_finished(token);
        self.list(token);
    }

    /// As [`Reactor::end`], and what still arrives is thrown away, within limits: nobody wants it, and a close
    /// with unread bytes would reset the connection and destroy what was sent.
    pub fn end_and_discard(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        if entry.connection.reading == Reading::Open {
            entry.connection.reading = Reading::Discarding;
        }
        entry.connection.carry.clear();
        entry.connection.carry_ready = false;
        entry.connection.paused = false;
        self.end(token);
    }

    /// Closes at once; what is queued is lost, and the peer then sees a reset. With nothing lost it sees FIN, or a reset
    /// if bytes of its own are unread (RFC 1122, 4.2.2.13).
    pub fn destroy(&mut self, token: Token) {
        self.close(token, CloseReason::Destroyed);
    }

    /// As [`Reactor::destroy`], and the peer sees a reset (RST) in any case. What the kernel has taken and not sent is
    /// lost as well.
    pub fn reset(&mut self, token: Token) {
        if let Some((_, entry)) = self.live(token) {
            entry.resets = true;
        }
        self.close(token, CloseReason::Destroyed);
    }

    /// Whether the connection is open. False once it is over, even before its close is reported.
    #[must_use]
    pub fn is_open(&self, token: Token) -> bool {
        matches!(self.slots.get(token), Some(Occupant::Connection(entry)) if entry.closed.is_none())
    }

    /// The peer's address; `None` once the close was reported, which carries the address.
    #[must_use]
    pub fn peer_address(&self, token: Token) -> Option<&Address> {
        match self.slots.get(token)? {
            Occupant::Connection(entry) => Some(&entry.connection.peer),
            Occupant::Listener(_) => None,
        }
    }

    /// Bytes received, and bytes that the kernel took; `None` once the close was told, which tells them.
    #[must_use]
    pub fn counters(&self, token: Token) -> Option<(u64, u64)> {
        match self.slots.get(token)? {
            Occupant::Connection(entry) => {
                Some((entry.connection.bytes_read, entry.connection.bytes_written))
            }
            Occupant::Listener(_) => None,
        }
    }

    /// The address that the listener or connection has on this side.
    ///
    /// # Errors
    /// EBADF once the close was reported, which carries the address, else the errors of getsockname(2).
    pub fn local_address(&self, token: Token) -> Result<Address, Errno> {
        let socket = match self.slots.get(token) {
            Some(Occupant::Listener(listener)) => &listener.socket,
            Some(Occupant::Connection(entry)) => match (&entry.socket, &entry.closed) {
                (Some(socket), _) => socket,
                (None, Some(closed)) => return closed.local.clone().ok_or(Errno::EBADF),
                (None, None) => return Err(Errno::EBADF),
            },
            None => return Err(Errno::EBADF),
        };
        self.kernel.local_address(socket)
    }
}
