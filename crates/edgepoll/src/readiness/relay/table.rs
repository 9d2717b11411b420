//! The relay's registrations, and the queue of those that may have an event.

use std::collections::{HashMap, VecDeque};
use std::os::fd::RawFd;

use super::super::bits;
use crate::Errno;

/// One registration.
pub(super) struct Watched {
    pub(super) fd: RawFd,
    pub(super) interest: u32,
    /// False for a oneshot that has fired, until it is rearmed.
    pub(super) armed: bool,
    /// The bits that are kept until the consumer gets them, because another poll would not report them again.
    pub(super) once: u32,
    /// Which of these bits were reported since the last event.
    pub(super) kept: u32,
    /// Whether it is in the queue.
    pub(super) queued: bool,
}

impl Watched {
    /// The bits of `mask` that the registration reports.
    pub(super) fn wanted(&self, mask: u32) -> u32 {
        mask & (self.interest & bits::POLLABLE | bits::ERROR | bits::HANGUP)
    }
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) watched: HashMap<u64, Watched>,
    /// The tokens of registrations that may have an event, each once.
    pub(super) queue: VecDeque<u64>,
    /// The error that ended the thread.
    pub(super) failure: Option<Errno>,
}

impl Table {
    /// Queues a registration. Returns false if it is gone, or in the queue already.
    fn enqueue(&mut self, token: u64) -> bool {
        let Some(watched) = self.watched.get_mut(&token) else {
            return false;
        };
        if watched.queued {
            return false;
        }
        watched.queued = true;
        self.queue.push_back(token);
        true
    }

    pub(super) fn enqueue_all(&mut self, tokens: &mut Vec<u64>) {
        for token in tokens.drain(..) {
            self.enqueue(token);
        }
    }

    /// Adds an event that the kernel reported to the thread. Returns true if the consumer has to be woken.
    pub(super) fn add_event(&mut self, token: u64, mask: u32) -> bool {
        let Some(watched) = self.watched.get_mut(&token) else {
            // The file was unregistered meanwhile.
            return false;
        };
        watched.kept |= mask & watched.once;
        watched.armed && watched.wanted(mask) != 0 && self.enqueue(token)
    }

    /// As [`Table::add_event`], for the registration of a number.
    pub(super) fn add_event_of(&mut self, fd: RawFd, mask: u32) -> bool {
        let found = self.watched.iter().find(|(_, watched)| watched.fd == fd);
        let token = found.map(|(token, _)| *token);
        token.is_some_and(|token| self.add_event(token, mask))
    }
}
