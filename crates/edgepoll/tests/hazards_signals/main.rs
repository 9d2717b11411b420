//! A handler that was installed over the one of a signalfd, and that calls the one that it found: signal-hook, which Deno
//! uses, does so for as long as the process lives.
#![allow(
    unsafe_code,
    reason = "the test installs a handler, which calls another one"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::c_void;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use edgepoll::descriptor::signal;

/// How often the foreign handler ran, and the handler that it found.
static HEARD: AtomicU32 = AtomicU32::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);

extern "C" fn chaining(number: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    HEARD.fetch_add(1, Ordering::SeqCst);
    let found = FOUND.load(Ordering::SeqCst);
    // SAFETY: `found` is the handler that sigaction(2) reported with SA_SIGINFO, of this signature.
    unsafe {
        let found: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) =
            std::mem::transmute(found);
        found(number, info, context);
    }
}

#[test]
fn a_chained_handler_runs_once_for_each_signal_after_the_signalfd_was_closed() {
    let number = libc::SIGUSR2;
    let (fd, caught) = signal::signalfd(&[number]).unwrap();
    // SAFETY: a sigaction of zeros is valid; both outlive the calls.
    unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(number, std::ptr::null(), &raw mut found), 0);
        assert!(found.sa_flags & libc::SA_SIGINFO != 0 && found.sa_sigaction > 1);
        FOUND.store(found.sa_sigaction, Ordering::SeqCst);
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
    // While the signalfd is open it reads the signal, and no handler runs.
    send();
    assert_eq!(signal::next(fd.as_fd()).unwrap().signal, number);
    assert_eq!(HEARD.load(Ordering::SeqCst), 0);
    drop(fd);
    drop(caught);
    // Sent to this thread, it is handled before the call returns.
    for round in 1..=100 {
        send();
        assert_eq!(HEARD.load(Ordering::SeqCst), round);
    }
}
