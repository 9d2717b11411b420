//! The calls on Linux whose results need a real kernel.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use nix::sys::socket::{self, SockaddrStorage};

use super::address::{address_of, internet};
use super::*;
use crate::kernel::descriptor;
use crate::kernel::poll::{poll, poll_entry};

const TOKEN: Token = Token {
    index: 0,
    generation: 0,
};

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An accepted socket, and its peer.
fn pair(kernel: &mut LinuxKernel) -> (LinuxSocket, TcpStream) {
    let listener = kernel
        .listen(
            &loopback().into(),
            1,
            ListenFlags {
                no_delay: true,
                buffers: Buffers::default(),
                reuse_port: false,
                ipv6_only: false,
            },
        )
        .expect("a port of its own");
    let address = kernel.local_address(&listener).expect("it is bound");
    let peer = TcpStream::connect(internet(&address).expect("an Internet address"))
        .expect("the listener is open");
    let (socket, _) = kernel.accept(&listener).expect("the peer has connected");
    (socket, peer)
}

/// Two sockets that connect to each other at the same time need no listener (simultaneous open, RFC 9293, 3.5). A socket that
/// connects to its own address connects to itself in the same way.
#[test]
fn socket_that_connected_to_itself_is_refused() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    let socket = LinuxSocket::stream(loopback()).expect("a socket");
    socket::bind(socket.raw(), &SockaddrStorage::from(loopback())).expect("a port");
    let own = kernel.local_address(&socket).expect("it is bound");
    // Both ends are on this machine, so the connect has ended when the call returns.
    let _ = socket::connect(
        socket.raw(),
        &SockaddrStorage::from(internet(&own).expect("an Internet address")),
    );
    let peer = socket::getpeername::<SockaddrStorage>(socket.raw()).expect("it is connected");
    assert_eq!(address_of(&peer), Ok(own));
    assert_eq!(kernel.connected(&socket), Err(Errno::ECONNREFUSED));
}

#[test]
fn socket_without_a_peer_is_einprogress_or_enotconn() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    // The backlog has room for one connection, so the second connect gets no answer.
    let listener = TcpListener::bind(loopback()).expect("a port");
    descriptor::socket::listen(listener.as_fd(), 0).expect("a backlog of one");
    let address = listener.local_addr().expect("it is bound");
    let _first = TcpStream::connect(address).expect("it waits in the backlog");
    let plain = ConnectFlags {
        no_delay: false,
        buffers: Buffers::default(),
    };
    let waiting = kernel.connect(&address.into(), plain).expect("it begins");
    assert_eq!(kernel.connected(&waiting), Err(Errno::EINPROGRESS));
    let never = LinuxSocket::stream(address).expect("a socket");
    assert_eq!(kernel.connected(&never), Err(Errno::ENOTCONN));
}

/// A registration belongs to the open file, which a duplicate of the descriptor keeps alive (epoll(7)).
#[test]
fn closed_socket_is_not_reported_though_a_duplicate_lives() {
    let mut kernel = LinuxKernel::new(8).expect("descriptors");
    let (socket, mut peer) = pair(&mut kernel);
    kernel
        .register(&socket, TOKEN, Interest::Stream)
        .expect("it is new");
    let duplicate = socket.0.try_clone().expect("a descriptor");
    kernel.close(socket);
    peer.write_all(b"late")
        .expect("the duplicate holds it open");
    let mut entry = [poll_entry(duplicate.as_raw_fd(), libc::POLLIN)];
    assert_eq!(poll(&mut entry, true), Ok(1), "the bytes are there");
    let mut reported = Vec::new();
    kernel
        .wait(Some(Duration::ZERO), &mut |token, _| reported.push(token))
        .expect("a wait");
    assert_eq!(reported, []);
}

fn end_of(mut peer: TcpStream) -> std::io::Result<usize> {
    peer.read(&mut [0; 10])
}

#[test]
fn close_is_an_end_or_a_reset() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    let (socket, peer) = pair(&mut kernel);
    kernel.close(socket);
    assert_eq!(end_of(peer).expect("a clean end"), 0);

    let (socket, peer) = pair(&mut kernel);
    kernel.reset_on_close(&socket).expect("SO_LINGER");
    kernel.close(socket);
    let error = end_of(peer).expect_err("a reset");
    assert_eq!(Errno::from_io(&error), Errno::ECONNRESET);
}

#[test]
fn disconnecting_resets_as_well() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    let (socket, peer) = pair(&mut kernel);
    socket.disconnect().expect("to no address");
    let error = end_of(peer).expect_err("a reset");
    assert_eq!(Errno::from_io(&error), Errno::ECONNRESET);
    kernel.close(socket);
}

#[test]
fn accepted_connections_inherit_the_buffers_of_their_listener() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    let asked = Buffers {
        receive: 8_192,
        send: 16_384,
        unsent: 12_345,
    };
    let flags = ListenFlags {
        no_delay: true,
        buffers: asked,
        reuse_port: false,
        ipv6_only: false,
    };
    let listener = kernel
        .listen(&loopback().into(), 1, flags)
        .expect("a port of its own");
    assert_eq!(kernel.buffers(&listener), Ok(asked));
    let address = kernel.local_address(&listener).expect("it is bound");
    let flags = ConnectFlags {
        no_delay: true,
        buffers: asked,
    };
    let client = kernel
        .connect(&address, flags)
        .expect("the listener is open");
    assert_eq!(kernel.buffers(&client), Ok(asked));
    let mut entries = [poll_entry(listener.raw(), libc::POLLIN)];
    assert_eq!(poll(&mut entries, true), Ok(1));
    let (accepted, _) = kernel.accept(&listener).expect("the client has connected");
    assert_eq!(kernel.buffers(&accepted), Ok(asked));
}

#[test]
fn the_kernel_cuts_a_buffer_to_its_limit() {
    let mut kernel = LinuxKernel::new(1).expect("descriptors");
    let buffers = Buffers {
        receive: u32::MAX,
        ..Buffers::default()
    };
    let flags = ListenFlags {
        no_delay: false,
        buffers,
        reuse_port: false,
        ipv6_only: false,
    };
    let listener = kernel
        .listen(&loopback().into(), 1, flags)
        .expect("a port of its own");
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").expect("a setting");
    let got = kernel.buffers(&listener).expect("it is open").receive;
    assert_eq!(most.trim().parse(), Ok(got));
}
