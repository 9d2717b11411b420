//! Decompression of messages (RFC 7692, section 7.2.2).

use flate2::{Decompress, FlushDecompress, Status};

use crate::failure::Failure;

/// What the sender left away at the end of a message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// The least memory that is added at once.
const LEAST_ROOM: usize = 4096;

/// The state of decompression. It keeps the window from one message to the next.
pub(crate) struct Inflater {
    raw: Decompress,
}

impl Inflater {
    pub(crate) fn new(window_bits: u8) -> Inflater {
        Inflater {
            // zlib has no raw window of 8 bits. One of 9 reads the same.
            raw: Decompress::new_with_window_bits(false, window_bits.max(9)),
        }
    }

    /// Appends the decompressed bytes to `output`, up to `most` bytes in all.
    pub(crate) fn inflate(
        &mut self,
        mut input: &[u8],
        output: &mut Vec<u8>,
        most: usize,
    ) -> Result<(), Failure> {
        loop {
            if output.len() == output.capacity() {
                // One byte more than allowed, to notice that there are too many.
                let room = input.len().saturating_mul(4).max(LEAST_ROOM);
                output.reserve_exact(room.max(output.len()).min(most + 1 - output.len()));
            }
            let before = (self.raw.total_in(), output.len());
            let status = self
                .raw
                .decompress_vec(input, output, FlushDecompress::Sync)
                .map_err(|_| Failure::invalid("a compressed message is broken"))?;
            // At most `input.len()`.
            let taken = (self.raw.total_in() - before.0) as usize;
            input = &input[taken..];
            if output.len() > most {
                return Err(Failure::too_long(
                    "a decompressed message is longer than maxMessage",
                ));
            }
            if status == Status::StreamEnd {
                // The sender marked a block as the last one. What follows starts anew, without the window.
                self.raw.reset(false);
            } else if input.is_empty() && output.len() < output.capacity() {
                return Ok(());
            } else if taken == 0 && output.len() == before.1 && output.len() < output.capacity() {
                return Err(Failure::invalid("a compressed message is broken"));
            }
            if input.is_empty() && status == Status::StreamEnd {
                return Ok(());
            }
        }
    }

    /// Ends a message.
    pub(crate) fn finish(&mut self, output: &mut Vec<u8>, most: usize) -> Result<(), Failure> {
        self.inflate(&TAIL, output, most)
    }

    pub(crate) fn reset(&mut self) {
        self.raw.reset(false);
    }
}
