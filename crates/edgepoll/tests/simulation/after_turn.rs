//! What must hold after every turn, whatever happened before it: budgets, bounds, service, and what is left when the reactor
//! is idle.
//!
//! The checks do not change the course of the run, except that an idle reactor makes a further turn.

use std::time::Duration;

use edgepoll::kernel::Kernel;

use crate::driver::Run;

/// The counts before a turn.
pub(crate) struct Before {
    accepts: u64,
    received: Vec<u64>,
}

impl Run {
    pub(crate) fn before_turn(&mut self) -> Before {
        let peers: Vec<_> = self.models.iter().map(|model| model.peer).collect();
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
        self.check_budget(before)?;
        let stats = self.reactor.stats();
        self.counts.stale = stats.stale;
        let ghosts = self.kernel().ghosts_reported();
        if stats.stale != ghosts {
            return Err(format!("1: {} stale events, {ghosts} ghosts", stats.stale));
        }
        let slots = self.models.len() + self.listening.len();
        for place in 0..self.models.len() {
            self.check_send_queue(place)?;
            self.check_service(place, slots + 3)?;
        }
        for at in 0..self.listening.len() {
            self.check_max_connections(at)?;
        }
        if !self.reactor.has_work() && !self.kernel().has_pending() {
            self.check_idle()?;
        }
        Ok(())
    }

    fn check_budget(&mut self, before: &Before) -> Result<(), String> {
        let mut total = 0;
        for place in 0..self.models.len() {
            let view = self.reactor.kernel_mut().view(self.models[place].peer);
            let was = before.received.get(place).copied().unwrap_or(0);
            let now = usize::try_from(view.received - was).unwrap_or(usize::MAX);
            let model = &self.models[place];
            let frames = model.frames_now;
            if frames > self.budget.slot_frames {
                return Err(format!("8: {:?} got {frames} frames in a turn", model.peer));
            }
            if now > model.limits.read_high_water.max(1) as usize {
                return Err(format!(
                    "7: {:?} received {now} bytes in a turn",
                    model.peer
                ));
            }
            if now >= self.budget.slot_bytes + self.space {
                return Err(format!(
                    "8: {:?} received {now} bytes in a turn",
                    self.models[place].peer
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

    fn check_send_queue(&mut self, place: usize) -> Result<(), String> {
        let model = &self.models[place];
        let Some(token) = model.token else {
            return Ok(());
        };
        let queued = self.reactor.queued(token);
        // One write may exceed the limit by its own size.
        if queued >= model.limits.send_queue as usize + model.last_write.max(1) {
            return Err(format!("7: {token:?} has {queued} bytes queued"));
        }
        Ok(())
    }

    /// A connection that could receive is served within `most` turns of an owner that is not behind.
    fn check_service(&mut self, place: usize, most: usize) -> Result<(), String> {
        let model = &mut self.models[place];
        let has_no_room = model
            .token
            .is_some_and(|token| self.reactor.waits_for_room(token));
        self.counts.waited_for_room += u64::from(has_no_room);
        let kernel = self.reactor.kernel_mut();
        let (now, view) = (kernel.now(), kernel.view(model.peer));
        if view.received != model.received_seen {
            model.received_seen = view.received;
            model.idle_since = now;
        }
        let unread =
            view.unread > 0 || (view.input_ended && !model.end_reported && !model.discarding);
        let could = view.registered
            && !view.pending
            && !model.paused
            && !has_no_room
            && !model.connecting
            && unread;
        let idle = view.calls == model.calls_seen && model.delivered == model.delivered_seen;
        // While the owner is behind, those that had their share wait.
        model.turns_unserved = if could && idle {
            model.turns_unserved + usize::from(!self.is_behind)
        } else {
            0
        };
        model.calls_seen = view.calls;
        model.delivered_seen = model.delivered;
        if model.turns_unserved > most {
            return Err(format!(
                "8: {:?} waits for {most} turns: {view:?}",
                model.peer
            ));
        }
        Ok(())
    }

    fn check_max_connections(&mut self, at: usize) -> Result<(), String> {
        let mut open = 0;
        for place in 0..self.models.len() {
            if self.models[place].listener == Some(at) {
                open += u32::from(self.reactor.kernel_mut().view(self.models[place].peer).open);
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

    /// The index of a listener that could accept a waiting client, if there is one.
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
                .models
                .iter()
                .filter(|model| model.listener == Some(*at))
                .map(|model| model.peer)
                .collect();
            let kernel = self.reactor.kernel_mut();
            let open = peers.iter().filter(|peer| kernel.view(**peer).open).count();
            !closed && credit > 0 && open < max as usize && kernel.backlog(address) > 0
        })
    }

    /// Checks a reactor that is idle: no connection or client may be left unserved, and a further turn does nothing.
    fn check_idle(&mut self) -> Result<(), String> {
        let alarm = self.kernel().has_alarm();
        if !alarm && self.forgotten_client().is_some() {
            return Err("5: a client waits in the backlog and is forgotten".to_owned());
        }
        for place in 0..self.models.len() {
            let model = &self.models[place];
            let Some(token) = model.token else { continue };
            if model.closed {
                continue;
            }
            let has_no_room = self.reactor.waits_for_room(token);
            let (paused, connecting) = (model.paused || has_no_room, model.connecting);
            let (end_reported, discarding) = (model.end_reported, model.discarding);
            // Part of a line may be kept back with the complete lines before it.
            let kept_back = model.delivered < model.sent;
            let waits_at = model
                .waits_for_room
                .then_some(model.limits.low_water as usize);
            let view = self.reactor.kernel_mut().view(model.peer);
            let queued = self.reactor.queued(token);
            let forgotten = |what: &str| {
                Err(format!(
                    "5: {what} of {token:?} is forgotten, paused {paused}, end reported {end_reported}, \
                     discarding {discarding}, kept back {kept_back}: {view:?}"
                ))
            };
            if connecting {
                if !view.connecting {
                    return forgotten("the end of the connect");
                }
                continue;
            }
            if !paused && (view.unread > 0 || (view.input_ended && !end_reported && !discarding)) {
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

    /// Checks that everything has arrived, once both sides have read all and the reactor is idle.
    pub(crate) fn check_arrival(&mut self, place: usize) -> Result<(), String> {
        let model = &self.models[place];
        if model.closed || model.token.is_none() || model.connecting {
            return Ok(());
        }
        let view = self.reactor.kernel_mut().view(model.peer);
        if !model.discarding && !model.is_complete(model.finished) {
            return Err(format!(
                "2: {:?} was given {} of {} bytes: {view:?}",
                model.peer, model.delivered, model.sent
            ));
        }
        let gone = model.written.len() == model.verified;
        if !gone || (model.ended && !view.output_ended) {
            return Err(format!(
                "2: {:?} got {} of {} bytes: {view:?}",
                model.peer,
                model.verified,
                model.written.len()
            ));
        }
        Ok(())
    }
}
