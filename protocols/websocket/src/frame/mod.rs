//! Frames: their headers and masks.

pub(crate) mod header;
pub(crate) mod mask;
