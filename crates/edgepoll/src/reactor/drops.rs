//! Counts the connections that a listener drops, and makes the events that report them: ten a second at most, however many there are.
//! An event has the count since the last one with its reason, so the counts of all events together are exact.

use super::admission::Dropped;
use crate::Address;

/// At most one event in so many nanoseconds reports dropped connections.
const REPORT_EVERY: u64 = 100_000_000;
/// How many reasons there are.
const REASONS: usize = Dropped::ALL.len();

/// What an event reports.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// The last client that was dropped for this reason.
    pub(super) peer: Address,
    pub(super) reason: Dropped,
    /// How many were since the last event with this reason.
    pub(super) count: u32,
}

/// The dropped connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// How many there were, by the reason's number.
    totals: [u64; REASONS],
    /// How many no event has reported, and the last of these clients.
    unreported: [Option<(Address, u32)>; REASONS],
    /// The reason of the last event.
    last: usize,
    /// The soonest time of the next event, in nanoseconds of the kernel's clock.
    next: u64,
}

impl Drops {
    /// A connection was dropped at the time `now`.
    pub(super) fn count(&mut self, peer: Address, reason: Dropped) {
        let place = reason as usize;
        self.totals[place] += 1;
        let before = self.unreported[place]
            .as_ref()
            .map_or(0, |(_, count)| *count);
        self.unreported[place] = Some((peer, before.saturating_add(1)));
    }

    /// How many there were, by the reason's number.
    pub(super) fn totals(&self) -> [u64; REASONS] {
        self.totals
    }

    /// When the next event has to come, in nanoseconds. `None` if there is nothing to report.
    pub(super) fn report_at(&self) -> Option<u64> {
        self.unreported
            .iter()
            .any(Option::is_some)
            .then_some(self.next)
    }

    /// The report for an event, if there is one and it is time. The reasons take turns.
    pub(super) fn report(&mut self, now: u64) -> Option<Report> {
        if self.report_at().is_none_or(|at| now < at) {
            return None;
        }
        let in_turn = (1..=REASONS).map(|step| (self.last + step) % REASONS);
        for place in in_turn {
            if let Some((peer, count)) = self.unreported[place].take() {
                self.last = place;
                self.next = now.saturating_add(REPORT_EVERY);
                let reason = Dropped::ALL[place];
                return Some(Report {
                    peer,
                    reason,
                    count,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> Address {
        Address::Inet(number.into(), 7)
    }

    #[test]
    fn events_are_few_and_their_counts_exact() {
        let mut drops = Drops::default();
        let mut reported = [0_u64; REASONS];
        let mut events = 0;
        for step in 0..100_000_u32 {
            // 20 seconds, and 5,000 drops in each.
            let now = u64::from(step) * 200_000;
            drops.count(client(step), Dropped::ALL[step as usize % 3]);
            while let Some(Report { reason, count, .. }) = drops.report(now) {
                reported[reason as usize] += u64::from(count);
                events += 1;
            }
        }
        assert_eq!(events, 200);
        let mut now = 20_000_000_000;
        while let Some(at) = drops.report_at() {
            now = at.max(now);
            let one = drops.report(now).expect("an event");
            reported[one.reason as usize] += u64::from(one.count);
        }
        assert_eq!(reported, drops.totals());
        assert_eq!(drops.totals().iter().sum::<u64>(), 100_000);
        assert!(now <= 20_300_000_000);
    }

    #[test]
    fn an_event_has_the_last_client_and_its_reason() {
        let mut drops = Drops::default();
        drops.count(client(1), Dropped::Rate);
        drops.count(client(2), Dropped::Rate);
        let report = drops.report(5).expect("an event");
        assert_eq!(
            (report.peer, report.reason, report.count),
            (client(2), Dropped::Rate, 2)
        );
        assert_eq!(drops.report_at(), None);
        drops.count(client(3), Dropped::Blocked);
        assert_eq!(drops.report(REPORT_EVERY), None);
        assert_eq!(drops.report_at(), Some(REPORT_EVERY + 5));
        assert_eq!(
            drops.report(REPORT_EVERY + 5).expect("an event").peer,
            client(3)
        );
    }
}
