//! Tests that any protocol can run on itself. They call it across the border, as a reactor does.
//!
//! The functions panic when a test fails, as an assertion does.

mod feed;

pub use feed::{any_cut_gives_the_same, feed, survives, Came, Seen, SeenField};
