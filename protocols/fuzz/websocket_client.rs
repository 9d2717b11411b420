//! A WebSocket client, whose key is always the same.

#![no_main]

use edgepoll_protocol::Role;
use edgepoll_websocket::{Deflate, Settings, WebSocket};

fn client() -> WebSocket {
    let mut settings = Settings::default();
    settings.host = "example.com".into();
    settings.deflate = Some(Deflate::default());
    settings.max_message = 64 * 1024;
    settings.fragments = Some(1024);
    WebSocket::predictable(settings, 1).expect("the settings are valid")
}

edgepoll_protocol::fuzz_target!(client, Role::Client);
