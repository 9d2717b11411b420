//! What a listener or a connection is opened with.
//!
//! It must never hold state. Filled in by the owner, read once by the commands.

use crate::connection::Limits;
use crate::protocol::{Bytes, Codec};

/// Makes the codec of each new connection.
pub type CodecFactory = Box<dyn Fn() -> Box<dyn Codec>>;

/// How to listen.
pub struct ListenOptions {
    /// Connections that may wait in the kernel. Default 511; the kernel cuts it to net.core.somaxconn.
    pub backlog: i32,
    /// TCP_NODELAY for accepted connections. Default true.
    pub no_delay: bool,
    /// SO_REUSEPORT. Default false.
    pub reuse_port: bool,
    /// IPV6_V6ONLY. Default false.
    pub ipv6_only: bool,
    /// Connections open at once; more wait in the backlog. Default 8,192.
    pub max_connections: u32,
    /// How many connections may be accepted before the owner grants more. Default `u32::MAX`: no bound but `max_connections`.
    pub credit: u32,
    /// Bounds of each connection.
    pub limits: Limits,
    /// The protocol. Default [`Bytes`].
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

/// How to connect.
pub struct ConnectOptions {
    /// TCP_NODELAY. Default true.
    pub no_delay: bool,
    /// Milliseconds until the connection closes with [`CloseReason::TimedOut`](crate::connection::CloseReason::TimedOut);
    /// 0 leaves it no time at all. Default 10,000.
    pub timeout: u32,
    /// Bounds of the connection.
    pub limits: Limits,
    /// The protocol. Default [`Bytes`].
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
