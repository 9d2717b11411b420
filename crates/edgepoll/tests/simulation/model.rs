//! What one connection must look like: what its peer sent, what the owner wrote, and what was told of it.
//!
//! It must never ask the reactor: it is what the reactor is compared with.

use edgepoll::connection::Limits;
use edgepoll::kernel::simulated::{Peer, Random};
use edgepoll::Token;

/// One connection, seen from both sides.
pub(crate) struct FarEnd {
    pub(crate) peer: Peer,
    salt: u64,
    pub(crate) lines: bool,
    pub(crate) limits: Limits,
    /// Bytes that the peer sent.
    pub(crate) sent: u64,
    /// Bytes that were handed to the owner, line feeds included.
    pub(crate) delivered: u64,
    /// What the owner wrote and was told to be taken, as it goes over the wire.
    pub(crate) written: Vec<u8>,
    /// A write was refused after it may have been sent in part.
    pub(crate) is_torn: bool,
    /// How much of `written` the peer read and found right.
    pub(crate) verified: usize,
    pub(crate) last_write: usize,
    /// The peer never reads, until the end of the run.
    pub(crate) deaf: bool,
    /// The peer sent FIN.
    pub(crate) finished: bool,
    /// The peer reset, or closed with unread bytes or before ours.
    pub(crate) broke: bool,
    /// None while it waits to be accepted.
    pub(crate) token: Option<Token>,
    /// Which listener accepted it.
    pub(crate) listener: Option<usize>,
    pub(crate) connecting: bool,
    pub(crate) paused: bool,
    /// Since when no byte of the peer's has been received, on the kernel's clock, and how many there were.
    pub(crate) idle_since: u64,
    pub(crate) received_seen: u64,
    /// The owner asked for a reset.
    pub(crate) resets: bool,
    pub(crate) ended: bool,
    pub(crate) discarding: bool,
    pub(crate) destroyed: bool,
    pub(crate) overflowed: bool,
    pub(crate) end_told: bool,
    pub(crate) closed: bool,
    /// The owner knew a send queue at the high watermark, and was told of none at the low one since.
    pub(crate) waits_for_room: bool,
    pub(crate) write_failed: bool,
    /// What was handed over since a send failed, and in this turn, as `Limits::leftover` counts it.
    pub(crate) leftover: u64,
    pub(crate) handed_now: u64,
    /// Frames that were handed over in this turn.
    pub(crate) frames_now: u32,
    /// Turns since it could have been served and was not.
    pub(crate) neglected: usize,
    pub(crate) calls_seen: u64,
    pub(crate) delivered_seen: u64,
}

impl FarEnd {
    pub(crate) fn new(peer: Peer, lines: bool, limits: Limits, random: &mut Random) -> FarEnd {
        FarEnd {
            peer,
            salt: random.bits(),
            lines,
            limits,
            sent: 0,
            delivered: 0,
            written: Vec::new(),
            is_torn: false,
            verified: 0,
            last_write: 0,
            deaf: random.chance(150),
            finished: false,
            broke: false,
            token: None,
            listener: None,
            connecting: false,
            paused: false,
            idle_since: 0,
            received_seen: 0,
            resets: false,
            ended: false,
            discarding: false,
            destroyed: false,
            overflowed: false,
            end_told: false,
            closed: false,
            waits_for_room: false,
            write_failed: false,
            leftover: 0,
            handed_now: 0,
            frames_now: 0,
            neglected: 0,
            calls_seen: 0,
            delivered_seen: 0,
        }
    }

    /// What the owner of the connection does when he is told the length of its send queue.
    pub(crate) fn know_queue(&mut self, queued: usize) {
        if queued >= self.limits.high_water as usize {
            self.waits_for_room = true;
        } else if queued <= self.limits.low_water as usize {
            self.waits_for_room = false;
        }
    }

    /// The byte at one place of what the peer sends: no other place, and no other peer, has the same neighbours.
    #[allow(clippy::cast_possible_truncation, reason = "one byte is wanted")]
    pub(crate) fn byte(&self, at: u64) -> u8 {
        let word = (at ^ self.salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let byte = (word >> 56) as u8;
        match byte {
            0..=12 => b'\n',
            b'\r' => 14,
            other => other,
        }
    }

    pub(crate) fn next_bytes(&self, length: usize) -> Vec<u8> {
        (self.sent..self.sent + length as u64)
            .map(|at| self.byte(at))
            .collect()
    }

    /// A message for the peer that depends on its place, and the same as it goes over the wire.
    pub(crate) fn message(&self, length: usize) -> (Vec<u8>, Vec<u8>) {
        let start = self.written.len() as u64 + 7;
        let body: Vec<u8> = (start..start + length as u64)
            .map(|at| match self.byte(!at) {
                b'\n' => b'_',
                other => other,
            })
            .collect();
        let mut wire = body.clone();
        if self.lines {
            wire.push(b'\n');
        }
        (body, wire)
    }

    /// A frame was handed over: it must be what comes next.
    pub(crate) fn take(&mut self, body: &[u8]) -> Result<(), String> {
        let at = self.delivered;
        for (byte, place) in body.iter().zip(at..) {
            if *byte != self.byte(place) || place >= self.sent {
                return Err(format!(
                    "2: {:?}: wrong byte at {place} of {}",
                    self.peer, self.sent
                ));
            }
        }
        self.delivered += body.len() as u64;
        if self.lines {
            if body.contains(&b'\n') {
                return Err(format!("2: {:?}: a line holds a line feed", self.peer));
            }
            if self.delivered < self.sent {
                if self.byte(self.delivered) != b'\n' {
                    return Err(format!(
                        "2: {:?}: a line was cut at {}",
                        self.peer, self.delivered
                    ));
                }
                self.delivered += 1;
            } else if !self.finished || body.is_empty() {
                return Err(format!(
                    "2: {:?}: a line of {} bytes without its end at {} of {}, finished: {}",
                    self.peer,
                    body.len(),
                    self.delivered,
                    self.sent,
                    self.finished
                ));
            }
        }
        Ok(())
    }

    /// A send has failed, as the reactor reports now. A turn sends before it receives, so the bytes of this turn count as after it.
    pub(crate) fn know_failed_send(&mut self) {
        if !self.is_torn && !self.write_failed {
            self.leftover = self.handed_now;
        }
    }

    /// A send has failed, and the owner has got as much input as `Limits::leftover` allows.
    pub(crate) fn had_leftover(&self) -> bool {
        self.leftover > u64::from(self.limits.leftover)
    }

    /// Everything that the peer sent was handed over; an unfinished line may be missing.
    pub(crate) fn is_complete(&self, at_fin: bool) -> bool {
        if self.lines && !at_fin {
            return (self.delivered..self.sent).all(|at| self.byte(at) != b'\n');
        }
        self.delivered == self.sent
    }

    /// The peer read these bytes: they must be what was written next.
    pub(crate) fn verify(&mut self, bytes: &[u8]) -> Result<(), String> {
        let upto = self.verified + bytes.len();
        if self.written.get(self.verified..upto) != Some(bytes) {
            return Err(format!(
                "2: {:?}: what the peer read at {} is not what was written",
                self.peer, self.verified
            ));
        }
        self.verified = upto;
        Ok(())
    }
}
