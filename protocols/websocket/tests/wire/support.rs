//! Requests and frames, as a client sends them.

use edgepoll_protocol::testing::{any_cut_gives_the_same, Came, Seen, SeenField};
use edgepoll_protocol::Role;
use edgepoll_websocket::{Settings, WebSocket};

pub(crate) fn server(settings: &Settings) -> WebSocket {
    WebSocket::predictable(settings.clone(), 1).unwrap()
}

/// A request with these further headers.
pub(crate) fn request(headers: &[&str]) -> Vec<u8> {
    let mut request = "GET /chat?x=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        .to_owned();
    for line in headers {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// A client's frame.
pub(crate) fn masked(first: u8, body: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x9a, 0x55, 0xf0];
    let mut wire = plain(first, body.len());
    wire[1] |= 0x80;
    wire.extend(mask);
    wire.extend(
        body.iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    wire
}

/// A server's frame.
pub(crate) fn unmasked(first: u8, body: &[u8]) -> Vec<u8> {
    [plain(first, body.len()), body.to_vec()].concat()
}

fn plain(first: u8, length: usize) -> Vec<u8> {
    let mut wire = vec![first];
    match length {
        0..=125 => wire.push(length as u8),
        126..=0xffff => {
            wire.push(126);
            wire.extend((length as u16).to_be_bytes());
        }
        _ => {
            wire.push(127);
            wire.extend((length as u64).to_be_bytes());
        }
    }
    wire
}

/// What a server makes of a request and frames, however they are cut.
pub(crate) fn served(settings: &Settings, headers: &[&str], frames: &[Vec<u8>]) -> Came {
    let wire = [request(headers), frames.concat()].concat();
    any_cut_gives_the_same(|| server(settings), Role::Server, &wire, 50)
}

/// The output behind the response to the request.
pub(crate) fn answers(came: &Came) -> &[u8] {
    let end = came
        .output
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    &came.output[end + 4..]
}

/// Kinds and first fields of the messages behind the one that tells of the handshake.
pub(crate) fn messages(came: &Came) -> Vec<(u8, bool, Vec<u8>)> {
    let bytes = |message: &Seen| match message.fields.first() {
        Some(SeenField::Bytes(bytes)) => bytes.clone(),
        other => panic!("{other:?}"),
    };
    came.messages[1..]
        .iter()
        .map(|message| (message.kind, message.continues, bytes(message)))
        .collect()
}
