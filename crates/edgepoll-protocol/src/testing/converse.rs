//! Both sides of a connection talk to each other.

use super::came::{Came, Seen};
use super::endpoint::{assert_sound, Endpoint};
use super::random::Random;
use super::transcript::Transcript;
use crate::{Protocol, Role};

/// So many bytes may follow from one line of a conversation, and so many more from each byte that the line sends.
const MOST_FOR_A_LINE: usize = 256 * 1024;
const MOST_FOR_A_BYTE: usize = 64;

/// What happens next in a conversation. Everything that follows from the line before has arrived by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Act);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Write(Role, u8, Vec<u8>),
    End(Role),
    Wait(u64),
}

impl Line {
    /// The server's owner writes a message.
    #[must_use]
    pub fn server(kind: u8, body: impl Into<Vec<u8>>) -> Line {
        Line(Act::Write(Role::Server, kind, body.into()))
    }

    /// The client's owner writes a message.
    #[must_use]
    pub fn client(kind: u8, body: impl Into<Vec<u8>>) -> Line {
        Line(Act::Write(Role::Client, kind, body.into()))
    }

    /// The owner of that side ends the connection.
    #[must_use]
    pub fn end(role: Role) -> Line {
        Line(Act::End(role))
    }

    /// So many milliseconds pass on both sides, in which nothing arrives. What both have to say to each other in the meantime needs several waits.
    #[must_use]
    pub fn wait(milliseconds: u32) -> Line {
        Line(Act::Wait(u64::from(milliseconds)))
    }
}

/// How bytes are cut on their way.
#[derive(Clone, Debug)]
enum Cut {
    Whole,
    Bytes,
    Random(Random),
}

impl Cut {
    fn length(&mut self, waiting: usize) -> usize {
        match self {
            Cut::Whole => waiting,
            Cut::Bytes => 1,
            Cut::Random(random) => 1 + random.below(waiting),
        }
    }

    /// Whether the server's bytes travel next.
    fn is_server_next(&mut self) -> bool {
        match self {
            Cut::Whole | Cut::Bytes => true,
            Cut::Random(random) => random.below(2) == 0,
        }
    }

    fn all(seeds: u64) -> impl Iterator<Item = Cut> {
        let random = (0..seeds).map(|seed| Cut::Random(Random::new(seed)));
        [Cut::Whole, Cut::Bytes].into_iter().chain(random)
    }
}

struct Side {
    name: &'static str,
    end: Endpoint,
    /// How much of the output has arrived.
    sent: usize,
    /// The owner has ended, or the session.
    has_ended: bool,
    /// The other side knows that.
    has_told: bool,
}

impl Side {
    fn new<P: Protocol>(protocol: P, role: Role) -> Side {
        let mut end = Endpoint::new(protocol, role, &Transcript::default());
        end.start();
        Side {
            name: P::NAME,
            end,
            sent: 0,
            has_ended: false,
            has_told: false,
        }
    }

    fn waiting(&self) -> usize {
        self.end.came.output.len() - self.sent
    }

    /// Whether anything is on its way to the other side.
    fn has_more(&self) -> bool {
        let has_ended = self.has_ended || self.end.came.ended;
        self.waiting() > 0 || has_ended && !self.has_told
    }

    /// Lets some of what is on its way arrive.
    fn arrive_at(&mut self, other: &mut Side, cut: &mut Cut) {
        if self.waiting() == 0 {
            self.has_told = true;
            other.end.finish();
            return;
        }
        let end = self.sent + cut.length(self.waiting());
        other.end.receive(&self.end.came.output[self.sent..end]);
        self.sent = end;
    }

    fn write(&mut self, kind: u8, body: &[u8]) {
        if let Some(fault) = self.end.write(kind, body) {
            panic!("{}: the message {kind} was refused: {fault}", self.name);
        }
        self.end.go_on();
    }
}

struct Pair {
    server: Side,
    client: Side,
    cut: Cut,
}

impl Pair {
    fn new<S: Protocol, C: Protocol>(server: S, client: C, cut: Cut) -> Pair {
        let mut pair = Pair {
            server: Side::new(server, Role::Server),
            client: Side::new(client, Role::Client),
            cut,
        };
        pair.settle();
        pair
    }

    fn side(&mut self, role: Role) -> &mut Side {
        match role {
            Role::Server => &mut self.server,
            Role::Client => &mut self.client,
        }
    }

    /// Lets everything arrive.
    fn settle(&mut self) {
        let waiting = self.server.waiting() + self.client.waiting();
        let most = self.sent() + MOST_FOR_A_LINE + waiting * MOST_FOR_A_BYTE;
        loop {
            assert!(
                self.sent() < most,
                "{} and {}: they do not stop to answer each other",
                self.server.name,
                self.client.name
            );
            let (server, client) = (self.server.has_more(), self.client.has_more());
            if server && (!client || self.cut.is_server_next()) {
                self.server.arrive_at(&mut self.client, &mut self.cut);
            } else if client {
                self.client.arrive_at(&mut self.server, &mut self.cut);
            } else {
                return;
            }
        }
    }

    fn sent(&self) -> usize {
        self.server.sent + self.client.sent
    }

    fn act(&mut self, line: &Line) {
        match &line.0 {
            Act::Write(role, kind, body) => self.side(*role).write(*kind, body),
            Act::End(role) => {
                let side = self.side(*role);
                side.end.end();
                side.has_ended = true;
            }
            Act::Wait(milliseconds) => {
                self.server.end.wait(*milliseconds);
                self.client.end.wait(*milliseconds);
            }
        }
        self.settle();
    }
}

/// What both sides of a conversation got.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Conversation {
    /// What the server's session gave.
    pub server: Came,
    /// What the client's session gave.
    pub client: Came,
}

/// Lets a server and a client talk to each other, each line of `script` once everything from before has arrived. The bytes of both are
/// cut in many ways, which must give the same. Returns what both got.
///
/// # Panics
/// If a cut gives something else, a message is refused, or a session panics or breaks its contract.
pub fn converse<S: Protocol, C: Protocol>(
    server: impl Fn() -> S,
    client: impl Fn() -> C,
    script: &[Line],
) -> Conversation {
    let mut first = None;
    for cut in Cut::all(50) {
        let how = format!("{cut:?}");
        let mut pair = Pair::new(server(), client(), cut);
        for line in script {
            pair.act(line);
        }
        let conversation = Conversation {
            server: pair.server.end.came,
            client: pair.client.end.came,
        };
        assert_sound(S::NAME, &how, &conversation.server);
        assert_sound(C::NAME, &how, &conversation.client);
        let first = first.get_or_insert_with(|| conversation.clone());
        assert_eq!(conversation, *first, "{}: {how}", S::NAME);
    }
    match first {
        Some(conversation) => conversation,
        None => unreachable!("there is more than one cut"),
    }
}

/// Writes each message on the side `from`, and returns what arrived for each on the other side. Before the first message both sides
/// have said what they say by themselves. The bytes are cut in many ways, which must give the same.
///
/// # Panics
/// If a message is refused, nothing arrives for it, or bytes of it are left; or if a cut gives something else.
pub fn round_trip<S: Protocol, C: Protocol>(
    server: impl Fn() -> S,
    client: impl Fn() -> C,
    from: Role,
    messages: &[(u8, &[u8])],
) -> Vec<Vec<Seen>> {
    let mut first = None;
    for cut in Cut::all(20) {
        let how = format!("{cut:?}");
        let mut pair = Pair::new(server(), client(), cut);
        let mut arrived = Vec::new();
        for (kind, body) in messages {
            let to = match from {
                Role::Server => Role::Client,
                Role::Client => Role::Server,
            };
            let before = pair.side(to).end.came.messages.len();
            pair.act(&Line(Act::Write(from, *kind, body.to_vec())));
            let to = pair.side(to);
            assert_sound(to.name, &how, &to.end.came);
            let (fault, left) = (&to.end.came.fault, to.end.waiting());
            assert!(fault.is_none(), "{}: {how}: {fault:?}", to.name);
            assert_eq!(
                left, 0,
                "{}: {how}: bytes of {kind} {body:02x?} are left",
                to.name
            );
            let new = to.end.came.messages[before..].to_vec();
            assert!(
                !new.is_empty(),
                "{}: {how}: nothing came for {kind} {body:02x?}",
                to.name
            );
            arrived.push(new);
        }
        let first = first.get_or_insert_with(|| arrived.clone());
        assert_eq!(arrived, *first, "{}: {how}", S::NAME);
    }
    first.unwrap_or_default()
}
