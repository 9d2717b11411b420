//! Numbers of the kernel that `src/` writes as constants, because they are the same on every target. The glue does not compile for a
//! target on which one differs.
//!
//! `__test__/internal/fixed-numbers.spec.ts` compares this list with `src/`.

macro_rules! fixed {
    ($($name:ident = $number:literal)*) => {
        $(const _: () = assert!(libc::$name as u32 == $number);)*
    };
}

fixed! {
    EPERM = 1
    ENOENT = 2
    EBADF = 9
    EAGAIN = 11
    ENOMEM = 12
    EEXIST = 17
    EINVAL = 22
    EMFILE = 24
    ENOSPC = 28
    ENAMETOOLONG = 36
    ELOOP = 40
    EOPNOTSUPP = 95
    ENOTCONN = 107
    ETIMEDOUT = 110

    EPOLLIN = 0x1
    EPOLLPRI = 0x2
    EPOLLOUT = 0x4
    EPOLLERR = 0x8
    EPOLLHUP = 0x10
    EPOLLRDHUP = 0x2000
    EPOLLEXCLUSIVE = 0x1000_0000
    EPOLLWAKEUP = 0x2000_0000
    EPOLLONESHOT = 0x4000_0000
    EPOLLET = 0x8000_0000

    IN_ACCESS = 0x1
    IN_MODIFY = 0x2
    IN_ATTRIB = 0x4
    IN_CLOSE_WRITE = 0x8
    IN_CLOSE_NOWRITE = 0x10
    IN_OPEN = 0x20
    IN_MOVED_FROM = 0x40
    IN_MOVED_TO = 0x80
    IN_CREATE = 0x100
    IN_DELETE = 0x200
    IN_DELETE_SELF = 0x400
    IN_MOVE_SELF = 0x800
    IN_UNMOUNT = 0x2000
    IN_Q_OVERFLOW = 0x4000
    IN_IGNORED = 0x8000
    IN_ONLYDIR = 0x100_0000
    IN_DONT_FOLLOW = 0x200_0000
    IN_EXCL_UNLINK = 0x400_0000
    IN_MASK_CREATE = 0x1000_0000
    IN_MASK_ADD = 0x2000_0000
    IN_ISDIR = 0x4000_0000
    IN_ONESHOT = 0x8000_0000

    SOCK_STREAM = 1
    SOCK_DGRAM = 2
    SOCK_RAW = 3
    SOCK_SEQPACKET = 5
}
