//! One seeded run. A reactor, its owner and its peers act at random, and then everything is brought to an end.
//!
//! The seed alone decides every choice.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use edgepoll::connection::Limits;
use edgepoll::kernel::simulated::{Faults, Random, SimulatedKernel};
use edgepoll::kernel::{Kernel, TokenBits};
use edgepoll::reactor::{Budget, ListenOptions, Reactor};
use edgepoll::Token;

use crate::inbox::RecordingInbox;
use crate::lateness;
use crate::model::Model;
use crate::ticking::Ticks;

/// How often each kind of event happened, to notice a simulation in which one of them never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) turns: u64,
    pub(crate) bytes: u64,
    pub(crate) ended: u64,
    pub(crate) failed: u64,
    pub(crate) destroyed: u64,
    pub(crate) timed_out: u64,
    pub(crate) queue_full: u64,
    pub(crate) shed: u64,
    pub(crate) waited_for_room: u64,
    pub(crate) accept_pauses: u64,
    pub(crate) stale: u64,
    pub(crate) resets_after_data: u64,
    pub(crate) drains: u64,
    pub(crate) leftovers_lost: u64,
    pub(crate) lost: u64,
    pub(crate) last_writes: u64,
    pub(crate) starved: u64,
    pub(crate) never_read: u64,
    pub(crate) upgrades: u64,
    pub(crate) timers: u64,
    pub(crate) timers_moved: u64,
    /// Connections whose peers were late, by the deadline.
    pub(crate) late: [u64; 4],
}

impl Counts {
    pub(crate) fn add(&mut self, other: &Counts) {
        self.turns += other.turns;
        self.bytes += other.bytes;
        self.ended += other.ended;
        self.failed += other.failed;
        self.destroyed += other.destroyed;
        self.timed_out += other.timed_out;
        self.queue_full += other.queue_full;
        self.shed += other.shed;
        self.waited_for_room += other.waited_for_room;
        self.accept_pauses += other.accept_pauses;
        self.stale += other.stale;
        self.resets_after_data += other.resets_after_data;
        self.drains += other.drains;
        self.leftovers_lost += other.leftovers_lost;
        self.lost += other.lost;
        self.last_writes += other.last_writes;
        self.starved += other.starved;
        self.never_read += other.never_read;
        self.upgrades += other.upgrades;
        self.timers += other.timers;
        self.timers_moved += other.timers_moved;
        for (own, other) in self.late.iter_mut().zip(other.late) {
            *own += other;
        }
    }

    pub(crate) fn all_happened(&self) -> bool {
        let every = [
            self.turns,
            self.bytes,
            self.ended,
            self.failed,
            self.destroyed,
            self.timed_out,
            self.queue_full,
            self.shed,
            self.waited_for_room,
            self.accept_pauses,
            self.stale,
            self.resets_after_data,
            self.drains,
            self.leftovers_lost,
            self.lost,
            self.last_writes,
            self.starved,
            self.never_read,
            self.upgrades,
            self.timers,
            self.timers_moved,
        ];
        every.iter().chain(&self.late).all(|count| *count > 0)
    }
}

/// The owner's record of a listener.
pub(crate) struct Listening {
    pub(crate) token: Token,
    pub(crate) address: SocketAddr,
    pub(crate) lines: bool,
    pub(crate) limits: Limits,
    pub(crate) max: u32,
    pub(crate) credit: u32,
    pub(crate) closed: bool,
}

/// One run.
pub(crate) struct Run {
    pub(crate) random: Random,
    pub(crate) reactor: Reactor<SimulatedKernel>,
    pub(crate) inbox: RecordingInbox,
    pub(crate) budget: Budget,
    pub(crate) space: usize,
    pub(crate) most_bytes: usize,
    pub(crate) listening: Vec<Listening>,
    /// The models of all connections, by the number of their peer.
    pub(crate) models: Vec<Model>,
    pub(crate) by_token: HashMap<Token, usize>,
    pub(crate) stale_tokens: Vec<Token>,
    pub(crate) ticks: Ticks,
    pub(crate) counts: Counts,
    /// Whether peers have deadlines. Then an alarm is set nearly always, which some checks of the others exclude.
    pub(crate) has_deadlines: bool,
    /// In how many of a thousand turns the owner is behind.
    behind: u32,
    /// Whether the owner is behind in this turn.
    pub(crate) is_behind: bool,
}

pub(crate) fn run(seed: u64) -> Result<Counts, String> {
    let mut run = Run::new(seed);
    run.open_listeners()?;
    for _ in 0..30 + run.random.below(90) {
        for _ in 0..1 + run.random.below(3) {
            run.act()?;
            run.after_command()?;
        }
        let timeout = (!run.random.chance(50)).then_some(Duration::ZERO);
        run.turn(timeout)?;
    }
    if run.random.chance(200) {
        run.end_the_process()?;
        return Ok(run.counts);
    }
    run.settle()?;
    run.finish_some()?;
    run.destroy_rest()?;
    Ok(run.counts)
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut random = Random::new(seed);
        let faults = Faults::seeded(&mut random);
        // Every other seed runs with the tokens of a 32-bit machine.
        let token_bits = [TokenBits::WHOLE, TokenBits::SHORT][usize::from(seed % 2 == 1)];
        let mut kernel = SimulatedKernel::new(random.bits(), faults).with_token_bits(token_bits);
        kernel.set_default_capacity(random.pick(&[1, 10, 300, 5_000, 65_536]));
        let space = random.pick(&[1, 2, 13, 100, 1_000, 4_096, 65_536]);
        let budget = Budget {
            slot_bytes: random.pick(&[1, 100, 5_000, 262_144]),
            slot_frames: random.pick(&[1, 3, 64, 64]),
            slot_calls: random.pick(&[1, 2, 8]),
            turn_bytes: random.pick(&[1, 200, 10_000, 4_194_304]),
            turn_frames: random.pick(&[1, 10, 256]),
            accepts: random.pick(&[1, 2, 64]),
        };
        let room = random.pick(&[8, 9, 20, 5_000]);
        Run {
            reactor: Reactor::new(kernel, budget),
            inbox: RecordingInbox::new(room, space),
            budget,
            space,
            // With tiny receives, or with one frame in a turn, a few bytes already take many turns.
            most_bytes: if space < 50 || budget.turn_bytes < 50 || budget.slot_frames == 1 {
                60
            } else {
                6_000
            },
            behind: random.pick(&[0, 0, 300, 900]),
            is_behind: false,
            random,
            listening: Vec::new(),
            models: Vec::new(),
            by_token: HashMap::new(),
            stale_tokens: Vec::new(),
            ticks: Ticks::default(),
            counts: Counts::default(),
            has_deadlines: seed % 3 == 2,
        }
    }

    pub(crate) fn limits(&mut self) -> Limits {
        let random = &mut self.random;
        let high_water = random.pick(&[1, 100, 3_000, 65_536]);
        let read_high_water = if self.most_bytes > 60 {
            random.pick(&[300, 65_536])
        } else {
            random.pick(&[0, 1, 300])
        };
        let limits = Limits {
            high_water,
            low_water: high_water / 4,
            send_queue: random.pick(&[1, 500, 20_000, 1_048_576]),
            end_timeout: random.pick(&[0, 5, 30_000]),
            discard: random.pick(&[0, 1_000, 1_048_576]),
            read_high_water,
            leftover: random.pick(&[0, 20_000, 1_048_576]),
            lend: random.chance(500),
            ..Limits::default()
        };
        if self.has_deadlines {
            lateness::short(&mut self.random, limits)
        } else {
            lateness::none(limits)
        }
    }

    fn open_listeners(&mut self) -> Result<(), String> {
        for port in 0..1 + self.random.below(2) {
            let port = u16::try_from(7_000 + port).unwrap();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let lines = self.random.chance(500);
            let limits = self.limits();
            let max = self.random.pick(&[1, 3, 8_192]);
            let max_held = self.random.pick(&[2_000, 20_000, 268_435_456]);
            let credit = self.random.pick(&[0, 1, u32::MAX]);
            let options = ListenOptions {
                max_connections: max,
                credit,
                max_held,
                limits,
                protocol: self.protocol(lines),
                ..ListenOptions::default()
            };
            // A registration may fail. Then the socket must be closed again, and there is no listener.
            let Ok(token) = self.reactor.listen(address, options) else {
                continue;
            };
            self.listening.push(Listening {
                token,
                address,
                lines,
                limits,
                max,
                credit,
                closed: false,
            });
        }
        Ok(())
    }

    pub(crate) fn kernel(&mut self) -> &mut SimulatedKernel {
        self.reactor.kernel_mut()
    }

    /// Runs one turn and checks everything that must hold after it.
    pub(crate) fn turn(&mut self, timeout: Option<Duration>) -> Result<(), String> {
        self.counts.turns += 1;
        self.inbox.clear();
        let now = self.kernel().now();
        self.is_behind = self.random.chance(self.behind);
        self.reactor.set_behind(self.is_behind);
        self.ticks.before_turn(now, self.is_behind)?;
        let before = self.before_turn();
        let turned = if timeout == Some(Duration::ZERO) && self.random.chance(500) {
            self.reactor.announced_turn(&mut self.inbox)
        } else {
            self.reactor.turn(timeout, &mut self.inbox)
        };
        let had_work = turned.map_err(|errno| errno.to_string())?;
        if had_work != self.reactor.has_work() {
            return Err("the turn returned wrongly whether work is left".to_owned());
        }
        let now = self.kernel().now();
        self.ticks.after_turn(now)?;
        (self.counts.timers, self.counts.timers_moved) = (self.ticks.calls, self.ticks.moves);
        self.read_inbox()?;
        self.note_moves();
        self.after_turn(&before)?;
        if self.reactor.has_work() {
            return Ok(());
        }
        self.check_lateness()
    }

    /// Reads what sessions did in a command, before the clock moves.
    fn after_command(&mut self) -> Result<(), String> {
        let now = self.kernel().now();
        self.note_moves();
        self.reactor.tick();
        self.ticks.after_command(now)
    }

    /// From now on the kernel has no faults, both sides read, the owner is not behind, and there are no other actions. Everything that
    /// was sent must arrive.
    fn settle(&mut self) -> Result<(), String> {
        self.behind = 0;
        self.kernel().faults = Faults::none();
        self.kernel().run_short(edgepoll::Errno::EMFILE, 0);
        for place in 0..self.models.len() {
            let peer = self.models[place].peer;
            self.kernel().set_capacity(peer, 65_536);
            if let Some(token) = self.models[place].token {
                self.reactor.resume(token);
                self.models[place].paused = false;
            }
        }
        self.quiesce()?;
        for place in 0..self.models.len() {
            self.check_arrival(place)?;
        }
        Ok(())
    }

    /// Runs turns until nothing is left to do but to wait for a deadline. The peers read meanwhile.
    fn quiesce(&mut self) -> Result<(), String> {
        for _ in 0..200_000 {
            for place in 0..self.models.len() {
                self.peer_reads(place, usize::MAX)?;
            }
            if !self.reactor.has_work() && !self.kernel().has_pending() {
                if !self.waits_for_a_retry() {
                    return Ok(());
                }
                self.after_command()?;
                self.kernel().advance(20_000_000);
            }
            self.turn(Some(Duration::ZERO))?;
        }
        Err("5: the run never becomes idle".to_owned())
    }

    /// Whether bytes wait until the kernel has memory again, or clients until it has descriptors.
    fn waits_for_a_retry(&mut self) -> bool {
        if !self.kernel().has_alarm() {
            return false;
        }
        let mut waits = false;
        for place in 0..self.models.len() {
            let Model {
                token,
                closed,
                connecting,
                ..
            } = self.models[place];
            if let (Some(token), false, false) = (token, closed, connecting) {
                waits |= self.reactor.queued(token) > 0;
            }
        }
        waits || self.forgotten_client().is_some()
    }

    /// Ends some connections from both sides. Each must be closed then.
    fn finish_some(&mut self) -> Result<(), String> {
        let mut ending = Vec::new();
        for place in 0..self.models.len() {
            let model = &self.models[place];
            let Some(token) = model.token else { continue };
            if model.closed || model.connecting || self.random.chance(300) {
                continue;
            }
            let peer = model.peer;
            let peer_first = self.random.chance(500);
            if peer_first {
                self.kernel().peer_finish(peer);
                self.models[place].finished = true;
            }
            self.reactor.end(token);
            self.models[place].ended = true;
            if !peer_first {
                self.turn(Some(Duration::ZERO))?;
                self.kernel().peer_finish(peer);
                self.models[place].finished = true;
            }
            ending.push(place);
        }
        self.quiesce()?;
        for place in ending {
            if !self.models[place].closed {
                return Err(format!(
                    "5: {:?} was ended by both sides and lives on",
                    self.models[place].peer
                ));
            }
        }
        Ok(())
    }

    /// The process ends without closing anything. No peer may see a clean end unless it has everything that was written.
    fn end_the_process(&mut self) -> Result<(), String> {
        self.reactor.reset_unsent();
        for place in 0..self.models.len() {
            let Some(token) = self.models[place].token else {
                continue;
            };
            let unsent = self.reactor.unsent(token);
            let view = self.reactor.kernel_mut().view(self.models[place].peer);
            if view.open && (unsent > 0) != view.resets_on_close {
                return Err(format!(
                    "2: {unsent} bytes of {token:?} are unsent when the process ends: {view:?}"
                ));
            }
        }
        Ok(())
    }

    /// Closes everything. Each close is reported once, nothing stays open, and the reactor then sleeps.
    fn destroy_rest(&mut self) -> Result<(), String> {
        for place in 0..self.models.len() {
            if let (Some(token), false) = (self.models[place].token, self.models[place].closed) {
                self.reactor.destroy(token);
                self.models[place].destroyed = true;
            }
        }
        for place in 0..self.listening.len() {
            self.reactor.close_listener(self.listening[place].token);
            self.listening[place].closed = true;
        }
        while self.reactor.has_work() {
            self.turn(Some(Duration::ZERO))?;
        }
        let open = self.kernel().open_sockets();
        if open > 0 || !self.by_token.is_empty() {
            return Err(format!(
                "1: {open} descriptors are open, {:?} never closed",
                self.by_token
            ));
        }
        self.turn(Some(Duration::ZERO))?;
        if self.kernel().has_alarm() {
            // It was set for a timer that is not needed any more, and wakes one turn.
            self.turn(None)?;
        }
        let calls = self.kernel().calls();
        let sleeps = self.kernel().endless_sleeps();
        self.reactor
            .turn(None, &mut self.inbox)
            .map_err(|errno| errno.to_string())?;
        if self.kernel().calls() != calls + 1 || self.kernel().endless_sleeps() != sleeps + 1 {
            return Err(format!(
                "9: an empty reactor does not sleep: {} calls, alarm {}",
                self.kernel().calls() - calls,
                self.kernel().has_alarm()
            ));
        }
        Ok(())
    }
}
