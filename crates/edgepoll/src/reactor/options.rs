//! The options of a listener and of a connection.

use std::fmt;

use crate::connection::Limits;
use crate::protocol::{Bytes, Codec};

/// Makes the codec of each new connection.
pub type CodecFactory = Box<dyn Fn() -> Box<dyn Codec>>;

/// The options of a listener.
///
/// Later versions add fields. Write `ListenOptions { backlog: 128, ..ListenOptions::default() }`.
pub struct ListenOptions {
    /// Connections that may wait in the kernel. The kernel cuts it to net.core.somaxconn. Default 511.
    pub backlog: i32,
    /// TCP_NODELAY for accepted connections. Default true.
    pub no_delay: bool,
    /// SO_REUSEPORT. Default false.
    pub reuse_port: bool,
    /// IPV6_V6ONLY. Default false.
    pub ipv6_only: bool,
    /// The most connections that are open at once. Others wait in the backlog. Default 8,192.
    pub max_connections: u32,
    /// How many connections may be accepted before the owner grants more by [`Reactor::grant`](super::Reactor::grant). Default
    /// `u32::MAX`: only `max_connections` bounds them.
    pub credit: u32,
    /// The bounds of each connection.
    pub limits: Limits,
    /// Makes the codec of each connection. Default [`Bytes`].
    pub codec: CodecFactory,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: 511,
            no_delay: true,
            reuse_port: false,
            ipv6_only: false,
            max_connections: 8_192,
            credit: u32::MAX,
            limits: Limits::default(),
            codec: Box::new(|| Box::new(Bytes)),
        }
    }
}

/// The options of a connection that is opened.
///
/// Later versions add fields. Write `ConnectOptions { timeout: 2_000, ..ConnectOptions::default() }`.
pub struct ConnectOptions {
    /// TCP_NODELAY. Default true.
    pub no_delay: bool,
    /// Milliseconds that the connect may take. Then the connection closes with
    /// [`CloseReason::TimedOut`](crate::connection::CloseReason::TimedOut). 0 leaves it no time at all. Default 10,000.
    pub timeout: u32,
    /// The bounds of the connection.
    pub limits: Limits,
    /// The codec. Default [`Bytes`].
    pub codec: Box<dyn Codec>,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            no_delay: true,
            timeout: 10_000,
            limits: Limits::default(),
            codec: Box::new(Bytes),
        }
    }
}

impl fmt::Debug for ListenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenOptions")
            .field("backlog", &self.backlog)
            .field("no_delay", &self.no_delay)
            .field("reuse_port", &self.reuse_port)
            .field("ipv6_only", &self.ipv6_only)
            .field("max_connections", &self.max_connections)
            .field("credit", &self.credit)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("no_delay", &self.no_delay)
            .field("timeout", &self.timeout)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
