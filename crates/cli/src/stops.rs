//! Control-C, and the system's word to end.

use crate::failure::Failure;

/// Hears from the moment it is made that somebody wants the program to stop.
#[cfg(unix)]
pub(crate) struct Stops {
    pressed: tokio::signal::unix::Signal,
    ended: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stops {
    /// Begins to listen.
    ///
    /// # Errors
    /// A [`Failure`] when the system does not let us.
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(deaf);
        Ok(Self { pressed: listen(SignalKind::interrupt())?, ended: listen(SignalKind::terminate())? })
    }

    /// Waits for the next time.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.pressed.recv() => {}
            _ = self.ended.recv() => {}
        }
    }
}

/// Hears from the moment it is made that somebody wants the program to stop.
#[cfg(windows)]
pub(crate) struct Stops(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Stops {
    /// Begins to listen.
    ///
    /// # Errors
    /// A [`Failure`] when the system does not let us.
    pub(crate) fn listen() -> Result<Self, Failure> {
        tokio::signal::windows::ctrl_c().map(Self).map_err(deaf)
    }

    /// Waits for the next time.
    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// A file that may not grow any further (`ulimit -f`) fails to be written, as on a full disk, instead of ending the process.
pub(crate) fn outlive_limits() {
    // SIGXFSZ.  Where the system lets nobody listen to it, it goes on to end the process, from which one resumes too.
    #[cfg(target_os = "linux")]
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).ok();
}

fn deaf(error: std::io::Error) -> Failure {
    Failure::new(format!("cannot hear control-C: {error}"), "nothing was begun; see what keeps the system from giving signals")
}
