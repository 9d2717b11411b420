//! Agreeing on permessage-deflate in the handshake (RFC 7692, section 7.1).

use std::fmt::Write as _;

use super::Agreed;
use crate::handshake::extensions::{Extension, Parameter};
use crate::settings::Deflate;

/// The extension's name.
const NAME: &str = "permessage-deflate";
/// The largest window, which is the default.
const MOST_BITS: u8 = 15;

/// The parameters of an offer, or of the answer to one. `None`: it is not there. `Some(None)`: it is there without a value.
#[derive(Default)]
struct Parameters {
    server_reset: bool,
    client_reset: bool,
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
}

/// Reads the parameters. `None` if one of them is unknown, is there twice, or has a wrong value.
fn read(parameters: &[Parameter<'_>]) -> Option<Parameters> {
    let mut read = Parameters::default();
    for parameter in parameters {
        match (parameter.name, parameter.value) {
            ("server_no_context_takeover", None) if !read.server_reset => read.server_reset = true,
            ("client_no_context_takeover", None) if !read.client_reset => read.client_reset = true,
            ("server_max_window_bits", Some(value)) if read.server_bits.is_none() => {
                read.server_bits = Some(bits(value)?);
            }
            ("client_max_window_bits", value) if read.client_bits.is_none() => {
                read.client_bits = Some(match value {
                    Some(value) => Some(bits(value)?),
                    None => None,
                });
            }
            _ => return None,
        }
    }
    Some(read)
}

fn bits(value: &str) -> Option<u8> {
    match value.as_bytes() {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// A server's choice among the offers: what is agreed on, and the value of the response's header.
pub(crate) fn choose(offers: &[Extension<'_>], own: &Deflate) -> Option<(Agreed, String)> {
    offers
        .iter()
        .filter(|offer| offer.name == NAME)
        .find_map(|offer| accept(&read(&offer.parameters)?, own))
}

fn accept(offer: &Parameters, own: &Deflate) -> Option<(Agreed, String)> {
    let server_bits = offer.server_bits.unwrap_or(MOST_BITS).min(own.server_bits);
    // A client that did not offer this parameter does not understand it.
    let client_bits = match offer.client_bits {
        Some(bits) => bits.unwrap_or(MOST_BITS).min(own.client_bits),
        None => MOST_BITS,
    };
    let agreed = Agreed {
        own_bits: server_bits,
        own_reset: offer.server_reset || own.server_reset,
        peer_bits: client_bits,
        peer_reset: offer.client_reset || own.client_reset,
    };
    let mut answer = NAME.to_owned();
    if agreed.own_reset {
        answer.push_str("; server_no_context_takeover");
    }
    if agreed.peer_reset {
        answer.push_str("; client_no_context_takeover");
    }
    // Writing to a string cannot fail.
    if server_bits < MOST_BITS || offer.server_bits.is_some() {
        let _ = write!(answer, "; server_max_window_bits={server_bits}");
    }
    if client_bits < MOST_BITS {
        let _ = write!(answer, "; client_max_window_bits={client_bits}");
    }
    Some((agreed, answer))
}

/// A client's offer.
pub(crate) fn offer(own: &Deflate) -> String {
    let mut offer = NAME.to_owned();
    if own.server_reset {
        offer.push_str("; server_no_context_takeover");
    }
    if own.client_reset {
        offer.push_str("; client_no_context_takeover");
    }
    // Writing to a string cannot fail.
    if own.server_bits < MOST_BITS {
        let _ = write!(offer, "; server_max_window_bits={}", own.server_bits);
    }
    offer.push_str("; client_max_window_bits");
    if own.client_bits < MOST_BITS {
        let _ = write!(offer, "={}", own.client_bits);
    }
    offer
}

/// What a server's answer to this client's offer means. `None` if it is no answer to it.
pub(crate) fn answered(answer: &[Extension<'_>], own: &Deflate) -> Option<Agreed> {
    let [answer] = answer else { return None };
    let read = read(&answer.parameters).filter(|_| answer.name == NAME)?;
    let server_bits = read.server_bits.unwrap_or(MOST_BITS);
    let client_bits = match read.client_bits {
        // In an answer the parameter has a value.
        Some(bits) => bits?,
        None => MOST_BITS,
    };
    if server_bits > own.server_bits || own.server_reset && !read.server_reset {
        return None;
    }
    Some(Agreed {
        own_bits: client_bits.min(own.client_bits),
        own_reset: read.client_reset || own.client_reset,
        peer_bits: server_bits,
        peer_reset: read.server_reset,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::handshake::extensions::parse;

    fn answer_to(offers: &str, own: &Deflate) -> Option<String> {
        choose(&parse(offers).unwrap(), own).map(|(_, answer)| answer)
    }

    #[test]
    fn a_server_takes_the_first_offer_that_it_can_keep() {
        let own = Deflate::default();
        for (offers, answer) in [
            ("permessage-deflate", Some("permessage-deflate")),
            (
                "permessage-deflate; client_max_window_bits",
                Some("permessage-deflate"),
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                Some("permessage-deflate; server_max_window_bits=10"),
            ),
            (
                "permessage-deflate; client_max_window_bits=\"9\"",
                Some("permessage-deflate; client_max_window_bits=9"),
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                Some("permessage-deflate; server_no_context_takeover"),
            ),
            (
                "permessage-deflate; unknown, permessage-deflate; client_no_context_takeover",
                Some("permessage-deflate; client_no_context_takeover"),
            ),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=08", None),
            ("permessage-deflate; client_no_context_takeover=1", None),
            (
                "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
                None,
            ),
            ("x-webkit-deflate-frame", None),
        ] {
            assert_eq!(answer_to(offers, &own).as_deref(), answer, "{offers}");
        }
    }

    #[test]
    fn a_client_keeps_to_what_the_server_answered() {
        let own = Deflate {
            server_bits: 12,
            ..Deflate::default()
        };
        let answered = |answer: &str| answered(&parse(answer).unwrap(), &own);
        assert_eq!(
            offer(&own),
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits"
        );
        assert_eq!(answered("permessage-deflate"), None);
        assert_eq!(
            answered("permessage-deflate; server_max_window_bits=13"),
            None
        );
        assert_eq!(
            answered("permessage-deflate; server_max_window_bits=10; client_max_window_bits"),
            None
        );
        let agreed =
            answered("permessage-deflate; server_max_window_bits=10; client_max_window_bits=9")
                .unwrap();
        assert_eq!((agreed.own_bits, agreed.peer_bits), (9, 10));
        assert_eq!(
            answered("permessage-deflate; server_max_window_bits=10, x"),
            None
        );
    }
}
