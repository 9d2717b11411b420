//! Compares the wheel with a sorted map, for random times, moves and steps of the clock.

use std::collections::HashMap;

use super::wheel::Wheel;

const SLOTS: u64 = 40;

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A time span of any size: from nanoseconds to many days.
    fn span(&mut self) -> u64 {
        let bits = self.below(56);
        self.below(1 << bits)
    }
}

fn take(wheel: &mut Wheel, now: u64) -> Vec<u32> {
    let mut due = Vec::new();
    wheel.take_due(now, &mut due);
    wheel.check().expect("the wheel is sound");
    due.sort_unstable();
    due
}

#[test]
fn slots_come_up_at_their_time_and_never_before() {
    for seed in 1..=300 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut wheel = Wheel::default();
        let mut model: HashMap<u32, u64> = HashMap::new();
        let mut now = random.span();
        for _ in 0..400 {
            let slot = random.below(SLOTS) as u32;
            match random.below(8) {
                0..=3 => {
                    let at = now.saturating_sub(random.below(2)) + random.span();
                    wheel.come_up_by(slot, at);
                    let known = model.entry(slot).or_insert(at);
                    *known = at.min(*known);
                }
                4 => {
                    wheel.remove(slot);
                    model.remove(&slot);
                }
                _ => {
                    now += random.span();
                    let mut due: Vec<u32> = model
                        .iter()
                        .filter_map(|(slot, at)| (*at <= now).then_some(*slot))
                        .collect();
                    due.sort_unstable();
                    assert_eq!(take(&mut wheel, now), due, "seed {seed}");
                    model.retain(|_, at| *at > now);
                }
            }
            wheel.check().expect("the wheel is sound");
            assert_eq!(wheel.get(slot), model.get(&slot).copied());
            assert_eq!(wheel.soonest().is_none(), model.is_empty());
            let soonest = model.values().copied().min();
            assert!(wheel.soonest() <= soonest, "seed {seed}: it is too late");
        }
    }
}

/// An owner that sleeps until [`Wheel::soonest`] is woken in time, and in vain only for slots that were removed.
#[test]
fn soonest_time_is_exact_as_long_as_no_slot_is_removed() {
    for seed in 1..=100 {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut wheel = Wheel::default();
        let start = random.span();
        let times: Vec<u64> = (0..SLOTS).map(|_| start + random.span()).collect();
        for (slot, at) in (0..).zip(&times) {
            wheel.come_up_by(slot, *at);
        }
        let mut wakes = 0;
        while let Some(at) = wheel.soonest() {
            assert!(times.contains(&at), "seed {seed}: nothing comes up then");
            assert!(!take(&mut wheel, at).is_empty());
            wakes += 1;
        }
        assert!(wakes <= SLOTS);
    }
}

#[test]
fn slot_that_is_set_to_come_up_later_stays_and_earlier_moves() {
    let mut wheel = Wheel::default();
    wheel.come_up_by(3, 5_000_000_000);
    wheel.come_up_by(3, 9_000_000_000);
    assert_eq!(wheel.get(3), Some(5_000_000_000));
    wheel.come_up_by(3, 1);
    assert_eq!((wheel.get(3), wheel.soonest()), (Some(1), Some(1)));
    assert_eq!(take(&mut wheel, 1), [3]);
    assert_eq!((wheel.get(3), wheel.soonest()), (None, None));
    wheel.remove(3);
    wheel.remove(1_000);
    wheel.come_up_by(3, u64::MAX);
    assert_eq!(take(&mut wheel, u64::MAX), [3]);
}
