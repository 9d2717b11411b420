//! The functions of a layer.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::slice;

use super::call::{failed, guarded, guarded_alone};
use super::{status, RawIo, ABI, NO_LIMIT};
use crate::{Error, Layer, LayerIo};

/// The functions of a layer, in constant memory of the plug-in.
#[repr(C)]
pub struct LayerVtable {
    /// The size of this structure in bytes.
    pub size: u32,
    /// [`ABI`] of the crate that it was compiled with.
    pub abi: u32,
    /// Bits; none so far.
    pub flags: u32,
    /// [`Layer::start`].
    pub start: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Layer::receive`].
    pub receive: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Layer::send`].
    pub send: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut RawIo) -> i32,
    /// [`Layer::end`].
    pub end: unsafe extern "C" fn(*mut c_void, *mut RawIo) -> i32,
    /// [`Layer::peer_ended`].
    pub peer_ended: unsafe extern "C" fn(*mut c_void, usize, *mut RawIo) -> i32,
    /// [`Layer::timer`].
    pub timer: unsafe extern "C" fn(*mut c_void, u8, *mut RawIo) -> i32,
    /// [`Layer::resume`].
    pub resume: unsafe extern "C" fn(*mut c_void, *const u8, usize, *mut RawIo) -> i32,
    /// [`Layer::limit`]; [`NO_LIMIT`] if there is none, `usize::MAX` if it panicked.
    pub limit: unsafe extern "C" fn(*const c_void) -> usize,
    /// Frees the layer.
    pub free: unsafe extern "C" fn(*mut c_void),
}

/// The functions of `L`.
pub(super) struct LayerVtableOf<L>(PhantomData<L>);

impl<L: Layer> LayerVtableOf<L> {
    pub(super) const VTABLE: LayerVtable = LayerVtable {
        size: size_of::<LayerVtable>() as u32,
        abi: ABI,
        flags: 0,
        start: start::<L>,
        receive: receive::<L>,
        send: send::<L>,
        end: end::<L>,
        peer_ended: peer_ended::<L>,
        timer: timer::<L>,
        resume: resume::<L>,
        limit: limit::<L>,
        free: free::<L>,
    };
}

/// The layer and the io of a call.
///
/// # Safety
/// The host gives the layer that the plug-in made with `open` and that is not freed, and a live io, both for this call alone.
unsafe fn parts<'a, L>(layer: *mut c_void, io: *mut RawIo) -> (&'a mut L, &'a mut RawIo) {
    // SAFETY: the caller's promise.
    unsafe { (&mut *layer.cast::<L>(), &mut *io) }
}

fn outcome(raw: &mut RawIo, run: impl FnOnce(&mut LayerIo<'_>) -> Result<(), Error>) -> i32 {
    match run(&mut LayerIo::new(raw)) {
        Ok(()) => status::OK,
        Err(error) => failed(raw, &error),
    }
}

unsafe extern "C" fn start<L: Layer>(layer: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: the host's promise, see `parts`.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    guarded(io, |io| outcome(io, |io| layer.start(io)))
}

unsafe extern "C" fn receive<L: Layer>(layer: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    // SAFETY: the host gives an input of `input_length` bytes, for this call alone.
    let input = unsafe { slice::from_raw_parts_mut(io.input, io.input_length) };
    guarded(io, |io| {
        let mut consumed = 0;
        let status = outcome(io, |io| {
            consumed = layer.receive(input, io)?;
            Ok(())
        });
        io.consumed = consumed;
        if consumed > input.len() {
            return status::BROKEN;
        }
        status
    })
}

unsafe extern "C" fn send<L: Layer>(
    layer: *mut c_void,
    plain: *const u8,
    length: usize,
    io: *mut RawIo,
) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    // SAFETY: the host gives `length` plain bytes, which no code changes during the call.
    let plain = unsafe { slice::from_raw_parts(plain, length) };
    guarded(io, |io| outcome(io, |io| layer.send(plain, io)))
}

unsafe extern "C" fn end<L: Layer>(layer: *mut c_void, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    guarded(io, |io| {
        layer.end(&mut LayerIo::new(io));
        status::OK
    })
}

unsafe extern "C" fn peer_ended<L: Layer>(layer: *mut c_void, rest: usize, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    guarded(io, |io| outcome(io, |_| layer.peer_ended(rest)))
}

unsafe extern "C" fn timer<L: Layer>(layer: *mut c_void, timer: u8, io: *mut RawIo) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    guarded(io, |io| outcome(io, |io| layer.timer(timer, io)))
}

unsafe extern "C" fn resume<L: Layer>(
    layer: *mut c_void,
    answer: *const u8,
    length: usize,
    io: *mut RawIo,
) -> i32 {
    // SAFETY: as above.
    let (layer, io) = unsafe { parts::<L>(layer, io) };
    // SAFETY: the host gives an answer of `length` bytes, which no code changes during the call.
    let answer = unsafe { slice::from_raw_parts(answer, length) };
    guarded(io, |io| outcome(io, |io| layer.resume(answer, io)))
}

unsafe extern "C" fn limit<L: Layer>(layer: *const c_void) -> usize {
    // SAFETY: the host gives a live layer.
    let layer = unsafe { &*layer.cast::<L>() };
    guarded_alone(|| layer.limit().min(NO_LIMIT)).unwrap_or(usize::MAX)
}

unsafe extern "C" fn free<L: Layer>(layer: *mut c_void) {
    // SAFETY: the layer came from `Box::into_raw`, and the host frees it once.
    let layer = unsafe { Box::from_raw(layer.cast::<L>()) };
    guarded_alone(|| drop(layer));
}
