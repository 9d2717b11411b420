//! The trait [`Codec`], which a wire protocol implements, and its types.

use std::fmt;
use std::ops::Range;

/// One message that was found in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the message lies in the input. It is a range, so that the message can be handed over without a copy.
    pub body: Range<usize>,
    /// How many bytes of the input the message took up, including its delimiters. Never 0, and never below `body.end`.
    pub consumed: usize,
}

/// Why a codec failed. An error of decoding ends the connection. An error of encoding fails the write, and the connection stays
/// open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// A frame is longer than the codec's limit, in bytes.
    FrameTooLong {
        /// The limit.
        limit: usize,
    },
    /// The input ended inside a frame.
    Truncated,
    /// The bytes are not of this protocol; the text says what was wrong.
    Malformed(&'static str),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::FrameTooLong { limit } => write!(f, "a frame is longer than {limit} bytes"),
            CodecError::Truncated => write!(f, "the input ended inside a frame"),
            CodecError::Malformed(what) => write!(f, "malformed input: {what}"),
        }
    }
}

impl std::error::Error for CodecError {}

/// A wire protocol, for one connection: it decodes what the peer sends and encodes what the owner writes.
///
/// # Contract
/// The same bytes give the same frames, however they are cut into receives. Input that was not consumed is passed again
/// from its start, with more bytes after it. So a codec may remember how far it has searched, but it keeps no bytes: the
/// reactor buffers them, up to [`Codec::limit`].
///
/// # Example
/// One length byte, then that many bytes.
/// ```
/// use edgepoll::protocol::{Codec, CodecError, Frame};
///
/// struct Short;
///
/// impl Codec for Short {
///     fn decode(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
///         let Some(&length) = input.first() else { return Ok(None) };
///         let end = 1 + usize::from(length);
///         Ok((input.len() >= end).then_some(Frame { body: 1..end, consumed: end }))
///     }
///     fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError> {
///         if input.is_empty() { Ok(None) } else { Err(CodecError::Truncated) }
///     }
///     fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError> {
///         let length = u8::try_from(message.len()).map_err(|_| CodecError::FrameTooLong { limit: 255 })?;
///         output.push(length);
///         output.extend_from_slice(message);
///         Ok(())
///     }
///     fn limit(&self) -> usize { 256 }
/// }
///
/// let mut codec = Short;
/// let mut wire = Vec::new();
/// codec.encode(b"hi", &mut wire).unwrap();
/// assert_eq!(codec.decode(&wire[..2]), Ok(None));
/// assert_eq!(codec.decode(&wire), Ok(Some(Frame { body: 1..3, consumed: 3 })));
/// ```
pub trait Codec {
    /// Finds the next frame. `Ok(None)` means that more bytes are needed.
    ///
    /// # Errors
    /// [`CodecError`]. The connection ends with it, after the frames that were found before.
    fn decode(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError>;

    /// Finds the next frame after the peer's end, including a last frame that needs no delimiter.
    /// The reactor calls this until it returns `Ok(None)` or an error.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when the rest is part of a frame.
    fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError>;

    /// Appends the message to `output` as it goes over the wire.
    ///
    /// # Errors
    /// [`CodecError`] when the message cannot be a frame of this protocol. Nothing is sent then, and the connection stays open.
    fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError>;

    /// The longest input that may hold no whole frame, in bytes. The reactor never buffers more than one receive beyond it.
    ///
    /// It does not bound whole frames. A codec that bounds those must refuse them itself; otherwise what it accepts would
    /// depend on how the input was cut into receives.
    fn limit(&self) -> usize;

    /// True when [`Codec::encode`] only copies. The reactor then sends from the caller's memory.
    fn passes_through(&self) -> bool {
        false
    }
}
