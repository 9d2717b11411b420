//! Close codes (RFC 6455, section 7.4).

/// The connection has done its work.
pub(crate) const NORMAL: u16 = 1000;
/// The peer broke a rule of the protocol.
pub(crate) const PROTOCOL: u16 = 1002;
/// A kind of message that this side does not accept.
pub(crate) const UNSUPPORTED: u16 = 1003;
/// In a message to the program: the close frame had no code.
pub(crate) const NONE: u16 = 1005;
/// In an error: no close frame came.
pub(crate) const ABNORMAL: u16 = 1006;
/// A text is not UTF-8, or a compressed message is broken.
pub(crate) const INVALID: u16 = 1007;
/// A message is too long.
pub(crate) const TOO_LONG: u16 = 1009;

/// Whether a close frame may have the code.
pub(crate) fn is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
