//! The model of one connection: what its peer sent, what the owner wrote, and what the reactor reported.
//!
//! The model never calls the reactor, because the reactor is compared with it.

use edgepoll::connection::Limits;
use edgepoll::kernel::simulated::{Peer, Random};
use edgepoll::Token;

use crate::lateness::Seen;

/// One connection, seen from both sides.
pub(crate) struct Model {
    pub(crate) peer: Peer,
    salt: u64,
    pub(crate) lines: bool,
    pub(crate) limits: Limits,
    /// Bytes that the peer sent.
    pub(crate) sent: u64,
    /// Bytes that were delivered to the owner, line feeds included.
    pub(crate) delivered: u64,
    /// What the owner wrote and the reactor accepted, as it goes over the wire.
    pub(crate) written: Vec<u8>,
    /// A write was refused after it may have been sent in part.
    pub(crate) partly_sent: bool,
    /// How much of `written` the peer has read and compared.
    pub(crate) verified: usize,
    pub(crate) last_write: usize,
    /// The peer reads nothing until the end of the run.
    pub(crate) never_reads: bool,
    /// The peer sent FIN.
    pub(crate) finished: bool,
    /// The peer sent a reset, or closed with unread bytes or before the owner did.
    pub(crate) aborted: bool,
    /// None while it waits to be accepted.
    pub(crate) token: Option<Token>,
    /// Which listener accepted it.
    pub(crate) listener: Option<usize>,
    pub(crate) connecting: bool,
    pub(crate) paused: bool,
    /// When the last byte of the peer was received, on the kernel's clock, and how many bytes there were.
    pub(crate) idle_since: u64,
    pub(crate) received_seen: u64,
    /// What the deadlines are about.
    pub(crate) seen: Seen,
    /// The owner asked for a reset.
    pub(crate) reset_requested: bool,
    pub(crate) ended: bool,
    pub(crate) discarding: bool,
    pub(crate) destroyed: bool,
    pub(crate) overflowed: bool,
    pub(crate) end_reported: bool,
    pub(crate) closed: bool,
    /// The owner has seen the send queue at the high watermark, and has not seen it at the low one since.
    pub(crate) waits_for_room: bool,
    pub(crate) write_failed: bool,
    pub(crate) writing_ended: bool,
    /// What was delivered since a send failed, and in this turn, as `Limits::leftover` counts it.
    pub(crate) leftover: u64,
    pub(crate) delivered_now: u64,
    /// Frames that were delivered in this turn.
    pub(crate) frames_now: u32,
    /// Turns in a row in which it could have been served and was not.
    pub(crate) turns_unserved: usize,
    pub(crate) calls_seen: u64,
    pub(crate) delivered_seen: u64,
}

impl Model {
    pub(crate) fn new(peer: Peer, lines: bool, limits: Limits, random: &mut Random) -> Model {
        Model {
            peer,
            salt: random.bits(),
            lines,
            limits,
            sent: 0,
            delivered: 0,
            written: Vec::new(),
            partly_sent: false,
            verified: 0,
            last_write: 0,
            never_reads: random.chance(150),
            finished: false,
            aborted: false,
            token: None,
            listener: None,
            connecting: false,
            paused: false,
            idle_since: 0,
            received_seen: 0,
            seen: Seen::default(),
            reset_requested: false,
            ended: false,
            discarding: false,
            destroyed: false,
            overflowed: false,
            end_reported: false,
            closed: false,
            waits_for_room: false,
            write_failed: false,
            writing_ended: false,
            leftover: 0,
            delivered_now: 0,
            frames_now: 0,
            turns_unserved: 0,
            calls_seen: 0,
            delivered_seen: 0,
        }
    }

    /// The owner gets the length of the send queue, from a call or an event.
    pub(crate) fn note_queue_length(&mut self, queued: usize) {
        if queued >= self.limits.high_water as usize {
            self.waits_for_room = true;
        } else if queued <= self.limits.low_water as usize {
            self.waits_for_room = false;
        }
    }

    /// The byte at one position of what the peer sends. Its neighbours are not the same at any other position or for any
    /// other peer.
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

    /// A message for the peer that depends on its position, and the same message as it goes over the wire.
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

    /// Checks a frame that was delivered: it must be what comes next.
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

    /// The reactor reports that a send has failed. A turn sends before it receives, so the bytes of this turn count as
    /// received after the failure.
    pub(crate) fn note_failed_send(&mut self) {
        if !self.partly_sent && !self.write_failed {
            self.leftover = self.delivered_now;
        }
    }

    /// Whether a send has failed and the owner has since got as much input as `Limits::leftover` allows.
    pub(crate) fn has_used_leftover(&self) -> bool {
        self.leftover > u64::from(self.limits.leftover)
    }

    /// Whether everything that the peer sent was delivered. An unfinished line may be missing, except at the FIN.
    pub(crate) fn is_complete(&self, at_fin: bool) -> bool {
        if self.lines && !at_fin {
            return (self.delivered..self.sent).all(|at| self.byte(at) != b'\n');
        }
        self.delivered == self.sent
    }

    /// Checks bytes that the peer has read: they must be what was written next.
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
