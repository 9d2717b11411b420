//! Layers of a connection: adding them, and what follows from what they do.

use std::fmt;
use std::rc::Rc;

use super::session::role_of;
use super::state::Reactor;
use super::wheel::MILLISECOND;
use crate::connection::{Reading, Timer};
use crate::kernel::Kernel;
use crate::protocol::LayerMaker;
use crate::Token;

/// Why a layer cannot be added to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayerError {
    /// The connection is closed, or one of its sides has ended.
    Ended,
    /// The peer has sent bytes that were received and not decoded. They came before the layer, so they cannot be trusted to belong to
    /// either side of it. The owner should reset the connection.
    EarlyBytes,
}

impl fmt::Display for LayerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayerError::Ended => write!(f, "the connection has ended"),
            LayerError::EarlyBytes => write!(f, "bytes came before the layer"),
        }
    }
}

impl std::error::Error for LayerError {}

impl<K: Kernel> Reactor<K> {
    /// Adds a layer to a live connection, next to its protocol: STARTTLS. A session that has paused goes on by
    /// [`Io::resume`](crate::protocol::Io::resume), or the connection gets another protocol.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn add_layer(&mut self, token: Token, layer: &Rc<LayerMaker>) -> Result<(), LayerError> {
        let (_, entry) = self.live(token).ok_or(LayerError::Ended)?;
        let connection = &mut entry.connection;
        if connection.reading == Reading::Ended || !connection.takes_writes() {
            return Err(LayerError::Ended);
        }
        if !connection.carry.is_empty() {
            return Err(LayerError::EarlyBytes);
        }
        self.start_layers(token, std::slice::from_ref(layer));
        self.settle(token);
        Ok(())
    }

    /// Passes the program's answer to the layer that asked ([`Event::Asked`](super::Event::Asked)).
    pub fn answer(&mut self, token: Token, answer: &[u8]) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if let Some(layers) = &mut connection.layers {
            layers.answer(answer, &mut connection.carry, &mut connection.queue);
            connection.carry_ready |= !connection.carry.is_empty();
            self.after_layers(token);
            self.settle(token);
        }
    }

    /// Adds layers to a connection and starts them.
    pub(super) fn start_layers(&mut self, token: Token, makers: &[Rc<LayerMaker>]) {
        let Some((_, entry)) = self.live(token).filter(|_| !makers.is_empty()) else {
            return;
        };
        let connection = &mut entry.connection;
        let role = role_of(connection.listener);
        let layers = connection.layers.get_or_insert_default();
        for maker in makers {
            layers.add(maker, role);
        }
        layers.advance(&mut connection.carry, &mut connection.queue);
        self.after_layers(token);
    }

    /// The owner has ended the connection: the layers' own ends leave before the FIN.
    pub(super) fn end_layers(&mut self, token: Token) {
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if let Some(layers) = &mut connection.layers {
            layers.end(&mut connection.carry, &mut connection.queue);
        }
        self.set_layer_timers(token);
    }

    /// Sets the timer of a connection to the first one of its layers, if these have set or stopped any.
    pub(super) fn set_layer_timers(&mut self, token: Token) {
        let layers = self
            .entry(token)
            .and_then(|it| it.connection.layers.as_ref());
        if !layers.is_some_and(|layers| layers.has_asked()) {
            return;
        }
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let after = |milliseconds| now.saturating_add(u64::from(milliseconds) * MILLISECOND);
        let layers = entry.connection.layers.as_mut();
        match layers.and_then(|layers| layers.take_timers(after)) {
            Some(at) => self.set_timer(token, Timer::Layers, at),
            None => self.clear_timer(token, Timer::Layers),
        }
    }

    /// Calls the layers of a connection whose timers have expired.
    pub(super) fn call_layer_timers(&mut self, token: Token) {
        let now = self.kernel.now();
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if !connection.timers.is_due(Timer::Layers, now) {
            return;
        }
        connection.timers.clear(Timer::Layers);
        let Some(layers) = &mut connection.layers else {
            return;
        };
        layers.call_timers(now, &mut connection.carry, &mut connection.queue);
        connection.carry_ready |= !connection.carry.is_empty();
        if let Some(at) = layers.soonest() {
            self.set_timer(token, Timer::Layers, at);
        }
        self.after_layers(token);
    }

    /// Sends what layers have sent, and ends the connection if one failed.
    pub(super) fn after_layers(&mut self, token: Token) {
        self.set_layer_timers(token);
        let Some((_, entry)) = self.live(token) else {
            return;
        };
        let connection = &mut entry.connection;
        if let Some(reason) = connection.handle_failed_layer() {
            self.close(token, reason);
            return;
        }
        let layers = connection.layers.as_ref();
        if layers.is_some_and(|layers| layers.has_question()) {
            self.add_report(token);
        }
        self.report_ended_by_protocol(token);
        self.send_soon(token);
    }
}
