//! The poller as JavaScript sees it, and the memory that both share.

mod binding;
mod context;
mod core;
mod poll_limit;
mod records;
mod working;

pub use binding::PollerBinding;
pub use context::ContextBinding;
