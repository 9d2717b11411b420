/**
 * The numbers that TypeScript and Rust share: record layouts, field positions, bits and codes. `layout.rs` in
 * crates/edgepoll-node has the same names with the same values. binding.ts compares them when the addon is loaded, and throws if
 * one differs.
 */

/**
 * 32-bit fields of a record: kind, slot, generation, detail, and four whose content depends on the kind: two doubles, or a chunk's
 * offset and length.
 */
export const RECORD_FIELDS = 8;

/** Record kind: a listener has accepted a connection. */
export const OPENED = 1;
/** Record kind: an outgoing connection is established. */
export const CONNECTED = 2;
/** Record kind: a chunk or a frame was received. */
export const DATA = 3;
/** Record kind: the peer has sent FIN, and everything before it was delivered. */
export const END = 4;
/** Record kind: the length of the send queue. */
export const QUEUED = 5;
/** Record kind: the connection is closed. */
export const CLOSED = 6;
/** Record kind: a listener has paused. */
export const ACCEPT_PAUSED = 7;
/** Record kind: a send has failed. */
export const WRITE_FAILED = 8;
/** Record kind: an address of a connection that is about to close. */
export const ADDRESS = 9;
/**
 * Record kind: messages of a protocol. The detail is the number of a buffer. The last four fields are the place of the messages' bytes
 * in it, as offset and length, the place of the first in the array of tables, and their number.
 */
export const MESSAGES = 10;
/** Record kind: the connection's protocol has ended the writing side. The detail is a close reason. */
export const WRITING_ENDED = 11;
/**
 * Record kind: a listener has dropped connections. The detail is the number of a reason, and the first double says how many. The record
 * before it is the address of the last one.
 */
export const DROPPED = 12;

/** Numbers in the array of tables. */
export const TABLES_SIZE = 1_048_576;
/** Numbers of a field in a table: offset, length, and what it is. */
export const FIELD_NUMBERS = 3;
/** Position of the number of fields in a message's header. The kind is in the lowest 8 bits. */
export const FIELDS_SHIFT = 9;
/** Bit of a message's header: the next message continues this one. */
export const CONTINUES = 0x100;
/** Length of a field that has no value. */
export const FIELD_NULL = -1;
/** Length of a field that is an integer: the first number is its low half, the third its high half. */
export const FIELD_INTEGER = -2;
/** Length of a field that is a double, stored like an integer. */
export const FIELD_DOUBLE = -3;
/** How many interned names there can be. The lowest bits of a name's id are its index. */
export const NAMES = 65_536;

/** Bit in the detail of an address record: this is the local address. The bits below hold the family and the port. */
export const IS_LOCAL = 0x2_0000;

/** Bits of a close reason that hold one of the `REASON_` codes. */
export const REASON_MASK = 15;
/** Position of the system call's number in a close reason. It has as many bits as the code. */
export const REASON_CALL_SHIFT = 4;
/** Position of the error number, or of the index of a text, in a close reason. */
export const REASON_NUMBER_SHIFT = 8;
/** The connection ended normally. */
export const REASON_ENDED = 0;
/** A system call failed. */
export const REASON_FAILED = 1;
/** The program destroyed the connection. */
export const REASON_DESTROYED = 2;
/** The send queue was full. */
export const REASON_QUEUE_FULL = 3;
/** A deadline has passed. */
export const REASON_TIMED_OUT = 4;
/** The peer sent a frame that is too long. */
export const REASON_FRAME_TOO_LONG = 5;
/** The input ended inside a frame. */
export const REASON_FRAME_TRUNCATED = 6;
/** The input breaks the rules of the protocol. The number is the index of the error for `protocolError()`. */
export const REASON_MALFORMED = 7;
/** A protocol ended the connection. The number is the index of the error for `protocolError()`. */
export const REASON_PROTOCOL = 8;
/** The peer was late: with its first byte (0), any byte (1), the rest of a message (2), or with taking what was sent to it (3). */
export const REASON_LATE = 9;
/** All connections of the server together held too much. */
export const REASON_SHED = 10;
/** Kind of a protocol's error, beside those of its own: it broke its contract with the reactor. */
export const PROTOCOL_BROKEN = 16;
/** Kind of a protocol's error: it panicked. */
export const PROTOCOL_PANICKED = 17;
/** Kind of a protocol's error: it sent too much at once. */
export const PROTOCOL_SENT_TOO_MUCH = 18;

/** Size in bytes of a buffer that small chunks share. */
export const POOL_SIZE = 8192;
/** Size in bytes of a buffer that receives go into. */
export const SLAB_SIZE = 65_600;
/** Size in bytes of the arena, whose chunks are lent. */
export const ARENA_SIZE = 1_048_640;
/** Number of the pool that JavaScript knows from earlier batches. */
export const POOL_INDEX = 0;
/** Number of the slab that JavaScript knows from earlier batches. */
export const SLAB_INDEX = 1;
/** Number of the arena that JavaScript knows from earlier batches. */
export const ARENA_INDEX = 2;
/** Number of the first buffer that is new in a batch. */
export const FIRST_FRESH = 3;

/** 32-bit fields of a staged write: slot, generation, offset, length. */
export const WRITE_FIELDS = 4;
/** Bit in the length of a staged write: another write to the same connection follows in this batch. */
export const MORE = -0x8000_0000;
/** Bit in the length of a staged write: the bytes lie in the arena, not in the stage. */
export const LENT = 0x4000_0000;

/** Fields of the control array. */
export const CONTROL_FIELDS = 6;
/** Control field: how many writes are staged. JavaScript increases it, the glue sets it to 0. */
export const CONTROL_COUNT = 0;
/** Control field: 1 if the glue sends the staged writes by itself after the running callback. */
export const CONTROL_IN_TURN = 1;
/** Control field: chunks of the arena that JavaScript has not given back. The glue increases it, JavaScript decreases it. */
export const CONTROL_LENT = 2;
/** Control field: how many of those belong to connections that were collected. They are never given back. */
export const CONTROL_FORGOTTEN = 3;
/** Control field: the driver's callbacks so far, wrapping. The event loop completes a turn between two of them. */
export const CONTROL_CALLBACKS = 4;
/** 1 while consumers have items left, and wait for a turn of the event loop before they go on. */
export const CONTROL_BEHIND = 5;

/** Result of a write: the message does not fit the connection's framing. All refusals of a write are negative. */
export const NOT_A_FRAME = -5;

/**
 * 32-bit fields of a readiness record: slot, generation, mask. A mask of 0 means that the descriptor was closed while it was
 * watched, and that its registration is gone. A field of bits follows the last record.
 */
export const READINESS_FIELDS = 3;
/** Bit in that field, set by the glue: a delivery is under way, so JavaScript need not call `want()`. */
export const DELIVERING = 1;
/** Bit in that field, set by JavaScript: a consumer waits again. */
export const WANTED = 2;
/** Bit in that field, set by the glue: another poll within this delivery is likely to find something. */
export const POLL_AGAIN = 4;
/** Bit in that field, set by the glue: the next poll reports a closed descriptor. No event announces that. */
export const LOST = 8;
/** Bit in that field, set by the glue: `register()` has changed `descriptors`. JavaScript clears it. */
export const MOVED = 16;

/** Refusal of a poller that is no error number: a descriptor does not fit into the sets of select(2). */
export const REFUSED_SET_SIZE = -1;
/** Refusal of a poller that is no error number: the descriptor was closed. */
export const REFUSED_CLOSED = -3;
/** Bit of an interest, beside those of epoll_ctl(2): polling the file consumes what it reports. */
export const POLL_CONSUMES = 0x20_0000;

/** Bit for the native receive: the socket is a Unix socket. */
export const RECEIVE_UNIX = 1;
/** Bit for the native receive: report the sender's credentials. */
export const RECEIVE_CREDENTIALS = 2;
/** Bit for the native receive: report the true length of a message that is cut off. */
export const RECEIVE_TRUE_LENGTH = 4;
/** Bit for the native receive: leave the message in the queue. */
export const RECEIVE_PEEK = 8;
/** Bit for the native receive: receive from the error queue. */
export const RECEIVE_ERROR_QUEUE = 16;
/** Bit for the native write: SIGPIPE could end the process, so the call has to prevent it. */
export const WRITE_SURVIVE = 2;
/** Bit for the native write, with `WRITE_SURVIVE`: a handler of SIGPIPE must not run either. */
export const WRITE_WITHOUT_HANDLER = 4;
/** Result of the native connect: the connect is in progress. */
export const CONNECT_IN_PROGRESS = 0;
/** Result of the native connect: the socket is connected. */
export const CONNECT_DONE = 1;
/** Result of the native connect: the call was not made, because it would wait. */
export const CONNECT_WOULD_WAIT = 2;
/** How the native side arms a timer: after a time from now on. */
export const TIMER_AFTER = 0;
/** How the native side arms a timer: at a time of its clock. */
export const TIMER_AT = 1;
/** How the native side arms a timer: at a time of its clock, and cancelled when the clock is set. */
export const TIMER_AT_UNLESS_SET = 2;
