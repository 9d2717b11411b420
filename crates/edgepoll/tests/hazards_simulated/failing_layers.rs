//! Layers that fail, or whose answers the peer does not read.

use std::rc::Rc;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::Peer;
use edgepoll::protocol::{Error, LayerMaker, Role};
use edgepoll::reactor::{Budget, ConnectOptions, ListenOptions};
use edgepoll::{Address, Token};
use edgepoll_protocol::{Layer, LayerFactory, LayerIo, Phase};

use crate::{without_faults, Bench};

/// Passes everything on. Says `hi` at the start, fails when the owner writes `no`, and hands over what is in front of a `!` before it
/// fails. With a `?` at the end of the input it says `why` first. It answers each `+` with 100 bytes.
struct Brittle;

struct BrittleLayer;

impl LayerFactory for Brittle {
    type Layer = BrittleLayer;
    const NAME: &'static str = "brittle";

    fn layer(&self, _role: Role) -> BrittleLayer {
        BrittleLayer
    }
}

impl Layer for BrittleLayer {
    fn start(&mut self, io: &mut LayerIo<'_>) -> Result<(), Error> {
        io.send(b"hi");
        io.enter(Phase::Open);
        Ok(())
    }

    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error> {
        for _ in input.iter().filter(|byte| **byte == b'+') {
            io.send(&[b'.'; 100]);
        }
        let end = input.iter().position(|byte| *byte == b'!');
        io.plain(0..end.unwrap_or(input.len()));
        match end {
            Some(_) => {
                if input.last() == Some(&b'?') {
                    io.send(b"why");
                }
                Err(Error::malformed("an exclamation"))
            }
            None => Ok(input.len()),
        }
    }

    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        if plain == b"no" {
            return Err(Error::malformed("the owner said no"));
        }
        io.send(plain);
        Ok(())
    }
}

fn brittle() -> (Bench, Peer, Token) {
    let mut bench = without_faults(Budget::default(), 100);
    bench.listen(ListenOptions {
        layers: vec![Rc::new(LayerMaker::new(Brittle))],
        limits: Limits {
            high_water: 500,
            low_water: 100,
            ..Limits::default()
        },
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, b"hi");
    (bench, peer, token)
}

#[test]
fn plain_bytes_in_front_of_a_layers_error_are_handed_over() {
    let (mut bench, peer, token) = brittle();
    bench.kernel().peer_send(peer, b"good!bad");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"good");
    assert!(matches!(
        bench.closed(token),
        Some(CloseReason::Protocol(_))
    ));
}

#[test]
fn a_layer_that_fails_to_send_resets_its_connection_at_once() {
    let (mut bench, peer, token) = brittle();
    let _ = bench.reactor.write(token, b"no", false);
    bench.run_until_idle();
    let (reason, unsent) = bench.close_event(token).expect("closed at once");
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason}");
    assert_eq!(unsent, 2);
    assert!(
        bench.kernel().view(peer).peer_was_reset,
        "the peer takes it for all"
    );
}

#[test]
fn a_layer_that_fails_to_send_what_waited_for_it_resets_its_connection() {
    let mut bench = without_faults(Budget::default(), 100);
    let options = ConnectOptions {
        layers: vec![Rc::new(LayerMaker::new(Brittle))],
        ..ConnectOptions::default()
    };
    let address = Address::Inet([198, 51, 100, 7].into(), 9_000);
    let token = bench.reactor.connect(address, options).unwrap();
    let _ = bench.reactor.write(token, b"no", false);
    bench.run_until_idle();
    let (reason, unsent) = bench.close_event(token).expect("closed at once");
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason}");
    assert!(unsent >= 2, "{unsent}");
}

/// A close with unread bytes would reset the peer and destroy the alert.
#[test]
fn what_arrives_after_a_layers_alert_is_discarded_until_the_peer_ends() {
    let (mut bench, peer, token) = brittle();
    bench.kernel().peer_send(peer, b"good!?");
    bench.run_until_idle();
    assert_eq!(bench.bytes(token), b"good");
    for _ in 0..3 {
        bench.kernel().peer_send(peer, b"more");
        bench.run_until_idle();
        assert_eq!(bench.closed(token), None);
    }
    let mut got = Vec::new();
    bench.kernel().peer_receive(peer, 100, &mut got);
    assert_eq!(got, b"why");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert!(matches!(
        bench.closed(token),
        Some(CloseReason::Protocol(_))
    ));
}

#[test]
fn answers_of_a_layer_to_a_peer_that_does_not_read_are_bounded() {
    let (mut bench, peer, token) = brittle();
    bench.kernel().set_capacity(peer, 10);
    let sent = bench.kernel().peer_send(peer, &[b'+'; 1_000]);
    bench.run_until_idle();
    // What one receive of 100 bytes may add to the high watermark.
    let queued = bench.reactor.queued(token);
    assert!(queued <= 10_500, "{queued} bytes are queued");
    let mut got = Vec::new();
    while bench.kernel().peer_receive(peer, 1_000, &mut got) > 0 {
        bench.run_until_idle();
    }
    assert_eq!(got.len(), 100 * sent);
    assert_eq!(bench.bytes(token).len(), sent);
}
