//! The layers of a connection between its socket and its protocol, such as TLS: their order, and what waits in them.
//!
//! Most connections have none. The first layer is the one next to the socket. A layer starts once the one below it is open.

use std::fmt;
use std::rc::Rc;

use edgepoll_protocol::abi::TIMERS;
use edgepoll_protocol::host::{LayerHandle, LayerMaker, Scratch};
use edgepoll_protocol::Phase;

use super::{Carry, SendQueue};
use crate::protocol::{Error, ErrorKind, Fault, ProtocolError, Role};

/// The layers of one connection.
#[derive(Default)]
pub struct Layers {
    list: Vec<Layered>,
    scratch: Scratch,
    /// Plain bytes of the owner, which wait until all layers are open.
    pending: Vec<u8>,
    /// The owner has ended the connection. The layers' own ends follow what is pending.
    ends: bool,
    /// The layers' own ends have been sent.
    has_ended: bool,
    /// The call that failed has sent something, such as an alert.
    has_sent: bool,
    /// So much is queued that nothing is received until the peer has taken some of it: what is received may be answered.
    pub(super) holds: bool,
    /// Why a layer gave up.
    failed: Option<ProtocolError>,
    /// What a layer has asked, until the owner gets it.
    question: Option<Vec<u8>>,
    /// The timers that layers have set or stopped, in order, until the reactor takes them.
    asked: Vec<AskedTimer>,
}

#[derive(Debug)]
struct Layered {
    name: Rc<str>,
    handle: LayerHandle,
    /// Received bytes that the layer has not consumed.
    input: Carry,
    has_started: bool,
    /// When its timers expire, in nanoseconds of the kernel's clock.
    timers: [Option<u64>; TIMERS],
}

/// A timer that a layer has set (`Some(milliseconds)`) or stopped.
#[derive(Clone, Copy, Debug)]
struct AskedTimer {
    place: usize,
    timer: u8,
    time: Option<u32>,
}

impl Layers {
    /// Adds a layer next to the protocol.
    pub fn add(&mut self, maker: &LayerMaker, role: Role) {
        self.list.push(Layered {
            name: maker.name().into(),
            handle: maker.layer(role),
            input: Carry::default(),
            has_started: false,
            timers: [None; TIMERS],
        });
    }

    /// Takes bytes of the socket. Appends plain bytes to `plain`, and what the layers send to `queue`.
    pub fn receive(&mut self, bytes: &[u8], plain: &mut Carry, queue: &mut SendQueue) {
        if let Some(first) = self.list.first_mut() {
            if let Err(error) = first.input.push(bytes) {
                let error = first.error(Fault::Error(error));
                return self.keep(Err(error));
            }
        }
        self.advance(plain, queue);
    }

    /// Does everything that can be done now: starts layers, passes bytes up, and what is pending down.
    pub fn advance(&mut self, plain: &mut Carry, queue: &mut SendQueue) {
        let result = self.run(plain, queue);
        self.keep(result);
    }

    fn run(&mut self, plain: &mut Carry, queue: &mut SendQueue) -> Result<(), ProtocolError> {
        for place in 0..self.list.len() {
            if !self.list[place].has_started {
                self.list[place].has_started = true;
                let started = self.list[place].handle.start(&mut self.scratch);
                self.sent(place, started, queue)?;
            }
            self.pass_up(place, plain, queue)?;
            if !self.is_open(place) {
                return Ok(());
            }
        }
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.send_plain(&pending, queue)?;
        }
        if self.ends && !self.has_ended {
            self.has_ended = true;
            for place in (0..self.list.len()).rev() {
                let ended = self.list[place].handle.end(&mut self.scratch);
                self.sent(place, ended, queue)?;
            }
        }
        Ok(())
    }

    /// Lets a layer consume its input.
    fn pass_up(
        &mut self,
        place: usize,
        plain: &mut Carry,
        queue: &mut SendQueue,
    ) -> Result<(), ProtocolError> {
        loop {
            let layered = &mut self.list[place];
            let takes = matches!(layered.handle.phase(), Phase::Handshake | Phase::Open);
            if layered.input.is_empty() || !takes {
                return Ok(());
            }
            let received = layered
                .handle
                .receive(&mut self.scratch, &mut layered.input);
            let bytes: Vec<u8> = self
                .scratch
                .ranges()
                .flat_map(|range| layered.input.get(range).unwrap_or_default())
                .copied()
                .collect();
            let consumed = *received.as_ref().unwrap_or(&0);
            layered.input.consume(consumed);
            // What the layer gave before an error counts.
            let kept = match self.list.get_mut(place + 1) {
                Some(above) => above.input.push(&bytes),
                None => plain.push(&bytes),
            };
            kept.map_err(|error| self.list[place].error(Fault::Error(error)))?;
            self.sent(place, received.map(drop), queue)?;
            let layered = &self.list[place];
            if layered.input.len() > layered.handle.limit() {
                let text = "a record is longer than the layer's limit";
                let error = Fault::Error(Error::new(ErrorKind::TooLong, text));
                return Err(layered.error(error));
            }
            if consumed == 0 {
                return Ok(());
            }
        }
    }

    /// Sends what the last call of a layer gave, and returns its fault.
    fn sent(
        &mut self,
        place: usize,
        result: Result<(), Fault>,
        queue: &mut SendQueue,
    ) -> Result<(), ProtocolError> {
        self.note_timers(place);
        let output = self.scratch.output().to_vec();
        self.has_sent = !output.is_empty();
        if self.list[place].handle.phase() == Phase::Asking && !self.scratch.made().is_empty() {
            self.question = Some(self.scratch.made().to_vec());
        }
        if self.has_sent {
            self.down(place, &output, queue)?;
        }
        result.map_err(|fault| self.list[place].error(fault))
    }

    /// Passes bytes to the layers below `place`, from the top, and then to the queue.
    fn down(
        &mut self,
        place: usize,
        bytes: &[u8],
        queue: &mut SendQueue,
    ) -> Result<(), ProtocolError> {
        let mut bytes = bytes.to_vec();
        for below in (0..place).rev() {
            let sent = self.list[below].handle.send(&mut self.scratch, &bytes);
            self.note_timers(below);
            sent.map_err(|fault| self.list[below].error(fault))?;
            bytes.clear();
            bytes.extend_from_slice(self.scratch.output());
        }
        queue.push(&bytes);
        Ok(())
    }

    /// Sends plain bytes of the owner or of its protocol.
    pub fn send(&mut self, plain: &[u8], queue: &mut SendQueue) {
        if self.is_all_open() && self.pending.is_empty() && self.failed.is_none() {
            let result = self.send_plain(plain, queue);
            self.keep(result);
        } else {
            self.pending.extend_from_slice(plain);
        }
    }

    /// Passes plain bytes through all layers, which are open.
    fn send_plain(&mut self, plain: &[u8], queue: &mut SendQueue) -> Result<(), ProtocolError> {
        let sent = self.down(self.list.len(), plain, queue);
        if sent.is_err() {
            // The bytes are lost. As pending ones they count as unsent, and the peer, which got no reply to say why, sees a reset.
            self.pending.extend_from_slice(plain);
            self.has_sent = false;
        }
        sent
    }

    /// The owner ends the connection. The layers' own ends are sent once what is pending has been.
    pub fn end(&mut self, plain: &mut Carry, queue: &mut SendQueue) {
        self.ends = true;
        self.advance(plain, queue);
    }

    /// The socket's stream has ended.
    pub fn peer_ended(&mut self) {
        let check = |layered: &mut Layered, scratch: &mut Scratch| {
            let is_over = layered.handle.phase() == Phase::PeerEnded;
            let rest = if is_over { 0 } else { layered.input.len() };
            let ended = layered.handle.peer_ended(scratch, rest);
            ended.map_err(|fault| layered.error(fault))
        };
        let mut layers = self.list.iter_mut();
        let scratch = &mut self.scratch;
        let result = layers.try_for_each(|layered| check(layered, scratch));
        self.has_sent = false;
        self.keep(result);
    }

    /// Passes the program's answer to the layer that asked.
    pub fn answer(&mut self, answer: &[u8], plain: &mut Carry, queue: &mut SendQueue) {
        let asks = |layered: &Layered| layered.handle.phase() == Phase::Asking;
        let Some(place) = self.list.iter().position(asks) else {
            return;
        };
        let resumed = self.list[place].handle.resume(&mut self.scratch, answer);
        let result = self.sent(place, resumed, queue);
        self.keep(result);
        if self.failed.is_none() {
            self.advance(plain, queue);
        }
    }

    /// Notes the timers that the last call of a layer has set or stopped.
    fn note_timers(&mut self, place: usize) {
        let timers = self.scratch.timers();
        self.asked
            .extend(timers.map(|(timer, time)| AskedTimer { place, timer, time }));
    }

    /// True when layers have set or stopped timers since the reactor took them last.
    pub(crate) fn has_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Sets and stops the timers that layers have asked for. `after` gives the time in so many milliseconds. Returns when the first one
    /// expires.
    pub(crate) fn take_timers(&mut self, after: impl Fn(u32) -> u64) -> Option<u64> {
        for AskedTimer { place, timer, time } in self.asked.drain(..) {
            self.list[place].timers[usize::from(timer)] = time.map(&after);
        }
        self.soonest()
    }

    /// When the first timer expires.
    pub(crate) fn soonest(&self) -> Option<u64> {
        let timers = self.list.iter().flat_map(|layered| layered.timers);
        timers.flatten().min()
    }

    /// Calls the layers whose timers have expired at the time `now`. One that is set anew expires in another turn, however soon that is.
    pub(crate) fn call_timers(&mut self, now: u64, plain: &mut Carry, queue: &mut SendQueue) {
        for place in 0..self.list.len() {
            for timer in 0..TIMERS {
                if self.failed.is_some() {
                    return;
                }
                let layered = &mut self.list[place];
                if layered.timers[timer].is_some_and(|at| at <= now) {
                    layered.timers[timer] = None;
                    let called = layered.handle.timer(&mut self.scratch, timer as u8);
                    let result = self.sent(place, called, queue);
                    self.keep(result);
                }
            }
        }
        self.advance(plain, queue);
    }

    fn keep(&mut self, result: Result<(), ProtocolError>) {
        self.scratch.free();
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }

    fn is_open(&self, place: usize) -> bool {
        matches!(
            self.list[place].handle.phase(),
            Phase::Open | Phase::PeerEnded
        )
    }

    fn is_all_open(&self) -> bool {
        (0..self.list.len()).all(|place| self.is_open(place))
    }

    /// True while a layer waits for the program's answer. No input is received then.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        let asks = |layered: &Layered| layered.handle.phase() == Phase::Asking;
        self.list.iter().any(asks)
    }

    /// True when the plain stream of the peer has ended, by the rules of a layer.
    #[must_use]
    pub fn has_peer_ended(&self) -> bool {
        let ended = |layered: &Layered| layered.handle.phase() == Phase::PeerEnded;
        self.list.iter().any(ended)
    }

    /// How many plain bytes of the owner wait for the layers to open.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Drops the plain bytes of the owner that wait for the layers to open. Returns their number.
    pub fn clear_pending(&mut self) -> usize {
        std::mem::take(&mut self.pending).len()
    }

    /// True when a layer has asked something that the owner has not got.
    #[must_use]
    pub fn has_question(&self) -> bool {
        self.question.is_some()
    }

    /// Takes what a layer has asked.
    pub fn take_question(&mut self) -> Option<Vec<u8>> {
        self.question.take()
    }

    /// True while FIN has to wait: bytes are pending, or the layers' own ends.
    #[must_use]
    pub fn holds_fin(&self) -> bool {
        self.failed.is_none() && (!self.pending.is_empty() || !self.has_ended)
    }

    /// Why a layer gave up, and whether it has told the peer.
    #[must_use]
    pub fn failure(&self) -> Option<(&ProtocolError, bool)> {
        Some((self.failed.as_ref()?, self.has_sent))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("list", &self.list)
            .field("pending", &self.pending.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl Layered {
    fn error(&self, fault: Fault) -> ProtocolError {
        ProtocolError {
            protocol: Rc::clone(&self.name),
            fault,
            is_framing: false,
        }
    }
}
