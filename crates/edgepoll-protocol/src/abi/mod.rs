//! What crosses the border between a host and a plug-in: C layouts, with their size and version.
//!
//! # Versions
//! [`ABI`] is the version. It counts up with each change that breaks plug-ins or hosts: a field or a function that goes, moves, or means
//! something else; a rule that plug-ins must follow and did not before; a change of [`RawBytes`] or [`RawTable`], which lie inside
//! [`RawIo`]. Such a change comes only in a release of this crate that may change its API: a minor version before 1.0.0, and a major
//! version after it.
//!
//! Within one version, structures only grow at their end, and their `size` says how far they reach. These may be added too: bits of
//! flags, numbers of [`RawPlugin::what`], methods with a default. Neither side needs the other's release to be new:
//!
//! - A host calls a function that was added to [`SessionVtable`] or [`LayerVtable`] only if `size` says that the plug-in has it. Without
//!   it, the host does what the trait's default method does.
//! - A plug-in uses a field that was added to [`RawIo`] only if `size` says that the host has it. The method of [`Io`](crate::Io) that
//!   needs the field says what happens with an older host.
//! - A bit that one side does not know is ignored. So a bit must not be needed for the other side to go on correctly.
//! - A status that a host does not know means [`status::BROKEN`]. So an [`ErrorKind`](crate::ErrorKind) that is added is sent to those
//!   hosts alone whose `RawIo` says that they know it.
//!
//! A host refuses a plug-in of another version, and one whose structures are shorter than the first release of the version made them:
//! [`Mismatch`](crate::host::Mismatch). It reads no more of it than size and version, which come first in each structure, in every
//! version.
//!
//! # Memory and threads
//! The host owns [`RawIo`] and all that is in it. A plug-in owns its sessions, and the value behind [`RawPlugin::data`], which belongs to
//! the thread that made it. A plug-in's library is never unloaded. No panic crosses the border.

#![allow(
    unsafe_code,
    reason = "the border is made of raw pointers: each block names the rule that it relies on"
)]

mod call;
mod layer;
mod memory;
mod plugin;
mod session;
#[cfg(test)]
mod tests;

#[cfg(feature = "node")]
pub(crate) use call::{forget_panic, panic_text};
pub use layer::LayerVtable;
pub use memory::{RawBytes, RawTable};
pub use plugin::{layer_plugin, protocol_plugin, RawPlugin, LAYER, PROTOCOL, TAG_LOWER, TAG_UPPER};
pub(crate) use session::VtableOf;
pub use session::{SessionVtable, ENCODES, FRAMES};

/// The version of the ABI: see [Versions](self#versions).
pub const ABI: u32 = 1;

/// Timers of a session, and of a layer.
pub const TIMERS: usize = 4;
/// In [`RawIo::timers`]: the timer is stopped.
pub const NO_TIMER: u32 = u32::MAX;

/// The limit of a session, or a layer, that has none.
pub const NO_LIMIT: usize = usize::MAX - 1;

/// Numbers of a field in the table: offset, length, and what it is.
pub const FIELD: usize = 3;
/// Bit of a message's header: the next message continues this one. The bits below hold the kind.
pub const MORE: i32 = 1 << 8;
/// Position of the number of fields in a message's header.
pub const FIELDS_SHIFT: u32 = 9;
/// Length of a field that has no value.
pub const NULL: i32 = -1;
/// Length of a field that is an integer: its low half stands in the first number, its high half in the third.
pub const INTEGER: i32 = -2;
/// Length of a field that is a double, stored like an integer.
pub const DOUBLE: i32 = -3;
/// Third number of a field that is a name: JavaScript interns it.
pub const NAME: i32 = -1;
/// Third number of a field that lies in [`RawIo::made`], not in the input.
pub const MADE: i32 = -2;

/// Bit of [`RawIo::flags`] that the host sets before a call: it takes no input at the moment, so the peer may have sent something.
pub const HELD: u32 = 64;
/// Bit of [`RawIo::flags`]: FIN follows the output.
pub const END: u32 = 1;
/// Bit of [`RawIo::flags`]: nothing more is decoded until the session resumes.
pub const PAUSE: u32 = 2;
/// Bit of [`RawIo::flags`]: decoding goes on after a pause.
pub const RESUME: u32 = 4;
/// Bit of [`RawIo::flags`]: one look or call exceeded what it may give.
pub const OVERFLOW: u32 = 8;
/// Bit of [`RawIo::flags`]: [`RawIo::phase`] was set.
pub const PHASE: u32 = 16;
/// Bit of [`RawIo::flags`]: something was sent after [`END`].
pub const LATE: u32 = 32;

/// The outcome of a call: 0, the number of an [`ErrorKind`](crate::ErrorKind), or one of these.
pub mod status {
    /// The call succeeded.
    pub const OK: i32 = 0;
    /// The table, the output or the copied bytes have reached their limit. The rest of the input is shown again.
    pub const FULL: i32 = 16;
    /// The plug-in broke its contract: a range outside the input, or a step that consumes nothing.
    pub const BROKEN: i32 = 17;
    /// The plug-in panicked. The session or layer must not be called again, and can only be freed.
    pub const PANICKED: i32 = 18;
}

/// What one call gets and gives. The host owns it and everything in it.
#[repr(C)]
pub struct RawIo {
    /// The size of this structure in bytes.
    pub size: u32,
    /// Given: bits.
    pub flags: u32,
    /// The input.
    pub input: *mut u8,
    /// Its length.
    pub input_length: usize,
    /// Given: how many bytes of the input are dealt with.
    pub consumed: usize,
    /// Given: how many bytes the rest must have before it is shown again; 0 for any more.
    pub need: usize,
    /// Given: messages in the table.
    pub messages: u32,
    /// Given: one bit for each timer that was set or stopped.
    pub timers_set: u32,
    /// Given: their times in milliseconds, or [`NO_TIMER`].
    pub timers: [u32; TIMERS],
    /// The length of the table at which decoding stops. The rest of the input is then shown again.
    pub table_limit: usize,
    /// The length of the output, and of the copied bytes, at which decoding stops.
    pub output_limit: usize,
    /// The most numbers that one look may add to the table.
    pub most_numbers: usize,
    /// The most bytes that one look, or one call of another function, may send.
    pub most_output: usize,
    /// The most bytes that one look may copy.
    pub most_made: usize,
    /// Given: messages. Each has a header and [`FIELD`] numbers for each field.
    pub table: RawTable,
    /// Given: bytes for the peer.
    pub output: RawBytes,
    /// Given: bytes of fields that are not in the input.
    pub made: RawBytes,
    /// Given: the text of an error, or of a panic.
    pub text: RawBytes,
    /// Given: the protocol's own number of an error.
    pub error_number: u32,
    /// Given: a layer's phase.
    pub phase: u32,
}
