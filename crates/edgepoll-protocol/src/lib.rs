//! Write a wire protocol in Rust, and use it from JavaScript or from a Rust program that uses the crate `edgepoll`.
//!
//! A [`Protocol`] is what a listener or a connect is given. It makes a [`Session`] for each connection. A session sees the bytes
//! that arrive and describes messages: a kind, and fields, most of which are ranges of the input. So nothing is copied, and nothing
//! is parsed twice. A session can also answer the peer by itself, ask for a timer, and change the input in place.
//!
//! A session makes no system call, reads no clock and has no thread. That makes it easy to test: see [`testing`].
//!
//! # Example
//! One length byte, then that many bytes. An empty message is a ping, which the session answers itself.
//! ```
//! use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};
//!
//! struct Short;
//!
//! impl Protocol for Short {
//!     type Session = ShortSession;
//!     const NAME: &'static str = "short";
//!     fn session(&self, _role: Role) -> ShortSession {
//!         ShortSession
//!     }
//! }
//!
//! struct ShortSession;
//!
//! impl Session for ShortSession {
//!     const ENCODES: bool = true;
//!
//!     fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
//!         let Some(&length) = input.first() else {
//!             return Ok(Step::Need(1));
//!         };
//!         if length == 0 {
//!             io.send(&[0]);
//!             return Ok(Step::Skip(1));
//!         }
//!         let end = 1 + usize::from(length);
//!         if input.len() < end {
//!             return Ok(Step::Need(end));
//!         }
//!         io.field(1..end);
//!         Ok(Step::Message(end))
//!     }
//!
//!     fn encode(&mut self, _kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
//!         let length = u8::try_from(body.len()).map_err(|_| Error::too_long("at most 255 bytes"))?;
//!         io.send(&[length]);
//!         io.send(body);
//!         Ok(())
//!     }
//!
//!     fn limit(&self) -> usize {
//!         256
//!     }
//! }
//!
//! let came = edgepoll_protocol::testing::any_cut_gives_the_same(|| Short, Role::Server, b"\x02hi\x00\x01!", 20);
//! assert_eq!(came.messages.len(), 2);
//! assert_eq!(came.output, [0]);
//! ```
//!
//! # The ABI
//! A plug-in is a shared library that another compiler may have built. What crosses the border are the C structures of [`abi`]. They
//! begin with their size and [`abi::ABI`], the version. A host refuses a plug-in of another version. Within one version structures
//! only grow at their end, so a plug-in works with each later host of the same version.

pub mod abi;
mod error;
pub mod host;
mod io;
mod layer;
mod message;
#[cfg(feature = "node")]
pub mod node;
mod protocol;
pub mod testing;

pub use error::{Error, ErrorKind};
pub use io::Io;
pub use layer::{Layer, LayerFactory, LayerIo, Phase};
pub use message::{Field, Message, Messages};
pub use protocol::{Protocol, Role, Session, Step};
