//! Checks the table that a plug-in wrote. JavaScript and Rust users read bytes by its offsets, so each must lie in the bytes of its own
//! connection.

use crate::abi::{DOUBLE, FIELD, FIELDS_SHIFT, INTEGER, MADE, NAME, NULL};

/// The header of a frame.
const FRAME: i32 = 1 << FIELDS_SHIFT;

/// Returns how many numbers the first `messages` messages take, or `None` if the table has fewer messages or a field lies outside:
/// ranges of the input must lie in the first `consumed` bytes, copied fields in the `made` bytes. Moves the offsets of copied fields
/// behind the consumed input. If `gives_frames`, each message must have the kind 0, no message that continues it, and exactly one field,
/// which is a range of the input.
pub(super) fn check(
    table: &mut [i32],
    messages: u32,
    consumed: usize,
    made: usize,
    gives_frames: bool,
) -> Option<usize> {
    let length = table.len();
    let mut rest = table;
    for _ in 0..messages {
        let (header, fields) = rest.split_first_mut()?;
        let numbers = (header.cast_unsigned() >> FIELDS_SHIFT) as usize * FIELD;
        let (fields, others) = fields.split_at_mut_checked(numbers)?;
        let is_frame = *header == FRAME && matches!(&*fields, &[_, length, 0] if length >= 0);
        if gives_frames && !is_frame {
            return None;
        }
        for field in fields.chunks_exact_mut(FIELD) {
            if !is_inside(field, consumed, made) {
                return None;
            }
        }
        rest = others;
    }
    Some(length - rest.len())
}

#[inline]
fn is_inside(field: &mut [i32], consumed: usize, made: usize) -> bool {
    let &mut [ref mut offset, length, what] = field else {
        return false;
    };
    let Ok(size) = usize::try_from(length) else {
        return matches!(length, NULL | INTEGER | DOUBLE);
    };
    let Ok(start) = usize::try_from(*offset) else {
        return false;
    };
    match what {
        0 | NAME => start + size <= consumed,
        MADE => {
            let moved = i32::try_from(consumed.saturating_add(start));
            *offset = moved.unwrap_or(-1);
            start + size <= made && *offset >= 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::MORE;

    fn is_sound(table: &mut [i32], messages: u32, consumed: usize, made: usize) -> bool {
        check(table, messages, consumed, made, false) == Some(table.len())
    }

    fn header(kind: i32, fields: i32) -> i32 {
        fields << FIELDS_SHIFT | kind
    }

    #[test]
    fn ranges_must_lie_in_what_was_consumed() {
        assert!(is_sound(&mut [header(0, 1), 0, 4, 0], 1, 4, 0));
        assert!(!is_sound(&mut [header(0, 1), 1, 4, 0], 1, 4, 0));
        assert!(!is_sound(&mut [header(0, 1), -1, 1, 0], 1, 4, 0));
        assert!(!is_sound(
            &mut [header(0, 1), i32::MAX, i32::MAX, 0],
            1,
            4,
            0
        ));
    }

    #[test]
    fn copied_fields_move_behind_the_input() {
        let mut table = [header(3, 1), 2, 5, MADE];
        assert!(is_sound(&mut table, 1, 10, 7));
        assert_eq!(table[1], 12);
        assert!(!is_sound(&mut [header(3, 1), 3, 5, MADE], 1, 10, 7));
    }

    #[test]
    fn the_table_must_have_as_many_messages_as_it_says() {
        assert!(!is_sound(&mut [header(0, 1), 0, 1, 0], 2, 4, 0));
        assert!(!is_sound(&mut [header(0, 2), 0, 1, 0], 1, 4, 0));
        assert!(!is_sound(&mut [header(0, 0), header(0, 0)], 1, 4, 0));
        assert!(is_sound(&mut [header(0, 0), header(0, 0)], 2, 4, 0));
    }

    #[test]
    fn unknown_lengths_are_refused() {
        assert!(is_sound(&mut [header(0, 1), 9, INTEGER, -5], 1, 0, 0));
        assert!(!is_sound(&mut [header(0, 1), 0, -4, 0], 1, 0, 0));
        assert!(!is_sound(&mut [header(0, 1), 0, 0, 7], 1, 0, 0));
    }

    #[test]
    fn a_frame_is_one_range_of_the_input() {
        let is_frame = |fields: &mut [i32]| check(fields, 1, 4, 4, true).is_some();
        assert!(is_frame(&mut [header(0, 1), 0, 4, 0]));
        assert!(!is_frame(&mut [header(0, 0)]));
        assert!(!is_frame(&mut [header(0, 2), 0, 1, 0, 1, 1, 0]));
        assert!(!is_frame(&mut [header(0, 1), 0, NULL, 0]));
        assert!(!is_frame(&mut [header(0, 1), 0, 4, MADE]));
        assert!(!is_frame(&mut [header(0, 1), 0, 4, NAME]));
        assert!(!is_frame(&mut [header(1, 1), 0, 4, 0]));
        assert!(!is_frame(&mut [header(MORE, 1), 0, 4, 0]));
    }
}
