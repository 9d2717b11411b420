//! The array that a poller's look fills and JavaScript reads, and the field of bits after it.
//!
//! It must never write past its records, nor be touched while JavaScript runs. Used by poller.rs; the other half stands
//! in src/internal/records.ts, and neither may change alone.

use edgepoll::readiness::{bits, Readiness};
use napi::bindgen_prelude::{JsValue, Object};
use napi::{sys, Error, Result};

use crate::node::{self, Reference};

/// A record is three 32-bit fields: slot, generation, mask. A mask of 0: closed under us, and gone.
const FIELDS: usize = 3;

/// Bits of the field after the records.
pub(crate) mod control {
    /// The glue's: a delivery is under way, so that there is no need to call.
    pub(crate) const DELIVERING: i32 = 1;
    /// JavaScript's: somebody waits again.
    pub(crate) const WANTED: i32 = 2;
    /// The glue's: another look within this delivery is likely to find something.
    pub(crate) const LOOK: i32 = 4;
    /// The glue's: the next look tells of a closed descriptor, which nothing announces.
    pub(crate) const LOST: i32 = 8;
    /// The glue sets this bit when `register()` has changed `descriptors`. JavaScript clears it.
    pub(crate) const MOVED: i32 = 16;
}

pub(crate) struct Records {
    /// Keeps the array alive; nobody but its owner in TypeScript has it, so it cannot be detached.
    _array: Reference,
    start: *mut i32,
    capacity: usize,
}

impl Records {
    /// In an Int32Array of so many records and the field of bits.
    pub(crate) fn new(env: sys::napi_env, array: &Object<'_>) -> Result<Records> {
        let (start, length) = node::bytes_of(env, array.raw())?;
        let capacity = length.saturating_sub(1) / FIELDS;
        if capacity == 0 {
            return Err(Error::from_reason(
                "no room for a record and the control field",
            ));
        }
        Ok(Records {
            _array: Reference::new(env, array.raw())?,
            start: start.cast(),
            capacity,
        })
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The field of bits.
    pub(crate) fn control(&mut self) -> &mut i32 {
        // SAFETY: the array has one field more than `capacity` records, and lives as long as we do; JavaScript is not
        // running while we hold the borrow.
        unsafe { &mut *self.start.add(self.capacity * FIELDS) }
    }

    /// Writes a record.
    pub(crate) fn put(&mut self, at: usize, event: Readiness) {
        assert!(at < self.capacity, "a record without a place");
        let mask = if event.mask == bits::CLOSED {
            0
        } else {
            event.mask
        };
        // SAFETY: there are `capacity` records, so the three fields lie inside the array.
        unsafe {
            let at = self.start.add(at * FIELDS);
            at.write(event.token.index.cast_signed());
            at.add(1).write(event.token.generation.cast_signed());
            at.add(2).write(mask.cast_signed());
        }
    }

    /// The slot of the first record.
    pub(crate) fn first_slot(&self) -> usize {
        // SAFETY: there is room for one record at least.
        let slot = unsafe { self.start.read() };
        slot.cast_unsigned() as usize
    }
}
