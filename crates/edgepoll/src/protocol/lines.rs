//! Lines: a frame ends with LF, and a CR before the LF belongs to the delimiter.
//!
//! Each byte is searched for a delimiter once, however the input arrives.

use memchr::memchr;

use super::codec::{Codec, CodecError, Frame};

/// Splits the input at line feeds. Encoding appends one.
#[derive(Clone, Debug)]
pub struct Lines {
    limit: usize,
    /// How many bytes of the unconsumed input are known to hold no line feed.
    searched: usize,
}

impl Lines {
    /// Lines of at most `limit` bytes, not counting the delimiter.
    #[must_use]
    pub fn new(limit: usize) -> Lines {
        Lines { limit, searched: 0 }
    }

    fn body_end(input: &[u8], delimiter: usize) -> usize {
        if delimiter > 0 && input[delimiter - 1] == b'\r' {
            delimiter - 1
        } else {
            delimiter
        }
    }

    fn too_long(&self) -> CodecError {
        CodecError::FrameTooLong { limit: self.limit }
    }
}

impl Codec for Lines {
    fn decode(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
        let Some(found) = memchr(b'\n', &input[self.searched..]) else {
            self.searched = input.len();
            // A CR at the end may belong to a delimiter whose LF has not arrived yet.
            let complete = input.len() - usize::from(input.last() == Some(&b'\r'));
            return if complete > self.limit {
                Err(self.too_long())
            } else {
                Ok(None)
            };
        };
        let delimiter = self.searched + found;
        self.searched = 0;
        let end = Lines::body_end(input, delimiter);
        if end > self.limit {
            return Err(self.too_long());
        }
        Ok(Some(Frame {
            body: 0..end,
            consumed: delimiter + 1,
        }))
    }

    fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
        if let Some(frame) = self.decode(input)? {
            return Ok(Some(frame));
        }
        self.searched = 0;
        // No LF follows, so a CR at the end belongs to the line.
        if input.len() > self.limit {
            return Err(self.too_long());
        }
        // The last line of a text may lack its delimiter.
        Ok((!input.is_empty()).then_some(Frame {
            body: 0..input.len(),
            consumed: input.len(),
        }))
    }

    fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError> {
        if message.len() > self.limit {
            return Err(self.too_long());
        }
        if memchr(b'\n', message).is_some() {
            return Err(CodecError::Malformed("a line holds a line feed"));
        }
        output.extend_from_slice(message);
        output.push(b'\n');
        Ok(())
    }

    fn limit(&self) -> usize {
        self.limit.saturating_add(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of `step` bytes, as the reactor does.
    fn frames(text: &[u8], step: usize, limit: usize) -> Result<Vec<Vec<u8>>, CodecError> {
        let mut codec = Lines::new(limit);
        let mut rest = Vec::new();
        let mut found = Vec::new();
        for piece in text.chunks(step) {
            rest.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&rest)? {
                found.push(rest[frame.body].to_vec());
                rest.drain(..frame.consumed);
            }
        }
        while let Some(frame) = codec.decode_end(&rest)? {
            found.push(rest[frame.body].to_vec());
            rest.drain(..frame.consumed);
        }
        Ok(found)
    }

    #[test]
    fn any_chunking_gives_the_same_lines() {
        let text = b"one\r\n\ntwo\nthree\r\r\n\r\nlast";
        let whole: Vec<Vec<u8>> = [&b"one"[..], b"", b"two", b"three\r", b"", b"last"]
            .iter()
            .map(|line| line.to_vec())
            .collect();
        for step in 1..=text.len() {
            assert_eq!(
                frames(text, step, 100).as_ref(),
                Ok(&whole),
                "pieces of {step}"
            );
        }
    }

    #[test]
    fn the_limit_applies_with_and_without_a_delimiter() {
        for step in 1..8 {
            assert!(frames(b"12345\r\n", step, 5).is_ok(), "pieces of {step}");
            assert_eq!(
                frames(b"123456\n", step, 5),
                Err(CodecError::FrameTooLong { limit: 5 })
            );
            assert_eq!(
                frames(b"1234567", step, 5),
                Err(CodecError::FrameTooLong { limit: 5 })
            );
        }
    }

    #[test]
    fn the_limit_applies_where_a_last_cr_is_no_delimiter() {
        for step in 1..8 {
            assert_eq!(
                frames(b"12345\r", step, 5),
                Err(CodecError::FrameTooLong { limit: 5 }),
                "pieces of {step}"
            );
            assert_eq!(frames(b"1234\r", step, 5), Ok(vec![b"1234\r".to_vec()]));
        }
    }

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let mut codec = Lines::new(usize::MAX);
        assert_eq!(codec.decode(b"part of a line"), Ok(None));
        assert_eq!(codec.limit(), usize::MAX);
    }

    #[test]
    fn encoding_refuses_a_message_that_would_not_decode_as_one_line() {
        let mut output = Vec::new();
        assert!(Lines::new(9).encode(b"a\nb", &mut output).is_err());
        assert!(Lines::new(2).encode(b"abc", &mut output).is_err());
        assert!(output.is_empty());
        assert_eq!(Lines::new(2).encode(b"ab", &mut output), Ok(()));
        assert_eq!(output, b"ab\n");
    }
}
