//! The array that a poll fills with readiness and JavaScript reads, and the field of bits after the records.
//!
//! `layout.rs` has the layout. The glue reads and writes the array only while JavaScript does not run.

use edgepoll::readiness::{bits, Readiness};
use napi::bindgen_prelude::{JsValue, Object};
use napi::{sys, Error, Result};

use crate::layout::READINESS_FIELDS;
use crate::node::{self, Reference};

/// The records of one poll.
pub(crate) struct Records {
    /// Keeps the array alive. Only its owner in TypeScript has a reference to it, and never detaches it.
    _array: Reference,
    start: *mut i32,
    capacity: usize,
}

impl Records {
    /// Records in an Int32Array, which has one field more for the bits.
    pub(crate) fn new(env: sys::napi_env, array: &Object<'_>) -> Result<Records> {
        let (start, length) = node::bytes_of(env, array.raw())?;
        let capacity = length.saturating_sub(1) / READINESS_FIELDS;
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
        // SAFETY: the array has one field more than `capacity` records, and `_array` keeps it alive. JavaScript does not run
        // during the borrow.
        unsafe { &mut *self.start.add(self.capacity * READINESS_FIELDS) }
    }

    /// Writes a record.
    pub(crate) fn put(&mut self, at: usize, event: Readiness) {
        assert!(at < self.capacity, "no room for a record");
        let mask = if event.mask == bits::CLOSED {
            0
        } else {
            event.mask
        };
        // SAFETY: there are `capacity` records, so the three fields lie inside the array.
        unsafe {
            let at = self.start.add(at * READINESS_FIELDS);
            at.write(event.token.index.cast_signed());
            at.add(1).write(event.token.generation.cast_signed());
            at.add(2).write(mask.cast_signed());
        }
    }

    /// The slot of the first record.
    pub(crate) fn first_slot(&self) -> usize {
        // SAFETY: the array has room for at least one record.
        let slot = unsafe { self.start.read() };
        slot.cast_unsigned() as usize
    }
}
