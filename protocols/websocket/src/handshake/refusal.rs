//! Refusals of a server.

use edgepoll_protocol::{Error, ErrorKind, Io};

/// The answer to a request that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    reason: &'static str,
    /// Further headers, each with CR LF.
    headers: &'static str,
    pub(crate) text: &'static str,
}

impl Refusal {
    pub(crate) const fn bad(text: &'static str) -> Refusal {
        Refusal {
            status: 400,
            reason: "Bad Request",
            headers: "",
            text,
        }
    }

    pub(crate) const METHOD: Refusal = Refusal {
        status: 405,
        reason: "Method Not Allowed",
        headers: "Allow: GET\r\n",
        text: "the method of a WebSocket handshake is GET",
    };
    pub(crate) const ORIGIN: Refusal = Refusal {
        status: 403,
        reason: "Forbidden",
        headers: "",
        text: "the origin is not allowed",
    };
    pub(crate) const TIMEOUT: Refusal = Refusal {
        status: 408,
        reason: "Request Timeout",
        headers: "",
        text: "the handshake took longer than handshakeTimeout",
    };
    pub(crate) const NO_UPGRADE: Refusal = Refusal {
        status: 426,
        reason: "Upgrade Required",
        headers: "Upgrade: websocket\r\n",
        text: "this is a WebSocket server: the request asks for no upgrade to websocket",
    };
    pub(crate) const VERSION: Refusal = Refusal {
        status: 426,
        reason: "Upgrade Required",
        headers: "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        text: "the version of WebSocket is not 13",
    };
    pub(crate) const HEAD_TOO_LONG: Refusal = Refusal {
        status: 431,
        reason: "Request Header Fields Too Large",
        headers: "",
        text: "the head of the request is longer than maxHead",
    };
    pub(crate) const TOO_MANY_HEADERS: Refusal = Refusal {
        status: 431,
        reason: "Request Header Fields Too Large",
        headers: "",
        text: "the request has more headers than maxHeaders",
    };

    /// Sends the answer.
    pub(crate) fn send(self, io: &mut Io<'_>) -> Error {
        send(
            io,
            &format!("{} {}", self.status, self.reason),
            self.headers,
            self.text,
        );
        let kind = match self.status {
            400 | 405 | 426 => ErrorKind::Malformed,
            431 => ErrorKind::TooLong,
            _ => ErrorKind::Refused,
        };
        Error::new(kind, self.text).with_number(self.status.into())
    }
}

/// Sends a response. `headers` end with CR LF each.
pub(crate) fn send(io: &mut Io<'_>, status: &str, headers: &str, text: &str) {
    // A text that the program gave may have its type among the headers.
    let has_type = headers.to_ascii_lowercase().contains("content-type:");
    let kind = if text.is_empty() || has_type {
        ""
    } else {
        "Content-Type: text/plain; charset=utf-8\r\n"
    };
    let length = text.len();
    let response = format!(
        "HTTP/1.1 {status}\r\n{headers}{kind}Connection: close\r\nContent-Length: {length}\r\n\r\n{text}"
    );
    io.send(response.as_bytes());
}
