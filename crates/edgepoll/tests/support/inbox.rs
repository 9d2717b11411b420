//! An inbox that records everything. A test chooses how many items it takes in a turn, and how large its receive buffer is.
//!
//! An item beyond its room is a fault of the reactor. The inbox notes it in `overfilled`.

use std::ops::Range;

use edgepoll::kernel::Space;
use edgepoll::reactor::{Event, Inbox};
use edgepoll::Token;

/// What a turn reported, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Token, Range<usize>),
    Event(Event),
}

/// Everything that one turn reported.
pub(crate) struct RecordingInbox {
    pub(crate) items: Vec<Item>,
    /// The bytes of all frames, one frame after the other.
    pub(crate) bytes: Vec<u8>,
    /// Memory that the inbox keeps, and memory that it lends. A reactor that confuses the two reads bytes that were never
    /// received.
    spaces: [Vec<u8>; 2],
    lends: bool,
    room: usize,
    /// How many of the next calls of `space` return an empty space.
    pub(crate) empty_spaces: usize,
    pub(crate) overfilled: bool,
}

impl RecordingInbox {
    pub(crate) fn new(room: usize, space: usize) -> RecordingInbox {
        RecordingInbox {
            items: Vec::new(),
            bytes: Vec::new(),
            spaces: [vec![0; space], vec![0; space]],
            lends: false,
            room,
            empty_spaces: 0,
            overfilled: false,
        }
    }

    /// Forgets the last turn.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
    }

    fn keep(&mut self, item: Item) {
        self.overfilled |= self.items.len() >= self.room;
        self.items.push(item);
    }
}

impl Inbox for RecordingInbox {
    fn room(&self) -> usize {
        self.room.saturating_sub(self.items.len())
    }

    fn space(&mut self, lend: bool) -> Space<'_> {
        self.lends = lend;
        if self.empty_spaces > 0 {
            self.empty_spaces -= 1;
            return Space::from(&mut [][..]);
        }
        Space::from(&mut self.spaces[usize::from(lend)][..])
    }

    fn filled(&mut self, lend: bool, length: usize) -> &[u8] {
        &self.spaces[usize::from(lend)][..length]
    }

    fn frame(&mut self, token: Token, body: Range<usize>) {
        let start = self.bytes.len();
        self.bytes
            .extend_from_slice(&self.spaces[usize::from(self.lends)][body]);
        self.keep(Item::Frame(token, start..self.bytes.len()));
    }

    fn copied_frame(&mut self, token: Token, body: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        self.keep(Item::Frame(token, start..self.bytes.len()));
    }

    fn received(&mut self, length: usize) {
        // Overwrites the bytes, so that a second read of them does not find what was received.
        self.spaces[usize::from(self.lends)][..length].fill(0xee);
    }

    fn event(&mut self, event: Event) {
        self.keep(Item::Event(event));
    }
}
