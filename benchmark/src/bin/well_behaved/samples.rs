//! What was measured: every latency with the time when its request was due, by phase and over time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

/// The width of a point of the series.
const STEP: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Phase {
    name: String,
    begin: Duration,
    lines: Vec<u32>,
    fresh: Vec<u32>,
    unanswered: u64,
    lost: u64,
    cut: u64,
    fresh_failed: u64,
    fresh_unanswered: u64,
    causes: BTreeMap<String, u64>,
}

#[derive(Default, Clone)]
struct Step {
    lines: Vec<u32>,
    fresh: Vec<u32>,
    fresh_failed: u64,
}

pub(crate) struct Samples {
    start: Instant,
    phases: Vec<Phase>,
    steps: Vec<Step>,
}

/// Milliseconds.
#[derive(Serialize)]
struct Latency {
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct PhaseReport<'a> {
    name: &'a str,
    /// Seconds after the first phase began.
    begin: f64,
    lines: Latency,
    /// Lines without a reply when the clients ended.
    unanswered: u64,
    /// Lines whose connection was cut before their reply.
    lost: u64,
    cut: u64,
    /// A connection that failed counts with the time after which it has failed.
    fresh: Latency,
    fresh_failed: u64,
    fresh_unanswered: u64,
    causes: &'a BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Point {
    /// Seconds after the first phase began.
    at: f64,
    lines: Latency,
    fresh: Latency,
    fresh_failed: u64,
}

#[derive(Serialize)]
pub(crate) struct Report<'a> {
    phases: Vec<PhaseReport<'a>>,
    series: Vec<Point>,
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

fn latency(samples: &mut [u32]) -> Latency {
    samples.sort_unstable();
    let at = |share: f64| {
        // The first sample that at least this share of all is not above.
        let rank = (share * samples.len() as f64).ceil() as usize;
        samples
            .get(rank.max(1) - 1)
            .map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    Latency {
        count: samples.len(),
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
    }
}

impl Samples {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            phases: Vec::new(),
            steps: Vec::new(),
        }
    }

    pub(crate) fn begin_phase(&mut self, name: &str) {
        if self.phases.is_empty() {
            self.start = Instant::now();
        }
        self.phases.push(Phase {
            name: name.to_owned(),
            begin: self.start.elapsed(),
            ..Phase::default()
        });
    }

    /// The phase and the step of something that was due then. Nothing counts before the first phase.
    fn of(&mut self, due: Instant) -> Option<(&mut Phase, &mut Step)> {
        let after = due.checked_duration_since(self.start)?;
        let step = usize::try_from(after.as_millis() / STEP.as_millis()).ok()?;
        if step >= self.steps.len() {
            self.steps.resize(step + 1, Step::default());
        }
        let phase = self
            .phases
            .iter_mut()
            .rev()
            .find(|phase| phase.begin <= after)?;
        Some((phase, &mut self.steps[step]))
    }

    pub(crate) fn line(&mut self, due: Instant, now: Instant) {
        if let Some((phase, step)) = self.of(due) {
            let latency = micros(now.saturating_duration_since(due));
            phase.lines.push(latency);
            step.lines.push(latency);
        }
    }

    pub(crate) fn unanswered(&mut self, due: Instant, now: Instant) {
        self.line(due, now);
        if let Some((phase, _)) = self.of(due) {
            phase.unanswered += 1;
        }
    }

    pub(crate) fn cut(&mut self, now: Instant, cause: &str, lost: usize) {
        if let Some((phase, _)) = self.of(now) {
            phase.cut += 1;
            phase.lost += lost as u64;
            *phase.causes.entry(format!("cut: {cause}")).or_default() += 1;
        }
    }

    pub(crate) fn fresh(&mut self, due: Instant, now: Instant) {
        if let Some((phase, step)) = self.of(due) {
            let latency = micros(now.saturating_duration_since(due));
            phase.fresh.push(latency);
            step.fresh.push(latency);
        }
    }

    pub(crate) fn fresh_failed(&mut self, due: Instant, patience: Duration, reason: &str) {
        self.fresh(due, due + patience);
        if let Some((phase, step)) = self.of(due) {
            phase.fresh_failed += 1;
            step.fresh_failed += 1;
            *phase.causes.entry(format!("fresh: {reason}")).or_default() += 1;
        }
    }

    pub(crate) fn fresh_unanswered(&mut self, due: Instant, now: Instant) {
        self.fresh(due, now);
        if let Some((phase, _)) = self.of(due) {
            phase.fresh_unanswered += 1;
        }
    }

    pub(crate) fn report(&mut self) -> Report<'_> {
        let series = self
            .steps
            .iter_mut()
            .enumerate()
            .map(|(index, step)| Point {
                at: STEP.as_secs_f64() * index as f64,
                lines: latency(&mut step.lines),
                fresh: latency(&mut step.fresh),
                fresh_failed: step.fresh_failed,
            })
            .collect();
        let phases = self
            .phases
            .iter_mut()
            .map(|phase| PhaseReport {
                name: &phase.name,
                begin: phase.begin.as_secs_f64(),
                lines: latency(&mut phase.lines),
                unanswered: phase.unanswered,
                lost: phase.lost,
                cut: phase.cut,
                fresh: latency(&mut phase.fresh),
                fresh_failed: phase.fresh_failed,
                fresh_unanswered: phase.fresh_unanswered,
                causes: &phase.causes,
            })
            .collect();
        Report { phases, series }
    }
}
