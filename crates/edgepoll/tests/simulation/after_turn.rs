//! What must hold after every turn, whoever did what: budgets, bounds, service, rest.
//!
//! It must never change the run's course, the idle look excepted.

use std::time::Duration;

use edgepoll::kernel::Kernel;

use crate::driver::Run;

/// What a turn is compared with.
pub(crate) struct Before {
    accepts: u64,
    received: Vec<u64>,
}

impl Run {
    pub(crate) fn before_turn(&mut self) -> Before {
        let peers: Vec<_> = self.ends.iter().map(|end| end.peer).collect();
        let kernel = self.reactor.kernel_mut();
        Before {
            received: peers
                .iter()
                .map(|peer| kernel.view(*peer).received)
                .collect(),
            accepts: self.reactor.stats().accepts,
        }
    }

    pub(crate) fn after_turn(&mut self, before: &Before) -> Result<(), String> {
        self.reactor.check()?;
        self.kernel()
            .verify()
            .map_err(|what| format!("1: {what}"))?;
        self.keeps_its_budget(before)?;
        let stats = self.reactor.stats();
        self.counts.stale = stats.stale;
        let ghosts = self.kernel().ghosts_reported();
        if stats.stale != ghosts {
            return Err(format!("1: {} stale events, {ghosts} ghosts", stats.stale));
        }
        let slots = self.ends.len() + self.listening.len();
        for place in 0..self.ends.len() {
            self.is_bounded(place)?;
            self.is_served(place, slots + 3)?;
        }
        for at in 0..self.listening.len() {
            self.holds_its_connections(at)?;
        }
        if !self.reactor.has_work() && !self.kernel().has_pending() {
            self.rests()?;
        }
        Ok(())
    }

    fn keeps_its_budget(&mut self, before: &Before) -> Result<(), String> {
        let mut total = 0;
        for place in 0..self.ends.len() {
            let view = self.reactor.kernel_mut().view(self.ends[place].peer);
            let was = before.received.get(place).copied().unwrap_or(0);
            let now = usize::try_from(view.received - was).unwrap_or(usize::MAX);
            let end = &self.ends[place];
            let frames = end.frames_now;
            if frames > self.budget.slot_frames {
                return Err(format!("8: {:?} got {frames} frames in a turn", end.peer));
            }
            if now > end.limits.read_high_water.max(1) as usize {
                return Err(format!("7: {:?} received {now} bytes in a turn", end.peer));
            }
            if now >= self.budget.slot_bytes + self.space {
                return Err(format!(
                    "8: {:?} received {now} bytes in a turn",
                    self.ends[place].peer
                ));
            }
            total += now;
        }
        if total >= self.budget.turn_bytes + self.space {
            return Err(format!("8: a turn received {total} bytes"));
        }
        let accepts = self.reactor.stats().accepts - before.accepts;
        if accepts > u64::from(self.budget.accepts) * self.listening.len() as u64 {
            return Err(format!("8: a turn accepted {accepts} connections"));
        }
        Ok(())
    }

    fn is_bounded(&mut self, place: usize) -> Result<(), String> {
        let end = &self.ends[place];
        let Some(token) = end.token else {
            return Ok(());
        };
        let queued = self.reactor.queued(token);
        // One write may pass the limit by its own size.
        if queued >= end.limits.send_queue as usize + end.last_write.max(1) {
            return Err(format!("7: {token:?} has {queued} bytes queued"));
        }
        Ok(())
    }

    /// Who could receive is served within `most` turns.
    fn is_served(&mut self, place: usize, most: usize) -> Result<(), String> {
        let end = &mut self.ends[place];
        let kernel = self.reactor.kernel_mut();
        let (now, view) = (kernel.now(), kernel.view(end.peer));
        if view.received != end.received_seen {
            end.received_seen = view.received;
            end.idle_since = now;
        }
        let unread = view.unread > 0 || (view.input_ended && !end.end_told && !end.discarding);
        let could = view.registered && !view.pending && !end.paused && !end.connecting && unread;
        let idle = view.calls == end.calls_seen && end.delivered == end.delivered_seen;
        end.neglected = if could && idle { end.neglected + 1 } else { 0 };
        end.calls_seen = view.calls;
        end.delivered_seen = end.delivered;
        if end.neglected > most {
            return Err(format!(
                "8: {:?} waits for {most} turns: {view:?}",
                end.peer
            ));
        }
        Ok(())
    }

    fn holds_its_connections(&mut self, at: usize) -> Result<(), String> {
        let mut open = 0;
        for place in 0..self.ends.len() {
            if self.ends[place].listener == Some(at) {
                open += u32::from(self.reactor.kernel_mut().view(self.ends[place].peer).open);
            }
        }
        let most = self.listening[at].max;
        if open > most {
            return Err(format!(
                "7: {open} connections are open where {most} may be"
            ));
        }
        Ok(())
    }

    /// A listener that could accept a client who waits, with nothing that would make it do so.
    pub(crate) fn forgotten_client(&mut self) -> Option<usize> {
        (0..self.listening.len()).find(|at| {
            let listening = &self.listening[*at];
            let (address, credit, max, closed) = (
                listening.address,
                listening.credit,
                listening.max,
                listening.closed,
            );
            let peers: Vec<_> = self
                .ends
                .iter()
                .filter(|end| end.listener == Some(*at))
                .map(|end| end.peer)
                .collect();
            let kernel = self.reactor.kernel_mut();
            let open = peers.iter().filter(|peer| kernel.view(**peer).open).count();
            !closed && credit > 0 && open < max as usize && kernel.backlog(address) > 0
        })
    }

    /// Nothing is ready and nothing will be: then nobody may have been forgotten, and nothing may be done.
    fn rests(&mut self) -> Result<(), String> {
        let alarm = self.kernel().has_alarm();
        if !alarm && self.forgotten_client().is_some() {
            return Err("5: a client waits in the backlog and is forgotten".to_owned());
        }
        for place in 0..self.ends.len() {
            let end = &self.ends[place];
            let Some(token) = end.token else { continue };
            if end.closed {
                continue;
            }
            let (paused, connecting) = (end.paused, end.connecting);
            let (end_told, discarding) = (end.end_told, end.discarding);
            // Part of a line may wait with the whole ones before it.
            let kept_back = end.delivered < end.sent;
            let waits_at = end.waits_for_room.then_some(end.limits.low_water as usize);
            let view = self.reactor.kernel_mut().view(end.peer);
            let queued = self.reactor.queued(token);
            let forgotten = |what: &str| {
                Err(format!(
                    "5: {what} of {token:?} is forgotten, paused {paused}, end told {end_told}, \
                     discarding {discarding}, kept back {kept_back}: {view:?}"
                ))
            };
            if connecting {
                if !view.connecting {
                    return forgotten("the end of the connect");
                }
                continue;
            }
            if !paused && (view.unread > 0 || (view.input_ended && !end_told && !discarding)) {
                return forgotten("the input");
            }
            if view.was_reset && !(paused && (view.unread > 0 || view.input_ended || kept_back)) {
                return forgotten("the reset");
            }
            if queued > 0 && !view.blocked && !alarm {
                return forgotten("the send queue");
            }
            if waits_at.is_some_and(|low| queued <= low) {
                return forgotten("the low watermark");
            }
        }
        if !alarm && self.kernel().faults.spurious == 0 && self.random.chance(200) {
            let (calls, turns) = (self.kernel().calls(), self.reactor.stats().turns);
            self.inbox.clear();
            let work = self
                .reactor
                .turn(Some(Duration::ZERO), &mut self.inbox)
                .map_err(|errno| errno.to_string())?;
            let calls = self.kernel().calls() - calls;
            if work
                || calls != 1
                || !self.inbox.items.is_empty()
                || self.reactor.stats().turns != turns + 1
            {
                return Err(format!(
                    "9: an idle turn made {calls} calls: {:?}",
                    self.inbox.items
                ));
            }
        }
        Ok(())
    }

    /// After everything came to rest with everybody reading.
    pub(crate) fn must_have_arrived(&mut self, place: usize) -> Result<(), String> {
        let end = &self.ends[place];
        if end.closed || end.token.is_none() || end.connecting {
            return Ok(());
        }
        let view = self.reactor.kernel_mut().view(end.peer);
        if !end.discarding && !end.is_complete(end.finished) {
            return Err(format!(
                "2: {:?} was handed {} of {} bytes: {view:?}",
                end.peer, end.delivered, end.sent
            ));
        }
        let gone = end.written.len() == end.verified;
        if !gone || (end.ended && !view.output_ended) {
            return Err(format!(
                "2: {:?} got {} of {} bytes: {view:?}",
                end.peer,
                end.verified,
                end.written.len()
            ));
        }
        Ok(())
    }
}
