//! Random runs of the reactor on the simulated kernel. Every seed is one run, and the same run every time.
//!
//! `EDGEPOLL_SEEDS=N` runs the seeds 0 to N; `EDGEPOLL_SEED=S` runs that one alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod actions;
mod after_turn;
mod driver;
#[path = "../support/inbox.rs"]
mod inbox;
mod lateness;
mod model;
mod reports;
mod ticking;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::thread;

const SEEDS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

/// Runs one seed. A panic in it is a failure.
fn run(seed: u64) -> Result<driver::Counts, String> {
    catch_unwind(AssertUnwindSafe(|| driver::run(seed))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Runs `seeds` until one fails. Returns that seed and the reason.
fn search(seeds: impl Iterator<Item = u64>) -> Result<driver::Counts, (u64, String)> {
    let mut counts = driver::Counts::default();
    for seed in seeds {
        counts.add(&run(seed).map_err(|why| (seed, why))?);
    }
    Ok(counts)
}

fn fail(seed: u64, why: &str) -> ! {
    panic!("EDGEPOLL_SEED={seed} cargo test -p edgepoll --test simulation\n{why}");
}

#[test]
fn every_seed_keeps_the_invariants() {
    if let Some(seed) = number("EDGEPOLL_SEED") {
        match run(seed) {
            Ok(counts) => eprintln!("{counts:?}"),
            Err(why) => fail(seed, &why),
        }
        return;
    }
    let seeds = number("EDGEPOLL_SEEDS").unwrap_or(SEEDS);
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|first| {
                let own = (first..seeds).step_by(usize::try_from(workers).unwrap());
                scope.spawn(move || search(own))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    let mut counts = driver::Counts::default();
    let first = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .min();
    if let Some((seed, why)) = first {
        fail(*seed, why);
    }
    for result in results.into_iter().flatten() {
        counts.add(&result);
    }
    eprintln!("{counts:?}");
    // A simulation in which an event never happens does not test it.
    if seeds >= 1_000 {
        assert!(
            counts.all_happened(),
            "some path was never taken: {counts:?}"
        );
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [1, 77, 4_242] {
        assert_eq!(run(seed), run(seed));
    }
}
