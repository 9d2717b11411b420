//! The protocol that a listener or a connect is given.

use std::cell::RefCell;
use std::rc::Rc;

use edgepoll_protocol::{Protocol, Role};

use crate::deflate::pool::Pool;
use crate::random::Random;
use crate::session::WebSocketSession;
use crate::settings::Settings;
use crate::shared::Shared;

/// WebSocket with the program's settings.
pub struct WebSocket {
    shared: Rc<Shared>,
}

impl WebSocket {
    /// # Errors
    /// If a setting is not possible: its name in JavaScript, and what is wrong.
    pub fn new(settings: Settings) -> Result<WebSocket, String> {
        WebSocket::with(settings, None)
    }

    /// As [`WebSocket::new`], with keys and masks that follow from `seed`, so a peer can guess them: for tests that compare what is sent.
    ///
    /// # Errors
    /// As [`WebSocket::new`].
    pub fn predictable(settings: Settings, seed: u64) -> Result<WebSocket, String> {
        WebSocket::with(settings, Some(seed))
    }

    fn with(settings: Settings, seed: Option<u64>) -> Result<WebSocket, String> {
        settings.check()?;
        Ok(WebSocket {
            shared: Rc::new(Shared {
                settings,
                random: RefCell::new(Random::new(seed)),
                pool: RefCell::new(Pool::default()),
            }),
        })
    }
}

impl Protocol for WebSocket {
    type Session = WebSocketSession;
    const NAME: &'static str = "websocket";

    fn session(&self, role: Role) -> WebSocketSession {
        WebSocketSession::new(self.shared.clone(), role)
    }
}
