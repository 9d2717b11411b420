//! The simulated kernel's state, and how a test scripts and inspects it.

use std::collections::VecDeque;

use super::faults::Faults;
use super::random::Random;
use super::socket::{Listener, Outcome, Place, SimulatedSocket};
use super::stream::Stream;
use crate::kernel::token_bits::TokenBits;
use crate::sealed::Sealed;
use crate::{Address, Errno, Token};

/// The simulated kernel.
#[derive(Debug)]
pub struct SimulatedKernel {
    pub(super) random: Random,
    pub(super) token_bits: TokenBits,
    /// How often it misbehaves. May be changed at any time.
    pub faults: Faults,
    pub(super) streams: Vec<Stream>,
    pub(super) listeners: Vec<Listener>,
    /// Connects in progress: when they end, the index of the stream, and how they end.
    pub(super) connects: Vec<(u64, usize, Outcome)>,
    /// How the next connects end, and after how many nanoseconds. When it is empty, a connect succeeds at once.
    pub(super) planned: VecDeque<(Outcome, u64)>,
    /// How many bytes may be in flight to the peer of a new connection.
    pub(super) capacity: usize,
    /// The error of the next accepts, and how many of them fail.
    pub(super) shortage: (Errno, u32),
    /// The errors of the next sends, and whether each resets the connection.
    pub(super) refused_sends: VecDeque<(Errno, bool)>,
    /// The error of the next shutdown.
    pub(super) refused_shutdown: Option<Errno>,
    /// The error of every attempt to set the alarm.
    pub(super) refused_alarms: Option<Errno>,
    /// Stale tokens that a wait may report.
    pub(super) ghosts: Vec<Token>,
    pub(super) ghosts_reported: u64,
    pub(super) now: u64,
    pub(super) alarm: Option<u64>,
    pub(super) alarms_set: u64,
    pub(super) woken: bool,
    pub(super) calls: u64,
    pub(super) endless_sleeps: u64,
    /// The first call that Linux would have refused as a mistake.
    broken: Option<String>,
}

impl Sealed for SimulatedKernel {}

impl SimulatedKernel {
    /// A kernel that takes all its choices from `seed`.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> SimulatedKernel {
        SimulatedKernel {
            random: Random::new(seed),
            token_bits: TokenBits::WHOLE,
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
            alarms_set: 0,
            woken: false,
            calls: 0,
            endless_sleeps: 0,
            broken: None,
        }
    }

    /// As [`SimulatedKernel::new`], for a kernel that keeps only these bits of a token.
    #[must_use]
    pub fn with_token_bits(self, token_bits: TokenBits) -> SimulatedKernel {
        SimulatedKernel { token_bits, ..self }
    }

    /// Ends the next connect with `outcome`, `after` nanoseconds.
    pub fn plan_connect(&mut self, outcome: Outcome, after: u64) {
        self.planned.push_back((outcome, after));
    }

    /// Fails the next `times` accepts with `errno`. No event reports the end of the shortage.
    pub fn run_short(&mut self, errno: Errno, times: u32) {
        self.shortage = (errno, times);
    }

    /// Fails the next send with `errno`. If that is a lasting error of the socket, it also resets the connection.
    pub fn refuse_send(&mut self, errno: Errno) {
        let passes = [Errno::EAGAIN, Errno::EINTR, Errno::ENOBUFS, Errno::ENOMEM];
        self.refused_sends
            .push_back((errno, !passes.contains(&errno)));
    }

    /// Fails the next send with `errno` while the connection stays open, as when the route to the peer is missing for a moment.
    pub fn refuse_send_of_live_socket(&mut self, errno: Errno) {
        self.refused_sends.push_back((errno, false));
    }

    /// Fails the next shutdown with `errno`. It sends nothing.
    pub fn refuse_shutdown(&mut self, errno: Errno) {
        self.refused_shutdown = Some(errno);
    }

    /// Fails every attempt to set the alarm with `errno` from now on. `None` ends that.
    pub fn refuse_alarms(&mut self, errno: Option<Errno>) {
        self.refused_alarms = errno;
    }

    /// Sets how many bytes may be in flight to the peer, for connections that are made from now on.
    pub fn set_default_capacity(&mut self, bytes: usize) {
        self.capacity = bytes;
    }

    /// From now on a wait may report this token although its socket is closed, as happens when a duplicate of the descriptor is
    /// open elsewhere (epoll(7), questions and answers).
    pub fn haunt(&mut self, token: Token) {
        self.ghosts.push(token);
    }

    /// Takes back the tokens that were given to [`SimulatedKernel::haunt`].
    pub fn stop_haunting(&mut self) {
        self.ghosts.clear();
    }

    /// How many events were reported for tokens given to [`SimulatedKernel::haunt`].
    #[must_use]
    pub fn ghosts_reported(&self) -> u64 {
        self.ghosts_reported
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, nanoseconds: u64) {
        self.now += nanoseconds;
        self.end_connects();
    }

    /// Calls made so far. The clock and the alarm do not count.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// How many waits without a limit began when nothing would ever have ended them.
    #[must_use]
    pub fn endless_sleeps(&self) -> u64 {
        self.endless_sleeps
    }

    /// True when a wait would return at once.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.woken
            || self.streams.iter().any(|stream| stream.pending)
            || self.listeners.iter().any(|listener| listener.pending)
    }

    /// How often the alarm was set, or an attempt failed.
    #[must_use]
    pub fn alarms_set(&self) -> u64 {
        self.alarms_set
    }

    /// True when the alarm is set.
    #[must_use]
    pub fn has_alarm(&self) -> bool {
        self.alarm.is_some()
    }

    /// Clients that wait to be accepted at the address.
    #[must_use]
    pub fn backlog(&self, address: impl Into<Address>) -> usize {
        let address = address.into();
        let listening = self.listeners.iter().filter(|listener| listener.open);
        let mut there = listening.filter(|listener| listener.address == address);
        there.next().map_or(0, |listener| listener.backlog.len())
    }

    /// Connections so far, including closed ones.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.streams.len()
    }

    /// Descriptors that are open.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.streams.iter().filter(|stream| stream.open).count()
            + self
                .listeners
                .iter()
                .filter(|listener| listener.open)
                .count()
    }

    /// Fails if the reactor made a call that Linux would have refused as a mistake: with EBADF, EEXIST or the like.
    ///
    /// # Errors
    /// The first such call.
    pub fn verify(&self) -> Result<(), String> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Records a call that Linux would have refused as a mistake.
    pub(super) fn complain(&mut self, call: &str, place: Place) {
        self.broken
            .get_or_insert_with(|| format!("{call} on {place:?}"));
    }

    /// The index of the stream behind a descriptor. Counts a call on it.
    pub(super) fn stream(&mut self, socket: &SimulatedSocket, call: &str) -> Result<usize, Errno> {
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
}
