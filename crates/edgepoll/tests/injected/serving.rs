//! The reactor, driven as the bindings drive it: it sleeps on the poll descriptor, and turns when that is readable.
//!
//! It serves the runner's connections, and opens some to the runner. The first byte of a connection says what happens to it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::{LinuxKernel, Space};
use edgepoll::reactor::{Budget, ConnectOptions, Event, Found, Inbox, ListenOptions, Reactor};
use edgepoll::{Address, Token};
use nix::poll::{ppoll, PollFd, PollFlags};
use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeSpec;

use crate::{mark, say};

/// How many connections it opens, and how often each asks for an echo.
const OPENED: usize = 6;
const ROUNDS: usize = 3;
/// How long nothing happens before it ends, and how long it may run at all.
const QUIET: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(50);
/// What it sends to a peer that asks for much: more than the kernel takes for a peer that does not read.
const MUCH: usize = 6 << 20;
/// How often it tries again what may fail at its start.
const TRIES: usize = 3;

/// The bytes that both sides know: each byte from its place in the stream.
fn pattern(places: Range<usize>) -> Vec<u8> {
    places.map(|place| (place % 251) as u8).collect()
}

enum Item {
    Frame(Token, Vec<u8>),
    Event(Event),
}

/// What one turn reported, in its order.
struct Received {
    space: Vec<u8>,
    items: Vec<Item>,
}

impl Inbox for Received {
    fn room(&self) -> usize {
        1024 - self.items.len()
    }
    fn space(&mut self, _lend: bool) -> Space<'_> {
        Space::from(&mut self.space[..])
    }
    fn filled(&mut self, _lend: bool, length: usize) -> &mut [u8] {
        &mut self.space[..length]
    }
    fn frame(&mut self, token: Token, body: Range<usize>) {
        let bytes = self.space[body].to_vec();
        self.items.push(Item::Frame(token, bytes));
    }
    fn copied_frame(&mut self, token: Token, body: &[u8]) {
        self.items.push(Item::Frame(token, body.to_vec()));
    }
    fn table_room(&self) -> usize {
        0
    }
    fn messages(&mut self, _found: &Found<'_>, _consumed: usize) {}
    fn copied_messages(&mut self, _found: &Found<'_>, _body: &[u8]) {}
    fn received(&mut self, _length: usize) {}
    fn event(&mut self, event: Event) {
        self.items.push(Item::Event(event));
    }
}

/// A connection of its own making.
struct Opened {
    /// The number that the report names it by.
    number: usize,
    /// Echoed bytes that have come back, of those that were asked for.
    echoed: usize,
    asked: usize,
}

struct Serving {
    reactor: Reactor<LinuxKernel>,
    received: Received,
    /// Accepted connections whose first byte has not come, and those that are echoed.
    fresh: HashMap<Token, bool>,
    opened: HashMap<Token, Opened>,
    /// Errors of calls, and reasons other than the usual end, as the report shows them.
    errors: Vec<String>,
    /// What became of the connections that it opened.
    outcomes: Vec<String>,
    open: usize,
    accepted: usize,
    closed: usize,
    quiet: bool,
    wakes: usize,
}

pub(crate) fn run(port: u16) -> String {
    let begun = Instant::now();
    mark();
    let mut errors = Vec::new();
    let mut reactor = tried(&mut errors, "open", || Reactor::open(64, Budget::default()));
    let listeners: Vec<Token> = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    ]
    .into_iter()
    .map(|address| tried(&mut errors, "listen", || reactor.listen(address, options())))
    .collect();
    let ports: Vec<u16> = listeners
        .iter()
        .map(|token| {
            let address = tried(&mut errors, "address", || reactor.local_address(*token));
            SocketAddr::try_from(address).unwrap().port()
        })
        .collect();
    say(&format!("{ports:?}"));
    let mut serving = Serving {
        reactor,
        received: Received {
            space: vec![0; 65_536],
            items: Vec::new(),
        },
        fresh: HashMap::new(),
        opened: HashMap::new(),
        errors,
        outcomes: Vec::new(),
        open: 0,
        accepted: 0,
        closed: 0,
        quiet: false,
        wakes: 0,
    };
    for number in 0..OPENED {
        serving.connect(number, port);
    }
    while !serving.quiet {
        assert!(begun.elapsed() < LIMIT, "the runner did not end it");
        serving.step(Duration::from_millis(500));
    }
    let (turns, processor) = serving.stay_quiet();
    let still_open: Vec<Token> = serving
        .fresh
        .keys()
        .chain(serving.opened.keys())
        .copied()
        .collect();
    for token in still_open {
        serving.reactor.destroy(token);
    }
    for listener in listeners {
        serving.reactor.close_listener(listener);
    }
    let ending = Instant::now();
    while serving.open > 0 && ending.elapsed() < Duration::from_secs(2) {
        serving.step(Duration::from_millis(50));
    }
    let Serving {
        reactor,
        errors,
        outcomes,
        open,
        accepted,
        closed,
        ..
    } = serving;
    drop(reactor);
    mark();
    format!(
        "\"turns\":{turns},\"processor\":{processor},\"open\":{open},\"accepted\":{accepted},\"closed\":{closed},\"errors\":{errors:?},\"outcomes\":{outcomes:?}"
    )
}

fn options() -> ListenOptions {
    ListenOptions {
        ipv6_only: true,
        limits: limits(),
        ..ListenOptions::default()
    }
}

fn limits() -> Limits {
    Limits {
        end_timeout: 5_000,
        send_queue: 64 << 20,
        ..Limits::default()
    }
}

/// Calls `make` until it succeeds. Notes each error. Panics if it fails more often than one injected error explains.
fn tried<T, E: std::fmt::Debug>(
    errors: &mut Vec<String>,
    what: &str,
    mut make: impl FnMut() -> Result<T, E>,
) -> T {
    for _ in 0..TRIES {
        match make() {
            Ok(made) => return made,
            Err(error) => errors.push(format!("{what} {error:?}")),
        }
    }
    panic!("{what} failed {TRIES} times: {errors:?}");
}

impl Serving {
    fn connect(&mut self, number: usize, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let options = ConnectOptions {
            limits: limits(),
            ..ConnectOptions::default()
        };
        match self.reactor.connect(address, options) {
            Ok(token) => {
                self.open += 1;
                let opened = Opened {
                    number,
                    echoed: 0,
                    asked: 0,
                };
                self.opened.insert(token, opened);
            }
            Err(failure) => self.outcomes.push(format!("{number} {failure:?}")),
        }
    }

    /// Sleeps until the reactor has something to do, and makes one turn.
    fn step(&mut self, longest: Duration) {
        let turned = if self.reactor.has_work() {
            self.reactor.turn(Some(Duration::ZERO), &mut self.received)
        } else {
            self.sleep(longest);
            self.reactor.announced_turn(&mut self.received)
        };
        self.reactor.check().expect("the invariants hold");
        if let Err(errno) = turned {
            self.errors.push(format!("turn {errno:?}"));
        }
        for item in std::mem::take(&mut self.received.items) {
            match item {
                Item::Frame(token, bytes) => self.handle_bytes(token, &bytes),
                Item::Event(event) => self.handle_event(event),
            }
        }
        // As an owner does whose own loop sleeps while work is left. A few times are enough to have the call fail.
        if self.reactor.has_work() && self.wakes < 8 {
            self.wakes += 1;
            if let Err(errno) = self.reactor.wake() {
                self.errors.push(format!("wake {errno:?}"));
            }
        }
    }

    /// Waits until the poll descriptor is readable, by a call that the core never makes (ppoll).
    #[allow(unsafe_code, reason = "the reactor gives its descriptor as a number")]
    fn sleep(&self, longest: Duration) {
        // SAFETY: the reactor is borrowed, so its descriptor stays open during the call.
        let fd = unsafe { BorrowedFd::borrow_raw(self.reactor.as_raw_fd()) };
        let mut entries = [PollFd::new(fd, PollFlags::POLLIN)];
        ppoll(&mut entries, Some(TimeSpec::from(longest)), None).unwrap();
    }

    fn handle_bytes(&mut self, token: Token, bytes: &[u8]) {
        if let Some(opened) = self.opened.get_mut(&token) {
            let places = opened.echoed..opened.echoed + bytes.len();
            assert!(pattern(places) == bytes, "other bytes than were sent");
            opened.echoed += bytes.len();
            self.ask(token);
            return;
        }
        if self.fresh.insert(token, true) == Some(false) {
            match bytes[0] {
                b'R' => return self.reactor.reset(token),
                b'D' => return self.reactor.destroy(token),
                b'Q' => self.quiet = true,
                b'S' => {
                    for start in (0..MUCH).step_by(MUCH / 6) {
                        self.write(token, &pattern(start..start + MUCH / 6));
                    }
                    return self.reactor.end(token);
                }
                b'U' => {
                    // Until bytes wait that the kernel did not take, or the write fails.
                    while self.reactor.write(token, &pattern(0..MUCH), false) == Ok(0) {}
                    return self.reactor.destroy(token);
                }
                _ => {}
            }
        }
        self.write(token, bytes);
    }

    /// Writes, and stops reading from a peer that does not read. A write to a connection that has failed meanwhile is refused; its
    /// close says why.
    fn write(&mut self, token: Token, bytes: &[u8]) {
        if let Ok(65_536..) = self.reactor.write(token, bytes, false) {
            self.reactor.pause(token);
        }
    }

    /// Asks for the next echo once all of the last one is there, and ends after the last.
    fn ask(&mut self, token: Token) {
        let Some(opened) = self.opened.get_mut(&token) else {
            return;
        };
        if opened.echoed < opened.asked {
            return;
        }
        let round = 700 * (opened.number + 1);
        if opened.asked == ROUNDS * round {
            self.reactor.end(token);
            return;
        }
        let bytes = pattern(opened.asked..opened.asked + round);
        opened.asked += round;
        self.write(token, &bytes);
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::Opened { token, .. } => {
                self.open += 1;
                self.accepted += 1;
                self.fresh.insert(token, false);
            }
            Event::Connected { token } => self.ask(token),
            Event::End { token } => self.reactor.end(token),
            Event::Queued { token, bytes: 0 } => self.reactor.resume(token),
            Event::Closed {
                token,
                reason,
                peer,
                ..
            } => self.handle_close(token, &reason, &peer),
            Event::AcceptPaused { errno, .. } => self.errors.push(format!("accept {errno:?}")),
            Event::AlarmRefused { errno } => self.errors.push(format!("alarm {errno:?}")),
            _ => {}
        }
    }

    fn handle_close(&mut self, token: Token, reason: &CloseReason, peer: &Address) {
        self.open -= 1;
        self.closed += 1;
        self.fresh.remove(&token);
        if let Some(opened) = self.opened.remove(&token) {
            let mut outcome = format!("{} {reason:?}", opened.number);
            let all = ROUNDS * 700 * (opened.number + 1);
            if *reason == CloseReason::Ended && opened.echoed < all {
                let _ = write!(outcome, " {} of {all} bytes", opened.echoed);
            }
            self.outcomes.push(outcome);
        } else if !matches!(reason, CloseReason::Ended | CloseReason::Destroyed) {
            self.errors.push(format!("close {peer:?} {reason:?}"));
        }
    }

    /// Waits while nothing happens. Returns how many turns that took, and milliseconds of processor time.
    fn stay_quiet(&mut self) -> (usize, i64) {
        let begun = Instant::now();
        let before = processor_time();
        let mut turns = 0;
        while begun.elapsed() < QUIET {
            self.step(QUIET.saturating_sub(begun.elapsed()));
            turns += 1;
        }
        (turns, processor_time() - before)
    }
}

fn processor_time() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let milliseconds = |time: nix::sys::time::TimeVal| time.tv_sec() * 1000 + time.tv_usec() / 1000;
    milliseconds(usage.user_time()) + milliseconds(usage.system_time())
}
