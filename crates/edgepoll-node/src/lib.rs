//! The glue between the core and JavaScript: conversion, lifetime, and the two drivers.
//!
//! It must never hold a rule of a protocol or a connection, and never run user code inside a borrow.
//! Everything here runs on its environment's JavaScript thread; the thread driver's one other thread
//! touches nothing but two descriptors and a thread-safe function.
#![allow(
    unsafe_code,
    reason = "Node-API and libuv are C; every block gives its reason"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "napi-rs hands arguments over by value"
)]

mod bare;
mod driver;
pub mod fd;
mod names;
mod node;
mod poller;
mod reactor;

pub use driver::use_immediate;
pub use names::{call_name, descriptor_limit, error_name, error_text, is_open};
pub use poller::{ContextBinding, PollerBinding};
pub use reactor::ReactorBinding;
