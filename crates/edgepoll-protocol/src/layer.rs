//! What lies between the socket and the protocol: TLS, compression of the whole stream.

use std::ops::Range;

use crate::abi::{self, RawIo};
use crate::{Error, Role};

/// How far a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Phase {
    /// It exchanges its own messages with the peer. What the owner writes waits.
    Handshake = 0,
    /// It waits for an answer of the program. Input is left alone until [`Layer::resume`].
    Asking = 1,
    /// Plain bytes go both ways.
    Open = 2,
    /// The peer has ended the plain stream.
    PeerEnded = 3,
}

/// Makes the layer of each connection.
pub trait LayerFactory: 'static {
    /// The state of one connection.
    type Layer: Layer;
    /// The name in error messages.
    const NAME: &'static str;
    /// Makes the layer of a new connection.
    fn layer(&self, role: Role) -> Self::Layer;
}

/// A layer of one connection. It starts in [`Phase::Handshake`].
///
/// # Contract
/// The same bytes give the same plain bytes, however they are cut into receives. A layer that panics is not called again but dropped,
/// and its connection ends with an error.
pub trait Layer: 'static {
    /// The connection is established. A layer whose side speaks first sends its first bytes here.
    ///
    /// # Errors
    /// [`Error`] ends the connection, after what was sent has left.
    fn start(&mut self, io: &mut LayerIo<'_>) -> Result<(), Error> {
        let _ = io;
        Ok(())
    }

    /// Takes bytes of the peer. Decrypts in place and gives the ranges of plain bytes to [`LayerIo::plain`], in order. Returns how many
    /// bytes of the input it is done with, which hold these ranges. The rest is shown again with more behind it.
    ///
    /// # Errors
    /// As [`Layer::start`]. The plain bytes that it gave before still count.
    fn receive(&mut self, input: &mut [u8], io: &mut LayerIo<'_>) -> Result<usize, Error>;

    /// Sends plain bytes of the owner, as they look on the wire. Called only in [`Phase::Open`] and [`Phase::PeerEnded`].
    ///
    /// # Errors
    /// As [`Layer::start`].
    fn send(&mut self, plain: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error>;

    /// The owner ends the connection. What is sent here leaves before the FIN.
    fn end(&mut self, io: &mut LayerIo<'_>) {
        let _ = io;
    }

    /// The peer has sent FIN. `rest` bytes of the input were not consumed.
    ///
    /// # Errors
    /// [`Error::truncated`], unless the plain stream has ended by the layer's own rules. The default method fails if bytes are left.
    fn peer_ended(&mut self, rest: usize) -> Result<(), Error> {
        if rest == 0 {
            Ok(())
        } else {
            Err(Error::truncated())
        }
    }

    /// A timer has expired.
    ///
    /// # Errors
    /// As [`Layer::start`].
    fn timer(&mut self, timer: u8, io: &mut LayerIo<'_>) -> Result<(), Error> {
        let _ = (timer, io);
        Ok(())
    }

    /// The program's answer to what [`LayerIo::ask`] asked.
    ///
    /// # Errors
    /// As [`Layer::start`].
    fn resume(&mut self, answer: &[u8], io: &mut LayerIo<'_>) -> Result<(), Error> {
        let _ = (answer, io);
        Ok(())
    }

    /// How many bytes may wait for the rest of a record. Default 32 KiB.
    fn limit(&self) -> usize {
        32 * 1024
    }
}

/// What a layer tells the reactor while it is called.
pub struct LayerIo<'a> {
    raw: &'a mut RawIo,
}

impl<'a> LayerIo<'a> {
    pub(crate) fn new(raw: &'a mut RawIo) -> LayerIo<'a> {
        LayerIo { raw }
    }

    /// Hands over plain bytes: a range of the input.
    pub fn plain(&mut self, range: Range<usize>) {
        let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let length = range.end.checked_sub(range.start);
        let length = length.map_or(i32::MAX, number);
        if self.raw.table.push(&[number(range.start), length, 0]) {
            self.raw.messages += 1;
        } else {
            self.raw.flags |= abi::OVERFLOW;
        }
    }

    /// Sends bytes to the peer, as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        if !self.raw.output.extend(bytes) {
            self.raw.flags |= abi::OVERFLOW;
        }
    }

    /// Enters another phase.
    pub fn enter(&mut self, phase: Phase) {
        self.raw.phase = phase as u32;
        self.raw.flags |= abi::PHASE;
    }

    /// Asks the program, and enters [`Phase::Asking`].
    pub fn ask(&mut self, question: &[u8]) {
        if !self.raw.made.extend(question) {
            self.raw.flags |= abi::OVERFLOW;
        }
        self.enter(Phase::Asking);
    }

    /// Calls [`Layer::timer`] with this number in so many milliseconds. There are [`abi::TIMERS`] timers, from 0 on.
    pub fn set_timer(&mut self, timer: u8, milliseconds: u32) {
        if let Some(place) = self.raw.timers.get_mut(usize::from(timer)) {
            *place = milliseconds.min(abi::NO_TIMER - 1);
            self.raw.timers_set |= 1 << timer;
        }
    }

    /// Stops a timer.
    pub fn clear_timer(&mut self, timer: u8) {
        if let Some(place) = self.raw.timers.get_mut(usize::from(timer)) {
            *place = abi::NO_TIMER;
            self.raw.timers_set |= 1 << timer;
        }
    }
}
