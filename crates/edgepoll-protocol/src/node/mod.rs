//! Makes a crate an addon that JavaScript loads: the macro [`export_protocol!`](crate::export_protocol), and the options that
//! JavaScript passes.
//!
//! Node-API is called by its C symbols, which Node.js, Bun and Deno provide. So no crate for it is linked, and a plug-in can use any
//! version of any such crate for other exports.

#![allow(
    unsafe_code,
    reason = "Node-API is a C interface: each block names the rule that it relies on"
)]

mod export;
mod object;
mod options;
mod pin;
mod symbols;

pub use export::{export, export_layer, export_package, export_raw};
pub use options::{OptionError, Options};
pub use symbols::Raw;
