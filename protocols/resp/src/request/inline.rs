//! Inline commands: a line of words, some of them quoted, as Redis splits it (`sdssplitargs` in its source).

use crate::{Argument, Refusal};

/// The longest line, without its line end.
const LONGEST: usize = 65_536;

/// Finds the line at the start of the input: its length without the line end, and with it. `from` is how far an earlier look has searched.
pub(super) fn line(input: &[u8], from: usize) -> Result<Option<(usize, usize)>, Refusal> {
    let searched = &input[..input.len().min(LONGEST + 2)];
    let from = from.min(searched.len());
    let Some(end) = memchr::memchr(b'\n', &searched[from..]).map(|end| from + end) else {
        return if input.len() < LONGEST + 2 {
            Ok(None)
        } else {
            Err(Refusal::Inline)
        };
    };
    let line = if input[..end].ends_with(b"\r") {
        end - 1
    } else {
        end
    };
    if line > LONGEST {
        return Err(Refusal::Inline);
    }
    Ok(Some((line, end + 1)))
}

/// Splits a line into words. A word without quotes is a range of the line, any other is copied.
pub(super) struct Words<'a> {
    line: &'a [u8],
    at: usize,
    copied: &'a mut Vec<u8>,
}

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a [u8], copied: &'a mut Vec<u8>) -> Words<'a> {
        Words {
            line,
            at: 0,
            copied,
        }
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Result<Option<Argument>, Refusal> {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => break,
                b'"' | b'\'' => return self.quoted(start).map(Some),
                // Redis's own strings end at a zero byte, so it would wait for the end of this line for ever.
                0 => return Err(Refusal::Zero),
                _ => self.at += 1,
            }
        }
        Ok((self.at > start).then(|| Argument::at(&(start..self.at))))
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// A word that began at `start` and has a quote here.
    fn quoted(&mut self, start: usize) -> Result<Argument, Refusal> {
        let first = self.copied.len();
        self.copied.extend_from_slice(&self.line[start..self.at]);
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => break,
                0 => return Err(Refusal::Zero),
                b'"' | b'\'' => {
                    self.at += 1;
                    if byte == b'"' {
                        self.double_quotes()?;
                    } else {
                        self.single_quotes()?;
                    }
                    // A closing quote ends the word.
                    if self.peek().is_some_and(|next| !is_space(next)) {
                        return Err(Refusal::Quotes);
                    }
                    break;
                }
                _ => {
                    self.copied.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(Argument::copied(&(first..self.copied.len())))
    }

    fn double_quotes(&mut self) -> Result<(), Refusal> {
        loop {
            let byte = match (self.take()?, self.peek()) {
                (b'"', _) => return Ok(()),
                (b'\\', Some(b'x')) => self.hexadecimal(),
                (b'\\', Some(escaped)) => {
                    self.at += 1;
                    match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'a' => 7,
                        other => other,
                    }
                }
                (byte, _) => byte,
            };
            self.copied.push(byte);
        }
    }

    /// Behind a backslash, at an `x`: without two hexadecimal digits it stands for itself.
    fn hexadecimal(&mut self) -> u8 {
        let digits = self.line.get(self.at + 1..self.at + 3).and_then(|digits| {
            let value = |digit: u8| char::from(digit).to_digit(16);
            Some(value(digits[0])? << 4 | value(digits[1])?)
        });
        self.at += if digits.is_some() { 3 } else { 1 };
        digits.map_or(b'x', |digits| digits as u8)
    }

    fn single_quotes(&mut self) -> Result<(), Refusal> {
        loop {
            match (self.take()?, self.peek()) {
                (b'\'', _) => return Ok(()),
                (b'\\', Some(b'\'')) => {
                    self.at += 1;
                    self.copied.push(b'\'');
                }
                (byte, _) => self.copied.push(byte),
            }
        }
    }

    /// The next byte inside quotes.
    fn take(&mut self) -> Result<u8, Refusal> {
        match self.peek() {
            None => Err(Refusal::Quotes),
            Some(0) => Err(Refusal::Zero),
            Some(byte) => {
                self.at += 1;
                Ok(byte)
            }
        }
    }
}

/// As `isspace` in C.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        let (mut copied, mut arguments) = (Vec::new(), Vec::new());
        let mut words = Words::new(line, &mut copied);
        while let Some(word) = words.next()? {
            arguments.push(word);
        }
        let bytes = |word: Argument| {
            let from = if word.is_copied() { &copied } else { line };
            from[word.range()].to_vec()
        };
        Ok(arguments.into_iter().map(bytes).collect())
    }

    fn words(line: &[u8]) -> Vec<String> {
        let words = split(line).expect("this line is fine");
        words
            .iter()
            .map(|word| word.escape_ascii().to_string())
            .collect()
    }

    #[test]
    fn words_are_split_as_redis_splits_them() {
        assert_eq!(words(b"set  a\tb "), ["set", "a", "b"]);
        assert_eq!(words(b" \x0b\x0c\r x"), ["x"]);
        // A vertical tab does not end a word, though it may stand before one.
        assert_eq!(words(b"a\x0bb"), ["a\\x0bb"]);
        assert_eq!(words(b""), [""; 0]);
        assert_eq!(words(br#"set "a b" 'c d'"#), ["set", "a b", "c d"]);
        assert_eq!(words(br#"a"b c" d"#), ["ab c", "d"]);
        assert_eq!(words(br#""" ''"#), ["", ""]);
        assert_eq!(words(br#""\n\r\t\b\a\\\"\q""#), [r#"\n\r\t\x08\x07\\\"q"#]);
        assert_eq!(words(br#""\x41\x0g\x""#), ["Ax0gx"]);
        assert_eq!(words(br"'\n\'\x41'"), [r"\\n\'\\x41"]);
    }

    #[test]
    fn quotes_must_be_closed_and_end_the_word() {
        for line in [
            &br#""a"#[..],
            b"'a",
            br#""a"b"#,
            b"'a'b",
            br#""a\"#,
            br#""a\""#,
        ] {
            assert_eq!(split(line), Err(Refusal::Quotes), "{line:?}");
        }
    }

    #[test]
    fn a_zero_byte_is_refused_in_and_outside_of_quotes() {
        for line in [&b"a\0"[..], b"\0", b"\"\0\"", b"'\0'", b"a\"b\"\0"] {
            assert!(split(line).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_line_is_found_however_far_was_searched() {
        for from in 0..4 {
            assert_eq!(line(b"abc\r\nd", from), Ok(Some((3, 5))));
            assert_eq!(line(b"abc", from), Ok(None));
        }
        assert_eq!(line(b"\n", 0), Ok(Some((0, 1))));
        let mut long = vec![b'a'; LONGEST];
        assert_eq!(line(&long, 0), Ok(None));
        long.extend_from_slice(b"\r\n");
        assert_eq!(line(&long, LONGEST), Ok(Some((LONGEST, LONGEST + 2))));
        long.insert(0, b'a');
        assert_eq!(line(&long, 0), Err(Refusal::Inline));
        assert_eq!(line(&long[..LONGEST + 2], 0), Err(Refusal::Inline));
        assert_eq!(line(&long[..LONGEST + 1], 0), Ok(None));
    }
}
