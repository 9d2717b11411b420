//! Reads messages from the table that a session wrote.

use crate::abi::{DOUBLE, FIELD, FIELDS_SHIFT, INTEGER, MORE, NULL};

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// No value.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
}

/// A message: its kind and its fields.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    header: i32,
    fields: &'a [i32],
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// The kind, of the protocol's own choice.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.header.cast_unsigned() as u8
    }

    /// Whether the next message continues this one.
    #[must_use]
    pub fn continues(&self) -> bool {
        self.header & MORE != 0
    }

    /// The fields, in order.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Field<'a>> + use<'a> {
        let body = self.body;
        self.fields
            .chunks_exact(FIELD)
            .map(move |field| read(field, body))
    }

    /// The bytes of one field; `None` if there is no such field, or it is no bytes.
    #[must_use]
    pub fn bytes(&self, field: usize) -> Option<&'a [u8]> {
        match self.fields().nth(field)? {
            Field::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn read<'a>(field: &[i32], body: &'a [u8]) -> Field<'a> {
    let &[first, length, third] = field else {
        return Field::Null;
    };
    let bits = || u64::from(third.cast_unsigned()) << 32 | u64::from(first.cast_unsigned());
    match length {
        NULL => Field::Null,
        INTEGER => Field::Integer(bits().cast_signed()),
        DOUBLE => Field::Double(f64::from_bits(bits())),
        _ => {
            let start = usize::try_from(first).unwrap_or(usize::MAX);
            let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
            // A host has checked the range.
            Field::Bytes(body.get(start..end).unwrap_or_default())
        }
    }
}

/// The messages of one call: an iterator over a table.
#[derive(Clone, Copy, Debug)]
pub struct Messages<'a> {
    table: &'a [i32],
    body: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages of `table`, whose fields lie in `body`: the consumed input, and behind it what the session copied.
    #[must_use]
    pub fn new(table: &'a [i32], body: &'a [u8]) -> Messages<'a> {
        Messages { table, body }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let (&header, rest) = self.table.split_first()?;
        let numbers = (header.cast_unsigned() >> FIELDS_SHIFT) as usize * FIELD;
        let (fields, rest) = rest.split_at_checked(numbers)?;
        self.table = rest;
        Some(Message {
            header,
            fields,
            body: self.body,
        })
    }
}
