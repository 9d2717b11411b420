//! The function that JavaScript calls, and its options. Their defaults are those of [`Settings`].

use std::ffi::CStr;
use std::ops::RangeInclusive;

use edgepoll_protocol::export_protocol;
use edgepoll_protocol::node::{OptionError, Options};

use crate::settings::MOST_OF_MESSAGE;
use crate::{Accepts, Deflate, Settings, WebSocket};

/// A time: up to a day.
const TIMES: RangeInclusive<u32> = 0..=86_400_000;
/// The length of a message.
const LENGTHS: RangeInclusive<u32> = 1..=MOST_OF_MESSAGE as u32;

fn size(
    options: &Options,
    name: &'static CStr,
    range: RangeInclusive<u32>,
    default: usize,
) -> Result<usize, OptionError> {
    // A default that does not fit means that there is no limit: it is above each range.
    let number = u32::try_from(default).unwrap_or(u32::MAX);
    let value = options.integer(name, range, number)?;
    Ok(if value == number {
        default
    } else {
        value as usize
    })
}

fn make(options: &Options) -> Result<WebSocket, OptionError> {
    let mut settings = Settings::default();
    let limits = [
        (c"maxMessage", &mut settings.max_message, LENGTHS),
        (c"maxFrame", &mut settings.max_frame, LENGTHS),
        (c"maxHead", &mut settings.max_head, 256..=1 << 20),
        (c"maxHeaders", &mut settings.max_headers, 8..=1000),
    ];
    for (name, limit, range) in limits {
        *limit = size(options, name, range, *limit)?;
    }
    let times = [
        (c"handshakeTimeout", &mut settings.handshake_timeout),
        (c"closeTimeout", &mut settings.close_timeout),
        (c"pingInterval", &mut settings.ping_interval),
        (c"pongTimeout", &mut settings.pong_timeout),
    ];
    for (name, time) in times {
        *time = options.integer(name, TIMES, *time)?;
    }
    let most = size(options, c"maxFragment", 1024..=*LENGTHS.end(), 64 << 10)?;
    settings.fragments = options.boolean(c"fragments", false)?.then_some(most);
    settings.control = options.boolean(c"control", false)?;
    settings.decide = options.boolean(c"decide", false)?;
    settings.accepts = match options.word(c"accepts", &["both", "text", "binary"])? {
        Some("text") => Accepts::Text,
        Some("binary") => Accepts::Binary,
        _ => Accepts::Both,
    };
    settings.subprotocols = options.texts(c"subprotocols")?.unwrap_or_default();
    settings.origins = options.texts(c"origins")?;
    settings.host = options.text(c"host")?.unwrap_or_default();
    settings.path = options.text(c"path")?.unwrap_or(settings.path);
    settings.headers = options.texts(c"headers")?.unwrap_or_default();
    settings.deflate = deflate(options)?;
    WebSocket::new(settings).map_err(OptionError::Value)
}

fn deflate(options: &Options) -> Result<Option<Deflate>, OptionError> {
    let own = Deflate::default();
    let is_on = options.boolean(c"deflate", false)?;
    let bits = |name, default: u8| {
        let value = options.integer(name, 9..=15, default.into())?;
        // At most 15.
        Ok(value as u8)
    };
    let deflate = Deflate {
        level: options.integer(c"deflateLevel", 1..=9, own.level)?,
        threshold: size(
            options,
            c"deflateThreshold",
            0..=*LENGTHS.end(),
            own.threshold,
        )?,
        server_reset: options.boolean(c"serverNoContextTakeover", own.server_reset)?,
        client_reset: options.boolean(c"clientNoContextTakeover", own.client_reset)?,
        server_bits: bits(c"serverMaxWindowBits", own.server_bits)?,
        client_bits: bits(c"clientMaxWindowBits", own.client_bits)?,
    };
    Ok(is_on.then_some(deflate))
}

export_protocol!(c"websocket" => make);
