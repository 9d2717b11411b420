//! Why a request is refused, in the words of Redis.

use edgepoll_protocol::{Error, ErrorKind};

/// Why a request is refused. The text stands in the reply, behind `-ERR Protocol error: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The count of arguments is no number, or above [`Settings::max_arguments`](crate::Settings::max_arguments).
    Count,
    /// The count of arguments is above 10 before authentication.
    CountUnauthenticated,
    /// Another byte than `$` stands where an argument begins.
    NoBulk(u8),
    /// An argument's length is no number, or above [`Settings::max_bulk`](crate::Settings::max_bulk).
    Length,
    /// An argument's length is above 16,384 before authentication.
    LengthUnauthenticated,
    /// No CR LF stands behind an argument.
    Terminator,
    /// The whole request is above [`Settings::max_total`](crate::Settings::max_total).
    Total,
    /// An inline command is longer than 64 KiB.
    Inline,
    /// Quotes of an inline command are not closed, or a word follows them directly.
    Quotes,
    /// An inline command contains a zero byte.
    Zero,
}

impl Refusal {
    /// The text, without the byte that [`Refusal::NoBulk`] has.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Refusal::Count => "invalid multibulk length",
            Refusal::CountUnauthenticated => "unauthenticated multibulk length",
            Refusal::NoBulk(_) => "expected '$', got ",
            Refusal::Length => "invalid bulk length",
            Refusal::LengthUnauthenticated => "unauthenticated bulk length",
            Refusal::Terminator => "expected CR LF behind a bulk",
            Refusal::Total => "too big request",
            Refusal::Inline => "too big inline request",
            Refusal::Quotes => "unbalanced quotes in request",
            Refusal::Zero => "zero byte in inline request",
        }
    }

    /// The reply to the peer.
    #[must_use]
    pub fn reply(self) -> Vec<u8> {
        let mut reply = b"-ERR Protocol error: ".to_vec();
        reply.extend_from_slice(self.text().as_bytes());
        if let Refusal::NoBulk(byte) = self {
            // A line end would end the reply.
            let shown = if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                byte
            };
            reply.extend_from_slice(&[b'\'', shown, b'\'']);
        }
        reply.extend_from_slice(b"\r\n");
        reply
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::NoBulk(byte) => Error::new(
                ErrorKind::Malformed,
                format!("{}'{}'", refusal.text(), byte.escape_ascii()),
            ),
            Refusal::CountUnauthenticated | Refusal::LengthUnauthenticated => {
                Error::new(ErrorKind::Refused, refusal.text())
            }
            Refusal::Total | Refusal::Inline => Error::too_long(refusal.text()),
            _ => Error::malformed(refusal.text()),
        }
    }
}
