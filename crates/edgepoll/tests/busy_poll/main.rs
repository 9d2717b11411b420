//! Busy polling in worlds that are made up: what a sleep, a message and a look cost is exact there, and adds up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use edgepoll::kernel::simulated::Random;
use edgepoll::reactor::BusyPoll;

/// What a message costs without its wait, and what a sleep adds, in nanoseconds.
const WORK: u64 = 8_000;
const SLEEP: u64 = 27_000;

/// A loop in such a world, and what it has used of the processor.
struct World {
    busy: BusyPoll,
    /// What a sleep costs.
    sleep: u64,
    cpu: u64,
    messages: u64,
    looks: u64,
    /// Looks for nothing, and how long all of them took.
    misses: u64,
    missed: u64,
    clock_reads: u64,
}

impl World {
    fn new() -> World {
        World {
            busy: BusyPoll::new(),
            sleep: SLEEP,
            cpu: 0,
            messages: 0,
            looks: 0,
            misses: 0,
            missed: 0,
            clock_reads: 0,
        }
    }

    /// `told` messages are told; the next ones come after `gap` nanoseconds, if the loop is awake then.
    fn message(&mut self, told: u64, gap: u64) {
        self.messages += told;
        self.cpu += told * WORK;
        self.busy.add_messages(usize::try_from(told).unwrap());
        let (cpu, reads) = (self.cpu, &mut self.clock_reads);
        let look = self.busy.before_wait(|| {
            *reads += 1;
            cpu
        });
        let Some(longest) = look else {
            self.cpu += self.sleep;
            return;
        };
        assert!(longest <= BusyPoll::LONGEST);
        let longest = u64::try_from(longest.as_nanos()).unwrap();
        self.looks += 1;
        self.busy.after_poll(gap <= longest);
        self.cpu += gap.min(longest);
        if gap > longest {
            self.misses += 1;
            self.missed += longest;
            self.cpu += self.sleep;
        }
    }

    /// All of it has cost at most so many percent of what it would have cost asleep.
    fn costs_at_most(&self, percent: u64, what: &str) {
        let was = self.cpu * 100 / (self.messages * (WORK + self.sleep));
        assert!(was <= percent, "{was} % {what}");
    }
}

#[test]
fn a_peer_that_answers_at_once_is_polled_for() {
    let mut world = World::new();
    for _ in 0..100_000 {
        world.message(1, 12_000);
    }
    // 20 instead of 35 microseconds, but for the trials.
    world.costs_at_most(60, "with a quick peer");
    assert_eq!(world.misses, 0);
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
    let mut world = World::new();
    world.sleep = 2_000;
    for _ in 0..200_000 {
        world.message(1, 3_000);
    }
    world.costs_at_most(101, "with cheap sleeps");
    assert!(world.looks < world.messages / 40, "{}", world.looks);
}

/// Hazard 100, no busy loop: with a peer that takes its time.
#[test]
fn failed_polls_stay_few() {
    for gap in [50_000, 300_000, 10_000_000] {
        let mut world = World::new();
        for _ in 0..50_000 {
            world.message(1, gap);
        }
        assert!(world.looks > 0, "a trial is made");
        world.costs_at_most(102, &format!("with answers after {gap} ns"));
        assert!(world.clock_reads < world.messages / 10);
    }
}

/// Hazard 100, no busy loop: the peer was quick, and is not any more.
#[test]
fn polling_ends_soon_after_the_peer_becomes_slow() {
    let mut world = World::new();
    for _ in 0..20_000 {
        world.message(1, 12_000);
    }
    let (looks, missed) = (world.looks, world.missed);
    assert!(looks > 15_000);
    for _ in 0..500 {
        world.message(1, 10_000_000);
    }
    // What had been saved pays for 32 of them, of three times 35 microseconds each, and trials follow.
    let missed = world.missed - missed;
    assert!(
        (1..=7_000_000).contains(&missed),
        "{missed} ns looked for nothing"
    );
}

#[test]
fn no_poll_where_many_messages_share_a_wait() {
    let mut world = World::new();
    for _ in 0..50_000 {
        world.message(5, 1_000);
    }
    // Nor where some do, again and again.
    for message in 0..50_000 {
        world.message(if message % 60 == 0 { 5 } else { 1 }, 12_000);
    }
    assert_eq!(world.looks, 0);
    for _ in 0..20_000 {
        world.message(1, 12_000);
    }
    let alone = world.looks;
    assert!(alone > 15_000);
    for _ in 0..50_000 {
        world.message(64, 1_000);
    }
    assert_eq!(world.looks, alone);
}

/// What a peer does that knows the rules: it answers at once during trials alone.
#[test]
fn a_peer_that_is_quick_in_trials_alone_costs_a_tenth_at_most() {
    let mut world = World::new();
    let mut reads = 0;
    for _ in 0..200_000 {
        let is_trial = world.clock_reads > reads;
        reads = world.clock_reads;
        world.message(1, if is_trial { 5_000 } else { 10_000_000 });
    }
    assert!(world.misses > 100, "it has tried: {}", world.misses);
    world.costs_at_most(110, "with a peer that knows the rules");
}

/// A collection of garbage in either row of a trial, or the other, decides nothing.
#[test]
fn one_long_message_does_not_decide_a_trial() {
    for spoilt in 64..160 {
        let mut world = World::new();
        for message in 0..400 {
            if message == spoilt {
                world.cpu += 3_000_000;
            }
            world.message(1, 12_000);
        }
        assert!(world.looks > 200, "{} looks, {spoilt}", world.looks);
    }
}

/// Without the clock nothing can be known.
#[test]
fn with_a_clock_that_stands_still_the_loop_sleeps() {
    let mut busy = BusyPoll::new();
    let mut looks = 0;
    for _ in 0..10_000 {
        busy.add_messages(1);
        if busy.before_wait(|| 0).is_some() {
            looks += 1;
            busy.after_poll(false);
        }
    }
    assert!(looks < 200, "{looks} looks");
}

/// Mixed traffic of every kind, one kind after the other: it never costs much more than sleeping.
#[test]
fn no_traffic_makes_polling_expensive() {
    for seed in 0..200_u64 {
        let mut stream = Random::new(seed);
        let mut random = |below: u64| stream.bits() % below;
        let mut world = World::new();
        world.sleep = 1_000 + random(120_000);
        for _ in 0..50 {
            let (typical, rare, late) = (random(150_000), 1 + random(30), random(2_000_000));
            for _ in 0..random(4_000) {
                let gap = if random(rare) == 0 { late } else { typical };
                world.message(1 + random(2), gap);
            }
        }
        world.costs_at_most(108, &format!("with seed {seed}"));
    }
}
