//! The names of the system calls that can fail.

/// A system call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// socket(2)
    Socket,
    /// setsockopt(2)
    SetOption,
    /// bind(2)
    Bind,
    /// listen(2)
    Listen,
    /// accept4(2)
    Accept,
    /// connect(2)
    Connect,
    /// recv(2)
    Receive,
    /// send(2) or sendmsg(2)
    Send,
    /// shutdown(2)
    Shutdown,
    /// epoll_ctl(2)
    Register,
    /// epoll_create1(2)
    OpenEpoll,
    /// eventfd2(2)
    OpenEvent,
    /// timerfd_create(2)
    OpenTimer,
}

impl Call {
    /// The name that Node.js uses in `error.syscall`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Call::Socket => "socket",
            Call::SetOption => "setsockopt",
            Call::Bind => "bind",
            Call::Listen => "listen",
            Call::Accept => "accept",
            Call::Connect => "connect",
            Call::Receive => "read",
            Call::Send => "write",
            Call::Shutdown => "shutdown",
            Call::Register => "epoll_ctl",
            Call::OpenEpoll => "epoll_create1",
            Call::OpenEvent => "eventfd2",
            Call::OpenTimer => "timerfd_create",
        }
    }
}
