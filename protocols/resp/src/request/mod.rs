//! Requests: what a server reads.

mod inline;
mod parser;
mod session;

pub use parser::{Found, RequestParser};
pub use session::{Requests, Resp};
