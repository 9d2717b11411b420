//! From frames to messages.

use std::ops::Range;

use edgepoll_protocol::Role;

use crate::deflate::inflate::Inflater;
use crate::deflate::Agreed;
use crate::failure::Failure;
use crate::frame::header::{self, Header, CONTINUATION};
use crate::frame::mask;
use crate::kind;
use crate::settings::{Accepts, Settings};
use crate::shared::Shared;

use super::part::Part;

/// What is known about the connection.
pub(crate) struct Rules<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) shared: &'a Shared,
    /// Which side the frames are from.
    pub(crate) from: Role,
    pub(crate) deflate: Option<&'a Agreed>,
}

/// Where a message's bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// In the input.
    Input(Range<usize>),
    /// Here.
    Own(Vec<u8>),
}

/// What a look at the input found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The input must have so many bytes.
    Need(usize),
    /// So many bytes are dealt with.
    Skip(usize),
    /// A message, or a part of one.
    Message {
        kind: u8,
        is_last: bool,
        body: Body,
        consumed: usize,
    },
    /// A control frame. Its payload is unmasked. `consumed` is 0 if a message lies in front of it: then the frame has been stepped over.
    Control {
        kind: u8,
        payload: Range<usize>,
        consumed: usize,
    },
}

/// A data frame whose payload is arriving.
struct Frame {
    left: usize,
    mask: Option<[u8; 4]>,
    is_last: bool,
}

/// What has come of a message, and where the next look begins.
#[derive(Default)]
pub(crate) struct Receiver {
    /// The message that has begun.
    part: Option<Part>,
    frame: Option<Frame>,
    /// Where what has not been looked at begins.
    next: usize,
    /// The state of decompression, once a compressed message has come.
    inflater: Option<Box<Inflater>>,
}

/// How much of a binary message is waited for at once. Not for all of it: each look shows that the peer is alive.
const STEP: usize = 16 << 10;

impl Receiver {
    /// Looks at the input.
    #[inline]
    pub(crate) fn look(&mut self, input: &mut [u8], rules: &Rules<'_>) -> Result<Found, Failure> {
        loop {
            if self.frame.is_none() {
                if let Some(found) = self.header(input, rules)? {
                    return Ok(found);
                }
            }
            if let Some(found) = self.payload(input, rules)? {
                return Ok(found);
            }
        }
    }

    /// Reads the header of the next frame. `None`: it is a data frame.
    fn header(&mut self, input: &mut [u8], rules: &Rules<'_>) -> Result<Option<Found>, Failure> {
        if self.next > 0
            && self
                .part
                .as_ref()
                .is_some_and(|part| part.is_littered(self.next))
        {
            return Ok(Some(Found::Skip(self.move_out(input))));
        }
        let header = match header::read(&input[self.next..], rules.from)? {
            Ok(header) => header,
            Err(size) => return Ok(Some(Found::Need(self.next + size))),
        };
        let start = self.next + header.size;
        if Header::is_control(header.opcode) {
            return self.control(input, &header, start).map(Some);
        }
        self.check(&header, rules)?;
        // The length is within a limit, which fits.
        let length = header.length as usize;
        let part = self
            .part
            .get_or_insert_with(|| Part::new(header.opcode, header.is_compressed, start, rules));
        part.wire += length;
        self.frame = Some(Frame {
            left: length,
            mask: header.mask,
            is_last: header.is_last,
        });
        self.next = start;
        Ok(None)
    }

    fn check(&self, header: &Header, rules: &Rules<'_>) -> Result<(), Failure> {
        let Settings {
            max_frame,
            max_message,
            accepts,
            ..
        } = rules.settings;
        match (&self.part, header.opcode) {
            (None, CONTINUATION) => {
                return Err(Failure::protocol("a frame continues no message"));
            }
            (Some(_), kind::TEXT | kind::BINARY) => {
                return Err(Failure::protocol("a message begins inside another one"));
            }
            (None, kind::TEXT) if *accepts == Accepts::Binary => {
                return Err(Failure::unsupported("texts are not accepted"));
            }
            (None, kind::BINARY) if *accepts == Accepts::Text => {
                return Err(Failure::unsupported("binary messages are not accepted"));
            }
            _ => {}
        }
        if header.is_compressed && (rules.deflate.is_none() || header.opcode == CONTINUATION) {
            return Err(Failure::protocol("a frame has a reserved bit"));
        }
        if header.length > *max_frame as u64 {
            return Err(Failure::too_long("a frame is longer than maxFrame"));
        }
        let before = self.part.as_ref().map_or(0, |part| part.wire);
        if header.length > max_message.saturating_sub(before) as u64 {
            return Err(Failure::too_long("a message is longer than maxMessage"));
        }
        Ok(())
    }

    fn control(
        &mut self,
        input: &mut [u8],
        header: &Header,
        start: usize,
    ) -> Result<Found, Failure> {
        if header.is_compressed {
            return Err(Failure::protocol("a frame has a reserved bit"));
        }
        // At most 125.
        let end = start + header.length as usize;
        let Some(payload) = input.get_mut(start..end) else {
            return Ok(Found::Need(end));
        };
        if let Some(mask) = header.mask {
            mask::apply(payload, mask);
        }
        let lies_behind = self.part.as_ref().is_some_and(Part::is_in_input);
        self.next = if lies_behind { end } else { 0 };
        Ok(Found::Control {
            kind: header.opcode,
            payload: start..end,
            consumed: if lies_behind { 0 } else { end },
        })
    }

    /// Takes what has come of a data frame's payload.
    fn payload(&mut self, input: &mut [u8], rules: &Rules<'_>) -> Result<Option<Found>, Failure> {
        let (Some(frame), Some(part)) = (&mut self.frame, &mut self.part) else {
            return Ok(None);
        };
        let here = input.len() - self.next;
        let wanted = part.room(rules.settings).min(frame.left);
        let taken = wanted.min(here);
        if taken < wanted && part.takes_whole_slices(rules.settings) {
            return Ok(Some(Found::Need(self.next + wanted)));
        }
        let piece = self.next..self.next + taken;
        if let Some(mask) = &mut frame.mask {
            mask::apply(&mut input[piece.clone()], *mask);
            *mask = mask::after(*mask, taken);
        }
        frame.left -= taken;
        self.next = piece.end;
        let is_whole = frame.left == 0 && frame.is_last;
        part.add(input, piece, is_whole, &mut self.inflater, rules)?;
        let left = frame.left;
        if left == 0 {
            self.frame = None;
        }
        if let Some(found) = part.give(self.next, left == 0, is_whole, rules.settings) {
            if let Found::Message { consumed, .. } = found {
                self.next -= consumed;
            }
            if is_whole {
                self.part = None;
            }
            return Ok(Some(found));
        }
        if left == 0 {
            return Ok(None);
        }
        if part.is_in_input() {
            // A text is checked as it comes, so that a wrong byte is noticed at once.
            let step = match part.kind {
                kind::TEXT => 1,
                _ => left.min(STEP).min(part.room(rules.settings)),
            };
            return Ok(Some(Found::Need(self.next + step)));
        }
        let consumed = std::mem::take(&mut self.next);
        Ok(Some(match consumed {
            0 => Found::Need(1),
            consumed => Found::Skip(consumed),
        }))
    }

    /// Lets the message that has begun no longer lie in the input. Returns how many bytes of that are dealt with.
    pub(crate) fn move_out(&mut self, input: &[u8]) -> usize {
        if let Some(part) = &mut self.part {
            part.move_out(input);
        }
        std::mem::take(&mut self.next)
    }
}
