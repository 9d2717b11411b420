//! Messages with their descriptors, credentials and control messages.
//!
//! Every received descriptor is stored in the registry before its number is returned.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use edgepoll::descriptor::control::{ControlMessage as Control, ExtendedError, PacketSource};
use edgepoll::descriptor::message::{
    self, Ancillary, Credentials, Message, RawControlMessage, ReceiveOptions,
};
use edgepoll::Errno;
use napi::bindgen_prelude::{BigInt, Either, Object, Uint8Array};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::layout::{
    RECEIVE_CREDENTIALS, RECEIVE_ERROR_QUEUE, RECEIVE_PEEK, RECEIVE_TRUE_LENGTH, RECEIVE_UNIX,
};

use super::address::SocketAddress;
use super::number::borrowed;
use super::owned::{keep, owner};
use super::results::{failed, length};
use super::usage::{source as readable, space as writable};

/// A control message that has no field of its own in [`ReceivedMessage`].
#[napi(object, namespace = "fd")]
pub struct ControlMessage {
    /// The level of the protocol.
    pub level: i32,
    /// The kind, as the level numbers it.
    pub kind: i32,
    /// The content.
    pub data: Uint8Array,
}

impl fmt::Debug for ControlMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ControlMessage")
            .field("level", &self.level)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// The descriptors, credentials and control messages of a message to send.
#[napi(object, namespace = "fd")]
#[derive(Debug)]
pub struct OutgoingBeside {
    /// The numbers of descriptors.
    pub descriptors: Vec<i32>,
    /// Empty, or pid, uid, gid.
    pub credentials: Vec<u32>,
    /// The source address. If it is the unspecified address, the kernel chooses one.
    pub source: Option<String>,
    /// The interface's index, or 0. Used only with a source.
    pub interface_index: Option<u32>,
    /// Other control messages.
    pub control: Vec<ControlMessage>,
}

/// sendmsg(2): a length or an error.
#[napi(namespace = "fd", catch_unwind)]
pub fn message_send(
    env: Env,
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] from: Object<'_>,
    to: Option<SocketAddress>,
    beside: Option<OutgoingBeside>,
) -> Result<i32> {
    let to = to.map(SocketAddress::read).transpose()?;
    let bytes = readable(&env, &from)?;
    let Some(beside) = beside else {
        let sent = borrowed(&fd)
            .and_then(|fd| message::send(fd, &bytes, to.as_ref(), Ancillary::default()));
        return Ok(length(sent));
    };
    let credentials = match beside.credentials[..] {
        [pid, uid, gid] => Some(Credentials {
            pid: pid.cast_signed(),
            uid,
            gid,
        }),
        _ => None,
    };
    let source = beside.source.map(|host| {
        let address: IpAddr = host
            .parse()
            .map_err(|_| Error::from_reason("the source is no address"))?;
        let interface = beside.interface_index.unwrap_or(0);
        Ok::<PacketSource, Error>(PacketSource { interface, address })
    });
    let control = beside.control.into_iter().map(|one| RawControlMessage {
        level: one.level,
        kind: one.kind,
        // The TypeScript caller passes a copy, so no other code has a reference to its memory.
        content: one.data.to_vec(),
    });
    let (source, control) = (source.transpose()?, control.collect());
    let send = || {
        let descriptors = beside.descriptors.iter().map(borrowed);
        let descriptors = descriptors.collect::<std::result::Result<Vec<_>, Errno>>()?;
        let ancillary = Ancillary {
            descriptors: &descriptors,
            credentials,
            source,
            control,
        };
        message::send(borrowed(&fd)?, &bytes, to.as_ref(), ancillary)
    };
    Ok(length(send()))
}

/// The interface and the addresses of a received packet.
#[napi(object, namespace = "fd")]
#[derive(Debug)]
pub struct PacketInfo {
    /// The interface's index.
    pub interface_index: u32,
    /// The destination address in the packet's header.
    pub destination: String,
    /// The address to answer from; IPv4 only.
    pub local: Option<String>,
}

/// An entry of the error queue.
#[napi(object, namespace = "fd")]
#[derive(Debug)]
pub struct QueuedError {
    /// The error's number.
    pub errno: u32,
    /// SO_EE_ORIGIN_…
    pub origin: u32,
    /// The type of the ICMP message.
    pub kind: u32,
    /// The code of the ICMP message.
    pub code: u32,
    /// ee_info
    pub info: u32,
    /// ee_data
    pub data: u32,
    /// The sender of the ICMP message.
    pub offender: Option<SocketAddress>,
}

/// A received message, except for its bytes.
#[napi(object, namespace = "fd")]
#[derive(Debug, Default)]
pub struct ReceivedMessage {
    /// The length of the message. It may exceed the space if the true length was asked for.
    pub length: u32,
    /// The sender.
    pub from: Option<SocketAddress>,
    /// MSG_TRUNC
    pub truncated: bool,
    /// MSG_CTRUNC of a Unix socket, or more descriptors came than were asked for.
    pub descriptors_truncated: bool,
    /// MSG_CTRUNC
    pub control_truncated: bool,
    /// The numbers of the received descriptors.
    pub descriptors: Vec<i32>,
    /// Empty, or pid, uid, gid.
    pub credentials: Vec<u32>,
    /// SO_TIMESTAMP, SO_TIMESTAMPNS
    pub timestamp: Option<BigInt>,
    /// SO_TIMESTAMPING: the timestamp of the network stack
    pub software_timestamp: Option<BigInt>,
    /// SO_TIMESTAMPING: the timestamp of the network card
    pub hardware_timestamp: Option<BigInt>,
    /// IP_PKTINFO, IPV6_PKTINFO
    pub packet_info: Option<PacketInfo>,
    /// IP_RECVERR …
    pub error: Option<QueuedError>,
    /// All other control messages, if there are any.
    pub control: Option<Vec<ControlMessage>>,
}

/// recvmsg(2): a message, or an error. `how` is a sum of the `RECEIVE_` bits of `layout.rs`.
#[napi(namespace = "fd", catch_unwind)]
pub fn message_receive(
    env: Env,
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] into: Object<'_>,
    descriptors: u32,
    control: u32,
    how: u32,
) -> Result<Either<ReceivedMessage, i32>> {
    let options = ReceiveOptions {
        unix: how & RECEIVE_UNIX != 0,
        descriptors: usize::try_from(descriptors).unwrap_or(usize::MAX),
        credentials: how & RECEIVE_CREDENTIALS != 0,
        control: usize::try_from(control).unwrap_or(usize::MAX),
        true_length: how & RECEIVE_TRUE_LENGTH != 0,
        peek: how & RECEIVE_PEEK != 0,
        from_error_queue: how & RECEIVE_ERROR_QUEUE != 0,
    };
    let space = writable(&env, &into)?;
    let outcome = borrowed(&fd).and_then(|fd| message::receive(fd, &space, options));
    Ok(match outcome {
        Ok(message) => Either::A(received(&env, message)),
        Err(errno) => Either::B(failed(errno)),
    })
}

fn received(env: &Env, message: Message) -> ReceivedMessage {
    let owner = owner(env);
    let held = message.descriptors.into_iter();
    let mut result = ReceivedMessage {
        length: u32::try_from(message.length).unwrap_or(u32::MAX),
        from: message.from.map(SocketAddress::from),
        truncated: message.truncated,
        descriptors_truncated: message.descriptors_truncated,
        control_truncated: message.control_truncated,
        descriptors: held.map(|fd| keep(fd, owner, None)).collect(),
        credentials: message.credentials.map_or_else(Vec::new, |sender| {
            vec![sender.pid.cast_unsigned(), sender.uid, sender.gid]
        }),
        ..ReceivedMessage::default()
    };
    for control in message.control {
        match control {
            Control::Timestamp(time) => result.timestamp = Some(BigInt::from(time)),
            Control::Timestamps(times) => {
                result.software_timestamp = times.software.map(BigInt::from);
                result.hardware_timestamp = times.hardware.map(BigInt::from);
            }
            Control::Packet(info) => {
                result.packet_info = Some(PacketInfo {
                    interface_index: info.interface,
                    destination: info.destination.to_string(),
                    local: info.local.as_ref().map(Ipv4Addr::to_string),
                });
            }
            Control::Error(error) => result.error = Some(queued(error)),
            Control::Other { level, kind, data } => {
                let others = result.control.get_or_insert_default();
                others.push(ControlMessage {
                    level,
                    kind,
                    data: Uint8Array::new(data),
                });
            }
        }
    }
    result
}

fn queued(error: ExtendedError) -> QueuedError {
    QueuedError {
        errno: error.errno,
        origin: u32::from(error.origin),
        kind: u32::from(error.kind),
        code: u32::from(error.code),
        info: error.info,
        data: error.data,
        offender: error.offender.map(SocketAddress::from),
    }
}
