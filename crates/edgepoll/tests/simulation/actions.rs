//! The random actions of the owner and the peers between two turns.
//!
//! An action checks only the result of its own call.

use std::rc::Rc;

use edgepoll::kernel::simulated::Outcome;
use edgepoll::protocol::{Factory, Lines};
use edgepoll::reactor::{ConnectOptions, UpgradeError, WriteError};
use edgepoll::{Address, Errno, Token};

use crate::driver::Run;
use crate::model::Model;

/// Longer than any line that a peer ever sends.
const LINE_LIMIT: usize = 8_192;

impl Run {
    /// Lines, whose sessions use timers or not. Or no protocol.
    pub(crate) fn protocol(&mut self, lines: bool) -> Option<Rc<Factory>> {
        let has_timers = lines && self.random.chance(400);
        let protocol = Lines::new(LINE_LIMIT);
        let ticking = has_timers.then(|| self.ticks.protocol(protocol.clone(), self.random.bits()));
        lines.then(|| Rc::new(ticking.map_or_else(|| Factory::new(protocol), Factory::new)))
    }

    pub(crate) fn act(&mut self) -> Result<(), String> {
        match self.random.below(24) {
            0 => self.dial(),
            1 if self.models.len() < 12 => self.connect(),
            2 if self.random.chance(30) => self.close_a_listener(),
            3 => self.grant(),
            4 => {
                let time = self
                    .random
                    .pick(&[1_000, 6_000_000, 50_000_000, 12_000_000_000]);
                self.kernel().advance(time);
            }
            5 if self.random.chance(200) => {
                self.reactor.wake().map_err(|errno| errno.to_string())?;
            }
            6 => return self.use_a_stale_token(),
            7..=14 => return self.peer_acts(),
            _ => return self.owner_acts(),
        }
        Ok(())
    }

    fn dial(&mut self) {
        if self.listening.is_empty() || self.models.len() >= 12 {
            return;
        }
        let place = self.random.below(self.listening.len());
        let (address, lines, limits) = {
            let listening = &self.listening[place];
            (listening.address, listening.lines, listening.limits)
        };
        if let Some(peer) = self.kernel().dial(address) {
            let model = Model::new(peer, lines, limits, &mut self.random);
            self.models.push(model);
        }
    }

    fn connect(&mut self) {
        let outcome = self.random.pick(&[
            Outcome::Established,
            Outcome::Established,
            Outcome::Established,
            Outcome::Refused,
            Outcome::Never,
            Outcome::Itself,
            Outcome::AtOnce(Errno::ENETUNREACH),
        ]);
        let after = self.random.pick(&[0, 3_000_000, 20_000_000_000]);
        self.kernel().plan_connect(outcome, after);
        let lines = self.random.chance(500);
        let limits = self.limits();
        let options = ConnectOptions {
            timeout: self.random.pick(&[1, 10_000]),
            limits,
            protocol: self.protocol(lines),
            ..ConnectOptions::default()
        };
        let address = Address::Inet([198, 51, 100, 7].into(), 9_000);
        let connected = self.reactor.connect(address, options);
        // A connect whose registration failed leaves a peer without a connection.
        let made = self.kernel().connections() > self.models.len();
        if made {
            let peer = edgepoll::kernel::simulated::Peer(self.models.len());
            let mut model = Model::new(peer, lines, limits, &mut self.random);
            match connected {
                Ok(token) => {
                    model.token = Some(token);
                    model.connecting = true;
                    self.by_token.insert(token, peer.0);
                }
                Err(_) => model.closed = true,
            }
            self.models.push(model);
        }
    }

    fn close_a_listener(&mut self) {
        if !self.listening.is_empty() {
            let place = self.random.below(self.listening.len());
            self.reactor.close_listener(self.listening[place].token);
            self.listening[place].closed = true;
        }
    }

    fn grant(&mut self) {
        if !self.listening.is_empty() {
            let place = self.random.below(self.listening.len());
            let listening = &mut self.listening[place];
            listening.credit = listening.credit.saturating_add(2);
            self.reactor.grant(listening.token, 2);
        }
    }

    /// A token whose close was reported reaches no connection and causes no system call.
    fn use_a_stale_token(&mut self) -> Result<(), String> {
        if self.stale_tokens.is_empty() {
            return Ok(());
        }
        let token = self.random.pick(&self.stale_tokens);
        let calls = self.kernel().calls();
        let answer = self.reactor.write(token, b"stray", false);
        self.reactor.pause(token);
        self.reactor.resume(token);
        self.reactor.end_and_discard(token);
        self.reactor.destroy(token);
        self.reactor.reset(token);
        self.reactor.close_listener(token);
        if answer != Err(WriteError::Closed) || self.kernel().calls() != calls {
            return Err(format!(
                "1: {token:?} is stale and reached something: {answer:?}"
            ));
        }
        Ok(())
    }

    fn peer_acts(&mut self) -> Result<(), String> {
        if self.models.is_empty() {
            return Ok(());
        }
        let place = self.random.below(self.models.len());
        let peer = self.models[place].peer;
        match self.random.below(40) {
            0 => {
                let view = self.kernel().view(peer);
                self.kernel().peer_reset(peer);
                if !view.connecting && self.kernel().view(peer).was_reset {
                    self.models[place].aborted = true;
                    self.counts.resets_after_data += u64::from(view.unread > 0);
                }
            }
            1 => {
                self.kernel().peer_close(peer);
                let model = &mut self.models[place];
                model.aborted = true;
                model.finished |= self.reactor.kernel_mut().view(peer).input_ended;
            }
            2 | 3 => {
                let finished = self.kernel().peer_finish(peer);
                self.models[place].finished |= finished;
            }
            4..=17 => {
                if !self.models[place].never_reads {
                    let most = 1 + self.random.below(self.most_bytes);
                    self.peer_reads(place, most)?;
                }
            }
            _ => {
                let length = 1 + self.random.below(self.most_bytes);
                self.peer_sends(place, length);
                if self.random.chance(100) {
                    // The bytes before and after the mark arrive before any of them are received.
                    self.kernel().peer_send_urgent(peer);
                    self.peer_sends(place, length);
                }
            }
        }
        Ok(())
    }

    fn peer_sends(&mut self, place: usize, length: usize) {
        let model = &mut self.models[place];
        let bytes = model.next_bytes(length);
        let taken = self.reactor.kernel_mut().peer_send(model.peer, &bytes);
        model.sent += taken as u64;
    }

    pub(crate) fn peer_reads(&mut self, place: usize, most: usize) -> Result<(), String> {
        let mut bytes = Vec::new();
        let peer = self.models[place].peer;
        self.kernel().peer_receive(peer, most, &mut bytes);
        self.models[place].verify(&bytes)
    }

    fn owner_acts(&mut self) -> Result<(), String> {
        let open: Vec<(usize, Token)> = self
            .models
            .iter()
            .zip(0..)
            .filter(|(model, _)| !model.closed && !model.destroyed)
            .filter_map(|(model, place)| Some((place, model.token?)))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let (place, token) = self.random.pick(&open);
        let model = &mut self.models[place];
        match self.random.below(45) {
            43 | 44 if model.lines => self.upgrade(token)?,
            0 => {
                model.destroyed = true;
                self.reactor.destroy(token);
            }
            40 => {
                model.destroyed = true;
                // Not if the connection is closed already and only the report of its close is outstanding.
                model.reset_requested = self.reactor.is_open(token);
                self.reactor.reset(token);
            }
            41 | 42 => self.end_with(place, token)?,
            1 => {
                model.ended = true;
                self.reactor.end(token);
            }
            2 => {
                model.ended = true;
                model.discarding |= !model.end_reported;
                model.paused = false;
                self.reactor.end_and_discard(token);
            }
            3..=8 => {
                model.paused = !model.discarding;
                self.reactor.pause(token);
            }
            9..=18 => {
                model.paused = false;
                self.reactor.resume(token);
            }
            _ => {
                let writes = 1 + self.random.below(4);
                for left in (0..writes).rev() {
                    self.write(place, token, left > 0 || self.random.clone().chance(200))?;
                }
            }
        }
        Ok(())
    }

    /// Gives a connection another session of lines.
    fn upgrade(&mut self, token: Token) -> Result<(), String> {
        let protocol = self.protocol(true);
        let is_open = self.reactor.is_open(token);
        match self.reactor.upgrade(token, protocol.as_ref()) {
            Ok(()) => self.counts.upgrades += 1,
            Err(UpgradeError::Closed) if !is_open => {}
            Err(UpgradeError::Discarded) if is_open => {}
            Err(error) => return Err(format!("an upgrade was refused: {error}")),
        }
        Ok(())
    }

    fn write(&mut self, place: usize, token: Token, more: bool) -> Result<(), String> {
        let length = self.random.below(self.most_bytes);
        let model = &mut self.models[place];
        let (body, wire) = model.message(length);
        let before = self.reactor.queued(token);
        let answer = self.reactor.write(token, &body, more);
        let full = before >= model.limits.send_queue as usize;
        match answer {
            Ok(queued) => {
                if model.ended || full {
                    return Err(format!(
                        "7: a write was taken with {before} bytes queued, or after the end"
                    ));
                }
                model.last_write = wire.len();
                model.written.extend(wire);
                model.note_queue_length(queued);
                if queued != self.reactor.queued(token) {
                    return Err("a write returned a wrong queue length".to_owned());
                }
            }
            // How much of this write the failed send took is unknown. The rest of it, and every later write, is unsent.
            Err(WriteError::Failed) => {
                model.partly_sent = true;
                model.written.extend(wire);
            }
            Err(WriteError::QueueFull) if full => model.overflowed = true,
            Err(WriteError::Ended) if model.ended => {}
            // Some owners accept a write before they pass it to the reactor. The reactor refuses it if the connection is
            // closed by then.
            Err(WriteError::Closed) => {
                if !model.ended && self.random.chance(500) {
                    model.written.extend(&wire);
                    self.reactor.count_unsent(token, wire.len());
                }
            }
            Err(error) => return Err(format!("a write was refused without a reason: {error}")),
        }
        Ok(())
    }

    /// A last write is accepted however long the queue is.
    fn end_with(&mut self, place: usize, token: Token) -> Result<(), String> {
        let length = self.random.below(self.most_bytes);
        let model = &mut self.models[place];
        let (body, wire) = model.message(length);
        let before = self.reactor.queued(token);
        let answer = self.reactor.end_with(token, &body);
        match answer {
            Ok(unsent) => {
                if model.ended {
                    return Err("a last write was taken after the end".to_owned());
                }
                self.counts.last_writes += u64::from(before >= model.limits.send_queue as usize);
                model.last_write += wire.len();
                model.written.extend(wire);
                if unsent != self.reactor.unsent(token) {
                    return Err("a last write returned a wrong number of unsent bytes".to_owned());
                }
                model.note_queue_length(self.reactor.queued(token));
            }
            Err(WriteError::Failed) => {
                model.partly_sent = true;
                model.written.extend(wire);
            }
            Err(WriteError::Ended) if model.ended => {}
            Err(WriteError::Closed) => {}
            Err(error) => return Err(format!("a last write was refused: {error}")),
        }
        model.ended = true;
        Ok(())
    }
}
