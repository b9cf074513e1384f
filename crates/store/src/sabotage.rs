//! What tests turn off, or do to the whole process, to see that it is missed and survived.  Without the feature `sabotage`, which only
//! tests' dependencies enable, there is nothing here to turn: every question is answered when the program is compiled.

#[cfg(feature = "sabotage")]
pub use armed::{VARIABLE, turn_off, turn_on};
#[cfg(feature = "sabotage")]
pub(crate) use armed::{committed, committing, is_off};

/// What the promises rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// Whether a turn is over is not looked at: whoever lost it goes on.
    Fence = 1,
    /// What is acknowledged is not flushed to disk.
    Sync = 2,
}

/// Whether something is turned off.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn is_off(_what: Off) -> bool {
    false
}

/// A commit is about to be made.
#[cfg(not(feature = "sabotage"))]
pub(crate) fn committing() {}

/// A commit was made.
#[cfg(not(feature = "sabotage"))]
pub(crate) fn committed() {}

#[cfg(feature = "sabotage")]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

    use super::Off;

    /// The variable that a process takes its sabotage from, with commas between: `fence-off`, `sync-off`, `kill-before:N` and
    /// `kill-after:N` (the process is killed right before or after its Nth commit).
    pub const VARIABLE: &str = "PROVOST_SABOTAGE";

    static SAID: LazyLock<Said> = LazyLock::new(|| Said::of(&std::env::var(VARIABLE).unwrap_or_default()));
    static OFF: AtomicU8 = AtomicU8::new(0);
    static COMMITS: AtomicU64 = AtomicU64::new(0);

    /// Turns something off in this process.
    pub fn turn_off(what: Off) {
        OFF.fetch_or(what as u8, Ordering::SeqCst);
    }

    /// Turns it on again.
    pub fn turn_on(what: Off) {
        OFF.fetch_and(!(what as u8), Ordering::SeqCst);
    }

    pub(crate) fn is_off(what: Off) -> bool {
        (OFF.load(Ordering::SeqCst) | SAID.off) & what as u8 != 0
    }

    pub(crate) fn committing() {
        let number = COMMITS.fetch_add(1, Ordering::SeqCst) + 1;
        if SAID.kill_before == Some(number) {
            kill();
        }
    }

    pub(crate) fn committed() {
        if SAID.kill_after.is_some_and(|at| at <= COMMITS.load(Ordering::SeqCst)) {
            kill();
        }
    }

    /// SIGKILL to ourselves; this thread waits for it, so that nothing follows.
    fn kill() {
        let killed = std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
        panic!("`kill` did not kill: {killed:?}");
    }

    #[derive(Default)]
    struct Said {
        off: u8,
        kill_before: Option<u64>,
        kill_after: Option<u64>,
    }

    impl Said {
        /// A word that nobody knows is a panic: a test would prove nothing.
        fn of(text: &str) -> Self {
            let mut said = Self::default();
            for word in text.split(',').filter(|word| !word.is_empty()) {
                let number = |number: &str| Some(number.parse().unwrap_or_else(|_| panic!("{VARIABLE} says {word:?}")));
                match word.split_once(':') {
                    None if word == "fence-off" => said.off |= Off::Fence as u8,
                    None if word == "sync-off" => said.off |= Off::Sync as u8,
                    Some(("kill-before", at)) => said.kill_before = number(at),
                    Some(("kill-after", at)) => said.kill_after = number(at),
                    _ => panic!("{VARIABLE} says {word:?}, which is no sabotage"),
                }
            }
            said
        }
    }
}
