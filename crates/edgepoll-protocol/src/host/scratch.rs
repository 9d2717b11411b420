//! The memory that plug-ins write into. One reactor has one, and uses it for each call.

use std::mem::ManuallyDrop;
use std::ptr;

use super::handle::Fault;
use crate::abi::{RawBytes, RawIo, RawTable, FIELD, HELD, NO_TIMER, TIMERS};
use crate::{Error, ErrorKind};

/// The most bytes that one look may send, and may copy: 64 MiB.
const MOST_BYTES: usize = 64 << 20;
/// The most numbers that one message takes in a table: 174,762 fields.
pub const MESSAGE_NUMBERS: usize = 512 * 1024;
/// Decoding stops once a call has sent, or copied, so many bytes.
const ENOUGH_BYTES: usize = 256 * 1024;
/// The longest text of an error.
const MOST_TEXT: usize = 512;
/// The capacity in bytes that [`Scratch::trim`] leaves a buffer. Longer messages are rare.
pub const KEPT: usize = 64 * 1024;

/// What the last call gave, in memory that is used again by the next one.
pub struct Scratch {
    pub(super) io: RawIo,
    /// The flags that the next call is given.
    flags: u32,
}

extern "C" fn grow_bytes(bytes: *mut RawBytes, more: usize) -> i32 {
    // SAFETY: a plug-in passes on the pointer that it got from the host, to a live `RawBytes` of a `Scratch`.
    let raw = unsafe { &mut *bytes };
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

fn table() -> RawTable {
    let mut vec = ManuallyDrop::new(Vec::<i32>::new());
    RawTable {
        data: vec.as_mut_ptr(),
        length: 0,
        capacity: 0,
        limit: 0,
        grow: grow_table,
    }
}

/// Takes the memory out of a buffer, which is empty after this.
fn bytes_out_of(raw: &mut RawBytes) -> Vec<u8> {
    let old = std::mem::replace(raw, bytes(raw.limit));
    // SAFETY: the three parts came from a Vec, and are not used after this.
    unsafe { Vec::from_raw_parts(old.data, old.length, old.capacity) }
}

fn table_out_of(raw: &mut RawTable) -> Vec<i32> {
    let old = std::mem::replace(raw, table());
    // SAFETY: as above.
    unsafe { Vec::from_raw_parts(old.data, old.length, old.capacity) }
}

impl Default for Scratch {
    fn default() -> Scratch {
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
                output_limit: ENOUGH_BYTES,
                most_numbers: MESSAGE_NUMBERS,
                most_output: MOST_BYTES,
                most_made: MOST_BYTES,
                table: table(),
                output: bytes(0),
                made: bytes(0),
                text: bytes(MOST_TEXT),
                error_number: 0,
                phase: 0,
            },
            flags: 0,
        }
    }
}

impl Scratch {
    /// Says that the host takes no input at the moment. Holds for the next call.
    pub fn hold(&mut self) {
        self.flags = HELD;
    }

    /// Bounds the output from now on. Decoding stops between two messages once a call has sent, or copied, `enough` bytes, at least 1,
    /// so that the host can pass them on before it calls again; default 256 KiB. A session that sends more than `most` bytes in one look
    /// at the input, or one call of another method, fails with [`Fault::TooMuch`]; default 64 MiB.
    pub fn limit_output(&mut self, enough: usize, most: usize) {
        self.io.output_limit = enough.max(1);
        self.io.most_output = most;
    }

    /// Sets how many bytes one message may copy. Default 64 MiB.
    pub fn limit_copied(&mut self, bytes: usize) {
        self.io.most_made = bytes;
    }

    /// Sets how many fields one message may have. Default 174,762.
    pub fn limit_fields(&mut self, fields: usize) {
        self.io.most_numbers = fields.saturating_mul(FIELD).saturating_add(1);
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

    /// The text of the error, or of the panic.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(content(&self.io.text)).into_owned()
    }

    /// What a status says that is not one of success.
    pub(super) fn fault(&self, status: i32) -> Fault {
        ErrorKind::from_number(status).map_or(Fault::Broken, |kind| {
            let error = Error::new(kind, self.text());
            Fault::Error(error.with_number(self.io.error_number))
        })
    }

    /// Empties everything before a call.
    pub(super) fn begin(&mut self, input: &mut [u8], table_limit: usize) {
        let io = &mut self.io;
        io.flags = std::mem::take(&mut self.flags);
        io.input = input.as_mut_ptr();
        io.input_length = input.len();
        io.consumed = 0;
        io.need = 0;
        io.messages = 0;
        io.timers_set = 0;
        io.table_limit = table_limit;
        io.error_number = 0;
        io.phase = 0;
        (io.table.length, io.table.limit) = (0, io.most_numbers);
        (io.output.length, io.output.limit) = (0, io.most_output);
        (io.made.length, io.made.limit) = (0, io.most_made);
        io.text.length = 0;
    }

    /// Frees what long messages took, and drops what the last call gave. A host calls this once it has used that.
    pub fn trim(&mut self) {
        self.clear();
        for buffer in [&mut self.io.output, &mut self.io.made] {
            if buffer.capacity > KEPT {
                drop(bytes_out_of(buffer));
            }
        }
        if self.io.table.capacity > KEPT / size_of::<i32>() {
            drop(table_out_of(&mut self.io.table));
        }
    }

    /// Frees everything. For a host that keeps a `Scratch` for each connection.
    pub fn free(&mut self) {
        self.clear();
        for buffer in [&mut self.io.output, &mut self.io.made, &mut self.io.text] {
            drop(bytes_out_of(buffer));
        }
        drop(table_out_of(&mut self.io.table));
    }

    /// How many bytes are kept for the next call.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.io.output.capacity + self.io.made.capacity + self.io.table.capacity * size_of::<i32>()
    }

    /// Empties everything: what the last call gave is unusable.
    pub(super) fn clear(&mut self) {
        self.begin(&mut [], 0);
    }

    /// Drops what the last call sent.
    pub(super) fn drop_output(&mut self) {
        self.io.output.length = 0;
    }

    /// Drops what the last call sent, and the timers that it set or stopped.
    pub(super) fn drop_effects(&mut self) {
        self.drop_output();
        self.io.timers_set = 0;
    }

    /// The timers that the last call set (`Some(milliseconds)`) or stopped (`None`).
    pub fn timers(&self) -> impl Iterator<Item = (u8, Option<u32>)> + '_ {
        (0..TIMERS as u8)
            .filter(|timer| self.io.timers_set & 1 << timer != 0)
            .map(|timer| {
                let time = self.io.timers[usize::from(timer)];
                (timer, (time != NO_TIMER).then_some(time))
            })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for buffer in [&mut self.io.output, &mut self.io.made, &mut self.io.text] {
            drop(bytes_out_of(buffer));
        }
        drop(table_out_of(&mut self.io.table));
    }
}
