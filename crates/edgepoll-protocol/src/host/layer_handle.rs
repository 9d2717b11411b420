//! One connection's layer.

use std::cell::OnceCell;
use std::ffi::c_void;
use std::ops::Range;
use std::ptr::NonNull;

use super::handle::Fault;
use super::panic::Panic;
use super::scratch::Scratch;
use crate::abi::{status, LayerVtable, RawIo, FIELD, NO_LIMIT, OVERFLOW, PHASE};
use crate::Phase;

/// A layer, from this program or from a plug-in.
#[derive(Debug)]
pub struct LayerHandle {
    /// Perhaps longer than this host's structure, so there is no reference to it.
    vtable: NonNull<LayerVtable>,
    /// `None` if making it panicked.
    layer: Option<NonNull<c_void>>,
    panic: OnceCell<Panic>,
    phase: Phase,
}

impl LayerHandle {
    /// # Safety
    /// As [`Handle::new`](super::Handle).
    pub(super) unsafe fn new(
        vtable: NonNull<LayerVtable>,
        layer: Option<NonNull<c_void>>,
    ) -> LayerHandle {
        let panic = OnceCell::new();
        if layer.is_none() {
            panic.get_or_init(|| Panic::new("layer", ""));
        }
        LayerHandle {
            vtable,
            layer,
            panic,
            phase: Phase::Handshake,
        }
    }

    /// How far the layer is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The layer, unless it has panicked.
    fn live(&self) -> Option<NonNull<c_void>> {
        self.layer.filter(|_| !self.has_panicked())
    }

    /// Calls the layer. `make` runs one of its functions, which has this name.
    fn call(
        &mut self,
        name: &'static str,
        scratch: &mut Scratch,
        input: &mut [u8],
        make: impl FnOnce(*const LayerVtable, *mut c_void, *mut RawIo) -> i32,
    ) -> Result<usize, Fault> {
        let Some(layer) = self.live() else {
            scratch.clear();
            let panic = self.panic.get_or_init(|| Panic::new("layer", ""));
            return Err(Fault::Panicked(panic.clone()));
        };
        let given = input.len();
        scratch.begin(input, usize::MAX);
        let status = make(self.vtable.as_ptr(), layer.as_ptr(), &raw mut scratch.io);
        let (consumed, flags) = (scratch.io.consumed, scratch.io.flags);
        if status == status::PANICKED {
            self.panic.get_or_init(|| Panic::new(name, scratch.text()));
        }
        // A failed call has not said what it consumed. What it gave before counts.
        let end = if status == status::OK {
            consumed
        } else {
            given
        };
        let phase = match scratch.io.phase {
            _ if flags & PHASE == 0 => Some(self.phase),
            0 => Some(Phase::Handshake),
            1 => Some(Phase::Asking),
            2 => Some(Phase::Open),
            3 => Some(Phase::PeerEnded),
            _ => None,
        };
        let (Some(phase), true) = (phase, consumed <= given && scratch.has_sound_ranges(end))
        else {
            scratch.clear();
            return Err(Fault::Broken);
        };
        self.phase = phase;
        if let Some(panic) = self.panic.get() {
            return Err(Fault::Panicked(panic.clone()));
        }
        match status {
            _ if flags & OVERFLOW != 0 => Err(Fault::TooMuch),
            status::OK => Ok(consumed),
            _ => Err(scratch.fault(status)),
        }
    }

    /// The connection is established.
    ///
    /// # Errors
    /// [`Fault`]. What the layer sent before is in `scratch`; here and below.
    pub fn start(&mut self, scratch: &mut Scratch) -> Result<(), Fault> {
        // SAFETY: `call` gives the live layer of these functions, and the live io of `scratch`; here and below.
        let run =
            |functions: *const LayerVtable, layer, io| unsafe { ((*functions).start)(layer, io) };
        self.call("start", scratch, &mut [], run).map(drop)
    }

    /// Takes bytes of the peer. Returns how many were consumed. The plain bytes are at [`Scratch::ranges`] of the input.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn receive(&mut self, scratch: &mut Scratch, input: &mut [u8]) -> Result<usize, Fault> {
        // SAFETY: as above.
        self.call("receive", scratch, input, |functions, layer, io| unsafe {
            ((*functions).receive)(layer, io)
        })
    }

    /// Sends plain bytes of the owner.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn send(&mut self, scratch: &mut Scratch, plain: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above; `plain` is borrowed for the call.
        let run = |functions: *const LayerVtable, layer, io| unsafe {
            ((*functions).send)(layer, plain.as_ptr(), plain.len(), io)
        };
        self.call("send", scratch, &mut [], run).map(drop)
    }

    /// The owner ends the connection.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn end(&mut self, scratch: &mut Scratch) -> Result<(), Fault> {
        // SAFETY: as above.
        let run =
            |functions: *const LayerVtable, layer, io| unsafe { ((*functions).end)(layer, io) };
        self.call("end", scratch, &mut [], run).map(drop)
    }

    /// The peer has sent FIN, with `rest` bytes that were not consumed.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn peer_ended(&mut self, scratch: &mut Scratch, rest: usize) -> Result<(), Fault> {
        // SAFETY: as above.
        let run = |functions: *const LayerVtable, layer, io| unsafe {
            ((*functions).peer_ended)(layer, rest, io)
        };
        self.call("peer_ended", scratch, &mut [], run).map(drop)
    }

    /// A timer has expired.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn timer(&mut self, scratch: &mut Scratch, timer: u8) -> Result<(), Fault> {
        // SAFETY: as above.
        let run = |functions: *const LayerVtable, layer, io| unsafe {
            ((*functions).timer)(layer, timer, io)
        };
        self.call("timer", scratch, &mut [], run).map(drop)
    }

    /// The program's answer.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn resume(&mut self, scratch: &mut Scratch, answer: &[u8]) -> Result<(), Fault> {
        // SAFETY: as above; `answer` is borrowed for the call.
        let run = |functions: *const LayerVtable, layer, io| unsafe {
            ((*functions).resume)(layer, answer.as_ptr(), answer.len(), io)
        };
        self.call("resume", scratch, &mut [], run).map(drop)
    }

    /// How many bytes may wait for the rest of a record. 0 after a panic, also of the method itself: see
    /// [`LayerHandle::has_panicked`].
    #[must_use]
    pub fn limit(&self) -> usize {
        let Some(layer) = self.live() else {
            return 0;
        };
        // SAFETY: the layer is live, and these are its functions.
        match unsafe { ((*self.vtable.as_ptr()).limit)(layer.as_ptr()) } {
            usize::MAX => {
                self.panic.get_or_init(|| Panic::new("limit", ""));
                0
            }
            // The largest number says that it panicked. This one stands for no limit.
            NO_LIMIT => usize::MAX,
            limit => limit,
        }
    }

    /// Whether the layer has panicked. It is not called again, and each call gives [`Fault::Panicked`].
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.panic.get().is_some()
    }
}

impl Scratch {
    /// The ranges of plain bytes that a layer gave, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.table().chunks_exact(FIELD).map(|range| {
            let start = usize::try_from(range[0]).unwrap_or(usize::MAX);
            let length = usize::try_from(range[1]).unwrap_or(usize::MAX);
            start..start.saturating_add(length)
        })
    }

    /// Whether the ranges lie in the first `end` bytes, one behind the other.
    fn has_sound_ranges(&self, end: usize) -> bool {
        let mut last = 0;
        let is_next = |range: Range<usize>| {
            let is_next = range.start >= last && range.end <= end;
            last = range.end;
            is_next
        };
        self.table().len() == self.io.messages as usize * FIELD && self.ranges().all(is_next)
    }
}

impl Drop for LayerHandle {
    fn drop(&mut self) {
        if let Some(layer) = self.layer {
            // SAFETY: the layer is live and belongs to the handle alone. After a panic too: unwinding leaves values that can be dropped.
            unsafe { ((*self.vtable.as_ptr()).free)(layer.as_ptr()) };
        }
    }
}
