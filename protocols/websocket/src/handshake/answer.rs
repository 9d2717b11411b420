//! A server's answer to a correct request.

use edgepoll_protocol::{Error, ErrorKind, Io};

use super::{refusal, token, Pending};
use crate::settings::check_line;

/// Accepts. `headers` end with CR LF each.
pub(crate) fn accept(pending: &Pending, subprotocol: Option<&str>, headers: &str, io: &mut Io<'_>) {
    let mut response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        pending.accept
    );
    let deflate = pending.deflate.as_ref().map(|(_, value)| value.as_str());
    for (name, value) in [
        ("Sec-WebSocket-Protocol", subprotocol),
        ("Sec-WebSocket-Extensions", deflate),
    ] {
        if let Some(value) = value {
            response.push_str(name);
            response.push_str(": ");
            response.push_str(value);
            response.push_str("\r\n");
        }
    }
    response.push_str(headers);
    response.push_str("\r\n");
    io.send(response.as_bytes());
}

/// What the program wrote to accept: the subprotocol, and further headers with CR LF.
pub(crate) fn read_accept<'a>(
    body: &'a [u8],
    pending: &Pending,
) -> Result<(Option<&'a str>, String), Error> {
    let text = text(body)?;
    let (subprotocol, headers) = text.split_once("\r\n").unwrap_or((text, ""));
    let headers = lines(headers)?;
    if subprotocol.is_empty() {
        return Ok((None, headers));
    }
    if !token::items(&pending.asked).any(|name| name == subprotocol) {
        return Err(wrong(format!(
            "the client did not ask for the subprotocol '{subprotocol}'"
        )));
    }
    Ok((Some(subprotocol), headers))
}

/// Sends the response with which the program refuses. Returns its status.
pub(crate) fn reject(body: &[u8], io: &mut Io<'_>) -> Result<(), Error> {
    let text = text(body)?;
    let (head, text) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let (status, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let number = status.get(..3).and_then(|number| number.parse().ok());
    let is_possible = number.is_some_and(|number: u16| (300..600).contains(&number));
    if !is_possible
        || !matches!(status.as_bytes().get(3), None | Some(b' '))
        || !token::is_value(status)
    {
        return Err(wrong(
            "a handshake is refused with a status from 300 to 599 and its reason".to_owned(),
        ));
    }
    refusal::send(io, status, &lines(headers)?, text);
    Ok(())
}

fn text(body: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(body)
        .map_err(|_| wrong("the answer to a handshake is not UTF-8".to_owned()))
}

/// Checks headers that the program gave. Returns them with CR LF each.
fn lines(headers: &str) -> Result<String, Error> {
    let mut checked = String::new();
    for line in headers.split("\r\n").filter(|line| !line.is_empty()) {
        check_line(line).map_err(wrong)?;
        checked.push_str(line);
        checked.push_str("\r\n");
    }
    Ok(checked)
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Refused, text)
}
