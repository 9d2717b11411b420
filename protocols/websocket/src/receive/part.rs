//! A message that has begun.

use std::ops::Range;

use crate::deflate::inflate::Inflater;
use crate::failure::Failure;
use crate::kind;
use crate::settings::Settings;
use crate::utf8;

use super::receiver::{Body, Found, Rules};

/// How much of a compressed message is unpacked at once if it comes in parts. zlib makes at most 1032 bytes of each.
const SLICE: usize = 128;
/// What may lie in the input beside a message before it is moved out.
const LITTER: usize = 4096;

/// Where the bytes of a message are that have not been handed over.
enum Place {
    /// At this place of the input, unmasked. What lies before and behind it, up to the next frame, is read and useless.
    Input(Range<usize>),
    /// In memory of their own.
    Own(Vec<u8>),
}

/// A message that has begun.
pub(crate) struct Part {
    pub(crate) kind: u8,
    is_compressed: bool,
    /// The length of the payloads of its frames so far.
    pub(crate) wire: usize,
    /// How many bytes have been handed over.
    given: usize,
    place: Place,
    /// How many of the bytes that have not been handed over are known to be whole characters.
    known: usize,
}

impl Part {
    /// `at` is where the payload of its first frame begins.
    pub(crate) fn new(kind: u8, is_compressed: bool, at: usize, rules: &Rules<'_>) -> Part {
        Part {
            kind,
            is_compressed,
            wire: 0,
            given: 0,
            place: if is_compressed {
                Place::Own(rules.shared.pool.borrow_mut().buffer())
            } else {
                Place::Input(at..at)
            },
            known: 0,
        }
    }

    pub(crate) fn is_in_input(&self) -> bool {
        matches!(self.place, Place::Input(_))
    }

    fn length(&self) -> usize {
        match &self.place {
            Place::Input(range) => range.len(),
            Place::Own(bytes) => bytes.len(),
        }
    }

    /// Whether the first `next` bytes of the input can go, or are mostly useless: then the message is better moved out.
    pub(crate) fn is_littered(&self, next: usize) -> bool {
        !self.is_in_input() || next > 2 * self.length() + LITTER
    }

    pub(crate) fn move_out(&mut self, input: &[u8]) {
        if let Place::Input(range) = &self.place {
            self.place = Place::Own(input[range.clone()].to_vec());
        }
    }

    /// How many bytes of payload can be taken at once.
    pub(crate) fn room(&self, settings: &Settings) -> usize {
        match settings.fragments {
            None => usize::MAX,
            Some(_) if self.is_compressed => SLICE,
            Some(most) => most.saturating_sub(self.length()),
        }
    }

    /// Whether the bytes are taken only when all of [`Part::room`] is there. If not, it would depend on how the input was cut where a
    /// part ends.
    pub(crate) fn takes_whole_slices(&self, settings: &Settings) -> bool {
        self.is_compressed && settings.fragments.is_some()
    }

    /// Adds a piece of payload.
    pub(crate) fn add(
        &mut self,
        input: &mut [u8],
        piece: Range<usize>,
        is_whole: bool,
        inflater: &mut Option<Box<Inflater>>,
        rules: &Rules<'_>,
    ) -> Result<(), Failure> {
        let added = match &mut self.place {
            Place::Input(range) => {
                *range = join(input, range.clone(), piece);
                Ok(())
            }
            Place::Own(bytes) => match rules.deflate.filter(|_| self.is_compressed) {
                None => {
                    bytes.extend_from_slice(&input[piece]);
                    Ok(())
                }
                Some(agreed) => {
                    let most = rules.settings.max_message.saturating_sub(self.given);
                    let mut pool = rules.shared.pool.borrow_mut();
                    let state = inflater.get_or_insert_with(|| Box::new(pool.inflater(agreed)));
                    let added =
                        state
                            .inflate(&input[piece], bytes, most)
                            .and_then(|()| match is_whole {
                                true => state.finish(bytes, most),
                                false => Ok(()),
                            });
                    if let Some(state) = inflater.take_if(|_| is_whole && agreed.peer_reset) {
                        pool.give_inflater(*state, agreed);
                    }
                    added
                }
            },
        };
        // First what came in front of the fault: otherwise it would depend on the cut which of the two is reported.
        self.check_text(input, is_whole && added.is_ok())?;
        added
    }

    fn check_text(&mut self, input: &[u8], is_whole: bool) -> Result<(), Failure> {
        if self.kind != kind::TEXT {
            return Ok(());
        }
        let bytes = match &self.place {
            Place::Input(range) => &input[range.clone()],
            Place::Own(bytes) => bytes,
        };
        match utf8::check(bytes, self.known) {
            Some(known) if known == bytes.len() || !is_whole => {
                self.known = known;
                Ok(())
            }
            _ => Err(Failure::invalid("a text is not UTF-8")),
        }
    }

    /// Hands over what can be: all of a whole message, and of one in parts what has come if that is enough or a frame has ended. `next`
    /// is where the next look begins; what the result consumes is at most that.
    pub(crate) fn give(
        &mut self,
        next: usize,
        has_frame_ended: bool,
        is_whole: bool,
        settings: &Settings,
    ) -> Option<Found> {
        let length = self.length();
        if !is_whole {
            let most = settings.fragments?;
            if length < most && !has_frame_ended {
                return None;
            }
        }
        // A character that is not whole waits for its rest.
        let given = if self.kind == kind::TEXT {
            self.known
        } else {
            length
        };
        if given == 0 && !is_whole {
            return None;
        }
        let (body, consumed) = match &mut self.place {
            Place::Input(range) => {
                let body = range.start..range.start + given;
                let consumed = if given == length { next } else { body.end };
                *range = 0..length - given;
                if given == length {
                    *range = 0..0;
                }
                (Body::Input(body), consumed)
            }
            Place::Own(bytes) => {
                let rest = bytes.split_off(given);
                (Body::Own(std::mem::replace(bytes, rest)), next)
            }
        };
        self.given += given;
        self.known = 0;
        Some(Found::Message {
            kind: self.kind,
            is_last: is_whole,
            body,
            consumed,
        })
    }
}

/// Brings the piece and the bytes before it together: the shorter one is moved. Returns where both are.
fn join(input: &mut [u8], range: Range<usize>, piece: Range<usize>) -> Range<usize> {
    if range.is_empty() {
        return piece;
    }
    if range.end == piece.start {
        return range.start..piece.end;
    }
    if range.len() < piece.len() {
        let start = piece.start - range.len();
        input.copy_within(range, start);
        return start..piece.end;
    }
    let end = range.end + piece.len();
    input.copy_within(piece, range.end);
    range.start..end
}
