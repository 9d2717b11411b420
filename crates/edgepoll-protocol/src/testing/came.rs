//! What a session gave.

use crate::abi::TIMERS;
use crate::host::{Fault, Scratch};
use crate::message::{Field, Messages};

/// A field that a session gave.
#[derive(Clone, Debug, PartialEq)]
pub enum SeenField {
    /// Bytes.
    Bytes(Vec<u8>),
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number. Two NaN count as different.
    Double(f64),
}

/// A message that a session gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its kind.
    pub kind: u8,
    /// Whether the next message continues it.
    pub continues: bool,
    /// Its fields.
    pub fields: Vec<SeenField>,
}

/// Everything that one connection gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Came {
    /// The messages, in order.
    pub messages: Vec<Seen>,
    /// What the session sent.
    pub output: Vec<u8>,
    /// How it failed.
    pub fault: Option<Fault>,
    /// The session paused at the last message.
    pub paused: bool,
    /// The session ended its side.
    pub ended: bool,
    /// In how many milliseconds each timer would expire, when the input was at its end.
    pub timers: [Option<u64>; TIMERS],
}

impl Came {
    pub(super) fn take(&mut self, scratch: &Scratch, consumed: &[u8]) {
        let mut body = consumed.to_vec();
        body.extend_from_slice(scratch.made());
        for message in Messages::new(scratch.table(), &body) {
            let own = |field| match field {
                Field::Bytes(bytes) => SeenField::Bytes(bytes.to_vec()),
                Field::Null => SeenField::Null,
                Field::Integer(value) => SeenField::Integer(value),
                Field::Double(value) => SeenField::Double(value),
            };
            self.messages.push(Seen {
                kind: message.kind(),
                continues: message.continues(),
                fields: message.fields().map(own).collect(),
            });
        }
        self.output.extend_from_slice(scratch.output());
    }

    /// Whether the messages and the output of `self` are the beginning of those of `whole`.
    pub(super) fn is_beginning_of(&self, whole: &Came) -> bool {
        whole.messages.starts_with(&self.messages) && whole.output.starts_with(&self.output)
    }
}
