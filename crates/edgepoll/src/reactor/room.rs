//! How much the connections of a listener may hold together: what they hold, which of them wait for room, and the search for those
//! that are closed.

use std::collections::VecDeque;

use crate::Token;

/// A connection receives only if there is room for so many bytes: fewer are not worth a system call.
const LEAST: usize = 1_024;
/// When so many parts of the limit have become free, the connections that wait are looked at again.
const STEPS: usize = 64;

/// What the connections of a listener hold, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    /// The limit for both together.
    most: usize,
    /// Bytes of all its connections in send queues, and received bytes that are not handed over.
    pub(super) buffered: usize,
    /// Bytes that were handed over and that the owner keeps, as it has said last.
    pub(super) unread: usize,
    /// Connections that waited for room, each once. Those that closed or go on already are removed when it is their turn.
    waiting: VecDeque<Token>,
    /// How many of them are to be looked at.
    looks: usize,
    /// They are looked at again once so much is free.
    look_at: usize,
    /// The listener is in the list of those whose room is looked after in each turn.
    pub(super) is_tight: bool,
    pub(super) search: Search,
}

/// The search for connections to close, because too much is held although nothing is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    None,
    /// It goes on at this slot. Whether one was closed since it began at the first slot.
    At(usize, bool),
}

impl Room {
    pub(super) fn new(most: usize) -> Room {
        Room {
            most,
            buffered: 0,
            unread: 0,
            waiting: VecDeque::new(),
            looks: 0,
            look_at: usize::MAX,
            is_tight: false,
            search: Search::None,
        }
    }

    pub(super) fn held(&self) -> usize {
        self.buffered.saturating_add(self.unread)
    }

    /// How much is free.
    fn left(&self) -> usize {
        self.most.saturating_sub(self.held())
    }

    /// How much is free without an eighth of the limit, which is for connections that hold hardly anything. A single connection may hold as
    /// much. So the more is held, the less each may hold: those that hold most stop first, and the others go on.
    pub(super) fn shared(&self) -> usize {
        self.left().saturating_sub(self.most / 8)
    }

    /// For fewer bytes no connection receives.
    fn least(&self) -> usize {
        LEAST.min(self.most / STEPS).max(1)
    }

    /// How many bytes a connection may receive that holds `held` bytes: after them, it holds at most as much as is free then.
    pub(super) fn more(&self, held: usize) -> usize {
        let (more, least) = (self.shared().saturating_sub(held) / 2, self.least());
        if more >= least {
            more
        } else if held < least && self.left() >= least {
            least
        } else {
            0
        }
    }

    /// True while a connection may have to wait.
    pub(super) fn is_short(&self) -> bool {
        self.held() > self.most / 2 || !self.waiting.is_empty()
    }

    /// The held bytes have grown. If they are too many because of what was written, a search begins.
    pub(super) fn handle_growth(&mut self) {
        if self.must_shed() && self.search == Search::None {
            self.search = Search::At(0, false);
        }
    }

    fn must_shed(&self) -> bool {
        self.held() > self.most && self.buffered > self.most / 2
    }

    /// True when enough is free again that no connection has to be closed.
    pub(super) fn has_shed(&self) -> bool {
        self.held() <= self.most / 4 * 3 || self.buffered <= self.most / 2
    }

    /// A search has come to the last slot. It begins again if it has closed a connection and that was not enough.
    pub(super) fn handle_searched(&mut self, has_closed: bool) {
        self.search = if has_closed && self.must_shed() {
            Search::At(0, false)
        } else {
            Search::None
        };
    }

    /// A connection waits for room.
    pub(super) fn wait(&mut self, token: Token) {
        self.waiting.push_back(token);
        self.look_later();
    }

    /// True when there is something to do without an event of the kernel.
    pub(super) fn has_work(&self) -> bool {
        self.search != Search::None || self.looks > 0 || self.must_look()
    }

    fn must_look(&self) -> bool {
        !self.waiting.is_empty() && self.left() >= self.look_at
    }

    /// The next connection to look at.
    pub(super) fn next(&mut self) -> Option<Token> {
        if self.looks == 0 && self.must_look() {
            self.looks = self.waiting.len();
            self.look_at = usize::MAX;
        }
        self.looks = self.looks.checked_sub(1)?;
        let next = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.look_at = usize::MAX;
        }
        next
    }

    /// The connection that [`Room::next`] gave still waits.
    pub(super) fn wait_on(&mut self, token: Token) {
        self.waiting.push_back(token);
        self.look_later();
    }

    fn look_later(&mut self) {
        let left = self.left();
        let more = left.saturating_add(self.most / STEPS).max(self.least());
        // At half of the limit at the latest, unless that much is free now: a connection that waits then holds too much itself.
        let half = self.most / 2;
        let at = if left < half { more.min(half) } else { more };
        self.look_at = self.look_at.min(at);
    }

    /// The connections that wait.
    pub(super) fn into_waiting(self) -> VecDeque<Token> {
        self.waiting
    }

    /// The connections that wait, for [`Reactor::check`](super::Reactor::check).
    #[cfg(feature = "simulation")]
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Token> {
        self.waiting.iter()
    }
}
