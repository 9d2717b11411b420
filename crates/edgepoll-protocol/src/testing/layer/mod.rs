//! Layers under protocols: a trivial layer, and a check of any layer under any protocol.

mod under;
mod xor;

pub use under::under;
pub use xor::{Xor, XorLayer};
