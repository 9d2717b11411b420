//! Layers between the socket and the protocol: every cut, short sends, ends, failures, and a layer that comes later.

use std::rc::Rc;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::protocol::{Error, Factory, Fault, LayerMaker, Lines, Role};
use edgepoll::reactor::{Budget, ConnectOptions, Event, LayerError, ListenOptions};
use edgepoll::{Address, Token};
use edgepoll_protocol::host::{LayerHandle, Scratch};
use edgepoll_protocol::testing::layer::Xor;
use edgepoll_protocol::{Layer, LayerFactory, LayerIo, Phase};

use crate::talk::Talk;
use crate::{without_faults, Bench, MILLISECOND};

fn xor() -> Rc<LayerMaker> {
    Rc::new(LayerMaker::new(Xor))
}

/// The client's side of layers, the first next to the socket.
struct Client {
    layers: Vec<LayerHandle>,
    input: Vec<Vec<u8>>,
    scratch: Scratch,
    plain: Vec<u8>,
}

impl Client {
    /// The client, and its first bytes.
    fn new(count: usize) -> Client {
        let layers = (0..count).map(|_| xor().layer(Role::Client));
        Client {
            layers: layers.collect(),
            input: vec![Vec::new(); count],
            scratch: Scratch::default(),
            plain: Vec::new(),
        }
    }

    fn down(&mut self, place: usize, bytes: Vec<u8>) -> Vec<u8> {
        (0..place).rev().fold(bytes, |bytes, below| {
            self.layers[below].send(&mut self.scratch, &bytes).unwrap();
            self.scratch.output().to_vec()
        })
    }

    fn start(&mut self, place: usize) -> Vec<u8> {
        self.layers[place].start(&mut self.scratch).unwrap();
        let hello = self.scratch.output().to_vec();
        self.down(place, hello)
    }

    fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        self.down(self.layers.len(), plain.to_vec())
    }

    fn end(&mut self) -> Vec<u8> {
        (0..self.layers.len())
            .rev()
            .flat_map(|place| {
                self.layers[place].end(&mut self.scratch).unwrap();
                let end = self.scratch.output().to_vec();
                self.down(place, end)
            })
            .collect()
    }

    fn receive(&mut self, wire: &[u8]) {
        let mut bytes = wire.to_vec();
        for (layer, input) in self.layers.iter_mut().zip(&mut self.input) {
            input.extend_from_slice(&bytes);
            bytes.clear();
            let consumed = layer.receive(&mut self.scratch, input).unwrap();
            bytes.extend(
                self.scratch
                    .ranges()
                    .flat_map(|range| input[range].to_vec()),
            );
            input.drain(..consumed);
        }
        self.plain.extend(bytes);
    }
}

fn bench(layers: usize, protocol: Option<Rc<Factory>>, space: usize) -> Bench {
    let mut bench = without_faults(Budget::default(), space);
    bench.listen(ListenOptions {
        protocol,
        layers: (0..layers).map(|_| xor()).collect(),
        limits: Limits {
            end_timeout: 500,
            ..Limits::default()
        },
        ..ListenOptions::default()
    });
    bench
}

impl Bench {
    fn exchange(&mut self, peer: Peer, client: &mut Client, wire: &[u8], piece: usize) {
        for bytes in wire.chunks(piece) {
            assert_eq!(self.kernel().peer_send(peer, bytes), bytes.len());
            self.run_until_idle();
        }
        self.client_reads(peer, client);
    }

    fn client_reads(&mut self, peer: Peer, client: &mut Client) {
        let mut got = Vec::new();
        self.run_until_idle();
        while self.kernel().peer_receive(peer, 1_000, &mut got) > 0 {
            self.run_until_idle();
        }
        client.receive(&got);
    }

    /// A client whose layers are open.
    fn opened_client(&mut self, count: usize) -> (Peer, Token, Client) {
        let (peer, token) = self.client();
        let mut client = Client::new(count);
        for place in 0..count {
            let hello = client.start(place);
            self.exchange(peer, &mut client, &hello, 1);
        }
        (peer, token, client)
    }
}

fn lines() -> Option<Rc<Factory>> {
    Some(Rc::new(Factory::new(Lines::new(100))))
}

#[test]
fn any_cut_of_the_wire_gives_the_same_frames() {
    for layers in [1, 2] {
        for protocol in [None, lines()] {
            for (piece, space) in [(1, 100), (3, 2), (1_000, 1_000), (5, 7)] {
                let mut bench = bench(layers, protocol.clone(), space);
                let (peer, token, mut client) = bench.opened_client(layers);
                let wire = [client.send(b"one\ntw"), client.send(b"o\nthree\n")].concat();
                bench.exchange(peer, &mut client, &wire, piece);
                let plain = bench.bytes(token);
                if protocol.is_some() {
                    assert_eq!(bench.frames(token), [&b"one"[..], b"two", b"three"]);
                } else {
                    assert_eq!(plain, b"one\ntwo\nthree\n");
                }
                bench.reactor.write(token, b"answer", false).unwrap();
                bench.client_reads(peer, &mut client);
                assert!(client.plain.starts_with(b"answer"), "{:?}", client.plain);
                let end = client.end();
                bench.exchange(peer, &mut client, &end, piece);
                assert!(bench.ended(token), "the plain stream has ended");
            }
        }
    }
}

#[test]
fn what_the_owner_writes_during_the_handshake_follows_it() {
    let mut bench = bench(1, None, 100);
    let (peer, token) = bench.client();
    bench.reactor.write(token, b"early", false).unwrap();
    assert_eq!(bench.reactor.queued(token), 5);
    bench.reactor.end(token);
    bench.run_until_idle();
    assert!(
        !bench.kernel().view(peer).output_ended,
        "FIN in front of bytes"
    );
    let mut client = Client::new(1);
    let hello = client.start(0);
    bench.exchange(peer, &mut client, &hello, 10);
    assert_eq!(client.plain, b"early");
    assert!(bench.kernel().view(peer).output_ended);
    assert_eq!(client.layers[0].phase(), Phase::PeerEnded);
}

#[test]
fn a_handshake_that_never_ends_does_not_keep_an_ended_connection() {
    let mut bench = bench(1, None, 100);
    let (_peer, token) = bench.client();
    bench.reactor.write(token, b"early", false).unwrap();
    bench.reactor.end(token);
    bench.until_closed(token, 500);
    assert_eq!(bench.close_event(token).unwrap().1, 5, "unsent");
}

#[test]
fn fin_without_the_layers_end_is_no_clean_end() {
    for inside_a_record in [false, true] {
        let mut bench = bench(1, lines(), 100);
        let (peer, token, mut client) = bench.opened_client(1);
        let mut wire = client.send(b"one\n");
        if inside_a_record {
            wire.extend_from_slice(&[9, 1, 2]);
        }
        bench.kernel().peer_send(peer, &wire);
        bench.kernel().peer_finish(peer);
        bench.run_until_idle();
        assert_eq!(bench.frames(token), [b"one"]);
        assert!(!bench.ended(token));
        let Some(CloseReason::Protocol(error)) = bench.closed(token) else {
            panic!("{:?}", bench.closed(token));
        };
        assert_eq!(
            (&*error.protocol, &error.fault),
            ("xor", &Fault::Error(Error::truncated()))
        );
    }
}

#[test]
fn a_wrong_handshake_ends_that_connection() {
    let mut bench = bench(1, None, 100);
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"GET / HTTP/1.1\r\n\r\n");
    bench.run_until_idle();
    assert!(matches!(
        bench.closed(token),
        Some(CloseReason::Protocol(_))
    ));
    bench.opened_client(1);
}

#[test]
fn a_session_answers_through_the_layers() {
    let mut bench = bench(2, Some(Rc::new(Factory::new(Talk))), 100);
    let (peer, token, mut client) = bench.opened_client(2);
    let wire = client.send(b"ping\nsay one\n");
    bench.exchange(peer, &mut client, &wire, 3);
    assert_eq!(client.plain, b"hello\npong\n");
    assert_eq!(bench.frames(token), [b"one"]);
}

#[test]
fn slow_reader_gets_everything_through_the_layers() {
    let mut bench = bench(1, None, 100);
    let (peer, token, mut client) = bench.opened_client(1);
    bench.kernel().set_capacity(peer, 10);
    let text: Vec<u8> = (0..5_000_u32).map(|number| number as u8).collect();
    for part in text.chunks(700) {
        bench.reactor.write(token, part, false).unwrap();
    }
    bench.client_reads(peer, &mut client);
    assert_eq!(client.plain, text);
}

#[test]
fn a_layer_can_be_added_later() {
    let mut bench = bench(0, Some(Rc::new(Factory::new(Talk))), 100);
    let (peer, token) = bench.client();
    let mut got = Vec::new();
    bench.kernel().peer_send(peer, b"pause starttls\n");
    bench.run_until_idle();
    bench.reactor.add_layer(token, &xor()).unwrap();
    bench.reactor.upgrade(token, lines().as_ref()).unwrap();
    bench.kernel().peer_receive(peer, 100, &mut got);
    let mut client = Client::new(1);
    let hello = client.start(0);
    bench.exchange(peer, &mut client, &hello, 1);
    let wire = client.send(b"secret\n");
    bench.exchange(peer, &mut client, &wire, 2);
    assert_eq!(bench.frames(token), [&b"starttls"[..], b"secret"]);
}

#[test]
fn bytes_that_came_before_the_layer_are_an_error() {
    let mut bench = bench(0, Some(Rc::new(Factory::new(Talk))), 100);
    let (peer, token) = bench.client();
    bench
        .kernel()
        .peer_send(peer, b"pause starttls\nsay injected\n");
    bench.run_until_idle();
    assert_eq!(
        bench.reactor.add_layer(token, &xor()),
        Err(LayerError::EarlyBytes)
    );
}

#[test]
fn an_outgoing_connection_with_layers_begins_the_handshake() {
    let mut bench = without_faults(Budget::default(), 100);
    let address = Address::Inet([198, 51, 100, 7].into(), 9_000);
    let options = ConnectOptions {
        layers: vec![xor()],
        ..ConnectOptions::default()
    };
    let token = bench.reactor.connect(address, options).unwrap();
    bench.reactor.write(token, b"hi", false).unwrap();
    bench.run_until_idle();
    let peer = bench.kernel().peer_of(token).unwrap();
    let (mut server, mut scratch, mut wire) =
        (xor().layer(Role::Server), Scratch::default(), Vec::new());
    bench.kernel().peer_receive(peer, 100, &mut wire);
    assert_eq!(wire.len(), 1, "the hello alone");
    server.receive(&mut scratch, &mut wire).unwrap();
    let answer = scratch.output().to_vec();
    bench.kernel().peer_send(peer, &answer);
    bench.run_until_idle();
    let mut wire = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut wire);
    server.receive(&mut scratch, &mut wire).unwrap();
    let plain: Vec<u8> = scratch
        .ranges()
        .flat_map(|range| wire[range].to_vec())
        .collect();
    assert_eq!(plain, b"hi");
}

/// Asks the program about the first byte, and sends the answer.
struct Curious;

struct CuriousLayer;

impl LayerFactory for Curious {
    type Layer = CuriousLayer;
    const NAME: &'static str = "curious";

    fn layer(&self, _role: Role) -> CuriousLayer {
        CuriousLayer
    }
}

impl Layer for CuriousLayer {
    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        if input[0] == b'?' {
            io.ask(b"may I?");
            return Ok(1);
        }
        io.plain(0..input.len());
        Ok(input.len())
    }

    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        io.send(plain);
        Ok(())
    }

    fn resume(&mut self, answer: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        io.send(answer);
        io.enter(Phase::Open);
        Ok(())
    }
}

#[test]
fn a_layer_that_asks_leaves_its_input_alone_until_it_is_answered() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        layers: vec![Rc::new(LayerMaker::new(Curious))],
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"?after");
    bench.run_until_idle();
    let question = b"may I?".to_vec();
    assert!(bench.events.contains(&Event::Asked { token, question }));
    bench.kernel().peer_send(peer, b" more");
    bench.run_until_idle();
    assert!(bench.bytes(token).is_empty());
    bench.reactor.answer(token, b"yes");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"after more");
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, b"yes");
}

/// Says `tick` 5 ms after each byte that it gets, and fails 50 ms after the start.
struct Impatient;

struct ImpatientLayer;

impl LayerFactory for Impatient {
    type Layer = ImpatientLayer;
    const NAME: &'static str = "impatient";

    fn layer(&self, _role: Role) -> ImpatientLayer {
        ImpatientLayer
    }
}

impl Layer for ImpatientLayer {
    fn start(&mut self, io: &mut LayerIo<'_>) -> Result<(), Error> {
        io.set_timer(1, 50);
        Ok(())
    }

    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        match input {
            [b'.', ..] => io.clear_timer(1),
            _ => io.set_timer(0, 5),
        }
        Ok(input.len())
    }

    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        io.send(plain);
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut LayerIo<'_>) -> Result<(), Error> {
        if timer == 0 {
            io.send(b"tick");
            return Ok(());
        }
        io.send(b"late");
        Err(Error::malformed("the handshake takes too long"))
    }
}

#[test]
fn the_timers_of_a_layer_expire() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        layers: vec![xor(), Rc::new(LayerMaker::new(Impatient))],
        ..ListenOptions::default()
    });
    let (peer, token, mut client) = bench.opened_client(1);
    let hello = client.send(b"a");
    bench.exchange(peer, &mut client, &hello, 1);
    bench.kernel().advance(4 * MILLISECOND);
    bench.client_reads(peer, &mut client);
    assert_eq!(client.plain, b"");
    bench.turn(None);
    bench.client_reads(peer, &mut client);
    assert_eq!(client.plain, b"tick");
    bench.turn(None);
    bench.client_reads(peer, &mut client);
    assert_eq!(client.plain, b"ticklate");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    let Some(CloseReason::Protocol(error)) = bench.closed(token) else {
        panic!("{:?}", bench.closed(token))
    };
    assert_eq!(error.to_string(), "impatient: the handshake takes too long");
}

#[test]
fn a_layer_stops_its_timer() {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        layers: vec![Rc::new(LayerMaker::new(Impatient))],
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b".");
    bench.run_until_idle();
    bench.assert_sleeps();
    assert_eq!(bench.closed(token), None);
}
