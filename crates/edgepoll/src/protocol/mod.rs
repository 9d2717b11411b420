//! How bytes become frames and frames become bytes: the trait that a wire protocol implements.
//!
//! Nothing here makes a system call or reads a clock. Called by the reactor on every receive and write.

mod bytes;
mod lines;

use std::fmt;
use std::ops::Range;

pub use bytes::Bytes;
pub use lines::Lines;

/// One message found in the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the message lies in the input: a range, so that a frame can be handed on without a copy.
    pub body: Range<usize>,
    /// How much of the input the message took up, its delimiters included; never 0, never below `body.end`.
    pub consumed: usize,
}

/// Why a codec gave up. A decode's ends the connection; an encode's is its write's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodecError {
    /// A frame is longer than the codec's limit, in bytes.
    FrameTooLong {
        /// The limit that was passed.
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

/// A wire protocol's two directions for one connection.
///
/// # Contract
/// The same bytes, cut in any way, give the same frames. Input that was not consumed is shown again
/// from its start with more behind it, so a codec may remember how far it has looked, but must not
/// keep bytes. It never buffers: the reactor does, up to [`Codec::limit`].
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
    /// Finds the next frame; `Ok(None)` means that it takes more bytes.
    ///
    /// # Errors
    /// [`CodecError`]: the connection ends with it, after the frames found before.
    fn decode(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError>;

    /// Told the rest after the peer's end: the last frame, if there is one that needs no delimiter.
    /// Called until it gives `Ok(None)` or an error.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when the rest is part of a frame.
    fn decode_end(&mut self, input: &[u8]) -> Result<Option<Frame>, CodecError>;

    /// Appends the message as it goes over the wire.
    ///
    /// # Errors
    /// [`CodecError`] when the message cannot be a frame of this protocol; nothing is sent then, and the connection goes on.
    fn encode(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), CodecError>;

    /// The longest input without a frame in it, in bytes; what the reactor buffers never passes it by more
    /// than one receive.
    /// A frame that is whole is not held against it: a codec with a bound for those refuses them itself, or what it
    /// takes would depend on how the input was cut.
    fn limit(&self) -> usize;

    /// True when [`Codec::encode`] only copies: the reactor then sends from the caller's memory.
    fn passes_through(&self) -> bool {
        false
    }
}
