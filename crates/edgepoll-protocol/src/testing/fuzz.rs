//! One case of a fuzz run, and a fuzz target in one line: [`fuzz_target!`](crate::fuzz_target).

use std::cell::Cell;

use super::cuts::pieces;
use super::damage::told;
use super::endpoint::{assert_sound, Endpoint, Long};
use super::random::Random;
use super::transcript::Transcript;
use crate::host::Counted;
use crate::{Protocol, Role};

/// The most memory that one session may hold. It finds a session that reserves what a peer announces.
const MOST_HELD: isize = 64 << 20;
/// The cases after which the memory of the protocol has to stay as it is, but for this much: what is made once, and what is kept to be
/// used again, is there by then.
const WARM: u64 = 10_000;
const SLACK: isize = 8 << 20;

thread_local! {
    static CASES: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// Runs one case: `data` are the peer's bytes, behind two that say how they are cut and what the owner does. Panics if a session panics,
/// breaks its contract, gives something else for another cut, or holds much memory. With the allocator [`Counted`] it also finds memory
/// that stays behind after the connections are gone.
pub fn once<P: Protocol>(make: impl Fn() -> P, role: Role, data: &[u8]) {
    let Some((&[seed, owner], wire)) = data.split_first_chunk::<2>() else {
        return;
    };
    connections(&make, role, seed, owner, wire);
    let (cases, held) = (CASES.get() + 1, Counted::held());
    CASES.set(cases);
    if cases <= WARM {
        HELD.set(held);
        return;
    }
    assert!(
        held - HELD.get() < SLACK,
        "{}: {} bytes stay behind after {cases} cases",
        P::NAME,
        held - HELD.get()
    );
}

fn connections<P: Protocol>(make: &impl Fn() -> P, role: Role, seed: u8, owner: u8, wire: &[u8]) {
    let mut random = Random::new(u64::from(seed));
    let transcript = Transcript::new(wire);
    let end = || Endpoint::new(make(), role, &transcript).long(Long::Ends);
    let whole = end().run([wire], 0);
    assert_sound(P::NAME, "whole", &whole);
    let cut = end().run(pieces(wire, &mut random), 0);
    assert_sound(P::NAME, "cut", &cut);
    assert_eq!(
        told(&cut),
        told(&whole),
        "{}: cut with seed {seed}",
        P::NAME
    );

    // The owner writes, waits or ends between two receives.
    let mut end = end();
    end.start();
    for piece in pieces(wire, &mut random) {
        match owner % 4 {
            0 if random.below(4) == 0 => end.wait(60_000),
            1 => drop(end.write(owner >> 2, piece)),
            2 if random.below(8) == 0 => end.end(),
            _ => {}
        }
        end.go_on();
        end.receive(piece);
        assert!(
            end.held() < MOST_HELD,
            "{}: the session holds {} bytes",
            P::NAME,
            end.held()
        );
    }
    end.finish();
    assert_sound(
        P::NAME,
        &format!("with an owner that does {owner}"),
        &end.came,
    );
}

/// Makes a program that fuzzes a protocol with libFuzzer, on a stable toolchain. It is the whole file, in a package of its own, which
/// depends on `libfuzzer-sys` too:
///
/// ```ignore
/// #![no_main]
/// edgepoll_protocol::fuzz_target!(|| Resp::default(), Role::Server);
/// ```
///
/// Each case is [`testing::fuzz::once`](crate::testing::fuzz::once). The flags make the compiler count which code a case reaches:
/// ```text
/// RUSTFLAGS="-Cpasses=sancov-module -Ccodegen-units=1 -Cllvm-args=-sanitizer-coverage-level=4 \
///   -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
///   -Cllvm-args=-sanitizer-coverage-trace-compares" \
///   cargo run --release --target x86_64-unknown-linux-gnu -- -timeout=10 -max_total_time=60 corpus seeds
/// ```
/// `corpus` is a folder for the cases that libFuzzer keeps, and `seeds` one with transcripts to begin with: two bytes of any value, and
/// then what a peer sends.
#[macro_export]
macro_rules! fuzz_target {
    ($make:expr, $role:expr) => {
        #[global_allocator]
        static MEMORY: $crate::testing::Counted = $crate::testing::Counted;

        ::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $crate::testing::fuzz::once($make, $role, data);
        });
    };
}
