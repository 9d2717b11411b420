//! What a server reads (RFC 6455, section 4.2.1).

use std::ops::Range;

use super::extensions;
use super::head::Headers;
use super::refusal::Refusal;
use super::token::{has_item, is_token, items};
use super::{key, Pending};
use crate::deflate::negotiate;
use crate::settings::Settings;

/// A correct request.
pub(crate) struct Request {
    pub(crate) path: Range<usize>,
    pub(crate) headers: Headers,
    /// What the answer is made of.
    pub(crate) pending: Pending,
}

/// Reads a whole head.
pub(crate) fn read(head: &[u8], settings: &Settings) -> Result<Request, Refusal> {
    let mut lines = vec![httparse::EMPTY_HEADER; settings.max_headers];
    let mut request = httparse::Request::new(&mut lines);
    match request.parse(head) {
        Ok(httparse::Status::Complete(size)) if size == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TOO_MANY_HEADERS),
        _ => return Err(Refusal::bad("the request is not of HTTP/1.1")),
    }
    if request.version != Some(1) {
        return Err(Refusal::bad("the request is not of HTTP/1.1"));
    }
    if request.method != Some("GET") {
        return Err(Refusal::METHOD);
    }
    // The path follows the method and a space.
    let path = 4..4 + request.path.unwrap_or_default().len();
    let headers = Headers::new(head, request.headers);
    let pending = check(head, &headers, settings)?;
    Ok(Request {
        path,
        headers,
        pending,
    })
}

fn check(head: &[u8], headers: &Headers, settings: &Settings) -> Result<Pending, Refusal> {
    let one = |name, wrong| headers.one(head, name).map_err(|_| Refusal::bad(wrong));
    let list = |name, wrong| headers.list(head, name).map_err(|_| Refusal::bad(wrong));
    if one("host", "the header Host is there twice")?.is_none() {
        return Err(Refusal::bad("the header Host is missing"));
    }
    let length = one("content-length", "the header Content-Length is there twice")?;
    if length.is_some_and(|length| length != "0")
        || !list(
            "transfer-encoding",
            "the header Transfer-Encoding is no text",
        )?
        .is_empty()
    {
        return Err(Refusal::bad("the request has a body"));
    }
    if !has_item(
        &list("upgrade", "the header Upgrade is no text")?,
        "websocket",
    ) {
        return Err(Refusal::NO_UPGRADE);
    }
    if !has_item(
        &list("connection", "the header Connection is no text")?,
        "upgrade",
    ) {
        return Err(Refusal::bad("the header Connection does not have upgrade"));
    }
    if one(
        "sec-websocket-version",
        "the header Sec-WebSocket-Version is there twice",
    )? != Some("13")
    {
        return Err(Refusal::VERSION);
    }
    let key = one(
        "sec-websocket-key",
        "the header Sec-WebSocket-Key is there twice",
    )?;
    let Some(key) = key.filter(|key| key::is_valid(key)) else {
        return Err(Refusal::bad(
            "the header Sec-WebSocket-Key is not the base64 form of 16 bytes",
        ));
    };
    let origin = one("origin", "the header Origin is there twice")?;
    if let Some(origins) = &settings.origins {
        let origin = origin.unwrap_or_default();
        if !origins.iter().any(|own| own.eq_ignore_ascii_case(origin)) {
            return Err(Refusal::ORIGIN);
        }
    }
    let asked = list(
        "sec-websocket-protocol",
        "the header Sec-WebSocket-Protocol is no text",
    )?;
    if items(&asked).any(|name| !is_token(name)) {
        return Err(Refusal::bad("a subprotocol is not a token"));
    }
    let offers = list(
        "sec-websocket-extensions",
        "the header Sec-WebSocket-Extensions is no text",
    )?;
    let Some(offers) = extensions::parse(&offers) else {
        return Err(Refusal::bad(
            "the header Sec-WebSocket-Extensions breaks its grammar",
        ));
    };
    Ok(Pending {
        accept: key::accept(key),
        deflate: settings
            .deflate
            .as_ref()
            .and_then(|own| negotiate::choose(&offers, own)),
        asked,
    })
}
