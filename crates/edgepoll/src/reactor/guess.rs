//! Predicts the next ready connection: the only one ready in each of the last two waits.

use crate::Token;

/// The most turns in a row that may use a guess instead of a wait. Other connections wait for no longer than that.
const MOST_IN_A_ROW: u8 = 16;

/// The prediction. A single connection that exchanges short messages is ready again and again. A receive that is tried on it first
/// saves the wait.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// The connection that was the only ready one in the last wait.
    alone: Option<Token>,
    /// It was the only one in the wait before as well.
    is_sure: bool,
    /// Turns since the last wait.
    in_a_row: u8,
}

impl Guess {
    /// The connection to try before the next wait.
    pub(super) fn take(&mut self) -> Option<Token> {
        let token = self.alone.filter(|_| self.is_sure);
        self.in_a_row = self.in_a_row.saturating_add(1);
        token.filter(|_| self.in_a_row <= MOST_IN_A_ROW)
    }

    /// A wait has reported `alone` and no other token, or `None` if it reported no token or several. A wait also follows a wrong
    /// guess.
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
    fn connection_that_was_alone_twice_is_guessed_a_few_times() {
        let mut guess = Guess::default();
        assert_eq!(guess.take(), None);
        guess.learn(Some(ONE));
        assert_eq!(guess.take(), None, "once is no pattern");
        guess.learn(Some(ONE));
        for _ in 0..MOST_IN_A_ROW {
            assert_eq!(guess.take(), Some(ONE));
        }
        for _ in 0..1_000 {
            assert_eq!(guess.take(), None, "other connections have their turn");
        }
        guess.learn(Some(ONE));
        assert_eq!(guess.take(), Some(ONE), "it was alone again");
        guess.learn(None);
        assert_eq!(guess.take(), None);
    }

    #[test]
    fn alternating_or_several_connections_are_no_pattern() {
        let mut guess = Guess::default();
        for alone in [Some(ONE), Some(OTHER), Some(ONE), None, Some(ONE)] {
            guess.learn(alone);
            assert_eq!(guess.take(), None);
        }
    }
}
