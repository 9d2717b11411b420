//! Which clients a listener accepts: blocked and exempt prefixes, and a number of connections and a rate for each address.
//!
//! What is refused is closed without a slot. The table of addresses is bounded: it has the clients with open connections, and those of
//! whom the rate has to know.

use std::collections::HashMap;

use crate::address::{client_bits, Prefix};
use crate::connection::Clock;
use crate::Address;

/// The most addresses without an open connection that the table has.
const MOST: usize = 65_536;
/// What one accept costs of a client's tokens, which refill by the rate in a second.
const ACCEPT: u64 = 1_000;

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

/// Which clients a listener accepts.
#[derive(Clone, Debug)]
pub struct Admission {
    /// The most connections of one IPv4 address, or of one /64 of IPv6, that are open at once. Default 2,048.
    pub per_address: u32,
    /// How many connections such an address may make in a second, and at once if it made none before. Default 2,048.
    pub rate: u32,
    /// Addresses without these two limits. Default none.
    pub exempt: Vec<Prefix>,
    /// Addresses whose connections are closed at once. Default none.
    pub block: Vec<Prefix>,
    /// Refused clients see a reset. Otherwise they see FIN. Default true.
    pub reset: bool,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission {
            per_address: 2_048,
            rate: 2_048,
            exempt: Vec::new(),
            block: Vec::new(),
            reset: true,
        }
    }
}

/// What is known of one client.
#[derive(Clone, Copy, Debug)]
struct Client {
    open: u32,
    /// How many thousandths of an accept it may make.
    tokens: u64,
    /// When the tokens were counted, in milliseconds.
    at: u64,
}

/// The clients of a listener.
#[derive(Debug, Default)]
pub(super) struct Clients {
    known: HashMap<u128, Client>,
    open: usize,
}

impl Clients {
    /// Decides about a new connection, and counts it if it is accepted.
    pub(super) fn admit(
        &mut self,
        rules: &Admission,
        peer: &Address,
        clock: Clock,
    ) -> Result<(), Dropped> {
        let is_in = |list: &[Prefix]| list.iter().any(|prefix| prefix.contains(peer));
        if is_in(&rules.block) {
            return Err(Dropped::Blocked);
        }
        let Some(bits) = client_bits(peer).filter(|_| !is_in(&rules.exempt)) else {
            return Ok(());
        };
        let full = u64::from(rules.rate).saturating_mul(ACCEPT);
        let now = clock.milliseconds();
        if self.known.len() >= MOST + self.open && !self.known.contains_key(&bits) {
            self.forget(full, rules.rate, now);
        }
        let client = self.known.entry(bits).or_insert(Client {
            open: 0,
            tokens: full,
            at: now,
        });
        client.tokens = client.tokens_at(now, full, rules.rate);
        client.at = now;
        if client.open >= rules.per_address {
            return Err(Dropped::PerAddress);
        }
        if client.tokens < ACCEPT {
            return Err(Dropped::Rate);
        }
        client.tokens -= ACCEPT;
        client.open += 1;
        self.open += usize::from(client.open == 1);
        Ok(())
    }

    /// A connection that was accepted is closed.
    pub(super) fn left(&mut self, rules: &Admission, peer: &Address) {
        let is_exempt = rules.exempt.iter().any(|prefix| prefix.contains(peer));
        let Some(bits) = client_bits(peer).filter(|_| !is_exempt) else {
            return;
        };
        if let Some(client) = self.known.get_mut(&bits) {
            client.open = client.open.saturating_sub(1);
            self.open -= usize::from(client.open == 0);
        }
    }

    /// Makes room: drops the clients without a connection of whom nothing has to be remembered. If there are few of those, drops
    /// others without a connection as well, whose rate begins anew.
    fn forget(&mut self, full: u64, rate: u32, now: u64) {
        self.known
            .retain(|_, client| client.open > 0 || client.tokens_at(now, full, rate) < full);
        let mut more = (self.known.len() + MOST / 8).saturating_sub(MOST + self.open);
        self.known.retain(|_, client| {
            let goes = more > 0 && client.open == 0;
            more -= usize::from(goes);
            !goes
        });
    }

    /// Checks the bound of the table, for [`Reactor::check`](super::Reactor::check).
    pub(super) fn check(&self) -> Result<(), String> {
        let open = self.known.values().filter(|client| client.open > 0).count();
        if open != self.open || self.known.len() > MOST + open {
            let known = self.known.len();
            return Err(format!(
                "7: {known} clients are known, {open} of {} with connections",
                self.open
            ));
        }
        Ok(())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.known.len()
    }
}

impl Client {
    fn tokens_at(&self, now: u64, full: u64, rate: u32) -> u64 {
        let more = now.saturating_sub(self.at).saturating_mul(u64::from(rate));
        self.tokens.saturating_add(more).min(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(per_address: u32, rate: u32) -> Admission {
        Admission {
            per_address,
            rate,
            ..Admission::default()
        }
    }

    fn client(number: u32) -> Address {
        Address::Inet(number.into(), 7)
    }

    fn at(milliseconds: u64) -> Clock {
        Clock::new(milliseconds * 1_000_000)
    }

    #[test]
    fn each_address_has_its_own_number_of_connections() {
        let (mut clients, rules) = (Clients::default(), rules(2, 1_000));
        for number in [1, 2] {
            assert_eq!(clients.admit(&rules, &client(number), at(0)), Ok(()));
            assert_eq!(clients.admit(&rules, &client(number), at(0)), Ok(()));
            let refused = clients.admit(&rules, &client(number), at(0));
            assert_eq!(refused, Err(Dropped::PerAddress));
        }
        clients.left(&rules, &client(1));
        assert_eq!(clients.admit(&rules, &client(1), at(0)), Ok(()));
        assert_eq!(
            clients.admit(&rules, &client(2), at(0)),
            Err(Dropped::PerAddress)
        );
    }

    #[test]
    fn an_address_connects_as_often_as_the_rate_allows() {
        let (mut clients, rules) = (Clients::default(), rules(u32::MAX, 10));
        let mut accepted = 0;
        for millisecond in 0..1_000 {
            accepted += u32::from(clients.admit(&rules, &client(1), at(millisecond)).is_ok());
        }
        // Ten at once, and then ten in a second.
        assert_eq!(accepted, 19);
        assert_eq!(
            clients.admit(&rules, &client(1), at(999)),
            Err(Dropped::Rate)
        );
        assert_eq!(clients.admit(&rules, &client(2), at(999)), Ok(()));
    }

    #[test]
    fn a_prefix_is_blocked_or_exempt() {
        let net = Prefix::new([192, 0, 2, 0].into(), 24).unwrap();
        let one = Address::Inet([192, 0, 2, 9].into(), 7);
        let mut clients = Clients::default();
        let exempt = Admission {
            exempt: vec![net],
            ..rules(1, 1)
        };
        for _ in 0..100 {
            assert_eq!(clients.admit(&exempt, &one, at(0)), Ok(()));
        }
        assert_eq!(clients.len(), 0);
        let block = Admission {
            block: vec![net],
            ..exempt
        };
        assert_eq!(clients.admit(&block, &one, at(0)), Err(Dropped::Blocked));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_those_with_connections() {
        let (mut clients, rules) = (Clients::default(), rules(1, 1));
        assert_eq!(clients.admit(&rules, &client(0), at(0)), Ok(()));
        for number in 1..300_000 {
            assert_eq!(clients.admit(&rules, &client(number), at(0)), Ok(()));
            clients.left(&rules, &client(number));
            assert!(clients.len() <= MOST + 1);
        }
        assert_eq!(
            clients.admit(&rules, &client(0), at(0)),
            Err(Dropped::PerAddress)
        );
        // Everything is forgotten that is as if it had never been.
        for number in 300_000..300_000 + 2 * MOST as u32 {
            clients.admit(&rules, &client(number), at(10_000)).unwrap();
            clients.left(&rules, &client(number));
        }
        assert!(clients.len() <= MOST + 1);
    }
}
