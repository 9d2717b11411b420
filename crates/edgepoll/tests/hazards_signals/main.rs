//! A signal handler that was installed after the one of a signalfd, and that calls the handler that it replaced. signal-hook,
//! which Deno uses, does that for as long as the process lives.
#![allow(
    unsafe_code,
    reason = "sigaction(2) and a call of the replaced handler have no safe form"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use edgepoll::descriptor::signal;

/// How often the chaining handler ran, and the handler that it replaced.
static RUNS: AtomicU32 = AtomicU32::new(0);
static REPLACED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn chaining(number: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    RUNS.fetch_add(1, Ordering::SeqCst);
    let replaced = REPLACED.load(Ordering::SeqCst);
    // SAFETY: `replaced` is the handler that sigaction(2) reported with SA_SIGINFO, of this signature.
    unsafe {
        let replaced: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) =
            std::mem::transmute(replaced);
        replaced(number, info, context);
    }
}

#[test]
fn a_chained_handler_runs_once_for_each_signal_after_the_signalfd_was_closed() {
    let number = libc::SIGUSR2;
    let (fd, caught) = signal::signalfd(&[number]).unwrap();
    // SAFETY: a sigaction of zeros is valid; both outlive the calls.
    unsafe {
        let mut replaced: libc::sigaction = std::mem::zeroed();
        assert_eq!(
            libc::sigaction(number, std::ptr::null(), &raw mut replaced),
            0
        );
        assert!(replaced.sa_flags & libc::SA_SIGINFO != 0 && replaced.sa_sigaction > 1);
        REPLACED.store(replaced.sa_sigaction, Ordering::SeqCst);
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = chaining;
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(
            libc::sigaction(number, &raw const action, std::ptr::null_mut()),
            0
        );
    }
    let send = || {
        // SAFETY: the calls take the thread's own handle and a valid signal.
        let failed = unsafe { libc::pthread_kill(libc::pthread_self(), number) };
        assert_eq!(failed, 0);
    };
    // While the signalfd is open, it receives the signal, and no handler runs.
    send();
    assert_eq!(signal::next(fd.as_fd()).unwrap().signal, number);
    assert_eq!(RUNS.load(Ordering::SeqCst), 0);
    drop(fd);
    drop(caught);
    // A signal that a thread sends to itself is handled before the call returns.
    for round in 1..=100 {
        send();
        assert_eq!(RUNS.load(Ordering::SeqCst), round);
    }
}
