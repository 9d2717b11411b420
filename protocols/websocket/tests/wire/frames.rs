//! Frames and messages, in each cut.

use crate::support::{answers, masked, messages, request, served, server, unmasked};
use edgepoll_protocol::host::{Factory, Fault, Handle, Scratch};
use edgepoll_protocol::testing::{survives, Came, SeenField};
use edgepoll_protocol::{Error, ErrorKind, Role};
use edgepoll_websocket::{kind, Accepts, Settings};

fn number_of(came: &Came) -> Option<u32> {
    match &came.fault {
        Some(Fault::Error(error)) => Some(error.number()),
        _ => None,
    }
}

/// The code of the close frame that the server sent last.
fn code(came: &Came) -> u16 {
    let answers = answers(came);
    assert_eq!(answers[0], 0x88, "{came:?}");
    u16::from_be_bytes([answers[2], answers[3]])
}

pub(crate) fn talk() -> Vec<Vec<u8>> {
    vec![
        masked(0x81, "grüezi".as_bytes()),
        masked(0x02, b"one "),
        masked(0x89, b"are you there"),
        masked(0x00, b""),
        masked(0x00, b"two "),
        masked(0x8a, b"unasked"),
        masked(0x80, b"three"),
        masked(0x82, &[7; 300]),
        masked(0x01, "gr\u{fc}".as_bytes()[..3].into()),
        masked(0x00, &"\u{fc}".as_bytes()[1..]),
        masked(0x80, b"n"),
        masked(0x81, b""),
        masked(0x89, b""),
        masked(0x88, b"\x03\xe8bye"),
        masked(0x81, b"too late"),
    ]
}

#[test]
fn messages_come_whole_and_control_frames_are_answered() {
    let came = served(&Settings::default(), &[], &talk());
    assert_eq!(came.fault, None);
    assert!(came.ended);
    let (close, others) = came.messages.split_last().unwrap();
    assert_eq!(
        (close.kind, &close.fields[0], &close.fields[1]),
        (
            kind::CLOSE,
            &SeenField::Integer(1000),
            &SeenField::Bytes(b"bye".to_vec())
        )
    );
    let others = messages(&Came {
        messages: others.to_vec(),
        ..Came::default()
    });
    assert_eq!(
        others,
        [
            (kind::TEXT, false, "grüezi".into()),
            (kind::BINARY, false, b"one two three".to_vec()),
            (kind::BINARY, false, vec![7; 300]),
            (kind::TEXT, false, "grün".into()),
            (kind::TEXT, false, Vec::new()),
        ]
    );
    let expected = [
        unmasked(0x8a, b"are you there"),
        unmasked(0x8a, b""),
        unmasked(0x88, b"\x03\xe8"),
    ]
    .concat();
    assert_eq!(answers(&came), expected);
}

#[test]
fn control_frames_come_too_if_the_program_wants_them() {
    let mut settings = Settings::default();
    settings.control = true;
    let mut frames = talk();
    frames.truncate(8);
    frames.push(masked(0x88, b""));
    let came = served(&settings, &[], &frames);
    let kinds: Vec<u8> = came.messages.iter().map(|message| message.kind).collect();
    assert_eq!(
        kinds,
        [
            kind::OPEN,
            kind::TEXT,
            kind::PING,
            kind::PONG,
            kind::BINARY,
            kind::BINARY,
            kind::CLOSE
        ]
    );
    assert_eq!(
        came.messages[3].fields,
        [SeenField::Bytes(b"unasked".to_vec())]
    );
    assert_eq!(
        came.messages[4].fields,
        [SeenField::Bytes(b"one two three".to_vec())]
    );
    assert_eq!(
        came.messages[6].fields,
        [SeenField::Integer(1005), SeenField::Bytes(Vec::new())]
    );
}

#[test]
fn messages_come_in_parts_if_the_program_wants_that() {
    let mut settings = Settings::default();
    settings.fragments = Some(1024);
    // Each of the first two frames ends inside a character.
    let text = "€".repeat(800);
    let (one, rest) = text.as_bytes().split_at(100);
    let (two, three) = rest.split_at(1500);
    let frames = [
        masked(0x01, one),
        masked(0x00, two),
        masked(0x89, b""),
        masked(0x80, three),
        masked(0x02, b""),
        masked(0x80, b""),
        masked(0x82, &[5; 2048]),
    ];
    let came = served(&settings, &[], &frames);
    let came = messages(&came);
    let lengths: Vec<_> = came
        .iter()
        .map(|(kind, more, bytes)| (*kind, *more, bytes.len()))
        .collect();
    assert_eq!(
        lengths,
        [
            (1, true, 99),
            (1, true, 1023),
            (1, true, 477),
            (1, false, 801),
            (2, false, 0),
            (2, true, 1024),
            (2, false, 1024),
        ]
    );
    let text_again: Vec<u8> = came
        .iter()
        .filter(|one| one.0 == 1)
        .flat_map(|one| one.2.clone())
        .collect();
    assert_eq!(text_again, text.as_bytes());
}

#[test]
fn what_is_not_allowed_is_answered_with_a_close_code() {
    let mut settings = Settings::default();
    settings.max_message = 1000;
    settings.max_frame = 900;
    let code_of = |frames: &[Vec<u8>]| {
        let came = served(&settings, &[], frames);
        assert_eq!(number_of(&came), Some(code(&came).into()));
        code(&came)
    };
    let one = |first, body: &[u8]| code_of(&[masked(first, body)]);
    // Not UTF-8: at once, at the end of a character, in a surrogate, above the last character.
    for wrong in [
        &b"\xff"[..],
        b"abc\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
    ] {
        assert_eq!(one(0x81, wrong), 1007);
    }
    assert_eq!(
        code_of(&[masked(0x01, b"\xe2\x82"), masked(0x80, b"\xe2")]),
        1007
    );
    assert_eq!(one(0x82, &[0; 901]), 1009);
    assert_eq!(
        code_of(&[masked(0x02, &[0; 900]), masked(0x80, &[0; 101])]),
        1009
    );
    // Reserved bits, unknown opcodes, long and fragmented control frames, frames out of order, no mask.
    for first in [0xc1, 0xa1, 0x91, 0xc9, 0x83, 0x8b, 0x09, 0x80, 0x00] {
        assert_eq!(one(first, b"x"), 1002, "{first:x}");
    }
    assert_eq!(one(0x89, &[0; 126]), 1002);
    assert_eq!(code_of(&[masked(0x01, b"x"), masked(0x81, b"y")]), 1002);
    assert_eq!(code_of(&[unmasked(0x81, b"x")]), 1002);
    // Close frames.
    assert_eq!(one(0x88, b"x"), 1002);
    for wrong in [0_u16, 999, 1004, 1005, 1006, 1016, 2999, 5000] {
        assert_eq!(one(0x88, &wrong.to_be_bytes()), 1002, "{wrong}");
    }
    assert_eq!(one(0x88, b"\x03\xe8\xff"), 1007);
}

#[test]
fn a_kind_of_message_can_be_refused() {
    for (accepts, first) in [(Accepts::Text, 0x82), (Accepts::Binary, 0x81)] {
        let mut settings = Settings::default();
        settings.accepts = accepts;
        assert_eq!(code(&served(&settings, &[], &[masked(first, b"x")])), 1003);
    }
}

#[test]
fn a_wrong_byte_is_noticed_before_its_frame_has_come() {
    let wire = [request(&[]), masked(0x81, b"abcdef\xffgh")].concat();
    let mut session = Factory::new(server(&Settings::default())).session(Role::Server);
    let (mut scratch, mut input) = (Scratch::default(), wire[..wire.len() - 2].to_vec());
    let (outcome, result) = session.decode(&mut scratch, &mut input, usize::MAX);
    assert_eq!((result, outcome.consumed), (Ok(()), input.len()));
    assert!(scratch.timers().any(|timer| timer == (0, Some(0))));
    let (_, result) = session.timer(&mut scratch, 0);
    assert!(matches!(result, Err(Fault::Error(error)) if error.number() == 1007));
    assert_eq!(scratch.output()[2..4], 1007_u16.to_be_bytes());
}

/// A session that has seen these frames.
fn after(frames: &[Vec<u8>]) -> (Handle, Scratch) {
    let mut session = Factory::new(server(&Settings::default())).session(Role::Server);
    let mut scratch = Scratch::default();
    let mut input = [request(&[]), frames.concat()].concat();
    let (outcome, result) = session.decode(&mut scratch, &mut input, usize::MAX);
    assert_eq!((result, outcome.consumed), (Ok(()), input.len()));
    (session, scratch)
}

#[test]
fn what_the_program_answers_at_once_leaves_in_front_of_the_close_frame() {
    for last in [masked(0x88, b"\x03\xe8"), masked(0x83, b"")] {
        let (mut session, mut scratch) = after(&[masked(0x81, b"last words"), last]);
        assert_eq!(session.encode(&mut scratch, kind::TEXT, b"yes").1, Ok(()));
        assert_eq!(scratch.output(), b"\x81\x03yes");
        let _ = session.timer(&mut scratch, 0);
        assert_eq!(scratch.output()[0], 0x88);
    }
}

#[test]
fn the_program_can_answer_a_close_frame_itself() {
    let (mut session, mut scratch) = after(&[masked(0x88, b"\x03\xe8")]);
    let (outcome, result) = session.encode(&mut scratch, kind::CLOSE, b"\x0f\xa0");
    assert_eq!(
        (result, outcome.ends, scratch.output()),
        (Ok(()), true, &b"\x88\x02\x0f\xa0"[..])
    );
    let (mut session, mut scratch) = after(&[masked(0x88, b"\x03\xe9")]);
    assert_eq!(session.end(&mut scratch).1, Ok(()));
    assert_eq!(scratch.output(), b"\x88\x02\x03\xe9");
}

#[test]
fn an_end_without_a_close_frame_is_an_error() {
    let error = |frames: &[Vec<u8>]| served(&Settings::default(), &[], frames).fault;
    let expected = Error::new(
        ErrorKind::Truncated,
        "the connection ended without a close frame",
    )
    .with_number(1006);
    assert_eq!(error(&[masked(0x81, b"x")]), Some(Fault::Error(expected)));
    let whole = masked(0x81, b"hello");
    assert_eq!(
        error(&[whole[..whole.len() - 1].to_vec()]),
        Some(Fault::Error(Error::truncated().with_number(1006)))
    );
}

#[test]
fn pings_and_empty_fragments_do_not_pile_up_in_front_of_a_message() {
    let mut session = Factory::new(server(&Settings::default())).session(Role::Server);
    let mut scratch = Scratch::default();
    let mut input = [request(&[]), masked(0x01, b"begun")].concat();
    for _ in 0..10_000 {
        input.extend(masked(0x89, b"ping"));
        input.extend(masked(0x00, b""));
        let (outcome, result) = session.decode(&mut scratch, &mut input, usize::MAX);
        assert_eq!(result, Ok(()));
        input.drain(..outcome.consumed);
        assert!(input.len() < 5000, "{}", input.len());
    }
    input.extend(masked(0x80, b" and done"));
    let (_, result) = session.decode(&mut scratch, &mut input, usize::MAX);
    assert_eq!((result, scratch.made()), (Ok(()), &b"begun and done"[..]));
}

#[test]
fn no_bytes_make_a_session_panic() {
    let mut settings = Settings::default();
    for control in [false, true] {
        settings.control = control;
        for fragments in [None, Some(1024)] {
            settings.fragments = fragments;
            let wire = [request(&[]), talk().concat()].concat();
            survives(|| server(&settings), Role::Server, 3000, &wire);
        }
    }
}
