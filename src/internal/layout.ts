/**
 * The layout of what both sides share. The other half stands in crates/edgepoll-node/src/inbox.rs and
 * staging.rs, and for readiness in readiness_records.rs; neither may change alone.
 */

/** 32-bit fields of a record: kind, slot, generation, detail, and two doubles, or a chunk's offset and length. */
export const RECORD_FIELDS = 8;
/** Records in one batch. */
export const MAX_RECORDS = 1024;

/** Kinds of records. */
export const OPENED = 1;
export const CONNECTED = 2;
export const DATA = 3;
export const END = 4;
export const QUEUED = 5;
export const CLOSED = 6;
export const ACCEPT_PAUSED = 7;
export const WRITE_FAILED = 8;
export const ADDRESS = 9;
/** In an address's detail: it is the one on this side. Below are the family and the port. */
export const IS_LOCAL = 0x2_0000;

/** Bytes of the buffers that several connections' chunks share: see the glue's inbox. */
export const POOL_SIZE = 8192;
export const SLAB_SIZE = 65_600;
export const ARENA_SIZE = 1_048_640;
/** Places of buffers in a batch: the pool's, the slab's, the arena's, and from here on those that came with it. */
export const FIRST_FRESH = 3;

/** 32-bit fields of a staged write: slot, generation, offset, length. */
export const WRITE_FIELDS = 4;
/** Writes that can be staged. */
export const MAX_WRITES = 1024;
/** Bytes that can be staged. */
export const STAGE_SIZE = 65_536;
/** In a staged write's length: another write to the same connection follows. */
export const MORE = -0x8000_0000;

/** In a staged write's length: its bytes are not staged but lie in the arena. */
export const LENT = 0x4000_0000;
/** Fields of the control array. */
export const CONTROL_COUNT = 0;
export const CONTROL_IN_TURN = 1;
export const CONTROL_LENT = 2;
export const CONTROL_FORGOTTEN = 3;
export const CONTROL_CALLBACKS = 4;
export const CONTROL_FIELDS = 5;

/** 32-bit fields of a readiness record: slot, generation, mask. One field for both sides follows the last record. */
export const READINESS_FIELDS = 3;
/** In that field: a delivery is under way (the glue's); somebody waits again (ours); a look is worth it (the glue's). */
export const DELIVERING = 1;
export const WANTED = 2;
export const LOOK = 4;
/** In that field: the next look tells of a closed descriptor, which nothing announces (the glue's). */
export const LOST = 8;
/** In that field: `register()` has changed the glue's `descriptors`. The glue sets this bit, and JavaScript clears it. */
export const MOVED = 16;
