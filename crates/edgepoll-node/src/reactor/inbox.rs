//! The core's inbox in JavaScript's memory: records in one shared array, bytes in buffers that JavaScript can keep.
//!
//! Bytes that JavaScript owns are never written again, and a small chunk never keeps a large buffer alive:
//!
//! - a chunk of up to [`POOLED`] bytes is copied into a pool of [`POOL_SIZE`] bytes, which it shares with others;
//! - a chunk of at least [`VIEWED`] bytes is a view of the slab that it was received into;
//! - a chunk between the two has a buffer of its own.
//!
//! Chunks that are lent lie in the arena instead. The arena is written again once JavaScript has given back every chunk of it.

use std::ops::Range;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::Space;
use edgepoll::reactor::{Event, Found, Inbox};
use edgepoll::Token;
use napi::{sys, Result};

use super::close_reason::{ProtocolErrors, ProtocolFailure};
use super::control::Lending;
use super::records::{Close, Records};
use super::region::{new_buffer, Region, CACHE_LINE, PACKED};
use super::tables::Tables;
use crate::layout::{
    ACCEPT_PAUSED, ARENA_INDEX, ARENA_SIZE, CONNECTED, END, FIRST_FRESH, OPENED, POOL_INDEX,
    POOL_SIZE, QUEUED, SLAB_INDEX, SLAB_SIZE, WRITE_FAILED, WRITING_ENDED,
};
use crate::names;

/// A slab with less room than this is replaced.
const LEAST_SPACE: usize = 16 * 1024;
/// The shortest chunk that is a view of the slab. It keeps at most four times its size alive.
const VIEWED: usize = 16 * 1024;
/// The longest chunk that goes into a pool.
const POOLED: usize = 2 * 1024;

/// A finished batch: what JavaScript has to read besides the records.
pub(crate) struct Batch {
    /// How many records there are.
    pub(crate) records: usize,
    /// Buffers that JavaScript has not seen yet. The first has the number [`FIRST_FRESH`].
    pub(crate) fresh: Vec<sys::napi_value>,
    /// The pool's number in this batch.
    pub(crate) pool: usize,
    /// The slab's number in this batch.
    pub(crate) slab: usize,
    /// The arena's number in this batch.
    pub(crate) arena: usize,
    /// How many chunks lie in the arena.
    pub(crate) lent: i32,
    /// An error that no promise can report: bytes or an event were lost, or the kernel refused the alarm. The caller throws it when
    /// nothing is borrowed.
    pub(crate) uncaught: Option<String>,
}

/// The inbox of one reactor.
pub(crate) struct JsInbox {
    env: sys::napi_env,
    records: Records,
    tables: Tables,
    pool: Option<Region>,
    slab: Option<Region>,
    arena: Option<Region>,
    /// Whether the last space that the core got lies in the arena.
    lends: bool,
    /// Chunks of the arena in this batch.
    lent: i32,
    fresh: Vec<sys::napi_value>,
    /// Whether JavaScript gets a view of the slab or the arena from the present receive.
    viewed: bool,
    /// Whether some chunks of the arena are never given back. The next receive that lends takes a new arena.
    retires_arena: bool,
    /// The space of a receive for which JavaScript has no memory for a slab.
    spare: Vec<u8>,
    /// Whether the present receive uses `spare`. It goes on using it even if there is memory again.
    in_spare: bool,
    /// Whether the present receive got no arena. It goes on without one even if there is memory again.
    no_arena: bool,
    /// The error of this turn, for [`Batch::uncaught`].
    uncaught: Option<String>,
    errors: ProtocolErrors,
}

impl JsInbox {
    /// An inbox that writes records and tables into these two Int32Arrays.
    pub(crate) fn new(
        env: sys::napi_env,
        records: sys::napi_value,
        tables: sys::napi_value,
    ) -> Result<JsInbox> {
        Ok(JsInbox {
            env,
            records: Records::new(env, records)?,
            tables: Tables::new(env, tables)?,
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
            errors: ProtocolErrors::default(),
        })
    }

    /// Begins a turn. `lending`: which chunks of the arena JavaScript still uses.
    pub(crate) fn begin(&mut self, lending: &Lending) {
        self.tables.begin();
        self.errors.begin();
        if let Some(pool) = &mut self.pool {
            pool.begin(POOL_INDEX);
        }
        if let Some(slab) = &mut self.slab {
            slab.begin(SLAB_INDEX);
        }
        if let Some(arena) = &mut self.arena {
            arena.begin(ARENA_INDEX);
            match lending {
                Lending::AllBack if !self.retires_arena => arena.clear(),
                Lending::AllBack | Lending::SomeOut => {}
                Lending::RestForgotten => self.retires_arena = true,
            }
        }
    }

    /// Ends the batch, for JavaScript to read.
    pub(crate) fn take(&mut self) -> Batch {
        Batch {
            records: self.records.take(),
            fresh: std::mem::take(&mut self.fresh),
            pool: self.pool.as_ref().map_or(POOL_INDEX, |pool| pool.index),
            slab: self.slab.as_ref().map_or(SLAB_INDEX, |slab| slab.index),
            arena: self.arena.as_ref().map_or(ARENA_INDEX, |arena| arena.index),
            lent: std::mem::take(&mut self.lent),
            uncaught: self.uncaught.take(),
        }
    }

    /// The part of the arena that was lent, with its present content.
    pub(crate) fn lent(&mut self) -> &[u8] {
        self.arena.as_mut().map_or(&[], Region::handed_out)
    }

    /// A protocol's error of this turn. A record holds its index.
    pub(crate) fn protocol_error(&self, index: usize) -> Option<ProtocolFailure> {
        self.errors.get(index)
    }

    /// The buffer of the present receive; `None` when there is no memory for a slab.
    #[inline]
    fn region(&mut self) -> Option<&mut Region> {
        if self.lends {
            self.arena.as_mut()
        } else {
            self.slab.as_mut()
        }
    }

    fn index_of_next(&self) -> usize {
        FIRST_FRESH + self.fresh.len()
    }

    /// Copies a chunk into the pool or into a buffer of its own.
    fn copy_out(&mut self, token: Token, source: *const u8, length: usize) -> Result<()> {
        if length > POOLED {
            let (data, value) = new_buffer(self.env, length)?;
            // SAFETY: `data` is a new buffer of `length` bytes, so it does not overlap `source`, which is readable for as many.
            unsafe { std::ptr::copy_nonoverlapping(source, data, length) };
            let index = self.index_of_next();
            self.fresh.push(value);
            self.records.put_chunk(token, index, 0, length);
            return Ok(());
        }
        // An empty chunk fits into every pool, but JavaScript must still have the pool.
        let is_over = |pool: &mut Region| pool.is_detached() || pool.left() < length;
        if self.pool.as_mut().is_none_or(is_over) {
            let (pool, value) = Region::new(self.env, POOL_SIZE, PACKED, self.index_of_next())?;
            self.fresh.push(value);
            self.pool = Some(pool);
        }
        if let Some(pool) = &mut self.pool {
            let (index, offset) = (pool.index, pool.used());
            // SAFETY: the pool has `length` bytes left, `source` is readable for as many, and they are different buffers.
            unsafe { std::ptr::copy_nonoverlapping(source, pool.start(), length) };
            pool.take(length);
            self.records.put_chunk(token, index, offset, length);
        }
        Ok(())
    }

    fn fresh_region(&mut self, size: usize) -> Result<Region> {
        let (region, value) = Region::new(self.env, size, CACHE_LINE, self.index_of_next())?;
        self.fresh.push(value);
        Ok(region)
    }

    /// Whether the arena has room. If not, because there is no memory for it or too many of its chunks are out, the chunks of
    /// this receive are not lent.
    fn can_lend(&mut self) -> bool {
        let retires = std::mem::take(&mut self.retires_arena);
        if retires || self.arena.as_mut().is_none_or(Region::is_detached) {
            self.arena = None;
            if !self.no_arena {
                self.arena = self.fresh_region(ARENA_SIZE).ok();
                self.no_arena = self.arena.is_none();
            }
        }
        self.arena
            .as_mut()
            .is_some_and(|arena| arena.left() >= LEAST_SPACE)
    }

    /// The space of the next receive, when [`Inbox::space`] has not found it at once.
    fn other_space(&mut self, lend: bool) -> Space<'_> {
        self.lends = lend && self.can_lend();
        let is_full = |slab: &mut Region| slab.left() < LEAST_SPACE;
        if !self.lends && !self.in_spare && self.slab.as_mut().is_none_or(is_full) {
            match self.fresh_region(SLAB_SIZE) {
                Ok(slab) => self.slab = Some(slab),
                // Nothing is lost yet: a chunk shorter than `VIEWED` is copied into other memory.
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

    /// A frame that is copied out of the space of the receive.
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

    /// Writes the table of messages whose bytes are the first `consumed` of the space.
    fn put_table(&mut self, found: &Found<'_>, consumed: usize) -> Option<usize> {
        let body = match self.lends {
            true => self.arena.as_mut(),
            false => self.slab.as_mut(),
        };
        let body = match body {
            // SAFETY: a receive has written at least `consumed` bytes into the space.
            Some(region) => unsafe { &*region.filled(consumed) },
            None => &self.spare[..consumed],
        };
        let table = self.tables.put(found.table, body, found.made);
        if table.is_none() {
            // The core compares with `table_room` first. Only a single message can be longer.
            self.uncaught = Some("edgepoll: no room for a table of messages".to_owned());
        }
        table
    }

    /// Copies the bytes of messages into the arena, if it is free and has room, or into a buffer of their own.
    fn copy_messages(
        &mut self,
        found: &Found<'_>,
        body: &[u8],
        table: usize,
        is_free: bool,
    ) -> Result<()> {
        let length = body.len() + found.made.len();
        let is_free = is_free && !self.retires_arena;
        let arena = self.arena.as_mut().filter(|_| is_free);
        let (data, index, offset) = match arena.filter(|arena| arena.surely_has(length)) {
            Some(arena) => {
                let place = (arena.start(), arena.index, arena.used());
                arena.take(length);
                self.lent += 1;
                place
            }
            None => {
                let (data, value) = new_buffer(self.env, length)?;
                let index = self.index_of_next();
                self.fresh.push(value);
                (data, index, 0)
            }
        };
        // SAFETY: `data` has room for `length` bytes, and neither part overlaps it: `body` is the connection's own buffer or a copy.
        unsafe {
            std::ptr::copy_nonoverlapping(body.as_ptr(), data, body.len());
            std::ptr::copy_nonoverlapping(
                found.made.as_ptr(),
                data.add(body.len()),
                found.made.len(),
            );
        }
        let place = [offset, length, table, found.count as usize];
        self.records.put_messages(found.token, index, place);
        Ok(())
    }

    /// Received bytes are lost, because JavaScript has no memory for them or its environment ends.
    fn lose(&mut self, error: &napi::Error) {
        self.uncaught = Some(format!("edgepoll: no memory for received bytes: {error}"));
    }
}

impl Inbox for JsInbox {
    fn room(&self) -> usize {
        self.records.room()
    }

    #[inline]
    fn space(&mut self, lend: bool) -> Space<'_> {
        // The core calls this for each receive. Except for a turn's first one, the region of the last receive usually has room.
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
    fn filled(&mut self, lend: bool, length: usize) -> &mut [u8] {
        debug_assert!(lend || !self.lends, "another `lend` than for the space");
        let region = if self.lends {
            &mut self.arena
        } else {
            &mut self.slab
        };
        match region {
            // SAFETY: `length` is how many bytes the kernel has written into the space that `space` gave.
            Some(region) => unsafe { region.filled(length) },
            None => &mut self.spare[..length],
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
                self.records.put_chunk(token, index, offset, length);
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

    fn table_room(&self) -> usize {
        self.tables.room()
    }

    fn messages(&mut self, found: &Found<'_>, consumed: usize) {
        let least = if self.lends { 0 } else { VIEWED };
        let Some(table) = self.put_table(found, consumed) else {
            return;
        };
        let lent = i32::from(self.lends);
        if let Some(region) = self
            .region()
            .filter(|_| consumed >= least && found.made.is_empty())
        {
            let (index, offset) = (region.index, region.used());
            self.viewed = true;
            self.lent += lent;
            let place = [offset, consumed, table, found.count as usize];
            self.records.put_messages(found.token, index, place);
            return;
        }
        // The rest of the receive still lies in the free part of the arena.
        let body = self.filled(self.lends, consumed).to_vec();
        if let Err(error) = self.copy_messages(found, &body, table, false) {
            self.lose(&error);
        }
    }

    fn copied_messages(&mut self, found: &Found<'_>, body: &[u8]) {
        let Some(table) = self.tables.put(found.table, body, found.made) else {
            self.uncaught = Some("edgepoll: no room for a table of messages".to_owned());
            return;
        };
        if let Err(error) = self.copy_messages(found, body, table, true) {
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

    fn event(&mut self, event: Event) {
        match event {
            Event::Opened {
                token, listener, ..
            } => {
                let listener = listener.index.cast_signed();
                self.records.put(OPENED, token, listener, [0.0; 2]);
            }
            Event::Dropped {
                listener,
                peer,
                reason,
                count,
            } => self.records.put_drop(listener, &peer, reason as i32, count),
            Event::Connected { token } => self.records.put(CONNECTED, token, 0, [0.0; 2]),
            Event::End { token } => self.records.put(END, token, 0, [0.0; 2]),
            // A queue's length is far below 2^53, so the double is exact.
            Event::Queued { token, bytes } => {
                self.records.put(QUEUED, token, 0, [bytes as f64, 0.0]);
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
                let close = Close {
                    unsent,
                    bytes_read,
                    bytes_written,
                    peer,
                    local,
                };
                let reason = self.errors.encode(reason);
                self.records.put_close(token, reason, &close);
            }
            Event::WriteFailed { token, failure } => {
                let reason = self.errors.encode(CloseReason::Failed(failure));
                self.records.put(WRITE_FAILED, token, reason, [0.0; 2]);
            }
            Event::WritingEnded { token, error } => {
                let reason = error.map_or(CloseReason::Ended, CloseReason::Protocol);
                let reason = self.errors.encode(reason);
                self.records.put(WRITING_ENDED, token, reason, [0.0; 2]);
            }
            // JavaScript cannot add layers, so none asks.
            Event::Asked { token, .. } => {
                self.uncaught = Some(format!("edgepoll: a layer of {token:?} asks"));
            }
            Event::AlarmRefused { errno } => {
                self.uncaught = Some(format!(
                    "edgepoll: timerfd_settime failed: {errno}: timeouts come late"
                ));
            }
            Event::AcceptPaused { listener, errno } => {
                let errno = names::number(errno);
                self.records.put(ACCEPT_PAUSED, listener, errno, [0.0; 2]);
            }
            // An event of a newer core. JavaScript may wait for it in vain, so the program must see that it was lost.
            _ => self.uncaught = Some(format!("edgepoll: no record for the event {event:?}")),
        }
    }
}
