//! The client's side.

use edgepoll_protocol::host::{Factory, Fault, Handle, Scratch};
use edgepoll_protocol::testing::{any_cut_gives_the_same, Came, SeenField};
use edgepoll_protocol::Role;
use edgepoll_websocket::{kind, Deflate, Settings};

use crate::support::{masked, server, unmasked};

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.host = "example.com:8080".into();
    settings.path = "/chat?x=1".into();
    settings.subprotocols = vec!["v1".into(), "v2".into()];
    settings.headers = vec!["Origin: https://example.com".into()];
    settings.deflate = Some(Deflate::default());
    settings
}

/// The request, and the answer that a server gives to it.
fn request() -> (String, String) {
    let mut client = Factory::new(server(&settings())).session(Role::Client);
    let mut scratch = Scratch::default();
    assert_eq!(client.start(&mut scratch).1, Ok(()));
    let request = scratch.output().to_vec();
    let mut own = Settings::default();
    own.subprotocols = vec!["v2".into()];
    own.deflate = Some(Deflate::default());
    let mut other = Factory::new(server(&own)).session(Role::Server);
    let (_, result) = other.decode(&mut scratch, &mut request.clone(), usize::MAX);
    assert_eq!(result, Ok(()));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&request), text(scratch.output()))
}

fn came(wire: &[u8]) -> Came {
    any_cut_gives_the_same(|| server(&settings()), Role::Client, wire, 20)
}

fn number(came: &Came) -> u32 {
    match &came.fault {
        Some(Fault::Error(error)) => error.number(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_is_complete() {
    let (request, _) = request();
    assert!(request.starts_with("GET /chat?x=1 HTTP/1.1\r\nHost: example.com:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
    assert!(request.ends_with(
        "\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v1, v2\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: https://example.com\r\n\r\n"
    ));
}

#[test]
fn what_the_server_sends_is_read_and_what_leaves_is_masked() {
    let (request, response) = request();
    let wire = [
        response.into_bytes(),
        unmasked(0x81, b"hello"),
        unmasked(0x89, b"ping"),
        unmasked(0x88, b"\x03\xe9bye"),
    ];
    let came = came(&wire.concat());
    assert_eq!((&came.fault, came.messages.len()), (&None, 3));
    assert_eq!(
        came.messages[0].fields[..4],
        [
            SeenField::Null,
            SeenField::Bytes(b"v2".to_vec()),
            SeenField::Integer(0),
            SeenField::Integer(1)
        ]
    );
    assert_eq!(
        came.messages[1].fields,
        [SeenField::Bytes(b"hello".to_vec())]
    );
    assert_eq!(
        came.messages[2].fields,
        [SeenField::Integer(1001), SeenField::Bytes(b"bye".to_vec())]
    );
    // Behind the request: a pong and a close frame, each with a mask of its own.
    let frames = &came.output[request.len()..];
    let open = |frame: &[u8]| -> Vec<u8> {
        let mask = &frame[2..6];
        frame[6..]
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect()
    };
    assert_eq!(
        (frames[0], frames[1], open(&frames[..10])),
        (0x8a, 0x84, b"ping".to_vec())
    );
    assert_eq!(
        (frames[10], frames[11], open(&frames[10..])),
        (0x88, 0x82, b"\x03\xe9".to_vec())
    );
    assert_ne!(frames[2..6], frames[12..16]);
}

#[test]
fn a_server_that_does_not_keep_to_the_rules_is_left() {
    let (_, response) = request();
    for (wire, expected) in [
        (
            response.replace("101 Switching Protocols", "404 Not Found"),
            404,
        ),
        (response.replace("Accept: ", "Accept: x"), 0),
        (response.replace("Upgrade: websocket\r\n", ""), 0),
        (response.replace("Protocol: v2", "Protocol: v3"), 0),
        (response.replace("permessage-deflate", "unknown"), 0),
        (response.replace("HTTP/1.1", "HTTP/1.x"), 0),
        ("SSH-2.0".into(), 0),
        (String::new(), 0),
    ] {
        assert_eq!(number(&came(wire.as_bytes())), expected, "{wire}");
    }
    let late = came(&[response.as_bytes(), &masked(0x81, b"x")].concat());
    assert_eq!(number(&late), 1002);
}

#[test]
fn a_client_needs_a_host() {
    let mut client = Factory::new(server(&Settings::default())).session(Role::Client);
    assert!(client.start(&mut Scratch::default()).1.is_err());
}

fn open() -> (Handle, Scratch) {
    let (_, response) = request();
    let mut client = Factory::new(server(&settings())).session(Role::Client);
    let mut scratch = Scratch::default();
    assert_eq!(client.start(&mut scratch).1, Ok(()));
    let (_, result) = client.decode(&mut scratch, &mut response.into_bytes(), usize::MAX);
    assert_eq!(result, Ok(()));
    (client, scratch)
}

#[test]
fn the_server_ends_first() {
    let (mut client, mut scratch) = open();
    let (outcome, result) = client.decode(&mut scratch, &mut unmasked(0x88, b""), usize::MAX);
    assert_eq!((result, outcome.ends), (Ok(()), false));
    assert!(scratch.output().is_empty());
    assert!(scratch.timers().any(|timer| timer == (0, Some(0))));
    let (outcome, result) = client.timer(&mut scratch, 0);
    assert_eq!((result, outcome.ends), (Ok(()), false));
    assert_eq!(scratch.output()[..2], [0x88, 0x80]);
    assert!(scratch.timers().any(|timer| timer == (0, Some(10_000))));
    let (outcome, result) = client.decode_end(&mut scratch, &mut [], usize::MAX);
    assert_eq!((result, outcome.ends), (Ok(()), true));
}

#[test]
fn a_long_message_is_masked_block_by_block() {
    let (mut client, mut scratch) = open();
    let body: Vec<u8> = (0..20_001_u32).map(|at| (at % 251) as u8).collect();
    let (_, result) = client.encode(&mut scratch, kind::BINARY | kind::PLAIN, &body);
    assert_eq!(result, Ok(()));
    let frame = scratch.output().to_vec();
    assert_eq!(frame[..2], [0x82, 0x80 | 126]);
    let mut own = Settings::default();
    own.max_message = 20_001;
    let came = crate::support::served(&own, &[], &[frame]);
    assert_eq!(
        crate::support::messages(&came),
        [(kind::BINARY, false, body)]
    );
}
