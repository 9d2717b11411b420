//! Sessions that set, move and clear their timers at random, and what must hold for these timers: none expires early, none late, and
//! none for a session that is gone.
//!
//! A session reads no clock. It logs what it did, and the run adds the time: the simulated clock stands still after the wait of a turn and
//! during a command.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use edgepoll::kernel::simulated::Random;
use edgepoll::protocol::abi::TIMERS;
use edgepoll::protocol::{Error, Io, Lines, Protocol, Role, Session, Step};

/// What a session did or was called for.
#[derive(Clone, Copy, Debug)]
enum What {
    Set(u8, u32),
    Cleared(u8),
    Expired(u8),
    Gone,
}

type Log = Rc<RefCell<Vec<(u32, What)>>>;

/// Lines whose sessions use timers.
pub(crate) struct Ticking {
    lines: Lines,
    random: RefCell<Random>,
    sessions: Rc<Cell<u32>>,
    log: Log,
}

pub(crate) struct TickingSession {
    inner: <Lines as Protocol>::Session,
    random: Random,
    number: u32,
    log: Log,
}

impl Protocol for Ticking {
    type Session = TickingSession;
    const NAME: &'static str = "ticking";

    fn session(&self, role: Role) -> TickingSession {
        self.sessions.set(self.sessions.get() + 1);
        TickingSession {
            inner: self.lines.session(role),
            random: Random::new(self.random.borrow_mut().bits()),
            number: self.sessions.get(),
            log: Rc::clone(&self.log),
        }
    }
}

impl TickingSession {
    fn note(&self, what: What) {
        self.log.borrow_mut().push((self.number, what));
    }

    /// Sets, moves or clears a timer, perhaps.
    fn act(&mut self, chance: u32, io: &mut Io<'_>) {
        while self.random.chance(chance) {
            let timer = self.random.below(TIMERS) as u8;
            if self.random.chance(250) {
                io.clear_timer(timer);
                self.note(What::Cleared(timer));
            } else {
                let times = [0, 1, 5, 70, 3_000, 20_000, u32::MAX - 1];
                let milliseconds = self.random.pick(&times);
                io.set_timer(timer, milliseconds);
                self.note(What::Set(timer, milliseconds));
            }
        }
    }
}

impl Session for TickingSession {
    const ENCODES: bool = true;
    const FRAMES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        self.act(600, io);
        Ok(())
    }

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let step = self.inner.decode(input, io)?;
        self.act(300, io);
        Ok(step)
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let step = self.inner.decode_end(input, io)?;
        self.act(300, io);
        Ok(step)
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        self.inner.encode(kind, body, io)?;
        self.act(300, io);
        Ok(())
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.note(What::Expired(timer));
        self.act(500, io);
        Ok(())
    }

    fn limit(&self) -> usize {
        self.inner.limit()
    }
}

impl Drop for TickingSession {
    fn drop(&mut self) {
        self.note(What::Gone);
    }
}

/// How late a timer may expire because the owner is behind, in nanoseconds.
const MOST_LATE: u64 = 1_000_000_000;

/// A timer that is set.
#[derive(Clone, Copy)]
struct Timer {
    at: u64,
    /// The turn in which it was set, or the last one before the command that set it.
    since: u64,
}

/// The timers of all sessions, as the log says.
#[derive(Default)]
pub(crate) struct Ticks {
    log: Log,
    sessions: Rc<Cell<u32>>,
    timers: HashMap<(u32, u8), Timer>,
    /// How many turns there were, when the last one began, and which timers expired in it.
    turn: u64,
    began: u64,
    expired: Vec<(u32, u8)>,
    /// The owner is behind in this turn.
    is_behind: bool,
    /// A millisecond after the last turn in which the owner was behind. A timer that waited in that turn expires by then.
    waited_until: u64,
    pub(crate) calls: u64,
    pub(crate) moves: u64,
}

impl Ticks {
    pub(crate) fn protocol(&self, lines: Lines, seed: u64) -> Ticking {
        Ticking {
            lines,
            random: RefCell::new(Random::new(seed)),
            sessions: Rc::clone(&self.sessions),
            log: Rc::clone(&self.log),
        }
    }

    /// The log of commands at the time `now`, which is read before the clock moves.
    pub(crate) fn after_command(&mut self, now: u64) -> Result<(), String> {
        self.read(now, false)
    }

    pub(crate) fn before_turn(&mut self, now: u64, is_behind: bool) -> Result<(), String> {
        self.read(now, false)?;
        self.is_behind = is_behind;
        self.turn += 1;
        self.began = now;
        self.expired.clear();
        Ok(())
    }

    /// When a timer that was set for `at` has to expire.
    fn due(&self, at: u64) -> u64 {
        match self.is_behind {
            true => at + MOST_LATE,
            false => at,
        }
    }

    /// The turn has ended at the time `now`. Each timer whose time has come has expired, except if it was set in this turn.
    pub(crate) fn after_turn(&mut self, now: u64) -> Result<(), String> {
        self.read(now, true)?;
        let is_late = |timer: &Timer| {
            let due = self.due(timer.at).max(self.waited_until);
            due <= now && timer.since < self.turn
        };
        if let Some((which, timer)) = self.timers.iter().find(|(_, timer)| is_late(timer)) {
            return Err(format!(
                "5: timer {which:?} has not expired at {now} and was set for {}",
                timer.at
            ));
        }
        if self.is_behind {
            self.waited_until = now + 1_000_000;
        }
        Ok(())
    }

    fn read(&mut self, now: u64, in_turn: bool) -> Result<(), String> {
        let log = self.log.take();
        for (session, what) in log {
            match what {
                What::Set(number, milliseconds) => {
                    let timer = Timer {
                        at: now + u64::from(milliseconds) * 1_000_000,
                        since: self.turn,
                    };
                    let moved = self.timers.insert((session, number), timer);
                    self.moves += u64::from(moved.is_some());
                }
                What::Cleared(number) => drop(self.timers.remove(&(session, number))),
                What::Gone => self.timers.retain(|(of, _), _| *of != session),
                What::Expired(number) => self.expire((session, number), now, in_turn)?,
            }
        }
        Ok(())
    }

    fn expire(&mut self, which: (u32, u8), now: u64, in_turn: bool) -> Result<(), String> {
        self.calls += 1;
        let wrong = |what: &str| Err(format!("5: timer {which:?} expired at {now}: {what}"));
        let Some(timer) = self.timers.remove(&which) else {
            return wrong("it was not set");
        };
        let due = self.due(timer.at);
        if due > now {
            return wrong(&format!("{} ns early", due - now));
        }
        // The wait takes 1,000 ns, and then it may sleep.
        if now > due.max(self.waited_until).max(self.began + 1_000) {
            return wrong(&format!("slept past {}", timer.at));
        }
        if !in_turn {
            return wrong("outside a turn");
        }
        if self.expired.contains(&which) {
            return wrong("twice in a turn");
        }
        self.expired.push(which);
        Ok(())
    }
}
