//! A few active descriptors among many idle ones, by each of the kernel's ways to wait. One cycle makes the active ones
//! ready, waits, finds them and reads them. The wait never sleeps, since they are ready.

use std::error::Error;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::poll::{poll, PollFd, PollFlags, PollTimeout};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::select::{select, FdSet};
use nix::unistd::{read, write};

use crate::descriptors::{Channel, Kind};
use crate::session::serve_windows;
use crate::Engine;

/// Waits once and calls `found` with the index of each ready descriptor.
trait Wait {
    fn wait(&mut self, found: &mut dyn FnMut(usize) -> nix::Result<()>) -> nix::Result<()>;
}

struct Select<'fd> {
    channels: &'fd [Channel],
    all: FdSet<'fd>,
    highest: i32,
}

impl<'fd> Select<'fd> {
    fn new(channels: &'fd [Channel]) -> Result<Self, Box<dyn Error>> {
        let numbers = channels.iter().map(|channel| channel.reader.as_raw_fd());
        let highest = numbers.max().unwrap_or(0);
        if usize::try_from(highest)? >= nix::sys::select::FD_SETSIZE {
            return Err(format!("select cannot watch descriptor {highest}").into());
        }
        let mut all = FdSet::new();
        for channel in channels {
            all.insert(channel.reader.as_fd());
        }
        Ok(Self {
            channels,
            all,
            highest,
        })
    }
}

impl Wait for Select<'_> {
    fn wait(&mut self, found: &mut dyn FnMut(usize) -> nix::Result<()>) -> nix::Result<()> {
        let mut ready = self.all;
        let mut left = select(self.highest + 1, &mut ready, None, None, None)?;
        for (index, channel) in self.channels.iter().enumerate() {
            if ready.contains(channel.reader.as_fd()) {
                found(index)?;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

struct Poll<'fd> {
    all: Vec<PollFd<'fd>>,
}

impl Wait for Poll<'_> {
    fn wait(&mut self, found: &mut dyn FnMut(usize) -> nix::Result<()>) -> nix::Result<()> {
        let mut left = poll(&mut self.all, PollTimeout::NONE)?;
        for (index, entry) in self.all.iter().enumerate() {
            if entry.any() == Some(true) {
                found(index)?;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

struct ByEpoll {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl ByEpoll {
    fn new(channels: &[Channel], trigger: EpollFlags) -> Result<Self, Box<dyn Error>> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (index, channel) in channels.iter().enumerate() {
            let interest = EpollFlags::EPOLLIN.union(trigger);
            let event = EpollEvent::new(interest, u64::try_from(index)?);
            epoll.add(&channel.reader, event)?;
        }
        Ok(Self {
            epoll,
            events: vec![EpollEvent::empty(); 256],
        })
    }
}

impl Wait for ByEpoll {
    fn wait(&mut self, found: &mut dyn FnMut(usize) -> nix::Result<()>) -> nix::Result<()> {
        let count = self.epoll.wait(&mut self.events, EpollTimeout::NONE)?;
        for event in &self.events[..count] {
            found(usize::try_from(event.data()).map_err(|_| Errno::ERANGE)?)?;
        }
        Ok(())
    }
}

/// The indices of `active` of `count` descriptors, evenly spread, so that their places in a list do not bias the cost.
fn spread(count: usize, active: usize) -> Vec<usize> {
    (0..active)
        .map(|turn| (2 * turn + 1) * count / (2 * active))
        .collect()
}

pub(crate) fn idle(engine: Engine, count: u32) -> Result<(), Box<dyn Error>> {
    let channels = Kind::Eventfd.open_many(count, 0)?;
    let mut waiting: Box<dyn Wait + '_> = match engine {
        Engine::Select => Box::new(Select::new(&channels)?),
        Engine::Poll => Box::new(Poll {
            all: channels
                .iter()
                .map(|channel| PollFd::new(channel.reader.as_fd(), PollFlags::POLLIN))
                .collect(),
        }),
        Engine::EpollLevel => Box::new(ByEpoll::new(&channels, EpollFlags::empty())?),
        Engine::EpollEdge => Box::new(ByEpoll::new(&channels, EpollFlags::EPOLLET)?),
    };
    let token = Kind::Eventfd.token();
    let mut active = Vec::new();
    serve_windows(|wanted| {
        if active.len() != wanted {
            active = spread(channels.len(), wanted);
        }
        for &index in &active {
            write(channels[index].writer(), token)?;
        }
        let mut served = 0;
        waiting.wait(&mut |index| {
            served += 1;
            read(&channels[index].reader, &mut [0; 8]).map(drop)
        })?;
        if served != wanted {
            return Err(format!("{served} descriptors were ready, not {wanted}").into());
        }
        Ok(1)
    })
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn active_descriptors_are_evenly_spread() {
        assert_eq!(spread(10, 1), [5]);
        assert_eq!(spread(100, 4), [12, 37, 62, 87]);
        let mut many = spread(110, 10);
        many.dedup();
        assert_eq!(many.len(), 10);
    }
}
