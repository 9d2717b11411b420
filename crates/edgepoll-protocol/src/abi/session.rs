//! The functions of a session.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::slice;

use super::call::{failed, guarded};
use super::{status, RawIo, ABI, PAUSE};
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
    /// [`Session::limit`].
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
    guarded(|| outcome(io, |io| session.start(io)))
}

unsafe extern "C" fn decode<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(|| run(session, io, S::decode, false))
}

unsafe extern "C" fn decode_end<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(|| run(session, io, S::decode_end, true))
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
    guarded(|| outcome(io, |io| session.encode(kind, body, io)))
}

unsafe extern "C" fn timer<S: Session>(session: *mut c_void, timer: u8, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(|| outcome(io, |io| session.timer(timer, io)))
}

unsafe extern "C" fn end<S: Session>(session: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (session, io) = unsafe { parts::<S>(session, io) };
    guarded(|| {
        session.end(&mut Io::new(io, 0));
        status::OK
    })
}

unsafe extern "C" fn limit<S: Session>(session: *const c_void) -> usize {
    let mut limit = 0;
    guarded(|| {
        // SAFETY: the host gives a live session.
        limit = unsafe { &*session.cast::<S>() }.limit();
        status::OK
    });
    limit
}

unsafe extern "C" fn free<S: Session>(session: *mut c_void) {
    guarded(|| {
        // SAFETY: the session came from `Box::into_raw`, and the host frees it once.
        drop(unsafe { Box::from_raw(session.cast::<S>()) });
        status::OK
    });
}

fn outcome(raw: &mut RawIo, run: impl FnOnce(&mut Io<'_>) -> Result<(), Error>) -> i32 {
    let before = raw.table.length;
    let result = run(&mut Io::new(raw, 0));
    // Only a look at the input can find messages.
    raw.table.length = before;
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
        let written = raw.output.length.max(raw.made.length);
        if raw.table.length >= raw.table_limit || written >= raw.output_limit {
            return status::FULL;
        }
        let (header, made) = (raw.table.length, raw.made.length);
        if !raw.table.push(&[0]) {
            return status::FULL;
        }
        let left = input.len() - at;
        let mut io = Io::new(&mut *raw, at);
        let step = look(session, &mut input[at..], &mut io);
        let message = io.header();
        match step {
            Ok(step @ (Step::Message(consumed) | Step::Pause(consumed)))
                if consumed > 0 && consumed <= left =>
            {
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
                raw.table.length = header;
                raw.made.length = made;
                match step {
                    Step::Skip(consumed) if consumed > 0 && consumed <= left => {
                        at += consumed;
                        raw.consumed = at;
                    }
                    Step::Need(need) => {
                        raw.need = need;
                        return status::OK;
                    }
                    Step::Message(_) | Step::Skip(_) | Step::Pause(_) => return status::BROKEN,
                }
            }
            Err(error) => {
                raw.table.length = header;
                raw.made.length = made;
                return failed(raw, &error);
            }
        }
    }
}
