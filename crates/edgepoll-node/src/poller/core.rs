//! What a poller's driver does: it polls for events, delivers them, and finds descriptors that were closed.
//!
//! No borrow of the poller may be held while JavaScript runs.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use napi::sys;

use super::context::BySlot;
use super::poll_limit::PollLimit;
use super::working::{Polled, Working};
use crate::driver::{Driver, Kind, Next, Task};
use crate::layout::{DELIVERING, LOST, POLL_AGAIN, WANTED};
use crate::node::{self, AsyncContext, CallError, Callback, Scope};

/// How many registrations are checked for a closed descriptor before a wait.
const CHECKED_PER_WAIT: usize = 64;
/// The least time between two such checks, in milliseconds.
const BETWEEN_CHECKS: u64 = 10;

/// A poller and what it shares with JavaScript. The driver and the binding's commands use it.
pub(crate) struct Core {
    kind: Kind,
    working: RefCell<Option<Working>>,
    deliver: RefCell<Option<Rc<Callback>>>,
    /// The contexts of registrations that have one. A delivery runs in the context of its first record.
    pub(crate) contexts: BySlot,
    driver: RefCell<Option<Driver>>,
    /// How many drivers were started.
    drivers: Cell<u32>,
    /// The number of the driver in use.
    present_driver: Cell<u32>,
    is_referenced: Cell<bool>,
    /// Whether a consumer waits for the next event. Without one, a level-triggered descriptor would call the driver again and
    /// again.
    wanted: Cell<bool>,
    /// The event loop's time of the last check for closed descriptors.
    checked_at: Cell<u64>,
    poll_limit: PollLimit,
}

impl Core {
    pub(crate) fn new(kind: Kind, working: Working, deliver: Callback) -> Core {
        Core {
            kind,
            working: RefCell::new(Some(working)),
            deliver: RefCell::new(Some(Rc::new(deliver))),
            contexts: BySlot::default(),
            driver: RefCell::new(None),
            drivers: Cell::new(0),
            present_driver: Cell::new(0),
            is_referenced: Cell::new(false),
            wanted: Cell::new(false),
            checked_at: Cell::new(0),
            poll_limit: PollLimit::default(),
        }
    }

    /// Runs `run`, or returns `None` if the driver has stopped.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut Working) -> T) -> Option<T> {
        self.working.borrow_mut().as_mut().map(run)
    }

    pub(crate) fn with_driver<T>(&self, run: impl FnOnce(&Driver) -> T) -> Option<T> {
        self.driver.borrow().as_ref().map(run)
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.get()
    }

    pub(crate) fn set_wanted(&self, wanted: bool) {
        self.wanted.set(wanted);
    }

    /// Whether the poller keeps the process alive.
    pub(crate) fn set_referenced(&self, is_referenced: bool) {
        self.is_referenced.set(is_referenced);
        self.with_driver(if is_referenced {
            Driver::refer
        } else {
            Driver::unref
        });
    }

    /// Starts a driver on the poller's present descriptor, and closes the one that was in use.
    pub(crate) fn drive(self: &Rc<Core>, env: sys::napi_env) -> Result<(), CallError> {
        let Some(fd) = self.with(|working| working.poller.as_raw_fd()) else {
            return Ok(());
        };
        // Each try has a new number, because a driver that failed to start may still call back once.
        let number = self.drivers.get().wrapping_add(1);
        self.drivers.set(number);
        let announcer = Announcer {
            core: Rc::clone(self),
            number,
        };
        let driver = Driver::start(self.kind, env, fd, Rc::new(announcer))?;
        if self.is_referenced.get() {
            driver.refer();
        }
        self.present_driver.set(number);
        if let Some(old) = self.driver.replace(Some(driver)) {
            old.close();
        }
        // No driver waits on the old descriptor any more.
        self.with(|working| working.poller.finish_renewal());
        Ok(())
    }

    /// Polls for events. After a renewal, it moves the driver to the new descriptor if it can. Returns the number of events, and
    /// whether it moved.
    pub(crate) fn poll(self: &Rc<Core>, env: sys::napi_env) -> Result<(usize, bool), CallError> {
        match self.with(Working::poll) {
            Some(Ok(Polled { count, renewed })) => {
                let moved = renewed && self.drive(env).is_ok();
                if renewed && !moved {
                    self.with(|working| working.poller.undo_renewal());
                }
                Ok((count, moved))
            }
            Some(Err(errno)) => Err(errno.into()),
            None => Ok((0, false)),
        }
    }

    /// Polls and delivers, and does both again while a consumer waits again and another poll is worth it. Returns whether a
    /// consumer still waits.
    fn announce(self: &Rc<Core>, env: sys::napi_env) -> bool {
        self.poll_limit.begin();
        let mut is_first = true;
        loop {
            let Some(_scope) = Scope::open(env) else {
                return false;
            };
            let (count, moved) = match self.poll(env) {
                Ok(polled) => polled,
                Err(error) => {
                    let message = format!("edgepoll: looking failed: {error}");
                    node::throw_uncaught(env, &message);
                    return false;
                }
            };
            if !is_first {
                self.count_poll(count > 0);
            }
            is_first = false;
            if count > 0 {
                self.wanted.set(false);
            } else if !moved {
                break;
            }
            self.deliver(env, count, moved);
            if !self.wanted.get() || !self.poll_limit.may_poll() {
                break;
            }
        }
        if self.wanted.get() {
            return self.arm_engine();
        }
        // After a check for closed descriptors the engine may still be armed.
        self.with(|working| working.poller.end_wait());
        false
    }

    /// Counts a poll that was not the first of its turn.
    pub(crate) fn count_poll(&self, found: bool) {
        self.poll_limit.count(found);
        if !self.poll_limit.may_poll() {
            self.with(|working| *working.control() &= !POLL_AGAIN);
        }
    }

    fn deliver(&self, env: sys::napi_env, count: usize, moved: bool) {
        let state = if self.poll_limit.is_worth_it() {
            DELIVERING | POLL_AGAIN
        } else {
            DELIVERING
        };
        self.with(|working| {
            *working.control() = state;
            working.note_lost();
        });
        let deliver = self.deliver.borrow().clone();
        let arguments = (
            node::number(env, count),
            node::number(env, usize::from(moved)),
        );
        if let (Some(deliver), (Some(records), Some(moved))) = (deliver, arguments) {
            match self.context(count) {
                Some(context) => deliver.call_in(Some(&context), &[records, moved]),
                None => deliver.call(&[records, moved]),
            }
        }
        let state = self.with(|working| {
            let state = *working.control();
            *working.control() &= LOST;
            state
        });
        if state.is_some_and(|state| state & WANTED != 0) {
            self.wanted.set(true);
        }
    }

    /// The context of the first record.
    fn context(&self, count: usize) -> Option<Rc<AsyncContext>> {
        if count == 0 || self.contexts.is_empty() {
            return None;
        }
        let slot = self.with(|working| working.records.first_slot())?;
        self.contexts.get(slot)
    }

    /// Arms the engine for a consumer that waits, because a poll or a change of the registrations may have left it unarmed.
    /// False if it cannot wait.
    pub(crate) fn arm_engine(&self) -> bool {
        matches!(
            self.with(|working| working.poller.begin_wait()),
            Some(Ok(()))
        )
    }

    /// Closes the driver and the poller. Descriptors that were watched stay open.
    pub(crate) fn close(&self) {
        self.wanted.set(false);
        let driver = self.driver.borrow_mut().take();
        if let Some(driver) = driver {
            driver.close();
        }
        // libuv calls back for its handle in its loop's next turn, but does not wait on the descriptor any more.
        self.working.borrow_mut().take();
    }

    /// Drops everything, after the driver has stopped.
    pub(crate) fn stopped(&self) {
        self.deliver.borrow_mut().take();
        self.contexts.clear();
        self.working.borrow_mut().take();
        self.driver.borrow_mut().take();
    }
}

/// The task of one driver. Calls of a driver that was replaced have no effect.
struct Announcer {
    core: Rc<Core>,
    number: u32,
}

impl Announcer {
    fn is_present(&self) -> bool {
        self.number == self.core.present_driver.get()
    }
}

impl Task for Announcer {
    fn ready(&self, env: sys::napi_env) -> Next {
        let core = &self.core;
        if !self.is_present() || !core.wanted.get() {
            return Next::Stop;
        }
        let can_wait = core.announce(env);
        match (self.is_present(), core.wanted.get()) {
            (true, true) if can_wait => Next::Watch,
            (true, false) => Next::Pause,
            _ => Next::Stop,
        }
    }

    /// Checks for closed descriptors: at once after a quiet time, else at most once per [`BETWEEN_CHECKS`], because the check of a
    /// registration costs as much as the poll that finds an event.
    fn before_wait(&self, env: sys::napi_env, now: u64) -> u64 {
        if !self.is_present() || !self.core.wanted.get() {
            return 0;
        }
        if now.saturating_sub(self.core.checked_at.get()) < BETWEEN_CHECKS {
            return BETWEEN_CHECKS;
        }
        self.core.checked_at.set(now);
        let check = |working: &mut Working| {
            working.poller.verify_next(CHECKED_PER_WAIT);
            working.poller.check_closed(CHECKED_PER_WAIT)
        };
        if self.core.with(check) == Some(true) && self.core.announce(env) {
            // The handlers that ran may have closed more descriptors before they wait again.
            return BETWEEN_CHECKS;
        }
        0
    }

    /// One millisecond more than the interval: both of its ends are rounded down to milliseconds, and a call that came too early
    /// would put the check off by a whole interval.
    fn call_after(&self) -> u64 {
        BETWEEN_CHECKS + 1
    }

    fn stopped(&self) {
        if self.is_present() {
            self.core.stopped();
        }
    }
}
