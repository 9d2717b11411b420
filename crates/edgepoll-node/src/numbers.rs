//! Numbers as JavaScript has them: tokens of two 32-bit integers, and counters as doubles.

use edgepoll::Token;

/// The token of a slot and a generation.
pub(crate) fn token(slot: i32, generation: i32) -> Token {
    Token {
        index: slot.cast_unsigned(),
        generation: generation.cast_unsigned(),
    }
}

/// A counter as a double.
#[allow(
    clippy::cast_precision_loss,
    reason = "counters beyond 2^53 lose their last digits"
)]
pub(crate) fn float(counter: u64) -> f64 {
    counter as f64
}
