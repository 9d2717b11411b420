//! The options of a listener and of a connection.

use std::rc::Rc;

use super::admission::Admission;
use crate::connection::Limits;
use crate::kernel::Buffers;
use crate::protocol::{Factory, LayerMaker};

/// The options of a listener.
///
/// Later versions add fields. Write `ListenOptions { backlog: 128, ..ListenOptions::default() }`.
#[derive(Debug)]
pub struct ListenOptions {
    /// Connections that may wait in the kernel. The kernel cuts it to net.core.somaxconn. Default 4,096, as many as it allows by default. With fewer, a burst of connects loses SYN packets, and each client tries again after a second.
    pub backlog: i32,
    /// TCP_NODELAY for accepted connections. Default true.
    pub no_delay: bool,
    /// SO_REUSEPORT. Default false.
    pub reuse_port: bool,
    /// IPV6_V6ONLY. Default false.
    pub ipv6_only: bool,
    /// The most connections that are open at once. Others wait in the backlog. Default 8,192.
    pub max_connections: u32,
    /// Which clients are accepted.
    pub admission: Admission,
    /// How many connections may be accepted before the owner grants more by [`Reactor::grant`](super::Reactor::grant). Default
    /// `u32::MAX`: only `max_connections` bounds them.
    pub credit: u32,
    /// How many bytes all its connections may hold together: in their send queues, received and not handed over, and what the owner
    /// has said by [`Reactor::keep`](super::Reactor::keep). The more is held, the less each connection may hold before it stops
    /// receiving: as much as is free. If that is not enough, because of what was written, those are closed that hold more than the
    /// average and send slowest, until a quarter is free. Default 268,435,456.
    pub max_held: usize,
    /// The bounds of each connection.
    pub limits: Limits,
    /// What the kernel keeps for each connection. Default: the kernel decides.
    pub buffers: Buffers,
    /// The protocol of each connection. Default `None`: what one receive gave is one frame.
    pub protocol: Option<Rc<Factory>>,
    /// The layers between the socket and the protocol. The first is next to the socket. Default none.
    pub layers: Vec<Rc<LayerMaker>>,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: 4_096,
            no_delay: true,
            reuse_port: false,
            ipv6_only: false,
            max_connections: 8_192,
            admission: Admission::default(),
            credit: u32::MAX,
            max_held: 268_435_456,
            limits: Limits::default(),
            buffers: Buffers::default(),
            protocol: None,
            layers: Vec::new(),
        }
    }
}

/// The options of a connection that is opened.
///
/// Later versions add fields. Write `ConnectOptions { timeout: 2_000, ..ConnectOptions::default() }`.
#[derive(Debug)]
pub struct ConnectOptions {
    /// TCP_NODELAY. Default true.
    pub no_delay: bool,
    /// Milliseconds that the connect may take. Then the connection closes with
    /// [`CloseReason::TimedOut`](crate::connection::CloseReason::TimedOut). 0 leaves it no time at all. Default 10,000.
    pub timeout: u32,
    /// The bounds of the connection.
    pub limits: Limits,
    /// What the kernel keeps for the connection. Default: the kernel decides.
    pub buffers: Buffers,
    /// The protocol. Default `None`: what one receive gave is one frame.
    pub protocol: Option<Rc<Factory>>,
    /// The layers between the socket and the protocol. The first is next to the socket. Default none.
    pub layers: Vec<Rc<LayerMaker>>,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            no_delay: true,
            timeout: 10_000,
            limits: Limits::default(),
            buffers: Buffers::default(),
            protocol: None,
            layers: Vec::new(),
        }
    }
}
