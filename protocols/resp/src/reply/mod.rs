//! Replies: what a client reads.

mod parser;
mod session;

pub use session::{Replies, RespClient};
