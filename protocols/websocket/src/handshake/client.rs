//! A client's request, and what it reads (RFC 6455, section 4.1).

use edgepoll_protocol::{Error, ErrorKind, Io};

use super::head::Headers;
use super::token::has_item;
use super::{extensions, key};
use crate::deflate::{negotiate, Agreed};
use crate::settings::Settings;

/// Sends the request.
pub(crate) fn send(settings: &Settings, key: &str, io: &mut Io<'_>) {
    let Settings { path, host, .. } = settings;
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    if !settings.subprotocols.is_empty() {
        request.push_str("Sec-WebSocket-Protocol: ");
        request.push_str(&settings.subprotocols.join(", "));
        request.push_str("\r\n");
    }
    if let Some(deflate) = &settings.deflate {
        request.push_str("Sec-WebSocket-Extensions: ");
        request.push_str(&negotiate::offer(deflate));
        request.push_str("\r\n");
    }
    for line in &settings.headers {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    io.send(request.as_bytes());
}

/// A correct response.
pub(crate) struct Response {
    pub(crate) headers: Headers,
    pub(crate) subprotocol: Option<String>,
    pub(crate) deflate: Option<Agreed>,
}

/// Reads a whole head.
pub(crate) fn read(head: &[u8], key: &str, settings: &Settings) -> Result<Response, Error> {
    let mut lines = vec![httparse::EMPTY_HEADER; settings.max_headers];
    let mut response = httparse::Response::new(&mut lines);
    match response.parse(head) {
        Ok(httparse::Status::Complete(size)) if size == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Error::too_long(
                "the response has more headers than maxHeaders",
            ));
        }
        _ => return Err(Error::malformed("the response is not of HTTP/1.1")),
    }
    let status = response.code.unwrap_or_default();
    if status != 101 {
        let text = format!(
            "the server answered {status} {}",
            response.reason.unwrap_or_default()
        );
        return Err(Error::new(ErrorKind::Refused, text).with_number(status.into()));
    }
    let headers = Headers::new(head, response.headers);
    let one = |name, wrong| headers.one(head, name).map_err(|_| Error::malformed(wrong));
    let list = |name, wrong| {
        headers
            .list(head, name)
            .map_err(|_| Error::malformed(wrong))
    };
    if !has_item(
        &list("upgrade", "the header Upgrade is no text")?,
        "websocket",
    ) || !has_item(
        &list("connection", "the header Connection is no text")?,
        "upgrade",
    ) {
        return Err(Error::malformed(
            "the response does not upgrade to websocket",
        ));
    }
    let accept = one(
        "sec-websocket-accept",
        "the header Sec-WebSocket-Accept is there twice",
    )?;
    if accept != Some(&key::accept(key)) {
        return Err(Error::malformed(
            "the header Sec-WebSocket-Accept does not fit the key",
        ));
    }
    let subprotocol = one(
        "sec-websocket-protocol",
        "the header Sec-WebSocket-Protocol is there twice",
    )?;
    if subprotocol.is_some_and(|name| !settings.subprotocols.iter().any(|own| own == name)) {
        return Err(Error::malformed(
            "the server chose a subprotocol that it was not asked for",
        ));
    }
    let answer = list(
        "sec-websocket-extensions",
        "the header Sec-WebSocket-Extensions is no text",
    )?;
    Ok(Response {
        subprotocol: subprotocol.map(str::to_owned),
        deflate: deflate(&answer, settings)?,
        headers,
    })
}

fn deflate(answer: &str, settings: &Settings) -> Result<Option<Agreed>, Error> {
    const WRONG: Error =
        Error::malformed("the server chose an extension that it was not asked for");
    let answer = extensions::parse(answer).ok_or(WRONG)?;
    if answer.is_empty() {
        return Ok(None);
    }
    let own = settings.deflate.as_ref().ok_or(WRONG)?;
    negotiate::answered(&answer, own).map(Some).ok_or(WRONG)
}
