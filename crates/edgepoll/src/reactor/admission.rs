//! Which clients a listener accepts: the options, and the reasons to refuse one. `clients.rs` applies them.

use crate::address::AddressSet;

/// Which clients a listener accepts.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The most connections of one address that are open at once. For IPv6 an address here is its first 64 bits. Default 4,096.
    pub per_address: u32,
    /// How many connections an address may make in a second, and at once if it made none before. Default 16,384.
    pub rate: u32,
    /// Addresses without these two limits. Default none.
    pub exempt: AddressSet,
    /// Addresses whose connections are closed at once, exempt or not. Default none.
    pub block: AddressSet,
    /// Refused clients see a reset. Otherwise they see FIN, or a reset if they have sent something. Default true.
    pub reset: bool,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission {
            per_address: 4_096,
            rate: 16_384,
            exempt: AddressSet::default(),
            block: AddressSet::default(),
            reset: true,
        }
    }
}

/// Why a connection was closed as soon as it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dropped {
    /// [`Admission::block`] has its address.
    Blocked = 0,
    /// Its address has [`Admission::per_address`] connections.
    PerAddress = 1,
    /// Its address connects more often than [`Admission::rate`].
    Rate = 2,
}

impl Dropped {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Dropped; 3] = [Dropped::Blocked, Dropped::PerAddress, Dropped::Rate];
}
