//! How long the batches of turns take, and how much shorter that makes the next ones.
//!
//! A turn itself is short. What the owner does with what it reported may be long, and everything else waits meanwhile.

/// A batch that took longer than this makes the next turns shorter by half, in nanoseconds.
const LONG: u64 = 3_000_000;
/// A batch that took less than this makes the next turns twice as long, up to the whole budget.
const SHORT: u64 = 1_000_000;
/// Turns are shortened to a 64th of the budget at most.
const MOST: u8 = 6;

/// The time that batches take. A batch is a turn and what its owner does with what the turn reported.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How often the budget of a turn is halved.
    halved: u8,
    /// When the present batch began, in nanoseconds of the kernel's clock.
    began: u64,
    /// A batch has begun, and it is not known yet how long it takes.
    is_open: bool,
    /// The last turn left work, so the next one follows at once.
    left_work: bool,
}

impl Pace {
    /// A turn begins. If the turn before it left work, the time in between was spent on its batch.
    pub(super) fn begin(&mut self, now: u64) {
        if self.left_work {
            self.end(now);
        }
        self.began = now;
        self.is_open = true;
    }

    /// A turn ends. `left_work`: it left work for the next one.
    pub(super) fn finish_turn(&mut self, left_work: bool) {
        self.left_work = left_work;
    }

    /// The batch has been handled, unless that is known already.
    pub(super) fn end(&mut self, now: u64) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let took = now.saturating_sub(self.began);
        if took > LONG {
            self.halved = (self.halved + 1).min(MOST);
        } else if took < SHORT {
            self.halved = self.halved.saturating_sub(1);
        }
    }

    /// The part of a turn's bytes that the next turn has.
    pub(super) fn bytes(&self, whole: usize) -> usize {
        (whole >> self.halved).max(1)
    }

    /// The part of a turn's frames or accepts that the next turn has.
    pub(super) fn part(&self, whole: u32) -> u32 {
        (whole >> self.halved).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of a turn, of 256, after `turns` batches in which each frame took so many microseconds.
    fn frames_after(turns: u32, pace: &mut Pace, micros: u64) -> u32 {
        let mut now = 1;
        for _ in 0..turns {
            pace.begin(now);
            now += u64::from(pace.part(256)) * micros * 1_000;
            pace.end(now);
        }
        pace.part(256)
    }

    #[test]
    fn long_batches_make_turns_shorter_and_short_ones_make_them_longer() {
        let mut pace = Pace::default();
        assert_eq!(frames_after(10, &mut pace, 2), 256);
        assert_eq!(frames_after(10, &mut pace, 50), 32, "1.6 ms");
        assert_eq!(frames_after(10, &mut pace, 10_000), 4, "a 64th");
        assert_eq!(frames_after(10, &mut pace, 2), 256);
    }

    #[test]
    fn a_turn_after_one_that_left_work_ends_the_batch_and_an_idle_time_does_not_count() {
        let mut pace = Pace::default();
        pace.begin(0);
        pace.finish_turn(false);
        pace.begin(1_000_000_000);
        assert_eq!(pace.part(256), 256, "there was nothing to do in between");
        pace.finish_turn(true);
        pace.begin(2_000_000_000);
        assert_eq!(pace.part(256), 128, "the batch took a second");
        pace.end(2_000_000_001);
        pace.end(9_000_000_000);
        assert_eq!(pace.part(256), 256, "a batch counts once");
    }
}
