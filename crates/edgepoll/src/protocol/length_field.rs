//! The length in front of a message: unsigned integers of several sizes, and varints as Protocol Buffers has them.

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthSize {
    /// One byte.
    U8,
    /// Two bytes.
    U16,
    /// Three bytes.
    U24,
    /// Four bytes.
    U32,
    /// Eight bytes.
    U64,
    /// Seven bits in each byte, the lowest first. All bytes but the last have the highest bit. So LEB128, Protocol Buffers and MQTT
    /// write it.
    Varint,
}

/// The order of the bytes of a length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// The highest byte comes first.
    #[default]
    Big,
    /// The lowest byte comes first.
    Little,
}

/// The most bytes of a varint with 64 bits.
const MOST_VARINT: usize = 10;

/// What a look at a length gave.
pub(super) enum Read {
    /// The value, and how many bytes it takes.
    Value(u64, usize),
    /// So many bytes are needed.
    Need(usize),
    /// It has more than 64 bits.
    TooLarge,
}

/// The bytes of a length.
pub(super) struct Written([u8; MOST_VARINT], usize);

impl Written {
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

impl LengthSize {
    /// The most bytes that a length takes.
    #[inline]
    pub(super) fn most(self) -> usize {
        match self {
            LengthSize::U8 => 1,
            LengthSize::U16 => 2,
            LengthSize::U24 => 3,
            LengthSize::U32 => 4,
            LengthSize::U64 => 8,
            LengthSize::Varint => MOST_VARINT,
        }
    }

    /// Reads the length at the front of `bytes`.
    #[inline]
    pub(super) fn read(self, endian: Endian, bytes: &[u8]) -> Read {
        if self == LengthSize::Varint {
            return read_varint(bytes);
        }
        let size = self.most();
        let Some(bytes) = bytes.get(..size) else {
            return Read::Need(size);
        };
        let add = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
        let value = match endian {
            Endian::Big => bytes.iter().fold(0, add),
            Endian::Little => bytes.iter().rev().fold(0, add),
        };
        Read::Value(value, size)
    }

    /// Writes a length. `value` gives it for the number of bytes that it takes. Returns `None` if it does not fit.
    pub(super) fn write(
        self,
        endian: Endian,
        value: impl Fn(usize) -> Option<u64>,
    ) -> Option<Written> {
        if self == LengthSize::Varint {
            return (1..=MOST_VARINT)
                .find_map(|size| varint(value(size)?).filter(|written| written.1 == size));
        }
        let (size, mut bytes) = (self.most(), [0; MOST_VARINT]);
        let value = value(size)?;
        if size < 8 && value >> (8 * size) != 0 {
            return None;
        }
        match endian {
            Endian::Big => bytes[..size].copy_from_slice(&value.to_be_bytes()[8 - size..]),
            Endian::Little => bytes[..size].copy_from_slice(&value.to_le_bytes()[..size]),
        }
        Some(Written(bytes, size))
    }
}

#[inline]
fn read_varint(bytes: &[u8]) -> Read {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(MOST_VARINT).enumerate() {
        // The tenth byte has one bit of the 64.
        if place == MOST_VARINT - 1 && byte > 1 {
            return Read::TooLarge;
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Read::Value(value, place + 1);
        }
    }
    Read::Need(bytes.len() + 1)
}

fn varint(mut value: u64) -> Option<Written> {
    let mut bytes = [0; MOST_VARINT];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return Some(Written(bytes, place + 1));
        }
        *byte |= 0x80;
    }
    None
}
