//! Numbers as JavaScript has them: tokens of two 32-bit integers, and counters as doubles.

use edgepoll::Token;

/// The token of a slot and a generation.
pub(crate) fn token(slot: i32, generation: i32) -> Token {
    Token {
        index: slot.cast_unsigned(),
        generation: generation.cast_unsigned(),
    }
}

/// A counter as a double. Beyond 2^53 it loses its last digits.
pub(crate) fn float(counter: u64) -> f64 {
    counter as f64
}
