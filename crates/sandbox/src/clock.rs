//! Time as a parameter: everything a sandbox dates, expires or paces asks this clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Where a sandbox's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The system's time.
    #[default]
    System,
    /// Begins at this instant when the sandbox opens and runs on at the system's pace.
    From(Timestamp),
    /// Stands at this instant until it is set.
    Fixed(Timestamp),
}

/// A clock shared by all parts of one sandbox, and by whoever holds a clone of it.
#[derive(Debug, Clone)]
pub struct SandboxClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    source: Source,
    /// How far [`SandboxClock::put_by`] has put it: time that did not pass.
    put: SignedDuration,
}

#[derive(Debug)]
enum Source {
    /// System time plus this much.
    Running(SignedDuration),
    Standing(Timestamp),
}

impl SandboxClock {
    /// A clock that starts now.
    pub fn new(clock: Clock) -> Self {
        let source = match clock {
            Clock::System => Source::Running(SignedDuration::ZERO),
            Clock::From(at) => Source::Running(at.duration_since(Timestamp::now())),
            Clock::Fixed(at) => Source::Standing(at),
        };
        Self(Arc::new(Mutex::new(Hands { source, put: SignedDuration::ZERO })))
    }

    /// The sandbox's present instant.
    pub fn now(&self) -> Timestamp {
        match &self.hands().source {
            // An offset that leaves the calendar leaves the system's time in place.
            Source::Running(ahead) => {
                let now = Timestamp::now();
                now.checked_add(*ahead).unwrap_or(now)
            }
            Source::Standing(at) => *at,
        }
    }

    /// The instant that it would be had nobody put the clock: what is put off for some time is due by this.
    pub(crate) fn steady(&self) -> Timestamp {
        let (now, put) = (self.now(), self.hands().put);
        now.saturating_sub(put).unwrap_or(now)
    }

    /// Time goes on to `at`; a running clock runs on from there, a fixed one stands there.
    pub fn set(&self, at: Timestamp) {
        match &mut self.hands().source {
            Source::Running(ahead) => *ahead = at.duration_since(Timestamp::now()),
            Source::Standing(was) => *was = at,
        }
    }

    /// Somebody puts the clock forward or, less than zero, back: no time passes.
    pub fn put_by(&self, by: SignedDuration) {
        let at = self.now();
        self.set(at.saturating_add(by).unwrap_or(at));
        let moved = self.now().duration_since(at);
        let mut hands = self.hands();
        hands.put = hands.put.saturating_add(moved);
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands_and_a_running_one_runs_from_where_it_is_put() {
        let noon: Timestamp = "2024-06-01T12:00:00Z".parse().unwrap();
        let fixed = SandboxClock::new(Clock::Fixed(noon));
        assert_eq!(fixed.now(), noon);
        let later = noon + SignedDuration::from_hours(4);
        fixed.clone().set(later);
        assert_eq!((fixed.now(), fixed.steady()), (later, later));
        fixed.put_by(-SignedDuration::from_hours(1));
        assert_eq!((fixed.now(), fixed.steady()), (later - SignedDuration::from_hours(1), later));

        let running = SandboxClock::new(Clock::From(noon));
        let seen = running.now();
        assert!(seen >= noon && seen < noon + SignedDuration::from_mins(5));
        running.set(later);
        assert!(running.now() >= later);
    }
}
