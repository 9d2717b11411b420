//! WebSocket (RFC 6455) with compression (RFC 7692), for the server and for the client, as a protocol of edgepoll.
//!
//! The crate makes no system call and has no timer of its own: [`edgepoll_protocol`] describes who calls it. Pings are answered, and the
//! closing handshake is done, without the program.
//!
//! ```
//! use edgepoll_protocol::{testing, Role};
//! use edgepoll_websocket::{kind, Settings, WebSocket};
//!
//! let wire = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
//!     \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! let make = || WebSocket::new(Settings::default()).unwrap();
//! let came = testing::any_cut_gives_the_same(make, Role::Server, wire, 20);
//! assert_eq!(came.messages[1].kind, kind::TEXT);
//! assert_eq!(came.messages[1].fields, [testing::SeenField::Bytes(b"Hello".to_vec())]);
//! ```

mod code;
mod deflate;
mod failure;
mod frame;
mod handshake;
pub mod kind;
#[cfg(feature = "node")]
mod node;
mod protocol;
mod random;
mod receive;
mod send;
mod session;
mod settings;
mod shared;
mod utf8;

pub use protocol::WebSocket;
pub use session::WebSocketSession;
pub use settings::{Accepts, Deflate, Settings, MOST_OF_MESSAGE};
