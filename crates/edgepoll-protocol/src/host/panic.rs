//! What is known of a panic in a plug-in.

use std::fmt;

/// A panic in a plug-in: where it was, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    place: &'static str,
    text: Box<str>,
}

impl Panic {
    /// `text` is empty if the call cannot pass it on: see [`Panic::text`].
    #[must_use]
    pub fn new(place: &'static str, text: impl Into<Box<str>>) -> Panic {
        Panic {
            place,
            text: text.into(),
        }
    }

    /// The name of the method that panicked.
    #[must_use]
    pub fn place(&self) -> &'static str {
        self.place
    }

    /// What the panic said. It is empty for a panic with a value that is no text, and for one in `session`, `layer` or `limit`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked in {}", self.place)?;
        if self.text.is_empty() {
            return Ok(());
        }
        write!(f, ": {}", self.text)
    }
}
