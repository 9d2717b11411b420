//! A WebSocket server: the handshake and compressed frames.

#![no_main]

use edgepoll_protocol::Role;
use edgepoll_websocket::{Deflate, Settings, WebSocket};

fn server() -> WebSocket {
    let mut settings = Settings::default();
    settings.deflate = Some(Deflate::default());
    settings.max_message = 64 * 1024;
    WebSocket::predictable(settings, 1).expect("the settings are valid")
}

edgepoll_protocol::fuzz_target!(server, Role::Server);
