//! What the owner and the peers do between turns, at random.
//!
//! It must never judge more than the answer of the call that it made.

use edgepoll::kernel::simulated::Outcome;
use edgepoll::protocol::{Bytes, Codec, Lines};
use edgepoll::reactor::{CodecFactory, ConnectOptions, WriteError};
use edgepoll::{Address, Errno, Token};

use crate::driver::Run;
use crate::model::FarEnd;

/// Longer than any line that a peer ever sends.
const LINE_LIMIT: usize = 8_192;

fn codec(lines: bool) -> Box<dyn Codec> {
    if lines {
        Box::new(Lines::new(LINE_LIMIT))
    } else {
        Box::new(Bytes)
    }
}

pub(crate) fn codec_factory(lines: bool) -> CodecFactory {
    Box::new(move || codec(lines))
}

impl Run {
    pub(crate) fn act(&mut self) -> Result<(), String> {
        match self.random.below(24) {
            0 => self.dial(),
            1 if self.ends.len() < 12 => self.connect(),
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
        if self.listening.is_empty() || self.ends.len() >= 12 {
            return;
        }
        let place = self.random.below(self.listening.len());
        let (address, lines, limits) = {
            let listening = &self.listening[place];
            (listening.address, listening.lines, listening.limits)
        };
        if let Some(peer) = self.kernel().dial(address) {
            let end = FarEnd::new(peer, lines, limits, &mut self.random);
            self.ends.push(end);
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
            codec: codec(lines),
            ..ConnectOptions::default()
        };
        let address = Address::Inet([198, 51, 100, 7].into(), 9_000);
        let connected = self.reactor.connect(address, options);
        // A connect whose registration failed leaves a number that is nobody's.
        let made = self.kernel().connections() > self.ends.len();
        if made {
            let peer = edgepoll::kernel::simulated::Peer(self.ends.len());
            let mut end = FarEnd::new(peer, lines, limits, &mut self.random);
            match connected {
                Ok(token) => {
                    end.token = Some(token);
                    end.connecting = true;
                    self.by_token.insert(token, peer.0);
                }
                Err(_) => end.closed = true,
            }
            self.ends.push(end);
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

    /// A token whose close was told reaches nobody, and costs no call.
    fn use_a_stale_token(&mut self) -> Result<(), String> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let token = self.random.pick(&self.gone);
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
        if self.ends.is_empty() {
            return Ok(());
        }
        let place = self.random.below(self.ends.len());
        let peer = self.ends[place].peer;
        match self.random.below(40) {
            0 => {
                let view = self.kernel().view(peer);
                self.kernel().peer_reset(peer);
                if !view.connecting && self.kernel().view(peer).was_reset {
                    self.ends[place].broke = true;
                    self.counts.resets_after_data += u64::from(view.unread > 0);
                }
            }
            1 => {
                self.kernel().peer_close(peer);
                let end = &mut self.ends[place];
                end.broke = true;
                end.finished |= self.reactor.kernel_mut().view(peer).input_ended;
            }
            2 | 3 => {
                let finished = self.kernel().peer_finish(peer);
                self.ends[place].finished |= finished;
            }
            4..=17 => {
                if !self.ends[place].deaf {
                    let most = 1 + self.random.below(self.most_bytes);
                    self.peer_reads(place, most)?;
                }
            }
            _ => {
                let length = 1 + self.random.below(self.most_bytes);
                self.peer_sends(place, length);
                if self.random.chance(100) {
                    // Bytes on both sides of the mark arrive before either side receives.
                    self.kernel().peer_send_urgent(peer);
                    self.peer_sends(place, length);
                }
            }
        }
        Ok(())
    }

    fn peer_sends(&mut self, place: usize, length: usize) {
        let end = &mut self.ends[place];
        let bytes = end.next_bytes(length);
        let taken = self.reactor.kernel_mut().peer_send(end.peer, &bytes);
        end.sent += taken as u64;
    }

    pub(crate) fn peer_reads(&mut self, place: usize, most: usize) -> Result<(), String> {
        let mut bytes = Vec::new();
        let peer = self.ends[place].peer;
        self.kernel().peer_receive(peer, most, &mut bytes);
        self.ends[place].verify(&bytes)
    }

    fn owner_acts(&mut self) -> Result<(), String> {
        let open: Vec<(usize, Token)> = self
            .ends
            .iter()
            .zip(0..)
            .filter(|(end, _)| !end.closed && !end.destroyed)
            .filter_map(|(end, place)| Some((place, end.token?)))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let (place, token) = self.random.pick(&open);
        let end = &mut self.ends[place];
        match self.random.below(43) {
            0 => {
                end.destroyed = true;
                self.reactor.destroy(token);
            }
            40 => {
                end.destroyed = true;
                // Not if the connection is over already and only its report is outstanding.
                end.resets = self.reactor.is_open(token);
                self.reactor.reset(token);
            }
            41 | 42 => self.end_with(place, token)?,
            1 => {
                end.ended = true;
                self.reactor.end(token);
            }
            2 => {
                end.ended = true;
                end.discarding |= !end.end_told;
                end.paused = false;
                self.reactor.end_and_discard(token);
            }
            3..=8 => {
                end.paused = !end.discarding;
                self.reactor.pause(token);
            }
            9..=18 => {
                end.paused = false;
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

    fn write(&mut self, place: usize, token: Token, more: bool) -> Result<(), String> {
        let length = self.random.below(self.most_bytes);
        let end = &mut self.ends[place];
        let (body, wire) = end.message(length);
        let before = self.reactor.queued(token);
        let answer = self.reactor.write(token, &body, more);
        let full = before >= end.limits.send_queue as usize;
        match answer {
            Ok(queued) => {
                if end.ended || full {
                    return Err(format!(
                        "7: a write was taken with {before} bytes queued, or after the end"
                    ));
                }
                end.last_write = wire.len();
                end.written.extend(wire);
                end.know_queue(queued);
                if queued != self.reactor.queued(token) {
                    return Err("a write told a wrong queue".to_owned());
                }
            }
            // What a failed send took of it stays unknown; the rest, and all that comes after it, is unsent.
            Err(WriteError::Failed) => {
                end.is_torn = true;
                end.written.extend(wire);
            }
            Err(WriteError::QueueFull) if full => end.overflowed = true,
            Err(WriteError::Ended) if end.ended => {}
            // Some owners accept a write before they pass it to the reactor, which then refuses it if the connection is over.
            Err(WriteError::Closed) => {
                if !end.ended && self.random.chance(500) {
                    end.written.extend(&wire);
                    self.reactor.count_unsent(token, wire.len());
                }
            }
            Err(error) => return Err(format!("a write was refused without a reason: {error}")),
        }
        Ok(())
    }

    /// The last write is taken however long the queue is.
    fn end_with(&mut self, place: usize, token: Token) -> Result<(), String> {
        let length = self.random.below(self.most_bytes);
        let end = &mut self.ends[place];
        let (body, wire) = end.message(length);
        let before = self.reactor.queued(token);
        let answer = self.reactor.end_with(token, &body);
        match answer {
            Ok(unsent) => {
                if end.ended {
                    return Err("a last write was taken after the end".to_owned());
                }
                self.counts.last_writes += u64::from(before >= end.limits.send_queue as usize);
                end.last_write += wire.len();
                end.written.extend(wire);
                if unsent != self.reactor.unsent(token) {
                    return Err("a last write told wrongly what is unsent".to_owned());
                }
                end.know_queue(self.reactor.queued(token));
            }
            Err(WriteError::Failed) => {
                end.is_torn = true;
                end.written.extend(wire);
            }
            Err(WriteError::Ended) if end.ended => {}
            Err(WriteError::Closed) => {}
            Err(error) => return Err(format!("a last write was refused: {error}")),
        }
        end.ended = true;
        Ok(())
    }
}
