//! The array of tables that the reactor writes and JavaScript reads: messages of protocols, as kinds and places of fields.
//!
//! JavaScript does not run while a table is written.

use edgepoll::protocol::abi::{FIELD, FIELDS_SHIFT, NAME};
use edgepoll::protocol::MESSAGE_NUMBERS;
use napi::{sys, Result};

use super::interned::Interned;
use crate::node::{self, Reference};

/// The tables of one turn.
pub(crate) struct Tables {
    /// Keeps the array alive. Only `src/connections/reactor.ts` has a reference to it, and never detaches it.
    _array: Reference,
    start: *mut i32,
    capacity: usize,
    used: usize,
    names: Interned,
}

impl Tables {
    /// Tables in `array`, an Int32Array.
    pub(crate) fn new(env: sys::napi_env, array: sys::napi_value) -> Result<Tables> {
        let (start, length) = node::bytes_of(env, array)?;
        Ok(Tables {
            _array: Reference::new(env, array)?,
            // The length of an Int32Array counts its elements, and its memory is aligned for them.
            start: start.cast(),
            capacity: length,
            used: 0,
            names: Interned::default(),
        })
    }

    /// Begins a turn: JavaScript has read the tables of the last one, or copied them.
    pub(crate) fn begin(&mut self) {
        self.used = 0;
    }

    /// How many numbers fit, besides those of one more message of any length.
    pub(crate) fn room(&self) -> usize {
        (self.capacity - self.used).saturating_sub(MESSAGE_NUMBERS)
    }

    /// Copies a table, with an id for each name. `body` and `made` have the bytes of the fields. Returns its place, or `None` if it does
    /// not fit.
    pub(crate) fn put(&mut self, table: &[i32], body: &[u8], made: &[u8]) -> Option<usize> {
        if table.len() > self.capacity - self.used {
            return None;
        }
        let place = self.used;
        // SAFETY: `used + table.len() <= capacity`, so these elements lie in the array, and JavaScript is not running.
        let copy = unsafe {
            let start = self.start.add(place);
            std::ptr::copy_nonoverlapping(table.as_ptr(), start, table.len());
            std::slice::from_raw_parts_mut(start, table.len())
        };
        self.used += table.len();
        let mut rest = copy;
        while let Some((header, fields)) = rest.split_first_mut() {
            let numbers = (header.cast_unsigned() >> FIELDS_SHIFT) as usize * FIELD;
            let (fields, others) = fields.split_at_mut_checked(numbers)?;
            for field in fields.chunks_exact_mut(FIELD) {
                let &mut [offset, length, ref mut what] = field else {
                    continue;
                };
                if *what == NAME && length >= 0 {
                    let start = usize::try_from(offset).unwrap_or(usize::MAX);
                    let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
                    let bytes = body.get(start..end).or_else(|| {
                        made.get(start.checked_sub(body.len())?..end.checked_sub(body.len())?)
                    });
                    *what = bytes.map_or(0, |bytes| self.names.id_of(bytes));
                } else if length >= 0 {
                    // A copied field. Its offset counts from the start of the body like that of any other.
                    *what = 0;
                }
            }
            rest = others;
        }
        Some(place)
    }
}
