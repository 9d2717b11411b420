//! Messages, with what travels beside the bytes.
//!
//! It must never leave a received descriptor without an owner. Called by src/fd/socket.ts.

use edgepoll::descriptor::message::{self, Credentials, Wanted};
use napi::bindgen_prelude::{Either, Object};
use napi::{Env, Result};
use napi_derive::napi;

use super::usage::{source, space};
use super::{failed, keep, length, owner, SocketAddress};

/// sendmsg(2): a length or an error. `credentials` is empty, or pid, uid, gid.
#[napi(namespace = "fd", catch_unwind)]
pub fn message_send(
    env: Env,
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] from: Object<'_>,
    to: Option<SocketAddress>,
    descriptors: Vec<i32>,
    credentials: Vec<u32>,
) -> Result<i32> {
    let to = to.map(SocketAddress::read).transpose()?;
    let credentials = match credentials[..] {
        [pid, uid, gid] => Some(Credentials {
            pid: pid.cast_signed(),
            uid,
            gid,
        }),
        _ => None,
    };
    let bytes = source(&env, &from)?;
    Ok(length(message::send(
        fd,
        &bytes,
        to.as_ref(),
        &descriptors,
        credentials,
    )))
}

/// What came.
#[napi(object, namespace = "fd")]
pub struct ReceivedMessage {
    /// The message's length, which may exceed the space.
    pub length: u32,
    /// The sender.
    pub from: Option<SocketAddress>,
    /// MSG_TRUNC
    pub truncated: bool,
    /// MSG_CTRUNC, or more than was asked for.
    pub descriptors_truncated: bool,
    /// Numbers that are held already.
    pub descriptors: Vec<i32>,
    /// Empty, or pid, uid, gid.
    pub credentials: Vec<u32>,
}

/// recvmsg(2): a message, or an error.
#[napi(namespace = "fd", catch_unwind)]
pub fn message_receive(
    env: Env,
    fd: i32,
    #[napi(ts_arg_type = "Uint8Array")] into: Object<'_>,
    descriptors: u32,
    credentials: bool,
    true_length: bool,
    peek: bool,
) -> Result<Either<ReceivedMessage, i32>> {
    let wanted = Wanted {
        descriptors: usize::try_from(descriptors).unwrap_or(usize::MAX),
        credentials,
        true_length,
        peek,
    };
    let space = space(&env, &into)?;
    let message = match message::receive(fd, &space, wanted) {
        Ok(message) => message,
        Err(errno) => return Ok(Either::B(failed(errno))),
    };
    let owner = owner(&env);
    let held = message.descriptors.into_iter();
    Ok(Either::A(ReceivedMessage {
        length: u32::try_from(message.length).unwrap_or(u32::MAX),
        from: message.from.map(SocketAddress::from),
        truncated: message.truncated,
        descriptors_truncated: message.descriptors_truncated,
        descriptors: held.map(|fd| keep(fd, owner, None)).collect(),
        credentials: message.credentials.map_or_else(Vec::new, |sender| {
            vec![sender.pid.cast_unsigned(), sender.uid, sender.gid]
        }),
    }))
}
