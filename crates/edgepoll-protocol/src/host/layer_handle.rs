//! One connection's layer.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;

use super::handle::Fault;
use super::scratch::Scratch;
use crate::abi::{status, LayerVtable, RawIo, FIELD, OVERFLOW, PHASE};
use crate::{Error, ErrorKind, Phase};

/// A layer, from this program or from a plug-in.
#[derive(Debug)]
pub struct LayerHandle {
    vtable: NonNull<LayerVtable>,
    /// `None` once the layer has panicked.
    layer: Option<NonNull<c_void>>,
    phase: Phase,
}

impl LayerHandle {
    /// # Safety
    /// As [`Handle::new`](super::Handle).
    pub(super) unsafe fn new(
        vtable: NonNull<LayerVtable>,
        layer: Option<NonNull<c_void>>,
    ) -> LayerHandle {
        LayerHandle {
            vtable,
            layer,
            phase: Phase::Handshake,
        }
    }

    fn vtable(&self) -> &LayerVtable {
        // SAFETY: the functions lie in the constant memory of a library that is never unloaded.
        unsafe { self.vtable.as_ref() }
    }

    /// How far the layer is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    fn call(
        &mut self,
        scratch: &mut Scratch,
        input: &mut [u8],
        make: impl FnOnce(&LayerVtable, *mut c_void, *mut RawIo) -> i32,
    ) -> Result<usize, Fault> {
        let Some(layer) = self.layer else {
            return Err(Fault::Panicked);
        };
        scratch.begin(input, usize::MAX);
        let status = make(self.vtable(), layer.as_ptr(), &raw mut scratch.io);
        let io = &scratch.io;
        let (consumed, flags, number) = (io.consumed, io.flags, io.phase);
        let is_sound = consumed <= input.len()
            && scratch.table().len() == io.messages as usize * FIELD
            && scratch.ranges().all(|range| range.end <= consumed);
        if !is_sound {
            scratch.begin(input, 0);
            return Err(Fault::Broken);
        }
        if flags & PHASE != 0 {
            self.phase = match number {
                0 => Phase::Handshake,
                1 => Phase::Asking,
                2 => Phase::Open,
                3 => Phase::PeerEnded,
                _ => return Err(Fault::Broken),
            };
        }
        match status {
            _ if flags & OVERFLOW != 0 => Err(Fault::TooMuch),
            status::OK => Ok(consumed),
            status::PANICKED => {
                self.layer = None;
                Err(Fault::Panicked)
            }
            _ => Err(
                ErrorKind::from_number(status).map_or(Fault::Broken, |kind| {
                    let error = Error::new(kind, scratch.text());
                    Fault::Error(error.with_number(scratch.io.error_number))
                }),
            ),
        }
    }

    /// The connection is established.
    ///
    /// # Errors
    /// [`Fault`]. What the layer sent before is in `scratch`; here and below.
    pub fn start(&mut self, scratch: &mut Scratch) -> Result<(), Fault> {
        // SAFETY: `call` gives the live layer of these functions, and the live io of `scratch`; here and below.
        let run = |functions: &LayerVtable, layer, io| unsafe { (functions.start)(layer, io) };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// Takes bytes of the peer. Returns how many were consumed. The plain bytes are at [`Scratch::ranges`] of the input.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn receive(&mut self, scratch: &mut Scratch, input: &mut [u8]) -> Result<usize, Fault> {
        // SAFETY: as above.
        self.call(scratch, input, |functions, layer, io| unsafe {
            (functions.receive)(layer, io)
        })
    }

    /// Sends plain bytes of the owner.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn send(&mut self, scratch: &mut Scratch, plain: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above; `plain` is borrowed for the call.
        let run = |functions: &LayerVtable, layer, io| unsafe {
            (functions.send)(layer, plain.as_ptr(), plain.len(), io)
        };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// The owner ends the connection.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn end(&mut self, scratch: &mut Scratch) -> Result<(), Fault> {
        // SAFETY: as above.
        let run = |functions: &LayerVtable, layer, io| unsafe { (functions.end)(layer, io) };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// The peer has sent FIN, with `rest` bytes that were not consumed.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn peer_ended(&mut self, scratch: &mut Scratch, rest: usize) -> Result<(), Fault> {
        // SAFETY: as above.
        let run =
            |functions: &LayerVtable, layer, io| unsafe { (functions.peer_ended)(layer, rest, io) };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// A timer has expired.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn timer(&mut self, scratch: &mut Scratch, timer: u8) -> Result<(), Fault> {
        // SAFETY: as above.
        let run =
            |functions: &LayerVtable, layer, io| unsafe { (functions.timer)(layer, timer, io) };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// The program's answer.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn resume(&mut self, scratch: &mut Scratch, answer: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above; `answer` is borrowed for the call.
        let run = |functions: &LayerVtable, layer, io| unsafe {
            (functions.resume)(layer, answer.as_ptr(), answer.len(), io)
        };
        self.call(scratch, &mut [], run).map(drop)
    }

    /// How many bytes may wait for the rest of a record.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.layer.map_or(0, |layer| {
            // SAFETY: the layer is live, and these are its functions.
            unsafe { (self.vtable().limit)(layer.as_ptr()) }
        })
    }
}

impl Scratch {
    /// The ranges of plain bytes that a layer gave.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.table().chunks_exact(FIELD).map(|range| {
            let start = usize::try_from(range[0]).unwrap_or(usize::MAX);
            let length = usize::try_from(range[1]).unwrap_or(usize::MAX);
            start..start.saturating_add(length)
        })
    }
}

impl Drop for LayerHandle {
    fn drop(&mut self) {
        if let Some(layer) = self.layer {
            // SAFETY: the layer is live and belongs to the handle alone.
            unsafe { (self.vtable().free)(layer.as_ptr()) };
        }
    }
}
