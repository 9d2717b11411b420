//! The header Sec-WebSocket-Extensions (RFC 6455, section 9.1).

use super::token::is_token;

/// An extension, and its parameters.
pub(crate) struct Extension<'a> {
    pub(crate) name: &'a str,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

/// A parameter of an extension.
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Option<&'a str>,
}

/// Reads the header. `None` if it breaks the grammar. In quotation marks a token stands, so no comma or semicolon.
pub(crate) fn parse(header: &str) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    for item in header.split(',') {
        let item = item.trim_matches([' ', '\t']);
        // HTTP allows empty items in lists.
        if item.is_empty() {
            continue;
        }
        let mut parts = item.split(';').map(|part| part.trim_matches([' ', '\t']));
        let name = parts.next().filter(|name| is_token(name))?;
        let parameters = parts.map(parameter).collect::<Option<_>>()?;
        extensions.push(Extension { name, parameters });
    }
    Some(extensions)
}

fn parameter(text: &str) -> Option<Parameter<'_>> {
    let Some((name, value)) = text.split_once('=') else {
        return is_token(text).then_some(Parameter {
            name: text,
            value: None,
        });
    };
    let (name, value) = (name.trim_end(), value.trim_start());
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let value = quoted.unwrap_or(value);
    (is_token(name) && is_token(value)).then_some(Parameter {
        name,
        value: Some(value),
    })
}
