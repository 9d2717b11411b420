//! What the far ends do to a simulated kernel's sockets: dial, send, read, finish, reset.
//!
//! It must never be called by the reactor; a test drives it between turns.

use std::net::SocketAddr;

use super::stream::{Phase, Stream};
use super::{SimulatedKernel, PEER_ADDRESS};
use crate::{Errno, Token};

/// The far end of one connection. Its number counts connections from 0, dialled and connected ones alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer(pub usize);

/// What a test may know of a connection from the kernel's side.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Our descriptor exists.
    pub open: bool,
    /// It is registered.
    pub registered: bool,
    /// An event waits to be reported.
    pub pending: bool,
    /// The connect has not ended.
    pub connecting: bool,
    /// It is connected to itself, or would be.
    pub met_itself: bool,
    /// Bytes that arrived and that nobody received.
    pub unread: usize,
    /// The peer's FIN arrived.
    pub input_ended: bool,
    /// The peer, or the network, reset the connection, or refused it.
    pub was_reset: bool,
    /// An error that no call has taken yet.
    pub error: Option<Errno>,
    /// Bytes that the peer has not read.
    pub in_flight: usize,
    /// A send answered EAGAIN and no room came since.
    pub blocked: bool,
    /// Our FIN is behind what is in flight.
    pub output_ended: bool,
    /// The peer was reset by our side.
    pub peer_was_reset: bool,
    /// Our side asked for a reset in place of FIN.
    pub resets_on_close: bool,
    /// Calls made on our descriptor.
    pub calls: u64,
    /// Bytes received from it in all.
    pub received: u64,
}

impl SimulatedKernel {
    /// A client connects to a listening address; `None` when nobody listens there.
    pub fn dial(&mut self, address: SocketAddr) -> Option<Peer> {
        let place = self
            .listeners
            .iter()
            .position(|listener| listener.open && listener.address == address)?;
        let mut stream = Stream::new(Phase::Established, address, PEER_ADDRESS);
        stream.capacity = self.capacity;
        let peer = Peer(self.streams.len());
        self.streams.push(stream);
        let listener = &mut self.listeners[place];
        listener.backlog.push_back(peer);
        listener.pending |= listener.registered;
        Some(peer)
    }

    /// Sends as much as the window takes; gives how much that was.
    pub fn peer_send(&mut self, peer: Peer, bytes: &[u8]) -> usize {
        let stream = &mut self.streams[peer.0];
        if stream.phase != Phase::Established
            || stream.input_ended
            || stream.output_ended && !stream.open
        {
            return 0;
        }
        let length = bytes
            .len()
            .min(stream.window.saturating_sub(stream.input.len()));
        if length > 0 {
            stream.input.extend(&bytes[..length]);
            stream.edge();
        }
        length
    }

    /// Sends one urgent byte, which sets the mark behind what was sent so far. Does nothing while an earlier mark has not
    /// been passed: of two the kernel keeps the later one.
    pub fn peer_send_urgent(&mut self, peer: Peer) {
        let stream = &mut self.streams[peer.0];
        if stream.phase != Phase::Established || stream.input_ended || stream.urgent.is_some() {
            return;
        }
        stream.urgent = Some(stream.input.len());
        stream.edge();
    }

    /// Sends FIN. True when there was a connection to end.
    pub fn peer_finish(&mut self, peer: Peer) -> bool {
        let stream = &mut self.streams[peer.0];
        if stream.phase != Phase::Established || stream.input_ended {
            return false;
        }
        stream.input_ended = true;
        stream.edge();
        true
    }

    /// Closes the peer's descriptor: FIN, or a reset when it left something unread.
    pub fn peer_close(&mut self, peer: Peer) {
        if self.streams[peer.0].output.is_empty() {
            self.peer_finish(peer);
            self.streams[peer.0].peer_gone = true;
        } else {
            self.peer_reset(peer);
        }
    }

    /// Resets the connection.
    pub fn peer_reset(&mut self, peer: Peer) {
        let stream = &mut self.streams[peer.0];
        if stream.phase == Phase::Established {
            stream.reset(Errno::ECONNRESET);
        }
    }

    /// Reads at most `most` bytes of what was sent to the peer, onto the end of `into`.
    pub fn peer_receive(&mut self, peer: Peer, most: usize, into: &mut Vec<u8>) -> usize {
        let stream = &mut self.streams[peer.0];
        let length = most.min(stream.output.len());
        into.extend(stream.output.drain(..length));
        if length > 0 {
            stream.drained();
        }
        length
    }

    /// How many bytes may be under way to the peer.
    pub fn set_capacity(&mut self, peer: Peer, bytes: usize) {
        self.streams[peer.0].capacity = bytes;
    }

    /// How many bytes may wait for a receive.
    pub fn set_window(&mut self, peer: Peer, bytes: usize) {
        self.streams[peer.0].window = bytes;
    }

    /// Whose far end the token's connection has; also after it is closed.
    #[must_use]
    pub fn peer_of(&self, token: Token) -> Option<Peer> {
        let found = |stream: &Stream| stream.token == Some(token);
        self.streams.iter().rposition(found).map(Peer)
    }

    /// The state of one connection.
    #[must_use]
    pub fn view(&self, peer: Peer) -> View {
        let stream = &self.streams[peer.0];
        View {
            open: stream.open,
            registered: stream.registered,
            pending: stream.pending,
            connecting: stream.phase == Phase::Connecting,
            met_itself: stream.local == stream.remote,
            unread: stream.input.len(),
            input_ended: stream.input_ended,
            was_reset: stream.was_reset,
            error: stream.error,
            in_flight: stream.output.len(),
            blocked: stream.blocked,
            output_ended: stream.output_ended,
            peer_was_reset: stream.peer_was_reset,
            resets_on_close: stream.resets_on_close,
            calls: stream.calls,
            received: stream.received,
        }
    }
}
