//! The class that JavaScript has for a poller: registrations, and the functions around a wait. What the driver's callback does is
//! in `core.rs`.
//!
//! No borrow of the poller may be held while JavaScript runs.

use std::fmt;
use std::rc::Rc;

use edgepoll::readiness::{EngineKind, Poller, Refusal};
use edgepoll::{Call, Errno};
use napi::bindgen_prelude::{JsValue, Object, Unknown};
use napi::{Env, Error, Result};
use napi_derive::napi;

use super::context::ContextBinding;
use super::core::Core;
use super::records::Records;
use super::working::Working;
use crate::bare;
use crate::driver::{Driver, Kind};
use crate::fd::borrowed;
use crate::layout::{DELIVERING, MOVED, REFUSED_CLOSED, REFUSED_SET_SIZE, WANTED};
use crate::names;
use crate::node::{CallError, Callback};
use crate::numbers::{float, token};
use crate::opened::Opened;

/// A refusal that JavaScript does not distinguish from others: the engine does not have that trigger.
const REFUSED_TRIGGER: i32 = -2;

fn number_of(refusal: Refusal) -> i32 {
    match refusal {
        Refusal::Kernel(errno) => names::number(errno),
        Refusal::SetSize => REFUSED_SET_SIZE,
        Refusal::Trigger => REFUSED_TRIGGER,
        Refusal::Closed => REFUSED_CLOSED,
        // A refusal of a newer core.
        _ => names::number(Errno::EIO),
    }
}

/// The poller's counters.
#[napi(object)]
#[derive(Debug, Default)]
pub struct PollerCounters {
    /// Polls of the kernel.
    pub waits: f64,
    /// Events that the kernel reported.
    pub events: f64,
    /// Events of registrations that were gone. They were dropped.
    pub stale: f64,
    /// Events of the largest batch.
    pub largest: f64,
    /// Descriptors that were found closed.
    pub closed: f64,
    /// How often the poller opened a new epoll descriptor.
    pub renewals: f64,
}

/// A set of watched descriptors in this environment.
#[napi]
pub struct PollerBinding {
    core: Rc<Core>,
}

#[napi]
impl PollerBinding {
    /// Opens a poller with the driver 'uv' or 'thread' and the engine 'epoll', 'poll' or 'select'. `deliver` is called
    /// with the number of records in `records`, and with 1 when `descriptors` has changed, else 0. A field of bits follows the last
    /// record; `layout.rs` describes them.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        driver: String,
        engine: String,
        #[napi(ts_arg_type = "Int32Array")] records: Object<'_>,
        #[napi(ts_arg_type = "(count: number, moved: number) => void")] deliver: Object<'_>,
    ) -> Result<PollerBinding> {
        let raw = env.raw();
        let kind = Kind::named(&driver)?;
        let records = Records::new(raw, &records)?;
        let engine = match engine.as_str() {
            "epoll" => EngineKind::Epoll,
            "poll" => EngineKind::Poll,
            "select" => EngineKind::Select,
            other => return Err(Error::from_reason(format!("no such engine: {other}"))),
        };
        // `SetSize`: a descriptor of the engine's own does not fit into a set, because too many are open.
        let call = match engine {
            EngineKind::Epoll => Call::OpenEpoll,
            // They wait in a thread, which an eventfd wakes.
            _ => Call::OpenEvent,
        };
        let poller = Poller::with_kind(engine, records.capacity())
            .map_err(|refusal| CallError::Failed(call.name(), number_of(refusal)).thrown(raw))?;
        let deliver = Callback::new(raw, deliver.raw(), kind.calls_bare())?;
        let core = Rc::new(Core::new(kind, Working { poller, records }, deliver));
        if let Err(error) = core.drive(raw) {
            // A driver that failed to start releases the core only in the event loop's next turn.
            core.stopped();
            return Err(error.thrown(raw));
        }
        Ok(PollerBinding { core })
    }

    /// The descriptors that the poller has opened for itself. A program cannot register or adopt them.
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

    /// Watches a descriptor, or a duplicate of it. The result's `errno` is the kernel's number; −1 if the number does not fit into
    /// select's sets; or −2 if the engine has no such trigger.
    #[napi(catch_unwind)]
    pub fn register(&self, fd: i32, interest: u32, duplicate: bool) -> Result<Opened> {
        let result = self.core.with(|working| {
            let had_relay = working.poller.has_relay();
            let result = if duplicate {
                let original = borrowed(&fd).map_err(Refusal::Kernel);
                original.and_then(|fd| working.poller.register_duplicate(fd, interest))
            } else {
                // SAFETY: by registering a number, the program allows the poller to watch it until it is unregistered or
                // closed. The documentation of the core's `Poller` says how it notices a close.
                unsafe { working.poller.register(fd, interest) }
            };
            // Even if this failed, it may have found that another registration of the number was closed.
            working.note_lost();
            if working.poller.has_relay() != had_relay {
                *working.control() |= MOVED;
            }
            let token = result?;
            if let Some(Err(errno)) = self.core.with_driver(Driver::admit) {
                working.poller.unregister(token)?;
                return Err(Refusal::Kernel(errno));
            }
            Ok(token)
        });
        let opened = match result {
            Some(Ok(token)) => Opened::done(token),
            Some(Err(refusal)) => Opened::refused(number_of(refusal), "epoll_ctl"),
            None => return Err(Error::from_reason("the poller is closed")),
        };
        self.changed();
        Ok(opened)
    }

    /// Changes what is watched for. Returns 0 or the error number.
    #[napi(catch_unwind)]
    pub fn modify(&self, slot: i32, generation: i32, interest: u32) -> i32 {
        let token = token(slot, generation);
        self.change(|poller| poller.modify(token, interest))
    }

    /// Arms a oneshot registration again. Returns 0 or the error number.
    #[napi(catch_unwind)]
    pub fn rearm(&self, slot: i32, generation: i32) -> i32 {
        let token = token(slot, generation);
        self.change(|poller| poller.rearm(token))
    }

    /// Ends a registration. Returns 0 or the error number.
    #[napi(catch_unwind)]
    pub fn unregister(&self, slot: i32, generation: i32) -> i32 {
        let token = token(slot, generation);
        if let Ok(slot) = usize::try_from(slot) {
            self.core.contexts.set(slot, None);
        }
        self.change(|poller| poller.unregister(token).map_err(Refusal::Kernel))
    }

    /// Makes deliveries that begin with a record of that slot run in this context, until the slot is unregistered.
    #[napi(catch_unwind)]
    pub fn deliver_in(&self, slot: i32, context: &ContextBinding) {
        if let Ok(slot) = usize::try_from(slot) {
            self.core.contexts.set(slot, context.shared());
        }
    }

    fn change(&self, run: impl FnOnce(&mut Poller) -> std::result::Result<(), Refusal>) -> i32 {
        let result = self.core.with(|working| run(&mut working.poller));
        self.changed();
        match result {
            Some(Ok(())) => 0,
            Some(Err(refusal)) => number_of(refusal),
            None => names::number(Errno::EBADF),
        }
    }

    /// The registrations have changed. A wait that is under way needs the engine armed for them.
    fn changed(&self) {
        if self.core.is_wanted() {
            self.core.arm_engine();
        }
    }

    /// Makes the function that fills the records with what is ready now, without waiting. It returns the number of records, or
    /// −1 less that number when `descriptors` has changed.
    #[napi(catch_unwind, ts_return_type = "() => number")]
    pub fn poll_function<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        let core = Rc::downgrade(&self.core);
        bare::function(env, move |raw, _arguments| {
            let Some(core) = core.upgrade() else {
                return Ok(0.0);
            };
            let (count, moved) = core.poll(raw)?;
            let is_inside = |working: &mut Working| *working.control() & DELIVERING != 0;
            if core.with(is_inside) == Some(true) {
                core.count_poll(count > 0);
            } else if core.is_wanted() {
                // This poll has taken the events that another consumer waits for, so the engine must be armed again. That
                // cannot fail, because it was armed before.
                core.arm_engine();
            }
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            Ok(if moved { -1.0 - count } else { count })
        })
    }

    /// Checks for up to `limit` registrations whether their descriptors are still the registered files. Returns true when the next
    /// poll reports one that is not.
    #[napi(catch_unwind)]
    pub fn check(&self, limit: u32) -> bool {
        let check = |working: &mut Working| {
            let is_lost = working.poller.check_closed(limit as usize);
            working.note_lost();
            is_lost
        };
        self.core.with(check) == Some(true)
    }

    /// A consumer waits: the next batch of events is delivered.
    #[napi(catch_unwind)]
    pub fn want(&self, env: Env) -> Result<()> {
        let engine = self.core.with(|working| working.poller.begin_wait());
        let armed = engine
            .unwrap_or(Ok(()))
            .and_then(|()| self.core.with_driver(Driver::arm).unwrap_or(Ok(())));
        armed.map_err(|errno| CallError::from(errno).thrown(env.raw()))?;
        self.core.set_wanted(true);
        Ok(())
    }

    /// No consumer waits any more.
    #[napi(catch_unwind)]
    pub fn unwant(&self) {
        self.core.set_wanted(false);
        self.core.with_driver(Driver::forget_time);
        self.core.with(|working| {
            *working.control() &= !WANTED;
            working.poller.end_wait();
        });
    }

    /// The counters since the start.
    #[napi(catch_unwind)]
    pub fn counters(&self) -> PollerCounters {
        let counters = self.core.with(|working| working.poller.counters());
        counters.map_or_else(PollerCounters::default, |counters| PollerCounters {
            waits: float(counters.waits),
            events: float(counters.events),
            stale: float(counters.stale),
            largest: float(counters.largest as u64),
            closed: float(counters.closed),
            renewals: float(counters.renewals),
        })
    }

    /// Keeps the process alive.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn refer(&self) {
        self.core.set_referenced(true);
    }

    /// Lets the process end.
    #[napi(catch_unwind)]
    pub fn unref(&self) {
        self.core.set_referenced(false);
    }

    /// Stops the driver and closes the engine's descriptor. Descriptors that were watched stay open.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.core.close();
    }
}

impl fmt::Debug for PollerBinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PollerBinding")
            .finish_non_exhaustive()
    }
}
