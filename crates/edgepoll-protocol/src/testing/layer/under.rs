//! A layer under a protocol.

use crate::host::{Fault, LayerHandle, LayerMaker, Scratch};
use crate::testing::came::Came;
use crate::testing::cuts::{pieces, places};
use crate::testing::endpoint::{assert_sound, Endpoint};
use crate::testing::random::Random;
use crate::testing::transcript::Transcript;
use crate::{LayerFactory, Phase, Protocol, Role};

/// In so many random ways are the bytes of both sides cut.
const SEEDS: u64 = 30;

/// One side of a connection with a layer.
struct Side {
    name: &'static str,
    layer: LayerHandle,
    scratch: Scratch,
    rest: Vec<u8>,
    /// Plain bytes that the owner has written, of which `taken` went through the layer.
    written: Vec<u8>,
    taken: usize,
    /// Plain bytes that came.
    plain: Vec<u8>,
    /// Bytes for the peer, of which `sent` have left.
    wire: Vec<u8>,
    sent: usize,
    fault: Option<Fault>,
    has_ended: bool,
}

impl Side {
    fn new<F: LayerFactory>(factory: F, role: Role) -> Side {
        let mut side = Side {
            name: F::NAME,
            layer: LayerMaker::new(factory).layer(role),
            scratch: Scratch::default(),
            rest: Vec::new(),
            written: Vec::new(),
            taken: 0,
            plain: Vec::new(),
            wire: Vec::new(),
            sent: 0,
            fault: None,
            has_ended: false,
        };
        let started = side.layer.start(&mut side.scratch);
        side.took(started);
        side
    }

    /// Takes what a call gave.
    fn took(&mut self, result: Result<(), Fault>) {
        self.wire.extend_from_slice(self.scratch.output());
        if let Err(fault) = result {
            assert!(matches!(fault, Fault::Error(_)), "{}: {fault}", self.name);
            self.fault.get_or_insert(fault);
        }
        assert_ne!(
            self.layer.phase(),
            Phase::Asking,
            "{}: this check has no answer for a layer that asks",
            self.name
        );
    }

    fn is_open(&self) -> bool {
        self.fault.is_none() && self.layer.phase() != Phase::Handshake
    }

    fn receive(&mut self, piece: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        self.rest.extend_from_slice(piece);
        let result = self.layer.receive(&mut self.scratch, &mut self.rest);
        for range in self.scratch.ranges() {
            self.plain.extend_from_slice(&self.rest[range]);
        }
        self.rest.drain(..result.as_ref().copied().unwrap_or(0));
        self.took(result.map(drop));
        let (rest, limit) = (self.rest.len(), self.layer.limit());
        assert!(
            rest <= limit,
            "{}: {rest} bytes wait, and limit() is {limit}",
            self.name
        );
        self.flush();
    }

    /// Sends what the owner has written, once the layer is open.
    fn flush(&mut self) {
        if !self.is_open() || self.has_ended || self.taken == self.written.len() {
            return;
        }
        let plain = &self.written[self.taken..];
        let sent = self.layer.send(&mut self.scratch, plain);
        self.taken = self.written.len();
        self.took(sent);
    }

    fn end(&mut self) {
        self.has_ended = true;
        let ended = self.layer.end(&mut self.scratch);
        self.took(ended);
    }

    /// The peer's FIN. Returns whether the plain stream has ended by the layer's rules.
    fn finish(&mut self) -> bool {
        if self.fault.is_none() {
            let ended = self.layer.peer_ended(&mut self.scratch, self.rest.len());
            self.took(ended);
        }
        self.fault.is_none()
    }

    /// A piece of what waits for the peer: all of it, or a short write.
    fn leave(&mut self, length: usize) -> Vec<u8> {
        let end = self.wire.len().min(self.sent.saturating_add(length));
        let piece = self.wire[self.sent..end].to_vec();
        self.sent = end;
        piece
    }

    fn waiting(&self) -> usize {
        self.wire.len() - self.sent
    }
}

/// The side under test, its protocol, and the peer, which is a layer alone.
struct Connection<'a> {
    near: Side,
    protocol: Endpoint,
    has_finished: bool,
    peer: Side,
    transcript: &'a Transcript,
}

impl Connection<'_> {
    /// Lets bytes of the peer arrive at the side under test.
    fn receive(&mut self, piece: &[u8]) {
        let before = self.near.plain.len();
        self.near.receive(piece);
        let plain = self.near.plain[before..].to_vec();
        if !plain.is_empty() {
            self.protocol.receive(&plain);
        }
        self.end_protocol(self.near.layer.phase() == Phase::PeerEnded);
        self.reply();
    }

    /// Hands what the protocol sent to the layer.
    fn reply(&mut self) {
        self.near.written.clone_from(&self.protocol.came.output);
        self.near.flush();
    }

    fn end_protocol(&mut self, has_ended: bool) {
        if has_ended && !self.has_finished {
            self.has_finished = true;
            self.protocol.note_timers();
            self.protocol.wait(self.transcript.wait);
            self.protocol.finish();
        }
    }

    /// Lets everything arrive on both sides, in pieces and short writes of the lengths that `length` gives.
    fn settle(&mut self, mut length: impl FnMut(usize) -> usize) {
        loop {
            if self.near.waiting() > 0 {
                let piece = self.near.leave(length(self.near.waiting()));
                self.peer.receive(&piece);
            }
            if self.peer.waiting() > 0 {
                let piece = self.peer.leave(length(self.peer.waiting()));
                self.receive(&piece);
            } else if self.near.waiting() == 0 {
                return;
            }
        }
    }
}

/// Checks a layer under a protocol. With the layer, the protocol gives the same as without it, and its replies arrive at the peer,
/// however the bytes are cut on their way, and however short the writes are. If the connection is reset, or ends without the layer's own
/// end, at any place, then what came before is the beginning of the whole, and the end is an error.
///
/// `layer` makes the same layer for both sides. A layer that asks the program cannot be checked by this.
///
/// # Panics
/// If a check fails.
pub fn under<F: LayerFactory, P: Protocol>(
    layer: impl Fn() -> F,
    protocol: impl Fn() -> P,
    role: Role,
    transcript: impl Into<Transcript>,
) {
    let transcript = transcript.into();
    let wire = transcript.wire.as_slice();
    let plain = Endpoint::new(protocol(), role, &transcript).run([wire], transcript.wait);
    let connect = || {
        let peer = match role {
            Role::Server => Role::Client,
            Role::Client => Role::Server,
        };
        let mut connection = Connection {
            near: Side::new(layer(), role),
            protocol: Endpoint::new(protocol(), role, &transcript),
            has_finished: false,
            peer: Side::new(layer(), peer),
            transcript: &transcript,
        };
        connection.protocol.start();
        connection.reply();
        connection
    };
    let name = format!("{} under {}", F::NAME, P::NAME);

    // How many bytes the peer sends, and how many of them before the first plain byte.
    let mut total = 0;
    for seed in 0..=SEEDS {
        let mut random = Random::new(seed);
        let mut length = |waiting: usize| match seed {
            0 => waiting,
            1 => 1,
            _ => 1 + random.below(waiting),
        };
        let mut connection = connect();
        connection.settle(&mut length);
        for piece in pieces(wire, &mut Random::new(seed)) {
            connection.peer.written.extend_from_slice(piece);
            connection.peer.flush();
            connection.settle(&mut length);
        }
        connection.peer.end();
        connection.settle(&mut length);
        let has_ended = connection.near.finish();
        assert!(
            has_ended,
            "{name}: seed {seed}: {:?}",
            connection.near.fault
        );
        connection.end_protocol(true);
        connection.reply();
        connection.settle(&mut length);
        total = total.max(connection.peer.wire.len());
        same(&name, seed, &connection, &plain);
    }

    for cut in places(total + 1) {
        stops(&name, connect(), wire, cut - 1, &plain);
    }
}

fn same(name: &str, seed: u64, connection: &Connection<'_>, plain: &Came) {
    let came = &connection.protocol.came;
    assert_sound(name, &format!("seed {seed}"), came);
    assert_eq!(came, plain, "{name}: seed {seed}");
    assert_eq!(
        connection.peer.plain, plain.output,
        "{name}: seed {seed}: what arrived at the peer"
    );
}

/// The connection stops once `left` bytes of the peer have arrived: by a reset, and by a FIN.
fn stops(name: &str, mut connection: Connection<'_>, wire: &[u8], left: usize, plain: &Came) {
    let mut left = left;
    connection.peer.written.extend_from_slice(wire);
    loop {
        let piece = connection.near.leave(usize::MAX);
        connection.peer.receive(&piece);
        if connection.peer.is_open() && !connection.peer.has_ended {
            connection.peer.flush();
            connection.peer.end();
        }
        let piece = connection.peer.leave(left);
        if piece.is_empty() && connection.near.waiting() == 0 {
            break;
        }
        left -= piece.len();
        connection.receive(&piece);
    }
    let place = connection.peer.sent;
    let is_whole = connection.peer.has_ended && connection.peer.waiting() == 0;
    let came = &connection.protocol.came;
    // A reset: nothing more is called.
    assert_sound(name, &format!("stopped behind {place} bytes"), came);
    assert!(
        came.is_beginning_of(plain),
        "{name}: {place} bytes give what all bytes do not: {came:?}"
    );
    // A FIN.
    let has_ended = connection.near.finish();
    assert!(
        has_ended == is_whole || connection.near.layer.phase() == Phase::PeerEnded,
        "{name}: FIN behind {place} bytes of {} was taken for the end",
        connection.peer.wire.len()
    );
}
