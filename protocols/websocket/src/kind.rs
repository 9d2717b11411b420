//! The kinds of messages, in both directions. Those of frames are the opcodes of RFC 6455.

/// The handshake is complete, or waits for the program's answer ([`Settings::decide`](crate::Settings::decide)). Fields: the path of the
/// request (null on a client), the subprotocol (null if there is none), 1 or 0 for whether the answer is awaited, 1 or 0 for whether
/// messages may be compressed, the subprotocols that the client asked for as one text (null on a client, or if there are none), and then
/// name and value of each header, names in lower case.
pub const OPEN: u8 = 0;
/// A text message, or a part of one. One field, which is UTF-8.
pub const TEXT: u8 = 1;
/// A binary message, or a part of one. One field.
pub const BINARY: u8 = 2;
/// To [`encode`](edgepoll_protocol::Session::encode): accepts the handshake. The body is the subprotocol, which may be empty, and then
/// for each further header CR LF and `name: value`.
pub const ACCEPT: u8 = 3;
/// To [`encode`](edgepoll_protocol::Session::encode): refuses the handshake. The body is what follows `HTTP/1.1 ` in the response: the
/// status and its reason, and for each header CR LF and `name: value`. A text for the client may follow behind an empty line.
pub const REJECT: u8 = 4;
/// A close frame. From the peer: the code (1005 if there is none) and the reason. To the peer: nothing, or the code in two bytes (high
/// byte first) and the reason.
pub const CLOSE: u8 = 8;
/// A ping. Those of the peer have been answered.
pub const PING: u8 = 9;
/// A pong.
pub const PONG: u8 = 10;

/// Added to [`TEXT`] or [`BINARY`] for [`encode`](edgepoll_protocol::Session::encode): the message goes on with the next one of that kind.
pub const MORE: u8 = 0x80;
/// Added to [`TEXT`] or [`BINARY`] for [`encode`](edgepoll_protocol::Session::encode): the message is not compressed.
pub const PLAIN: u8 = 0x40;
