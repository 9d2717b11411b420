// The system calls of the core, and the errors that their man pages name. ENOSYS and EPERM also come from a sandbox (seccomp(2)).

const words = (text) => text.trim().split(/\s+/);

/** What a call on a descriptor can give in any case. */
const descriptor = 'EBADF EFAULT EINVAL';
const socket = `${descriptor} ENOTSOCK`;
const sandbox = 'ENOSYS EPERM';
const shortage = 'EMFILE ENFILE ENOMEM';
/** What accept4(2) passes on from the network, and what send(2) and recv(2) find there (ip(7), tcp(7)). */
const network =
  'ENETDOWN EPROTO ENOPROTOOPT EHOSTDOWN ENONET EHOSTUNREACH EOPNOTSUPP ENETUNREACH ETIMEDOUT';
const sending = `${socket} EACCES EAGAIN EALREADY ECONNRESET EDESTADDRREQ EINTR EISCONN EMSGSIZE ENOBUFS ENOMEM ENOTCONN EOPNOTSUPP EPIPE EHOSTUNREACH ENETDOWN ENETUNREACH ETIMEDOUT EPERM`;

/** Each call of the core, with its errors. */
export const calls = Object.fromEntries(
  Object.entries({
    accept4: `${socket} ${shortage} EAGAIN ECONNABORTED EINTR ENOBUFS ENOSR ESOCKTNOSUPPORT EPROTONOSUPPORT ${network} ${sandbox}`,
    bind: `${socket} EACCES EADDRINUSE EADDRNOTAVAIL ENOMEM ${sandbox}`,
    close: 'EBADF EINTR EIO ENOSPC EDQUOT',
    connect: `${socket} EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY ECONNREFUSED EINPROGRESS EINTR EISCONN ENETUNREACH EPROTOTYPE ETIMEDOUT EHOSTUNREACH ENOBUFS ${sandbox}`,
    epoll_create1: `EINVAL ${shortage} ${sandbox}`,
    epoll_ctl: 'EBADF EEXIST EINVAL ELOOP ENOENT ENOMEM ENOSPC EPERM ENOSYS',
    epoll_wait: 'EBADF EFAULT EINTR EINVAL ENOSYS EPERM',
    eventfd2: `EINVAL ENODEV ${shortage} ${sandbox}`,
    fcntl: `EACCES EAGAIN EBADF EINVAL EMFILE EPERM ENOSYS`,
    getdents64: `${descriptor} ENOENT ENOTDIR ENOSYS EPERM`,
    getpeername: `${socket} ENOBUFS ENOTCONN ${sandbox}`,
    getsockname: `${socket} ENOBUFS ${sandbox}`,
    getsockopt: `${socket} ENOPROTOOPT ${sandbox}`,
    inotify_add_watch: `${descriptor} EACCES EEXIST ENAMETOOLONG ENOENT ENOMEM ENOSPC ENOTDIR ${sandbox}`,
    inotify_init1: `EINVAL ${shortage} ${sandbox}`,
    inotify_rm_watch: `EBADF EINVAL ${sandbox}`,
    listen: `EADDRINUSE EBADF ENOTSOCK EOPNOTSUPP ${sandbox}`,
    newfstatat: `EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW ${sandbox}`,
    openat: `EACCES ELOOP EMFILE ENFILE ENOENT ENOMEM ENOTDIR ENXIO EINTR ${sandbox}`,
    pidfd_open: `EINVAL EMFILE ENFILE ENODEV ENOMEM ESRCH ${sandbox}`,
    pidfd_send_signal: `EBADF EINVAL ESRCH ${sandbox}`,
    pipe2: `EFAULT EINVAL EMFILE ENFILE ${sandbox}`,
    poll: `EFAULT EINTR EINVAL ENOMEM ${sandbox}`,
    preadv2: `${descriptor} EAGAIN EINTR EIO EISDIR EOPNOTSUPP ${sandbox}`,
    pselect6: `${descriptor} EINTR ENOMEM ${sandbox}`,
    pwritev2: `${descriptor} EAGAIN EINTR EIO ENOSPC EPIPE EOPNOTSUPP ${sandbox}`,
    read: `${descriptor} EAGAIN EINTR EIO EISDIR ${sandbox}`,
    readlink: `EACCES EINVAL EIO ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR ${sandbox}`,
    recvfrom: `${socket} EAGAIN ECONNREFUSED ECONNRESET EINTR ENOMEM ENOTCONN ETIMEDOUT EHOSTUNREACH ENETUNREACH EIO ${sandbox}`,
    recvmsg: `${socket} EAGAIN ECONNREFUSED EINTR EMFILE ENOMEM ENOTCONN ETOOMANYREFS ${sandbox}`,
    rt_sigaction: `EFAULT EINVAL ${sandbox}`,
    rt_sigprocmask: `EFAULT EINVAL ${sandbox}`,
    sendmsg: `${sending} ENOSYS`,
    sendto: `${sending} ENOSYS`,
    setsockopt: `${socket} EDOM ENOMEM ENOPROTOOPT ${sandbox}`,
    shutdown: `EBADF EINVAL ENOTCONN ENOTSOCK ${sandbox}`,
    signalfd4: `${descriptor} EMFILE ENFILE ENODEV ENOMEM ${sandbox}`,
    socket: `EACCES EAFNOSUPPORT EINVAL EMFILE ENFILE ENOBUFS ENOMEM EPROTONOSUPPORT ${sandbox}`,
    socketpair: `EAFNOSUPPORT EFAULT EMFILE ENFILE EOPNOTSUPP EPROTONOSUPPORT ENOMEM ${sandbox}`,
    statx: `EACCES EBADF EFAULT EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR ${sandbox}`,
    timerfd_create: `EINVAL ENODEV ${shortage} ${sandbox}`,
    timerfd_gettime: `${descriptor} ${sandbox}`,
    timerfd_settime: `${descriptor} ECANCELED ${sandbox}`,
    write: `${descriptor} EAGAIN EDESTADDRREQ EDQUOT EFBIG EINTR EIO ENOSPC EPIPE ${sandbox}`,
  }).map(([name, errors]) => [name, [...new Set(words(errors))]]),
);

/** Calls between the marks that are not of the core, or that cannot fail: of the victim itself, and of the allocator. */
export const foreign = new Set(
  words('getrandom getpid getppid gettid writev ppoll getrusage mmap munmap mremap brk madvise'),
);
