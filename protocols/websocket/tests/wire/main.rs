//! Whole connections through the test kit: the same bytes in each cut, by the bytes that leave and the messages that come.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::field_reassign_with_default,
    reason = "a test fails by panicking, and settings cannot be written as one expression outside their crate"
)]

mod client;
mod compressed;
mod frames;
mod handshake;
mod kit;
mod support;
mod timers;
