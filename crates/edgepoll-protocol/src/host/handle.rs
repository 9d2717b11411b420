//! One connection's session.

use std::cell::OnceCell;
use std::ffi::c_void;
use std::fmt;
use std::ptr::NonNull;

use super::panic::Panic;
use super::scratch::Scratch;
use super::sound::check;
use crate::abi::{
    status, RawIo, SessionVtable, ENCODES, END, FRAMES, LATE, NO_LIMIT, OVERFLOW, PAUSE, RESUME,
};
use crate::Error;

/// Why a call of a plug-in failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The session found an error.
    Error(Error),
    /// The session broke its contract: a range outside the input, a step that consumes nothing, or bytes for the peer after its own
    /// end.
    Broken,
    /// The session panicked. It will not be called again.
    Panicked(Panic),
    /// One look or call sent, or copied, more than the host allows, or a message has more fields.
    TooMuch,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Error(error) => write!(f, "{error}"),
            Fault::Broken => f.write_str(
                "it gave a range outside the input, consumed nothing, or sent after its end",
            ),
            Fault::Panicked(panic) => write!(f, "it {panic}"),
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
    /// More messages may be in the rest: the table was full, or the call had sent or copied much ([`Scratch::limit_output`]).
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

/// Whether this side of the connection can still send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Open,
    EndedBySession,
    EndedByOwner,
}

/// A session of a protocol, from this program or from a plug-in.
#[derive(Debug)]
pub struct Handle {
    /// Perhaps longer than this host's structure, so there is no reference to it.
    vtable: NonNull<SessionVtable>,
    /// `None` if making it panicked.
    session: Option<NonNull<c_void>>,
    panic: OnceCell<Panic>,
    side: Side,
}

impl Handle {
    /// `session` is `None` if making it panicked. Each call then fails.
    ///
    /// # Safety
    /// `session` came from `open` of the plug-in whose functions `vtable` has, and belongs to the handle alone. The functions are at
    /// least those of [`SessionVtable`], in memory that is never unloaded.
    pub(super) unsafe fn new(
        vtable: NonNull<SessionVtable>,
        session: Option<NonNull<c_void>>,
    ) -> Handle {
        let panic = OnceCell::new();
        if session.is_none() {
            panic.get_or_init(|| Panic::new("session", ""));
        }
        Handle {
            vtable,
            session,
            panic,
            side: Side::Open,
        }
    }

    /// The session, unless it has panicked.
    fn live(&self) -> Option<NonNull<c_void>> {
        self.session.filter(|_| !self.has_panicked())
    }

    /// Calls the session. `make` runs one of its functions, which has this name.
    #[inline]
    fn call(
        &mut self,
        name: &'static str,
        scratch: &mut Scratch,
        input: &mut [u8],
        table_limit: usize,
        make: impl FnOnce(*const SessionVtable, *mut c_void, *mut RawIo) -> i32,
    ) -> (Outcome, Result<(), Fault>) {
        let Some(session) = self.live() else {
            scratch.clear();
            let panic = self.panic.get_or_init(|| Panic::new("session", ""));
            return (Outcome::default(), Err(Fault::Panicked(panic.clone())));
        };
        let given = input.len();
        scratch.begin(input, table_limit);
        let status = make(self.vtable.as_ptr(), session.as_ptr(), &raw mut scratch.io);
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
        let result = self.result(scratch, status, name);
        if outcome.consumed > given || !self.is_sound(scratch, &result) {
            scratch.clear();
            return (Outcome::default(), Err(Fault::Broken));
        }
        if self.side == Side::EndedByOwner {
            // FIN has left. The session may not have cared about the owner's end.
            scratch.drop_output();
        } else if outcome.ends {
            self.side = Side::EndedBySession;
        }
        (outcome, result)
    }

    /// What the status and the flags of a call say.
    fn result(&self, scratch: &Scratch, status: i32, name: &'static str) -> Result<(), Fault> {
        let flags = scratch.io.flags;
        if status == status::PANICKED {
            let panic = self.panic.get_or_init(|| Panic::new(name, scratch.text()));
            return Err(Fault::Panicked(panic.clone()));
        }
        let is_late = self.side == Side::EndedBySession && scratch.io.output.length() > 0;
        if flags & LATE != 0 || is_late {
            return Err(Fault::Broken);
        }
        if flags & OVERFLOW != 0 {
            return Err(Fault::TooMuch);
        }
        match status {
            status::OK | status::FULL => Ok(()),
            _ => Err(scratch.fault(status)),
        }
    }

    /// Checks the table, so that each field lies in the bytes of this connection. Cuts off what a panic left behind the whole messages.
    fn is_sound(&self, scratch: &mut Scratch, result: &Result<(), Fault>) -> bool {
        let (messages, consumed) = (scratch.io.messages, scratch.io.consumed);
        let made = scratch.io.made.length();
        let gives_frames = self.gives_frames();
        let table = scratch.table_mut();
        let whole = table.len();
        match check(table, messages, consumed, made, gives_frames) {
            Some(length) if length == whole || matches!(result, Err(Fault::Panicked(_))) => {
                scratch.io.table.length = length;
                true
            }
            _ => false,
        }
    }

    /// The connection is established.
    pub fn start(&mut self, scratch: &mut Scratch) -> (Outcome, Result<(), Fault>) {
        // SAFETY: `call` gives the live session of these functions, and the live io of `scratch`; here and below.
        self.call(
            "start",
            scratch,
            &mut [],
            0,
            |functions, session, io| unsafe { ((*functions).start)(session, io) },
        )
    }

    /// Finds messages, until the table has `table_limit` numbers or more. What was found before a fault is in `scratch` and counts.
    pub fn decode(
        &mut self,
        scratch: &mut Scratch,
        input: &mut [u8],
        table_limit: usize,
    ) -> (Outcome, Result<(), Fault>) {
        self.call(
            "decode",
            scratch,
            input,
            table_limit,
            // SAFETY: as above.
            |functions, session, io| unsafe { ((*functions).decode)(session, io) },
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
            "decode_end",
            scratch,
            input,
            table_limit,
            // SAFETY: as above.
            |functions, session, io| unsafe { ((*functions).decode_end)(session, io) },
        )
    }

    /// Encodes a message of the owner. Its bytes are in `scratch`. The host does not call this for a message that can no longer leave, or
    /// it needs only the length that the message would have had.
    pub fn encode(
        &mut self,
        scratch: &mut Scratch,
        kind: u8,
        body: &[u8],
    ) -> (Outcome, Result<(), Fault>) {
        let side = std::mem::replace(&mut self.side, Side::Open);
        // SAFETY: as above; `body` is borrowed for the call.
        let (outcome, result) = self.call(
            "encode",
            scratch,
            &mut [],
            0,
            |functions, session, io| unsafe {
                ((*functions).encode)(session, kind, body.as_ptr(), body.len(), io)
            },
        );
        if let Err(Fault::Error(_)) = result {
            // The message was none, and the connection goes on as if the session had not been called.
            self.side = side;
            scratch.drop_effects();
            return (Outcome::default(), result);
        }
        if side != Side::Open {
            self.side = side;
        }
        (outcome, result)
    }

    /// A timer has expired.
    pub fn timer(&mut self, scratch: &mut Scratch, timer: u8) -> (Outcome, Result<(), Fault>) {
        // SAFETY: as above.
        self.call(
            "timer",
            scratch,
            &mut [],
            0,
            |functions, session, io| unsafe { ((*functions).timer)(session, timer, io) },
        )
    }

    /// The owner ends the connection. What is in `scratch` leaves before the FIN, and nothing that the session sends later leaves at all.
    /// Does nothing if the session has ended its side itself.
    pub fn end(&mut self, scratch: &mut Scratch) -> (Outcome, Result<(), Fault>) {
        if self.side != Side::Open {
            scratch.clear();
            return (Outcome::default(), Ok(()));
        }
        // SAFETY: as above.
        let ended = self.call(
            "end",
            scratch,
            &mut [],
            0,
            |functions, session, io| unsafe { ((*functions).end)(session, io) },
        );
        self.side = Side::EndedByOwner;
        ended
    }

    /// How many bytes may be buffered without a whole message in them. 0 after a panic, also of the method itself: see
    /// [`Handle::has_panicked`].
    #[must_use]
    pub fn limit(&self) -> usize {
        let Some(session) = self.live() else {
            return 0;
        };
        // SAFETY: the session is live, and these are its functions.
        match unsafe { ((*self.vtable.as_ptr()).limit)(session.as_ptr()) } {
            usize::MAX => {
                self.panic.get_or_init(|| Panic::new("limit", ""));
                0
            }
            // The largest number says that it panicked. This one stands for no limit.
            NO_LIMIT => usize::MAX,
            limit => limit,
        }
    }

    /// Whether the session has panicked. It is not called again, and each call gives [`Fault::Panicked`].
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.panic().is_some()
    }

    /// The session's panic.
    #[must_use]
    pub fn panic(&self) -> Option<&Panic> {
        self.panic.get()
    }

    /// Whether messages of the owner go through [`Handle::encode`].
    #[must_use]
    pub fn encodes(&self) -> bool {
        self.flags() & ENCODES != 0
    }

    /// Whether each message is one range of bytes, which the owner gets as such.
    #[must_use]
    pub fn gives_frames(&self) -> bool {
        self.flags() & FRAMES != 0
    }

    fn flags(&self) -> u32 {
        // SAFETY: the structure lies in the constant memory of a library that is never unloaded.
        unsafe { (*self.vtable.as_ptr()).flags }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if let Some(session) = self.session {
            // SAFETY: the session is live and belongs to the handle alone. After a panic too: unwinding leaves values that can be dropped.
            unsafe { ((*self.vtable.as_ptr()).free)(session.as_ptr()) };
        }
    }
}
