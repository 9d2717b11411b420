//! Heads of HTTP/1.1 messages: where they end, and their headers.

use std::ops::Range;

use memchr::memmem;

/// Where the head at the front of the input ends: behind its empty line. The first `searched` bytes have been searched before.
pub(crate) fn end(input: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    memmem::find(&input[from..], b"\r\n\r\n").map(|at| from + at + 4)
}

/// Headers, as ranges of the head.
pub(crate) struct Headers {
    lines: Vec<(Range<usize>, Range<usize>)>,
}

/// Which header is missing, is there twice or has bytes that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong;

impl Headers {
    /// `headers` lie in `head`.
    pub(crate) fn new(head: &[u8], headers: &[httparse::Header<'_>]) -> Headers {
        let start = head.as_ptr().addr();
        let range = |part: &[u8]| {
            // An empty value may point anywhere.
            let from = part.as_ptr().addr().wrapping_sub(start).min(head.len());
            from..(from + part.len()).min(head.len())
        };
        Headers {
            lines: headers
                .iter()
                .map(|header| (range(header.name.as_bytes()), range(header.value)))
                .collect(),
        }
    }

    /// Names and values.
    pub(crate) fn lines(&self) -> &[(Range<usize>, Range<usize>)] {
        &self.lines
    }

    fn values<'a>(
        &self,
        head: &'a [u8],
        name: &str,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let name = name.to_owned();
        self.lines
            .iter()
            .filter(move |(own, _)| head[own.clone()].eq_ignore_ascii_case(name.as_bytes()))
            .map(move |(_, value)| &head[value.clone()])
    }

    /// The value of a header that may be there once.
    pub(crate) fn one<'a>(&self, head: &'a [u8], name: &str) -> Result<Option<&'a str>, Wrong> {
        let mut values = self.values(head, name);
        let value = values.next();
        if values.next().is_some() {
            return Err(Wrong);
        }
        value
            .map(|value| std::str::from_utf8(value).map_err(|_| Wrong))
            .transpose()
    }

    /// The value of a header that is a list, and may stand in several lines. Empty if it is not there.
    pub(crate) fn list(&self, head: &[u8], name: &str) -> Result<String, Wrong> {
        let mut list = String::new();
        for value in self.values(head, name) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(std::str::from_utf8(value).map_err(|_| Wrong)?);
        }
        Ok(list)
    }
}
