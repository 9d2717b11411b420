//! One side of a connection, as a reactor holds it, with checks of the contract at each step.

use std::borrow::BorrowMut;

use super::came::Came;
use super::transcript::Transcript;
use crate::abi::TIMERS;
use crate::host::{Counted, Factory, Fault, Handle, Outcome, Scratch};
use crate::{Error, Protocol, Role};

/// So many times may timers expire at one moment.
const MOST_AT_ONCE: u32 = 1000;
/// So many times may timers expire in one wait. Then the rest of the wait is left out.
const MOST_IN_A_WAIT: u32 = 20_000;
/// The most that one look may send or copy in a test.
const MOST_BYTES: usize = 16 << 20;

/// What happens if more bytes wait than [`Session::limit`](crate::Session::limit) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Long {
    /// The test fails: the peer did nothing wrong.
    Fails,
    /// The connection ends, as it does in a reactor.
    Ends,
}

pub(super) struct Endpoint<H = Handle> {
    name: &'static str,
    session: H,
    scratch: Scratch,
    rest: Vec<u8>,
    need: usize,
    table_limit: usize,
    answers: std::vec::IntoIter<(u8, Vec<u8>)>,
    /// The time at which each timer expires.
    timers: [Option<u64>; TIMERS],
    now: u64,
    /// Whether the owner takes no input while time passes.
    holds: bool,
    long: Long,
    /// Shows the input at each byte, also when the session has asked for more.
    shows_early: bool,
    /// Whether messages and output are kept.
    keeps: bool,
    /// The memory that the session holds, if [`Counted`] is the allocator.
    held: isize,
    /// The length of the input that was consumed.
    pub(super) consumed: usize,
    pub(super) came: Came,
}

impl Endpoint {
    pub(super) fn new<P: Protocol>(protocol: P, role: Role, transcript: &Transcript) -> Endpoint {
        let before = Counted::held();
        let session = Factory::new(protocol).session(role);
        let held = Counted::held() - before;
        let mut endpoint = Endpoint::with_session(P::NAME, session, transcript);
        endpoint.held = held;
        endpoint
    }
}

impl<H: BorrowMut<Handle>> Endpoint<H> {
    pub(super) fn with_session(
        name: &'static str,
        session: H,
        transcript: &Transcript,
    ) -> Endpoint<H> {
        let mut scratch = Scratch::default();
        scratch.limit_output(1 << 20, MOST_BYTES);
        scratch.limit_copied(MOST_BYTES);
        Endpoint {
            name,
            session,
            scratch,
            rest: Vec::new(),
            need: 0,
            table_limit: usize::MAX,
            answers: transcript.answers.clone().into_iter(),
            timers: [None; TIMERS],
            now: 0,
            holds: transcript.is_held,
            long: Long::Fails,
            shows_early: false,
            keeps: true,
            held: 0,
            consumed: 0,
            came: Came::default(),
        }
    }

    /// Stops each call once the table has so many numbers.
    pub(super) fn table_limit(mut self, numbers: usize) -> Endpoint<H> {
        self.table_limit = numbers;
        self
    }

    pub(super) fn shows_early(mut self) -> Endpoint<H> {
        self.shows_early = true;
        self
    }

    pub(super) fn long(mut self, long: Long) -> Endpoint<H> {
        self.long = long;
        self
    }

    /// Keeps neither messages nor output.
    pub(super) fn keeps_nothing(mut self) -> Endpoint<H> {
        self.keeps = false;
        self
    }

    pub(super) fn held(&self) -> isize {
        self.held
    }

    pub(super) fn limit(&self) -> usize {
        self.session.borrow().limit()
    }

    pub(super) fn waiting(&self) -> usize {
        self.rest.len()
    }

    /// Whether input is left alone for good.
    pub(super) fn is_stopped(&self) -> bool {
        self.came.fault.is_some() || self.came.paused
    }

    fn fails(&self, text: &str) -> ! {
        panic!("{}: {text}", self.name)
    }

    /// Calls the session, and takes what it gave.
    fn call<T>(
        &mut self,
        call: impl FnOnce(&mut Handle, &mut Scratch, &mut Vec<u8>) -> (Outcome, Result<T, Fault>),
    ) -> (Outcome, Option<Fault>) {
        let kept = self.scratch.kept();
        let before = Counted::held();
        let (outcome, result) = call(self.session.borrow_mut(), &mut self.scratch, &mut self.rest);
        let growth = self.scratch.kept().cast_signed() - kept.cast_signed();
        let fault = result.err();
        // The texts of errors are the host's.
        let texts = fault.as_ref().map_or(0, |_| self.scratch.text().len());
        self.held += Counted::held() - before - growth - texts.cast_signed();
        if self.keeps {
            self.came
                .take(&self.scratch, &self.rest[..outcome.consumed]);
        }
        self.consumed += outcome.consumed;
        self.rest.drain(..outcome.consumed);
        for (timer, time) in self.scratch.timers() {
            let due = time.map(|milliseconds| self.now + u64::from(milliseconds));
            self.timers[usize::from(timer)] = due;
        }
        self.came.ended |= outcome.ends;
        if outcome.resumes {
            self.came.paused = false;
        }
        if outcome.pauses {
            self.came.paused = true;
        }
        (outcome, fault)
    }

    pub(super) fn start(&mut self) {
        let (_, fault) = self.call(|session, scratch, _| session.start(scratch));
        self.came.fault = fault;
    }

    pub(super) fn receive(&mut self, piece: &[u8]) {
        if self.came.fault.is_some() {
            return;
        }
        self.rest.extend_from_slice(piece);
        self.take_rest();
        let limit = self.session.borrow().limit();
        let panic = self.session.borrow().panic().cloned();
        if let Some(panic) = panic {
            self.came.fault = Some(Fault::Panicked(panic));
        } else if self.came.fault.is_none() && !self.came.paused && self.rest.len() > limit {
            match self.long {
                Long::Ends => {
                    let error = Error::too_long("the limit of the session");
                    self.came.fault = Some(Fault::Error(error));
                }
                Long::Fails => self.fails(&format!(
                    "{} bytes wait, and limit() is {limit}",
                    self.rest.len()
                )),
            }
        }
    }

    /// Decodes what is there.
    fn take_rest(&mut self) {
        loop {
            self.answer();
            if self.is_stopped() || self.rest.is_empty() {
                return;
            }
            let (shown, need) = (self.rest.len(), self.need);
            if shown < need && !self.shows_early {
                return;
            }
            let limit = self.table_limit;
            let (outcome, fault) =
                self.call(|session, scratch, input| session.decode(scratch, input, limit));
            if shown < need && outcome.consumed > 0 {
                let consumed = outcome.consumed;
                self.fails(&format!(
                    "it asked for {need} bytes, and was shown {shown}, of which it took {consumed}"
                ));
            }
            self.came.fault = fault;
            self.need = outcome.need;
            if !outcome.is_full && !outcome.pauses {
                break;
            }
        }
        if !self.is_stopped() {
            self.check_need();
        }
    }

    /// A need beyond the limit would be met only if the bytes arrived in few receives.
    fn check_need(&mut self) {
        let (need, limit) = (self.need, self.session.borrow().limit());
        if !self.session.borrow().has_panicked() && need > limit {
            self.fails(&format!("it needs {need} bytes, and limit() is {limit}"));
        }
    }

    /// Writes the owner's answers while the session is paused. Behind the end of this side nothing can be written.
    fn answer(&mut self) {
        while self.came.paused && !self.came.ended && self.came.fault.is_none() {
            let Some((kind, body)) = self.answers.next() else {
                return;
            };
            if let Some(fault) = self.write(kind, &body) {
                self.fails(&format!(
                    "the answer {kind} at a pause was refused: {fault}"
                ));
            }
        }
    }

    /// Writes a message of the owner. Returns why that failed.
    pub(super) fn write(&mut self, kind: u8, body: &[u8]) -> Option<Fault> {
        if !self.session.borrow().encodes() {
            self.came.output.extend_from_slice(body);
            return None;
        }
        let (_, fault) = self.call(|session, scratch, _| session.encode(scratch, kind, body));
        fault.inspect(|fault| {
            if !matches!(fault, Fault::Error(_)) {
                self.came.fault = Some(fault.clone());
            }
        })
    }

    /// Decodes what waited, after the owner wrote something.
    pub(super) fn go_on(&mut self) {
        if !self.is_stopped() && !self.rest.is_empty() {
            self.take_rest();
        }
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, milliseconds: u64) {
        let until = self.now + milliseconds;
        let (mut expired, mut at_once) = (0, 0);
        while self.came.fault.is_none() && expired < MOST_IN_A_WAIT {
            let first = (0..TIMERS)
                .filter_map(|timer| Some((self.timers[timer]?, timer)))
                .min();
            let Some((due, timer)) = first.filter(|(due, _)| *due <= until) else {
                break;
            };
            at_once = if due > self.now { 0 } else { at_once + 1 };
            if at_once == MOST_AT_ONCE {
                self.fails(&format!(
                    "timer {timer} expired {MOST_AT_ONCE} times without any time between"
                ));
            }
            expired += 1;
            self.now = due;
            self.timers[timer] = None;
            let holds = self.holds || self.came.paused;
            let (_, fault) = self.call(|session, scratch, _| {
                if holds {
                    scratch.hold();
                }
                session.timer(scratch, timer as u8)
            });
            self.came.fault = fault;
            self.go_on();
        }
        self.now = until;
    }

    /// Notes the timers in what came.
    pub(super) fn note_timers(&mut self) {
        self.came.timers = self
            .timers
            .map(|due| due.map(|due| due.saturating_sub(self.now)));
    }

    /// The peer has ended.
    pub(super) fn finish(&mut self) {
        let limit = self.table_limit;
        while !self.is_stopped() {
            let (outcome, fault) =
                self.call(|session, scratch, input| session.decode_end(scratch, input, limit));
            self.came.fault = fault;
            self.answer();
            if !outcome.is_full && !outcome.pauses {
                return;
            }
        }
    }

    /// The owner ends the connection.
    pub(super) fn end(&mut self) {
        // A session that has failed is not called again.
        if self.came.fault.is_none() {
            let (_, fault) = self.call(|session, scratch, _| session.end(scratch));
            self.came.fault = fault;
        }
        self.answers = Vec::new().into_iter();
    }

    /// The whole life of a connection: the pieces, the time of the transcript, the peer's end.
    pub(super) fn run<'a>(mut self, pieces: impl IntoIterator<Item = &'a [u8]>, wait: u64) -> Came {
        self.start();
        for piece in pieces {
            self.receive(piece);
        }
        self.note_timers();
        self.wait(wait);
        self.finish();
        self.came
    }
}

/// Fails if the session panicked or broke its contract. An error of the protocol is none of these.
pub(super) fn assert_sound(name: &str, what: &str, came: &Came) {
    match &came.fault {
        None | Some(Fault::Error(_)) => {}
        Some(fault) => panic!("{name}: {what}: {fault}"),
    }
}
