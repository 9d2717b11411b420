//! An argument of a request, or the bytes of a value of a reply, by its place.

use std::ops::Range;

/// Where an argument's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    start: u32,
    end: u32,
    is_copied: bool,
}

impl Argument {
    /// A range of the input. Inputs are shorter than 2 GiB: see [`Settings::max_total`](crate::Settings::max_total).
    #[inline]
    pub(crate) fn at(range: &Range<usize>) -> Argument {
        Argument {
            start: range.start as u32,
            end: range.end as u32,
            is_copied: false,
        }
    }

    /// A range of the bytes that were copied.
    pub(crate) fn copied(range: &Range<usize>) -> Argument {
        Argument {
            is_copied: true,
            ..Argument::at(range)
        }
    }

    /// The range, in the input or, if [`Argument::is_copied`], in the bytes that the parser has copied.
    #[inline]
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether the bytes are not in the input, as those of a quoted word.
    #[inline]
    #[must_use]
    pub fn is_copied(self) -> bool {
        self.is_copied
    }
}
