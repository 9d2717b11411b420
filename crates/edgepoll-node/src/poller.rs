//! The poller as JavaScript sees it: registrations in, one batch of readiness out.
//!
//! It must never touch what it watches, and never hold a borrow while JavaScript runs. Called by
//! src/poller.ts and the driver.

use std::cell::{Cell, RefCell};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use edgepoll::kernel::{Errno, Token};
use edgepoll::readiness::Poller;
use napi::bindgen_prelude::{JsValue, Object};
use napi::{sys, Env, Error, Result};
use napi_derive::napi;

use crate::driver::{Driver, Kind, Task};
use crate::node::{self, Callback, Reference, Scope};
use crate::settings::Opened;

/// A record is three 32-bit fields: slot, generation, mask.
const FIELDS: usize = 3;

struct Working {
    poller: Poller,
    /// Keeps the record array alive; nobody but src/poller.ts has it, so it cannot be detached.
    _array: Reference,
    records: *mut i32,
    capacity: usize,
}

impl Working {
    /// Fills the records with what is ready now; gives how many.
    fn look(&mut self) -> std::result::Result<usize, Errno> {
        let Working {
            poller,
            records,
            capacity,
            ..
        } = self;
        let mut count = 0;
        poller.look(*capacity, |event| {
            // SAFETY: a look gives at most `capacity` events, so the three fields lie inside the array.
            unsafe {
                let at = records.add(count * FIELDS);
                at.write(event.token.index.cast_signed());
                at.add(1).write(event.token.generation.cast_signed());
                at.add(2).write(event.mask.cast_signed());
            }
            count += 1;
        })
    }
}

struct Core {
    working: RefCell<Option<Working>>,
    deliver: RefCell<Option<Rc<Callback>>>,
    /// Somebody waits for the next event. Without a consumer a level-triggered descriptor would make us spin.
    wanted: Cell<bool>,
}

impl Core {
    fn with<T>(&self, run: impl FnOnce(&mut Working) -> T) -> Option<T> {
        self.working.borrow_mut().as_mut().map(run)
    }
}

impl Task for Core {
    fn ready(&self, env: sys::napi_env) -> bool {
        if !self.wanted.get() {
            return false;
        }
        let Some(_scope) = Scope::open(env) else {
            return false;
        };
        match self.with(Working::look) {
            Some(Ok(0)) => return true,
            Some(Ok(count)) => {
                self.wanted.set(false);
                let deliver = self.deliver.borrow().clone();
                if let (Some(deliver), Some(count)) = (deliver, node::number(env, count)) {
                    deliver.call(&[count]);
                }
            }
            Some(Err(errno)) => {
                node::throw_uncaught(env, &format!("edgepoll: epoll_wait failed: {errno}"));
                return false;
            }
            None => return false,
        }
        self.wanted.get()
    }

    fn stopped(&self) {
        self.deliver.borrow_mut().take();
        self.working.borrow_mut().take();
    }
}

/// A set of watched descriptors in this environment.
#[napi]
pub struct PollerBinding {
    core: Rc<Core>,
    driver: Driver,
}

#[napi]
impl PollerBinding {
    /// Opens one with the driver 'uv' or 'thread'. `deliver` is called with the number of records in `records`.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        driver: String,
        #[napi(ts_arg_type = "Int32Array")] records: Object<'_>,
        #[napi(ts_arg_type = "(count: number) => void")] deliver: Object<'_>,
    ) -> Result<PollerBinding> {
        let raw = env.raw();
        let kind = Kind::named(&driver);
        let (data, length) = node::bytes_of(raw, records.raw())?;
        let capacity = length / FIELDS;
        let poller = Poller::new(capacity).map_err(|errno| {
            Error::from_reason(format!("{errno:?}: cannot open an epoll descriptor"))
        })?;
        let fd = poller.as_raw_fd();
        let core = Rc::new(Core {
            working: RefCell::new(Some(Working {
                poller,
                _array: Reference::new(raw, records.raw())?,
                records: data.cast(),
                capacity,
            })),
            deliver: RefCell::new(Some(Rc::new(Callback::new(
                raw,
                deliver.raw(),
                kind.calls_bare(),
            )?))),
            wanted: Cell::new(false),
        });
        let driver = Driver::start(kind, raw, fd, core.clone())?;
        Ok(PollerBinding { core, driver })
    }

    /// The descriptors that it opened for itself, so that they can be refused where they make no sense.
    #[napi(getter, catch_unwind)]
    pub fn descriptors(&self) -> Vec<i32> {
        let epoll = self.core.with(|working| working.poller.as_raw_fd());
        let driver = self.driver.descriptors();
        epoll.into_iter().chain(driver.iter().copied()).collect()
    }

    /// Watches a descriptor.
    #[napi(catch_unwind)]
    pub fn register(&self, fd: i32, interest: u32) -> Result<Opened> {
        let result = self
            .core
            .with(|working| working.poller.register(fd, interest));
        let (token, errno) = match result {
            Some(Ok(token)) => (token, 0),
            Some(Err(errno)) => (
                Token {
                    index: 0,
                    generation: 0,
                },
                errno as i32,
            ),
            None => return Err(Error::from_reason("the poller is closed")),
        };
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
        self.result(
            |poller, token| poller.modify(token, interest),
            slot,
            generation,
        )
    }

    /// Watches no longer; gives 0 or the error number.
    #[napi(catch_unwind)]
    pub fn unregister(&self, slot: i32, generation: i32) -> i32 {
        self.result(Poller::unregister, slot, generation)
    }

    fn result(
        &self,
        run: impl FnOnce(&mut Poller, Token) -> std::result::Result<(), Errno>,
        slot: i32,
        generation: i32,
    ) -> i32 {
        let token = Token {
            index: slot.cast_unsigned(),
            generation: generation.cast_unsigned(),
        };
        match self.core.with(|working| run(&mut working.poller, token)) {
            Some(Ok(())) => 0,
            Some(Err(errno)) => errno as i32,
            None => Errno::EBADF as i32,
        }
    }

    /// Fills the records with what is ready now, without waiting; gives how many.
    #[napi(catch_unwind)]
    pub fn look(&self) -> Result<u32> {
        match self.core.with(Working::look) {
            Some(Ok(count)) => Ok(u32::try_from(count).unwrap_or(u32::MAX)),
            Some(Err(errno)) => Err(Error::from_reason(format!("{errno:?}: epoll_wait failed"))),
            None => Ok(0),
        }
    }

    /// Somebody waits: the next event is delivered, once.
    #[napi(catch_unwind)]
    pub fn want(&self) {
        self.core.wanted.set(true);
        self.driver.arm();
    }

    /// Nobody waits any more.
    #[napi(catch_unwind)]
    pub fn unwant(&self) {
        self.core.wanted.set(false);
    }

    /// Keeps the process alive.
    #[napi(js_name = "ref", catch_unwind)]
    pub fn refer(&self) {
        self.driver.refer();
    }

    /// Lets the process end.
    #[napi(catch_unwind)]
    pub fn unref(&self) {
        self.driver.unref();
    }

    /// Stops and closes the epoll descriptor; what was watched stays open.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.driver.close();
    }
}
