//! The bytes that connections send. Each connection sends its own part of one endless pseudo-random stream, so that a reply
//! that is lost, doubled, moved or sent to the wrong connection differs from the expected bytes.

/// A prime, so that no message size divides it and every connection can start at another place.
const PERIOD: usize = 65_521;
const LONGEST_SLICE: usize = 64 * 1024;
pub(crate) const MAX_MESSAGE: i64 = 64 * 1024;

pub(crate) struct Content {
    bytes: Vec<u8>,
}

/// A place in the stream of one connection.
#[derive(Clone, Copy)]
pub(crate) struct Position(usize);

impl Content {
    pub(crate) fn new() -> Self {
        // xorshift64*. Any fixed, well mixed bytes would do.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut bytes = Vec::with_capacity(PERIOD + LONGEST_SLICE);
        for _ in 0..PERIOD {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            bytes.push(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]);
        }
        // The start is repeated after the end, so that every slice is contiguous.
        for index in 0..LONGEST_SLICE {
            bytes.push(bytes[index]);
        }
        Self { bytes }
    }

    pub(crate) fn start(connection: usize) -> Position {
        Position((connection * 7919) % PERIOD)
    }

    /// The next `length` bytes from `position`, at most `LONGEST_SLICE`.
    pub(crate) fn slice(&self, position: Position, length: usize) -> &[u8] {
        &self.bytes[position.0..position.0 + length.min(LONGEST_SLICE)]
    }
}

impl Position {
    pub(crate) fn advance(&mut self, length: usize) {
        self.0 = (self.0 + length) % PERIOD;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_wrap_around_without_a_seam() {
        let content = Content::new();
        let mut position = Position(PERIOD - 3);
        let across = content.slice(position, 6).to_vec();
        position.advance(3);
        assert_eq!(across[3..], content.slice(position, 3)[..]);
        assert_eq!(content.slice(position, 3), content.slice(Position(0), 3));
    }

    #[test]
    fn connections_send_different_bytes() {
        let content = Content::new();
        let mut seen = std::collections::HashSet::new();
        for connection in 0..19_000 {
            assert!(seen.insert(content.slice(Content::start(connection), 16).to_vec()));
        }
    }
}
