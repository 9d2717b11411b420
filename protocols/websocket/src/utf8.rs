//! Checks text while it arrives.

/// Whether the bytes are UTF-8, or the beginning of it: how many bytes from the front are whole characters. `known` of them are known
/// to be. `None` as soon as nothing that may follow can make it UTF-8.
pub(crate) fn check(bytes: &[u8], known: usize) -> Option<usize> {
    let rest = bytes.get(known..)?;
    if simdutf8::basic::from_utf8(rest).is_ok() {
        return Some(bytes.len());
    }
    // The compat flavour finds the place, which takes longer.
    match simdutf8::compat::from_utf8(rest) {
        Ok(_) => Some(bytes.len()),
        Err(error) if error.error_len().is_some() => None,
        Err(error) => Some(known + error.valid_up_to()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_cannot_be_right_is_noticed() {
        // 0xf4 may be followed by up to 0x8f, 0xed by up to 0x9f, and 0xc0 by nothing.
        for bytes in [
            &b"a\xf4\x90"[..],
            b"a\xed\xa0",
            b"a\xc0",
            b"a\x80",
            b"a\xe0\x80",
        ] {
            assert_eq!(
                check(&bytes[..bytes.len() - 1], 0),
                Some(1).filter(|_| bytes.len() > 2).or(Some(1))
            );
            assert_eq!(check(bytes, 1), None);
        }
    }

    #[test]
    fn a_part_of_a_character_waits() {
        let text = "grüezi 😀".as_bytes();
        let mut known = 0;
        for end in 0..=text.len() {
            known = check(&text[..end], known).unwrap();
            assert!(std::str::from_utf8(&text[..known]).is_ok() && end - known < 4);
        }
        assert_eq!(known, text.len());
    }
}
