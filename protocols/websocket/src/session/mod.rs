//! One connection: its states, and what is answered.

mod close;
mod frames;
mod open;
mod timers;

use std::rc::Rc;

use edgepoll_protocol::{Error, Io, Role, Session, Step};

use crate::code;
use crate::deflate::Agreed;
use crate::failure::Failure;
use crate::handshake::Pending;
use crate::kind;
use crate::receive::Receiver;
use crate::send::{self, refused, Sender};
use crate::shared::Shared;

/// How far the connection is.
enum State {
    /// The head of the request, or of the response, arrives. So many bytes of it have been searched for its end.
    Head { searched: usize },
    /// The program decides about this request.
    Asking(Box<Pending>),
    /// Frames go both ways.
    Open,
    /// The peer has sent its close frame, or broke a rule. This side has one more moment to send.
    Ending(Ending),
    /// Nothing more is read or sent: both close frames have gone, or something was wrong.
    Closed,
}

/// What is left to do at the end. It is not done in the look at the input that found it: the messages of that look reach the program
/// first, and what it writes at once leaves in front of the close frame.
#[derive(Clone, Copy)]
enum Ending {
    /// The peer's close frame is to be answered with this code, or without one.
    Answer(Option<u16>),
    /// The peer broke a rule.
    Failure(Failure),
}

/// The state of one connection.
pub struct WebSocketSession {
    shared: Rc<Shared>,
    role: Role,
    state: State,
    /// A client's key.
    key: String,
    deflate: Option<Agreed>,
    receiver: Receiver,
    sender: Sender,
    /// This side has sent its close frame.
    has_sent_close: bool,
    /// Something has come since the last ping.
    has_heard: bool,
    /// A ping has been sent, and nothing has been found out about it.
    ping_waits: bool,
}

impl WebSocketSession {
    pub(crate) fn new(shared: Rc<Shared>, role: Role) -> WebSocketSession {
        WebSocketSession {
            shared,
            role,
            state: State::Head { searched: 0 },
            key: String::new(),
            deflate: None,
            receiver: Receiver::default(),
            sender: Sender::default(),
            has_sent_close: false,
            has_heard: false,
            ping_waits: false,
        }
    }

    fn control(&self, kind: u8, payload: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        send::control(kind, payload, self.role, &self.shared, io)
    }
}

/// What is written behind a close frame, of either side, is dropped. So is what a server writes before the request has come.
impl Session for WebSocketSession {
    const ENCODES: bool = true;

    fn start(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        self.begin(io)
    }

    #[inline]
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.has_heard = true;
        match self.state {
            State::Open => self.frames(input, io),
            State::Head { searched } => self.head(input, searched, io),
            State::Asking(_) => Ok(Step::Need(0)),
            State::Ending(_) | State::Closed => Ok(Step::Skip(input.len())),
        }
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        self.finish(io)?;
        if !input.is_empty() {
            return match self.decode(input, io)? {
                Step::Need(_) if !matches!(self.state, State::Asking(_)) => {
                    Err(Error::truncated().with_number(code::ABNORMAL.into()))
                }
                step => Ok(step),
            };
        }
        match self.state {
            State::Open => Err(close::no_close_frame()),
            State::Head { .. } if self.role == Role::Client => Err(refused(
                "the server ended the connection before it answered",
            )),
            State::Ending(_) | State::Closed => {
                io.end();
                Ok(Step::Need(0))
            }
            State::Head { .. } | State::Asking(_) => Ok(Step::Need(0)),
        }
    }

    fn encode(&mut self, kind: u8, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        match (&self.state, kind) {
            // A program cannot know at once that the peer has closed, and behind a close frame nothing is sent. Browsers drop such
            // messages too.
            (State::Closed, _) => Ok(()),
            _ if self.has_sent_close => Ok(()),
            // What a server sends to all of its connections is not for one that has not asked for WebSocket yet.
            (State::Head { .. }, _) if self.role == Role::Server => Ok(()),
            (State::Asking(_), kind::ACCEPT) => self.accept(body, io),
            (State::Asking(_), kind::REJECT) => self.reject(body, io),
            (_, kind::ACCEPT | kind::REJECT) => Err(refused("no handshake waits for an answer")),
            (State::Head { .. } | State::Asking(_), _) => Err(refused(
                "the handshake is not complete: messages can be sent once the message of the kind open has come",
            )),
            (_, kind::PING | kind::PONG) => self.control(kind, body, io),
            (_, kind::CLOSE) => self.close(body, io),
            _ if matches!(kind & !(kind::MORE | kind::PLAIN), kind::TEXT | kind::BINARY) => {
                self.sender.message(kind, body, self.role, self.deflate.as_ref(), &self.shared, io)
            }
            _ => Err(refused("there is no such kind of message")),
        }
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.expired(timer, io)
    }

    fn end(&mut self, io: &mut Io<'_>) {
        self.end_of_program(io);
    }

    fn limit(&self) -> usize {
        let settings = &self.shared.settings;
        let whole = settings
            .fragments
            .unwrap_or(usize::MAX)
            .min(settings.max_message);
        // A message in fragments, and as much that lies between them; see `Part::is_littered`.
        let open = whole.saturating_mul(2).saturating_add(16 << 10);
        open.max(settings.max_head.saturating_add(1024))
    }
}
