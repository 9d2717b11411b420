//! What a wait of the simulated kernel reports, and when it ends.

use std::time::Duration;

use super::socket::{Outcome, Place};
use super::state::SimulatedKernel;
use super::stream::Phase;
use crate::{Errno, Ready, Token};

impl SimulatedKernel {
    /// Moves the clock to the moment when something would have ended the sleep.
    pub(super) fn sleep(&mut self, timeout: Option<Duration>) {
        let limit = timeout.map(|time| {
            self.now
                .saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        });
        let streams = &self.streams;
        self.connects.retain(|&(_, place, _)| streams[place].open);
        let connect = self.connects.iter().map(|&(at, _, _)| at).min();
        match [limit, self.alarm, connect].into_iter().flatten().min() {
            Some(until) => self.now = self.now.max(until),
            None => self.endless_sleeps += 1,
        }
    }

    /// Ends the connects whose time has come.
    pub(super) fn end_connects(&mut self) {
        let now = self.now;
        let mut ended = Vec::new();
        self.connects.retain(|&(at, place, outcome)| {
            if at <= now {
                ended.push((place, outcome));
            }
            at > now
        });
        for (place, outcome) in ended {
            let stream = &mut self.streams[place];
            match outcome {
                Outcome::Established | Outcome::Itself => stream.phase = Phase::Established,
                Outcome::Refused => {
                    stream.phase = Phase::Dead;
                    stream.was_reset = true;
                    stream.error = Some(Errno::ECONNREFUSED);
                }
                Outcome::Never | Outcome::AtOnce(_) => continue,
            }
            stream.edge();
        }
    }

    /// Takes the pending events, in random order, as many as one wait reports.
    pub(super) fn collect(&mut self) -> Vec<(Token, Ready)> {
        let mut places: Vec<Place> = Vec::new();
        let streams = self
            .streams
            .iter()
            .zip(0..)
            .filter(|(stream, _)| stream.pending);
        places.extend(streams.map(|(_, at)| Place::Stream(at)));
        let listeners = self
            .listeners
            .iter()
            .zip(0..)
            .filter(|(listener, _)| listener.pending);
        places.extend(listeners.map(|(_, at)| Place::Listener(at)));
        for at in (1..places.len()).rev() {
            places.swap(at, self.random.below(at + 1));
        }
        places.truncate(self.faults.batch);
        let mut events = Vec::new();
        for place in places {
            let (token, ready) = match place {
                Place::Stream(at) => {
                    let stream = &mut self.streams[at];
                    stream.pending = false;
                    (stream.token, stream.ready())
                }
                Place::Listener(at) => {
                    let listener = &mut self.listeners[at];
                    listener.pending = false;
                    let waits = !listener.backlog.is_empty();
                    (
                        listener.token,
                        if waits {
                            Ready::READABLE
                        } else {
                            Ready::empty()
                        },
                    )
                }
            };
            // epoll polls the file again before it reports it, so an edge whose cause is gone is not reported.
            if let (Some(token), true) = (token, ready != Ready::empty()) {
                events.push((token, ready));
            }
        }
        events
    }

    /// Adds events without a cause: spurious ones, and ones with stale tokens.
    pub(super) fn invent(&mut self, events: &mut Vec<(Token, Ready)>) {
        const SPURIOUS: [Ready; 4] = [
            Ready::READABLE,
            Ready::WRITABLE,
            Ready::HANGUP,
            Ready::ERROR,
        ];
        if self.random.chance(self.faults.spurious) {
            let mut tokens: Vec<Token> = Vec::new();
            let streams = self.streams.iter().filter(|stream| stream.registered);
            tokens.extend(streams.filter_map(|stream| stream.token));
            let listeners = self.listeners.iter().filter(|listener| listener.registered);
            tokens.extend(listeners.filter_map(|listener| listener.token));
            if !tokens.is_empty() {
                let ready = self.random.pick(&SPURIOUS);
                // Linux reports an error or a hang-up only together with both directions.
                let reported = if ready == Ready::HANGUP || ready == Ready::ERROR {
                    ready | Ready::READABLE | Ready::WRITABLE
                } else {
                    ready
                };
                events.push((self.random.pick(&tokens), reported));
            }
        }
        if !self.ghosts.is_empty() && self.random.chance(self.faults.ghosts) {
            let token = self.random.pick(&self.ghosts);
            let ready = self.random.pick(&SPURIOUS);
            self.ghosts_reported += 1;
            let at = self.random.below(events.len() + 1);
            events.insert(at, (token, ready | Ready::READABLE | Ready::WRITABLE));
        }
    }
}
