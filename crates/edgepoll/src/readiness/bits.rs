//! The readiness bits, with the values that they have in epoll(7).

/// Bytes, a connection or the end of the stream can be received (EPOLLIN).
pub const READABLE: u32 = libc::EPOLLIN as u32;
/// There is urgent data or an exceptional condition (EPOLLPRI).
pub const PRIORITY: u32 = libc::EPOLLPRI as u32;
/// Bytes can be sent (EPOLLOUT).
pub const WRITABLE: u32 = libc::EPOLLOUT as u32;
/// There is an error; always reported (EPOLLERR).
pub const ERROR: u32 = libc::EPOLLERR as u32;
/// Both directions are closed; always reported (EPOLLHUP).
pub const HANGUP: u32 = libc::EPOLLHUP as u32;
/// The peer will send no more (EPOLLRDHUP).
pub const READ_HANGUP: u32 = libc::EPOLLRDHUP as u32;
/// Report once per change, instead of for as long as the condition lasts (EPOLLET).
pub const EDGE: u32 = libc::EPOLLET as u32;
/// Report once, then not again until the registration is rearmed (EPOLLONESHOT).
pub const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
/// Of several epoll descriptors that watch the file, do not wake all (EPOLLEXCLUSIVE).
pub const EXCLUSIVE: u32 = libc::EPOLLEXCLUSIVE as u32;
/// Keep the system from suspending while the event is handled (EPOLLWAKEUP). Needs CAP_BLOCK_SUSPEND.
pub const WAKEUP: u32 = libc::EPOLLWAKEUP as u32;
/// Not one of the kernel's bits: the descriptor was closed while it was watched, and its registration has ended.
pub const CLOSED: u32 = 1 << 20;
/// Not one of the kernel's bits. In an interest: poll(2) on the file consumes its event, so only the poller's own thread may
/// poll it. Files of procfs and cgroup2 are recognised without it.
pub const POLL_CONSUMES: u32 = 1 << 21;

/// What poll(2), and the relay, can wait for. The kernel always reports errors and hang-ups too.
pub(super) const POLLABLE: u32 = READABLE | PRIORITY | WRITABLE | READ_HANGUP;

/// The triggers that only epoll has.
pub(super) const EPOLL_ONLY: u32 = EDGE | EXCLUSIVE | WAKEUP;
