//! Busy polling with invented costs. The model adds up an exact cost for each sleep, message and poll.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use edgepoll::kernel::simulated::Random;
use edgepoll::reactor::BusyPoll;

/// What a message costs without the wait before it, and what a sleep adds to that, in nanoseconds of CPU time.
const WORK: u64 = 8_000;
const SLEEP: u64 = 27_000;

/// A loop with such costs, and the CPU time that it has used.
struct CostModel {
    busy: BusyPoll,
    /// What a sleep costs.
    sleep: u64,
    cpu: u64,
    messages: u64,
    polls: u64,
    /// Polls that found nothing, and how long they took together.
    misses: u64,
    missed: u64,
    clock_reads: u64,
}

impl CostModel {
    fn new() -> CostModel {
        CostModel {
            busy: BusyPoll::new(),
            sleep: SLEEP,
            cpu: 0,
            messages: 0,
            polls: 0,
            misses: 0,
            missed: 0,
            clock_reads: 0,
        }
    }

    /// Handles `count` messages and waits for the next ones, which arrive `gap` nanoseconds later. A shorter poll finds
    /// nothing, and the loop then sleeps.
    fn handle(&mut self, count: u64, gap: u64) {
        self.messages += count;
        self.cpu += count * WORK;
        self.busy.add_messages(usize::try_from(count).unwrap());
        let (cpu, reads) = (self.cpu, &mut self.clock_reads);
        let poll = self.busy.before_wait(|| {
            *reads += 1;
            cpu
        });
        let Some(longest) = poll else {
            self.cpu += self.sleep;
            return;
        };
        assert!(longest <= BusyPoll::LONGEST);
        let longest = u64::try_from(longest.as_nanos()).unwrap();
        self.polls += 1;
        self.busy.after_poll(gap <= longest);
        self.cpu += gap.min(longest);
        if gap > longest {
            self.misses += 1;
            self.missed += longest;
            self.cpu += self.sleep;
        }
    }

    /// Fails if the loop used more than `percent` percent of the CPU time of a loop that sleeps before each message.
    fn assert_cost_at_most(&self, percent: u64, what: &str) {
        let was = self.cpu * 100 / (self.messages * (WORK + self.sleep));
        assert!(was <= percent, "{was} % {what}");
    }
}

#[test]
fn a_peer_that_answers_at_once_is_polled_for() {
    let mut model = CostModel::new();
    for _ in 0..100_000 {
        model.handle(1, 12_000);
    }
    // 20 instead of 35 microseconds a message, except in trials.
    model.assert_cost_at_most(60, "with a quick peer");
    assert_eq!(model.misses, 0);
}

#[test]
fn a_loop_without_messages_never_polls() {
    let mut busy = BusyPoll::new();
    for _ in 0..10_000 {
        assert_eq!(
            busy.before_wait(|| unreachable!("nothing to measure")),
            None
        );
    }
}

#[test]
fn polling_ends_where_sleeping_is_cheap() {
    let mut model = CostModel::new();
    model.sleep = 2_000;
    for _ in 0..200_000 {
        model.handle(1, 3_000);
    }
    model.assert_cost_at_most(101, "with cheap sleeps");
    assert!(model.polls < model.messages / 40, "{}", model.polls);
}

/// Hazard 100, no busy loop: the peer is slow.
#[test]
fn failed_polls_stay_few() {
    for gap in [50_000, 300_000, 10_000_000] {
        let mut model = CostModel::new();
        for _ in 0..50_000 {
            model.handle(1, gap);
        }
        assert!(model.polls > 0, "a trial is made");
        model.assert_cost_at_most(102, &format!("with answers after {gap} ns"));
        assert!(model.clock_reads < model.messages / 10);
    }
}

/// Hazard 100, no busy loop: the peer was quick and becomes slow.
#[test]
fn polling_ends_soon_after_the_peer_becomes_slow() {
    let mut model = CostModel::new();
    for _ in 0..20_000 {
        model.handle(1, 12_000);
    }
    let (polls, missed) = (model.polls, model.missed);
    assert!(polls > 15_000);
    for _ in 0..500 {
        model.handle(1, 10_000_000);
    }
    // The savings pay for 32 failed polls of three times 35 microseconds each. Trials follow.
    let missed = model.missed - missed;
    assert!(
        (1..=7_000_000).contains(&missed),
        "failed polls took {missed} ns"
    );
}

#[test]
fn no_poll_where_many_messages_share_a_wait() {
    let mut model = CostModel::new();
    for _ in 0..50_000 {
        model.handle(5, 1_000);
    }
    // The same holds if only some waits are after several messages.
    for message in 0..50_000 {
        model.handle(if message % 60 == 0 { 5 } else { 1 }, 12_000);
    }
    assert_eq!(model.polls, 0);
    for _ in 0..20_000 {
        model.handle(1, 12_000);
    }
    let before = model.polls;
    assert!(before > 15_000);
    for _ in 0..50_000 {
        model.handle(64, 1_000);
    }
    assert_eq!(model.polls, before);
}

/// The worst case: a peer that answers at once in trials and at no other time.
#[test]
fn a_peer_that_is_quick_in_trials_alone_costs_a_tenth_at_most() {
    let mut model = CostModel::new();
    let mut reads = 0;
    for _ in 0..200_000 {
        let is_trial = model.clock_reads > reads;
        reads = model.clock_reads;
        model.handle(1, if is_trial { 5_000 } else { 10_000_000 });
    }
    assert!(model.misses > 100, "it has tried: {}", model.misses);
    model.assert_cost_at_most(110, "with a peer that knows the rules");
}

/// A garbage collection in any row of a trial, or before or after it, does not decide the trial.
#[test]
fn one_long_message_does_not_decide_a_trial() {
    for long in 64..160 {
        let mut model = CostModel::new();
        for message in 0..400 {
            if message == long {
                model.cpu += 3_000_000;
            }
            model.handle(1, 12_000);
        }
        assert!(model.polls > 200, "{} polls, {long}", model.polls);
    }
}

/// A clock that stands still measures no cost, so nothing shows that polling is cheaper.
#[test]
fn with_a_clock_that_stands_still_the_loop_sleeps() {
    let mut busy = BusyPoll::new();
    let mut polls = 0;
    for _ in 0..10_000 {
        busy.add_messages(1);
        if busy.before_wait(|| 0).is_some() {
            polls += 1;
            busy.after_poll(false);
        }
    }
    assert!(polls < 200, "{polls} polls");
}

/// Random traffic of every kind, one kind after the other. Polling never makes it cost much more than sleeping.
#[test]
fn no_traffic_makes_polling_expensive() {
    for seed in 0..200_u64 {
        let mut stream = Random::new(seed);
        let mut random = |below: u64| stream.bits() % below;
        let mut model = CostModel::new();
        model.sleep = 1_000 + random(120_000);
        for _ in 0..50 {
            let (typical, rare, late) = (random(150_000), 1 + random(30), random(2_000_000));
            for _ in 0..random(4_000) {
                let gap = if random(rare) == 0 { late } else { typical };
                model.handle(1 + random(2), gap);
            }
        }
        model.assert_cost_at_most(108, &format!("with seed {seed}"));
    }
}
