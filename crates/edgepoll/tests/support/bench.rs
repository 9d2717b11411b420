//! A reactor and an owner that records what the reactor reports: its events, and the bytes of each connection.
//!
//! The owner never acts by itself. The tests of single hazards share it.

use std::collections::HashMap;
use std::time::Duration;

use edgepoll::connection::CloseReason;
use edgepoll::kernel::Kernel;
use edgepoll::reactor::{Budget, Event, Reactor};
use edgepoll::Token;

use crate::inbox::{Item, RecordingInbox};

/// The reactor, and everything that it has reported so far.
pub(crate) struct Bench<K: Kernel> {
    pub(crate) reactor: Reactor<K>,
    pub(crate) inbox: RecordingInbox,
    pub(crate) events: Vec<Event>,
    frames: HashMap<Token, Vec<Vec<u8>>>,
}

impl<K: Kernel> Bench<K> {
    pub(crate) fn with(kernel: K, budget: Budget, inbox: RecordingInbox) -> Bench<K> {
        Bench {
            reactor: Reactor::new(kernel, budget),
            inbox,
            events: Vec::new(),
            frames: HashMap::new(),
        }
    }

    /// Runs one turn. Returns the number of frames and events that it reported.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> usize {
        self.inbox.clear();
        self.reactor
            .turn(timeout, &mut self.inbox)
            .expect("epoll_wait");
        self.read()
    }

    /// As [`Bench::turn`], for a caller that knows that the poll descriptor is readable.
    #[allow(
        dead_code,
        reason = "only some of the test binaries that share this file call it"
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
        self.keep_events()
    }

    /// Keeps what the last turn reported.
    pub(crate) fn keep_events(&mut self) -> usize {
        assert!(!self.inbox.overfilled, "the inbox was overfilled");
        for item in &self.inbox.items {
            match item {
                Item::Event(event) => self.events.push(event.clone()),
                Item::Frame(token, range) | Item::Message(token, _, range) => {
                    let bytes = self.inbox.bytes[range.clone()].to_vec();
                    self.frames.entry(*token).or_default().push(bytes);
                }
            }
        }
        self.inbox.items.len()
    }

    /// Forgets everything that was reported, with its memory.
    #[allow(
        dead_code,
        reason = "only some of the test binaries that share this file call it"
    )]
    pub(crate) fn forget(&mut self) {
        self.events = Vec::new();
        self.frames = HashMap::new();
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

    #[allow(
        dead_code,
        reason = "only some of the test binaries that share this file call it"
    )]
    pub(crate) fn ended(&self, token: Token) -> bool {
        self.events.contains(&Event::End { token })
    }

    /// Why the connection was closed, if its close has been reported.
    pub(crate) fn closed(&self, token: Token) -> Option<CloseReason> {
        self.close_event(token).map(|(reason, _)| reason)
    }

    /// Why the connection was closed, and how many bytes were not sent. Panics if its close was reported twice.
    pub(crate) fn close_event(&self, of: Token) -> Option<(CloseReason, usize)> {
        let mut closes = self.events.iter().filter_map(|event| match event {
            Event::Closed {
                token,
                reason,
                unsent,
                ..
            } if *token == of => Some((reason.clone(), *unsent)),
            _ => None,
        });
        let first = closes.next();
        assert_eq!(closes.next(), None, "{of:?} was closed twice");
        first
    }
}
