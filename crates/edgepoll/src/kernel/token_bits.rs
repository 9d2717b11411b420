//! How a token fits into the number that the kernel keeps with a registration, and gives back with each of its events.
//!
//! mio's number is a usize. With 64 bits it holds the whole token. With 32 bits it holds the slot's index and the lowest bits of
//! the generation, and the reactor takes the whole generation from the slot.
//!
//! 12 bits of a generation are enough, because an event with an old generation can only come from the batch in which the slot's
//! occupant was closed: [`Kernel::close`](super::Kernel::close) removes the registration before it closes the socket. Such an event
//! would be taken for one of the new occupant's if the slot had 4,096 occupants meanwhile, and a batch is over before the slot has a
//! second one.

use crate::Token;

/// How many bits of the number belong to the index, and how many to the generation. The generation's are the upper ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBits {
    index: u32,
    generation: u32,
}

impl TokenBits {
    /// The whole token, in 64 bits.
    pub const WHOLE: TokenBits = TokenBits::new(32, 32);

    /// An index of 20 bits and a generation of 12, in 32 bits.
    pub const SHORT: TokenBits = TokenBits::new(20, 12);

    /// The form that fits into this target's usize.
    pub(super) const OF_USIZE: TokenBits = if usize::BITS < 64 {
        TokenBits::SHORT
    } else {
        TokenBits::WHOLE
    };

    /// A form with this many bits for the index and for the generation: 1 to 32 each.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> TokenBits {
        TokenBits { index, generation }
    }

    /// The index of the kernel's own descriptors, which no slot has: the highest.
    #[inline]
    #[must_use]
    pub const fn own_index(self) -> u32 {
        ones(self.index)
    }

    /// The bits of a generation that the kernel keeps.
    #[inline]
    #[must_use]
    pub const fn generation_mask(self) -> u32 {
        ones(self.generation)
    }

    /// The number for this token, whose index is not above [`TokenBits::own_index`].
    #[inline]
    #[must_use]
    pub const fn pack(self, token: Token) -> u64 {
        let generation = token.generation & self.generation_mask();
        ((generation as u64) << self.index) | token.index as u64
    }

    /// The token that this number was packed for, but only with the bits of the generation that were kept.
    #[inline]
    #[must_use]
    pub const fn unpack(self, number: u64) -> Token {
        Token {
            index: number as u32 & self.own_index(),
            generation: (number >> self.index) as u32 & self.generation_mask(),
        }
    }
}

const fn ones(bits: u32) -> u32 {
    u32::MAX >> (32 - bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(index: u32, generation: u32) -> Token {
        Token { index, generation }
    }

    #[test]
    fn whole_tokens_survive_in_the_form_of_to_bits() {
        for token in [
            token(0, 0),
            token(u32::MAX - 1, u32::MAX),
            token(u32::MAX, 1),
            token(0x8000_0001, 0x7fff_ffff),
        ] {
            let number = TokenBits::WHOLE.pack(token);
            assert_eq!(number, token.to_bits());
            assert_eq!(TokenBits::WHOLE.unpack(number), token);
        }
    }

    #[test]
    fn short_form_keeps_the_index_and_the_lowest_bits_of_the_generation() {
        for (token, kept) in [
            (token(0, 0), token(0, 0)),
            (token(0xf_fffe, 0xfff), token(0xf_fffe, 0xfff)),
            // The short generation begins again at 0.
            (token(0xf_fffe, 0x1000), token(0xf_fffe, 0)),
            (token(7, u32::MAX), token(7, 0xfff)),
            (token(7, 0xabcd_e123), token(7, 0x123)),
        ] {
            let number = TokenBits::SHORT.pack(token);
            assert!(u32::try_from(number).is_ok(), "{number:x} has 32 bits");
            assert_eq!(TokenBits::SHORT.unpack(number), kept);
        }
    }

    #[test]
    fn short_generations_differ_for_4095_occupants() {
        let first = TokenBits::SHORT.pack(token(5, u32::MAX - 1_000));
        for later in 1..4_096_u32 {
            let generation = (u32::MAX - 1_000).wrapping_add(later);
            assert_ne!(TokenBits::SHORT.pack(token(5, generation)), first);
        }
    }

    #[test]
    fn the_kernels_own_tokens_are_no_slots() {
        for bits in [TokenBits::WHOLE, TokenBits::SHORT, TokenBits::OF_USIZE] {
            let own = [0, 1].map(|generation| bits.pack(token(bits.own_index(), generation)));
            assert_ne!(own[0], own[1]);
            for generation in [0, 1, 0xfff, u32::MAX] {
                let last = bits.pack(token(bits.own_index() - 1, generation));
                assert!(!own.contains(&last));
                assert_eq!(bits.unpack(last).index, bits.own_index() - 1);
            }
        }
    }

    #[test]
    fn the_form_of_usize_fits_into_a_usize() {
        let bits = TokenBits::OF_USIZE;
        assert_eq!(bits.index + bits.generation, usize::BITS);
        let highest = bits.pack(token(bits.own_index(), u32::MAX));
        assert_eq!(usize::try_from(highest), Ok(usize::MAX));
    }
}
