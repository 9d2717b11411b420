//! The settings of connections and listeners, and the reactor's counters. The files
//! `src/connections/*-options.ts` have the defaults and checks.

use std::fmt;
use std::rc::Rc;

use edgepoll::connection::Limits;
use edgepoll::kernel::Buffers;
use edgepoll::protocol::Factory;
use edgepoll::reactor::{Admission, Stats};
use edgepoll::{AddressRange, AddressSet};
use napi::bindgen_prelude::Object;
use napi::{Error, Result};
use napi_derive::napi;

use super::framing::{framing_of, FramingSettings};
use super::plugin::factory_of;
use crate::numbers::float;

/// How much the kernel keeps for a connection, in bytes; 0 leaves the choice to the kernel. See the core's `Buffers`.
#[napi(object)]
#[derive(Clone, Copy, Debug)]
pub struct BufferSizes {
    /// SO_RCVBUF, before the kernel doubles it.
    pub receive: u32,
    /// SO_SNDBUF, before the kernel doubles it.
    pub send: u32,
    /// TCP_NOTSENT_LOWAT.
    pub unsent: u32,
}

impl From<BufferSizes> for Buffers {
    fn from(sizes: BufferSizes) -> Buffers {
        Buffers {
            receive: sizes.receive,
            send: sizes.send,
            unsent: sizes.unsent,
        }
    }
}

impl From<Buffers> for BufferSizes {
    fn from(buffers: Buffers) -> BufferSizes {
        BufferSizes {
            receive: buffers.receive,
            send: buffers.send,
            unsent: buffers.unsent,
        }
    }
}

/// The limits and the framing of a connection; see the core's `Limits`.
#[napi(object, object_to_js = false)]
pub struct ConnectionSettings<'env> {
    /// At this many queued bytes, a writer should wait.
    pub high_water_mark: u32,
    /// At this many queued bytes or fewer, a waiting writer goes on.
    pub low_water_mark: u32,
    /// A write that finds this many bytes queued fails, and the connection is reset.
    pub max_buffered: u32,
    /// The most bytes that all connections of a server hold together; without a meaning for other connections.
    pub max_total_buffered: f64,
    /// The most bytes that one turn receives from the connection.
    pub most_per_turn: u32,
    /// Milliseconds that a connection which is about to end waits for the next byte to move.
    pub end_timeout: u32,
    /// Milliseconds that an accepted connection may stay without a byte of either side; 0 for no limit.
    pub first_byte_timeout: u32,
    /// Milliseconds in which some byte has to move.
    pub idle_timeout: u32,
    /// Milliseconds that a message may take.
    pub message_timeout: u32,
    /// A message has a second more for each so many bytes.
    pub receive_rate: u32,
    /// Milliseconds that bytes may wait to be sent.
    pub send_timeout: u32,
    /// The send queue has a second more for each so many bytes.
    pub send_rate: u32,
    /// Sets TCP_NODELAY.
    pub no_delay: bool,
    /// What the kernel keeps for the connection.
    pub buffers: BufferSizes,
    /// How the received bytes are cut into chunks.
    pub framing: FramingSettings,
    /// The most bytes in a frame.
    pub max_frame: u32,
    /// Whether JavaScript gives its chunks back, so that they may lie in the arena.
    pub lend: bool,
    /// The protocol, an object that a plug-in made. Without one, `framing` says how the bytes are cut.
    #[napi(ts_type = "object")]
    pub protocol: Option<Object<'env>>,
}

impl fmt::Debug for ConnectionSettings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectionSettings")
            .finish_non_exhaustive()
    }
}

/// The options of a listener.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct ListenSettings<'env> {
    /// The settings of each accepted connection.
    pub connection: ConnectionSettings<'env>,
    /// How many connections may wait in the kernel until they are accepted.
    pub backlog: i32,
    /// Sets SO_REUSEPORT.
    pub reuse_port: bool,
    /// Sets IPV6_V6ONLY.
    pub ipv6_only: bool,
    /// The most connections open at once.
    pub max_connections: u32,
    /// How many connections are accepted before `grant()` allows more.
    pub credit: u32,
    /// Which clients are accepted.
    pub admission: AdmissionSettings,
}

/// Which clients a listener accepts; see the core's `Admission`.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct AdmissionSettings {
    /// The most connections of one address.
    pub per_address: u32,
    /// The most connections that one address makes in a second.
    pub rate: u32,
    /// Addresses without these limits: addresses, prefixes and ranges.
    pub exempt: Vec<String>,
    /// Addresses whose connections are closed at once.
    pub block: Vec<String>,
    /// Whether refused clients see a reset.
    pub reset: bool,
}

/// The reactor's counters.
#[napi(object)]
#[derive(Debug)]
pub struct ReactorStats {
    /// Turns taken.
    pub turns: f64,
    /// Events that the kernel reported.
    pub events: f64,
    /// Events for an earlier occupant of a slot. They were dropped.
    pub stale: f64,
    /// recv(2) calls.
    pub receives: f64,
    /// send(2) and sendmsg(2) calls.
    pub sends: f64,
    /// Connections accepted.
    pub accepts: f64,
    /// How often a listener paused: no descriptor or memory was left, or accepts in a row were refused.
    pub accept_pauses: f64,
}

impl From<Stats> for ReactorStats {
    fn from(stats: Stats) -> ReactorStats {
        ReactorStats {
            turns: float(stats.turns),
            events: float(stats.events),
            stale: float(stats.stale),
            receives: float(stats.receives),
            sends: float(stats.sends),
            accepts: float(stats.accepts),
            accept_pauses: float(stats.accept_pauses),
        }
    }
}

pub(crate) fn admission_of(settings: &AdmissionSettings) -> Result<Admission> {
    Ok(Admission {
        per_address: settings.per_address,
        rate: settings.rate,
        exempt: addresses_of(&settings.exempt)?,
        block: addresses_of(&settings.block)?,
        reset: settings.reset,
    })
}

/// The set of these addresses, prefixes and ranges. JavaScript has checked them.
pub(crate) fn addresses_of(texts: &[String]) -> Result<AddressSet> {
    let range = |text: &String| {
        text.parse::<AddressRange>()
            .map_err(|error| Error::from_reason(format!("{text}: {error}")))
    };
    texts.iter().map(range).collect()
}

pub(crate) fn limits_of(settings: &ConnectionSettings<'_>) -> Limits {
    Limits {
        high_water: settings.high_water_mark,
        low_water: settings.low_water_mark,
        send_queue: settings.max_buffered,
        read_high_water: settings.most_per_turn,
        end_timeout: settings.end_timeout,
        first_byte_timeout: settings.first_byte_timeout,
        idle_timeout: settings.idle_timeout,
        message_timeout: settings.message_timeout,
        receive_rate: settings.receive_rate,
        send_timeout: settings.send_timeout,
        send_rate: settings.send_rate,
        lend: settings.lend,
        ..Limits::default()
    }
}

/// The protocol of the connections with these settings; `None` for bytes as they arrive.
pub(crate) fn protocol_of(settings: &ConnectionSettings<'_>) -> Result<Option<Rc<Factory>>> {
    if let Some(object) = &settings.protocol {
        return factory_of(object).map(Some);
    }
    framing_of(&settings.framing, settings.max_frame as usize)
}
