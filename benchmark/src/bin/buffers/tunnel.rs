//! Two network namespaces and a path between them that delays every packet.
//!
//! A proxy of TCP would not do: each of its two connections has its own acknowledgements, so no window would ever wait for the delay.
//! Here the packets themselves are delayed, between the TUN devices of two namespaces.
#![allow(
    unsafe_code,
    reason = "no safe wrapper attaches a descriptor to a TUN device (TUNSETIFF)"
)]

use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Result, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sched::{unshare, CloneFlags};

/// The addresses of the two ends.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 94, 0, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 94, 0, 2);
/// The longest packet. Ethernet's, so that buffers are filled as on most paths.
const MTU: usize = 1500;
/// Packets that may be on the way in one direction. More are lost, as in a router.
const PACKETS: usize = 65_536;

/// Runs `server` in one namespace and `client` in the other, each on a thread of its own, with a path of this round trip between
/// them. What the threads start runs in their namespaces. Returns what they return.
pub(crate) fn connect<S: Send, C: Send>(
    round_trip: Duration,
    server: impl FnOnce(&dyn Fn()) -> S + Send,
    client: impl FnOnce() -> C + Send,
) -> Result<(S, C)> {
    let (ready, devices) = sync_channel(2);
    let (start, started) = sync_channel(1);
    let other = ready.clone();
    thread::scope(|scope| {
        let server = scope.spawn(move || -> Result<S> {
            ready
                .send(device("far-server", SERVER))
                .map_err(Error::other)?;
            Ok(server(&|| {
                let _ = start.send(());
            }))
        });
        let client = scope.spawn(move || -> Result<C> {
            other
                .send(device("far-client", CLIENT))
                .map_err(Error::other)?;
            started.recv().map_err(Error::other)?;
            Ok(client())
        });
        let first = devices.recv().map_err(Error::other)??;
        let second = devices.recv().map_err(Error::other)??;
        delay(first.try_clone()?, second.try_clone()?, round_trip / 2);
        delay(second, first, round_trip / 2);
        let ended = |_| Error::other("a thread has panicked");
        let client = client.join().map_err(ended)??;
        let server = server.join().map_err(ended)??;
        Ok((server, client))
    })
}

/// Moves this thread to a new namespace, and opens a device with this address in it.
fn device(name: &str, address: Ipv4Addr) -> Result<File> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    let mut request = [0_u8; size_of::<libc::ifreq>()];
    request[..name.len()].copy_from_slice(name.as_bytes());
    let flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    request[libc::IFNAMSIZ..libc::IFNAMSIZ + 2].copy_from_slice(&flags.to_ne_bytes());
    // SAFETY: the request is a block of the size of an ifreq with a name and flags, and outlives the call.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, request.as_ptr()) };
    if result < 0 {
        return Err(Error::last_os_error());
    }
    ip(&["link", "set", "lo", "up"])?;
    ip(&["address", "add", &format!("{address}/24"), "dev", name])?;
    let (mtu, queue) = (MTU.to_string(), PACKETS.to_string());
    ip(&["link", "set", name, "mtu", &mtu, "txqueuelen", &queue, "up"])?;
    Ok(device)
}

/// Runs ip(8) in the namespace of this thread.
fn ip(arguments: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(arguments).status()?;
    if status.success() {
        return Ok(());
    }
    Err(Error::other(format!("ip {} failed", arguments.join(" "))))
}

/// Moves packets until the process ends.
fn delay(from: File, to: File, by: Duration) {
    let (sent, arrives) = sync_channel(PACKETS);
    thread::spawn(move || take(from, by, &sent));
    thread::spawn(move || give(to, &arrives));
}

type Packet = (Instant, Vec<u8>);

fn take(mut from: File, by: Duration, sent: &SyncSender<Packet>) -> Result<()> {
    let mut buffer = [0; MTU];
    loop {
        let length = from.read(&mut buffer)?;
        // A full queue loses the packet.
        let _ = sent.try_send((Instant::now() + by, buffer[..length].to_vec()));
    }
}

fn give(mut to: File, arrives: &Receiver<Packet>) -> Result<()> {
    while let Ok((at, packet)) = arrives.recv() {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        // A packet that the other end refuses is lost, as on any path.
        let _ = to.write(&packet);
    }
    Ok(())
}
