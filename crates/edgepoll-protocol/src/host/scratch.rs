//! The memory that plug-ins write into. One reactor has one, and uses it for each call.

use std::mem::ManuallyDrop;
use std::ptr;

use crate::abi::{RawBytes, RawIo, RawTable, NO_TIMER, TIMERS};

/// The longest output of one call, and the longest total of copied fields: 64 MiB.
const MOST_BYTES: usize = 64 << 20;
/// The most numbers that one message takes in a table: 174,762 fields.
pub const MESSAGE_NUMBERS: usize = 512 * 1024;
/// The longest text of an error.
const MOST_TEXT: usize = 512;
/// The capacity that [`Scratch::trim`] leaves a buffer. Longer messages are rare.
pub const KEPT: usize = 64 * 1024;

/// What the last call gave, in memory that is used again by the next one.
pub struct Scratch {
    pub(super) io: RawIo,
}

extern "C" fn grow_bytes(bytes: *mut RawBytes, more: usize) -> i32 {
    // SAFETY: a plug-in passes on the pointer that it got from the host, to a live `RawBytes` of a `Scratch`.
    let raw = unsafe { &mut *bytes };
    if raw.length.saturating_add(more) > raw.limit {
        return 0;
    }
    // SAFETY: the three parts came from a Vec, which is taken apart again below.
    let mut vec =
        ManuallyDrop::new(unsafe { Vec::from_raw_parts(raw.data, raw.length, raw.capacity) });
    let has_room = vec.try_reserve(more).is_ok();
    (raw.data, raw.capacity) = (vec.as_mut_ptr(), vec.capacity());
    i32::from(has_room)
}

extern "C" fn grow_table(table: *mut RawTable, more: usize) -> i32 {
    // SAFETY: as above.
    let raw = unsafe { &mut *table };
    if raw.length.saturating_add(more) > raw.limit {
        return 0;
    }
    // SAFETY: as above.
    let mut vec =
        ManuallyDrop::new(unsafe { Vec::from_raw_parts(raw.data, raw.length, raw.capacity) });
    let has_room = vec.try_reserve(more).is_ok();
    (raw.data, raw.capacity) = (vec.as_mut_ptr(), vec.capacity());
    i32::from(has_room)
}

fn bytes(limit: usize) -> RawBytes {
    let mut vec = ManuallyDrop::new(Vec::<u8>::new());
    RawBytes {
        data: vec.as_mut_ptr(),
        length: 0,
        capacity: 0,
        limit,
        grow: grow_bytes,
    }
}

fn content(raw: &RawBytes) -> &[u8] {
    // SAFETY: the first `length` bytes were written by `RawBytes::extend`.
    unsafe { std::slice::from_raw_parts(raw.data, raw.length) }
}

fn free(raw: &mut RawBytes) {
    // SAFETY: the three parts came from a Vec, and are not used after this.
    drop(unsafe { Vec::from_raw_parts(raw.data, raw.length, raw.capacity) });
}

impl Default for Scratch {
    fn default() -> Scratch {
        let mut table = ManuallyDrop::new(Vec::<i32>::new());
        Scratch {
            io: RawIo {
                size: size_of::<RawIo>() as u32,
                flags: 0,
                input: ptr::NonNull::dangling().as_ptr(),
                input_length: 0,
                consumed: 0,
                need: 0,
                messages: 0,
                timers_set: 0,
                timers: [NO_TIMER; TIMERS],
                table_limit: 0,
                output_limit: usize::MAX,
                table: RawTable {
                    data: table.as_mut_ptr(),
                    length: 0,
                    capacity: 0,
                    limit: 0,
                    grow: grow_table,
                },
                output: bytes(MOST_BYTES),
                made: bytes(MOST_BYTES),
                text: bytes(MOST_TEXT),
                error_number: 0,
                phase: 0,
            },
        }
    }
}

impl Scratch {
    /// Bounds the output of each call from now on. Decoding stops between two messages once there are `enough` bytes of it, at least
    /// 1. A session that has sent more than `most` bytes in one call breaks its contract.
    pub fn limit_output(&mut self, enough: usize, most: usize) {
        self.io.output_limit = enough.max(1);
        self.io.output.limit = most;
    }

    /// The messages that the last call found. For each a header, and then three numbers for each field.
    #[must_use]
    pub fn table(&self) -> &[i32] {
        // SAFETY: the first `length` numbers were written by `RawTable::push`.
        unsafe { std::slice::from_raw_parts(self.io.table.data, self.io.table.length) }
    }

    pub(super) fn table_mut(&mut self) -> &mut [i32] {
        // SAFETY: as in `table`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.io.table.data, self.io.table.length) }
    }

    /// Bytes for the peer.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        content(&self.io.output)
    }

    /// Bytes of fields that are not in the input. They belong behind the consumed input: the offsets in the table count from the start
    /// of both together.
    #[must_use]
    pub fn made(&self) -> &[u8] {
        content(&self.io.made)
    }

    /// The text of the error.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(content(&self.io.text)).into_owned()
    }

    /// Empties everything before a call.
    pub(super) fn begin(&mut self, input: &mut [u8], table_limit: usize) {
        let io = &mut self.io;
        io.flags = 0;
        io.input = input.as_mut_ptr();
        io.input_length = input.len();
        io.consumed = 0;
        io.need = 0;
        io.messages = 0;
        io.timers_set = 0;
        io.table_limit = table_limit;
        io.table.limit = table_limit.saturating_add(MESSAGE_NUMBERS);
        io.error_number = 0;
        io.table.length = 0;
        io.output.length = 0;
        io.made.length = 0;
        io.text.length = 0;
    }

    /// Frees what long messages took, and drops what the last call gave. A host calls this once it has used that.
    pub fn trim(&mut self) {
        for buffer in [&mut self.io.output, &mut self.io.made] {
            if buffer.capacity > KEPT {
                free(buffer);
                *buffer = bytes(buffer.limit);
            }
        }
    }

    /// How many bytes are kept for the next call.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.io.output.capacity + self.io.made.capacity
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for buffer in [&mut self.io.output, &mut self.io.made, &mut self.io.text] {
            free(buffer);
        }
        let table = &self.io.table;
        // SAFETY: the three parts came from a Vec, and are not used after this.
        drop(unsafe { Vec::from_raw_parts(table.data, table.length, table.capacity) });
    }
}
