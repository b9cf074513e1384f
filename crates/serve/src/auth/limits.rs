//! How often somebody may ask: each caller, and all strangers together.

use std::time::Duration;

use engine::Caller;
use tokio::time::Instant;

use super::Refused;
use crate::limit::{Buckets, Rate};

/// How often those may try who are not let in.
const STRANGERS: Rate = Rate { per_second: 20, burst: 200 };

/// What is left of each caller's requests.
pub(crate) struct Limits {
    callers: Option<Buckets<String>>,
    strangers: Buckets<()>,
}

impl Limits {
    /// This many for each caller; none for as many as come.
    pub(crate) fn new(callers: Option<Rate>) -> Self {
        Self { callers: callers.map(Buckets::new), strangers: Buckets::new(STRANGERS) }
    }

    /// Takes one of the requests of a caller who is known.
    ///
    /// # Errors
    /// [`Refused::TooMany`].
    pub(crate) fn take(&self, caller: Option<Caller>, now: Instant) -> Result<Option<Caller>, Refused> {
        match (&self.callers, &caller) {
            (Some(callers), Some(known)) => callers.take(known.name.clone(), now).map(|()| caller).map_err(too_many),
            _ => Ok(caller),
        }
    }

    /// Takes one of the strangers' requests, for what anybody may begin and we have to remember.
    ///
    /// # Errors
    /// After how long there is room for it.
    pub(crate) fn take_stranger(&self, now: Instant) -> Result<(), Duration> {
        self.strangers.take((), now)
    }

    /// Takes one of the strangers' requests, where one of them is refused: who guesses tokens gets slower and slower answers.
    pub(crate) fn take_refused(&self, refused: Refused, now: Instant) -> Refused {
        match refused {
            Refused::Unknown { .. } => self.strangers.take((), now).map_or_else(too_many, |()| refused),
            _ => refused,
        }
    }
}

fn too_many(after: Duration) -> Refused {
    Refused::TooMany { after }
}

/// What `Retry-After` says: whole seconds, not too few.
pub(crate) fn seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_share_one_measure_and_callers_have_one_each() {
        let limits = Limits::new(Some(Rate { per_second: 1, burst: 1 }));
        let caller = |name: &str| {
            Some(Caller {
                name: name.into(),
                called: name.into(),
                role: model::Role::Viewer,
                shown: engine::Shown::Token,
                token: "t".into(),
            })
        };
        let now = Instant::now();
        assert!(limits.take(caller("a"), now).is_ok() && limits.take(caller("b"), now).is_ok() && limits.take(None, now).is_ok());
        let refused = limits.take(caller("a"), now).unwrap_err();
        assert!(matches!(refused, Refused::TooMany { after } if seconds(after) == 1), "{refused:?}");
        let stranger = || limits.take_refused(Refused::Unknown { shown: true }, now);
        assert!((0..STRANGERS.burst).all(|_| matches!(stranger(), Refused::Unknown { .. })));
        assert!(matches!(stranger(), Refused::TooMany { .. }));
        assert!(matches!(limits.take_refused(Refused::OtherSite, now), Refused::OtherSite), "others are not slowed by them");
    }
}
