//! Tokens and lists of them in HTTP's headers (RFC 9110, section 5.6).

/// Whether the text is a token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The items of a list, without empty ones.
pub(crate) fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(|item| item.trim_matches([' ', '\t']))
        .filter(|item| !item.is_empty())
}

/// Whether the list has the item, in any case.
pub(crate) fn has_item(list: &str, wanted: &str) -> bool {
    items(list).any(|item| item.eq_ignore_ascii_case(wanted))
}

/// Whether the text can stand as a header's value.
pub(crate) fn is_value(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'\t' || byte >= b' ' && byte != 0x7f)
}
