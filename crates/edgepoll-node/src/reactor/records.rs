//! The array of records that the reactor writes and JavaScript reads after each batch.
//!
//! The layout is in `layout.rs`. JavaScript does not run while a record is written.

use edgepoll::{Address, Token};
use napi::{sys, Result};

use super::address_words::words_of;
use crate::layout::{ADDRESS, CLOSED, DATA, DROPPED, IS_LOCAL, MESSAGES, QUEUED, RECORD_FIELDS};
use crate::node::{self, Reference};

/// The most records that one event takes: a close reports two addresses, the bytes not sent, and the reason.
const MOST_PER_EVENT: usize = 4;

/// The records of one batch.
pub(crate) struct Records {
    /// Keeps the array alive. Only `src/connections/reactor.ts` has a reference to it, and never detaches it.
    _array: Reference,
    start: *mut i32,
    capacity: usize,
    count: usize,
}

impl Records {
    /// Records in `array`, an Int32Array.
    pub(crate) fn new(env: sys::napi_env, array: sys::napi_value) -> Result<Records> {
        let (start, length) = node::bytes_of(env, array)?;
        Ok(Records {
            _array: Reference::new(env, array)?,
            // The length of an Int32Array counts its elements, and its memory is aligned for them.
            start: start.cast(),
            capacity: length / RECORD_FIELDS,
            count: 0,
        })
    }

    /// How many more events fit, if each takes [`MOST_PER_EVENT`] records at the end.
    pub(crate) fn room(&self) -> usize {
        (self.capacity - self.count).saturating_sub(MOST_PER_EVENT - 1)
    }

    /// Ends the batch; returns the number of its records.
    pub(crate) fn take(&mut self) -> usize {
        std::mem::take(&mut self.count)
    }

    /// Begins a record. The caller writes the four fields at the result, which are aligned for two doubles.
    fn begin(&mut self, kind: i32, token: Token, detail: i32) -> Option<*mut i32> {
        if self.count == self.capacity {
            // The core compares with `room` first, so this does not happen. If it did, losing a record would be better than
            // writing past the array.
            debug_assert!(false, "the core passed the inbox's room");
            return None;
        }
        // SAFETY: `count < capacity`, so the record's eight fields lie inside the array.
        let rest = unsafe {
            let at = self.start.add(self.count * RECORD_FIELDS);
            at.write(kind);
            at.add(1).write(token.index.cast_signed());
            at.add(2).write(token.generation.cast_signed());
            at.add(3).write(detail);
            at.add(4)
        };
        self.count += 1;
        Some(rest)
    }

    /// A record whose last fields are two doubles.
    pub(crate) fn put(&mut self, kind: i32, token: Token, detail: i32, numbers: [f64; 2]) {
        if let Some(rest) = self.begin(kind, token, detail) {
            // SAFETY: the record's last four fields have the size and the alignment of two doubles.
            unsafe { rest.cast::<[f64; 2]>().write(numbers) };
        }
    }

    /// A chunk of `length` bytes, which begins at `offset` in the buffer with that number.
    pub(crate) fn put_chunk(&mut self, token: Token, buffer: usize, offset: usize, length: usize) {
        let detail = i32::try_from(buffer).unwrap_or(i32::MAX);
        if let Some(rest) = self.begin(DATA, token, detail) {
            // Neither a position in a buffer nor the length of a frame needs more than 31 bits.
            let place = [offset, length].map(|size| i32::try_from(size).unwrap_or(i32::MAX));
            // SAFETY: these are two of the record's last four fields.
            unsafe { rest.cast::<[i32; 2]>().write(place) };
        }
    }

    /// Messages: their bytes are at `offset` in the buffer with that number, their table is at `table` in the array of tables.
    pub(crate) fn put_messages(
        &mut self,
        token: Token,
        buffer: usize,
        [offset, length, table, count]: [usize; 4],
    ) {
        let detail = i32::try_from(buffer).unwrap_or(i32::MAX);
        if let Some(rest) = self.begin(MESSAGES, token, detail) {
            // Each of these numbers is below 2^31.
            let place = [offset, length, table, count]
                .map(|number| i32::try_from(number).unwrap_or(i32::MAX));
            // SAFETY: these are the record's last four fields.
            unsafe { rest.cast::<[i32; 4]>().write(place) };
        }
    }

    /// The records of a close: its addresses, the bytes not sent, and the reason. As doubles, counters beyond 2^53 bytes lose their
    /// last digits.
    pub(crate) fn put_close(&mut self, token: Token, reason: i32, close: &Close) {
        self.put_address(token, &close.peer, 0);
        if let Some(local) = &close.local {
            self.put_address(token, local, IS_LOCAL);
        }
        self.put(QUEUED, token, 0, [close.unsent as f64, 0.0]);
        let counters = [close.bytes_read as f64, close.bytes_written as f64];
        self.put(CLOSED, token, reason, counters);
    }

    /// The records of dropped connections: the last client's address, and how many there were.
    pub(crate) fn put_drop(&mut self, listener: Token, peer: &Address, reason: i32, count: u32) {
        self.put_address(listener, peer, 0);
        self.put(DROPPED, listener, reason, [f64::from(count), 0.0]);
    }

    /// An address as numbers, because most programs never read it: JavaScript gets the text when a program does. An address that
    /// is not of the Internet has no record, and the program gets none.
    fn put_address(&mut self, token: Token, address: &Address, side: i32) {
        let Some((detail, scope, words)) = words_of(address) else {
            return;
        };
        // The generation's field holds the zone.
        let zone = Token {
            index: token.index,
            generation: scope,
        };
        if let Some(rest) = self.begin(ADDRESS, zone, detail | side) {
            // SAFETY: these are the record's last four fields.
            unsafe { rest.cast::<[u32; 4]>().write(words) };
        }
    }
}

/// What a close reports besides its reason.
pub(crate) struct Close {
    pub(crate) unsent: usize,
    pub(crate) bytes_read: u64,
    pub(crate) bytes_written: u64,
    pub(crate) peer: Address,
    pub(crate) local: Option<Address>,
}
