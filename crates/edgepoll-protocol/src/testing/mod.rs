//! Tests that any protocol can run on itself. They call it across the border, as a reactor does.
//!
//! The functions panic when a test fails, as an assertion does. [`check`] runs all that need only transcripts.

#![allow(clippy::panic, reason = "these functions are assertions of tests")]

mod came;
mod check;
mod converse;
mod cuts;
mod damage;
mod endpoint;
pub mod fuzz;
mod growth;
pub mod layer;
mod random;
mod transcript;

pub use crate::host::Counted;
pub use came::{Came, Seen, SeenField};
pub use check::check;
pub use converse::{converse, round_trip, Conversation, Line};
pub use cuts::{any_cut_gives_the_same, feed, may_stop_anywhere};
pub use damage::survives;
pub use growth::does_not_grow;
pub use transcript::Transcript;
