//! What happens when a peer is silent. The timers are called by hand.

use edgepoll_protocol::host::{Factory, Fault, Handle, Scratch};
use edgepoll_protocol::Role;
use edgepoll_websocket::{kind, Settings};

use crate::support::{masked, request, server};

const DEADLINE: u8 = 0;
const PING: u8 = 1;
const PONG: u8 = 2;

fn number(result: Result<(), Fault>) -> Option<u32> {
    match result {
        Err(Fault::Error(error)) => Some(error.number()),
        other => panic!("{other:?}"),
    }
}

fn started() -> (Handle, Scratch) {
    let mut session = Factory::new(server(&Settings::default())).session(Role::Server);
    let mut scratch = Scratch::default();
    assert_eq!(session.start(&mut scratch).1, Ok(()));
    assert_eq!(
        scratch.timers().collect::<Vec<_>>(),
        [(DEADLINE, Some(10_000))]
    );
    (session, scratch)
}

fn take(session: &mut Handle, scratch: &mut Scratch, wire: &[u8]) {
    let (outcome, result) = session.decode(scratch, &mut wire.to_vec(), usize::MAX);
    assert_eq!((result, outcome.consumed), (Ok(()), wire.len()));
}

fn open() -> (Handle, Scratch) {
    let (mut session, mut scratch) = started();
    take(&mut session, &mut scratch, &request(&[]));
    assert_eq!(
        scratch.timers().collect::<Vec<_>>(),
        [(DEADLINE, None), (PING, Some(30_000))]
    );
    (session, scratch)
}

#[test]
fn a_request_that_does_not_come_is_refused() {
    let (mut session, mut scratch) = started();
    assert_eq!(number(session.timer(&mut scratch, DEADLINE).1), Some(408));
    assert!(scratch.output().starts_with(b"HTTP/1.1 408 "));
}

#[test]
fn a_ping_is_sent_and_a_peer_that_says_nothing_is_gone() {
    let (mut session, mut scratch) = open();
    assert_eq!(session.timer(&mut scratch, PING).1, Ok(()));
    assert_eq!(scratch.output(), [0x89, 0]);
    assert_eq!(
        scratch.timers().collect::<Vec<_>>(),
        [(PING, Some(30_000)), (PONG, Some(20_000))]
    );
    // A further ping before the answer is late does not give the peer more time.
    assert_eq!(session.timer(&mut scratch, PING).1, Ok(()));
    assert_eq!(scratch.timers().collect::<Vec<_>>(), [(PING, Some(30_000))]);
    assert_eq!(number(session.timer(&mut scratch, PONG).1), Some(1006));
}

#[test]
fn whatever_comes_shows_that_the_peer_is_there() {
    let (mut session, mut scratch) = open();
    for wire in [masked(0x8a, b""), masked(0x82, b"x"), vec![0x82]] {
        assert_eq!(session.timer(&mut scratch, PING).1, Ok(()));
        let (_, result) = session.decode(&mut scratch, &mut wire.clone(), usize::MAX);
        assert_eq!(result, Ok(()));
        assert_eq!(session.timer(&mut scratch, PONG).1, Ok(()));
    }
}

#[test]
fn a_close_frame_that_is_not_answered_ends_the_connection() {
    let (mut session, mut scratch) = open();
    assert_eq!(
        session.encode(&mut scratch, kind::CLOSE, b"\x03\xe9").1,
        Ok(())
    );
    assert_eq!(scratch.output(), b"\x88\x02\x03\xe9");
    assert_eq!(
        scratch.timers().collect::<Vec<_>>(),
        [(DEADLINE, Some(10_000)), (PING, None), (PONG, None)]
    );
    // Messages still come, pings are not answered, and nothing more is sent.
    take(
        &mut session,
        &mut scratch,
        &[masked(0x82, b"x"), masked(0x89, b"")].concat(),
    );
    assert!(scratch.output().is_empty() && scratch.table().len() == 4);
    assert_eq!(session.encode(&mut scratch, kind::TEXT, b"x").1, Ok(()));
    assert!(scratch.output().is_empty());
    assert_eq!(number(session.timer(&mut scratch, DEADLINE).1), Some(1006));
}

#[test]
fn a_close_frame_that_is_answered_ends_the_connection_without_an_error() {
    let (mut session, mut scratch) = open();
    assert_eq!(session.encode(&mut scratch, kind::CLOSE, b"").1, Ok(()));
    let mut wire = masked(0x88, b"\x03\xe8");
    let (outcome, result) = session.decode(&mut scratch, &mut wire, usize::MAX);
    assert_eq!((result, outcome.ends, outcome.messages), (Ok(()), true, 1));
    assert!(scratch.output().is_empty());
    assert!(scratch.timers().all(|(_, time)| time.is_none()));
}

#[test]
fn the_end_of_the_program_is_told_by_a_close_frame() {
    let (mut session, mut scratch) = open();
    assert_eq!(session.end(&mut scratch).1, Ok(()));
    assert_eq!(scratch.output(), b"\x88\x02\x03\xe8");
    assert_eq!(session.end(&mut scratch).1, Ok(()));
    assert!(scratch.output().is_empty());
    let (mut session, mut scratch) = started();
    assert_eq!(session.end(&mut scratch).1, Ok(()));
    assert!(scratch.output().is_empty());
}

#[test]
fn what_is_written_before_the_request_is_dropped() {
    let (mut session, mut scratch) = started();
    assert_eq!(
        session.encode(&mut scratch, kind::TEXT, b"to all").1,
        Ok(())
    );
    assert!(scratch.output().is_empty());
}
