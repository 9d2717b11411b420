//! Limits and choices of a listener or a connect.

use crate::Commands;

/// Limits and choices. The defaults are those of Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The most arguments of a request. Default 1,048,576.
    pub max_arguments: usize,
    /// The longest bulk string, in bytes. Default 512 MiB.
    pub max_bulk: usize,
    /// The longest request or reply as a whole, in bytes, without the strings that are streamed. Default 1 GiB, at most
    /// [`Settings::MOST_TOTAL`].
    pub max_total: usize,
    /// Bulk strings that are longer than this many bytes come in parts of as many bytes. Default: none. It may not be 0.
    pub stream: Option<usize>,
    /// Refuse requests of more than 10 arguments or with an argument above 16,384 bytes, as Redis does before a client has
    /// authenticated. Once it has, upgrade its connection to a protocol without this. Default false.
    pub unauthenticated: bool,
    /// Commands that have a kind of their own.
    pub commands: Commands,
}

impl Settings {
    /// The highest [`Settings::max_total`]: places are 32-bit numbers.
    pub const MOST_TOTAL: usize = i32::MAX as usize - (1 << 20);
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_arguments: 1 << 20,
            max_bulk: 512 << 20,
            max_total: 1 << 30,
            stream: None,
            unauthenticated: false,
            commands: Commands::default(),
        }
    }
}
