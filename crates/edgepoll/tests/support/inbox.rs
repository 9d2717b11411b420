//! An inbox that keeps everything, with room and space as small as a test wants them.
//!
//! It must never take more than it said it has room for: that is a fault of the reactor, and noted.

use std::ops::Range;

use edgepoll::kernel::Space;
use edgepoll::reactor::{Event, Inbox};
use edgepoll::Token;

/// What a turn told, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Token, Range<usize>),
    Event(Event),
}

/// Everything that one turn told.
pub(crate) struct Kept {
    pub(crate) items: Vec<Item>,
    /// The frames' bytes, one behind the other.
    pub(crate) bytes: Vec<u8>,
    /// Memory that stays and memory that is lent: whoever mixes them up reads what was never received.
    spaces: [Vec<u8>; 2],
    lends: bool,
    room: usize,
    /// How many more times the space is empty.
    pub(crate) empty_spaces: usize,
    pub(crate) overfilled: bool,
}

impl Kept {
    pub(crate) fn new(room: usize, space: usize) -> Kept {
        Kept {
            items: Vec::new(),
            bytes: Vec::new(),
            spaces: [vec![0; space], vec![0; space]],
            lends: false,
            room,
            empty_spaces: 0,
            overfilled: false,
        }
    }

    /// Makes place for the next turn.
    pub(crate) fn clear(&mut self) {
        self.items.clear();
        self.bytes.clear();
    }

    fn keep(&mut self, item: Item) {
        self.overfilled |= self.items.len() >= self.room;
        self.items.push(item);
    }
}

impl Inbox for Kept {
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
        // Whoever reads these bytes again reads what was never sent.
        self.spaces[usize::from(self.lends)][..length].fill(0xee);
    }

    fn event(&mut self, event: Event) {
        self.keep(Item::Event(event));
    }
}
