//! The name of a slot's occupant: 32 bits of slot, 32 bits of generation, all 64 in `epoll_data`.
//!
//! It must never be derived from a descriptor's number: numbers are reused at once.

/// Says which slot, and which occupant of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The slot's place in the table.
    pub index: u32,
    /// Counts the slot's occupants; an event of an earlier one is stale.
    pub generation: u32,
}

impl Token {
    /// The token as the kernel stores it.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.generation as u64) << 32) | self.index as u64
    }

    /// The token that the kernel gave back.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the two halves of the word are the two fields"
    )]
    pub const fn from_bits(bits: u64) -> Token {
        Token {
            index: bits as u32,
            generation: (bits >> 32) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn all_sixty_four_bits_survive() {
        for token in [
            Token {
                index: 0,
                generation: 0,
            },
            Token {
                index: u32::MAX - 2,
                generation: u32::MAX,
            },
            Token {
                index: 0x8000_0001,
                generation: 0x7fff_ffff,
            },
        ] {
            assert_eq!(Token::from_bits(token.to_bits()), token);
        }
    }
}
