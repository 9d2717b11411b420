//! Writes as JavaScript left them: small ones' bytes in one shared array, who they are for in another. Those of chunks
//! that were lent lie in the inbox's arena still.
//!
//! JavaScript fills both between turns and the glue empties them in one go, so that a batch of small writes
//! costs no native call each. It must never be read while JavaScript runs. Called by the reactor's binding.

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::{Reactor, WriteError};
use edgepoll::Token;
use napi::{sys, Result};

use super::inbox::JsInbox;
use crate::node::{self, Reference};

/// A staged write: slot, generation, offset, length; the length's sign bit says that another write to the
/// same connection follows in this batch.
const FIELDS: usize = 4;
/// In the length: the bytes are not staged but lie in the inbox's arena.
const LENT: i32 = 0x4000_0000;

/// Where in the control array the two sides talk.
mod control {
    /// How many writes are staged. JavaScript counts up, the glue sets to 0.
    pub(super) const COUNT: usize = 0;
    /// 1 while the glue will empty the stage by itself after this callback.
    pub(super) const IN_TURN: usize = 1;
    /// Chunks of the inbox's arena that JavaScript has not given back. The glue counts up, JavaScript down.
    pub(super) const LENT: usize = 2;
    /// Those of them whose connection nobody has any more: they never will be given back.
    pub(super) const FORGOTTEN: usize = 3;
    /// The driver's callbacks so far, wrapping. Between two of them the loop has had its turn.
    pub(super) const CALLBACKS: usize = 4;
}

/// What JavaScript has of the inbox's arena.
pub(crate) enum Lending {
    /// Nothing: it can be filled again.
    AllBack,
    /// Chunks that it will give back.
    SomeOut,
    /// Perhaps chunks, but nobody who could give them back.
    RestForgotten,
}

/// The shared arrays; nobody but src/connections/reactor.ts has them, so they cannot be detached.
pub(crate) struct Staging {
    _keep: [Reference; 3],
    bytes: *const u8,
    size: usize,
    writes: *const i32,
    capacity: usize,
    control: *mut i32,
}

impl Staging {
    pub(crate) fn new(
        env: sys::napi_env,
        bytes: sys::napi_value,
        writes: sys::napi_value,
        control: sys::napi_value,
    ) -> Result<Staging> {
        let (data, size) = node::bytes_of(env, bytes)?;
        let (records, length) = node::bytes_of(env, writes)?;
        let (control_data, _) = node::bytes_of(env, control)?;
        Ok(Staging {
            _keep: [
                Reference::new(env, bytes)?,
                Reference::new(env, writes)?,
                Reference::new(env, control)?,
            ],
            bytes: data,
            size,
            writes: records.cast_const().cast(),
            capacity: length / FIELDS,
            control: control_data.cast(),
        })
    }

    fn get(&self, at: usize) -> i32 {
        // SAFETY: the control array has these fields, lives as long as we do, and JavaScript is not running.
        unsafe { self.control.add(at).read() }
    }

    fn set(&self, at: usize, value: i32) {
        // SAFETY: as in `get`.
        unsafe { self.control.add(at).write(value) };
    }

    /// Says whether the glue empties the stage by itself after the running callback.
    pub(crate) fn set_in_turn(&self, in_turn: bool) {
        self.set(control::IN_TURN, i32::from(in_turn));
    }

    /// Another callback of the driver begins.
    pub(crate) fn count_callback(&self) {
        self.set(
            control::CALLBACKS,
            self.get(control::CALLBACKS).wrapping_add(1),
        );
    }

    /// So many chunks of the inbox's arena are in the batch that JavaScript is about to read.
    pub(crate) fn lend(&self, chunks: i32) {
        if chunks > 0 {
            self.set(control::LENT, self.get(control::LENT) + chunks);
        }
    }

    /// How the inbox's arena may be used in the turn that begins.
    pub(crate) fn lending(&self) -> Lending {
        let (lent, forgotten) = (self.get(control::LENT), self.get(control::FORGOTTEN));
        if lent == 0 {
            Lending::AllBack
        } else if lent == forgotten {
            self.set(control::LENT, 0);
            self.set(control::FORGOTTEN, 0);
            Lending::RestForgotten
        } else {
            Lending::SomeOut
        }
    }

    /// Writes everything staged, in order.
    pub(crate) fn flush(&self, reactor: &mut Reactor<LinuxKernel>, inbox: &mut JsInbox) {
        let count = usize::try_from(self.get(control::COUNT))
            .unwrap_or(0)
            .min(self.capacity);
        if count == 0 {
            return;
        }
        let lent = inbox.lent();
        // SAFETY: the array has `size` bytes, lives as long as we do, and JavaScript is not running.
        let staged = unsafe { std::slice::from_raw_parts(self.bytes, self.size) };
        for index in 0..count {
            // SAFETY: `index < capacity`, so the four fields lie inside the array, and JavaScript is not running.
            let [slot, generation, offset, length] = unsafe {
                self.writes
                    .add(index * FIELDS)
                    .cast::<[i32; FIELDS]>()
                    .read()
            };
            let more = length < 0;
            let source = if length & LENT == 0 { staged } else { lent };
            let offset = usize::try_from(offset).unwrap_or(usize::MAX);
            let length = usize::try_from(length & !LENT & i32::MAX).unwrap_or(0);
            let message = source.get(offset..offset.saturating_add(length));
            let token = Token {
                index: slot.cast_unsigned(),
                generation: generation.cast_unsigned(),
            };
            let Some(message) = message else {
                // JavaScript has detached the arena, so the message is lost. The peer must not see a stream without it: it gets
                // a reset.
                reactor.count_unsent(token, length);
                reactor.destroy(token);
                continue;
            };
            match reactor.write(token, message, more) {
                Ok(_) | Err(WriteError::Failed) => {}
                // The close that follows tells why, and of this write too: its writer was told that it is taken.
                // JavaScript stages only for connections that are open and whose protocol takes every message.
                Err(_) => reactor.count_unsent(token, message.len()),
            }
        }
        self.set(control::COUNT, 0);
    }
}
