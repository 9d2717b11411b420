//! Who is ready when somebody is: whoever alone was, twice in a row.
//!
//! It must never be taken for a fact, and never keep the others waiting for long. Called by the turn.

use crate::Token;

/// Turns in a row that may go by a guess; the next one asks the kernel.
const MOST_IN_A_ROW: u8 = 16;

/// A connection that plays ping-pong is ready again and again, alone: a receive that is right spares the wait
/// before it.
#[derive(Default)]
pub(super) struct Guess {
    /// Who alone was ready last.
    alone: Option<Token>,
    /// And was so before.
    is_sure: bool,
    in_a_row: u8,
}

impl Guess {
    /// Whom to try before the kernel is asked.
    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.alone.filter(|_| self.is_sure);
        self.in_a_row = self.in_a_row.saturating_add(1);
        token.filter(|_| self.in_a_row <= MOST_IN_A_ROW)
    }

    /// The kernel was asked, as it is after a wrong guess, and told of `alone` and nobody else.
    pub(super) fn learn(&mut self, alone: Option<Token>) {
        self.is_sure = alone.is_some() && alone == self.alone;
        self.alone = alone;
        self.in_a_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Token = Token {
        index: 1,
        generation: 0,
    };
    const OTHER: Token = Token {
        index: 1,
        generation: 1,
    };

    #[test]
    fn whoever_was_alone_twice_is_guessed_and_not_for_ever() {
        let mut guess = Guess::default();
        assert_eq!(guess.take(), None);
        guess.learn(Some(ONE));
        assert_eq!(guess.take(), None, "once is no pattern");
        guess.learn(Some(ONE));
        for _ in 0..MOST_IN_A_ROW {
            assert_eq!(guess.take(), Some(ONE));
        }
        for _ in 0..1_000 {
            assert_eq!(guess.take(), None, "the others have their turn");
        }
        guess.learn(Some(ONE));
        assert_eq!(guess.take(), Some(ONE), "it was alone again");
        guess.learn(None);
        assert_eq!(guess.take(), None);
    }

    #[test]
    fn others_and_crowds_are_no_pattern() {
        let mut guess = Guess::default();
        for alone in [Some(ONE), Some(OTHER), Some(ONE), None, Some(ONE)] {
            guess.learn(alone);
            assert_eq!(guess.take(), None);
        }
    }
}
