//! One connection's session.

use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use super::scratch::Scratch;
use super::sound::check;
use crate::abi::{
    status, RawIo, SessionVtable, ENCODES, END, FRAMES, NO_TIMER, OVERFLOW, PAUSE, RESUME, TIMERS,
};
use crate::{Error, ErrorKind};

/// Why a call of a plug-in failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The session found an error.
    Error(Error),
    /// The session broke its contract: a range outside the input, or a step that consumes nothing.
    Broken,
    /// The session panicked. It will not be called again.
    Panicked,
    /// One call sent or copied more than the host allows, or gave a message with too many fields.
    TooMuch,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Error(error) => write!(f, "{error}"),
            Fault::Broken => f.write_str("it gave a range outside the input, or consumed nothing"),
            Fault::Panicked => f.write_str("it panicked"),
            Fault::TooMuch => {
                f.write_str("it sent too much at once, or gave a message with too many fields")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// What a call gave, besides what is in the [`Scratch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many bytes of the input are dealt with.
    pub consumed: usize,
    /// How many bytes the rest must have before it is worth another look; 0 for any more.
    pub need: usize,
    /// How many messages were found.
    pub messages: u32,
    /// More messages may be in the rest: there was no room for them.
    pub is_full: bool,
    /// Nothing more is decoded until the session resumes or is replaced.
    pub pauses: bool,
    /// Decoding goes on after a pause.
    pub resumes: bool,
    /// FIN follows the output.
    pub ends: bool,
    /// Whether a timer was set or stopped.
    pub has_timers: bool,
}

/// A session of a protocol, from this program or from a plug-in.
#[derive(Debug)]
pub struct Handle {
    vtable: NonNull<SessionVtable>,
    /// `None` once the session has panicked.
    session: Option<NonNull<c_void>>,
}

impl Handle {
    /// `session` is `None` if making it panicked. Each call then fails.
    ///
    /// # Safety
    /// `session` came from `open` of the plug-in whose functions `vtable` has, and belongs to the handle alone.
    pub(super) unsafe fn new(
        vtable: NonNull<SessionVtable>,
        session: Option<NonNull<c_void>>,
    ) -> Handle {
        Handle { vtable, session }
    }

    fn vtable(&self) -> &SessionVtable {
        // SAFETY: the functions lie in the constant memory of a library that is never unloaded.
        unsafe { self.vtable.as_ref() }
    }

    /// Calls the session. `make` runs one of its functions.
    #[inline]
    fn call(
        &mut self,
        scratch: &mut Scratch,
        input: &mut [u8],
        table_limit: usize,
        make: impl FnOnce(&SessionVtable, *mut c_void, *mut RawIo) -> i32,
    ) -> (Outcome, Result<(), Fault>) {
        let Some(session) = self.session else {
            return (Outcome::default(), Err(Fault::Panicked));
        };
        scratch.begin(input, table_limit);
        let status = make(self.vtable(), session.as_ptr(), &raw mut scratch.io);
        let io = &scratch.io;
        let outcome = Outcome {
            consumed: io.consumed,
            need: io.need,
            messages: io.messages,
            is_full: status == status::FULL,
            pauses: io.flags & PAUSE != 0,
            resumes: io.flags & RESUME != 0,
            ends: io.flags & END != 0,
            has_timers: io.timers_set != 0,
        };
        let (made, too_much) = (io.made.length(), io.flags & OVERFLOW != 0);
        let Outcome {
            messages, consumed, ..
        } = outcome;
        let length = check(scratch.table_mut(), messages, consumed, made);
        let has_panicked = status == status::PANICKED;
        match length {
            // A panic leaves part of a message behind the whole ones.
            Some(length) if length == scratch.io.table.length || has_panicked => {
                scratch.io.table.length = length;
            }
            _ => return (Outcome::default(), self.broken(scratch)),
        }
        if consumed > input.len() {
            return (Outcome::default(), self.broken(scratch));
        }
        let result = match status {
            _ if too_much => Err(Fault::TooMuch),
            status::OK | status::FULL => Ok(()),
            status::PANICKED => {
                // Its state may be half changed, so it is not even freed.
                self.session = None;
                Err(Fault::Panicked)
            }
            _ => Err(
                ErrorKind::from_number(status).map_or(Fault::Broken, |kind| {
                    let error = Error::new(kind, scratch.text());
                    Fault::Error(error.with_number(scratch.io.error_number))
                }),
            ),
        };
        (outcome, result)
    }

    /// What the plug-in wrote cannot be used.
    fn broken(&self, scratch: &mut Scratch) -> Result<(), Fault> {
        scratch.begin(&mut [], 0);
        Err(Fault::Broken)
    }

    /// The connection is established.
    pub fn start(&mut self, scratch: &mut Scratch) -> (Outcome, Result<(), Fault>) {
        // SAFETY: `call` gives the live session of these functions, and the live io of `scratch`; here and below.
        self.call(scratch, &mut [], 0, |functions, session, io| unsafe {
            (functions.start)(session, io)
        })
    }

    /// Finds messages, until the table has `table_limit` numbers or more. What was found before a fault is in `scratch` and counts.
    pub fn decode(
        &mut self,
        scratch: &mut Scratch,
        input: &mut [u8],
        table_limit: usize,
    ) -> (Outcome, Result<(), Fault>) {
        self.call(
            scratch,
            input,
            table_limit,
            // SAFETY: as above.
            |functions, session, io| unsafe { (functions.decode)(session, io) },
        )
    }

    /// As [`Handle::decode`], for what is left after the peer's end.
    pub fn decode_end(
        &mut self,
        scratch: &mut Scratch,
        input: &mut [u8],
        table_limit: usize,
    ) -> (Outcome, Result<(), Fault>) {
        self.call(
            scratch,
            input,
            table_limit,
            // SAFETY: as above.
            |functions, session, io| unsafe { (functions.decode_end)(session, io) },
        )
    }

    /// Encodes a message of the owner. Its bytes are in `scratch`.
    pub fn encode(
        &mut self,
        scratch: &mut Scratch,
        kind: u8,
        body: &[u8],
    ) -> (Outcome, Result<(), Fault>) {
        // SAFETY: as above; `body` is borrowed for the call.
        self.call(scratch, &mut [], 0, |functions, session, io| unsafe {
            (functions.encode)(session, kind, body.as_ptr(), body.len(), io)
        })
    }

    /// A timer has expired.
    pub fn timer(&mut self, scratch: &mut Scratch, timer: u8) -> (Outcome, Result<(), Fault>) {
        // SAFETY: as above.
        self.call(scratch, &mut [], 0, |functions, session, io| unsafe {
            (functions.timer)(session, timer, io)
        })
    }

    /// The owner ends the connection.
    pub fn end(&mut self, scratch: &mut Scratch) -> (Outcome, Result<(), Fault>) {
        // SAFETY: as above.
        self.call(scratch, &mut [], 0, |functions, session, io| unsafe {
            (functions.end)(session, io)
        })
    }

    /// How many bytes may be buffered without a whole message in them.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.session.map_or(0, |session| {
            // SAFETY: the session is live, and these are its functions.
            unsafe { (self.vtable().limit)(session.as_ptr()) }
        })
    }

    /// Whether messages of the owner go through [`Handle::encode`].
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.vtable().flags & ENCODES != 0
    }

    /// Whether each message is one range of bytes, which the owner gets as such.
    #[must_use]
    pub fn gives_frames(&self) -> bool {
        self.vtable().flags & FRAMES != 0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(session) = self.session {
            // SAFETY: the session is live and belongs to the handle alone.
            unsafe { (self.vtable().free)(session.as_ptr()) };
        }
    }
}

impl Scratch {
    /// The timers that the last call set (`Some(milliseconds)`) or stopped (`None`).
    pub fn timers(&self) -> impl Iterator<Item = (u8, Option<u32>)> + '_ {
        (0..TIMERS as u8)
            .filter(|timer| self.io.timers_set & 1 << timer != 0)
            .map(|timer| {
                let time = self.io.timers[usize::from(timer)];
                (timer, (time != NO_TIMER).then_some(time))
            })
    }
}
