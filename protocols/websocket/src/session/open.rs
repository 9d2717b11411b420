//! The handshake of a connection.

use edgepoll_protocol::{Error, ErrorKind, Io, Role, Step};

use super::{State, WebSocketSession};
use crate::handshake::head::{self, Headers};
use crate::handshake::refusal::Refusal;
use crate::handshake::{answer, client, key, request};
use crate::kind;
use crate::send::refused;

/// What a response begins with.
const RESPONSE: &[u8] = b"HTTP/1.1 ";

impl WebSocketSession {
    /// The connection is established.
    pub(super) fn begin(&mut self, io: &mut Io<'_>) -> Result<(), Error> {
        let settings = &self.shared.settings;
        if self.role == Role::Client {
            if settings.host.is_empty() {
                return Err(refused("a client needs the option host or url"));
            }
            self.key = key::encode(self.shared.random.borrow_mut().take()?);
            client::send(settings, &self.key, io);
        }
        self.await_handshake(io);
        Ok(())
    }

    pub(super) fn head(
        &mut self,
        input: &mut [u8],
        searched: usize,
        io: &mut Io<'_>,
    ) -> Result<Step, Error> {
        let is_http = match self.role {
            // A method. Anything else, such as TLS, is refused at once.
            Role::Server => input.first().is_some_and(u8::is_ascii_uppercase),
            Role::Client => input.iter().zip(RESPONSE).all(|(one, other)| one == other),
        };
        if !is_http {
            return Err(self.refuse(Refusal::bad("the bytes are not of HTTP/1.1"), io));
        }
        let most = self.shared.settings.max_head;
        match head::end(input, searched) {
            Some(end) if end <= most => match self.role {
                Role::Server => self.request(&mut input[..end], io),
                Role::Client => self.response(&mut input[..end], io),
            },
            None if input.len() < most => {
                self.state = State::Head {
                    searched: input.len(),
                };
                Ok(Step::Need(0))
            }
            _ => Err(self.refuse(Refusal::HEAD_TOO_LONG, io)),
        }
    }

    /// Gives up. A server answers; a client has nothing to say.
    pub(super) fn refuse(&mut self, refusal: Refusal, io: &mut Io<'_>) -> Error {
        self.state = State::Closed;
        match self.role {
            Role::Server => refusal.send(io),
            Role::Client if refusal.status == 431 => {
                Error::too_long("the head of the response is longer than maxHead")
            }
            Role::Client => Error::new(ErrorKind::Malformed, refusal.text),
        }
    }

    fn request(&mut self, head: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let shared = self.shared.clone();
        let request = match request::read(head, &shared.settings) {
            Ok(request) => request,
            Err(refusal) => return Err(self.refuse(refusal, io)),
        };
        let pending = request.pending;
        let chosen = pending.choose(&shared.settings.subprotocols);
        let decide = shared.settings.decide;
        io.kind(kind::OPEN);
        io.field(request.path);
        match chosen {
            Some(name) if !decide => io.copied(name.as_bytes()),
            _ => io.null(),
        }
        io.integer(decide.into());
        io.integer(pending.deflate.is_some().into());
        match pending.asked.as_str() {
            "" => io.null(),
            asked => io.copied(asked.as_bytes()),
        }
        headers(head, &request.headers, io);
        if decide {
            self.state = State::Asking(Box::new(pending));
            return Ok(Step::Pause(head.len()));
        }
        answer::accept(&pending, chosen, "", io);
        self.deflate = pending.deflate.map(|(agreed, _)| agreed);
        self.opened(io);
        Ok(Step::Message(head.len()))
    }

    fn response(&mut self, head: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let response = match client::read(head, &self.key, &self.shared.settings) {
            Ok(response) => response,
            Err(error) => {
                self.state = State::Closed;
                return Err(error);
            }
        };
        io.kind(kind::OPEN);
        io.null();
        match &response.subprotocol {
            Some(name) => io.copied(name.as_bytes()),
            None => io.null(),
        }
        io.integer(0);
        io.integer(response.deflate.is_some().into());
        io.null();
        headers(head, &response.headers, io);
        self.deflate = response.deflate;
        self.opened(io);
        Ok(Step::Message(head.len()))
    }

    /// The program accepts.
    pub(super) fn accept(&mut self, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        let State::Asking(pending) = &self.state else {
            return Err(refused("no handshake waits for an answer"));
        };
        let (subprotocol, headers) = answer::read_accept(body, pending)?;
        answer::accept(pending, subprotocol, &headers, io);
        self.deflate = pending.deflate.as_ref().map(|(agreed, _)| *agreed);
        self.opened(io);
        io.resume();
        Ok(())
    }

    /// The program refuses.
    pub(super) fn reject(&mut self, body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
        answer::reject(body, io)?;
        self.state = State::Closed;
        self.stop_timers(io);
        // What the peer still sends is read and thrown away.
        io.resume();
        io.end();
        Ok(())
    }

    fn opened(&mut self, io: &mut Io<'_>) {
        self.state = State::Open;
        self.await_pings(io);
    }
}

/// Adds names, in lower case, and values.
fn headers(head: &mut [u8], headers: &Headers, io: &mut Io<'_>) {
    for (name, value) in headers.lines() {
        head[name.clone()].make_ascii_lowercase();
        io.name(name.clone());
        io.field(value.clone());
    }
}
