//! The lists of slots that can make progress without another event of the kernel. Each such slot is on one of them, once.

use std::collections::VecDeque;

use crate::Token;

/// Which list a slot belongs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Listeners with clients to accept. They have a list of their own so that no number of busy connections delays them.
    Listeners,
    /// Connections that were quiet. They come before those of `Rest`.
    Ready,
    /// Connections that had their share in an earlier turn, and have more to do.
    Rest,
}

/// The three lists. Each is served from its front. A token may be stale; it is skipped then.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) listeners: VecDeque<Token>,
    pub(super) ready: VecDeque<Token>,
    pub(super) rest: VecDeque<Token>,
    /// The last turn served no connection although some were listed, so the next one serves connections before listeners.
    pub(super) connections_first: bool,
    /// The last turn served no connection of `rest` although there were some, so the next one begins with `rest`.
    pub(super) rest_first: bool,
    /// Turns in a row that left out `rest`, because the owner was behind.
    pub(super) rest_skipped: u8,
    /// Turns in a row that served no listener although some were listed, for the check of the invariants.
    #[cfg(feature = "simulation")]
    pub(super) listeners_waited: u32,
}

impl Lists {
    #[inline]
    pub(super) fn push(&mut self, list: List, token: Token) {
        match list {
            List::Listeners => self.listeners.push_back(token),
            List::Ready => self.ready.push_back(token),
            List::Rest => self.rest.push_back(token),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.rest.is_empty() && self.listeners.is_empty()
    }

    /// True when a connection is listed.
    #[inline]
    pub(super) fn has_connections(&self) -> bool {
        !self.ready.is_empty() || !self.rest.is_empty()
    }

    /// All of them, for the check of the invariants.
    #[cfg(feature = "simulation")]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Token> {
        let connections = self.ready.iter().chain(&self.rest);
        self.listeners.iter().chain(connections)
    }
}
