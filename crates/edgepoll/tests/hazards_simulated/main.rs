//! One test per hazard, on the simulated kernel, where the moment of each event is exact.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accepting;
#[path = "../support/bench.rs"]
mod bench;
mod closing;
mod connecting;
mod deadlines;
mod ending;
mod failing_layers;
mod flooding;
mod framing;
mod guessing;
mod identity;
#[path = "../support/inbox.rs"]
mod inbox;
mod late;
mod layers;
mod losing;
mod readiness;
mod receiving;
mod room;
mod sending;
mod sessions;
#[path = "../support/talk.rs"]
mod talk;
mod timers;
mod turns;
mod unread;

use std::net::SocketAddr;
use std::time::Duration;

use edgepoll::connection::Limits;
use edgepoll::kernel::simulated::{Faults, Peer, SimulatedKernel};
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Budget, ListenOptions};
use edgepoll::Token;

use inbox::RecordingInbox;

type Bench = bench::Bench<SimulatedKernel>;

const MILLISECOND: u64 = 1_000_000;
const ADDRESS: &str = "127.0.0.1:7000";

fn address() -> SocketAddr {
    ADDRESS.parse().unwrap()
}

/// A reactor on a kernel without faults, and an inbox with much room.
fn without_faults(budget: Budget, space: usize) -> Bench {
    let kernel = SimulatedKernel::new(1, Faults::none());
    Bench::with(kernel, budget, RecordingInbox::new(100_000, space))
}

/// Limits with an end timeout of 500 ms.
fn short_end_timeout() -> Limits {
    Limits {
        end_timeout: 500,
        ..Limits::default()
    }
}

fn without_deadlines(limits: Limits) -> Limits {
    Limits {
        first_byte_timeout: 0,
        idle_timeout: 0,
        message_timeout: 0,
        send_timeout: 0,
        ..limits
    }
}

impl Bench {
    fn kernel(&mut self) -> &mut SimulatedKernel {
        self.reactor.kernel_mut()
    }

    /// Runs turns until nothing is left to do before time passes.
    fn run_until_idle(&mut self) {
        for _ in 0..100_000 {
            if !self.reactor.has_work() && !self.kernel().has_pending() {
                self.kernel().verify().unwrap();
                return;
            }
            self.turn(Some(Duration::ZERO));
        }
        panic!("the reactor never becomes idle");
    }

    /// Waits, turn by turn, until the connection is closed. Asserts that this takes at most its `end_timeout` and an eighth of it,
    /// after this call or after the last turn in which bytes moved. A turn that has no room to serve the connection first puts it off by 1 ms.
    fn until_closed(&mut self, token: Token, end_timeout: u32) {
        let timeout = u64::from(end_timeout.max(1)) * MILLISECOND;
        let most = timeout + timeout / 8 + MILLISECOND;
        let peer = self.kernel().peer_of(token).unwrap();
        let moved = |bench: &mut Bench| {
            let view = bench.kernel().view(peer);
            (view.received, view.in_flight)
        };
        let mut last = moved(self);
        let mut since = self.kernel().now();
        for _ in 0..100 {
            if self.closed(token).is_some() {
                return;
            }
            self.turn(None);
            let now = self.kernel().now();
            let took = now - since;
            assert!(took <= most, "not closed in time: {took} of {most} ns");
            let current = moved(self);
            if current != last {
                (last, since) = (current, now);
            }
        }
        panic!("time passes no more, and it is not closed");
    }

    /// Asserts that no timer is left: the reactor sleeps until something happens. An alarm that was not needed may wake it once before.
    fn assert_sleeps(&mut self) {
        let sleeps = self.kernel().endless_sleeps();
        let reported: usize = (0..2).map(|_| self.turn(None)).sum();
        assert!(self.kernel().endless_sleeps() > sleeps, "a timer is left");
        assert_eq!(reported, 0);
    }

    /// A listener whose peers have no deadlines: only the tests of those need them.
    fn listen(&mut self, options: ListenOptions) -> Token {
        let limits = without_deadlines(options.limits);
        self.listen_strictly(ListenOptions { limits, ..options })
    }

    fn listen_strictly(&mut self, options: ListenOptions) -> Token {
        self.reactor.listen(address(), options).unwrap()
    }

    /// A client that is accepted at once.
    fn client(&mut self) -> (Peer, Token) {
        let peer = self.kernel().dial(address()).unwrap();
        self.run_until_idle();
        let token = *self.opened().last().unwrap();
        assert_eq!(self.kernel().peer_of(token), Some(peer));
        (peer, token)
    }

    /// A kernel without faults, and a listener whose connections have these limits.
    fn listening(limits: Limits, budget: Budget, space: usize) -> Bench {
        let mut bench = without_faults(budget, space);
        bench.listen(ListenOptions {
            limits,
            ..ListenOptions::default()
        });
        bench
    }

    /// A listener with one accepted client.
    fn pair(budget: Budget, space: usize) -> (Bench, Peer, Token) {
        let mut bench = Bench::listening(Limits::default(), budget, space);
        let (peer, token) = bench.client();
        (bench, peer, token)
    }
}
