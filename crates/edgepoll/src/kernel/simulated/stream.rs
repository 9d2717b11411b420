//! One simulated TCP socket: what it holds, and which events it would report, as measured on Linux.
//!
//! It must never be kinder than Linux: no edge without a cause, no error told twice. Called by the
//! system calls and by the peers of the simulated kernel.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::super::Space;
use crate::{Errno, Ready, Token};

/// How far a socket's connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Established,
    /// Reset, or never connected.
    Dead,
}

/// Both ends of one connection: ours, whose descriptor the reactor holds, and the peer's.
#[derive(Debug)]
pub(super) struct Stream {
    /// Under which token it was registered last; kept when it is closed.
    pub(super) token: Option<Token>,
    pub(super) registered: bool,
    /// Room is asked for, too.
    pub(super) watches_room: bool,
    /// Our descriptor exists.
    pub(super) open: bool,
    /// The next wait reports it.
    pub(super) pending: bool,
    pub(super) phase: Phase,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Arrived, not received yet.
    pub(super) input: VecDeque<u8>,
    /// How many bytes of `input` lie before the urgent mark, while there is one. The urgent byte itself is not part of
    /// `input`: a receive steps over it.
    pub(super) urgent: Option<usize>,
    /// How much may wait in `input`.
    pub(super) window: usize,
    /// The peer's FIN arrived.
    pub(super) input_ended: bool,
    /// `sk_err`: the next call that meets it takes it away.
    pub(super) error: Option<Errno>,
    /// Taken from us, not read by the peer yet.
    pub(super) output: VecDeque<u8>,
    /// How much may wait in `output`.
    pub(super) capacity: usize,
    pub(super) output_ended: bool,
    /// A send answered EAGAIN: room makes an edge. Without this, room makes none.
    pub(super) blocked: bool,
    /// The peer closed its descriptor: whatever we send now is answered by a reset.
    pub(super) peer_gone: bool,
    /// Our end reset the peer.
    pub(super) peer_was_reset: bool,
    /// SO_LINGER with a time of 0.
    pub(super) resets_on_close: bool,
    /// The peer, or the network, reset us.
    pub(super) was_reset: bool,
    /// Calls made on our descriptor.
    pub(super) calls: u64,
    /// Bytes received from it in all.
    pub(super) received: u64,
}

const IN: u32 = 0x1;
const PRI: u32 = 0x2;
const OUT: u32 = 0x4;
const ERR: u32 = 0x8;
const HUP: u32 = 0x10;
const RDHUP: u32 = 0x2000;

impl Stream {
    pub(super) fn new(phase: Phase, local: SocketAddr, remote: SocketAddr) -> Stream {
        Stream {
            token: None,
            registered: false,
            watches_room: false,
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

    /// tcp_poll: what epoll would report now.
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

    /// The mask in the reactor's words; the translation is the one of the Linux kernel's side.
    pub(super) fn ready(&self) -> Ready {
        let asked = if self.watches_room { !0 } else { !OUT };
        ready_of(self.mask() & asked)
    }

    /// A third must be free before Linux calls a socket writable again.
    fn has_room(&self) -> bool {
        self.output.len() <= self.capacity * 2 / 3
    }

    /// Something happened that makes an edge.
    pub(super) fn edge(&mut self) {
        self.pending |= self.registered;
    }

    /// The peer, or the network, resets us: what arrived stays, what we sent is lost.
    pub(super) fn reset(&mut self, errno: Errno) {
        if self.phase == Phase::Dead {
            return;
        }
        self.phase = Phase::Dead;
        self.was_reset = true;
        // A reset after the peer's FIN is told as EPIPE.
        self.error = Some(if self.input_ended {
            Errno::EPIPE
        } else {
            errno
        });
        self.output.clear();
        self.edge();
    }

    /// The peer read: room may wake us, once, and only if we were told to wait.
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
        // At the mark a receive steps over the urgent byte; before it, it stops there (tcp_recvmsg).
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
            // The trap: who took the error away before sees a clean end here.
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
            // The first send after the peer's close is taken; a reset comes back for it.
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

    /// Our descriptor goes: FIN, or a reset when something was left unread or it was asked for.
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
