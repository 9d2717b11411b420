//! An edge-triggered epoll reactor for Linux that can be extended with wire protocols.
//!
//! The layers, from the top. Each imports only layers below it:
//!
//! - [`reactor`] owns the epoll descriptor, the slots and the ready list. [`reactor::Reactor::turn`] waits once and serves what
//!   is ready.
//! - [`readiness`] watches descriptors of any kind, level- or edge-triggered.
//! - [`descriptor`] makes descriptors and uses them: timers, signals, sockets of any family.
//! - [`connection`] decides what a connection may do next: states, the send queue, limits. It makes no system call and reads no
//!   clock.
//! - [`protocol`] turns bytes into frames and back: the traits of a protocol, and the built-in framings.
//! - [`kernel`] makes the system calls of the reactor, and those that need unsafe code. It has all unsafe code of this crate.
//!   [`descriptor`] and [`readiness`] make other calls through safe functions of the crate nix and the standard library.
//!
//! The types that all layers use are at the crate's root: [`Token`], [`Ready`], [`Errno`], [`Call`] and [`Address`].
//!
//! Nothing here depends on JavaScript, and nothing runs by itself: the caller decides when to turn.
//!
//! # A server
//!
//! A [`reactor::Inbox`] takes the frames and events of a turn, and a protocol finds the frames. This server answers each
//! line in capitals, and stops reading from a peer that does not read its answers.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::{Shutdown, SocketAddr, TcpStream};
//! use std::ops::Range;
//! use std::rc::Rc;
//!
//! use edgepoll::kernel::Space;
//! use edgepoll::protocol::{Factory, Lines};
//! use edgepoll::reactor::{Budget, Event, Found, Inbox, ListenOptions, Reactor};
//! use edgepoll::Token;
//!
//! struct Received {
//!     space: Vec<u8>,
//!     lines: Vec<(Token, Vec<u8>)>,
//!     events: Vec<Event>,
//! }
//!
//! impl Inbox for Received {
//!     fn room(&self) -> usize {
//!         1024 - self.lines.len() - self.events.len()
//!     }
//!     fn space(&mut self, _lend: bool) -> Space<'_> {
//!         Space::from(&mut self.space[..])
//!     }
//!     fn filled(&mut self, _lend: bool, length: usize) -> &mut [u8] {
//!         &mut self.space[..length]
//!     }
//!     fn frame(&mut self, token: Token, body: Range<usize>) {
//!         self.lines.push((token, self.space[body].to_vec()));
//!     }
//!     fn copied_frame(&mut self, token: Token, body: &[u8]) {
//!         self.lines.push((token, body.to_vec()));
//!     }
//!     // The protocol of this program gives frames, so these three are not called.
//!     fn table_room(&self) -> usize {
//!         0
//!     }
//!     fn messages(&mut self, _found: &Found<'_>, _consumed: usize) {}
//!     fn copied_messages(&mut self, _found: &Found<'_>, _body: &[u8]) {}
//!     // Every frame was copied, so the next receive may use the whole space again.
//!     fn received(&mut self, _length: usize) {}
//!     fn event(&mut self, event: Event) {
//!         self.events.push(event);
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut reactor = Reactor::open(256, Budget::default())?;
//! let options = ListenOptions {
//!     protocol: Some(Rc::new(Factory::new(Lines::new(1024)))),
//!     ..ListenOptions::default()
//! };
//! let listener = reactor.listen(SocketAddr::from(([127, 0, 0, 1], 0)), options)?;
//! let address = SocketAddr::try_from(reactor.local_address(listener)?)?;
//! let client = std::thread::spawn(move || -> std::io::Result<String> {
//!     let mut socket = TcpStream::connect(address)?;
//!     socket.write_all(b"hello\nworld\n")?;
//!     socket.shutdown(Shutdown::Write)?;
//!     let mut answers = String::new();
//!     socket.read_to_string(&mut answers)?;
//!     Ok(answers)
//! });
//!
//! let mut received = Received { space: vec![0; 65_536], lines: Vec::new(), events: Vec::new() };
//! let mut is_open = true;
//! while is_open {
//!     reactor.turn(None, &mut received)?;
//!     for (token, line) in received.lines.drain(..) {
//!         // A write fails if the connection was closed meanwhile. An event follows.
//!         if let Ok(queued @ 1..) = reactor.write(token, &line.to_ascii_uppercase(), false) {
//!             println!("{token:?}: {queued} bytes wait");
//!             reactor.pause(token);
//!         }
//!     }
//!     for event in received.events.drain(..) {
//!         match event {
//!             // Only when the queue is empty: the event also reports a queue that has grown.
//!             Event::Queued { token, bytes: 0 } => reactor.resume(token),
//!             Event::End { token } => reactor.end(token),
//!             Event::Closed { .. } => is_open = false,
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(client.join().expect("it does not panic")?, "HELLO\nWORLD\n");
//! # Ok(())
//! # }
//! ```

// docs.rs shows which items need a feature. The attribute needs nightly Rust, which docs.rs has.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]

/// Compiles the protocol in the project's README.md as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;

pub mod connection;
pub mod descriptor;
pub mod kernel;
pub mod protocol;
pub mod reactor;
pub mod readiness;

mod address;
mod call;
mod errno;
#[cfg(test)]
mod glue_tests;
mod ready;
mod sealed;
mod slots;
mod token;

pub use address::{Address, AddressRange, AddressSet, NotARange, NotInternet};
pub use call::Call;
pub use errno::Errno;
pub use ready::Ready;
pub use token::Token;
