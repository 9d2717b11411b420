//! The glue between the core and JavaScript: conversion, lifetimes, and the two drivers.
//!
//! The rules of protocols and connections are in the core. User code runs only while nothing is borrowed. Everything runs on the
//! JavaScript thread of its environment, except the thread of the driver `thread`, which uses only two descriptors and a
//! thread-safe function.
#![allow(
    unsafe_code,
    reason = "Node-API and libuv are C; every block gives its reason"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "napi-rs passes arguments by value, so exported functions have to take them that way"
)]

mod bare;
mod driver;
pub mod fd;
mod fixed_numbers;
mod layout;
mod names;
mod node;
mod numbers;
mod opened;
mod poller;
mod reactor;

pub use driver::use_immediate;
pub use layout::layout;
pub use names::{call_name, descriptor_limit, error_name, error_text, is_open, VERSION};
pub use poller::{ContextBinding, PollerBinding};
pub use reactor::{protocol_info, ProtocolInfo, ReactorBinding};
