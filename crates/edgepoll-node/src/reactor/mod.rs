//! The reactor as JavaScript sees it, and the memory that it shares with JavaScript.

mod address_words;
mod binding;
mod core;
mod inbox;
mod region;
mod sender;
pub(crate) mod settings;
mod staging;

pub use binding::ReactorBinding;
