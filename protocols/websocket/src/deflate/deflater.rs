//! Compression of messages (RFC 7692, section 7.2.1).

use flate2::{Compress, Compression, FlushCompress};

/// What is left away at the end of a message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The state of compression. It keeps the window from one message to the next.
pub(crate) struct Deflater {
    raw: Compress,
}

impl Deflater {
    pub(crate) fn new(level: u32, window_bits: u8) -> Deflater {
        Deflater {
            raw: Compress::new_with_window_bits(
                Compression::new(level),
                false,
                window_bits.clamp(9, 15),
            ),
        }
    }

    /// Appends the compressed bytes of a message, or of a part of one, to `output`. Returns false if zlib fails, which it does not
    /// unless its state is broken.
    #[must_use]
    pub(crate) fn deflate(&mut self, mut body: &[u8], is_last: bool, output: &mut Vec<u8>) -> bool {
        loop {
            output.reserve(body.len() / 2 + 64);
            let before = self.raw.total_in();
            if self
                .raw
                .compress_vec(body, output, FlushCompress::Sync)
                .is_err()
            {
                return false;
            }
            body = &body[(self.raw.total_in() - before) as usize..];
            if body.is_empty() && output.len() < output.capacity() {
                break;
            }
        }
        if is_last && output.ends_with(&TAIL) {
            output.truncate(output.len() - TAIL.len());
        }
        true
    }

    pub(crate) fn reset(&mut self) {
        self.raw.reset();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::deflate::inflate::Inflater;

    #[test]
    fn what_is_compressed_is_read_again() {
        let mut random = 1_u32;
        for bits in 9..=15 {
            let (mut deflater, mut inflater) = (Deflater::new(6, bits), Inflater::new(bits));
            for length in [1_usize, 10, 100, 1000, 100_000] {
                let mut body: Vec<u8> = (0..length).map(|at| (at / 7) as u8).collect();
                for byte in body.iter_mut().step_by(3) {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *byte = (random >> 24) as u8;
                }
                let (mut wire, mut back) = (Vec::new(), Vec::new());
                assert!(deflater.deflate(&body, true, &mut wire));
                for piece in wire.chunks(33) {
                    inflater.inflate(piece, &mut back, length).unwrap();
                }
                inflater.finish(&mut back, length).unwrap();
                assert!(back == body, "{bits} bits, {length} bytes");
            }
        }
    }

    #[test]
    fn a_bomb_is_noticed_before_it_is_unpacked() {
        let mut wire = Vec::new();
        assert!(Deflater::new(9, 15).deflate(&vec![0; 10 << 20], true, &mut wire));
        let mut output = Vec::new();
        let failure = Inflater::new(15)
            .inflate(&wire, &mut output, 5000)
            .unwrap_err();
        assert_eq!(failure.code, crate::code::TOO_LONG);
        assert!(output.capacity() < 20_000);
    }

    #[test]
    fn a_block_that_is_marked_as_the_last_one_is_read() {
        // RFC 7692, section 7.2.3.4.
        let wire = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        for size in 1..=wire.len() {
            let (mut inflater, mut output) = (Inflater::new(15), Vec::new());
            for piece in wire.chunks(size) {
                inflater.inflate(piece, &mut output, 5).unwrap();
            }
            inflater.finish(&mut output, 5).unwrap();
            assert_eq!(output, b"Hello");
        }
    }
}
