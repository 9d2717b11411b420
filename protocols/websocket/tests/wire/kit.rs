//! Everything that the test kit checks, under several settings, and both sides in one conversation.

use edgepoll_protocol::testing::{
    check, converse, round_trip, Counted, Line, SeenField, Transcript,
};
use edgepoll_protocol::Role;
use edgepoll_websocket::{kind, Deflate, Settings};

use crate::compressed::{compressed, settings as compressing};
use crate::frames::talk;
use crate::support::{masked, request, server};

#[global_allocator]
static MEMORY: Counted = Counted;

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate";

/// Short enough for the check that nothing grows.
fn small() -> Settings {
    let mut settings = Settings::default();
    settings.max_message = 4096;
    settings.max_head = 1024;
    settings
}

fn transcripts() -> Vec<Vec<u8>> {
    let with = |frames: Vec<Vec<u8>>| [request(&[]), frames.concat()].concat();
    vec![
        with(talk()),
        with(vec![
            masked(0x01, "über".as_bytes()),
            masked(0x89, b"ping"),
            masked(0x80, b"\xff"),
        ]),
        with(vec![
            masked(0x82, &[1; 3000]),
            masked(0x02, &[2; 3000]),
            masked(0x80, &[3; 3000]),
        ]),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ]
}

#[test]
fn servers_stand_every_check() {
    for (fragments, control) in [(None, false), (None, true), (Some(1024), true)] {
        let mut settings = small();
        settings.fragments = fragments;
        settings.control = control;
        check(|| server(&settings), Role::Server, transcripts());
    }
}

#[test]
fn servers_that_compress_stand_every_check() {
    let body = compressed("some words ".repeat(200).as_bytes());
    let (one, two) = body.split_at(20);
    let frames = [
        masked(0xc1, &body),
        masked(0x41, one),
        masked(0x80, two),
        masked(0x88, b""),
    ];
    let wire = [request(&[OFFER]), frames.concat()].concat();
    for (fragments, reset) in [(None, true), (None, false), (Some(1024), true)] {
        let mut settings = small();
        settings.fragments = fragments;
        settings.deflate =
            compressing(|own| (own.client_reset, own.server_reset) = (reset, true)).deflate;
        check(|| server(&settings), Role::Server, [wire.clone()]);
    }
}

#[test]
fn the_answer_of_the_program_stands_every_check() {
    let mut settings = small();
    settings.decide = true;
    let wire = [request(&[]), masked(0x81, b"x"), masked(0x88, b"")].concat();
    let accepted = Transcript::new(wire.clone()).answer(kind::ACCEPT, "\r\nX-A: 1");
    let rejected = Transcript::new(wire.clone()).answer(kind::REJECT, "403 Forbidden");
    let came = check(
        || server(&settings),
        Role::Server,
        [accepted, rejected, Transcript::new(wire)],
    );
    assert_eq!(
        came.iter()
            .map(|one| one.messages.len())
            .collect::<Vec<_>>(),
        [3, 1, 1]
    );
    assert!(came[1].output.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
    assert!(came[2].paused && came[2].output.is_empty());
}

#[test]
fn silent_peers_are_given_up() {
    let waits = |wire: Vec<u8>, milliseconds| Transcript::new(wire).wait(milliseconds);
    let came = check(
        || server(&small()),
        Role::Server,
        [
            waits(request(&[])[..50].to_vec(), 10_000),
            waits(request(&[]), 50_000),
        ],
    );
    assert!(came[0].output.starts_with(b"HTTP/1.1 408 "));
    assert!(came[1].output.ends_with(b"\r\n\x89\x00"));
    assert!(came.iter().all(|one| one.fault.is_some()));
}

#[test]
fn peers_that_the_program_does_not_read_are_not_given_up() {
    let came = check(
        || server(&small()),
        Role::Server,
        [Transcript::new(request(&[])).wait(50_000).hold()],
    );
    let fault = came[0].fault.as_ref().map(ToString::to_string);
    assert_eq!(
        fault.as_deref(),
        Some("the connection ended without a close frame"),
        "the peer's own end"
    );
}

fn client() -> Settings {
    let mut settings = small();
    settings.host = "example.com".into();
    let mut deflate = Deflate::default();
    deflate.threshold = 100;
    settings.deflate = Some(deflate);
    settings
}

#[test]
fn clients_and_servers_understand_each_other() {
    let (own, other) = (client(), client());
    let long = "words and words ".repeat(100);
    let messages = [
        (kind::TEXT, "grüezi".as_bytes()),
        (kind::BINARY, long.as_bytes()),
        (kind::TEXT, long.as_bytes()),
        (kind::TEXT, b""),
    ];
    for from in [Role::Client, Role::Server] {
        let arrived = round_trip(|| server(&other), || server(&own), from, &messages);
        for ((what, body), came) in messages.iter().zip(arrived) {
            assert_eq!((came.len(), came[0].kind), (1, *what));
            assert_eq!(came[0].fields, [SeenField::Bytes(body.to_vec())]);
        }
    }
}

#[test]
fn each_side_can_close() {
    let (own, other) = (client(), client());
    for by_client in [true, false] {
        let close = if by_client {
            Line::client
        } else {
            Line::server
        };
        let script = [
            Line::server(kind::TEXT, "hi"),
            Line::client(kind::PING, "x"),
            close(kind::CLOSE, b"\x03\xe9bye".to_vec()),
            Line::wait(1),
        ];
        let talk = converse(|| server(&other), || server(&own), &script);
        for side in [&talk.server, &talk.client] {
            assert_eq!((&side.fault, side.ended), (&None, true));
            let close = side.messages.last().unwrap();
            assert_eq!(
                (close.kind, &close.fields[0]),
                (kind::CLOSE, &SeenField::Integer(1001))
            );
        }
    }
}
