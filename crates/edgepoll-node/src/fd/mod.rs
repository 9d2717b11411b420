//! Functions on descriptors for JavaScript. Descriptors are passed as numbers, and a negative result is an error number.
//!
//! No function keeps JavaScript's memory beyond its call.

pub mod address;
pub mod constants;
pub mod kind;
pub mod make;
pub mod message;
mod number;
mod owned;
mod registry;
mod results;
pub mod signal;
pub mod socket;
mod transfer_methods;
pub mod usage;

pub(crate) use number::borrowed;

pub use address::SocketAddress;
pub use message::{ControlMessage, OutgoingBeside, PacketInfo, QueuedError, ReceivedMessage};
pub use signal::SignalRecord;
pub use usage::InotifyRecord;
