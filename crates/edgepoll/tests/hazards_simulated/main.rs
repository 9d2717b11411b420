//! One test per hazard, on the simulated kernel: there the moment of each event is exact.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accepting;
#[path = "../support/bench.rs"]
mod bench;
mod connecting;
mod ending;
mod framing;
mod guessing;
mod identity;
#[path = "../support/inbox.rs"]
mod inbox;
mod losing;
mod readiness;
mod receiving;
mod sending;
mod unread;

use std::net::SocketAddr;
use std::time::Duration;

use edgepoll::kernel::simulated::{Faults, Peer, SimulatedKernel};
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use inbox::Kept;

type Bench = bench::Bench<SimulatedKernel>;

const ADDRESS: &str = "127.0.0.1:7000";

fn address() -> SocketAddr {
    ADDRESS.parse().unwrap()
}

/// A reactor on a kernel in good health, with much room.
fn healthy(budget: Budget, space: usize) -> Bench {
    let kernel = SimulatedKernel::new(1, Faults::none());
    Bench::with(kernel, budget, Kept::new(100_000, space))
}

impl Bench {
    fn kernel(&mut self) -> &mut SimulatedKernel {
        self.reactor.kernel_mut()
    }

    /// Turns until nothing is left to do without time going by.
    fn rest(&mut self) {
        for _ in 0..100_000 {
            if !self.reactor.has_work() && !self.kernel().has_pending() {
                self.kernel().verify().unwrap();
                return;
            }
            self.turn(Some(Duration::ZERO));
        }
        panic!("it never comes to rest");
    }

    fn listen(&mut self, options: ListenOptions) -> Token {
        self.reactor.listen(address(), options).unwrap()
    }

    /// A client that is accepted at once.
    fn client(&mut self) -> (Peer, Token) {
        let peer = self.kernel().dial(address()).unwrap();
        self.rest();
        let token = *self.opened().last().unwrap();
        assert_eq!(self.kernel().peer_of(token), Some(peer));
        (peer, token)
    }

    /// A listener and one accepted client.
    fn pair(budget: Budget, space: usize) -> (Bench, Peer, Token) {
        let mut bench = healthy(budget, space);
        bench.listen(ListenOptions::default());
        let (peer, token) = bench.client();
        (bench, peer, token)
    }
}
