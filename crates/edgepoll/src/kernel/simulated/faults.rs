//! How often the simulated kernel misbehaves. Every fault here is one that Linux has as well.

use super::random::Random;

/// The probability of each fault, in a thousandth per call unless said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// EINTR from accept, receive and send.
    pub interrupted: u32,
    /// EAGAIN although input or room is there: it came right after the call, so an event follows.
    pub again: u32,
    /// Fewer bytes than possible. The rest of a receive came right after the call, with an event.
    pub short: u32,
    /// ENOBUFS or ENOMEM from a send. No event follows.
    pub no_buffers: u32,
    /// An event without a cause, per wait.
    pub spurious: u32,
    /// An event with a token that was given to [`SimulatedKernel::haunt`](super::SimulatedKernel::haunt), per wait.
    pub ghosts: u32,
    /// An accept that fails with an error that concerns one client.
    pub aborted: u32,
    /// The beginning of one to four EMFILE, ENFILE, ENOBUFS or ENOMEM in a row, per accept.
    pub shortage: u32,
    /// ENOSPC or ENOMEM from a registration.
    pub register: u32,
    /// The most events that one wait reports.
    pub batch: usize,
}

impl Faults {
    /// No faults.
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

    /// Picks for each fault whether it happens often, seldom or never.
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
