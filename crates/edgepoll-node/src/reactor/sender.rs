//! Functions for JavaScript that hand a message to a connection at once, from the caller's memory.
//!
//! They must never keep the message. Made by reactor.rs, called by src/connections/reactor.ts.

use std::rc::Rc;

use edgepoll::kernel::LinuxKernel;
use edgepoll::reactor::{Reactor, WriteError};
use edgepoll::Token;
use napi::bindgen_prelude::Unknown;
use napi::{Env, Result};

use super::binding::{float, token};
use super::core::Core;
use crate::bare;
use crate::node;

/// The answer for a connection that is closed.
const CLOSED: f64 = -1.0;

type Sent = std::result::Result<usize, WriteError>;

/// A function of a slot, a generation and a message, which gives what `send` gives, or a refusal as a negative number.
pub(crate) fn function<'env>(
    env: &'env Env,
    core: &Rc<Core>,
    send: impl Fn(&mut Reactor<LinuxKernel>, Token, &[u8]) -> Sent + 'static,
) -> Result<Unknown<'env>> {
    let core = Rc::downgrade(core);
    bare::function(env, move |raw, [slot, generation, message]| {
        let token = token(node::int32(raw, *slot), node::int32(raw, *generation));
        let (bytes, length) = node::bytes_of(raw, *message)?;
        // SAFETY: the memory of a Uint8Array, which cannot move or go while no JavaScript runs.
        let message = unsafe { std::slice::from_raw_parts(bytes, length) };
        let Some(core) = core.upgrade() else {
            return Ok(CLOSED);
        };
        Ok(answer(
            core.command(|reactor| send(reactor, token, message)),
        ))
    })
}

fn answer(sent: Option<Sent>) -> f64 {
    match sent {
        Some(Ok(bytes)) => float(bytes as u64),
        None | Some(Err(WriteError::Closed)) => CLOSED,
        Some(Err(WriteError::Ended)) => -2.0,
        Some(Err(WriteError::Failed)) => -3.0,
        Some(Err(WriteError::QueueFull)) => -4.0,
        Some(Err(WriteError::Protocol(_))) => -5.0,
        Some(Err(error)) => {
            debug_assert!(false, "no number for {error:?}");
            CLOSED
        }
    }
}
