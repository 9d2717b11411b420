//! An addon whose sessions answer GET, SET and PING themselves, from a map that the connections of a protocol share. All other
//! commands go to JavaScript.
//!
//! A session answers at once. So a client that pipelines commands of both sorts gets the answers of JavaScript later.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use edgepoll_protocol::export_protocol;
use edgepoll_protocol::node::{OptionError, Options};
use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};
use edgepoll_resp::{RequestParser, Requests, Settings};

type Map = Rc<RefCell<HashMap<Box<[u8]>, Box<[u8]>>>>;

#[derive(Default)]
struct Store {
    settings: Rc<Settings>,
    map: Map,
}

impl Store {
    #[allow(clippy::unnecessary_wraps, reason = "export_protocol! needs a result")]
    fn new(_options: &Options) -> Result<Store, OptionError> {
        Ok(Store::default())
    }
}

impl Protocol for Store {
    type Session = Answers;
    const NAME: &'static str = "store";

    fn session(&self, _role: Role) -> Answers {
        Answers {
            requests: Requests::new(Rc::clone(&self.settings)),
            map: Rc::clone(&self.map),
        }
    }
}

struct Answers {
    requests: Requests,
    map: Map,
}

/// Answers the request that the parser has found. Returns false for a command that it does not know.
fn answer(map: &Map, parser: &RequestParser, input: &[u8], io: &mut Io<'_>) -> bool {
    let of = |index: usize| parser.bytes(parser.arguments()[index], input);
    match (of(0), parser.arguments().len()) {
        (b"GET", 2) => match map.borrow().get(of(1)) {
            None => io.send(b"$-1\r\n"),
            Some(value) => {
                let mut digits = [0; 20];
                io.send(b"$");
                io.send(decimal(value.len(), &mut digits));
                io.send(b"\r\n");
                io.send(value);
                io.send(b"\r\n");
            }
        },
        (b"SET", 3) => {
            map.borrow_mut().insert(of(1).into(), of(2).into());
            io.send(b"+OK\r\n");
        }
        (b"PING", 1) => io.send(b"+PONG\r\n"),
        _ => return false,
    }
    true
}

fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

impl Session for Answers {
    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let map = &self.map;
        self.requests.decode_with(input, io, |parser, input, io| {
            answer(map, parser, input, io)
        })
    }

    fn decode_end(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        let map = &self.map;
        self.requests
            .decode_end_with(input, io, |parser, input, io| {
                answer(map, parser, input, io)
            })
    }

    fn timer(&mut self, timer: u8, io: &mut Io<'_>) -> Result<(), Error> {
        self.requests.timer(timer, io)
    }

    fn limit(&self) -> usize {
        self.requests.limit()
    }
}

export_protocol!(c"store" => Store::new);
