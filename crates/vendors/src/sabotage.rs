//! What tests turn off in connectors, to see that it is missed.  Without the feature `sabotage`, which only tests' dependencies enable,
//! there is nothing here to turn: the question is answered when the program is compiled.

#[cfg(feature = "sabotage")]
pub(crate) use armed::is_off;
#[cfg(feature = "sabotage")]
pub use armed::{turn_off, turn_on};

/// What a connector does around each write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// What is there is not heeded: a step is written as it was planned (P5).
    LookBefore = 1,
    /// What was sent, and not refused, is taken for done (P6).
    LookAfter = 2,
}

/// Whether something is turned off.
#[cfg(not(feature = "sabotage"))]
pub(crate) const fn is_off(_what: Off) -> bool {
    false
}

#[cfg(feature = "sabotage")]
mod armed {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Off;

    static OFF: AtomicU8 = AtomicU8::new(0);

    /// Turns something off in this process.
    pub fn turn_off(what: Off) {
        OFF.fetch_or(what as u8, Ordering::SeqCst);
    }

    /// Turns it on again.
    pub fn turn_on(what: Off) {
        OFF.fetch_and(!(what as u8), Ordering::SeqCst);
    }

    pub(crate) fn is_off(what: Off) -> bool {
        OFF.load(Ordering::SeqCst) & what as u8 != 0
    }
}
