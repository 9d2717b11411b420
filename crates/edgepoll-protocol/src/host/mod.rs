//! The host's side of the border: sessions and layers as a reactor, or a test, holds them.

#![allow(
    unsafe_code,
    reason = "the border is made of raw pointers: each block names the rule that it relies on"
)]

mod factory;
mod handle;
mod layer_handle;
mod memory;
mod panic;
mod scratch;
mod sound;
#[cfg(test)]
mod tests;

pub use factory::{Factory, LayerMaker, Mismatch};
pub use handle::{Fault, Handle, Outcome};
pub use layer_handle::LayerHandle;
pub use memory::Counted;
pub use panic::Panic;
pub use scratch::{Scratch, KEPT, MESSAGE_NUMBERS};
