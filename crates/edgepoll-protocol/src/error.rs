//! Why a session or a layer gave up.

use std::borrow::Cow;
use std::fmt;

/// What kind of fault an [`Error`] reports. Each has a code in JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A message is longer than a limit of the protocol.
    TooLong = 1,
    /// The input ended inside a message.
    Truncated = 2,
    /// The bytes are not of this protocol.
    Malformed = 3,
    /// The bytes are of this protocol, and a rule of this side refuses them: a wrong origin, too many parts, a peer that is too late.
    Refused = 4,
}

impl ErrorKind {
    /// The kind with that number, as it crosses the ABI.
    #[must_use]
    pub fn from_number(number: i32) -> Option<ErrorKind> {
        [
            ErrorKind::TooLong,
            ErrorKind::Truncated,
            ErrorKind::Malformed,
            ErrorKind::Refused,
        ]
        .into_iter()
        .find(|kind| *kind as i32 == number)
    }
}

/// Why a session or a layer gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    number: u32,
    text: Cow<'static, str>,
}

impl Error {
    /// An error of that kind. The text says what was wrong, in lower case and without a full stop. JavaScript shows it behind the
    /// protocol's name.
    #[must_use]
    pub fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Error {
        Error {
            kind,
            number: 0,
            text: text.into(),
        }
    }

    /// The bytes are not of this protocol.
    #[must_use]
    pub const fn malformed(text: &'static str) -> Error {
        Error {
            kind: ErrorKind::Malformed,
            number: 0,
            text: Cow::Borrowed(text),
        }
    }

    /// A message is longer than a limit of the protocol. The text names the limit.
    #[must_use]
    pub const fn too_long(text: &'static str) -> Error {
        Error {
            kind: ErrorKind::TooLong,
            number: 0,
            text: Cow::Borrowed(text),
        }
    }

    /// The input ended inside a message.
    #[must_use]
    pub const fn truncated() -> Error {
        Error {
            kind: ErrorKind::Truncated,
            number: 0,
            text: Cow::Borrowed("the input ended inside a message"),
        }
    }

    /// The same error with a number of the protocol's own, as WebSocket's close codes. JavaScript shows it. 0 means none.
    #[must_use]
    pub fn with_number(mut self, number: u32) -> Error {
        self.number = number;
        self
    }

    /// What kind of fault it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The protocol's own number, or 0.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What was wrong.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
