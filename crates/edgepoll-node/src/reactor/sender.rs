//! JavaScript functions that pass a message to a connection at once, from the caller's memory. They do not keep the message.

use std::rc::Rc;

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::{Reactor, WriteError};
use edgepoll::Token;
use napi::bindgen_prelude::Unknown;
use napi::{Env, Error, Result};

use super::core::Core;
use crate::bare;
use crate::layout::NOT_A_FRAME;
use crate::node::{self, CallError};
use crate::numbers::{float, token};

/// Refusals of a write, as negative numbers. JavaScript distinguishes only [`NOT_A_FRAME`] from the others.
const CLOSED: f64 = -1.0;
const ENDED: f64 = -2.0;
const FAILED: f64 = -3.0;
const QUEUE_FULL: f64 = -4.0;

type Sent = std::result::Result<usize, WriteError>;

/// A function of a slot, a generation and a message. It returns the number that `send` gives, or a refusal as a negative number.
pub(crate) fn function<'env>(
    env: &'env Env,
    core: &Rc<Core>,
    send: impl Fn(&mut Reactor<LinuxKernel>, Token, &[u8]) -> Sent + 'static,
) -> Result<Unknown<'env>> {
    let core = Rc::downgrade(core);
    bare::function(env, move |raw, [slot, generation, message]| {
        let token = token(node::int32(raw, *slot), node::int32(raw, *generation));
        let (bytes, length) = node::bytes_of(raw, *message)?;
        // SAFETY: this is the memory of a Uint8Array. It is neither moved nor freed while no JavaScript runs.
        let message = unsafe { std::slice::from_raw_parts(bytes, length) };
        let Some(core) = core.upgrade() else {
            return Ok(CLOSED);
        };
        result(core.command(|reactor| send(reactor, token, message)), &core)
    })
}

fn result(sent: Option<Sent>, core: &Core) -> std::result::Result<f64, CallError> {
    Ok(match sent {
        Some(Ok(bytes)) => float(bytes as u64),
        None | Some(Err(WriteError::Closed)) => CLOSED,
        Some(Err(WriteError::Ended)) => ENDED,
        Some(Err(WriteError::Failed)) => FAILED,
        Some(Err(WriteError::QueueFull)) => QUEUE_FULL,
        Some(Err(WriteError::Protocol(error))) => {
            core.keep_refusal(error);
            f64::from(NOT_A_FRAME)
        }
        // A refusal of a newer core.
        Some(Err(error)) => return Err(Error::from_reason(error.to_string()).into()),
    })
}
