//! The clients of a listener: how many connections each address has open, and how often it connects.
//!
//! The table has the addresses with open connections, and those that connected a moment ago, whose rate is limited. It is bounded: see
//! [`MOST_IDLE`]. An address whose tokens are all back is forgotten, which is the case a second after its last connect at the latest.

use std::collections::HashMap;

use super::admission::{Admission, Dropped};
use crate::address::client_of;
use crate::connection::Clock;
use crate::Address;

/// The most addresses without an open connection that the table has.
const MOST_IDLE: usize = 65_536;
/// With fewer addresses without an open connection, no timer is set to forget them.
const FEW_IDLE: usize = 256;
/// What one accept costs of a client's tokens, which refill by the rate in a second.
const ACCEPT: u64 = 1_000;

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
    known: HashMap<u64, Client>,
    /// How many of them have an open connection.
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
        if rules.block.contains(peer) {
            return Err(Dropped::Blocked);
        }
        let Some(key) = key_of(rules, peer) else {
            return Ok(());
        };
        let (now, full) = (clock.milliseconds(), full(rules));
        if self.idle() >= MOST_IDLE && !self.known.contains_key(&key) {
            self.make_room(rules, now);
        }
        let client = self.known.entry(key).or_insert(Client {
            open: 0,
            tokens: full,
            at: now,
        });
        client.tokens = client.tokens_at(now, rules);
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
    pub(super) fn left(&mut self, rules: &Admission, peer: &Address, clock: Clock) {
        let Some(key) = key_of(rules, peer) else {
            return;
        };
        let Some(client) = self.known.get_mut(&key) else {
            return;
        };
        client.open = client.open.saturating_sub(1);
        if client.open == 0 {
            let is_rested = client.tokens_at(clock.milliseconds(), rules) >= full(rules);
            self.open -= 1;
            // Without room for one more, the rate of this client begins anew.
            if is_rested || self.idle() > MOST_IDLE {
                self.known.remove(&key);
            }
        }
    }

    /// True if it is worth a timer to forget clients.
    pub(super) fn has_many_idle(&self) -> bool {
        self.idle() > FEW_IDLE
    }

    /// Forgets the clients without a connection of whom nothing has to be known, and gives back the memory.
    pub(super) fn forget(&mut self, rules: &Admission, clock: Clock) {
        self.drop_rested(rules, clock.milliseconds());
        // Growing again costs more than the memory, unless there is much of it.
        if self.known.capacity() > 4 * self.known.len().max(FEW_IDLE) {
            self.known.shrink_to(2 * self.known.len());
        }
    }

    fn idle(&self) -> usize {
        self.known.len() - self.open
    }

    fn drop_rested(&mut self, rules: &Admission, now: u64) {
        let full = full(rules);
        self.known
            .retain(|_, client| client.open > 0 || client.tokens_at(now, rules) < full);
    }

    /// The table is full: drops the clients of whom nothing has to be known. If there are few of those, drops others without a connection
    /// as well, whose rate begins anew. An eighth of the room is free then, so that an accept costs little on average.
    fn make_room(&mut self, rules: &Admission, now: u64) {
        self.drop_rested(rules, now);
        let mut more = (self.idle() + MOST_IDLE / 8).saturating_sub(MOST_IDLE);
        self.known.retain(|_, client| {
            let goes = more > 0 && client.open == 0;
            more -= usize::from(goes);
            !goes
        });
    }

    /// Checks the bound of the table, for `Reactor::check`.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn check(&self) -> Result<(), String> {
        let open = self.known.values().filter(|client| client.open > 0).count();
        if open != self.open || self.known.len() > MOST_IDLE + open {
            let known = self.known.len();
            return Err(format!(
                "7: {known} clients are known, {open} of {} with connections",
                self.open
            ));
        }
        Ok(())
    }
}

impl Client {
    fn tokens_at(&self, now: u64, rules: &Admission) -> u64 {
        let passed = now.saturating_sub(self.at);
        let more = passed.saturating_mul(u64::from(rules.rate));
        self.tokens.saturating_add(more).min(full(rules))
    }
}

/// What stands for the client in the table. `None` if it has no limits.
fn key_of(rules: &Admission, peer: &Address) -> Option<u64> {
    client_of(peer).filter(|_| !rules.exempt.contains(peer))
}

/// The tokens of a client that has not connected for a second.
fn full(rules: &Admission) -> u64 {
    u64::from(rules.rate).saturating_mul(ACCEPT)
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
        clients.left(&rules, &client(1), at(0));
        assert_eq!(clients.admit(&rules, &client(1), at(0)), Ok(()));
        let other = clients.admit(&rules, &client(2), at(0));
        assert_eq!(other, Err(Dropped::PerAddress));
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
        let refused = clients.admit(&rules, &client(1), at(999));
        assert_eq!(refused, Err(Dropped::Rate));
        assert_eq!(clients.admit(&rules, &client(2), at(999)), Ok(()));
    }

    #[test]
    fn a_range_is_blocked_or_exempt() {
        let net = || {
            ["192.0.2.0/24".parse().expect("a prefix")]
                .into_iter()
                .collect()
        };
        let one = Address::Inet([192, 0, 2, 9].into(), 7);
        let mut clients = Clients::default();
        let exempt = Admission {
            exempt: net(),
            ..rules(1, 1)
        };
        for _ in 0..100 {
            assert_eq!(clients.admit(&exempt, &one, at(0)), Ok(()));
        }
        assert_eq!(clients.known.len(), 0);
        let block = Admission {
            block: net(),
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
            clients.left(&rules, &client(number), at(0));
            assert!(clients.idle() <= MOST_IDLE);
        }
        clients.check().expect("the table is bounded");
        let refused = clients.admit(&rules, &client(0), at(0));
        assert_eq!(refused, Err(Dropped::PerAddress));
    }

    #[test]
    fn the_table_is_bounded_when_many_clients_leave_at_once() {
        let (mut clients, rules) = (Clients::default(), rules(1, 1));
        for number in 0..100_000 {
            assert_eq!(clients.admit(&rules, &client(number), at(0)), Ok(()));
        }
        for number in 0..100_000 {
            clients.left(&rules, &client(number), at(0));
            assert!(clients.idle() <= MOST_IDLE);
        }
        clients.check().expect("the table is bounded");
    }

    #[test]
    fn after_a_second_everything_is_given_back() {
        let (mut clients, rules) = (Clients::default(), rules(1, 1));
        for number in 0..60_000 {
            assert_eq!(clients.admit(&rules, &client(number), at(0)), Ok(()));
            clients.left(&rules, &client(number), at(500));
        }
        assert!(clients.has_many_idle());
        clients.forget(&rules, at(999));
        assert_eq!(clients.known.len(), 60_000);
        clients.forget(&rules, at(1_000));
        assert_eq!(clients.known.len(), 0);
        assert!(clients.known.capacity() <= 4 * FEW_IDLE);
        // A client that leaves when its tokens are back is forgotten at once.
        assert_eq!(clients.admit(&rules, &client(1), at(2_000)), Ok(()));
        clients.left(&rules, &client(1), at(3_000));
        assert_eq!(clients.known.len(), 0);
    }
}
