//! The poller as JavaScript sees it: registrations in, one batch of readiness out.
//!
//! It must never touch what it watches, and never hold a borrow while JavaScript runs. Called by
//! src/readiness/poller.ts, src/epoll/ and the driver.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use edgepoll::readiness::{EngineKind, Poller, Refusal};
use edgepoll::{Errno, Token};
use napi::bindgen_prelude::{JsValue, Object, Unknown};
use napi::{sys, Env, Error, Result};
use napi_derive::napi;

use super::again::Again;
use super::context::{BySlot, ContextBinding};
use super::records::{control, Records};
use crate::bare;
use crate::driver::{Driver, Kind, Next, Task};
use crate::fd::borrowed;
use crate::node::{self, AsyncContext, CallError, Callback, Scope};
use crate::reactor::settings::Opened;

/// Registrations that are asked after at a time, and the milliseconds from one time to the next.
const CHECKED_PER_WAIT: usize = 64;
const BETWEEN_CHECKS: u64 = 10;

/// What `errno` says when it was not the kernel that refused.
const SET_SIZE: i32 = -1;
const TRIGGER: i32 = -2;
const CLOSED: i32 = -3;

struct Working {
    poller: Poller,
    records: Records,
}

struct Looked {
    count: usize,
    renewed: bool,
}

impl Working {
    /// The bits that both sides share.
    fn control(&mut self) -> &mut i32 {
        self.records.control()
    }

    /// Fills the records with what is ready now.
    fn look(&mut self) -> std::result::Result<Looked, Errno> {
        let Working { poller, records } = self;
        let mut count = 0;
        let looked = poller.look(records.capacity(), |event| {
            records.put(count, event);
            count += 1;
        })?;
        self.note_lost();
        Ok(Looked {
            count,
            renewed: looked.renewed,
        })
    }

    fn note_lost(&mut self) {
        let is_lost = self.poller.has_lost();
        let field = self.control();
        *field = (*field & !control::LOST) | if is_lost { control::LOST } else { 0 };
    }
}

struct Core {
    kind: Kind,
    working: RefCell<Option<Working>>,
    deliver: RefCell<Option<Rc<Callback>>>,
    /// Whose work a delivery is that begins with a record of that slot, if it is not `deliver`'s own.
    contexts: BySlot,
    driver: RefCell<Option<Driver>>,
    /// Drivers so far, and which of them is the present one.
    drivers: Cell<u32>,
    turn_of: Cell<u32>,
    refed: Cell<bool>,
    /// Somebody waits for the next event. Without a consumer a level-triggered descriptor would make us spin.
    wanted: Cell<bool>,
    /// The loop's time of the last question after closed descriptors.
    checked_at: Cell<u64>,
    again: Again,
}

impl Core {
    fn with<T>(&self, run: impl FnOnce(&mut Working) -> T) -> Option<T> {
        self.working.borrow_mut().as_mut().map(run)
    }

    fn with_driver<T>(&self, run: impl FnOnce(&Driver) -> T) -> Option<T> {
        self.driver.borrow().as_ref().map(run)
    }

    /// A driver on the poller's present descriptor, instead of the one that there was.
    fn drive(self: &Rc<Core>, env: sys::napi_env) -> std::result::Result<(), CallError> {
        let Some(fd) = self.with(|working| working.poller.as_raw_fd()) else {
            return Ok(());
        };
        // A driver that cannot be had may be heard of once more: its number is nobody else's.
        let number = self.drivers.get().wrapping_add(1);
        self.drivers.set(number);
        let announcer = Announcer {
            core: Rc::clone(self),
            number,
        };
        let driver = Driver::start(self.kind, env, fd, Rc::new(announcer))?;
        if self.refed.get() {
            driver.refer();
        }
        self.turn_of.set(number);
        if let Some(old) = self.driver.replace(Some(driver)) {
            old.close();
        }
        // Nobody waits on what a renewal left behind any more.
        self.with(|working| working.poller.retire());
        Ok(())
    }

    /// Looks, and moves to the new descriptor after a renewal, if it can. Gives the events, and whether it moved.
    fn look(self: &Rc<Core>, env: sys::napi_env) -> std::result::Result<(usize, bool), CallError> {
        match self.with(Working::look) {
            Some(Ok(Looked { count, renewed })) => {
                let moved = renewed && self.drive(env).is_ok();
                if renewed && !moved {
                    self.with(|working| working.poller.take_back());
                }
                Ok((count, moved))
            }
            Some(Err(errno)) => Err(errno.into()),
            None => Ok((0, false)),
        }
    }

    /// Looks and delivers, and looks again when somebody waits again and that has been worth it. Gives whether
    /// somebody still waits.
    fn announce(self: &Rc<Core>, env: sys::napi_env) -> bool {
        self.again.begin();
        let mut is_first = true;
        loop {
            let Some(_scope) = Scope::open(env) else {
                return false;
            };
            let (count, moved) = match self.look(env) {
                Ok(looked) => looked,
                Err(error) => {
                    let message = format!("edgepoll: looking failed: {error}");
                    node::throw_uncaught(env, &message);
                    return false;
                }
            };
            if !is_first {
                self.looked_again(count > 0);
            }
            is_first = false;
            if count > 0 {
                self.wanted.set(false);
            } else if !moved {
                break;
            }
            self.deliver(env, count, moved);
            if !self.wanted.get() || !self.again.may_look() {
                break;
            }
        }
        if self.wanted.get() {
            return self.arm_engine();
        }
        // It was the question after closed descriptors that found something: the engine may be armed still.
        self.with(|working| working.poller.disarm());
        false
    }

    fn looked_again(&self, found: bool) {
        self.again.looked(found);
        if !self.again.may_look() {
            self.with(|working| *working.control() &= !control::LOOK);
        }
    }

    fn deliver(&self, env: sys::napi_env, count: usize, moved: bool) {
        let state = if self.again.is_worth_it() {
            control::DELIVERING | control::LOOK
        } else {
            control::DELIVERING
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
        let told = self.with(|working| {
            let told = *working.control();
            *working.control() &= control::LOST;
            told
        });
        if told.is_some_and(|told| told & control::WANTED != 0) {
            self.wanted.set(true);
        }
    }

    /// Of the first record.
    fn context(&self, count: usize) -> Option<Rc<AsyncContext>> {
        if count == 0 || self.contexts.is_empty() {
            return None;
        }
        let slot = self.with(|working| working.records.first_slot())?;
        self.contexts.get(slot)
    }

    /// A change of what is registered, or a look, may have left the engine unarmed. False: it cannot wait.
    fn arm_engine(&self) -> bool {
        matches!(self.with(|working| working.poller.arm()), Some(Ok(())))
    }

    fn stopped(&self) {
        self.deliver.borrow_mut().take();
        self.contexts.clear();
        self.working.borrow_mut().take();
        self.driver.borrow_mut().take();
    }
}

/// What one driver drives; of a driver that was replaced nothing is heard any more.
struct Announcer {
    core: Rc<Core>,
    number: u32,
}

impl Announcer {
    fn is_present(&self) -> bool {
        self.number == self.core.turn_of.get()
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

    /// At once after a time of quiet; else not more often than every so many milliseconds, because the question
    /// costs as much per registration as an event's own look.
    fn before_wait(&self, env: sys::napi_env, now: u64) -> u64 {
        if !self.is_present() || !self.core.wanted.get() {
            return 0;
        }
        if now.saturating_sub(self.core.checked_at.get()) < BETWEEN_CHECKS {
            return BETWEEN_CHECKS;
        }
        self.core.checked_at.set(now);
        let check = |working: &mut Working| {
            working.poller.doubt(CHECKED_PER_WAIT);
            working.poller.check(CHECKED_PER_WAIT)
        };
        if self.core.with(check) == Some(true) && self.core.announce(env) {
            // The handlers that ran may have closed more descriptors before they wait again.
            return BETWEEN_CHECKS;
        }
        0
    }

    /// One millisecond more: both ends of the interval are rounded down to milliseconds, and a check that came too early would
    /// be put off by a whole interval.
    fn asks_after(&self) -> u64 {
        BETWEEN_CHECKS + 1
    }

    fn stopped(&self) {
        if self.is_present() {
            self.core.stopped();
        }
    }
}

fn number_of(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::Kernel(errno) => crate::names::number(errno),
        Refusal::SetSize => SET_SIZE,
        Refusal::Trigger => TRIGGER,
        Refusal::Closed => CLOSED,
    }
}

/// A set of watched descriptors in this environment.
#[napi]
pub struct PollerBinding {
    core: Rc<Core>,
}

#[napi]
impl PollerBinding {
    /// Opens one with the driver 'uv' or 'thread' and the engine 'epoll', 'poll' or 'select'. `deliver` is called
    /// with the number of records in `records`, and 1 when `descriptors` has changed. The field after the last record has
    /// 1 during a delivery: whoever waits again then adds 2 there instead of calling `want()`; and 4 while a look of
    /// its own is likely to find something before that.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        driver: String,
        engine: String,
        #[napi(ts_arg_type = "Int32Array")] records: Object<'_>,
        #[napi(ts_arg_type = "(count: number, moved: number) => void")] deliver: Object<'_>,
    ) -> Result<PollerBinding> {
        let raw = env.raw();
        let kind = Kind::named(&driver);
        let records = Records::new(raw, &records)?;
        let engine = match engine.as_str() {
            "poll" => EngineKind::Poll,
            "select" => EngineKind::Select,
            _ => EngineKind::Epoll,
        };
        let poller =
            // `SetSize`: a descriptor of the engine's own does not fit into a set, because too many are open.
            Poller::with_kind(engine, records.capacity())
                .map_err(|refusal| CallError::Refused(number_of(refusal)).thrown(raw))?;
        let core = Rc::new(Core {
            kind,
            working: RefCell::new(Some(Working { poller, records })),
            deliver: RefCell::new(Some(Rc::new(Callback::new(
                raw,
                deliver.raw(),
                kind.calls_bare(),
            )?))),
            contexts: BySlot::default(),
            driver: RefCell::new(None),
            drivers: Cell::new(0),
            turn_of: Cell::new(0),
            refed: Cell::new(false),
            wanted: Cell::new(false),
            checked_at: Cell::new(0),
            again: Again::default(),
        });
        if let Err(error) = core.drive(raw) {
            // The driver that failed lets go of the core only when the loop comes round.
            core.stopped();
            return Err(error.thrown(raw));
        }
        Ok(PollerBinding { core })
    }

    /// The descriptors that it opened for itself, so that they can be refused where they make no sense.
    #[napi(getter, catch_unwind)]
    pub fn descriptors(&self) -> Vec<i32> {
        let engine = self.core.with(|working| working.poller.descriptors());
        let driver = self
            .core
            .with_driver(|driver| driver.descriptors().to_vec());
        let mut all = engine.unwrap_or_default();
        all.extend(driver.unwrap_or_default());
        all
    }

    /// Watches a descriptor, or a duplicate of it. `errno`: the kernel's number; −1: the number does not fit into
    /// select's sets; −2: the engine has no such trigger.
    #[napi(catch_unwind)]
    pub fn register(&self, fd: i32, interest: u32, duplicate: bool) -> Result<Opened> {
        let result = self.core.with(|working| {
            let had_relay = working.poller.has_relay();
            let result = if duplicate {
                let original = borrowed(&fd).map_err(Refusal::Kernel);
                original.and_then(|fd| working.poller.register_duplicate(fd, interest))
            } else {
                // SAFETY: by registering a number the user allows it to be watched until it is unregistered or closed. The
                // documentation of `Poller` says how the poller notices a close.
                unsafe { working.poller.register(fd, interest) }
            };
            // The number may have been another registration's, whose descriptor was closed; also when that is all.
            working.note_lost();
            if working.poller.has_relay() != had_relay {
                *working.control() |= control::MOVED;
            }
            let token = result?;
            if let Some(Err(errno)) = self.core.with_driver(Driver::admit) {
                working.poller.unregister(token)?;
                return Err(Refusal::Kernel(errno));
            }
            Ok(token)
        });
        let (token, errno) = match result {
            Some(Ok(token)) => (token, 0),
            Some(Err(refusal)) => {
                let nobody = Token {
                    index: 0,
                    generation: 0,
                };
                (nobody, number_of(refusal))
            }
            None => return Err(Error::from_reason("the poller is closed")),
        };
        self.changed();
        Ok(Opened {
            slot: token.index.cast_signed(),
            generation: token.generation.cast_signed(),
            errno,
            syscall: "epoll_ctl".to_owned(),
        })
    }

    /// Changes what is watched for; gives 0 or the error number.
    #[napi(catch_unwind)]
    pub fn modify(&self, slot: i32, generation: i32, interest: u32) -> i32 {
        let token = token(slot, generation);
        self.result(|poller| poller.modify(token, interest))
    }

    /// Arms a oneshot registration again; gives 0 or the error number.
    #[napi(catch_unwind)]
    pub fn rearm(&self, slot: i32, generation: i32) -> i32 {
        let token = token(slot, generation);
        self.result(|poller| poller.rearm(token))
    }

    /// Watches no longer; gives 0 or the error number.
    #[napi(catch_unwind)]
    pub fn unregister(&self, slot: i32, generation: i32) -> i32 {
        let token = token(slot, generation);
        if let Ok(slot) = usize::try_from(slot) {
            self.core.contexts.set(slot, None);
        }
        self.result(|poller| poller.unregister(token).map_err(Refusal::Kernel))
    }

    /// Deliveries that begin with a record of that slot are that context's work, until it is unregistered.
    #[napi(catch_unwind)]
    pub fn deliver_in(&self, slot: i32, context: &ContextBinding) {
        if let Ok(slot) = usize::try_from(slot) {
            self.core.contexts.set(slot, context.shared());
        }
    }

    fn result(&self, run: impl FnOnce(&mut Poller) -> std::result::Result<(), Refusal>) -> i32 {
        let result = self.core.with(|working| run(&mut working.poller));
        self.changed();
        match result {
            Some(Ok(())) => 0,
            Some(Err(refusal)) => number_of(refusal),
            None => Errno::EBADF.raw_os_error(),
        }
    }

    /// Somebody who waits now waits for something else.
    fn changed(&self) {
        if self.core.wanted.get() {
            self.core.arm_engine();
        }
    }

    /// The function that fills the records with what is ready now, without waiting; it gives how many, or when
    /// `descriptors` has changed −1 less as many.
    #[napi(catch_unwind, ts_return_type = "() => number")]
    pub fn looker<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        let core = Rc::downgrade(&self.core);
        bare::function(env, move |raw, _arguments| {
            let Some(core) = core.upgrade() else {
                return Ok(0.0);
            };
            let (count, moved) = core.look(raw)?;
            let is_inside = |working: &mut Working| *working.control() & control::DELIVERING != 0;
            if core.with(is_inside) == Some(true) {
                core.looked_again(count > 0);
            } else if core.wanted.get() {
                // It took the announcement that somebody else waits for. This cannot fail: the engine was armed before.
                core.arm_engine();
            }
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            Ok(if moved { -1.0 - count } else { count })
        })
    }

    /// Asks whether up to `limit` descriptors are still what was registered; true when the next look tells of
    /// one that is not.
    #[napi(catch_unwind)]
    pub fn check(&self, limit: u32) -> bool {
        let check = |working: &mut Working| {
            let is_lost = working.poller.check(limit as usize);
            working.note_lost();
            is_lost
        };
        self.core.with(check) == Some(true)
    }

    /// Somebody waits: the next event is delivered, once.
    #[napi(catch_unwind)]
    pub fn want(&self, env: Env) -> Result<()> {
        let engine = self.core.with(|working| working.poller.arm());
        let armed = engine
            .unwrap_or(Ok(()))
            .and_then(|()| self.core.with_driver(Driver::arm).unwrap_or(Ok(())));
        armed.map_err(|errno| CallError::from(errno).thrown(env.raw()))?;
        self.core.wanted.set(true);
        Ok(())
    }

    /// Nobody waits any more.
    #[napi(catch_unwind)]
    pub fn unwant(&self) {
        self.core.wanted.set(false);
        self.core.with_driver(Driver::forget_time);
        self.core.with(|working| {
            *working.control() &= !control::WANTED;
            working.poller.disarm();
        });
    }

    /// Counters, in the order of src/readiness/poller.ts.
    #[napi(catch_unwind)]
    #[allow(
        clippy::cast_precision_loss,
        reason = "a counter passes 2^53 after centuries"
    )]
    pub fn counters(&self) -> Vec<f64> {
        self.core
            .with(|working| working.poller.counters())
            .map_or_else(Vec::new, |counters| {
                vec![
                    counters.looks as f64,
                    counters.events as f64,
                    counters.stale as f64,
                    counters.largest as f64,
                    counters.closed as f64,
                    counters.renewals as f64,
                ]
            })
    }

    /// Keeps the process alive.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn refer(&self) {
        self.core.refed.set(true);
        self.core.with_driver(Driver::refer);
    }

    /// Lets the process end.
    #[napi(catch_unwind)]
    pub fn unref(&self) {
        self.core.refed.set(false);
        self.core.with_driver(Driver::unref);
    }

    /// Stops and closes the engine's descriptor; what was watched stays open.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.core.wanted.set(false);
        let driver = self.core.driver.borrow_mut().take();
        if let Some(driver) = driver {
            driver.close();
        }
        // Nobody waits on it any more; libuv gives back its handle, not this, when its loop comes round.
        self.core.working.borrow_mut().take();
    }
}

fn token(slot: i32, generation: i32) -> Token {
    Token {
        index: slot.cast_unsigned(),
        generation: generation.cast_unsigned(),
    }
}
