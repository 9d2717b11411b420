//! select(2), for descriptors that belong to other code.
//!
//! A number that does not fit into the sets is never put into them: that would write outside their memory.
#![allow(
    unsafe_code,
    reason = "other code owns the descriptors and passes them as numbers, which no safe wrapper takes"
)]

use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

use crate::Errno;

/// Descriptors below this number fit into a set (FD_SETSIZE).
pub(crate) const SET_SIZE: RawFd = libc::FD_SETSIZE as RawFd;

/// The three sets of select(2).
#[derive(Clone, Copy)]
pub(crate) struct Sets {
    read: libc::fd_set,
    write: libc::fd_set,
    except: libc::fd_set,
}

/// The sets that a descriptor is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Membership {
    /// The descriptor can be read.
    pub(crate) read: bool,
    /// The descriptor can be written.
    pub(crate) write: bool,
    /// The descriptor has urgent data or an exceptional condition.
    pub(crate) except: bool,
}

impl Membership {
    /// Whether the descriptor is in any of the sets.
    #[must_use]
    pub(crate) fn any(self) -> bool {
        self.read || self.write || self.except
    }
}

fn empty() -> libc::fd_set {
    let mut set = MaybeUninit::uninit();
    // SAFETY: FD_ZERO writes the whole set.
    unsafe {
        libc::FD_ZERO(set.as_mut_ptr());
        set.assume_init()
    }
}

impl Sets {
    /// Three empty sets.
    #[must_use]
    pub(crate) fn new() -> Sets {
        Sets {
            read: empty(),
            write: empty(),
            except: empty(),
        }
    }

    /// Puts `fd` into these sets and removes it from the others. A number that does not fit is left out.
    pub(crate) fn set(&mut self, fd: RawFd, membership: Membership) {
        if !(0..SET_SIZE).contains(&fd) {
            return;
        }
        let sets = [
            (&mut self.read, membership.read),
            (&mut self.write, membership.write),
            (&mut self.except, membership.except),
        ];
        for (set, member) in sets {
            // SAFETY: the number lies within the set, as checked above.
            unsafe {
                if member {
                    libc::FD_SET(fd, set);
                } else {
                    libc::FD_CLR(fd, set);
                }
            }
        }
    }

    /// The sets that `fd` is in: those of [`Sets::set`], or after [`Sets::select`] those that it is ready for.
    #[must_use]
    pub(crate) fn get(&self, fd: RawFd) -> Membership {
        if !(0..SET_SIZE).contains(&fd) {
            return Membership::default();
        }
        // SAFETY: the number lies within the sets, as checked above.
        unsafe {
            Membership {
                read: libc::FD_ISSET(fd, &raw const self.read),
                write: libc::FD_ISSET(fd, &raw const self.write),
                except: libc::FD_ISSET(fd, &raw const self.except),
            }
        }
    }

    /// Removes from the sets what is not ready, up to the descriptor `highest`, and returns the number of bits that are left. If
    /// `blocks` is true, the call waits until there is one.
    ///
    /// # Errors
    /// EBADF if a descriptor is not open, EINTR, ENOMEM (select(2)). The content of the sets is undefined then.
    pub(crate) fn select(&mut self, highest: RawFd, blocks: bool) -> Result<usize, Errno> {
        let mut now = libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        };
        let timeout = if blocks {
            ptr::null_mut()
        } else {
            &raw mut now
        };
        let count = highest.clamp(-1, SET_SIZE - 1) + 1;
        // SAFETY: the sets and the timeout outlive the call, and no descriptor lies outside the sets.
        let found = unsafe {
            libc::select(
                count,
                &raw mut self.read,
                &raw mut self.write,
                &raw mut self.except,
                timeout,
            )
        };
        Errno::result(found).map(|found| usize::try_from(found).unwrap_or(0))
    }
}

impl Default for Sets {
    fn default() -> Sets {
        Sets::new()
    }
}
