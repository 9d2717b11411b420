//! All checks in one call.

use super::came::Came;
use super::cuts::{any_cut_gives_the_same, may_stop_anywhere};
use super::damage::survives;
use super::growth::does_not_grow;
use super::layer;
use super::transcript::Transcript;
use crate::{Protocol, Role};

/// In so many random ways is each transcript cut.
const CUTS: u64 = 50;
/// In so many ways is each transcript damaged.
const DAMAGES: u64 = 500;

/// Runs every check on a protocol: [`any_cut_gives_the_same`], [`may_stop_anywhere`], [`survives`], [`does_not_grow`] and
/// [`layer::under`] with [`layer::Xor`]. Returns what each transcript gives, for the test to compare with what it should be.
///
/// A transcript is what a peer sends on one connection. A few short ones that have each kind of message in them are better than a long
/// one. Some should break a rule of the protocol.
///
/// The test needs one line for [`does_not_grow`], which counts memory:
/// ```ignore
/// #[global_allocator]
/// static MEMORY: edgepoll_protocol::testing::Counted = edgepoll_protocol::testing::Counted;
/// ```
///
/// # Panics
/// If a check fails. The message names the protocol, the check, and the place or the seed.
pub fn check<P: Protocol, T: Into<Transcript>>(
    make: impl Fn() -> P,
    role: Role,
    transcripts: impl IntoIterator<Item = T>,
) -> Vec<Came> {
    let one = |transcript: T| {
        let transcript = transcript.into();
        let came = any_cut_gives_the_same(&make, role, &transcript, CUTS);
        may_stop_anywhere(&make, role, &transcript);
        survives(&make, role, DAMAGES, &transcript);
        does_not_grow(&make, role, &transcript);
        layer::under(|| layer::Xor, &make, role, &transcript);
        came
    };
    transcripts.into_iter().map(one).collect()
}
