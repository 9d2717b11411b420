//! RESP2 and RESP3, the protocol of Redis, for edgepoll: [`Resp`] reads requests, for a server, and [`RespClient`] reads replies.
//!
//! Both describe what they read as messages of the crate `edgepoll-protocol`, whose kinds are in [`kind`]. What a server or a client
//! writes leaves as it is.
//!
//! # Requests
//! A request is an array of bulk strings, or a line of words (an inline command). It becomes a message whose fields are its arguments,
//! with the command's name first. The name is put into upper case. The kind is 0, or the place of the name in
//! [`Settings::commands`], counted from 1. Name and first argument are fields of the sort "name", so that JavaScript makes no string for
//! a key that it has seen before. Of a command with more than [`MOST_FIELDS`] arguments, the rest is behind the first ones: an integer,
//! how many there are, and a field with their bytes as they came (`$3\r\nfoo\r\n…`).
//!
//! A request that is malformed or above a limit is answered as Redis does, with `-ERR Protocol error: …`, and the connection ends.
//!
//! # Replies
//! A reply becomes one message, whose kind is its type. Its fields:
//!
//! | kind | fields |
//! |---|---|
//! | [`SIMPLE`](kind::SIMPLE), [`ERROR`](kind::ERROR), [`BULK`](kind::BULK), [`BIG_NUMBER`](kind::BIG_NUMBER) | bytes |
//! | [`INTEGER`](kind::INTEGER) | an integer |
//! | [`DOUBLE`](kind::DOUBLE) | a double |
//! | [`NULL`](kind::NULL) | none |
//! | [`BOOLEAN`](kind::BOOLEAN) | an integer, 0 or 1 |
//! | [`VERBATIM`](kind::VERBATIM) | the format (three bytes), the text |
//! | [`ARRAY`](kind::ARRAY), [`SET`](kind::SET), [`PUSH`](kind::PUSH), [`MAP`](kind::MAP) | an integer, how many elements (of a map, pairs) there are, and then the elements |
//! | [`ATTRIBUTE`](kind::ATTRIBUTE) | an integer, how many pairs there are, the pairs, and then the value that has these attributes |
//! | [`RAW`](kind::RAW) | the bytes of the whole reply: one that would have more than [`MOST_FIELDS`] fields |
//!
//! An element has an integer before its fields, its header. The low eight bits are the kind. For the types that hold others, the
//! count is above these bits, and not in a field of its own; a boolean has its value there. Bulk strings that follow each other have
//! one header, with their number above the kind: in the order of the fields, as many of the next values are bulk strings.
//!
//! # Large strings in parts
//! With [`Settings::stream`], a longer bulk string is not buffered. It comes in messages of the kind [`PART`](kind::PART), with the
//! bytes and an integer: how many bytes of this string are still to come.
//! - Of a request, the message with the arguments before the string has the flag "more". Arguments behind it come in a message of the
//!   kind [`ARGUMENTS`](kind::ARGUMENTS). The last message of the request has no flag "more".
//! - Of replies, those that are a bulk string as a whole come in parts. All parts but the last have the flag "more".

mod argument;
mod commands;
pub mod kind;
mod line;
mod refusal;
mod reply;
mod request;
mod settings;

#[cfg(feature = "node")]
mod node;

pub use argument::Argument;
pub use commands::Commands;
pub use refusal::Refusal;
pub use reply::{Replies, RespClient};
pub use request::{Found, RequestParser, Requests, Resp};
pub use settings::Settings;

/// The most fields that a message has, but for the last two of a longer command.
pub const MOST_FIELDS: usize = 8192;
