//! The functions of a session.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::slice;

use super::call::{failed, guarded, guarded_alone};
use super::{status, RawIo, ABI, LATE, NO_LIMIT, OVERFLOW, PAUSE};
use crate::{Error, Io, Session, Step};

/// Bit of [`SessionVtable::flags`]: [`Session::ENCODES`].
pub const ENCODES: u32 = 1;
/// Bit of [`SessionVtable::flags`]: [`Session::FRAMES`].
pub const FRAMES: u32 = 2;

/// The functions of a session, in constant memory of the plug-in.
#[repr(C)]
pub struct SessionVtable {
    /// The size of this structure in bytes.
    pub size: u32,
    /// [`ABI`] of the crate that it was compiled with.
    pub abi: u32,
    /// Bits.
    pub flags: u32,
    /// [`Session::start`].
    pub start: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Session::decode`], for as many messages as there are.
    pub decode: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Session::decode_end`], for as many messages as there are.
    pub decode_end: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Session::encode`] of the input.
    pub encode: unsafe extern "C" fn(*mut c_void, u8, *const u8, usize, *mut RawIo) -> i32,
    /// [`Session::timer`].
    pub timer: unsafe extern "C" fn(*mut c_void, u8, *mut RawIo) -> i32,
    /// [`Session::end`].
    pub end: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Session::limit`]; [`NO_LIMIT`] if there is none, `usize::MAX` if it panicked.
    pub limit: unsafe extern "C" fn(*const c_void) -> usize,
    /// Frees the session.
    pub free: unsafe extern "C" fn(*mut c_void),
}

/// The functions of `S`.
pub(crate) struct VtableOf<S>(PhantomData<S>);

impl<S: Session> VtableOf<S> {
    pub(crate) const VTABLE: SessionVtable = SessionVtable {
        size: size_of::<SessionVtable>() as u32,
        abi: ABI,
        flags: if S::ENCODES { ENCODES } else { 0 } | if S::FRAMES { FRAMES } else { 0 },
        start: start::<S>,
        decode: decode::<S>,
        decode_end: decode_end::<S>,
        encode: encode::<S>,
        timer: timer::<S>,
        end: end::<S>,
        limit: limit::<S>,
        free: free::<S>,
    };
}

/// The session and the io of a call.
///
/// # Safety
/// The host gives the session that the plug-in made with `open` and that is not freed, and a live io, both for this call alone.
unsafe fn parts<'a, S>(session: *mut c_void, io: *mut RawIo) -> (&'a mut S, &'a mut RawIo) {
    // SAFETY: the caller's promise.
    unsafe { (&mut *session.cast::<S>(), &mut *io) }
}

unsafe extern "C" fn start<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: the host's promise, see `parts`.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(io, |io| outcome(io, |io| session.start(io)))
}

unsafe extern "C" fn decode<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(io, |io| run(session, io, S::decode, false))
}

unsafe extern "C" fn decode_end<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(io, |io| run(session, io, S::decode_end, true))
}

unsafe extern "C" fn encode<S: Session>(
    session: *mut c_void,
    kind: u8,
    body: *const u8,
    length: usize,
    io: *mut RawIo,
) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    // SAFETY: the host gives a body of `length` bytes, which no code changes during the call.
    let body = unsafe { slice::from_raw_parts(body, length) };
    guarded(io, |io| {
        let status = outcome(io, |io| session.encode(kind, body, io));
        if status != status::OK {
            // Half a message must not reach the peer.
            io.output.length = 0;
        }
        status
    })
}

unsafe extern "C" fn timer<S: Session>(session: *mut c_void, timer: u8, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(io, |io| outcome(io, |io| session.timer(timer, io)))
}

unsafe extern "C" fn end<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(io, |io| {
        outcome(io, |io| {
            session.end(io);
            Ok(())
        })
    })
}

unsafe extern "C" fn limit<S: Session>(session: *const c_void) -> usize {
    // SAFETY: the host gives a live session.
    let session = unsafe { &*session.cast::<S>() };
    guarded_alone(|| session.limit().min(NO_LIMIT)).unwrap_or(usize::MAX)
}

unsafe extern "C" fn free<S: Session>(session: *mut c_void) {
    // SAFETY: the session came from `Box::into_raw`, and the host frees it once.
    let session = unsafe { Box::from_raw(session.cast::<S>()) };
    guarded_alone(|| drop(session));
}

fn outcome(raw: &mut RawIo, run: impl FnOnce(&mut Io<'_>) -> Result<(), Error>) -> i32 {
    let result = run(&mut Io::new(raw, 0));
    // Only a look at the input can find messages.
    raw.table.length = 0;
    raw.made.length = 0;
    match result {
        Ok(()) => status::OK,
        Err(error) => failed(raw, &error),
    }
}

/// Decodes message by message, so that one call across the border finds all of them.
#[inline]
fn run<S>(
    session: &mut S,
    raw: &mut RawIo,
    look: impl Fn(&mut S, &mut [u8], &mut Io<'_>) -> Result<Step, Error>,
    at_end: bool,
) -> i32 {
    // SAFETY: the host gives an input of `input_length` bytes, for this call alone.
    let input = unsafe { slice::from_raw_parts_mut(raw.input, raw.input_length) };
    let mut at = 0;
    loop {
        if at == input.len() && !at_end {
            return status::OK;
        }
        if is_full(raw) {
            return status::FULL;
        }
        let (header, made) = (raw.table.length, raw.made.length);
        // What one look may give does not depend on the looks before it in the same call.
        raw.table.limit = header.saturating_add(raw.most_numbers);
        raw.output.limit = raw.output.length.saturating_add(raw.most_output);
        raw.made.limit = made.saturating_add(raw.most_made);
        raw.table.push(&[0]);
        let left = input.len() - at;
        let mut io = Io::new(&mut *raw, at);
        let step = look(session, &mut input[at..], &mut io);
        let (message, end) = (io.header(), io.end_of_fields());
        if raw.flags & (OVERFLOW | LATE) != 0 {
            drop_message(raw, header, made);
            return status::BROKEN;
        }
        match step {
            Ok(step @ (Step::Message(consumed) | Step::Pause(consumed)))
                if consumed > 0 && consumed <= left =>
            {
                if end > consumed {
                    // The host would find it only if no other message followed.
                    drop_message(raw, header, made);
                    return status::BROKEN;
                }
                raw.table.set(header, message);
                raw.messages += 1;
                at += consumed;
                // If the next message panics, this one still counts.
                raw.consumed = at;
                if matches!(step, Step::Pause(_)) {
                    raw.flags |= PAUSE;
                    return status::OK;
                }
            }
            Ok(step) => {
                drop_message(raw, header, made);
                match step {
                    Step::Skip(consumed) if consumed > 0 && consumed <= left => {
                        at += consumed;
                        raw.consumed = at;
                    }
                    // Nothing more will come.
                    Step::Need(_) if at_end && left > 0 => {
                        return failed(raw, &Error::truncated());
                    }
                    Step::Need(need) => {
                        raw.need = need;
                        return status::OK;
                    }
                    Step::Message(_) | Step::Skip(_) | Step::Pause(_) => return status::BROKEN,
                }
            }
            Err(error) => {
                drop_message(raw, header, made);
                return failed(raw, &error);
            }
        }
    }
}

#[inline]
fn is_full(raw: &RawIo) -> bool {
    raw.table.length >= raw.table_limit
        || raw.output.length.max(raw.made.length) >= raw.output_limit
}

/// Drops the message that is not finished.
fn drop_message(raw: &mut RawIo, header: usize, made: usize) {
    raw.table.length = header;
    raw.made.length = made;
}
