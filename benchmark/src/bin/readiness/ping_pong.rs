//! The floor of the ping-pong and of the batches: a plain epoll loop with the fewest system calls that do the same work.

use std::error::Error;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::{read, write};

use crate::descriptors::{Channel, Kind};
use crate::session::serve_windows;

/// Events between two readings of the clock.
const STEP: u64 = 64;

fn watch_all(channels: &[Channel]) -> Result<Epoll, Box<dyn Error>> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (index, channel) in channels.iter().enumerate() {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, u64::try_from(index)?);
        epoll.add(&channel.reader, event)?;
    }
    Ok(epoll)
}

fn wait(epoll: &Epoll, events: &mut [EpollEvent]) -> nix::Result<usize> {
    loop {
        match epoll.wait(events, EpollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

pub(crate) fn ping_pong(kind: Kind, work_only: bool) -> Result<(), Box<dyn Error>> {
    let channels = kind.open_many(2, 0)?;
    let token = kind.token();
    let mut buffer = vec![0; token.len()];
    if work_only {
        return serve_windows(|_| {
            for turn in 0..STEP {
                let channel = &channels[usize::from(turn % 2 == 1)];
                write(channel.writer(), token)?;
                consume(channel, &mut buffer)?;
            }
            Ok(STEP)
        });
    }
    let epoll = watch_all(&channels)?;
    let mut events = [EpollEvent::empty(); 64];
    write(channels[0].writer(), token)?;
    serve_windows(|_| {
        let mut count = 0;
        while count < STEP {
            let ready = wait(&epoll, &mut events)?;
            for event in &events[..ready] {
                let side = usize::try_from(event.data())?;
                consume(&channels[side], &mut buffer)?;
                write(channels[1 - side].writer(), token)?;
                count += 1;
            }
        }
        Ok(count)
    })
}

/// Reads one token. A short read is an error, because the numbers would mean nothing.
fn consume(channel: &Channel, buffer: &mut [u8]) -> Result<(), Box<dyn Error>> {
    let length = read(&channel.reader, buffer)?;
    if length != buffer.len() {
        return Err(format!("read {length} bytes instead of {}", buffer.len()).into());
    }
    Ok(())
}

pub(crate) fn batch(count: u32) -> Result<(), Box<dyn Error>> {
    let channels = Kind::Eventfd.open_many(count, 1)?;
    let epoll = watch_all(&channels)?;
    let mut events = vec![EpollEvent::empty(); channels.len()];
    serve_windows(|_| {
        let ready = wait(&epoll, &mut events)?;
        // Keeps the compiler from leaving out the reading of the events.
        let sum: u64 = events[..ready].iter().map(EpollEvent::data).sum();
        std::hint::black_box(sum);
        Ok(u64::try_from(ready)?)
    })
}
