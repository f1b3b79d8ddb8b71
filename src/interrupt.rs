//! Ctrl-C and its kin: the running command is dropped, so that what it holds is given back, and the program ends.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// A signal asked the program to stop.
pub(crate) struct Interrupted;

/// Whether a signal is how the running command is meant to end.
static EXPECTED: AtomicBool = AtomicBool::new(false);

/// Says that from now on a signal is no interruption, but the end that the command waits for.
pub(crate) fn expect() {
    EXPECTED.store(true, Ordering::SeqCst);
}

/// Whether a signal was waited for.
pub(crate) fn is_expected() -> bool {
    EXPECTED.load(Ordering::SeqCst)
}

/// Runs `work` until it is done or a signal comes. A signal drops `work` where it waits: its guards clean up.
///
/// A second signal, while that is going on, ends the process at once; so it does when `work` is waiting for a store and cannot be
/// dropped.
///
/// # Errors
/// Signals cannot be listened to.
pub(crate) async fn unless_interrupted<F: Future>(work: F) -> io::Result<Result<F::Output, Interrupted>> {
    let mut signals = Signals::listen()?;
    let (tell, told) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        // nobody listens any more when the work is done
        let _ = tell.send(());
        signals.next().await;
        std::process::exit(crate::exit::Exit::Failed as i32);
    });
    tokio::select! {
        output = work => Ok(Ok(output)),
        _ = told => Ok(Err(Interrupted)),
    }
}

/// SIGHUP is left alone: listening to it would undo `nohup`.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    stop: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, stop: ctrl_break()?, close: ctrl_close()? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.stop.recv() => {}
            _ = self.close.recv() => {}
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::sync::Arc;

    use nix::sys::signal::{Signal, raise};

    use super::*;

    struct Guard(Arc<AtomicBool>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_signal_drops_the_work_and_its_guards() {
        let cleaned = Arc::new(AtomicBool::new(false));
        let guard = Guard(Arc::clone(&cleaned));
        let outcome = unless_interrupted(async move {
            let _guard = guard;
            raise(Signal::SIGTERM).expect("a signal to ourselves");
            std::future::pending::<()>().await;
        });
        assert!(outcome.await.expect("signals can be listened to").is_err());
        assert!(cleaned.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn work_that_ends_gives_its_result() {
        assert!(matches!(unless_interrupted(async { 7 }).await, Ok(Ok(7))));
    }
}
