//! Received bytes that are not a whole frame yet, or that the turn had no room for.
//!
//! It must never bound itself: the codec's limit does. Called by the reactor's receive path.

use std::ops::Deref;

/// A buffer that is one pointer while it is empty: most connections are idle.
#[derive(Debug, Default)]
#[allow(
    clippy::box_collection,
    reason = "the box is what makes an empty one small"
)]
pub struct Carry(Option<Box<Vec<u8>>>);

impl Carry {
    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().extend_from_slice(bytes);
        }
    }

    /// Drops the first `length` bytes.
    pub fn consume(&mut self, length: usize) {
        let Some(bytes) = &mut self.0 else { return };
        bytes.drain(..length);
        if bytes.is_empty() {
            self.0 = None;
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl Deref for Carry {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |bytes| bytes.as_slice())
    }
}
