//! The core's inbox in JavaScript's memory: records in one shared array, bytes in buffers that are safe to keep.
//!
//! Bytes handed to JavaScript for good must never be written again, and a small chunk must never pin a large block:
//! chunks up to [`POOLED`] bytes share pools of [`POOL`], chunks from [`VIEWED`] bytes are views of the slab
//! that they were received into, and those between get a buffer of their own. Only what is lent lies in the arena,
//! which is written again when JavaScript has given back every chunk of it. Called by the core, in a turn.

use std::ops::Range;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::Space;
use edgepoll::protocol::CodecError;
use edgepoll::reactor::{Event, Inbox};
use edgepoll::{Address, Token};
use napi::{sys, Result};

use super::address_words::words_of;
use super::region::{new_buffer, Region, FAST, PACKED};
use super::staging::Lending;
use crate::names;
use crate::node::{self, Reference};

/// A record is eight 32-bit fields: kind, slot, generation, detail, and the rest: two doubles, or a chunk's offset and length.
const FIELDS: usize = 8;
/// What one slab holds, and what aligning it may cost.
const SLAB: usize = 64 * 1024 + FAST;
/// What the arena holds: a turn's input of 64 connections with 16 KiB each, and the caches of a small processor.
const ARENA: usize = 1024 * 1024 + FAST;
/// The place of the first new buffer in a batch; before it are the pool, the slab and the arena that JavaScript knows.
const NEW: usize = 3;
/// A slab with less room than this is retired.
const LEAST_SPACE: usize = 16 * 1024;
/// The shortest chunk that is a view of the slab; it pins at most four times its size.
const VIEWED: usize = 16 * 1024;
/// The longest chunk that goes into a pool.
const POOLED: usize = 2 * 1024;
/// What one pool holds.
const POOL: usize = 8 * 1024;

/// In the detail of an address: whether it is the peer's or the local one. The bits below hold the family and the port.
const PEER: i32 = 0;
const LOCAL: i32 = 1 << 17;

/// The kinds of records, as src/internal/records.ts knows them.
mod kind {
    pub(super) const OPENED: i32 = 1;
    pub(super) const CONNECTED: i32 = 2;
    pub(super) const DATA: i32 = 3;
    pub(super) const END: i32 = 4;
    pub(super) const QUEUED: i32 = 5;
    pub(super) const CLOSED: i32 = 6;
    pub(super) const ACCEPT_PAUSED: i32 = 7;
    pub(super) const WRITE_FAILED: i32 = 8;
    pub(super) const ADDRESS: i32 = 9;
}

/// What a finished batch holds besides its records.
pub(crate) struct Batch {
    pub(crate) records: usize,
    /// Buffers that JavaScript has not seen yet, by index from [`NEW`].
    pub(crate) fresh: Vec<sys::napi_value>,
    pub(crate) pool: usize,
    pub(crate) slab: usize,
    pub(crate) arena: usize,
    /// Chunks of the arena.
    pub(crate) lent: i32,
    /// An error that no promise can report: bytes were lost, or the alarm was refused. To be thrown once nothing is borrowed.
    pub(crate) uncaught: Option<String>,
}

/// The inbox of one reactor.
pub(crate) struct JsInbox {
    env: sys::napi_env,
    /// Keeps the record array alive; nobody but src/connections/reactor.ts has it, so it cannot be detached.
    _array: Reference,
    records: *mut i32,
    capacity: usize,
    count: usize,
    pool: Option<Region>,
    slab: Option<Region>,
    arena: Option<Region>,
    /// The space that was asked for last lies in the arena.
    lends: bool,
    /// Chunks of the arena in this batch.
    lent: i32,
    fresh: Vec<sys::napi_value>,
    /// A view of the slab or the arena was handed out since the last receive began.
    viewed: bool,
    /// Chunks of the arena are out for good: the next that lends takes a new one.
    retires_arena: bool,
    /// Where a receive goes when JavaScript has no memory left for a slab.
    spare: Vec<u8>,
    /// The present receive went there: it stays, even if there should be memory again.
    in_spare: bool,
    /// The present receive got no arena: it goes without, even if there should be memory again.
    no_arena: bool,
    /// The error of this turn, for [`Batch::uncaught`].
    uncaught: Option<String>,
    /// Texts of protocol errors that were told; each once.
    texts: Vec<&'static str>,
}

impl JsInbox {
    /// Writes records into `array`, an Int32Array that JavaScript reads after each batch.
    pub(crate) fn new(env: sys::napi_env, array: sys::napi_value) -> Result<JsInbox> {
        let (records, length) = node::bytes_of(env, array)?;
        Ok(JsInbox {
            env,
            _array: Reference::new(env, array)?,
            // The length of an Int32Array counts its elements, and its memory is aligned for them.
            records: records.cast(),
            capacity: length / FIELDS,
            count: 0,
            pool: None,
            slab: None,
            arena: None,
            lends: false,
            lent: 0,
            fresh: Vec::new(),
            viewed: false,
            retires_arena: false,
            spare: Vec::new(),
            in_spare: false,
            no_arena: false,
            uncaught: None,
            texts: Vec::new(),
        })
    }

    /// A turn begins. `lending`: what JavaScript has of the arena.
    pub(crate) fn begin(&mut self, lending: &Lending) {
        if let Some(pool) = &mut self.pool {
            pool.begin(0);
        }
        if let Some(slab) = &mut self.slab {
            slab.begin(1);
        }
        if let Some(arena) = &mut self.arena {
            arena.begin(2);
            match lending {
                Lending::AllBack if !self.retires_arena => arena.clear(),
                Lending::AllBack | Lending::SomeOut => {}
                Lending::RestForgotten => self.retires_arena = true,
            }
        }
    }

    /// Ends the batch: what JavaScript has to look at now.
    pub(crate) fn take(&mut self) -> Batch {
        Batch {
            records: std::mem::take(&mut self.count),
            fresh: std::mem::take(&mut self.fresh),
            pool: self.pool.as_ref().map_or(0, |pool| pool.index),
            slab: self.slab.as_ref().map_or(1, |slab| slab.index),
            arena: self.arena.as_ref().map_or(2, |arena| arena.index),
            lent: std::mem::take(&mut self.lent),
            uncaught: self.uncaught.take(),
        }
    }

    /// The part of the arena that was lent, as JavaScript left it.
    pub(crate) fn lent(&mut self) -> &[u8] {
        self.arena.as_mut().map_or(&[], Region::handed_out)
    }

    /// The text of a protocol error that a record named.
    pub(crate) fn text(&self, index: usize) -> &'static str {
        self.texts.get(index).copied().unwrap_or("malformed input")
    }

    /// Where the present receive goes; nothing when there is no memory for a slab.
    #[inline]
    fn region(&mut self) -> Option<&mut Region> {
        if self.lends {
            self.arena.as_mut()
        } else {
            self.slab.as_mut()
        }
    }

    /// Begins a record; gives where the rest of it goes, which the caller writes: four fields, aligned for two doubles.
    fn begin_record(&mut self, kind: i32, token: Token, detail: i32) -> Option<*mut i32> {
        if self.count == self.capacity {
            // The core asks for room first, so this cannot be; a lost record would be worse than a full one.
            debug_assert!(false, "the core passed the inbox's room");
            return None;
        }
        // SAFETY: `count < capacity`, so the eight fields lie inside the array.
        let rest = unsafe {
            let at = self.records.add(self.count * FIELDS);
            at.write(kind);
            at.add(1).write(token.index.cast_signed());
            at.add(2).write(token.generation.cast_signed());
            at.add(3).write(detail);
            at.add(4)
        };
        self.count += 1;
        Some(rest)
    }

    fn record(&mut self, kind: i32, token: Token, detail: i32, numbers: [f64; 2]) {
        if let Some(rest) = self.begin_record(kind, token, detail) {
            // SAFETY: the record's last four fields, which two doubles fit.
            unsafe { rest.cast::<[f64; 2]>().write(numbers) };
        }
    }

    fn data(&mut self, token: Token, buffer: usize, offset: usize, length: usize) {
        let detail = i32::try_from(buffer).unwrap_or(i32::MAX);
        if let Some(rest) = self.begin_record(kind::DATA, token, detail) {
            // A place in a region, or the length of a frame, which has 31 bits at most.
            let place = [offset, length].map(|size| i32::try_from(size).unwrap_or(i32::MAX));
            // SAFETY: two of the record's last four fields.
            unsafe { rest.cast::<[i32; 2]>().write(place) };
        }
    }

    /// One of a connection's two addresses, as numbers: JavaScript formats the text when the program reads the address.
    fn address(&mut self, token: Token, address: &Address, side: i32) {
        let (detail, scope, words) = words_of(address);
        let zone = Token {
            index: token.index,
            generation: scope,
        };
        if let Some(rest) = self.begin_record(kind::ADDRESS, zone, detail | side) {
            // SAFETY: the record's last four fields.
            unsafe { rest.cast::<[u32; 4]>().write(words) };
        }
    }

    fn index_of_next(&self) -> usize {
        NEW + self.fresh.len()
    }

    /// Copies a chunk out: into the pool, or into a buffer of its own.
    fn copy_out(&mut self, token: Token, source: *const u8, length: usize) -> Result<()> {
        if length > POOLED {
            let (data, value) = new_buffer(self.env, length)?;
            // SAFETY: `data` is `length` fresh bytes, which `source` cannot overlap; `source` is readable for as many.
            unsafe { std::ptr::copy_nonoverlapping(source, data, length) };
            let index = self.index_of_next();
            self.fresh.push(value);
            self.data(token, index, 0, length);
            return Ok(());
        }
        // An empty chunk fits into every pool, and still has to lie in one that JavaScript has.
        let is_over = |pool: &mut Region| pool.is_detached() || pool.left() < length;
        if self.pool.as_mut().is_none_or(is_over) {
            let (pool, value) = Region::new(self.env, POOL, PACKED, self.index_of_next())?;
            self.fresh.push(value);
            self.pool = Some(pool);
        }
        if let Some(pool) = &mut self.pool {
            let (index, offset) = (pool.index, pool.used());
            // SAFETY: as above; the pool has `length` bytes left, and the slab is another block.
            unsafe { std::ptr::copy_nonoverlapping(source, pool.start(), length) };
            pool.take(length);
            self.data(token, index, offset, length);
        }
        Ok(())
    }

    fn fresh_region(&mut self, size: usize) -> Result<Region> {
        let (region, value) = Region::new(self.env, size, FAST, self.index_of_next())?;
        self.fresh.push(value);
        Ok(region)
    }

    /// Whether the arena has room. Without memory for one, and while too much of it is out, chunks are as others are.
    fn can_lend(&mut self) -> bool {
        let retires = std::mem::take(&mut self.retires_arena);
        if retires || self.arena.as_mut().is_none_or(Region::is_detached) {
            self.arena = None;
            if !self.no_arena {
                self.arena = self.fresh_region(ARENA).ok();
                self.no_arena = self.arena.is_none();
            }
        }
        self.arena
            .as_mut()
            .is_some_and(|arena| arena.left() >= LEAST_SPACE)
    }

    /// JavaScript has no memory, or ends.
    fn lose(&mut self, error: &napi::Error) {
        self.uncaught = Some(format!("edgepoll: no memory for received bytes: {error}"));
    }
}

impl Inbox for JsInbox {
    fn room(&self) -> usize {
        // A close takes up to four records.
        (self.capacity - self.count).saturating_sub(3)
    }

    #[inline]
    fn space(&mut self, lend: bool) -> Space<'_> {
        // Called for each receive. Except for a turn's first one, the region of the last receive usually has room.
        let (region, is_barred) = if lend {
            (&self.arena, self.retires_arena)
        } else {
            (&self.slab, self.in_spare)
        };
        let has_room = |region: &Region| region.surely_has(LEAST_SPACE);
        if !is_barred && region.as_ref().is_some_and(has_room) {
            self.lends = lend;
            let nothing = || Space::from(&mut [][..]);
            return self.region().map_or_else(nothing, Region::free);
        }
        self.other_space(lend)
    }

    #[inline]
    fn filled(&mut self, lend: bool, length: usize) -> &[u8] {
        debug_assert!(lend || !self.lends, "asked as the space was");
        let region = if self.lends {
            &mut self.arena
        } else {
            &mut self.slab
        };
        match region {
            // SAFETY: the core passes the length that the kernel has written into this memory, which `space` gave.
            Some(region) => unsafe { region.filled(length) },
            None => &self.spare[..length],
        }
    }

    #[inline]
    fn frame(&mut self, token: Token, body: Range<usize>) {
        let length = body.len();
        let least = if self.lends { 0 } else { VIEWED };
        if length >= least {
            if let Some(region) = self.region() {
                let (index, offset) = (region.index, region.used() + body.start);
                self.viewed = true;
                self.lent += i32::from(self.lends);
                self.data(token, index, offset, length);
                return;
            }
        }
        self.small_frame(token, body);
    }

    fn copied_frame(&mut self, token: Token, body: &[u8]) {
        if let Err(error) = self.copy_out(token, body.as_ptr(), body.len()) {
            self.lose(&error);
        }
    }

    #[inline]
    fn received(&mut self, length: usize) {
        self.in_spare = false;
        self.no_arena = false;
        if std::mem::take(&mut self.viewed) {
            if let Some(region) = self.region() {
                region.take(length);
            }
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "counters beyond 2^53 bytes lose their last digits"
    )]
    fn event(&mut self, event: Event) {
        match event {
            Event::Opened {
                token, listener, ..
            } => {
                self.record(kind::OPENED, token, listener.index.cast_signed(), [0.0; 2]);
            }
            Event::Connected { token } => self.record(kind::CONNECTED, token, 0, [0.0; 2]),
            Event::End { token } => self.record(kind::END, token, 0, [0.0; 2]),
            Event::Queued { token, bytes } => {
                self.record(kind::QUEUED, token, 0, [bytes as f64, 0.0]);
            }
            Event::Closed {
                token,
                reason,
                unsent,
                bytes_read,
                bytes_written,
                peer,
                local,
            } => {
                let detail = self.reason(reason);
                self.address(token, &peer, PEER);
                if let Some(local) = local {
                    self.address(token, &local, LOCAL);
                }
                self.record(kind::QUEUED, token, 0, [unsent as f64, 0.0]);
                self.record(
                    kind::CLOSED,
                    token,
                    detail,
                    [bytes_read as f64, bytes_written as f64],
                );
            }
            Event::WriteFailed { token, failure } => {
                let detail = self.reason(CloseReason::Failed(failure));
                self.record(kind::WRITE_FAILED, token, detail, [0.0; 2]);
            }
            Event::AlarmRefused { errno } => {
                self.uncaught = Some(format!(
                    "edgepoll: timerfd_settime failed: {errno}: timeouts come late"
                ));
            }
            Event::AcceptPaused { listener, errno } => {
                self.record(
                    kind::ACCEPT_PAUSED,
                    listener,
                    names::number(errno),
                    [0.0; 2],
                );
            }
            _ => debug_assert!(false, "no record for {event:?}"),
        }
    }
}

impl JsInbox {
    /// Where the next receive goes when that has to be found out.
    fn other_space(&mut self, lend: bool) -> Space<'_> {
        self.lends = lend && self.can_lend();
        let is_full = |slab: &mut Region| slab.left() < LEAST_SPACE;
        if !self.lends && !self.in_spare && self.slab.as_mut().is_none_or(is_full) {
            match self.fresh_region(SLAB) {
                Ok(slab) => self.slab = Some(slab),
                // Nothing is lost yet: chunks up to a certain length have memory of their own.
                Err(_) => {
                    self.slab = None;
                    self.in_spare = true;
                }
            }
        }
        let region = if self.lends {
            &mut self.arena
        } else {
            &mut self.slab
        };
        match region {
            Some(region) => region.free(),
            None => {
                self.spare.resize(LEAST_SPACE, 0);
                Space::from(&mut self.spare[..])
            }
        }
    }

    /// A frame that is copied out of where it was received.
    fn small_frame(&mut self, token: Token, body: Range<usize>) {
        let length = body.len();
        let start = match self.region() {
            Some(region) => region.start().wrapping_add(body.start).cast_const(),
            None => self.spare[body.start..].as_ptr(),
        };
        if let Err(error) = self.copy_out(token, start, length) {
            self.lose(&error);
        }
    }

    /// A close reason in one field: 4 bits which, 4 bits of call, the rest an error number or a text's index.
    fn reason(&mut self, reason: CloseReason) -> i32 {
        let (which, call, number) = match reason {
            CloseReason::Ended => (0, 0, 0),
            CloseReason::Failed(failure) => (1, failure.call as i32, names::number(failure.errno)),
            CloseReason::Destroyed => (2, 0, 0),
            CloseReason::QueueFull => (3, 0, 0),
            CloseReason::TimedOut(call) => (4, call as i32, 0),
            CloseReason::Protocol(CodecError::FrameTooLong { .. }) => (5, 0, 0),
            CloseReason::Protocol(CodecError::Malformed(text)) => (7, 0, self.index_of_text(text)),
            CloseReason::Protocol(_) => (6, 0, 0),
            _ => {
                debug_assert!(false, "no number for {reason:?}");
                (2, 0, 0)
            }
        };
        which | call << 4 | number << 8
    }

    fn index_of_text(&mut self, text: &'static str) -> i32 {
        let found = self.texts.iter().position(|known| *known == text);
        let index = found.unwrap_or_else(|| {
            self.texts.push(text);
            self.texts.len() - 1
        });
        i32::try_from(index).unwrap_or(0)
    }
}
