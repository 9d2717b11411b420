//! An inbox that records everything. A test chooses how many items it takes in a turn, and how large its receive buffer is.
//!
//! An item beyond its room is a fault of the reactor. The inbox notes it in `overfilled`.

use std::ops::Range;

use edgepoll::kernel::Space;
use edgepoll::protocol::{Field, Messages};
use edgepoll::reactor::{Event, Found, Inbox};
use edgepoll::Token;

/// What a turn reported, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Frame(Token, Range<usize>),
    /// A message: its kind, and the place of its fields in `bytes`, one behind the other.
    Message(Token, u8, Range<usize>),
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
    /// Numbers of a table that fit.
    pub(crate) table_room: usize,
}

/// How many messages one place of the room may hold.
const MOST_MESSAGES: usize = 1_024;

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
            table_room: 4_096,
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

    fn filled(&mut self, lend: bool, length: usize) -> &mut [u8] {
        &mut self.spaces[usize::from(lend)][..length]
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

    fn table_room(&self) -> usize {
        self.table_room
    }

    fn messages(&mut self, found: &Found<'_>, consumed: usize) {
        let body = self.spaces[usize::from(self.lends)][..consumed].to_vec();
        self.copied_messages(found, &body);
    }

    fn copied_messages(&mut self, found: &Found<'_>, body: &[u8]) {
        let body = [body, found.made].concat();
        let messages: Vec<_> = Messages::new(found.table, &body).collect();
        self.overfilled |= messages.len() != found.count as usize;
        for message in messages {
            let start = self.bytes.len();
            for field in message.fields() {
                match field {
                    Field::Bytes(bytes) => self.bytes.extend_from_slice(bytes),
                    other => self
                        .bytes
                        .extend_from_slice(format!("{other:?}").as_bytes()),
                }
            }
            let body = start..self.bytes.len();
            self.items
                .push(Item::Message(found.token, message.kind(), body));
        }
        self.overfilled |= self.items.len() > self.room.saturating_mul(MOST_MESSAGES);
    }

    fn received(&mut self, length: usize) {
        // Overwrites the bytes, so that a second read of them does not find what was received.
        self.spaces[usize::from(self.lends)][..length].fill(0xee);
    }

    fn event(&mut self, event: Event) {
        self.keep(Item::Event(event));
    }
}
