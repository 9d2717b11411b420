//! What a peer sends in a test, and what the owner answers.

/// What one side of a connection gets: the peer's bytes, and what its owner does at each pause.
///
/// Bytes are a transcript by themselves: functions that take one also take `b"…"`, a slice or a vector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    pub(super) wire: Vec<u8>,
    pub(super) answers: Vec<(u8, Vec<u8>)>,
    pub(super) wait: u64,
    pub(super) is_held: bool,
}

impl Transcript {
    /// The peer's bytes.
    #[must_use]
    pub fn new(wire: impl Into<Vec<u8>>) -> Transcript {
        Transcript {
            wire: wire.into(),
            ..Transcript::default()
        }
    }

    /// What the owner writes when the session pauses for the first time, or the next time if there are answers before. The session
    /// resumes by it, in its `encode`. A session that pauses without a further answer stays paused.
    #[must_use]
    pub fn answer(mut self, kind: u8, body: impl Into<Vec<u8>>) -> Transcript {
        self.answers.push((kind, body.into()));
        self
    }

    /// Lets so many milliseconds pass behind the peer's bytes, before the peer's end. Timers expire in this time.
    #[must_use]
    pub fn wait(mut self, milliseconds: u32) -> Transcript {
        self.wait += u64::from(milliseconds);
        self
    }

    /// The owner takes no input while the time of [`Transcript::wait`] passes: [`Io::is_held`](crate::Io::is_held) is true in
    /// [`Session::timer`](crate::Session::timer).
    #[must_use]
    pub fn hold(mut self) -> Transcript {
        self.is_held = true;
        self
    }

    /// Other bytes, and the same answers.
    pub(super) fn with_wire(&self, wire: Vec<u8>) -> Transcript {
        Transcript {
            wire,
            ..self.clone()
        }
    }
}

impl From<&Transcript> for Transcript {
    fn from(transcript: &Transcript) -> Transcript {
        transcript.clone()
    }
}

impl From<Vec<u8>> for Transcript {
    fn from(wire: Vec<u8>) -> Transcript {
        Transcript::new(wire)
    }
}

impl From<&Vec<u8>> for Transcript {
    fn from(wire: &Vec<u8>) -> Transcript {
        Transcript::new(wire.as_slice())
    }
}

impl From<&[u8]> for Transcript {
    fn from(wire: &[u8]) -> Transcript {
        Transcript::new(wire)
    }
}

impl<const N: usize> From<&[u8; N]> for Transcript {
    fn from(wire: &[u8; N]) -> Transcript {
        Transcript::new(wire.as_slice())
    }
}

impl From<&str> for Transcript {
    fn from(wire: &str) -> Transcript {
        Transcript::new(wire)
    }
}
