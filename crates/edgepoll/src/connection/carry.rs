//! Received bytes that are not a whole frame yet, or that the turn had no room for.
//!
//! The buffer has no bound of its own: the protocol's limit bounds it.

use std::ops::{Deref, DerefMut};

use crate::protocol::{Error, ErrorKind};

/// The capacity that a buffer with few bytes keeps. Part of a frame and a receive of 64 KiB fit, so that a busy connection does
/// not allocate for each receive.
const KEPT: usize = 128 * 1024;

/// A buffer of bytes. Empty, it is one pointer, because most connections are idle.
#[derive(Debug, Default)]
pub struct Carry(Option<Box<Held>>);

#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    /// How many bytes at the front are dropped already. Moving the rest for each frame would cost the square of its length.
    dropped: usize,
}

impl Carry {
    /// Appends bytes.
    ///
    /// # Errors
    /// There is no memory for them. The peer chooses how long a message is, so that must not end the process.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let held = self.0.get_or_insert_default();
        held.close_up();
        if held.bytes.try_reserve(bytes.len()).is_err() {
            let length = held.bytes.len() + bytes.len();
            let text = format!("there is no memory for {length} bytes of a message");
            return Err(Error::new(ErrorKind::TooLong, text));
        }
        held.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Drops the first `length` bytes.
    pub fn consume(&mut self, length: usize) {
        let Some(held) = &mut self.0 else { return };
        held.dropped = held.dropped.saturating_add(length);
        if held.dropped >= held.bytes.len() {
            self.0 = None;
        } else if held.dropped > held.bytes.len() / 2 {
            held.close_up();
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl Held {
    /// Moves the rest to the front, and frees the memory of a large message. Large messages are rare, and the memory would
    /// otherwise be kept while part of the next one waits.
    fn close_up(&mut self) {
        if self.dropped > 0 {
            self.bytes.drain(..std::mem::take(&mut self.dropped));
            self.bytes
                .shrink_to(self.bytes.len().saturating_mul(2).max(KEPT));
        }
    }
}

impl Deref for Carry {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
            .as_ref()
            .map_or(&[], |held| &held.bytes[held.dropped..])
    }
}

impl DerefMut for Carry {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0
            .as_mut()
            .map_or(&mut [], |held| &mut held.bytes[held.dropped..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_after_a_large_message_does_not_keep_its_memory() {
        let mut carry = Carry::default();
        carry.push(&vec![7; 1 << 20]).expect("memory");
        carry.push(b"next").expect("memory");
        carry.consume(1 << 20);
        assert_eq!(&*carry, b"next");
        let kept = carry.0.map_or(0, |held| held.bytes.capacity());
        assert!(kept <= KEPT, "{kept} bytes for 4");
    }

    #[test]
    fn consuming_frame_by_frame_does_not_move_the_rest() {
        let mut carry = Carry::default();
        carry.push(&[7; 1_000]).expect("memory");
        let start = carry.as_ptr();
        for dropped in 1..=500 {
            carry.consume(1);
            assert_eq!(carry.as_ptr(), start.wrapping_add(dropped));
        }
    }

    #[test]
    fn bytes_keep_their_order_through_all_pushes_and_consumes() {
        let mut carry = Carry::default();
        let (mut pushed, mut consumed) = (0_u32, 0_u32);
        for step in 0..10_000_u32 {
            for _ in 0..step % 23 {
                carry.push(&pushed.to_le_bytes()[..1]).expect("memory");
                pushed += 1;
            }
            let length = carry.len().min(step as usize % 29);
            for byte in &carry[..length] {
                assert_eq!(*byte, consumed.to_le_bytes()[0]);
                consumed += 1;
            }
            carry.consume(length);
            assert_eq!(carry.len(), (pushed - consumed) as usize);
        }
    }
}
