//! Sockets: addresses, connections, options. The bytes of an option are passed on as they are.

use edgepoll::descriptor::socket::{self, ConnectStatus};
use edgepoll::Errno;
use napi::bindgen_prelude::{Buffer, Either, Uint8Array};
use napi::{Env, Result};
use napi_derive::napi;

use crate::layout::{CONNECT_DONE, CONNECT_IN_PROGRESS, CONNECT_WOULD_WAIT};

use super::address::SocketAddress;
use super::number::borrowed;
use super::owned::{keep, owner};
use super::results::{failed, outcome};

/// bind(2): 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
pub fn socket_bind(fd: i32, address: SocketAddress) -> Result<i32> {
    let address = address.read()?;
    let bound = borrowed(&fd).and_then(|fd| socket::bind(fd, &address));
    Ok(outcome(bound))
}

/// connect(2): one of the `CONNECT_` numbers of `layout.rs`, or an error.
#[napi(namespace = "fd", catch_unwind)]
pub fn socket_connect(fd: i32, address: SocketAddress) -> Result<i32> {
    let address = address.read()?;
    let result = borrowed(&fd).and_then(|fd| socket::connect(fd, &address));
    Ok(result.map_or_else(failed, |status| match status {
        ConnectStatus::InProgress => CONNECT_IN_PROGRESS,
        ConnectStatus::Connected => CONNECT_DONE,
        ConnectStatus::WouldWait => CONNECT_WOULD_WAIT,
    }))
}

/// listen(2): 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_listen(fd: i32, backlog: i32) -> i32 {
    outcome(borrowed(&fd).and_then(|fd| socket::listen(fd, backlog)))
}

/// A connection that was accepted.
#[napi(object, namespace = "fd")]
#[derive(Debug)]
pub struct Accepted {
    /// Its descriptor.
    pub fd: i32,
    /// The address of its peer.
    pub from: Option<SocketAddress>,
}

/// accept4(2): a connection, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_accept(env: Env, fd: i32) -> Either<Accepted, i32> {
    match borrowed(&fd).and_then(socket::accept) {
        Ok((accepted, from)) => Either::A(Accepted {
            fd: keep(accepted, owner(&env), None),
            from: from.map(SocketAddress::from),
        }),
        Err(errno) => Either::B(failed(errno)),
    }
}

/// getsockname(2) or getpeername(2): an address, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_name(fd: i32, of_peer: bool) -> Either<SocketAddress, i32> {
    match borrowed(&fd).and_then(|fd| socket::name(fd, of_peer)) {
        Ok(Some(address)) => Either::A(address.into()),
        Ok(None) => Either::A(SocketAddress::default()),
        Err(errno) => Either::B(failed(errno)),
    }
}

/// shutdown(2): 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_shutdown(fd: i32, how: i32) -> i32 {
    outcome(borrowed(&fd).and_then(|fd| socket::shutdown(fd, how)))
}

/// getsockopt(2): the bytes that the kernel wrote, at most `room`, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_option_bytes(fd: i32, level: i32, name: i32, room: u32) -> Either<Buffer, i32> {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    match borrowed(&fd).and_then(|fd| socket::option_bytes(fd, level, name, room)) {
        Ok(value) => Either::A(Buffer::from(value)),
        Err(errno) => Either::B(failed(errno)),
    }
}

/// setsockopt(2) to an integer: 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_set_option(fd: i32, level: i32, name: i32, value: i32) -> i32 {
    let value = value.to_ne_bytes();
    outcome(borrowed(&fd).and_then(|fd| socket::set_option(fd, level, name, &value)))
}

/// setsockopt(2) to bytes: 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_set_bytes(fd: i32, level: i32, name: i32, value: Uint8Array) -> i32 {
    // The TypeScript caller passes a copy, so no other code has a reference to its memory.
    outcome(borrowed(&fd).and_then(|fd| socket::set_option(fd, level, name, &value)))
}

/// Joins or leaves a multicast group: 0 or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn socket_membership(fd: i32, group: String, interface: u32, join: bool) -> i32 {
    let Ok(group) = group.parse() else {
        return failed(Errno::EINVAL);
    };
    outcome(borrowed(&fd).and_then(|fd| socket::membership(fd, group, interface, join)))
}

/// if_nametoindex(3): an index, or an error.
#[napi(namespace = "fd", catch_unwind)]
#[must_use]
pub fn interface_index(name: String) -> i32 {
    match socket::interface_index(&name) {
        Ok(index) => i32::try_from(index).unwrap_or(i32::MAX),
        Err(errno) => failed(errno),
    }
}
