//! A kernel made of memory and one seed: sockets, edges, errors and time, without any system call.
//!
//! It must never answer what Linux could not answer, and never differently for the same seed. The
//! reactor runs on it in tests, which play the far ends through the `peer_` methods.

mod calls;
mod faults;
mod peer;
mod random;
mod stream;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

pub use faults::Faults;
pub use peer::{Peer, View};
pub use random::Random;

use crate::{Errno, Ready, Token};
use stream::{Phase, Stream};

/// Where every simulated client comes from.
pub const PEER_ADDRESS: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 40_000));

/// How a connect ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeds.
    Established,
    /// Nobody listens there.
    Refused,
    /// No answer ever comes.
    Never,
    /// It meets itself: a simultaneous open on one port.
    Itself,
    /// The call itself fails.
    AtOnce(Errno),
}

/// A descriptor of the simulated kernel.
#[derive(Debug)]
pub struct SimulatedSocket(Place);

#[derive(Clone, Copy, Debug)]
enum Place {
    Listener(usize),
    Stream(usize),
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    token: Option<Token>,
    open: bool,
    registered: bool,
    pending: bool,
    backlog: VecDeque<Peer>,
}

/// The simulated kernel.
#[derive(Debug)]
pub struct SimulatedKernel {
    random: Random,
    /// How it misbehaves; may be changed at any time.
    pub faults: Faults,
    streams: Vec<Stream>,
    listeners: Vec<Listener>,
    /// Connects under way: when, which, and how they end.
    connects: Vec<(u64, usize, Outcome)>,
    /// How the next connects end, and after how many nanoseconds; then at once and well.
    planned: VecDeque<(Outcome, u64)>,
    capacity: usize,
    /// Accepts that fail from now on, and how.
    shortage: (Errno, u32),
    /// What the next sends answer instead of sending, and whether the connection ends with it.
    refused_sends: VecDeque<(Errno, bool)>,
    /// What the next shutdown answers instead of sending FIN.
    refused_shutdown: Option<Errno>,
    /// What every setting of the alarm answers.
    refused_alarms: Option<Errno>,
    ghosts: Vec<Token>,
    ghosts_reported: u64,
    now: u64,
    alarm: Option<u64>,
    woken: bool,
    calls: u64,
    endless_sleeps: u64,
    broken: Option<String>,
}

impl SimulatedKernel {
    /// A kernel whose every choice comes from `seed`.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> SimulatedKernel {
        SimulatedKernel {
            random: Random::new(seed),
            faults,
            streams: Vec::new(),
            listeners: Vec::new(),
            connects: Vec::new(),
            planned: VecDeque::new(),
            capacity: 65_536,
            shortage: (Errno::EMFILE, 0),
            refused_sends: VecDeque::new(),
            refused_shutdown: None,
            refused_alarms: None,
            ghosts: Vec::new(),
            ghosts_reported: 0,
            now: 1_000_000_000,
            alarm: None,
            woken: false,
            calls: 0,
            endless_sleeps: 0,
            broken: None,
        }
    }

    /// How the next connect ends, `after` so many nanoseconds.
    pub fn plan_connect(&mut self, outcome: Outcome, after: u64) {
        self.planned.push_back((outcome, after));
    }

    /// The next `times` accepts fail with `errno`; no edge tells when that is over.
    pub fn run_short(&mut self, errno: Errno, times: u32) {
        self.shortage = (errno, times);
    }

    /// The next send answers `errno`; an error of a socket, not a passing one, also resets it.
    pub fn refuse_send(&mut self, errno: Errno) {
        let passes = [Errno::EAGAIN, Errno::EINTR, Errno::ENOBUFS, Errno::ENOMEM];
        self.refused_sends
            .push_back((errno, !passes.contains(&errno)));
    }

    /// The next send answers `errno` while the connection lives on, as when the route to the peer is gone for a moment.
    pub fn refuse_send_of_live_socket(&mut self, errno: Errno) {
        self.refused_sends.push_back((errno, false));
    }

    /// The next shutdown answers `errno` and sends nothing.
    pub fn refuse_shutdown(&mut self, errno: Errno) {
        self.refused_shutdown = Some(errno);
    }

    /// Every setting of the alarm answers `errno` from now on; `None`: none does.
    pub fn refuse_alarms(&mut self, errno: Option<Errno>) {
        self.refused_alarms = errno;
    }

    /// How many bytes may be under way to a peer of a connection made from now on.
    pub fn set_default_capacity(&mut self, bytes: usize) {
        self.capacity = bytes;
    }

    /// From now on a wait may report this token, which nobody has any more: a duplicate of the
    /// descriptor lives elsewhere (epoll(7), questions and answers).
    pub fn haunt(&mut self, token: Token) {
        self.ghosts.push(token);
    }

    /// Events that were reported for tokens given to [`SimulatedKernel::haunt`].
    #[must_use]
    pub fn ghosts_reported(&self) -> u64 {
        self.ghosts_reported
    }

    /// Time goes by.
    pub fn advance(&mut self, nanoseconds: u64) {
        self.now += nanoseconds;
        self.end_connects();
    }

    /// Calls made, the clock and the alarm excepted.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Waits without a limit that nothing would ever have ended.
    #[must_use]
    pub fn endless_sleeps(&self) -> u64 {
        self.endless_sleeps
    }

    /// True when a wait would report something at once.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.woken
            || self.streams.iter().any(|stream| stream.pending)
            || self.listeners.iter().any(|listener| listener.pending)
    }

    /// True when an alarm is set.
    #[must_use]
    pub fn has_alarm(&self) -> bool {
        self.alarm.is_some()
    }

    /// Clients that wait to be accepted there.
    #[must_use]
    pub fn backlog(&self, address: SocketAddr) -> usize {
        let listening = self.listeners.iter().filter(|listener| listener.open);
        let mut there = listening.filter(|listener| listener.address == address);
        there.next().map_or(0, |listener| listener.backlog.len())
    }

    /// Connections so far, the closed ones too.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.streams.len()
    }

    /// Descriptors that were opened and not closed.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.streams.iter().filter(|stream| stream.open).count()
            + self
                .listeners
                .iter()
                .filter(|listener| listener.open)
                .count()
    }

    /// The first call that Linux would have answered with EBADF, EEXIST or the like.
    ///
    /// # Errors
    /// What was wrong with it.
    pub fn verify(&self) -> Result<(), String> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn complain(&mut self, what: &str, place: Place) {
        self.broken
            .get_or_insert_with(|| format!("{what} on {place:?}"));
    }

    /// The stream behind a descriptor, counted as a call on it.
    fn stream(&mut self, socket: &SimulatedSocket, call: &str) -> Result<usize, Errno> {
        self.calls += 1;
        match socket.0 {
            Place::Stream(at) if self.streams[at].open => {
                self.streams[at].calls += 1;
                Ok(at)
            }
            place => {
                self.complain(call, place);
                Err(Errno::EBADF)
            }
        }
    }

    /// Time jumps to what would have ended the sleep.
    fn sleep(&mut self, timeout: Option<Duration>) {
        let limit = timeout.map(|time| {
            self.now
                .saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        });
        let streams = &self.streams;
        self.connects.retain(|&(_, place, _)| streams[place].open);
        let connect = self.connects.iter().map(|&(at, _, _)| at).min();
        match [limit, self.alarm, connect].into_iter().flatten().min() {
            Some(until) => self.now = self.now.max(until),
            None => self.endless_sleeps += 1,
        }
    }

    fn end_connects(&mut self) {
        let now = self.now;
        let mut ended = Vec::new();
        self.connects.retain(|&(at, place, outcome)| {
            if at <= now {
                ended.push((place, outcome));
            }
            at > now
        });
        for (place, outcome) in ended {
            let stream = &mut self.streams[place];
            match outcome {
                Outcome::Established | Outcome::Itself => stream.phase = Phase::Established,
                Outcome::Refused => {
                    stream.phase = Phase::Dead;
                    stream.was_reset = true;
                    stream.error = Some(Errno::ECONNREFUSED);
                }
                Outcome::Never | Outcome::AtOnce(_) => continue,
            }
            stream.edge();
        }
    }

    /// Every pending event, in any order, as many as fit; their flags are taken back.
    fn collect(&mut self) -> Vec<(Token, Ready)> {
        let mut places: Vec<Place> = Vec::new();
        let streams = self
            .streams
            .iter()
            .zip(0..)
            .filter(|(stream, _)| stream.pending);
        places.extend(streams.map(|(_, at)| Place::Stream(at)));
        let listeners = self
            .listeners
            .iter()
            .zip(0..)
            .filter(|(listener, _)| listener.pending);
        places.extend(listeners.map(|(_, at)| Place::Listener(at)));
        for at in (1..places.len()).rev() {
            places.swap(at, self.random.below(at + 1));
        }
        places.truncate(self.faults.batch);
        let mut events = Vec::new();
        for place in places {
            let (token, ready) = match place {
                Place::Stream(at) => {
                    let stream = &mut self.streams[at];
                    stream.pending = false;
                    (stream.token, stream.ready())
                }
                Place::Listener(at) => {
                    let listener = &mut self.listeners[at];
                    listener.pending = false;
                    let waits = !listener.backlog.is_empty();
                    (
                        listener.token,
                        if waits {
                            Ready::READABLE
                        } else {
                            Ready::empty()
                        },
                    )
                }
            };
            // epoll asks again before it reports: an edge whose cause is gone is no event.
            if let (Some(token), true) = (token, ready != Ready::empty()) {
                events.push((token, ready));
            }
        }
        events
    }

    /// Events without a cause: spurious ones, and those of tokens that are nobody's.
    fn invent(&mut self, events: &mut Vec<(Token, Ready)>) {
        const LIES: [Ready; 4] = [
            Ready::READABLE,
            Ready::WRITABLE,
            Ready::HANGUP,
            Ready::ERROR,
        ];
        if self.random.chance(self.faults.spurious) {
            let mut tokens: Vec<Token> = Vec::new();
            let streams = self.streams.iter().filter(|stream| stream.registered);
            tokens.extend(streams.filter_map(|stream| stream.token));
            let listeners = self.listeners.iter().filter(|listener| listener.registered);
            tokens.extend(listeners.filter_map(|listener| listener.token));
            if !tokens.is_empty() {
                let lie = self.random.pick(&LIES);
                // Linux never reports an error or a hang-up without both directions.
                let whole = if lie == Ready::HANGUP || lie == Ready::ERROR {
                    lie | Ready::READABLE | Ready::WRITABLE
                } else {
                    lie
                };
                events.push((self.random.pick(&tokens), whole));
            }
        }
        if !self.ghosts.is_empty() && self.random.chance(self.faults.ghosts) {
            let token = self.random.pick(&self.ghosts);
            let lie = self.random.pick(&LIES);
            self.ghosts_reported += 1;
            let at = self.random.below(events.len() + 1);
            events.insert(at, (token, lie | Ready::READABLE | Ready::WRITABLE));
        }
    }
}
