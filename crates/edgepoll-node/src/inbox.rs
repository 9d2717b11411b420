//! The core's inbox in JavaScript's memory: records in one shared array, bytes in buffers that are safe to keep.
//!
//! Bytes handed to JavaScript must never be written again, and a small chunk must never pin a large block:
//! chunks up to [`POOLED`] bytes share pools of [`POOL`], chunks from [`VIEWED`] bytes are views of the slab
//! that they were received into, and those between get a buffer of their own. Called by the core, in a turn.

use std::ops::Range;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::Token;
use edgepoll::protocol::CodecError;
use edgepoll::reactor::{Event, Inbox};
use napi::{sys, Result};

use crate::node::{self, Reference};
use crate::region::{new_buffer, Region};

/// A record is eight 32-bit fields: kind, slot, generation, detail, and two doubles' worth of the rest.
const FIELDS: usize = 8;
/// What one slab holds; also the longest chunk.
const SLAB: usize = 64 * 1024;
/// A slab with less room than this is retired.
const LEAST_SPACE: usize = 16 * 1024;
/// The shortest chunk that is a view of the slab; it pins at most four times its size.
const VIEWED: usize = 16 * 1024;
/// The longest chunk that goes into a pool.
const POOLED: usize = 2 * 1024;
/// What one pool holds.
const POOL: usize = 8 * 1024;

/// The kinds of records, as src/records.ts knows them.
mod kind {
    pub(super) const OPENED: i32 = 1;
    pub(super) const CONNECTED: i32 = 2;
    pub(super) const DATA: i32 = 3;
    pub(super) const END: i32 = 4;
    pub(super) const QUEUED: i32 = 5;
    pub(super) const CLOSED: i32 = 6;
    pub(super) const ACCEPT_PAUSED: i32 = 7;
    pub(super) const WRITE_FAILED: i32 = 8;
}

/// What a finished batch holds besides its records.
pub(crate) struct Batch {
    pub(crate) records: usize,
    /// Buffers that JavaScript has not seen yet, by index from 2.
    pub(crate) fresh: Vec<sys::napi_value>,
    pub(crate) pool: usize,
    pub(crate) slab: usize,
}

/// The inbox of one reactor.
pub(crate) struct JsInbox {
    env: sys::napi_env,
    /// Keeps the record array alive; nobody but src/reactor-host.ts has it, so it cannot be detached.
    _array: Reference,
    records: *mut i32,
    capacity: usize,
    count: usize,
    pool: Option<Region>,
    slab: Option<Region>,
    fresh: Vec<sys::napi_value>,
    /// A view of the slab was handed out since the last receive began.
    viewed: bool,
    /// Where a receive goes when JavaScript has no memory left for a slab.
    spare: Vec<u8>,
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
            fresh: Vec::new(),
            viewed: false,
            spare: Vec::new(),
            texts: Vec::new(),
        })
    }

    /// A turn begins.
    pub(crate) fn begin(&mut self) {
        if let Some(pool) = &mut self.pool {
            pool.begin(0);
        }
        if let Some(slab) = &mut self.slab {
            slab.begin(1);
        }
    }

    /// Ends the batch: what JavaScript has to look at now.
    pub(crate) fn take(&mut self) -> Batch {
        Batch {
            records: std::mem::take(&mut self.count),
            fresh: std::mem::take(&mut self.fresh),
            pool: self.pool.as_ref().map_or(0, |pool| pool.index),
            slab: self.slab.as_ref().map_or(1, |slab| slab.index),
        }
    }

    /// The text of a protocol error that a record named.
    pub(crate) fn text(&self, index: usize) -> &'static str {
        self.texts.get(index).copied().unwrap_or("malformed input")
    }

    fn record(&mut self, kind: i32, token: Token, detail: i32, rest: [f64; 2]) {
        if self.count == self.capacity {
            // The core asks for room first, so this cannot be; a lost record would be worse than a full one.
            debug_assert!(false, "the core passed the inbox's room");
            return;
        }
        // SAFETY: `count < capacity`, so the eight fields lie inside the array; two doubles fit its last four.
        unsafe {
            let at = self.records.add(self.count * FIELDS);
            at.write(kind);
            at.add(1).write(token.index.cast_signed());
            at.add(2).write(token.generation.cast_signed());
            at.add(3).write(detail);
            at.add(4).cast::<[f64; 2]>().write(rest);
        }
        self.count += 1;
    }

    fn data(&mut self, token: Token, buffer: usize, offset: usize, length: usize) {
        let buffer = i32::try_from(buffer).unwrap_or(i32::MAX);
        #[allow(
            clippy::cast_precision_loss,
            reason = "both are at most the size of a slab"
        )]
        self.record(kind::DATA, token, buffer, [offset as f64, length as f64]);
    }

    fn index_of_next(&self) -> usize {
        2 + self.fresh.len()
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
        if self.pool.as_ref().is_none_or(|pool| pool.left() < length) {
            let (pool, value) = Region::new(self.env, POOL, self.index_of_next())?;
            self.fresh.push(value);
            self.pool = Some(pool);
        }
        if let Some(pool) = &mut self.pool {
            let (index, offset) = (pool.index, pool.used());
            // SAFETY: as above; the pool has `length` bytes left, and the slab is another block.
            unsafe { std::ptr::copy_nonoverlapping(source, pool.free().as_mut_ptr(), length) };
            pool.take(length);
            self.data(token, index, offset, length);
        }
        Ok(())
    }

    fn renew_slab(&mut self) -> Result<()> {
        let (slab, value) = Region::new(self.env, SLAB, self.index_of_next())?;
        self.fresh.push(value);
        self.slab = Some(slab);
        Ok(())
    }

    /// JavaScript has no memory, or ends: said aloud, because bytes are lost.
    fn lost(&self, error: &napi::Error) {
        node::throw_uncaught(
            self.env,
            &format!("edgepoll: no memory for received bytes: {error}"),
        );
    }
}

impl Inbox for JsInbox {
    fn room(&self) -> usize {
        // A close takes two records.
        (self.capacity - self.count).saturating_sub(1)
    }

    fn space(&mut self) -> &mut [u8] {
        if self
            .slab
            .as_ref()
            .is_none_or(|slab| slab.left() < LEAST_SPACE)
        {
            if let Err(error) = self.renew_slab() {
                self.lost(&error);
                self.slab = None;
            }
        }
        match &mut self.slab {
            Some(slab) => slab.free(),
            None => {
                self.spare.resize(LEAST_SPACE, 0);
                &mut self.spare
            }
        }
    }

    fn frame(&mut self, token: Token, body: Range<usize>) {
        let length = body.len();
        let start = self.space()[body.start..].as_ptr();
        match &self.slab {
            Some(slab) if length >= VIEWED => {
                let (index, offset) = (slab.index, slab.used() + body.start);
                self.viewed = true;
                self.data(token, index, offset, length);
            }
            _ => {
                if let Err(error) = self.copy_out(token, start, length) {
                    self.lost(&error);
                }
            }
        }
    }

    fn copied_frame(&mut self, token: Token, body: &[u8]) {
        if let Err(error) = self.copy_out(token, body.as_ptr(), body.len()) {
            self.lost(&error);
        }
    }

    fn received(&mut self, length: usize) {
        if std::mem::take(&mut self.viewed) {
            if let Some(slab) = &mut self.slab {
                slab.take(length);
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
            } => {
                let detail = self.reason(reason);
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
            Event::AcceptPaused { listener, errno } => {
                self.record(kind::ACCEPT_PAUSED, listener, errno as i32, [0.0; 2]);
            }
        }
    }
}

impl JsInbox {
    /// A close reason in one field: 4 bits which, 4 bits of call, the rest an error number or a text's index.
    fn reason(&mut self, reason: CloseReason) -> i32 {
        let (which, call, number) = match reason {
            CloseReason::Ended => (0, 0, 0),
            CloseReason::Failed(failure) => (1, failure.call as i32, failure.errno as i32),
            CloseReason::Destroyed => (2, 0, 0),
            CloseReason::QueueFull => (3, 0, 0),
            CloseReason::TimedOut(call) => (4, call as i32, 0),
            CloseReason::Protocol(CodecError::FrameTooLong { .. }) => (5, 0, 0),
            CloseReason::Protocol(CodecError::Malformed(text)) => (7, 0, self.index_of_text(text)),
            CloseReason::Protocol(_) => (6, 0, 0),
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
