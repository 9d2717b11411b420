//! Compares what a turn reported with the models: bytes in order, ends as they happened, one close for each connection.
//!
//! A clean end after a reset or after lost bytes is an error.

use edgepoll::connection::{CloseReason, Limits};
use edgepoll::kernel::Kernel;
use edgepoll::reactor::Event;
use edgepoll::{Call, Errno, Token};

use crate::driver::{Listening, Run};
use crate::inbox::Item;

impl Run {
    pub(crate) fn read_inbox(&mut self) -> Result<(), String> {
        if self.inbox.overfilled {
            return Err("7: the inbox was given more than it has room for".to_owned());
        }
        for model in &mut self.models {
            model.delivered_now = 0;
            model.frames_now = 0;
        }
        let items = std::mem::take(&mut self.inbox.items);
        let bytes = std::mem::take(&mut self.inbox.bytes);
        for item in &items {
            match item {
                Item::Frame(token, range) | Item::Message(token, _, range) => {
                    self.frame(*token, &bytes[range.clone()])?;
                }
                Item::Event(event) => self.event(event)?,
            }
        }
        self.inbox.items = items;
        self.inbox.bytes = bytes;
        Ok(())
    }

    fn place(&self, token: Token) -> Result<usize, String> {
        self.by_token
            .get(&token)
            .copied()
            .ok_or_else(|| format!("1: {token:?} belongs to no connection"))
    }

    fn frame(&mut self, token: Token, body: &[u8]) -> Result<(), String> {
        let place = self.place(token)?;
        let model = &mut self.models[place];
        if model.paused
            || model.discarding
            || model.destroyed
            || model.end_reported
            || model.connecting
        {
            return Err(format!("1: {token:?} was given bytes that it must not get"));
        }
        self.counts.bytes += body.len() as u64;
        let before = model.delivered;
        model.take(body)?;
        let cost = model.delivered - before + Limits::FRAME_COST as u64;
        model.delivered_now += cost;
        model.frames_now += 1;
        if model.write_failed || model.partly_sent {
            model.leftover += cost;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), String> {
        match *event {
            Event::Opened {
                token, listener, ..
            } => self.opened(token, listener),
            Event::Connected { token } => {
                let place = self.place(token)?;
                let was = std::mem::replace(&mut self.models[place].connecting, false);
                was.then_some(())
                    .ok_or_else(|| format!("{token:?} connected twice"))
            }
            Event::End { token } => {
                let place = self.place(token)?;
                let model = &mut self.models[place];
                if model.end_reported
                    || !model.finished
                    || !model.is_complete(true)
                    || model.discarding
                {
                    return Err(format!(
                        "2: {token:?} reported an end after {} of {} bytes, finished: {}",
                        model.delivered, model.sent, model.finished
                    ));
                }
                model.end_reported = true;
                Ok(())
            }
            Event::Queued { token, bytes } => {
                let place = self.place(token)?;
                self.models[place].note_queue_length(bytes);
                self.counts.drains += 1;
                Ok(())
            }
            Event::WriteFailed { token, .. } => {
                let place = self.place(token)?;
                let model = &mut self.models[place];
                model.note_queue_length(0);
                model.note_failed_send();
                (!std::mem::replace(&mut model.write_failed, true))
                    .then_some(())
                    .ok_or_else(|| format!("{token:?} reported a failed send twice"))
            }
            Event::WritingEnded { token, .. } => {
                let place = self.place(token)?;
                let model = &mut self.models[place];
                (!std::mem::replace(&mut model.writing_ended, true))
                    .then_some(())
                    .ok_or_else(|| format!("{token:?} reported twice that its protocol ended it"))
            }
            Event::Closed {
                token,
                ref reason,
                unsent,
                bytes_read,
                bytes_written,
                ..
            } => self.closed(token, reason, unsent, bytes_read, bytes_written),
            Event::AlarmRefused { .. } => Err("the alarm was not refused".to_owned()),
            Event::AcceptPaused { listener, .. } => {
                self.counts.accept_pauses += 1;
                let known = self.listening.iter().any(|other| other.token == listener);
                known
                    .then_some(())
                    .ok_or_else(|| "1: a pause of an unknown listener".to_owned())
            }
            _ => Err(format!("an event that this test does not know: {event:?}")),
        }
    }

    fn opened(&mut self, token: Token, listener: Token) -> Result<(), String> {
        let is_it = |other: &Listening| other.token == listener && !other.closed;
        let from_place = self.listening.iter().position(is_it);
        let from_place = from_place.ok_or("1: a closed listener accepted")?;
        let from = &mut self.listening[from_place];
        if from.credit == 0 {
            return Err(format!(
                "7: listener {listener:?} accepted beyond its credit"
            ));
        }
        if from.credit != u32::MAX {
            from.credit -= 1;
        }
        let peer = self
            .kernel()
            .peer_of(token)
            .ok_or("an opened connection without a peer")?;
        self.models[peer.0].token = Some(token);
        self.models[peer.0].listener = Some(from_place);
        self.by_token.insert(token, peer.0);
        Ok(())
    }

    fn closed(
        &mut self,
        token: Token,
        reason: &CloseReason,
        unsent: usize,
        bytes_read: u64,
        bytes_written: u64,
    ) -> Result<(), String> {
        let place = self.place(token)?;
        self.by_token.remove(&token);
        self.stale_tokens.push(token);
        if self.random.chance(300) {
            self.kernel().haunt(token);
        }
        let peer = self.models[place].peer;
        let (now, view) = (self.kernel().now(), self.kernel().view(peer));
        let was_late =
            matches!(reason, CloseReason::Late(deadline) if self.was_late(place, *deadline, now));
        let model = &mut self.models[place];
        if matches!(reason, CloseReason::Failed(failure) if failure.call == Call::Send) {
            model.note_failed_send();
        }
        let wrong = |what: &str| {
            Err(format!(
                "{what}: {token:?} closed as «{reason}», delivered {} of {}, sent {bytes_written} and {unsent} not of {}, {view:?}",
                model.delivered, model.sent, model.written.len()
            ))
        };
        let total = usize::try_from(bytes_written).unwrap_or(0) + unsent;
        if total != model.written.len() {
            return wrong("59: bytes are unaccounted for");
        }
        if bytes_read != view.received {
            return wrong("bytes read are counted wrongly");
        }
        // The peer may see a clean end only if it receives everything that was accepted. It must see one if nothing is lost.
        let must_reset = unsent > 0
            || model.reset_requested
            || matches!(reason, CloseReason::QueueFull | CloseReason::Shed);
        if must_reset != view.resets_on_close || (must_reset && !view.peer_was_reset) {
            return wrong("2: how the peer sees the end");
        }
        self.counts.lost += u64::from(unsent > 0);
        let waited = now - model.idle_since >= u64::from(model.limits.end_timeout) * 1_000_000;
        let never_read = model.paused && (waited || model.ended || model.write_failed);
        match reason {
            CloseReason::Ended => {
                self.counts.ended += 1;
                let reset = view.was_reset && !view.input_ended;
                if reset
                    || !model.ended
                    || !model.finished
                    || !(model.end_reported || model.discarding)
                {
                    return wrong("2: no clean end");
                }
                let arrived = model.verified + view.in_flight == model.written.len();
                if unsent > 0 || model.partly_sent || !(arrived || model.aborted) {
                    return wrong("2: ended with bytes lost");
                }
            }
            CloseReason::Failed(failure) => {
                self.counts.failed += 1;
                let itself = view.met_itself && failure.call == Call::Connect && model.connecting;
                let starved = matches!(failure.errno, Errno::ENOBUFS | Errno::ENOMEM);
                self.counts.starved += u64::from(starved);
                if !view.was_reset && !itself && !starved {
                    return wrong("2: a failure that nothing caused");
                }
                let is_whole = model.discarding || model.is_complete(model.end_reported);
                self.counts.never_read += u64::from(!is_whole && never_read);
                let excused = itself || starved || never_read;
                if !excused && !is_whole && !model.has_used_leftover() {
                    return wrong("3: bytes before the failure are missing");
                }
                self.counts.leftovers_lost += u64::from(!excused && !is_whole);
            }
            CloseReason::Destroyed => {
                self.counts.destroyed += 1;
                let flooded = model.discarding && view.received > u64::from(model.limits.discard);
                if !model.destroyed && !flooded {
                    return wrong("nothing destroyed it");
                }
            }
            CloseReason::QueueFull => {
                self.counts.queue_full += 1;
                if !model.overflowed {
                    return wrong("its queue was not full");
                }
            }
            CloseReason::Shed => {
                self.counts.shed += 1;
                if unsent == 0 {
                    return wrong("it held nothing");
                }
            }
            CloseReason::TimedOut(call) => {
                self.counts.timed_out += 1;
                let right = match call {
                    Call::Connect => model.connecting,
                    _ => model.ended && !model.connecting,
                };
                if !right {
                    return wrong("its deadline had not passed");
                }
            }
            CloseReason::Late(deadline) => {
                self.counts.late[*deadline as usize] += 1;
                if !was_late {
                    return wrong(&format!(
                        "5: closed early at {now}: {:?} {:?}",
                        model.seen, model.limits
                    ));
                }
            }
            CloseReason::Protocol(_) => return wrong("its protocol was not broken"),
            _ => return wrong("a reason that this test does not know"),
        }
        model.closed = true;
        Ok(())
    }
}
