//! What a program chooses.

use crate::handshake::token::{is_token, is_value};

/// The longest message that may be allowed: 48 MiB. One call of a session can hand over and send 64 MiB in all.
pub const MOST_OF_MESSAGE: usize = 48 << 20;

/// The kinds of messages that are accepted from the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accepts {
    /// Text and binary messages.
    #[default]
    Both,
    /// Text messages. A binary one ends the connection with code 1003.
    Text,
    /// Binary messages. A text ends the connection with code 1003.
    Binary,
}

/// What a program chooses for compression (RFC 7692).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// The effort, from 1 (fast) to 9. Default 6.
    pub level: u32,
    /// Shorter messages are not compressed. In bytes. Default 1024.
    pub threshold: usize,
    /// The server forgets its window after each message. It then keeps no state for compression between messages: with it, some 300
    /// KiB for each connection that has sent a compressed message. Default false.
    pub server_reset: bool,
    /// The client forgets its window after each message. Default false.
    pub client_reset: bool,
    /// The most that the server's window may be, as a power of two, from 9 to 15. Default 15.
    pub server_bits: u8,
    /// The most that the client's window may be, as a power of two, from 9 to 15. Default 15.
    pub client_bits: u8,
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate {
            level: 6,
            threshold: 1024,
            server_reset: false,
            client_reset: false,
            server_bits: 15,
            client_bits: 15,
        }
    }
}

/// What a program chooses. Times are in milliseconds, and 0 turns one off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The longest message of the peer, after decompression, in bytes, up to [`MOST_OF_MESSAGE`]. A longer one ends the connection with
    /// code 1009. Default 1 MiB.
    pub max_message: usize,
    /// The longest payload of one frame, in bytes. A longer one ends the connection with code 1009. Default: no other limit than that
    /// of messages.
    pub max_frame: usize,
    /// Messages come in parts of at most this many bytes, as they arrive. (Parts of compressed messages may be up to 128 KiB longer.) A
    /// part that is not the last one says so. `None`, the default: messages come whole.
    pub fragments: Option<usize>,
    /// Pings and pongs of the peer come as messages too. Pings are answered in any case. Default false.
    pub control: bool,
    /// The kinds of messages that are accepted from the peer.
    pub accepts: Accepts,
    /// Messages are compressed if the peer agrees. `None`, the default: they are not.
    pub deflate: Option<Deflate>,
    /// A server: the subprotocols that it speaks. It chooses the first one that the client asked for and that is among these. A client:
    /// the subprotocols that it asks for, the preferred one first.
    pub subprotocols: Vec<String>,
    /// A server: the origins that are allowed, as `https://example.com`. An empty string stands for a request without one, which no
    /// browser makes. A request from elsewhere is refused with status 403. `None`, the default: all are allowed.
    pub origins: Option<Vec<String>>,
    /// A server: the program accepts or refuses each handshake, by a message of the kind [`ACCEPT`](crate::kind::ACCEPT) or
    /// [`REJECT`](crate::kind::REJECT). Default false: each correct handshake is accepted.
    pub decide: bool,
    /// The longest head of a request or a response, in bytes. Default 16 KiB.
    pub max_head: usize,
    /// The most headers in it. Default 100.
    pub max_headers: usize,
    /// A client: the host for the header Host, as `example.com:8080`. A client needs it.
    pub host: String,
    /// A client: the path and the query. Default `/`.
    pub path: String,
    /// A client: further headers of the request, each as `name: value`.
    pub headers: Vec<String>,
    /// How long the handshake may take, with the program's answer. Default 10,000.
    pub handshake_timeout: u32,
    /// How long the peer may take to answer a close frame, and a server to end the connection then. Default 10,000.
    pub close_timeout: u32,
    /// The time between two pings. Default 30,000.
    pub ping_interval: u32,
    /// How long nothing may come from the peer after a ping. Default 20,000.
    pub pong_timeout: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_message: 1 << 20,
            max_frame: usize::MAX,
            fragments: None,
            control: false,
            accepts: Accepts::default(),
            deflate: None,
            subprotocols: Vec::new(),
            origins: None,
            decide: false,
            max_head: 16 << 10,
            max_headers: 100,
            host: String::new(),
            path: "/".to_owned(),
            headers: Vec::new(),
            handshake_timeout: 10_000,
            close_timeout: 10_000,
            ping_interval: 30_000,
            pong_timeout: 20_000,
        }
    }
}

impl Settings {
    /// Why these cannot be used. The option's name in JavaScript, and what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(1..=MOST_OF_MESSAGE).contains(&self.max_message) {
            let most = self.max_message;
            return Err(format!(
                "maxMessage must be from 1 to {MOST_OF_MESSAGE}, not {most}"
            ));
        }
        if self.max_frame == 0 {
            return Err("maxFrame must be at least 1, not 0".to_owned());
        }
        if self
            .fragments
            .is_some_and(|most| !(1024..=MOST_OF_MESSAGE).contains(&most))
        {
            return Err(format!(
                "maxFragment must be from 1024 to {MOST_OF_MESSAGE}"
            ));
        }
        if let Some(wrong) = self.subprotocols.iter().find(|name| !is_token(name)) {
            return Err(format!("subprotocols must be tokens, not '{wrong}'"));
        }
        let is_path = |path: &str| {
            path.starts_with('/') && path.bytes().all(|byte| byte > b' ' && byte < 0x7f)
        };
        if !is_path(&self.path) {
            let path = &self.path;
            return Err(format!(
                "path must begin with / and have only printable characters of ASCII, not '{path}'"
            ));
        }
        if !self.host.bytes().all(|byte| byte > b' ' && byte < 0x7f) {
            let host = &self.host;
            return Err(format!(
                "host must have only printable characters of ASCII, not '{host}'"
            ));
        }
        for line in &self.headers {
            check_line(line).map_err(|why| format!("headers: {why}"))?;
        }
        if let Some(deflate) = &self.deflate {
            if !(9..=15).contains(&deflate.server_bits) || !(9..=15).contains(&deflate.client_bits)
            {
                return Err("deflate: window bits must be from 9 to 15".to_owned());
            }
            if !(1..=9).contains(&deflate.level) {
                return Err("deflate: level must be from 1 to 9".to_owned());
            }
        }
        Ok(())
    }
}

/// Headers that a program cannot set, because the handshake is made of them, and those that tell where a message ends.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ours = [
        "host",
        "connection",
        "upgrade",
        "content-length",
        "transfer-encoding",
    ];
    ours.contains(&name.as_str()) || name.starts_with("sec-websocket-")
}

/// Checks a header, as `name: value`.
pub(crate) fn check_line(line: &str) -> Result<(), String> {
    match line.split_once(':') {
        Some((name, value)) if is_token(name) && is_value(value) => {
            if is_reserved(name) {
                return Err(format!("'{name}' is a header of the handshake itself"));
            }
            Ok(())
        }
        _ => Err("a header is a name, a colon and a value without control characters".to_owned()),
    }
}
