//! What a driver's callback does: turns of the reactor, one call into JavaScript per batch, and what that wrote.
//!
//! It must never hold a borrow of the reactor while JavaScript runs. Called by the driver and by the binding in `reactor.rs`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::Reactor;
use napi::sys;

use super::inbox::{Batch, JsInbox};
use super::staging::Staging;
use crate::driver::{Next, Task};
use crate::node::{self, Callback, Scope};

/// How often one turn goes back to JavaScript with what its writes brought about.
const ROUNDS: usize = 4;
/// As long as turns leave work, one callback makes at least this many before the event loop goes on. With few busy connections it
/// makes up to eight, because a turn receives a bounded amount of each: eight turns of one connection do as much as two of four.
const TURNS: usize = 2;
/// How much each record of a turn that left work counts towards [`MOST`], and how much such a turn counts at least.
const LEFT: usize = 8;
const LEAST: usize = MOST / 8;
/// After a turn that told as much, others have become ready meanwhile: a look costs less than a round of the loop.
const MANY: usize = 8;
/// The most records that one callback writes before the loop gets its turn. One batch may pass it.
const MOST: usize = 256;

/// Everything that is used while JavaScript does not run; gone when the driver has stopped.
pub(crate) struct Working {
    pub(crate) reactor: Reactor<LinuxKernel>,
    pub(crate) inbox: JsInbox,
    pub(crate) staging: Staging,
}

impl Working {
    /// Writes what is staged.
    pub(crate) fn flush(&mut self) {
        self.staging.flush(&mut self.reactor, &mut self.inbox);
    }

    /// What JavaScript has to look at now.
    pub(crate) fn take(&mut self) -> Batch {
        let batch = self.inbox.take();
        self.staging.lend(batch.lent);
        batch
    }
}

/// A reactor with what it shares with JavaScript: what the driver calls, and what the binding's commands use.
pub(crate) struct Core {
    env: sys::napi_env,
    working: RefCell<Option<Working>>,
    dispatch: RefCell<Option<Rc<Callback>>>,
    /// Whether a driver's callback runs: events that commands cause are reported at its end.
    in_turn: Cell<bool>,
    /// The poll descriptor was made readable for work that is left.
    woken: Cell<bool>,
    /// Records of the last callback.
    told: Cell<usize>,
    /// Microtasks have run when a callback returns: what they wrote is flushed by the same native call.
    drains_microtasks: bool,
}

impl Core {
    /// `drains_microtasks`: see the field.
    pub(crate) fn new(
        env: sys::napi_env,
        working: Working,
        dispatch: Callback,
        drains_microtasks: bool,
    ) -> Core {
        Core {
            env,
            working: RefCell::new(Some(working)),
            dispatch: RefCell::new(Some(Rc::new(dispatch))),
            in_turn: Cell::new(false),
            woken: Cell::new(false),
            told: Cell::new(0),
            drains_microtasks,
        }
    }

    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut Working) -> T) -> Option<T> {
        self.working.borrow_mut().as_mut().map(run)
    }

    /// Outside a turn, work that a command left is announced to the driver.
    pub(crate) fn wake_if_needed(&self) {
        if self.in_turn.get() || self.woken.get() {
            return;
        }
        let woken = self.with(|working| {
            let has_work = working.reactor.has_work();
            has_work.then(|| working.reactor.wake())
        });
        match woken.flatten() {
            Some(Ok(())) => self.woken.set(true),
            Some(Err(errno)) => {
                let message = format!("edgepoll: the reactor cannot be woken: {errno}");
                node::throw_uncaught(self.env, &message);
            }
            None => {}
        }
    }

    /// Runs a command: what was staged before it goes first, so that order is kept.
    pub(crate) fn command<T>(&self, run: impl FnOnce(&mut Reactor<LinuxKernel>) -> T) -> Option<T> {
        let result = self.with(|working| {
            working.flush();
            run(&mut working.reactor)
        });
        self.wake_if_needed();
        result
    }

    pub(crate) fn dispatch(&self, env: sys::napi_env, batch: &Batch) {
        let callback = self.dispatch.borrow().clone();
        let (Some(callback), Some(count)) = (callback, node::number(env, batch.records)) else {
            return;
        };
        if batch.fresh.is_empty() {
            callback.call(&[count]);
            return;
        }
        let fresh = node::array(env, &batch.fresh);
        let places = [batch.pool, batch.slab, batch.arena].map(|place| node::number(env, place));
        if let (Some(fresh), [Some(pool), Some(slab), Some(arena)]) = (fresh, places) {
            callback.call(&[count, fresh, pool, slab, arena]);
        }
    }
}

/// The result of a turn.
enum Turned {
    /// The turn wrote this many records, and no work is left.
    Done(usize),
    /// The turn wrote this many records, and left work for another turn.
    Left(usize),
    /// There will be no other turn.
    Over,
}

impl Core {
    /// Makes one turn, and exchanges its results with JavaScript. `announced`: the poll descriptor was readable.
    fn turn(&self, env: sys::napi_env, announced: bool) -> Turned {
        let Some(_scope) = Scope::open(env) else {
            return Turned::Left(0);
        };
        let drains = self.drains_microtasks;
        let turned = self.with(|working| {
            // Staged messages may lie in memory that this turn receives into, so they are written first.
            working.flush();
            working.staging.set_in_turn(drains);
            working.inbox.begin(&working.staging.lending());
            let Working { reactor, inbox, .. } = working;
            let turned = if announced {
                reactor.announced_turn(inbox)
            } else {
                reactor.turn(Some(Duration::ZERO), inbox)
            };
            turned.map(|_| working.take())
        });
        let mut batch = match turned {
            Some(Ok(batch)) => batch,
            Some(Err(errno)) => {
                node::throw_uncaught(env, &format!("edgepoll: epoll_wait failed: {errno}"));
                return Turned::Over;
            }
            None => return Turned::Over,
        };
        let records = batch.records;
        for round in 1..=ROUNDS {
            // A slab may be new even if there is no record: JavaScript has to get it in any case.
            if batch.records > 0 || !batch.fresh.is_empty() {
                self.dispatch(env, &batch);
            } else if batch.uncaught.is_none() {
                break;
            }
            if let Some(message) = &batch.uncaught {
                node::throw_uncaught(env, message);
            }
            if !drains {
                break;
            }
            let told = self.with(|working| {
                working.flush();
                let Working { reactor, inbox, .. } = working;
                // After the last round nothing is taken out any more: it waits for the next callback.
                if round < ROUNDS {
                    reactor.report(inbox);
                }
                working.take()
            });
            let Some(told) = told else { break };
            batch = told;
        }
        match self.with(|working| working.reactor.has_work()) {
            Some(true) => Turned::Left(records),
            Some(false) | None => Turned::Done(records),
        }
    }
}

impl Task for Core {
    fn ready(&self, env: sys::napi_env) -> Next {
        self.in_turn.set(true);
        self.woken.set(false);
        self.with(|working| working.staging.count_callback());
        let (mut turns, mut told, mut spent, mut is_over) = (0, 0, 0, false);
        loop {
            let again = match self.turn(env, turns == 0) {
                Turned::Done(records) => {
                    told += records;
                    records >= MANY && told < MOST
                }
                Turned::Left(records) => {
                    told += MOST;
                    spent += LEAST.max(records * LEFT);
                    turns + 1 < TURNS || spent < MOST
                }
                Turned::Over => {
                    is_over = true;
                    false
                }
            };
            turns += 1;
            // Where microtasks run only after the callback, another turn would find nothing given back and nothing written.
            if !again || !self.drains_microtasks {
                break;
            }
        }
        self.with(|working| working.staging.set_in_turn(false));
        self.in_turn.set(false);
        self.told.set(told);
        self.wake_if_needed();
        if is_over {
            Next::Stop
        } else {
            Next::Watch
        }
    }

    fn told(&self) -> Option<usize> {
        Some(self.told.get())
    }

    fn stopped(&self) {
        self.dispatch.borrow_mut().take();
        if let Some(mut working) = self.working.borrow_mut().take() {
            // The writers of these bytes got no error. Bytes that the kernel does not take now are lost, so the drop resets.
            working.flush();
        }
    }
}
