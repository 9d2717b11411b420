//! The traits that a protocol's author implements.

use crate::{Error, Io};

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The connection was accepted.
    Server,
    /// The connection was opened by this program.
    Client,
}

/// What one look at the input found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message that takes up this many bytes of the input, at least 1. [`Io`] has its kind and its fields.
    Message(usize),
    /// This many bytes, at least 1, were dealt with and are no message: a ping that was answered, a delimiter.
    Skip(usize),
    /// No whole message yet. The input is shown again once it has at least this many bytes, counted from its start. A number that is
    /// not above the input's length means: once there is any further byte.
    Need(usize),
    /// As `Message`. Nothing after it is decoded until [`Io::resume`] is called or the connection gets another protocol: an upgrade,
    /// a STARTTLS.
    Pause(usize),
}

/// What a listener or a connect is given. It makes the session of each connection.
pub trait Protocol: 'static {
    /// The state of one connection.
    type Session: Session;
    /// The name in error messages.
    const NAME: &'static str;
    /// Makes the session of a new connection.
    fn session(&self, role: Role) -> Self::Session;
}

/// The state of one connection, for both directions.
///
/// # Contract
/// The same bytes give the same messages, however they are cut into receives. Input that was not consumed is shown again from its
/// start, with more bytes behind it, and with the changes that the session made to it. So a session may remember how far it has
/// searched, but it need not keep bytes: the reactor buffers them, up to [`Session::limit`].
///
/// A session that panics is not called again but dropped, and its connection ends with an error.
pub trait Session: 'static {
    /// Whether [`Session::encode`] makes the bytes that leave. If not, messages of the owner leave as they are.
    const ENCODES: bool = false;
    /// Whether each message has the kind 0, no message that continues it, and exactly one field, which is a range of the input. JavaScript
    /// then gets the bytes of that field instead of a message, as it does for the built-in framings.
    const FRAMES: bool = false;

    /// The first call. A server that speaks first sends its greeting here, a client its first request. It leaves once the connection is
    /// established.
    ///
    /// # Errors
    /// [`Error`] ends the connection.
    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        let _ = io;
        Ok(())
    }

    /// Looks at the front of the input, which is not empty.
    ///
    /// # Errors
    /// [`Error`] ends the connection, after the messages before it were handed over and what was sent before it has left.
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error>;

    /// Looks at the front of what is left after the peer's end. It is called until nothing is left, and once with an empty input.
    ///
    /// # Errors
    /// As [`Session::decode`]. [`Step::Need`] with bytes left means [`Error::truncated`]. The default method calls [`Session::decode`]
    /// while bytes are left.
    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        if input.is_empty() {
            return Ok(Step::Need(0));
        }
        self.decode(input, io)
    }

    /// Sends a message of the owner, by [`Io::send`]. Called only if [`Session::ENCODES`] is true. The meaning of `kind` is the
    /// protocol's own.
    ///
    /// # Errors
    /// [`Error`] fails the write. What this call sent is dropped, and so are the timers that it set. The connection stays open if the
    /// owner gets the error as the result of its write. In JavaScript small messages are written later, together: their write has
    /// succeeded by then, so the connection is reset and ends with the error. The JavaScript half of a protocol should therefore check
    /// a message before it writes it.
    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        let _ = kind;
        io.send(body);
        Ok(())
    }

    /// A timer that [`Io::set_timer`] set has expired. A session that waited for the peer should ask [`Io::is_held`].
    ///
    /// If the owner has too many messages for one turn of its event loop, this call waits until it has gone on, a second at most.
    ///
    /// # Errors
    /// As [`Session::decode`].
    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        let _ = (timer, io);
        Ok(())
    }

    /// The owner ends the connection. What is sent here leaves before the FIN. What is sent later is dropped. The peer's bytes are still
    /// decoded.
    fn end(&mut self, io: &mut Io<'_>) {
        let _ = io;
    }

    /// How many bytes may be buffered without a whole message in them. One receive more may arrive before the connection ends with
    /// [`ErrorKind::TooLong`](crate::ErrorKind::TooLong). Default 1 MiB.
    ///
    /// It does not bound whole messages. A session that bounds those refuses them itself: otherwise what it accepts would depend on
    /// how the input was cut into receives.
    fn limit(&self) -> usize {
        1 << 20
    }
}
