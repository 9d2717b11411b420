//! What a session tells the reactor.

use std::ops::Range;

use crate::abi::{self, RawIo};

/// What a session tells the reactor while it is called: the message that it has found, bytes for the peer, timers.
///
/// A message has a kind and fields. The fields of a look at the input that does not end in [`Step::Message`](crate::Step::Message) or
/// [`Step::Pause`](crate::Step::Pause) are dropped. What was sent stays sent.
pub struct Io<'a> {
    raw: &'a mut RawIo,
    /// Where the input of this look begins in the input of the call.
    base: usize,
    header: i32,
    fields: u32,
    /// The furthest end of a field in the input of this look.
    end: usize,
}

impl<'a> Io<'a> {
    #[inline]
    pub(crate) fn new(raw: &'a mut RawIo, base: usize) -> Io<'a> {
        Io {
            raw,
            base,
            header: 0,
            fields: 0,
            end: 0,
        }
    }

    /// Where the last byte of a field lies, counted from the start of this look's input.
    #[inline]
    pub(crate) fn end_of_fields(&self) -> usize {
        self.end
    }

    /// The header of the message in the table.
    #[inline]
    pub(crate) fn header(&self) -> i32 {
        self.header | (self.fields << abi::FIELDS_SHIFT).cast_signed()
    }

    #[inline]
    fn push(&mut self, field: [i32; abi::FIELD]) {
        if self.raw.table.push(&field) {
            self.fields += 1;
        } else {
            self.raw.flags |= abi::OVERFLOW;
        }
    }

    /// Sets the message's kind. What the numbers mean is the protocol's own choice. Default 0.
    #[inline]
    pub fn kind(&mut self, kind: u8) {
        self.header = self.header & abi::MORE | i32::from(kind);
    }

    /// The message is a part, and the next message continues it. A protocol can hand over a long message in parts like this, so that
    /// it is never buffered as a whole.
    #[inline]
    pub fn more(&mut self) {
        self.header |= abi::MORE;
    }

    /// Adds a field: a range of the bytes that the message takes up, counted from the start of the input of this look.
    #[inline]
    pub fn field(&mut self, range: Range<usize>) {
        self.range(&range, 0);
    }

    /// Adds a field as [`Io::field`] does, for a text that is short and comes again and again: a key, a topic, a header's name. JavaScript
    /// gets the same string each time and does not make it anew.
    #[inline]
    pub fn name(&mut self, range: Range<usize>) {
        self.range(&range, abi::NAME);
    }

    #[inline]
    fn range(&mut self, range: &Range<usize>, third: i32) {
        // A range that does not fit into 32 bits lies outside the input, which the host finds.
        let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let length = range.end.checked_sub(range.start);
        self.end = self.end.max(range.end);
        self.push([
            number(self.base.saturating_add(range.start)),
            length.map_or(i32::MAX, number),
            third,
        ]);
    }

    /// Adds a field whose bytes are not in the input, as after decompression. They are copied.
    pub fn copied(&mut self, bytes: &[u8]) {
        let offset = i32::try_from(self.raw.made.length()).unwrap_or(i32::MAX);
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        if !self.raw.made.extend(bytes) {
            self.raw.flags |= abi::OVERFLOW;
        }
        self.push([offset, length, abi::MADE]);
    }

    /// Adds a field that has no value, as SQL's NULL.
    #[inline]
    pub fn null(&mut self) {
        self.push([0, abi::NULL, 0]);
    }

    /// Adds a field that is an integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.number_of(abi::INTEGER, value.cast_unsigned());
    }

    /// Adds a field that is a floating-point number.
    #[inline]
    pub fn double(&mut self, value: f64) {
        self.number_of(abi::DOUBLE, value.to_bits());
    }

    #[inline]
    fn number_of(&mut self, what: i32, bits: u64) {
        let [low, high] = [bits as u32, (bits >> 32) as u32].map(u32::cast_signed);
        self.push([low, what, high]);
    }

    /// Sends bytes to the peer, behind everything that was sent before.
    ///
    /// What one call of a method sends has a bound of the host's. If it is exceeded, the connection ends with an error.
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) {
        if self.raw.flags & abi::END != 0 {
            self.raw.flags |= abi::LATE;
        } else if !self.raw.output.extend(bytes) {
            self.raw.flags |= abi::OVERFLOW;
        }
    }

    /// Ends this side of the connection: FIN leaves behind what was sent. What the peer sends is still decoded.
    ///
    /// A session that sends anything after this breaks its contract, and the connection ends with an error.
    pub fn end(&mut self) {
        self.raw.flags |= abi::END;
    }

    /// Goes on decoding after [`Step::Pause`](crate::Step::Pause).
    pub fn resume(&mut self) {
        self.raw.flags |= abi::RESUME;
    }

    /// In [`Session::timer`](crate::Session::timer): whether input is held back, because the owner or this session has paused, the peer
    /// does not take what is sent to it, or the host was too busy to receive. The peer may then have sent what the session waits for, so a
    /// session should wait again rather than fail.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.raw.flags & abi::HELD != 0
    }

    /// Calls [`Session::timer`](crate::Session::timer) with this number in so many milliseconds, instead of the time that was set for
    /// this timer before. There are [`abi::TIMERS`] timers, from 0 on. A timer beyond them is ignored.
    pub fn set_timer(&mut self, timer: u8, milliseconds: u32) {
        self.put_timer(timer, milliseconds.min(abi::NO_TIMER - 1));
    }

    /// Stops a timer.
    pub fn clear_timer(&mut self, timer: u8) {
        self.put_timer(timer, abi::NO_TIMER);
    }

    fn put_timer(&mut self, timer: u8, value: u32) {
        if let Some(place) = self.raw.timers.get_mut(usize::from(timer)) {
            *place = value;
            self.raw.timers_set |= 1 << timer;
        }
    }
}
