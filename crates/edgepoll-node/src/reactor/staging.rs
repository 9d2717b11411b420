//! Small writes that JavaScript has staged: their bytes in one shared array, their descriptions in another. The bytes of a
//! chunk that was lent stay in the inbox's arena.
//!
//! JavaScript fills both arrays between turns, and the glue empties them at once, so that a batch of small writes does not
//! cost one native call each. The glue reads them only while JavaScript does not run.

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::{Reactor, WriteError};
use edgepoll::Token;
use napi::{sys, Result};

use crate::layout::{LENT, MORE, WRITE_FIELDS};
use crate::node::{self, Reference};

/// The shared arrays.
pub(crate) struct Staging {
    /// Keeps both arrays alive. Only `src/connections/reactor.ts` has references to them, and never detaches them.
    _arrays: [Reference; 2],
    bytes: *const u8,
    size: usize,
    writes: *const i32,
    capacity: usize,
}

impl Staging {
    /// `bytes`: a Uint8Array. `writes`: an Int32Array.
    pub(crate) fn new(
        env: sys::napi_env,
        bytes: sys::napi_value,
        writes: sys::napi_value,
    ) -> Result<Staging> {
        let (data, size) = node::bytes_of(env, bytes)?;
        let (records, length) = node::bytes_of(env, writes)?;
        Ok(Staging {
            _arrays: [Reference::new(env, bytes)?, Reference::new(env, writes)?],
            bytes: data,
            size,
            writes: records.cast_const().cast(),
            capacity: length / WRITE_FIELDS,
        })
    }

    /// Makes the first `count` staged writes, in order. `lent`: the part of the arena that was lent.
    pub(crate) fn flush(&self, count: usize, reactor: &mut Reactor<LinuxKernel>, lent: &[u8]) {
        // SAFETY: the array has `size` bytes, `_arrays` keeps it alive, and JavaScript is not running.
        let staged = unsafe { std::slice::from_raw_parts(self.bytes, self.size) };
        for index in 0..count.min(self.capacity) {
            // SAFETY: `index < capacity`, so the four fields lie inside the array, and JavaScript is not running.
            let [slot, generation, offset, length] = unsafe {
                self.writes
                    .add(index * WRITE_FIELDS)
                    .cast::<[i32; WRITE_FIELDS]>()
                    .read()
            };
            let more = length & MORE != 0;
            let source = if length & LENT == 0 { staged } else { lent };
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let length = usize::try_from(length & !(LENT | MORE)).unwrap_or(0);
            let message = source.get(offset..offset.saturating_add(length));
            let token = Token {
                index: slot.cast_unsigned(),
                generation: generation.cast_unsigned(),
            };
            let Some(message) = message else {
                // JavaScript has detached the arena, so the message is lost. The peer gets a reset, so that it does not take the
                // stream without the message for a complete one.
                reactor.count_unsent(token, length);
                reactor.destroy(token);
                continue;
            };
            match reactor.write(token, message, more) {
                Ok(_) | Err(WriteError::Failed) => {}
                // The session refuses the message. The program sees why when the connection closes.
                Err(WriteError::Protocol(error)) => reactor.refuse(token, error, message.len()),
                // JavaScript has already accepted this write. The close that follows reports it as not sent.
                Err(_) => reactor.count_unsent(token, message.len()),
            }
        }
    }
}
