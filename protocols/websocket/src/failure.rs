//! Why a connection is given up: a close code and a text.

use edgepoll_protocol::{Error, ErrorKind};

use crate::code;

/// A rule that the peer broke, with the code for its close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    pub(crate) text: &'static str,
}

impl Failure {
    pub(crate) const fn protocol(text: &'static str) -> Failure {
        Failure {
            code: code::PROTOCOL,
            text,
        }
    }

    pub(crate) const fn invalid(text: &'static str) -> Failure {
        Failure {
            code: code::INVALID,
            text,
        }
    }

    pub(crate) const fn unsupported(text: &'static str) -> Failure {
        Failure {
            code: code::UNSUPPORTED,
            text,
        }
    }

    pub(crate) const fn too_long(text: &'static str) -> Failure {
        Failure {
            code: code::TOO_LONG,
            text,
        }
    }

    pub(crate) fn error(self) -> Error {
        let kind = match self.code {
            code::TOO_LONG => ErrorKind::TooLong,
            code::UNSUPPORTED => ErrorKind::Refused,
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, self.text).with_number(self.code.into())
    }
}
