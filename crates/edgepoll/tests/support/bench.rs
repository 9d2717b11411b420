//! A reactor with an owner that only remembers: what was told, and each connection's bytes.
//!
//! It must never act by itself. Shared by the tests of single hazards.

use std::collections::HashMap;
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Budget, Event, Reactor};
use edgepoll::Token;

use crate::inbox::{Item, Kept};

/// The reactor and everything that it told so far.
pub(crate) struct Bench<K: Kernel> {
    pub(crate) reactor: Reactor<K>,
    pub(crate) inbox: Kept,
    pub(crate) events: Vec<Event>,
    frames: HashMap<Token, Vec<Vec<u8>>>,
}

impl<K: Kernel> Bench<K> {
    pub(crate) fn with(kernel: K, budget: Budget, inbox: Kept) -> Bench<K> {
        Bench {
            reactor: Reactor::new(kernel, budget),
            inbox,
            events: Vec::new(),
            frames: HashMap::new(),
        }
    }

    /// One turn; gives the number of frames and events it told.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> usize {
        self.inbox.clear();
        self.reactor
            .turn(timeout, &mut self.inbox)
            .expect("epoll_wait");
        self.read()
    }

    /// As [`Bench::turn`], for a poll descriptor that is said to be readable.
    #[allow(
        dead_code,
        reason = "not every binary of tests that shares this has announcements"
    )]
    pub(crate) fn announced_turn(&mut self) -> usize {
        self.inbox.clear();
        self.reactor
            .announced_turn(&mut self.inbox)
            .expect("epoll_wait");
        self.read()
    }

    fn read(&mut self) -> usize {
        self.reactor.check().expect("the invariants hold");
        assert!(!self.inbox.overfilled, "the inbox was overfilled");
        for item in &self.inbox.items {
            match item {
                Item::Event(event) => self.events.push(event.clone()),
                Item::Frame(token, range) => {
                    let bytes = self.inbox.bytes[range.clone()].to_vec();
                    self.frames.entry(*token).or_default().push(bytes);
                }
            }
        }
        self.inbox.items.len()
    }

    pub(crate) fn opened(&self) -> Vec<Token> {
        let opened = |event: &Event| match event {
            Event::Opened { token, .. } => Some(*token),
            _ => None,
        };
        self.events.iter().filter_map(opened).collect()
    }

    pub(crate) fn frames(&self, token: Token) -> Vec<Vec<u8>> {
        self.frames.get(&token).cloned().unwrap_or_default()
    }

    pub(crate) fn bytes(&self, token: Token) -> Vec<u8> {
        self.frames(token).concat()
    }

    pub(crate) fn ended(&self, token: Token) -> bool {
        self.events.contains(&Event::End { token })
    }

    /// The one close of a connection, if it was told.
    pub(crate) fn closed(&self, token: Token) -> Option<CloseReason> {
        self.close_event(token).map(|(reason, _)| reason)
    }

    /// How it closed, and how many bytes were never sent.
    pub(crate) fn close_event(&self, of: Token) -> Option<(CloseReason, usize)> {
        let mut closes = self.events.iter().filter_map(|event| match event {
            Event::Closed {
                token,
                reason,
                unsent,
                ..
            } if *token == of => Some((*reason, *unsent)),
            _ => None,
        });
        let first = closes.next();
        assert_eq!(closes.next(), None, "{of:?} was closed twice");
        first
    }
}
