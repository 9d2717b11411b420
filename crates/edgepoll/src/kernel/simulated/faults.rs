//! How often the simulated kernel misbehaves, and in which of the ways that Linux may.
//!
//! It must never allow what Linux cannot do: a reactor may rely on that. Set by the test.

use super::Random;

/// Chances in a thousand, per call unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// EINTR from accept, receive and send.
    pub interrupted: u32,
    /// EAGAIN although there is something: it came just afterwards, so an edge follows.
    pub again: u32,
    /// Fewer bytes than possible; the rest of a receive came just afterwards, with an edge.
    pub short: u32,
    /// ENOBUFS from a send; no edge follows.
    pub no_buffers: u32,
    /// An event without a cause, per wait.
    pub spurious: u32,
    /// An event for a token that was given to [`super::SimulatedKernel::haunt`], per wait.
    pub ghosts: u32,
    /// An accept that fails for the one client that it concerns.
    pub aborted: u32,
    /// A burst of EMFILE and the like begins, per accept.
    pub shortage: u32,
    /// ENOSPC or ENOMEM from a registration.
    pub register: u32,
    /// Events that one wait gives at most.
    pub batch: usize,
}

impl Faults {
    /// A kernel in good health.
    #[must_use]
    pub const fn none() -> Faults {
        Faults {
            interrupted: 0,
            again: 0,
            short: 0,
            no_buffers: 0,
            spurious: 0,
            ghosts: 0,
            aborted: 0,
            shortage: 0,
            register: 0,
            batch: 1_024,
        }
    }

    /// Some faults often, some seldom, some never.
    #[must_use]
    pub fn seeded(random: &mut Random) -> Faults {
        Faults {
            interrupted: random.pick(&[0, 20, 100]),
            again: random.pick(&[0, 20, 150]),
            short: random.pick(&[0, 100, 500]),
            no_buffers: random.pick(&[0, 0, 20, 100]),
            spurious: random.pick(&[0, 50, 300]),
            ghosts: random.pick(&[0, 100, 500]),
            aborted: random.pick(&[0, 0, 50]),
            shortage: random.pick(&[0, 0, 50, 200]),
            register: random.pick(&[0, 0, 30]),
            batch: random.pick(&[1, 2, 7, 1_024]),
        }
    }
}
