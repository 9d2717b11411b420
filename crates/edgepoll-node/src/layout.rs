//! The numbers that Rust and TypeScript share: record layouts, field positions, bits and codes.
//!
//! `src/internal/layout.ts` declares the same names with the same values, so that V8 can build them into its code as constants.
//! When JavaScript loads the addon, it compares its values with those of [`layout`] and throws if one differs.

use edgepoll::protocol::abi;
use edgepoll::readiness::bits;
use napi_derive::napi;

/// Declares the constants, and lists each with its name.
macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $value:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: $kind = $value;)*

        /// Every number's name and value. JavaScript compares them with its own.
        #[napi(catch_unwind, ts_return_type = "[name: string, value: number][]")]
        #[must_use]
        #[allow(
            clippy::cast_lossless,
            reason = "some constants have types for which `i64::from` does not exist"
        )]
        pub fn layout() -> Vec<(String, i64)> {
            vec![$((stringify!($name).to_owned(), $name as i64)),*]
        }
    };
}

layout! {
    /// 32-bit fields of a record: kind, slot, generation, detail, and four whose content depends on the kind: two doubles, or a
    /// chunk's offset and length.
    RECORD_FIELDS: usize = 8;

    /// Record kind: a listener has accepted a connection.
    OPENED: i32 = 1;
    /// Record kind: an outgoing connection is established.
    CONNECTED: i32 = 2;
    /// Record kind: a chunk or a frame was received.
    DATA: i32 = 3;
    /// Record kind: the peer has sent FIN, and everything before it was delivered.
    END: i32 = 4;
    /// Record kind: the length of the send queue.
    QUEUED: i32 = 5;
    /// Record kind: the connection is closed.
    CLOSED: i32 = 6;
    /// Record kind: a listener has paused.
    ACCEPT_PAUSED: i32 = 7;
    /// Record kind: a send has failed.
    WRITE_FAILED: i32 = 8;
    /// Record kind: an address of a connection that is about to close.
    ADDRESS: i32 = 9;

    /// Record kind: messages of a protocol. The last four fields are the place of their bytes in the buffer, as offset and length,
    /// the place of the first in the array of tables, and their number.
    MESSAGES: i32 = 10;
    /// Record kind: the connection's protocol has ended the writing side. The detail is a close reason.
    WRITING_ENDED: i32 = 11;
    /// Record kind: a listener has dropped connections. The detail is the number of a reason, and the first double says how many. The
    /// record before it is the address of the last one.
    DROPPED: i32 = 12;

    /// Numbers in the array of tables.
    TABLES_SIZE: usize = 1024 * 1024;
    /// Numbers of a field in a table: offset, length, and what it is.
    FIELD_NUMBERS: usize = abi::FIELD;
    /// Position of the number of fields in a message's header. The kind is in the lowest 8 bits.
    FIELDS_SHIFT: u32 = abi::FIELDS_SHIFT;
    /// Bit of a message's header: the next message continues this one.
    CONTINUES: i32 = abi::MORE;
    /// Length of a field that has no value.
    FIELD_NULL: i32 = abi::NULL;
    /// Length of a field that is an integer: the first number is its low half, the third its high half.
    FIELD_INTEGER: i32 = abi::INTEGER;
    /// Length of a field that is a double, stored like an integer.
    FIELD_DOUBLE: i32 = abi::DOUBLE;
    /// How many interned names there can be. The lowest bits of a name's id are its index.
    NAMES: usize = 65_536;

    /// Bit in the detail of an address record: this is the local address. The bits below hold the family and the port.
    IS_LOCAL: i32 = 1 << 17;

    /// Bits of a close reason that hold one of the `REASON_` codes.
    REASON_MASK: i32 = 15;
    /// Position of the system call's number in a close reason. It has as many bits as the code.
    REASON_CALL_SHIFT: i32 = 4;
    /// Position of the error number, or of the index of a text, in a close reason.
    REASON_NUMBER_SHIFT: i32 = 8;
    /// The connection ended normally.
    REASON_ENDED: i32 = 0;
    /// A system call failed.
    REASON_FAILED: i32 = 1;
    /// The program destroyed the connection.
    REASON_DESTROYED: i32 = 2;
    /// The send queue was full.
    REASON_QUEUE_FULL: i32 = 3;
    /// A deadline has passed.
    REASON_TIMED_OUT: i32 = 4;
    /// The peer sent a frame that is too long.
    REASON_FRAME_TOO_LONG: i32 = 5;
    /// The input ended inside a frame.
    REASON_FRAME_TRUNCATED: i32 = 6;
    /// The input breaks the rules of the protocol. The number is the index of a text.
    REASON_MALFORMED: i32 = 7;

    /// A protocol ended the connection. The number is the index of the error for `protocolError()`.
    REASON_PROTOCOL: i32 = 8;
    /// The peer was late. The number is that of a `Deadline`.
    REASON_LATE: i32 = 9;
    /// All connections of the server together held too much.
    REASON_SHED: i32 = 10;
    /// Kind of a protocol's error, beside those of its own: it broke its contract with the reactor.
    PROTOCOL_BROKEN: i32 = 16;
    /// Kind of a protocol's error: it panicked.
    PROTOCOL_PANICKED: i32 = 17;
    /// Kind of a protocol's error: it sent too much at once.
    PROTOCOL_SENT_TOO_MUCH: i32 = 18;

    /// Size in bytes of a buffer that small chunks share.
    POOL_SIZE: usize = 8 * 1024;
    /// Size in bytes of a buffer that receives go into: 64 KiB, and what aligning its start may cost.
    SLAB_SIZE: usize = 64 * 1024 + 64;
    /// Size in bytes of the arena: a turn's input of 64 connections with 16 KiB each, which fits into the caches of a small
    /// processor, and what aligning its start may cost.
    ARENA_SIZE: usize = 1024 * 1024 + 64;
    /// Number of the pool that JavaScript knows from earlier batches.
    POOL_INDEX: usize = 0;
    /// Number of the slab that JavaScript knows from earlier batches.
    SLAB_INDEX: usize = 1;
    /// Number of the arena that JavaScript knows from earlier batches.
    ARENA_INDEX: usize = 2;
    /// Number of the first buffer that is new in a batch.
    FIRST_FRESH: usize = 3;

    /// 32-bit fields of a staged write: slot, generation, offset, length.
    WRITE_FIELDS: usize = 4;
    /// Bit in the length of a staged write: another write to the same connection follows in this batch.
    MORE: i32 = i32::MIN;
    /// Bit in the length of a staged write: the bytes lie in the arena, not in the stage.
    LENT: i32 = 0x4000_0000;

    /// Fields of the control array.
    CONTROL_FIELDS: usize = 6;
    /// Control field: how many writes are staged. JavaScript increases it, the glue sets it to 0.
    CONTROL_COUNT: usize = 0;
    /// Control field: 1 if the glue sends the staged writes by itself after the running callback.
    CONTROL_IN_TURN: usize = 1;
    /// Control field: chunks of the arena that JavaScript has not given back. The glue increases it, JavaScript decreases it.
    CONTROL_LENT: usize = 2;
    /// Control field: how many of those belong to connections that were collected. They are never given back.
    CONTROL_FORGOTTEN: usize = 3;
    /// Control field: the driver's callbacks so far, wrapping. The event loop completes a turn between two of them.
    CONTROL_CALLBACKS: usize = 4;
    /// 1 while consumers have items left, and wait for a turn of the event loop before they go on.
    CONTROL_BEHIND: usize = 5;

    /// Result of a write: the message does not fit the connection's framing. All refusals of a write are negative.
    NOT_A_FRAME: i32 = -5;

    /// 32-bit fields of a readiness record: slot, generation, mask. A mask of 0 means that the descriptor was closed while it was
    /// watched, and that its registration is gone. A field of bits follows the last record.
    READINESS_FIELDS: usize = 3;
    /// Bit in that field, set by the glue: a delivery is under way, so JavaScript need not call `want()`.
    DELIVERING: i32 = 1;
    /// Bit in that field, set by JavaScript: a consumer waits again.
    WANTED: i32 = 2;
    /// Bit in that field, set by the glue: another poll within this delivery is likely to find something.
    POLL_AGAIN: i32 = 4;
    /// Bit in that field, set by the glue: the next poll reports a closed descriptor. No event announces that.
    LOST: i32 = 8;
    /// Bit in that field, set by the glue: `register()` has changed `descriptors`. JavaScript clears it.
    MOVED: i32 = 16;

    /// Refusal of a poller that is no error number: a descriptor does not fit into the sets of select(2).
    REFUSED_SET_SIZE: i32 = -1;
    /// Refusal of a poller that is no error number: the descriptor was closed.
    REFUSED_CLOSED: i32 = -3;
    /// Bit of an interest, beside those of epoll_ctl(2): polling the file consumes what it reports.
    POLL_CONSUMES: u32 = bits::POLL_CONSUMES;

    /// Bit for the native receive: the socket is a Unix socket.
    RECEIVE_UNIX: u32 = 1;
    /// Bit for the native receive: report the sender's credentials.
    RECEIVE_CREDENTIALS: u32 = 2;
    /// Bit for the native receive: report the true length of a message that is cut off.
    RECEIVE_TRUE_LENGTH: u32 = 4;
    /// Bit for the native receive: leave the message in the queue.
    RECEIVE_PEEK: u32 = 8;
    /// Bit for the native receive: receive from the error queue.
    RECEIVE_ERROR_QUEUE: u32 = 16;
    /// Bit for the native write: SIGPIPE could end the process, so the call has to prevent it.
    WRITE_SURVIVE: i32 = 2;
    /// Bit for the native write, with `WRITE_SURVIVE`: a handler of SIGPIPE must not run either.
    WRITE_WITHOUT_HANDLER: i32 = 4;
    /// Result of the native connect: the connect is in progress.
    CONNECT_IN_PROGRESS: i32 = 0;
    /// Result of the native connect: the socket is connected.
    CONNECT_DONE: i32 = 1;
    /// Result of the native connect: the call was not made, because it would wait.
    CONNECT_WOULD_WAIT: i32 = 2;
    /// How the native side arms a timer: after a time from now on.
    TIMER_AFTER: u32 = 0;
    /// How the native side arms a timer: at a time of its clock.
    TIMER_AT: u32 = 1;
    /// How the native side arms a timer: at a time of its clock, and cancelled when the clock is set.
    TIMER_AT_UNLESS_SET: u32 = 2;
}
