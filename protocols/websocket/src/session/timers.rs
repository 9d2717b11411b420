//! The timers of a connection.

use edgepoll_protocol::{Error, ErrorKind, Io, Role};

use super::{State, WebSocketSession};
use crate::handshake::refusal::Refusal;
use crate::send::refused;
use crate::{code, kind};

/// The handshake, or the end, takes too long.
const DEADLINE: u8 = 0;
/// The next ping is due.
const PING: u8 = 1;
/// The answer to a ping is late.
const PONG: u8 = 2;

/// Sets a timer, or stops it if the program turned it off.
fn set(timer: u8, milliseconds: u32, io: &mut Io<'_>) {
    if milliseconds == 0 {
        io.clear_timer(timer);
    } else {
        io.set_timer(timer, milliseconds);
    }
}

/// The peer is not there any more.
fn is_gone(text: &'static str) -> Error {
    Error::new(ErrorKind::Refused, text).with_number(code::ABNORMAL.into())
}

impl WebSocketSession {
    pub(super) fn await_handshake(&self, io: &mut Io<'_>) {
        set(DEADLINE, self.shared.settings.handshake_timeout, io);
    }

    /// The handshake is complete.
    pub(super) fn await_pings(&self, io: &mut Io<'_>) {
        io.clear_timer(DEADLINE);
        set(PING, self.shared.settings.ping_interval, io);
    }

    /// This side has sent its close frame: the peer has to answer it, or a server to end the connection.
    pub(super) fn await_peer(&self, io: &mut Io<'_>) {
        set(DEADLINE, self.shared.settings.close_timeout, io);
    }

    /// The close frame leaves as soon as the program has had its turn.
    pub(super) fn await_moment(&self, io: &mut Io<'_>) {
        io.set_timer(DEADLINE, 0);
    }

    pub(super) fn stop_timers(&self, io: &mut Io<'_>) {
        for timer in [DEADLINE, PING, PONG] {
            io.clear_timer(timer);
        }
    }

    pub(super) fn expired(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        match (timer, &self.state) {
            // What the peer has sent may lie in the kernel, because the program does not read or the host is busy.
            (DEADLINE, State::Head { .. }) if io.is_held() => {
                self.await_handshake(io);
                Ok(())
            }
            (DEADLINE, State::Head { .. } | State::Asking(_)) => Err(match self.role {
                Role::Server => self.refuse(Refusal::TIMEOUT, io),
                Role::Client => refused("the handshake took longer than handshakeTimeout"),
            }),
            // As above.
            (DEADLINE, State::Open) if io.is_held() => {
                self.await_peer(io);
                Ok(())
            }
            (PONG, State::Open) if io.is_held() => {
                set(PONG, self.shared.settings.pong_timeout, io);
                Ok(())
            }
            (DEADLINE, State::Open) => Err(is_gone(
                "the peer did not answer the close frame within closeTimeout",
            )),
            (DEADLINE, State::Ending(_)) => self.finish(io),
            (DEADLINE, State::Closed) => {
                io.end();
                Ok(())
            }
            (PING, State::Open) if !self.has_sent_close => {
                let settings = &self.shared.settings;
                if !self.ping_waits && settings.pong_timeout > 0 {
                    self.ping_waits = true;
                    self.has_heard = false;
                    set(PONG, settings.pong_timeout, io);
                }
                set(PING, settings.ping_interval, io);
                self.control(kind::PING, b"", io)
            }
            (PONG, State::Open) => {
                self.ping_waits = false;
                if self.has_heard {
                    Ok(())
                } else {
                    Err(is_gone(
                        "nothing came from the peer within pongTimeout after a ping",
                    ))
                }
            }
            _ => Ok(()),
        }
    }
}
