//! The handshake, on both sides. It makes no decisions about the connection: the session does.

pub(crate) mod answer;
pub(crate) mod client;
pub(crate) mod extensions;
pub(crate) mod head;
pub(crate) mod key;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod token;

use crate::deflate::Agreed;

/// What the answer to a correct request is made of.
pub(crate) struct Pending {
    /// The value of Sec-WebSocket-Accept.
    pub(crate) accept: String,
    /// The subprotocols that the client asked for, as a list.
    pub(crate) asked: String,
    /// What is agreed on, and the value of Sec-WebSocket-Extensions.
    pub(crate) deflate: Option<(Agreed, String)>,
}

impl Pending {
    /// The first subprotocol that the client asked for and the server speaks.
    pub(crate) fn choose<'a>(&'a self, spoken: &[String]) -> Option<&'a str> {
        token::items(&self.asked).find(|name| spoken.iter().any(|own| own == name))
    }
}
