//! The far ends of a simulated kernel's connections: a test connects, sends, reads, ends and resets through them.

use super::socket::{Peer, PEER_ADDRESS};
use super::state::SimulatedKernel;
use super::stream::{Phase, Stream};
use crate::{Address, Errno, Token};

/// The kernel's state of one connection, for a test.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct View {
    /// The reactor's descriptor is open.
    pub open: bool,
    /// The descriptor is registered.
    pub registered: bool,
    /// The next wait reports the descriptor.
    pub pending: bool,
    /// The connect has not ended.
    pub connecting: bool,
    /// The socket is connected to itself, or is about to be.
    pub met_itself: bool,
    /// Bytes that have arrived and are not received yet.
    pub unread: usize,
    /// The peer's FIN has arrived.
    pub input_ended: bool,
    /// The peer, or the network, reset the connection, or refused it.
    pub was_reset: bool,
    /// The pending error (SO_ERROR).
    pub error: Option<Errno>,
    /// Bytes that were sent and that the peer has not read.
    pub in_flight: usize,
    /// A send failed with EAGAIN, and there has been no room since.
    pub blocked: bool,
    /// The reactor has sent FIN.
    pub output_ended: bool,
    /// The reactor has reset the peer.
    pub peer_was_reset: bool,
    /// The close will send a reset instead of FIN.
    pub resets_on_close: bool,
    /// Calls made on the descriptor.
    pub calls: u64,
    /// Bytes received from the descriptor in all.
    pub received: u64,
}

impl SimulatedKernel {
    /// Connects a client to a listening address. Returns `None` when nothing listens there.
    pub fn dial(&mut self, address: impl Into<Address>) -> Option<Peer> {
        let address = address.into();
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

    /// Sends as many bytes as the window takes, and returns their number.
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

    /// Sends one urgent byte, which sets the urgent mark after the bytes sent so far. Does nothing while a receive has not yet
    /// passed an earlier mark, because Linux would keep only the later one.
    pub fn peer_send_urgent(&mut self, peer: Peer) {
        let stream = &mut self.streams[peer.0];
        if stream.phase != Phase::Established || stream.input_ended || stream.urgent.is_some() {
            return;
        }
        stream.urgent = Some(stream.input.len());
        stream.edge();
    }

    /// Sends FIN. Returns true when there was an open stream to end.
    pub fn peer_finish(&mut self, peer: Peer) -> bool {
        let stream = &mut self.streams[peer.0];
        if stream.phase != Phase::Established || stream.input_ended {
            return false;
        }
        stream.input_ended = true;
        stream.edge();
        true
    }

    /// Closes the peer's descriptor: sends FIN, or a reset when the peer left bytes unread.
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

    /// Reads at most `most` bytes of what was sent to the peer, and appends them to `into`.
    pub fn peer_receive(&mut self, peer: Peer, most: usize, into: &mut Vec<u8>) -> usize {
        let stream = &mut self.streams[peer.0];
        let length = most.min(stream.output.len());
        into.extend(stream.output.drain(..length));
        if length > 0 {
            stream.drained();
        }
        length
    }

    /// Sets how many bytes may be in flight to the peer.
    pub fn set_capacity(&mut self, peer: Peer, bytes: usize) {
        self.streams[peer.0].capacity = bytes;
    }

    /// Sets how many bytes may wait to be received.
    pub fn set_window(&mut self, peer: Peer, bytes: usize) {
        self.streams[peer.0].window = bytes;
    }

    /// The far end of the token's connection, also after it is closed.
    #[must_use]
    pub fn peer_of(&self, token: Token) -> Option<Peer> {
        let found = |stream: &Stream| stream.token == Some(token);
        self.streams.iter().rposition(found).map(Peer)
    }

    /// The kernel's state of one connection.
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
