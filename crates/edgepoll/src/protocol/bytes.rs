//! The framing of connections without a protocol: what one receive gave is one frame.

use super::codec::{Codec, CodecError, Frame};

/// Passes bytes through: what one receive gave is one frame, without a copy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes;

impl Codec for Bytes {
    fn decode(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
        Ok((!input.is_empty()).then_some(Frame {
            body: 0..input.len(),
            consumed: input.len(),
        }))
    }

    fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
        self.decode(input)
    }

    fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError> {
        output.extend_from_slice(message);
        Ok(())
    }

    fn limit(&self) -> usize {
        0
    }

    fn passes_through(&self) -> bool {
        true
    }
}
