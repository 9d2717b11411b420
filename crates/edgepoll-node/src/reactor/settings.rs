//! What goes over the border by value: settings, addresses, results, counters.
//!
//! It must never decide; defaults and checks are TypeScript's. Used by the reactor's and the poller's bindings.

use std::net::{IpAddr, SocketAddr};

use edgepoll::connection::{Failure, Limits};
use edgepoll::descriptor::socket::interface_index;
use edgepoll::protocol::{Bytes, Codec, Lines};
use edgepoll::{Errno, Token};
use napi::{Error, Result};
use napi_derive::napi;

use crate::names;

/// How a command went: a slot and its generation, or the call and the error number.
#[napi(object)]
pub struct Opened {
    /// The slot.
    pub slot: i32,
    /// Its occupant.
    pub generation: i32,
    /// 0, or the error number.
    pub errno: i32,
    /// The call that failed.
    pub syscall: String,
}

/// Bounds of each connection; see the core's `Limits`.
#[napi(object)]
pub struct ConnectionSettings {
    /// Bytes.
    pub high_water_mark: u32,
    /// Bytes.
    pub low_water_mark: u32,
    /// Bytes.
    pub max_buffered: u32,
    /// Bytes.
    pub most_per_turn: u32,
    /// Milliseconds.
    pub end_timeout: u32,
    /// TCP_NODELAY.
    pub no_delay: bool,
    /// 'bytes' or 'lines'.
    pub framing: String,
    /// Bytes.
    pub max_frame: u32,
    /// Chunks are given back.
    pub lend: bool,
}

/// How to listen.
#[napi(object)]
pub struct ListenSettings {
    /// Of each connection.
    pub connection: ConnectionSettings,
    /// Connections that may wait in the kernel.
    pub backlog: i32,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// IPV6_V6ONLY.
    pub ipv6_only: bool,
    /// Connections open at once.
    pub max_connections: u32,
    /// Connections accepted before more are granted.
    pub credit: u32,
}

/// An address.
#[napi(object)]
pub struct Address {
    /// In numbers.
    pub address: String,
    /// 0 to 65,535.
    pub port: u16,
    /// 'IPv4' or 'IPv6'.
    pub family: String,
}

/// The reactor's counters.
#[napi(object)]
pub struct ReactorStats {
    /// Turns taken.
    pub turns: f64,
    /// Events that the kernel reported.
    pub events: f64,
    /// Events for slots whose occupant had changed.
    pub stale: f64,
    /// recv(2) calls.
    pub receives: f64,
    /// send(2) and sendmsg(2) calls.
    pub sends: f64,
    /// Connections accepted.
    pub accepts: f64,
    /// Times that accepting paused: for want of descriptors or memory, or because accepts in a row were refused.
    pub accept_pauses: f64,
}

pub(crate) fn opened(result: Option<std::result::Result<Token, Failure>>) -> Result<Opened> {
    match result {
        Some(Ok(token)) => Ok(Opened {
            slot: token.index.cast_signed(),
            generation: token.generation.cast_signed(),
            errno: 0,
            syscall: String::new(),
        }),
        Some(Err(failure)) => Ok(refused(failure.errno, failure.call.name())),
        None => Err(Error::from_reason("the reactor is closed")),
    }
}

fn refused(errno: Errno, syscall: &str) -> Opened {
    Opened {
        slot: -1,
        generation: 0,
        errno: names::number(errno),
        syscall: syscall.to_owned(),
    }
}

/// An address whose zone this machine does not have.
pub(crate) fn no_zone(errno: Errno) -> Opened {
    refused(errno, "if_nametoindex")
}

/// An address in numbers; one of IPv6 may name its zone, as RFC 4007 writes it: `fe80::1%eth0`, or `fe80::1%2`.
///
/// # Errors
/// ENODEV when there is no such zone.
pub(crate) fn socket_address(address: &str, port: u16) -> std::result::Result<SocketAddr, Errno> {
    let (numbers, zone) = match address.split_once('%') {
        Some((numbers, zone)) => (numbers, Some(zone)),
        None => (address, None),
    };
    let ip: IpAddr = numbers.parse().map_err(|_| Errno::EINVAL)?;
    let mut found = SocketAddr::new(ip, port);
    if let (SocketAddr::V6(v6), Some(zone)) = (&mut found, zone) {
        v6.set_scope_id(zone.parse().or_else(|_| interface_index(zone))?);
    }
    Ok(found)
}

/// The address as text: a link-local one of IPv6 says nothing without its zone.
pub(crate) fn address_of(address: SocketAddr) -> Address {
    let zone = match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() != 0 => {
            format!("%{}", v6.scope_id())
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => String::new(),
    };
    Address {
        address: format!("{}{zone}", address.ip()),
        port: address.port(),
        family: if address.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
    }
}

pub(crate) fn limits_of(settings: &ConnectionSettings) -> Limits {
    Limits {
        high_water: settings.high_water_mark,
        low_water: settings.low_water_mark,
        send_queue: settings.max_buffered,
        read_high_water: settings.most_per_turn,
        end_timeout: settings.end_timeout,
        lend: settings.lend,
        ..Limits::default()
    }
}

pub(crate) fn codec_of(settings: &ConnectionSettings) -> Box<dyn Codec> {
    match settings.framing.as_str() {
        "lines" => Box::new(Lines::new(settings.max_frame as usize)),
        _ => Box::new(Bytes),
    }
}
