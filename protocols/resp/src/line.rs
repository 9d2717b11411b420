//! Lines that hold a number: lengths, counts, integers.

/// What stands where a number and its CR LF are expected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The number, and where the next line begins.
    Number(i64, usize),
    /// The input ends inside the line.
    Incomplete,
    /// No number, or one that does not fit.
    Bad,
}

/// Reads the number at `at`, as Redis does: decimal digits after an optional minus sign, without further zeros in front.
///
/// It finds a bad line as soon as its first bad byte is there, so the outcome does not depend on where the input is cut.
#[inline]
pub(crate) fn number(input: &[u8], at: usize) -> Line {
    let mut place = at;
    let is_negative = input.get(place) == Some(&b'-');
    place += usize::from(is_negative);
    let first = place;
    let mut value = 0_i64;
    loop {
        match input.get(place) {
            None => return Line::Incomplete,
            Some(digit @ b'0'..=b'9') => {
                let leads_with_zero = place > first && value == 0;
                // Counted down, because the lowest number has no positive one.
                let next = value
                    .checked_mul(10)
                    .and_then(|value| value.checked_sub(i64::from(digit - b'0')));
                match next {
                    Some(next) if !leads_with_zero => value = next,
                    _ => return Line::Bad,
                }
            }
            Some(b'\r') if place > first => break,
            Some(_) => return Line::Bad,
        }
        place += 1;
    }
    if is_negative && value == 0 {
        return Line::Bad;
    }
    if !is_negative {
        match value.checked_neg() {
            Some(positive) => value = positive,
            None => return Line::Bad,
        }
    }
    match input.get(place + 1) {
        None => Line::Incomplete,
        Some(b'\n') => Line::Number(value, place + 2),
        Some(_) => Line::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_redis_reads_them() {
        assert_eq!(number(b"0\r\n", 0), Line::Number(0, 3));
        assert_eq!(number(b"$512\r\nx", 1), Line::Number(512, 6));
        assert_eq!(number(b"-10\r\n", 0), Line::Number(-10, 5));
        assert_eq!(
            number(b"9223372036854775807\r\n", 0),
            Line::Number(i64::MAX, 21)
        );
        assert_eq!(
            number(b"-9223372036854775808\r\n", 0),
            Line::Number(i64::MIN, 22)
        );
        for bad in [
            &b"\r\n"[..],
            b"-\r\n",
            b"-0\r\n",
            b"01\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"1 \r\n",
            b"1\n",
            b"1\rx",
            b"9223372036854775808\r\n",
            b"-9223372036854775809\r\n",
            b"\0",
        ] {
            assert_eq!(number(bad, 0), Line::Bad, "{bad:?}");
        }
        for cut in 0..4 {
            assert_eq!(number(&b"12\r\n"[..cut], 0), Line::Incomplete);
        }
    }
}
