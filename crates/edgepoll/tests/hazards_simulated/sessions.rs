//! Sessions of protocols: answers, pauses, other protocols on a live connection, and every way in which a session can fail.

use std::rc::Rc;
use std::time::Duration;

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::simulated::{Faults, Peer, SimulatedKernel};
use edgepoll::protocol::{Factory, Fault, Lines};
use edgepoll::reactor::{Budget, ConnectOptions, Event, ListenOptions, UpgradeError, WriteError};
use edgepoll::{Address, Token};

use crate::inbox::{Item, RecordingInbox};
use crate::talk::{Talk, PAUSED};
use crate::{without_faults, Bench};

fn talk() -> Rc<Factory> {
    Rc::new(Factory::new(Talk))
}

fn listen(bench: &mut Bench, limits: Limits) {
    bench.listen(ListenOptions {
        limits,
        protocol: Some(talk()),
        ..ListenOptions::default()
    });
}

/// A server that talks, and one client, which has read the greeting.
fn pair(limits: Limits) -> (Bench, Peer, Token) {
    let mut bench = without_faults(Budget::default(), 1_000);
    listen(&mut bench, limits);
    let (peer, token) = bench.client();
    assert_eq!(bench.read_by(peer), b"hello\n");
    (bench, peer, token)
}

impl Bench {
    /// Everything that the peer gets until nothing more comes.
    fn read_by(&mut self, peer: Peer) -> Vec<u8> {
        let mut got = Vec::new();
        loop {
            self.run_until_idle();
            if self.kernel().peer_receive(peer, 1_000, &mut got) == 0 {
                return got;
            }
        }
    }

    fn says(&mut self, peer: Peer, text: &[u8]) {
        assert_eq!(self.kernel().peer_send(peer, text), text.len());
        self.run_until_idle();
    }

    fn fault(&self, token: Token) -> Option<Fault> {
        match self.closed(token)? {
            CloseReason::Protocol(error) => {
                assert_eq!(&*error.protocol, "talk");
                Some(error.fault)
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn any_cut_gives_the_same_messages_and_answers() {
    let text = b"say one\nping\nsay two\ncopy three\nping\nsay four\n";
    for piece in 1..=text.len() {
        for (space, room, table_room) in [(1, 100, 100), (7, 8, 4), (1_000, 9, 1), (1_000, 100, 9)]
        {
            let mut inbox = RecordingInbox::new(room, space);
            inbox.table_room = table_room;
            let kernel = SimulatedKernel::new(1, Faults::none());
            let mut bench = Bench::with(kernel, Budget::default(), inbox);
            listen(&mut bench, Limits::default());
            let (peer, token) = bench.client();
            for bytes in text.chunks(piece) {
                bench.says(peer, bytes);
            }
            bench.kernel().peer_finish(peer);
            let got = bench.read_by(peer);
            let words: [&[u8]; 4] = [b"one", b"two", b"THREE", b"four"];
            assert_eq!(
                bench.frames(token),
                words,
                "pieces of {piece}, space {space}, room {room}"
            );
            assert_eq!(got, b"hello\npong\npong\n");
            assert!(bench.ended(token));
        }
    }
}

#[test]
fn an_inbox_without_room_for_messages_gets_them_later() {
    let mut inbox = RecordingInbox::new(100, 1_000);
    inbox.table_room = 0;
    let mut bench = Bench::with(
        SimulatedKernel::new(1, Faults::none()),
        Budget::default(),
        inbox,
    );
    listen(&mut bench, Limits::default());
    let peer = bench.kernel().dial(crate::address()).unwrap();
    bench.turn(Some(Duration::ZERO));
    let token = *bench.opened().last().unwrap();
    bench.kernel().peer_send(peer, b"say one\n");
    for _ in 0..10 {
        bench.turn(Some(Duration::ZERO));
    }
    assert!(bench.frames(token).is_empty());
    bench.inbox.table_room = 100;
    bench.run_until_idle();
    assert_eq!(bench.frames(token), [b"one"]);
}

#[test]
fn messages_after_a_pause_wait_for_the_session_to_resume() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, b"say one\npause here\nsay two\n");
    bench.says(peer, b"say three\n");
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.frames(token), [&b"one"[..], b"here"]);
    assert!(
        !bench.ended(token),
        "the end comes after the messages before it"
    );
    let kinds = |item: &Item| matches!(item, Item::Message(_, kind, _) if *kind == PAUSED);
    assert!(!bench.inbox.items.iter().any(kinds), "it was told before");
    bench.reactor.write(token, b"rgo on", false).unwrap();
    assert_eq!(bench.read_by(peer), b"go on\n");
    assert_eq!(bench.frames(token).len(), 4);
    assert!(bench.ended(token));
}

#[test]
fn a_paused_session_stops_receiving() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, b"pause\n");
    bench.kernel().peer_send(peer, &b"say x\n".repeat(1_000));
    bench.run_until_idle();
    assert!(bench.kernel().view(peer).unread >= 5_000, "it reads on");
    bench.reactor.write(token, b"r", false).unwrap();
    bench.run_until_idle();
    assert_eq!(bench.frames(token).len(), 1_001);
}

#[test]
fn an_upgrade_passes_what_was_not_decoded_to_the_new_protocol() {
    let lines = Rc::new(Factory::new(Lines::new(100)));
    for protocol in [None, Some(&lines)] {
        for finish in [false, true] {
            let (mut bench, peer, token) = pair(Limits::default());
            bench.says(peer, b"say one\npause\nraw\nbytes\n");
            if finish {
                bench.kernel().peer_finish(peer);
                bench.run_until_idle();
            }
            bench.reactor.upgrade(token, protocol).unwrap();
            bench.run_until_idle();
            let frames = bench.frames(token);
            let rest = if protocol.is_some() {
                b"rawbytes".to_vec()
            } else {
                b"raw\nbytes\n".to_vec()
            };
            assert_eq!(frames[2..].concat(), rest);
            assert_eq!(bench.ended(token), finish);
            if !finish {
                bench.says(peer, b"more\n");
                let more: &[u8] = if protocol.is_some() {
                    b"more"
                } else {
                    b"more\n"
                };
                assert_eq!(bench.frames(token).last().unwrap(), more);
            }
        }
    }
}

#[test]
fn a_connection_without_a_protocol_can_get_one() {
    let mut bench = without_faults(Budget::default(), 1_000);
    bench.listen(ListenOptions::default());
    let (peer, token) = bench.client();
    bench.says(peer, b"raw");
    bench.reactor.upgrade(token, Some(&talk())).unwrap();
    assert_eq!(bench.read_by(peer), b"hello\n");
    bench.says(peer, b"say one\n");
    assert_eq!(bench.frames(token), [&b"raw"[..], b"one"]);
}

#[test]
fn an_upgrade_of_a_closed_or_discarding_connection_is_refused() {
    let (mut bench, _peer, token) = pair(Limits::default());
    bench.reactor.end_and_discard(token);
    assert_eq!(
        bench.reactor.upgrade(token, None),
        Err(UpgradeError::Discarded)
    );
    bench.reactor.destroy(token);
    assert_eq!(
        bench.reactor.upgrade(token, None),
        Err(UpgradeError::Closed)
    );
}

#[test]
fn an_error_reply_leaves_before_the_end() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, b"say one\nfail\nsay two\n");
    assert_eq!(bench.read_by(peer), b"bad\n");
    assert!(bench.kernel().view(peer).output_ended);
    assert!(!bench.kernel().view(peer).peer_was_reset);
    // What the peer still sends is discarded, and does not destroy the reply.
    bench.says(peer, b"say three\n");
    assert_eq!(bench.closed(token), None);
    bench.kernel().peer_finish(peer);
    bench.run_until_idle();
    assert_eq!(bench.frames(token), [b"one"]);
    let Some(Fault::Error(error)) = bench.fault(token) else {
        panic!("no error")
    };
    assert_eq!((error.text(), error.number()), ("the peer asked for it", 7));
}

/// Otherwise the owner would wait for messages, and write, until the peer ends or `end_timeout` passes.
#[test]
fn the_owner_is_told_at_once_that_its_protocol_has_ended() {
    for (command, number) in [(&b"fail\n"[..], Some(7)), (b"quit\n", None)] {
        let (mut bench, peer, token) = pair(Limits::default());
        bench.says(peer, command);
        let ends = bench.events.iter().filter_map(|event| match event {
            Event::WritingEnded { token: of, error } if *of == token => Some(error.clone()),
            _ => None,
        });
        let [error] = &ends.collect::<Vec<_>>()[..] else {
            panic!("{:?}", bench.events)
        };
        let found = error.as_ref().map(|error| match &error.fault {
            Fault::Error(error) => error.number(),
            fault => panic!("{fault}"),
        });
        assert_eq!(found, number);
        assert_eq!(bench.closed(token), None);
        let written = bench.reactor.write(token, b"_late", false);
        assert_eq!(written, Err(WriteError::Ended));
    }
}

#[test]
fn a_peer_that_does_not_end_after_an_error_reply_is_closed_with_that_error() {
    let (mut bench, peer, token) = pair(crate::short_end_timeout());
    bench.says(peer, b"fail\n");
    bench.until_closed(token, 500);
    assert!(matches!(bench.fault(token), Some(Fault::Error(_))));
}

#[test]
fn each_fault_closes_that_connection_alone() {
    type Check = fn(&Fault) -> bool;
    let faults: [(&[u8], Check); 5] = [
        (b"die\n", |fault| matches!(fault, Fault::Error(_))),
        (b"panic\n", |fault| matches!(fault, Fault::Panicked(_))),
        (b"wide\n", |fault| *fault == Fault::Broken),
        (b"stuck\n", |fault| *fault == Fault::Broken),
        (b"flood 20000\n", |fault| *fault == Fault::TooMuch),
    ];
    let limits = Limits {
        send_queue: 10_000,
        ..Limits::default()
    };
    for (command, is_expected) in faults {
        let (mut bench, peer, token) = pair(limits);
        let (other, other_token) = bench.client();
        bench.says(peer, &[b"say one\n", command].concat());
        let fault = bench.fault(token).unwrap();
        assert!(is_expected(&fault), "{fault:?}");
        assert_eq!(bench.frames(token), [b"one"], "{fault:?}");
        bench.says(other, b"say two\n");
        assert_eq!(bench.frames(other_token), [b"two"]);
    }
}

#[test]
fn replies_to_a_peer_that_does_not_read_are_bounded() {
    let limits = Limits {
        high_water: 1_000,
        low_water: 100,
        ..Limits::default()
    };
    let (mut bench, peer, token) = pair(limits);
    bench.kernel().set_capacity(peer, 100);
    let requests = b"flood 500\n".repeat(1_000);
    bench.kernel().peer_send(peer, &requests);
    bench.run_until_idle();
    assert!(
        bench.reactor.queued(token) <= 1_500,
        "{} bytes wait",
        bench.reactor.queued(token)
    );
    let got = bench.read_by(peer);
    assert_eq!(
        got.len(),
        500_000,
        "every request is answered once the peer reads"
    );
    assert_eq!(bench.closed(token), None);
}

#[test]
fn a_session_that_asks_for_the_end_ends_its_side() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, b"ping\nquit\nsay one\n");
    assert_eq!(bench.read_by(peer), b"pong\n");
    assert!(bench.kernel().view(peer).output_ended);
    assert_eq!(bench.frames(token), [b"one"]);
}

/// A login that is refused: the session has paused for the owner's answer, and ends with it.
#[test]
fn a_session_that_ends_while_it_is_paused_sees_the_peers_end() {
    for peer_first in [true, false] {
        let (mut bench, peer, token) = pair(Limits::default());
        bench.says(peer, b"pause here\nsay never\n");
        if peer_first {
            bench.kernel().peer_finish(peer);
            bench.run_until_idle();
        }
        bench.reactor.write(token, b"eno", false).unwrap();
        assert_eq!(bench.read_by(peer), b"no\n");
        assert!(bench.kernel().view(peer).output_ended);
        if !peer_first {
            assert_eq!(bench.closed(token), None);
            bench.says(peer, b"say ignored\n");
            bench.kernel().peer_finish(peer);
            bench.run_until_idle();
        }
        assert_eq!(bench.closed(token), Some(CloseReason::Ended));
        assert_eq!(bench.frames(token), [b"here"]);
    }
}

#[test]
fn what_the_session_sends_at_the_end_leaves_before_the_fin() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.reactor.end_with(token, b"_last").unwrap();
    assert_eq!(bench.read_by(peer), b"last\nbye\n");
    assert!(bench.kernel().view(peer).output_ended);
}

#[test]
fn a_message_that_the_session_refuses_fails_the_write_alone() {
    let (mut bench, peer, token) = pair(Limits::default());
    let refused = bench.reactor.write(token, b"x", false);
    assert!(
        matches!(refused, Err(WriteError::Protocol(_))),
        "{refused:?}"
    );
    bench.reactor.write(token, b"_fine", false).unwrap();
    assert_eq!(bench.read_by(peer), b"fine\n");
    assert_eq!(
        bench.reactor.write(token, b"p", false),
        Err(WriteError::Closed)
    );
    bench.run_until_idle();
    let Some(Fault::Panicked(panic)) = bench.fault(token) else {
        unreachable!("the session panics");
    };
    assert_eq!(panic.place(), "encode");
}

#[test]
fn an_outgoing_connection_sends_its_first_bytes_once_it_is_established() {
    let mut bench = without_faults(Budget::default(), 1_000);
    let options = ConnectOptions {
        protocol: Some(talk()),
        ..ConnectOptions::default()
    };
    let address = Address::Inet([198, 51, 100, 7].into(), 9_000);
    let token = bench.reactor.connect(address, options).unwrap();
    bench.reactor.write(token, b"_first", false).unwrap();
    bench.run_until_idle();
    let peer = bench.kernel().peer_of(token).unwrap();
    assert_eq!(bench.read_by(peer), b"hello\nfirst\n");
}

#[test]
fn an_unfinished_message_is_bounded() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, &[b'x'; 100]);
    assert_eq!(bench.closed(token), None);
    bench.says(peer, b"x");
    let Some(Fault::Error(error)) = bench.fault(token) else {
        panic!("no error")
    };
    assert_eq!(error.kind(), edgepoll::protocol::ErrorKind::TooLong);
}

#[test]
fn an_end_that_waits_for_the_next_turn_is_reported_after_an_upgrade() {
    let budget = Budget {
        slot_frames: 1,
        ..Budget::default()
    };
    let lines = Rc::new(Factory::new(Lines::new(100)));
    let mut bench = without_faults(budget, 1_000);
    bench.listen(ListenOptions {
        protocol: Some(Rc::clone(&lines)),
        ..ListenOptions::default()
    });
    let (peer, token) = bench.client();
    bench.kernel().peer_send(peer, b"last");
    bench.kernel().peer_finish(peer);
    bench.turn(Some(Duration::ZERO));
    assert_eq!(bench.frames(token), [b"last"]);
    assert!(!bench.ended(token), "the turn's share is used up");
    bench.reactor.upgrade(token, Some(&lines)).unwrap();
    bench.run_until_idle();
    assert!(bench.ended(token));
}

#[test]
fn a_session_that_panics_in_a_write_does_not_end_cleanly_because_it_has_answered_before() {
    let (mut bench, peer, token) = pair(Limits::default());
    bench.says(peer, b"ping\n");
    assert_eq!(bench.read_by(peer), b"pong\n");
    let written = bench.reactor.write(token, b"plost", false);
    assert_eq!(written, Err(WriteError::Closed));
    bench.run_until_idle();
    let fault = bench.fault(token);
    assert!(matches!(fault, Some(Fault::Panicked(_))), "{fault:?}");
}

#[test]
fn a_session_that_fails_behind_a_blocked_queue_has_a_deadline() {
    for command in [&b"fail\n"[..], b"quit\n"] {
        let (mut bench, peer, token) = pair(Limits {
            end_timeout: 500,
            ..Limits::default()
        });
        bench.kernel().set_capacity(peer, 10);
        bench.says(peer, b"flood 1000\n");
        bench.says(peer, command);
        bench.until_closed(token, 500);
    }
}
