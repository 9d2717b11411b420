//! The descriptors of the simulated kernel, and what they stand for.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use crate::kernel::Buffers;
use crate::{Address, Errno, Token};

/// The address that every simulated client connects from.
pub const PEER_ADDRESS: Address = Address::Inet(Ipv4Addr::new(192, 0, 2, 1), 40_000);

/// How a connect ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeds.
    Established,
    /// Nothing listens at the address.
    Refused,
    /// No answer ever comes.
    Never,
    /// The socket connects to itself: a simultaneous open on one port.
    Itself,
    /// The call itself fails.
    AtOnce(Errno),
}

/// The far end of one connection. Its number counts connections from 0, accepted and connected ones together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer(pub usize);

/// A descriptor of the simulated kernel.
#[derive(Debug)]
pub struct SimulatedSocket(pub(super) Place);

/// The index of a socket in the kernel's tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Listener(usize),
    Stream(usize),
}

/// A listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) address: Address,
    pub(super) token: Option<Token>,
    pub(super) open: bool,
    pub(super) registered: bool,
    /// The next wait reports it.
    pub(super) pending: bool,
    pub(super) backlog: VecDeque<Peer>,
    pub(super) buffers: Buffers,
}
