//! A protocol that says that it gives frames, and gives something else for some bytes.

use edgepoll_protocol::{Error, Io, Protocol, Role, Session, Step};

/// Each byte is a frame, but `0` gives none, `2` two, and `n` a null.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames;

impl Protocol for Frames {
    type Session = FramesSession;
    const NAME: &'static str = "frames";

    fn session(&self, _role: Role) -> FramesSession {
        FramesSession
    }
}

/// The session of one connection.
#[derive(Clone, Copy, Debug)]
pub struct FramesSession;

impl Session for FramesSession {
    const FRAMES: bool = true;

    fn decode(&mut self, input: &mut [u8], io: &mut Io<'_>) -> Result<Step, Error> {
        match input[0] {
            b'0' => {}
            b'2' => {
                io.field(0..1);
                io.field(0..1);
            }
            b'n' => io.null(),
            _ => io.field(0..1),
        }
        Ok(Step::Message(1))
    }
}

#[cfg(test)]
mod tests {
    use edgepoll_protocol::host::{Factory, Fault};
    use edgepoll_protocol::testing::feed;

    use super::*;

    #[test]
    fn only_frames_pass() {
        let fault = |wire: &'static [u8]| {
            let mut session = Factory::new(Frames).session(Role::Client);
            feed(&mut session, [wire], usize::MAX).fault
        };
        assert_eq!(fault(b"abc"), None);
        for wire in [b"a0", b"a2", b"an"] {
            assert_eq!(fault(wire), Some(Fault::Broken));
        }
    }
}
