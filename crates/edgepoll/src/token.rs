//! The identity of a listener, a connection or a registration.
//!
//! It does not come from the descriptor's number, because the kernel reuses numbers at once.

/// Identifies a listener, a connection or a registration, by its slot and by the slot's generation.
///
/// The next occupant of the slot has another generation, so a token is not reused before its slot has had 2^32 occupants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    /// The index of the slot.
    pub index: u32,
    /// Counts the occupants of the slot. An event with an earlier generation is stale.
    pub generation: u32,
}

impl Token {
    /// The token as epoll stores it with a registration (`epoll_data`): the generation in the upper half, the index in the lower.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.generation as u64) << 32) | self.index as u64
    }

    /// The token that [`Token::to_bits`] gave these bits for.
    #[must_use]
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
