//! The poller as JavaScript sees it, and the memory that it shares with JavaScript.

mod again;
mod binding;
mod context;
mod records;

pub use binding::PollerBinding;
pub use context::ContextBinding;
