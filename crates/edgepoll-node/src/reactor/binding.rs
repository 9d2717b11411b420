//! The class that JavaScript has for a reactor: its commands. What the driver's callback does is in `core.rs`.
//!
//! No borrow of the reactor may be held while JavaScript runs.

use std::fmt;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use edgepoll::connection::Failure;
use edgepoll::reactor::{Budget, ConnectOptions, ListenOptions, Reactor};
use edgepoll::{Errno, Token};
use napi::bindgen_prelude::{JsValue, Object, Unknown};
use napi::{Env, Error, Result};
use napi_derive::napi;

use super::address::{address_of, socket_address, Address};
use super::address_words::address_from;
use super::close_reason::{MessageRefusal, ProtocolFailure};
use super::control::Control;
use super::core::{Core, Working};
use super::inbox::JsInbox;
use super::sender;
use super::settings::{
    addresses_of, admission_of, limits_of, protocol_of, BufferSizes, ConnectionSettings,
    ListenSettings, ReactorStats,
};
use super::staging::Staging;
use crate::driver::{Driver, Kind, Task};
use crate::names;
use crate::node::{self, CallError, Callback};
use crate::numbers::{float, token};
use crate::opened::Opened;

/// The most events that one wait reports.
const EVENTS: usize = 1024;
/// The most bytes that one turn receives: what the inbox's arena holds. Half as many would still be in a processor's caches when
/// they are sent, and yet cost more: there would be twice as many batches, and peers would fall asleep between them.
const TURN_BYTES: usize = 1024 * 1024;

/// The memory that both sides share, and the function that reads the records. `layout.rs` has the fields.
#[napi(object, object_to_js = false)]
pub struct SharedMemory<'env> {
    /// The records.
    #[napi(ts_type = "Int32Array")]
    pub records: Object<'env>,
    /// The tables of messages.
    #[napi(ts_type = "Int32Array")]
    pub tables: Object<'env>,
    /// The bytes of staged writes.
    #[napi(ts_type = "Uint8Array")]
    pub stage: Object<'env>,
    /// The staged writes.
    #[napi(ts_type = "Int32Array")]
    pub writes: Object<'env>,
    /// Counters and flags.
    #[napi(ts_type = "Int32Array")]
    pub control: Object<'env>,
    /// Called once per batch, with the number of records. If there are new buffers, also with those, and with the numbers of the
    /// pool, the slab and the arena.
    #[napi(
        ts_type = "(count: number, fresh?: Uint8Array[], pool?: number, slab?: number, arena?: number) => void"
    )]
    pub dispatch: Object<'env>,
}

impl fmt::Debug for SharedMemory<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedMemory")
            .finish_non_exhaustive()
    }
}

/// The reactor of this environment for one driver.
#[napi]
pub struct ReactorBinding {
    core: Rc<Core>,
    driver: Driver,
}

#[napi]
impl ReactorBinding {
    /// Opens a reactor with the driver 'uv' or 'thread'. It does not keep the process alive.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, driver: String, memory: SharedMemory<'_>) -> Result<ReactorBinding> {
        let raw = env.raw();
        let kind = Kind::named(&driver)?;
        let budget = Budget {
            turn_bytes: TURN_BYTES,
            ..Budget::default()
        };
        let opened = Reactor::open(EVENTS, budget).map_err(CallError::from);
        let reactor = opened.map_err(|error| error.thrown(raw))?;
        let fd = reactor.as_raw_fd();
        let inbox = JsInbox::new(raw, memory.records.raw(), memory.tables.raw())?;
        let staging = Staging::new(raw, memory.stage.raw(), memory.writes.raw())?;
        let control = Control::new(raw, memory.control.raw())?;
        let dispatch = Callback::new(raw, memory.dispatch.raw(), kind.calls_bare())?;
        let working = Working {
            reactor,
            inbox,
            staging,
            control,
        };
        let core = Rc::new(Core::new(raw, working, dispatch, kind.calls_bare()));
        let task: Rc<dyn Task> = core.clone();
        let driver = Driver::start(kind, raw, fd, task).map_err(|error| error.thrown(raw))?;
        Ok(ReactorBinding { core, driver })
    }

    /// The descriptors that the reactor has opened for itself. A program cannot register or adopt them.
    #[napi(getter, catch_unwind)]
    pub fn descriptors(&self) -> Vec<i32> {
        let epoll = self.core.with(|working| working.reactor.as_raw_fd());
        let driver = self.driver.descriptors();
        epoll.into_iter().chain(driver.iter().copied()).collect()
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

    /// Stops the driver and closes every descriptor.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.driver.close();
    }

    /// Listens on an IP address.
    #[napi(catch_unwind)]
    pub fn listen(
        &self,
        address: String,
        port: u16,
        settings: ListenSettings<'_>,
    ) -> Result<Opened> {
        let address = match socket_address(&address, port) {
            Ok(address) => address,
            Err(errno) => return Ok(no_zone(errno)),
        };
        let connection = settings.connection;
        let options = ListenOptions {
            backlog: settings.backlog,
            no_delay: connection.no_delay,
            reuse_port: settings.reuse_port,
            ipv6_only: settings.ipv6_only,
            max_connections: settings.max_connections,
            credit: settings.credit,
            admission: admission_of(&settings.admission)?,
            // The checked option is a safe integer. A cast saturates.
            max_held: connection.max_total_buffered as usize,
            limits: limits_of(&connection),
            buffers: connection.buffers.into(),
            protocol: protocol_of(&connection)?,
            layers: Vec::new(),
        };
        opened(
            self.core
                .command(|reactor| reactor.listen(address, options)),
        )
    }

    /// Starts to connect to an IP address.
    #[napi(catch_unwind)]
    pub fn connect(
        &self,
        address: String,
        port: u16,
        timeout: u32,
        settings: ConnectionSettings<'_>,
    ) -> Result<Opened> {
        let address = match socket_address(&address, port) {
            Ok(address) => address,
            Err(errno) => return Ok(no_zone(errno)),
        };
        let options = ConnectOptions {
            no_delay: settings.no_delay,
            timeout,
            limits: limits_of(&settings),
            buffers: settings.buffers.into(),
            protocol: protocol_of(&settings)?,
            layers: Vec::new(),
        };
        opened(
            self.core
                .command(|reactor| reactor.connect(address, options)),
        )
    }

    /// Gives a connection another protocol or framing. What was received and not decoded goes to it. Returns false if the connection
    /// is closed, or its input is discarded.
    #[napi(catch_unwind)]
    pub fn upgrade(
        &self,
        slot: i32,
        generation: i32,
        settings: ConnectionSettings<'_>,
    ) -> Result<bool> {
        let protocol = protocol_of(&settings)?;
        let upgraded = self
            .core
            .command(|reactor| reactor.upgrade(token(slot, generation), protocol.as_ref()));
        Ok(upgraded.is_some_and(|upgraded| upgraded.is_ok()))
    }

    /// Allows a listener to accept `more` connections.
    #[napi(catch_unwind)]
    pub fn grant(&self, slot: i32, generation: i32, more: u32) {
        self.core
            .command(|reactor| reactor.grant(token(slot, generation), more));
    }

    /// Replaces the addresses whose connections a listener closes at once.
    #[napi(catch_unwind)]
    pub fn block(&self, slot: i32, generation: i32, addresses: Vec<String>) -> Result<()> {
        let addresses = addresses_of(&addresses)?;
        self.core
            .command(|reactor| reactor.block(token(slot, generation), addresses));
        Ok(())
    }

    /// How many connections a listener has dropped, by the number of the reason; empty once it is closed.
    #[napi(catch_unwind)]
    pub fn dropped(&self, slot: i32, generation: i32) -> Vec<f64> {
        let totals = self
            .core
            .with(|working| working.reactor.dropped(token(slot, generation)));
        let totals = totals.flatten().unwrap_or_default();
        totals.map(float).to_vec()
    }

    /// JavaScript keeps this many bytes that a listener's connections have handed over. Returns how much is free of
    /// `maxTotalBuffered`.
    #[napi(catch_unwind)]
    pub fn keep(&self, slot: i32, generation: i32, bytes: f64) -> f64 {
        let keep = |reactor: &mut Reactor<_>| reactor.keep(token(slot, generation), bytes as usize);
        let left = self.core.with(|working| keep(&mut working.reactor));
        self.core.wake_if_needed();
        float(left.unwrap_or(0) as u64)
    }

    /// Stops listening.
    #[napi(catch_unwind)]
    pub fn close_listener(&self, slot: i32, generation: i32) {
        self.core
            .command(|reactor| reactor.close_listener(token(slot, generation)));
    }

    /// Makes the function that writes at once. It returns the number of bytes queued, or a negative number if the write was refused:
    /// −5 if the session refuses the message; see `refusal()`.
    #[napi(
        catch_unwind,
        ts_return_type = "(slot: number, generation: number, message: Uint8Array) => number"
    )]
    pub fn writer<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        let write =
            |reactor: &mut Reactor<_>, token, message: &[u8]| reactor.write(token, message, false);
        sender::function(env, &self.core, write)
    }

    /// Makes the function that writes a last message and ends the connection. It returns the number of bytes that the kernel has not
    /// taken. If it refuses the message, it returns the same as the function of `writer()`, and still ends the connection.
    #[napi(
        catch_unwind,
        ts_return_type = "(slot: number, generation: number, message: Uint8Array) => number"
    )]
    pub fn finisher<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        sender::function(env, &self.core, Reactor::end_with)
    }

    /// Makes the staged writes. Returns the number of records that they caused, which the caller reads at once. Not allowed
    /// while a batch is being read.
    #[napi(catch_unwind)]
    pub fn flush(&self, env: Env) -> u32 {
        let caused = self.core.with(|working| {
            working.flush();
            let Working { reactor, inbox, .. } = working;
            reactor.report(inbox);
            let batch = working.take();
            (batch.records, batch.uncaught)
        });
        self.core.wake_if_needed();
        let (records, uncaught) = caused.unwrap_or_default();
        if let Some(message) = uncaught {
            node::throw_uncaught(env.raw(), &message);
        }
        u32::try_from(records).unwrap_or(u32::MAX)
    }

    /// Makes the staged writes. When the process ends, the kernel resets every connection that then has unsent bytes.
    #[napi(catch_unwind)]
    pub fn reset_unsent(&self) {
        self.core.command(Reactor::reset_unsent);
    }

    /// Receives nothing more until `resume()`.
    #[napi(catch_unwind)]
    pub fn pause(&self, slot: i32, generation: i32) {
        self.core
            .command(|reactor| reactor.pause(token(slot, generation)));
    }

    /// Receives again.
    #[napi(catch_unwind)]
    pub fn resume(&self, slot: i32, generation: i32) {
        self.core
            .command(|reactor| reactor.resume(token(slot, generation)));
    }

    /// Sends FIN after what is queued. With `discard`, bytes that still arrive are thrown away. Returns the number of bytes that the
    /// kernel has not taken, including those that are lost.
    #[napi(catch_unwind)]
    pub fn end(&self, slot: i32, generation: i32, discard: bool) -> f64 {
        let unsent = self.core.command(|reactor| {
            let token = token(slot, generation);
            if discard {
                reactor.end_and_discard(token);
            } else {
                reactor.end(token);
            }
            reactor.unsent(token)
        });
        float(unsent.unwrap_or(0) as u64)
    }

    /// Closes the connection at once. With `reset`, the peer sees RST even if nothing is lost. Returns the numbers of bytes
    /// received, sent, and not sent.
    #[napi(catch_unwind)]
    pub fn destroy(&self, slot: i32, generation: i32, reset: bool) -> Vec<f64> {
        let counters = self.core.command(|reactor| {
            let token = token(slot, generation);
            let (read, written) = reactor.counters(token).unwrap_or_default();
            if reset {
                reactor.reset(token);
            } else {
                reactor.destroy(token);
            }
            [read, written, reactor.unsent(token) as u64]
        });
        counters.unwrap_or_default().map(float).to_vec()
    }

    /// The local address of a listener or a connection; `null` once its close was reported.
    #[napi(catch_unwind)]
    pub fn local_address(&self, slot: i32, generation: i32) -> Option<Address> {
        let found = self
            .core
            .with(|working| working.reactor.local_address(token(slot, generation)));
        Some(address_of(found?.ok()?.try_into().ok()?))
    }

    /// The peer's address; `null` once the connection's close was reported.
    #[napi(catch_unwind)]
    pub fn peer_address(&self, slot: i32, generation: i32) -> Option<Address> {
        let found = self.core.with(|working| {
            working
                .reactor
                .peer_address(token(slot, generation))
                .cloned()
        });
        Some(address_of(found??.try_into().ok()?))
    }

    /// The address of an address record. Such records come with a close.
    #[napi(catch_unwind)]
    pub fn address_text(&self, detail: i32, scope: i32, words: Vec<i32>) -> Address {
        let word = |at: usize| words.get(at).copied().unwrap_or_default().cast_unsigned();
        let words = [word(0), word(1), word(2), word(3)];
        address_of(address_from(detail, scope.cast_unsigned(), words))
    }

    /// What the kernel keeps for the connections of a listener, or for a connection; `null` once it is closed.
    #[napi(catch_unwind)]
    pub fn buffers(&self, slot: i32, generation: i32) -> Option<BufferSizes> {
        let found = self
            .core
            .with(|working| working.reactor.buffers(token(slot, generation)));
        Some(found?.ok()?.into())
    }

    /// The numbers of bytes received and sent so far; empty once the connection's close was reported.
    #[napi(catch_unwind)]
    pub fn counters(&self, slot: i32, generation: i32) -> Vec<f64> {
        let found = self
            .core
            .with(|working| working.reactor.counters(token(slot, generation)));
        found.flatten().map_or_else(Vec::new, |(read, written)| {
            vec![float(read), float(written)]
        })
    }

    /// The number of bytes in the send queue; 0 once the connection is closed.
    #[napi(catch_unwind)]
    pub fn queued(&self, slot: i32, generation: i32) -> f64 {
        let found = self
            .core
            .with(|working| working.reactor.queued(token(slot, generation)));
        float(found.unwrap_or(0) as u64)
    }

    /// Whether bytes that have arrived may still have to be delivered.
    #[napi(catch_unwind)]
    pub fn has_input(&self, slot: i32, generation: i32) -> bool {
        let found = self
            .core
            .with(|working| working.reactor.has_input(token(slot, generation)));
        found.unwrap_or(false)
    }

    /// A protocol's error, by the index in a close reason. Only while the record with that reason is read.
    #[napi(catch_unwind)]
    pub fn protocol_error(&self, index: u32) -> Option<ProtocolFailure> {
        let find = |working: &mut Working| working.inbox.protocol_error(index as usize);
        self.core.with(find).flatten()
    }

    /// Why the protocol refused the last message that was written at once (−5). `null` once it was asked for.
    #[napi(catch_unwind)]
    pub fn refusal(&self) -> Option<MessageRefusal> {
        self.core.take_refusal().map(MessageRefusal::from)
    }

    /// The counters since the start.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> ReactorStats {
        let stats = self.core.with(|working| working.reactor.stats());
        stats.unwrap_or_default().into()
    }
}

impl fmt::Debug for ReactorBinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReactorBinding")
            .finish_non_exhaustive()
    }
}

fn opened(result: Option<std::result::Result<Token, Failure>>) -> Result<Opened> {
    match result {
        Some(Ok(token)) => Ok(Opened::done(token)),
        Some(Err(Failure { errno, call })) => {
            Ok(Opened::refused(names::number(errno), call.name()))
        }
        None => Err(Error::from_reason("the reactor is closed")),
    }
}

/// The address names a zone that this machine does not have.
fn no_zone(errno: Errno) -> Opened {
    Opened::refused(names::number(errno), "if_nametoindex")
}
