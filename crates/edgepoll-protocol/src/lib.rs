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
//!         ShortSession { has_ended: false }
//!     }
//! }
//!
//! struct ShortSession {
//!     has_ended: bool,
//! }
//!
//! impl Session for ShortSession {
//!     // What the owner writes goes through `encode`.
//!     const ENCODES: bool = true;
//!
//!     fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
//!         // The input is not empty.
//!         let length = usize::from(input[0]);
//!         if length == 0 {
//!             if !self.has_ended {
//!                 io.send(&[0]);
//!             }
//!             return Ok(Step::Skip(1));
//!         }
//!         let end = 1 + length;
//!         if input.len() < end {
//!             // Nothing is kept: the same bytes are shown again, with more behind them.
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
//!     fn end(&mut self, _io: &mut Io<'_>) {
//!         self.has_ended = true;
//!     }
//!
//!     fn limit(&self) -> usize {
//!         256
//!     }
//! }
//!
//! // In the tests of the crate. The allocator counts memory for `check`.
//! use edgepoll_protocol::testing::{self, SeenField};
//!
//! #[global_allocator]
//! static MEMORY: testing::Counted = testing::Counted;
//!
//! let came = testing::check(|| Short, Role::Server, [b"\x02hi\x00\x01!"]);
//! assert_eq!(came[0].messages[0].fields, [SeenField::Bytes(b"hi".to_vec())]);
//! assert_eq!(came[0].output, [0]);
//!
//! let there = testing::round_trip(|| Short, || Short, Role::Client, &[(0, b"hello")]);
//! assert_eq!(there[0][0].fields, [SeenField::Bytes(b"hello".to_vec())]);
//! ```
//!
//! # From JavaScript
//! Make the crate a `cdylib`, turn on the feature `node`, and export a function that makes the protocol from the options that JavaScript
//! passes:
//! ```ignore
//! use edgepoll_protocol::node::{OptionError, Options};
//!
//! edgepoll_protocol::export_protocol!(c"short" => make);
//!
//! fn make(options: &Options) -> Result<Short, OptionError> {
//!     let most = options.integer(c"most", 1..=255, 255)?;
//!     Ok(Short { most })
//! }
//! ```
//! The shared library, renamed to `short.node`, is the addon. JavaScript passes what its function returns to `listen()` or `connect()`
//! of the npm package `edgepoll`, with the names of the fields and kinds:
//! ```js
//! const { short } = require('./short.node');
//! const protocol = {
//!   name: 'short',
//!   native: short({ most: 100 }),
//!   decode: (message) => message.text(0),
//!   encode: (text, writer) => writer.text(text),
//! };
//! ```
//!
//! # From Rust
//! The crate `edgepoll` takes a [`Protocol`] as it is, without the ABI's version between them.
//!
//! # Contract
//! [`Session`] has the rules. A session that breaks one, or panics, ends its own connection with an error, and no other. [`testing`] finds
//! most faults of this kind: [`testing::check`] runs all its checks in one call. [`fuzz_target!`] makes a fuzz target.
//!
//! # The ABI
//! A plug-in is a shared library that another compiler may have built. What crosses the border are the C structures of [`abi`], which has
//! their rules: what may change within a version, and what a host does with a plug-in of another one.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the examples of the project's docs/protocols.md as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/protocols.md")]
struct Tutorial;

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
