//! The kinds of messages.

/// A request whose name is not in [`Settings::commands`](crate::Settings::commands).
pub const COMMAND: u8 = 0;
/// The highest kind of a command in [`Settings::commands`](crate::Settings::commands).
pub const LAST_COMMAND: u8 = 250;
/// A part of a string that is streamed.
pub const PART: u8 = 255;
/// The arguments behind a string that was streamed.
pub const ARGUMENTS: u8 = 254;

/// A reply `+…`.
pub const SIMPLE: u8 = 1;
/// A reply `-…` or `!…`.
pub const ERROR: u8 = 2;
/// A reply `:…`.
pub const INTEGER: u8 = 3;
/// A reply `$…`.
pub const BULK: u8 = 4;
/// A reply `_`, `$-1` or `*-1`.
pub const NULL: u8 = 5;
/// A reply `,…`.
pub const DOUBLE: u8 = 6;
/// A reply `#t` or `#f`.
pub const BOOLEAN: u8 = 7;
/// A reply `(…`: decimal digits, perhaps after a sign.
pub const BIG_NUMBER: u8 = 8;
/// A reply `=…`.
pub const VERBATIM: u8 = 9;
/// A reply `*…`.
pub const ARRAY: u8 = 10;
/// A reply `~…`.
pub const SET: u8 = 11;
/// A reply `%…`.
pub const MAP: u8 = 12;
/// A reply `>…`: not an answer to a command.
pub const PUSH: u8 = 13;
/// A reply `|…`: attributes of the value behind it.
pub const ATTRIBUTE: u8 = 14;
/// A reply with very many values, as it came.
pub const RAW: u8 = 15;
