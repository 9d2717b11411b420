//! One simulated TCP connection: what it holds and which events it reports, as measured on Linux.
//!
//! It reports no more than Linux does: there is no edge without a cause, and an error is reported once.

use std::collections::VecDeque;

use crate::kernel::calls::Buffers;
use crate::kernel::descriptor::memory::Space;
use crate::{Address, Errno, Ready, Token};

/// How far a socket's connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Established,
    /// Reset, or never connected.
    Dead,
}

/// Both ends of one connection: the near end, whose descriptor the reactor holds, and the peer's.
#[derive(Debug)]
pub(super) struct Stream {
    /// The token of its last registration. Kept when the descriptor is closed.
    pub(super) token: Option<Token>,
    pub(super) registered: bool,
    /// The registration includes writability.
    pub(super) watches_writable: bool,
    /// The reactor's descriptor is open.
    pub(super) open: bool,
    /// The next wait reports it.
    pub(super) pending: bool,
    pub(super) phase: Phase,
    pub(super) local: Address,
    pub(super) remote: Address,
    /// Bytes that have arrived and are not received yet.
    pub(super) input: VecDeque<u8>,
    /// How many bytes of `input` lie before the urgent mark, if there is one. `input` does not contain the urgent byte itself,
    /// which a receive skips.
    pub(super) urgent: Option<usize>,
    /// The most bytes that `input` may hold.
    pub(super) window: usize,
    /// The peer's FIN has arrived.
    pub(super) input_ended: bool,
    /// The pending error (`sk_err`). The next call that reports it clears it.
    pub(super) error: Option<Errno>,
    /// Bytes that were sent and that the peer has not read.
    pub(super) output: VecDeque<u8>,
    /// The most bytes that `output` may hold.
    pub(super) capacity: usize,
    /// What was asked for by socket options.
    pub(super) buffers: Buffers,
    /// The reactor has sent FIN.
    pub(super) output_ended: bool,
    /// A send failed with EAGAIN. Room makes an edge only then.
    pub(super) blocked: bool,
    /// The peer has closed its descriptor, and answers the next bytes with a reset.
    pub(super) peer_gone: bool,
    /// The reactor has reset the peer.
    pub(super) peer_was_reset: bool,
    /// SO_LINGER with a time of 0.
    pub(super) resets_on_close: bool,
    /// The peer, or the network, has reset the connection.
    pub(super) was_reset: bool,
    /// Calls made on the descriptor.
    pub(super) calls: u64,
    /// Bytes received from the descriptor in all.
    pub(super) received: u64,
}

const IN: u32 = 0x1;
const PRI: u32 = 0x2;
const OUT: u32 = 0x4;
const ERR: u32 = 0x8;
const HUP: u32 = 0x10;
const RDHUP: u32 = 0x2000;

impl Stream {
    pub(super) fn new(phase: Phase, local: Address, remote: Address) -> Stream {
        Stream {
            token: None,
            registered: false,
            watches_writable: false,
            open: false,
            pending: false,
            phase,
            local,
            remote,
            input: VecDeque::new(),
            urgent: None,
            window: 65_536,
            input_ended: false,
            error: None,
            output: VecDeque::new(),
            capacity: 65_536,
            buffers: Buffers::default(),
            output_ended: false,
            blocked: false,
            peer_gone: false,
            peer_was_reset: false,
            resets_on_close: false,
            was_reset: false,
            calls: 0,
            received: 0,
        }
    }

    /// Bounds what both directions hold.
    pub(super) fn set_buffers(&mut self, buffers: Buffers) {
        self.buffers = buffers;
        let bounded = |now: usize, bytes: u32| match bytes {
            0 => now,
            bytes => now.min(bytes as usize),
        };
        self.window = bounded(self.window, buffers.receive);
        self.capacity = bounded(bounded(self.capacity, buffers.send), buffers.unsent);
    }

    /// The events that epoll would report now, as tcp_poll() computes them.
    fn mask(&self) -> u32 {
        if self.phase == Phase::Connecting {
            return 0;
        }
        let dead = self.phase == Phase::Dead;
        let mut mask = 0;
        if !self.input.is_empty() {
            mask |= IN;
        }
        if self.urgent.is_some() {
            mask |= PRI;
        }
        if self.input_ended || dead {
            mask |= IN | RDHUP;
        }
        if dead || (self.input_ended && self.output_ended) {
            mask |= HUP;
        }
        if dead || self.output_ended || self.has_room() {
            mask |= OUT;
        }
        if self.error.is_some() {
            mask |= ERR;
        }
        mask
    }

    /// The mask as [`Ready`], restricted to what the registration asks for.
    pub(super) fn ready(&self) -> Ready {
        let asked = if self.watches_writable { !0 } else { !OUT };
        ready_of(self.mask() & asked)
    }

    /// Linux reports a socket as writable only when a third of its buffer is free.
    fn has_room(&self) -> bool {
        self.output.len() <= self.capacity * 2 / 3
    }

    /// Makes the next wait report the socket.
    pub(super) fn edge(&mut self) {
        self.pending |= self.registered;
    }

    /// The peer, or the network, resets the connection: what arrived stays, and what was sent is lost.
    pub(super) fn reset(&mut self, errno: Errno) {
        if self.phase == Phase::Dead {
            return;
        }
        self.phase = Phase::Dead;
        self.was_reset = true;
        // After the peer's FIN, Linux reports a reset as EPIPE.
        self.error = Some(if self.input_ended {
            Errno::EPIPE
        } else {
            errno
        });
        self.output.clear();
        self.edge();
    }

    /// The peer has read. Room makes one edge, and only if a send was blocked.
    pub(super) fn drained(&mut self) {
        if self.blocked && self.has_room() {
            self.blocked = false;
            self.edge();
        }
    }

    pub(super) fn peek(&mut self) -> Result<bool, Errno> {
        if !self.input.is_empty() {
            return Ok(true);
        }
        if self.input_ended {
            return Ok(false);
        }
        self.error.take().map_or(Ok(false), Err)
    }

    pub(super) fn receive(&mut self, mut space: Space<'_>) -> Result<usize, Errno> {
        // A receive stops before the urgent byte; the one that begins there skips it (tcp_recvmsg).
        let available = match self.urgent {
            Some(0) | None => self.input.len(),
            Some(before) => before,
        };
        self.urgent = self.urgent.filter(|before| *before > 0);
        if self.input.is_empty() {
            if self.input_ended {
                return Ok(0);
            }
            if let Some(errno) = self.error.take() {
                return Err(errno);
            }
            // If another call has cleared the error, a receive reports a clean end, as on Linux.
            return if self.phase == Phase::Dead {
                Ok(0)
            } else {
                Err(Errno::EAGAIN)
            };
        }
        let length = space.len().min(available);
        self.urgent = self.urgent.map(|before| before - length);
        let (front, back) = self.input.as_slices();
        let first = front.len().min(length);
        space.write(0, &front[..first]);
        space.write(first, &back[..length - first]);
        self.input.drain(..length);
        self.received += length as u64;
        Ok(length)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        if let Some(errno) = self.error.take() {
            return Err(errno);
        }
        if self.phase == Phase::Dead || self.output_ended {
            return Err(Errno::EPIPE);
        }
        if self.peer_gone {
            // Linux accepts the first send after the peer's close, and the peer answers it with a reset.
            self.reset(Errno::ECONNRESET);
            return Ok(bytes.len());
        }
        let length = bytes
            .len()
            .min(self.capacity - self.output.len().min(self.capacity));
        if length == 0 {
            self.blocked = true;
            return Err(Errno::EAGAIN);
        }
        self.output.extend(&bytes[..length]);
        Ok(length)
    }

    /// The descriptor is closed: sends FIN, or a reset if bytes are unread or `resets_on_close` is set.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.registered = false;
        self.pending = false;
        if !self.input.is_empty() || self.phase != Phase::Established || self.resets_on_close {
            self.peer_was_reset = true;
        }
        self.output_ended = true;
    }
}

fn ready_of(mask: u32) -> Ready {
    let mut ready = Ready::empty();
    if mask & IN != 0 {
        ready.insert(Ready::READABLE);
    }
    if mask & PRI != 0 {
        ready.insert(Ready::PRIORITY | Ready::READABLE);
    }
    if mask & OUT != 0 {
        ready.insert(Ready::WRITABLE);
    }
    if mask & (HUP | RDHUP) != 0 {
        ready.insert(Ready::READ_CLOSED | Ready::READABLE);
    }
    if mask & (HUP | ERR) != 0 {
        ready.insert(Ready::HANGUP | Ready::READABLE | Ready::WRITABLE);
    }
    if mask & ERR != 0 {
        ready.insert(Ready::ERROR | Ready::READABLE | Ready::WRITABLE);
    }
    ready
}
