//! Requests, and the server's answers to them.

use edgepoll_protocol::host::{Factory, Fault, Handle, Scratch};
use edgepoll_protocol::testing::{any_cut_gives_the_same, Came, SeenField};
use edgepoll_protocol::Role;
use edgepoll_websocket::{kind, Settings};

use crate::support::{masked, request, served, server};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn field(value: &str) -> SeenField {
    SeenField::Bytes(value.into())
}

/// The answer to a request as it stands.
fn answer(settings: &Settings, wire: &str) -> (String, Came) {
    let came = any_cut_gives_the_same(|| server(settings), Role::Server, wire.as_bytes(), 20);
    (text(&came.output), came)
}

#[test]
fn a_correct_request_is_accepted_and_the_program_sees_path_and_headers() {
    let mut settings = Settings::default();
    settings.subprotocols = vec!["v1".into(), "v2".into()];
    let frames = [masked(0x88, b"")];
    let came = served(
        &settings,
        &[
            "Sec-WebSocket-Protocol: v3, v2",
            "X-Empty:",
            "Sec-WebSocket-Protocol: v1",
        ],
        &frames,
    );
    assert_eq!(came.fault, None);
    let output = String::from_utf8_lossy(&came.output);
    assert!(output.starts_with(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: v2\r\n\r\n"
    ));
    let open = &came.messages[0];
    assert_eq!(open.kind, kind::OPEN);
    assert_eq!(
        open.fields[..5],
        [
            field("/chat?x=1"),
            field("v2"),
            SeenField::Integer(0),
            SeenField::Integer(0),
            field("v3, v2, v1")
        ]
    );
    assert_eq!(open.fields[5..7], [field("host"), field("example.com")]);
    assert_eq!(
        open.fields[open.fields.len() - 4..][..2],
        [field("x-empty"), field("")]
    );
}

#[test]
fn a_wrong_request_gets_the_status_that_says_why() {
    let mut settings = Settings::default();
    settings.origins = Some(vec!["https://example.com".into(), String::new()]);
    settings.max_head = 1000;
    settings.max_headers = 10;
    let good = text(&request(&[]));
    let without = |line: &str| {
        let lines: Vec<&str> = good
            .split("\r\n")
            .filter(|one| !one.starts_with(line))
            .collect();
        lines.join("\r\n")
    };
    let with = |line: &str| text(&request(&[line]));
    for (wire, status) in [
        (good.clone(), "101"),
        (with("Origin: https://EXAMPLE.com"), "101"),
        (with("Origin: https://example.com.evil.org"), "403"),
        (with("Origin: null"), "403"),
        (with("Content-Length: 0"), "101"),
        (with("Content-Length: 5"), "400"),
        (with("Transfer-Encoding: chunked"), "400"),
        (with("Host: other"), "400"),
        (with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "400"),
        (with("Sec-WebSocket-Extensions: ;;"), "400"),
        (with("Sec-WebSocket-Protocol: a b"), "400"),
        (with("no header"), "400"),
        (with(" folded: line"), "400"),
        (without("Host"), "400"),
        (without("Upgrade"), "426"),
        (without("Connection"), "400"),
        (without("Sec-WebSocket-Key"), "400"),
        (without("Sec-WebSocket-Version"), "426"),
        (good.replace("Version: 13", "Version: 8"), "426"),
        (good.replace("GET", "POST"), "405"),
        (good.replace("HTTP/1.1", "HTTP/1.0"), "400"),
        (good.replace("HTTP/1.1", "HTTP/2"), "400"),
        (good.replace(": websocket", ": websockets"), "426"),
        (good.replace("\r\nHost", "\n\nHost"), "400"),
        (with(&format!("X: {}", "x".repeat(1000))), "431"),
        (
            text(&request(&["A: 1", "B: 2", "C: 3", "D: 4", "E: 5", "F: 6"])),
            "431",
        ),
        ("\x16\x03\x01 as TLS begins".into(), "400"),
        ("GET ".repeat(300), "431"),
    ] {
        let (output, came) = answer(&settings, &wire);
        assert!(
            output.starts_with(&format!("HTTP/1.1 {status} ")),
            "{wire}\n{output}"
        );
        if status != "101" {
            assert!(came.messages.is_empty());
            let Some(Fault::Error(error)) = came.fault else {
                panic!("{wire}: {:?}", came.fault)
            };
            assert_eq!(error.number().to_string(), status);
            assert!(output.ends_with(error.text()));
        }
        assert_eq!(
            output.contains("Sec-WebSocket-Version: 13\r\n"),
            output.contains("version of WebSocket is not")
        );
    }
}

#[test]
fn a_request_without_an_origin_can_be_refused() {
    let mut settings = Settings::default();
    settings.origins = Some(vec!["https://example.com".into()]);
    assert!(answer(&settings, &text(&request(&[])))
        .0
        .starts_with("HTTP/1.1 403 "));
}

#[test]
fn an_end_before_the_first_byte_is_no_error() {
    let (output, came) = answer(&Settings::default(), "");
    assert_eq!(
        (output.as_str(), came.fault, came.messages.len()),
        ("", None, 0)
    );
    let cut = &text(&request(&[]))[..50];
    assert!(answer(&Settings::default(), cut).1.fault.is_some());
}

/// A connection whose request waits for the program.
fn asking() -> (Handle, Scratch) {
    let mut settings = Settings::default();
    settings.decide = true;
    let mut session = Factory::new(server(&settings)).session(Role::Server);
    let mut scratch = Scratch::default();
    let mut input = request(&["Sec-WebSocket-Protocol: v1, v2"]);
    let (outcome, result) = session.decode(&mut scratch, &mut input, usize::MAX);
    assert_eq!(
        (result, outcome.pauses, outcome.consumed),
        (Ok(()), true, input.len())
    );
    assert!(scratch.output().is_empty());
    (session, scratch)
}

#[test]
fn the_program_accepts_a_request() {
    let (mut session, mut scratch) = asking();
    for wrong in [
        "v3",
        "\r\nno header",
        "\r\nUpgrade: x",
        "\r\nSec-WebSocket-Accept: x",
        "\r\nX: a\nb",
    ] {
        let (_, result) = session.encode(&mut scratch, kind::ACCEPT, wrong.as_bytes());
        assert!(matches!(result, Err(Fault::Error(_))), "{wrong}");
    }
    let (_, early) = session.encode(&mut scratch, kind::TEXT, b"early");
    assert!(early.is_err());
    let (outcome, result) = session.encode(&mut scratch, kind::ACCEPT, b"v2\r\nSet-Cookie: a=b");
    assert_eq!((result, outcome.resumes), (Ok(()), true));
    let output = text(scratch.output());
    assert!(
        output.ends_with("Sec-WebSocket-Protocol: v2\r\nSet-Cookie: a=b\r\n\r\n"),
        "{output}"
    );
    let (_, result) = session.encode(&mut scratch, kind::TEXT, b"hi");
    assert_eq!((result, scratch.output()), (Ok(()), &b"\x81\x02hi"[..]));
    let (_, again) = session.encode(&mut scratch, kind::ACCEPT, b"");
    assert!(again.is_err());
}

#[test]
fn the_program_refuses_a_request() {
    let (mut session, mut scratch) = asking();
    for wrong in [
        "",
        "200 OK",
        "40 x",
        "4000",
        "403 a\rb",
        "403 Forbidden\r\nContent-Length: 7",
    ] {
        let (_, result) = session.encode(&mut scratch, kind::REJECT, wrong.as_bytes());
        assert!(matches!(result, Err(Fault::Error(_))), "{wrong}");
    }
    let (outcome, result) = session.encode(
        &mut scratch,
        kind::REJECT,
        b"401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\nwho?",
    );
    assert_eq!(
        (result, outcome.resumes, outcome.ends),
        (Ok(()), true, true)
    );
    assert_eq!(
        text(scratch.output()),
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: 4\r\n\r\nwho?"
    );
    let mut late = masked(0x81, b"late");
    let (outcome, result) = session.decode(&mut scratch, &mut late, usize::MAX);
    assert_eq!(
        (result, outcome.consumed, outcome.messages),
        (Ok(()), late.len(), 0)
    );
}
