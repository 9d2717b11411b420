//! The reactor as JavaScript sees it, and the memory that both share.

mod address;
mod address_words;
mod allocator;
mod binding;
mod close_reason;
mod control;
mod core;
mod framing;
mod inbox;
mod interned;
mod plugin;
mod records;
mod region;
mod sender;
mod settings;
mod staging;
mod tables;

pub use binding::ReactorBinding;
pub use plugin::{protocol_info, ProtocolInfo};
