//! What a driver's callback does: turns of the reactor, one call into JavaScript per batch, and the writes of that call.
//!
//! No borrow of the reactor may be held while JavaScript runs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use edgepoll::kernel::LinuxKernel;
use edgepoll::protocol::Error;
use edgepoll::reactor::Reactor;
use napi::sys;

use super::allocator;
use super::control::Control;
use super::inbox::{Batch, JsInbox};
use super::staging::Staging;
use crate::driver::{Next, Task};
use crate::node::{self, Callback, Scope};

/// How many batches one turn delivers at most: what was received, and then what JavaScript's writes caused.
const BATCHES_PER_TURN: usize = 4;
/// While turns leave work, one callback makes at least this many turns before the event loop goes on. With few busy connections
/// it makes up to eight, because a turn receives a limited amount of each: eight turns of one connection do as much as two of
/// four.
const LEAST_TURNS: usize = 2;
/// How many records one callback writes before the event loop goes on. The last batch may exceed it.
const RECORDS_PER_CALLBACK: usize = 256;
/// How much each record of a turn that left work counts towards [`RECORDS_PER_CALLBACK`].
const RECORD_WEIGHT: usize = 8;
/// How much a turn that left work counts at least.
const LEAST_WEIGHT: usize = RECORDS_PER_CALLBACK / 8;
/// After a turn with at least this many records, other connections are probably ready by now. Another turn costs less than a round
/// of the event loop.
const LARGE_BATCH: usize = 8;

/// What the glue may use only while JavaScript does not run. It is dropped when the driver stops.
pub(crate) struct Working {
    pub(crate) reactor: Reactor<LinuxKernel>,
    pub(crate) inbox: JsInbox,
    pub(crate) staging: Staging,
    pub(crate) control: Control,
}

impl Working {
    /// Makes the staged writes.
    pub(crate) fn flush(&mut self) {
        self.reactor.tick();
        let count = self.control.staged();
        if count > 0 {
            let lent = self.inbox.lent();
            self.staging.flush(count, &mut self.reactor, lent);
            self.control.clear_staged();
        }
    }

    /// Ends the batch, for JavaScript to read.
    pub(crate) fn take(&mut self) -> Batch {
        let batch = self.inbox.take();
        self.control.lend(batch.lent);
        batch
    }
}

/// A reactor and what it shares with JavaScript. The driver and the binding's commands use it.
pub(crate) struct Core {
    env: sys::napi_env,
    working: RefCell<Option<Working>>,
    dispatch: RefCell<Option<Rc<Callback>>>,
    /// Whether a driver's callback is running. Events that commands cause are then delivered at its end.
    in_turn: Cell<bool>,
    /// Whether the poll descriptor was made readable for work that is left.
    woken: Cell<bool>,
    /// Why a protocol refused the last message that was written at once, until JavaScript asks.
    refusal: Cell<Option<Error>>,
    /// Messages that the last callback counted; see [`Task::messages`].
    messages: Cell<usize>,
    /// Whether microtasks have run when a call into JavaScript returns. If so, the same callback sends what they wrote.
    drains_microtasks: bool,
}

impl Core {
    /// `drains_microtasks`: whether microtasks have run when a call into JavaScript returns.
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
            refusal: Cell::new(None),
            messages: Cell::new(0),
            drains_microtasks,
        }
    }

    /// Runs `run`, or returns `None` if the driver has stopped.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut Working) -> T) -> Option<T> {
        self.working.borrow_mut().as_mut().map(run)
    }

    /// Keeps why a protocol refused a message that was written at once.
    pub(crate) fn keep_refusal(&self, error: Error) {
        self.refusal.set(Some(error));
    }

    /// Why a protocol refused the last message that was written at once.
    pub(crate) fn take_refusal(&self) -> Option<Error> {
        self.refusal.take()
    }

    /// Outside a turn: if a command has left work, makes the poll descriptor readable, so that the driver calls back.
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

    /// Runs a command. Writes that were staged before it are made first, to keep their order.
    pub(crate) fn command<T>(&self, run: impl FnOnce(&mut Reactor<LinuxKernel>) -> T) -> Option<T> {
        let result = self.with(|working| {
            working.flush();
            run(&mut working.reactor)
        });
        self.wake_if_needed();
        result
    }

    fn dispatch(&self, env: sys::napi_env, batch: &Batch) {
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
            working.control.set_in_turn(drains);
            working.inbox.begin(&working.control.lending());
            working.reactor.set_behind(working.control.is_behind());
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
        for number in 1..=BATCHES_PER_TURN {
            // There may be a new slab without a record. JavaScript needs it in any case.
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
            let caused = self.with(|working| {
                working.flush();
                let Working { reactor, inbox, .. } = working;
                // After the last batch, nothing more is taken from the reactor. It waits for the next callback.
                if number < BATCHES_PER_TURN {
                    reactor.report(inbox);
                }
                working.take()
            });
            let Some(caused) = caused else { break };
            batch = caused;
        }
        let has_work = self.with(|working| {
            if drains {
                // The last flush has read the clock.
                working.reactor.batch_handled();
            }
            working.reactor.has_work()
        });
        match has_work {
            Some(true) => Turned::Left(records),
            Some(false) | None => Turned::Done(records),
        }
    }
}

impl Task for Core {
    fn ready(&self, env: sys::napi_env) -> Next {
        self.in_turn.set(true);
        self.woken.set(false);
        self.with(|working| working.control.count_callback());
        let (mut turns, mut messages, mut weight, mut is_over) = (0, 0, 0, false);
        loop {
            let again = match self.turn(env, turns == 0) {
                Turned::Done(records) => {
                    messages += records;
                    records >= LARGE_BATCH && messages < RECORDS_PER_CALLBACK
                }
                Turned::Left(records) => {
                    // A turn that left work counts as a full callback. Then the driver `uv` does not busy-poll before the next wait.
                    messages += RECORDS_PER_CALLBACK;
                    weight += LEAST_WEIGHT.max(records * RECORD_WEIGHT);
                    turns + 1 < LEAST_TURNS || weight < RECORDS_PER_CALLBACK
                }
                Turned::Over => {
                    is_over = true;
                    false
                }
            };
            turns += 1;
            // If microtasks run only after the callback, they have given nothing back and written nothing yet.
            if !again || !self.drains_microtasks {
                break;
            }
        }
        let gives_back = self.with(|working| {
            working.control.set_in_turn(false);
            working.reactor.take_give_back()
        });
        if gives_back == Some(true) {
            allocator::give_back();
        }
        self.in_turn.set(false);
        self.messages.set(messages);
        self.wake_if_needed();
        if is_over {
            Next::Stop
        } else {
            Next::Watch
        }
    }

    fn messages(&self) -> Option<usize> {
        Some(self.messages.get())
    }

    fn stopped(&self) {
        self.dispatch.borrow_mut().take();
        if let Some(mut working) = self.working.borrow_mut().take() {
            // JavaScript has accepted these writes. Bytes that the kernel does not take now are lost, and then the drop resets
            // the connection.
            working.flush();
        }
    }
}
