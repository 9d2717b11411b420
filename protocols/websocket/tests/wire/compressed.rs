//! permessage-deflate, from the handshake to messages.

use edgepoll_protocol::host::{Factory, Handle, Scratch};
use edgepoll_protocol::testing::survives;
use edgepoll_protocol::{testing::feed, Role};
use edgepoll_websocket::{kind, Deflate, Settings};

use crate::support::{answers, masked, messages, request, served, server};

pub(crate) fn settings(change: impl FnOnce(&mut Deflate)) -> Settings {
    let mut settings = Settings::default();
    let mut deflate = Deflate::default();
    deflate.threshold = 0;
    change(&mut deflate);
    settings.deflate = Some(deflate);
    settings.host = "x".into();
    settings
}

/// A client and a server that have shaken hands.
fn pair(client: &Settings, other: &Settings) -> (Handle, Handle) {
    let mut scratch = Scratch::default();
    let mut one = Factory::new(server(client)).session(Role::Client);
    let mut two = Factory::new(server(other)).session(Role::Server);
    assert_eq!(one.start(&mut scratch).1, Ok(()));
    let mut wire = scratch.output().to_vec();
    assert_eq!(two.decode(&mut scratch, &mut wire, usize::MAX).1, Ok(()));
    let mut wire = scratch.output().to_vec();
    assert_eq!(one.decode(&mut scratch, &mut wire, usize::MAX).1, Ok(()));
    (one, two)
}

/// Sends a message from one to the other. Returns the first byte of the frame and its length.
fn send(from: &mut Handle, to: &mut Handle, what: u8, body: &[u8]) -> (u8, usize) {
    let mut scratch = Scratch::default();
    assert_eq!(from.encode(&mut scratch, what, body).1, Ok(()));
    let mut wire = scratch.output().to_vec();
    let (first, length) = (wire[0], wire.len());
    let (outcome, result) = to.decode(&mut scratch, &mut wire, usize::MAX);
    assert_eq!((result, outcome.consumed), (Ok(()), length));
    if what & kind::MORE == 0 {
        assert_eq!(outcome.messages, 1);
        let all = [&wire[..], scratch.made()].concat();
        let message = edgepoll_protocol::Messages::new(scratch.table(), &all)
            .next()
            .unwrap();
        assert_eq!(message.kind(), what & 0x0f);
        if first & 0x80 != 0 && first & 0x0f != 0 {
            assert_eq!(message.bytes(0), Some(body));
        }
    }
    (first, length)
}

fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as u8
    };
    (0..3000).map(|_| next()).collect()
}

fn talk(client: &Settings, other: &Settings) {
    let (mut one, mut two) = pair(client, other);
    let text = "the same words again and again ".repeat(40);
    let noise = noise();
    for _ in 0..3 {
        for body in [text.as_bytes(), b"a", b"", text.repeat(100).as_bytes()] {
            let (first, length) = send(&mut one, &mut two, kind::TEXT, body);
            assert_eq!(first, if body.is_empty() { 0x81 } else { 0xc1 });
            assert!(length < 100 + body.len() / 10);
            send(&mut two, &mut one, kind::TEXT, body);
        }
        send(&mut one, &mut two, kind::BINARY, &noise);
        assert_eq!(
            send(&mut two, &mut one, kind::BINARY | kind::PLAIN, &noise).0,
            0x82
        );
        // In parts.
        assert_eq!(
            send(&mut one, &mut two, kind::TEXT | kind::MORE, text.as_bytes()).0,
            0x41
        );
        assert_eq!(send(&mut one, &mut two, kind::TEXT | kind::MORE, b"").0, 0);
        assert_eq!(
            send(&mut one, &mut two, kind::TEXT, text.as_bytes()).0,
            0x80
        );
    }
}

#[test]
fn both_sides_understand_each_other_whatever_they_agreed_on() {
    let plain = settings(|_| {});
    talk(&plain, &plain);
    talk(&settings(|own| own.server_reset = true), &plain);
    talk(
        &plain,
        &settings(|own| (own.server_reset, own.client_reset) = (true, true)),
    );
    talk(
        &settings(|own| own.server_bits = 10),
        &settings(|own| own.client_bits = 9),
    );
    talk(
        &settings(|own| own.client_bits = 11),
        &settings(|own| (own.level, own.server_bits) = (1, 9)),
    );
}

#[test]
fn a_window_that_is_kept_makes_the_second_message_shorter() {
    let noise = noise();
    let second = |own: &Settings| {
        let (mut one, mut two) = pair(own, own);
        let (_, first) = send(&mut two, &mut one, kind::BINARY, &noise);
        let (_, second) = send(&mut two, &mut one, kind::BINARY, &noise);
        assert!(first > 2500);
        second
    };
    assert!(second(&settings(|_| {})) < 200);
    assert!(second(&settings(|own| own.server_reset = true)) > 2500);
}

#[test]
fn short_messages_are_not_compressed() {
    let mut own = settings(|_| {});
    let (mut one, mut two) = pair(&own, &settings(|own| own.threshold = 100));
    assert_eq!(send(&mut two, &mut one, kind::TEXT, &[b'x'; 99]).0, 0x81);
    assert_eq!(send(&mut two, &mut one, kind::TEXT, &[b'x'; 100]).0, 0xc1);
    own.deflate = None;
    let (mut one, mut two) = pair(&own, &settings(|_| {}));
    assert_eq!(send(&mut two, &mut one, kind::TEXT, &[b'x'; 1000]).0, 0x81);
}

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate";

/// Compressed by a client, as one raw stream.
pub(crate) fn compressed(body: &[u8]) -> Vec<u8> {
    let own = settings(|_| {});
    let (mut client, _) = pair(&own, &own);
    let mut scratch = Scratch::default();
    assert_eq!(client.encode(&mut scratch, kind::TEXT, body).1, Ok(()));
    let frame = scratch.output();
    let start = match frame[1] & 0x7f {
        126 => 8,
        _ => 6,
    };
    let mask = &frame[start - 4..start];
    frame[start..]
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect()
}

#[test]
fn each_cut_and_fragment_gives_the_same_message() {
    let text = "über und über ".repeat(30);
    let body = compressed(text.as_bytes());
    let (one, two) = body.split_at(body.len() / 2);
    let frames = [
        masked(0xc1, &body),
        masked(0x41, one),
        masked(0x89, b"ping"),
        masked(0x00, b""),
        masked(0x80, two),
        masked(0x81, b"plain"),
    ];
    let mut own = settings(|own| own.client_reset = true);
    let came = served(&own, &[OFFER], &frames);
    let expected = text.as_bytes().to_vec();
    assert_eq!(
        messages(&came),
        [
            (1, false, expected.clone()),
            (1, false, expected),
            (1, false, b"plain".to_vec())
        ]
    );
    own.control = true;
    let came = served(&own, &[OFFER], &frames);
    assert_eq!(came.messages.len(), 5);
}

#[test]
fn long_messages_come_in_parts() {
    let mut own = settings(|own| own.client_reset = true);
    own.fragments = Some(1024);
    let text = "€0123456789".repeat(40_000);
    let body = compressed(text.as_bytes());
    let (one, two) = body.split_at(body.len() / 3);
    let wire = [request(&[OFFER]), masked(0x41, one), masked(0x80, two)].concat();
    let run = |size: usize| {
        let mut session = Factory::new(server(&own)).session(Role::Server);
        feed(&mut session, wire.chunks(size), usize::MAX)
    };
    let whole = run(wire.len());
    for size in [1, 7, 100, 1000] {
        assert_eq!(run(size), whole);
    }
    let parts = messages(&whole);
    assert!(parts.len() > 4 && parts.iter().all(|part| part.2.len() < 1024 + 133_000));
    assert!(parts
        .iter()
        .all(|part| std::str::from_utf8(&part.2).is_ok()));
    assert!(
        parts
            .iter()
            .map(|part| &part.2[..])
            .collect::<Vec<_>>()
            .concat()
            == text.as_bytes()
    );
}

#[test]
fn broken_and_long_messages_end_the_connection() {
    let own = settings(|_| {});
    let code = |frames: &[Vec<u8>]| {
        let came = served(&own, &[OFFER], frames);
        let answers = answers(&came);
        assert_eq!(answers[0], 0x88);
        u16::from_be_bytes([answers[2], answers[3]])
    };
    assert_eq!(code(&[masked(0xc1, &[0xff; 20])]), 1007);
    assert_eq!(code(&[masked(0xc1, &compressed(b"\xff"))]), 1007);
    assert_eq!(
        code(&[masked(0xc1, &compressed(&vec![b'x'; (1 << 20) + 1]))]),
        1009
    );
    // The bit belongs to the first frame of a message alone.
    assert_eq!(
        code(&[masked(0x41, &compressed(b"x")), masked(0xc0, b"")]),
        1002
    );
    assert_eq!(code(&[masked(0xc9, b"")]), 1002);
}

#[test]
fn no_bytes_make_a_session_panic() {
    let mut own = settings(|_| {});
    let body = compressed("some words ".repeat(100).as_bytes());
    let (one, two) = body.split_at(20);
    let wire = [
        request(&[OFFER]),
        masked(0xc1, &body),
        masked(0x41, one),
        masked(0x80, two),
    ]
    .concat();
    for fragments in [None, Some(1024)] {
        own.fragments = fragments;
        survives(|| server(&own), Role::Server, 3000, &wire);
    }
}
