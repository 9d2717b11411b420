//! The array of counters and flags that the reactor and JavaScript share. Its fields are in `layout.rs`.
//!
//! The reactor reads and writes it only while JavaScript does not run.

use napi::{sys, Error, Result};

use crate::layout::{
    CONTROL_BEHIND, CONTROL_CALLBACKS, CONTROL_COUNT, CONTROL_FIELDS, CONTROL_FORGOTTEN,
    CONTROL_IN_TURN, CONTROL_LENT,
};
use crate::node::{self, Reference};

/// Which chunks of the arena JavaScript still uses.
pub(crate) enum Lending {
    /// None: the arena can be filled again.
    AllBack,
    /// Some, and JavaScript will give them back.
    SomeOut,
    /// Perhaps some, but their connections were collected, so no code can give them back.
    RestForgotten,
}

/// The control array.
pub(crate) struct Control {
    /// Keeps the array alive. Only `src/connections/reactor.ts` has a reference to it, and never detaches it.
    _array: Reference,
    start: *mut i32,
}

impl Control {
    pub(crate) fn new(env: sys::napi_env, array: sys::napi_value) -> Result<Control> {
        let (start, length) = node::bytes_of(env, array)?;
        if length < CONTROL_FIELDS {
            return Err(Error::from_reason("the control array is too short"));
        }
        Ok(Control {
            _array: Reference::new(env, array)?,
            start: start.cast(),
        })
    }

    fn get(&self, at: usize) -> i32 {
        // SAFETY: `at` is one of the array's fields, `_array` keeps the memory alive, and JavaScript is not running.
        unsafe { self.start.add(at).read() }
    }

    fn set(&self, at: usize, value: i32) {
        // SAFETY: as in `get`.
        unsafe { self.start.add(at).write(value) };
    }

    /// How many writes JavaScript has staged.
    pub(crate) fn staged(&self) -> usize {
        usize::try_from(self.get(CONTROL_COUNT)).unwrap_or(0)
    }

    /// All staged writes have been made.
    pub(crate) fn clear_staged(&self) {
        self.set(CONTROL_COUNT, 0);
    }

    /// Tells JavaScript whether the glue makes the staged writes by itself after the running callback.
    pub(crate) fn set_in_turn(&self, in_turn: bool) {
        self.set(CONTROL_IN_TURN, i32::from(in_turn));
    }

    /// Whether consumers have items left from earlier turns.
    pub(crate) fn is_behind(&self) -> bool {
        self.get(CONTROL_BEHIND) != 0
    }

    /// Counts a callback of the driver.
    pub(crate) fn count_callback(&self) {
        self.set(
            CONTROL_CALLBACKS,
            self.get(CONTROL_CALLBACKS).wrapping_add(1),
        );
    }

    /// Counts the chunks of the arena in the batch that JavaScript is about to read.
    pub(crate) fn lend(&self, chunks: i32) {
        if chunks > 0 {
            self.set(CONTROL_LENT, self.get(CONTROL_LENT) + chunks);
        }
    }

    /// How the turn that begins may use the arena.
    pub(crate) fn lending(&self) -> Lending {
        let (lent, forgotten) = (self.get(CONTROL_LENT), self.get(CONTROL_FORGOTTEN));
        if lent == 0 {
            Lending::AllBack
        } else if lent == forgotten {
            self.set(CONTROL_LENT, 0);
            self.set(CONTROL_FORGOTTEN, 0);
            Lending::RestForgotten
        } else {
            Lending::SomeOut
        }
    }
}
