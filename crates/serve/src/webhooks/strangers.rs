//! How often a stranger is told of: a line a minute, with how many there were.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines.
const BETWEEN: Duration = Duration::from_secs(60);

/// When one was told of last, and how many came since.
#[derive(Default)]
pub(super) struct Strangers(Mutex<(Option<Instant>, u64)>);

impl Strangers {
    /// Another one came now: whether it is to be told of, and of how many others nothing was said.
    pub(super) fn one_more(&self, now: Instant) -> Option<u64> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, silent) = &mut *seen;
        if last.is_some_and(|last| now.duration_since(last) < BETWEEN) {
            *silent += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(silent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_line_a_minute() {
        let (strangers, begun) = (Strangers::default(), Instant::now());
        assert_eq!(strangers.one_more(begun), Some(0));
        for second in 1..50 {
            assert_eq!(strangers.one_more(begun + Duration::from_secs(second)), None);
        }
        assert_eq!(strangers.one_more(begun + Duration::from_secs(60)), Some(49));
        assert_eq!(strangers.one_more(begun + Duration::from_secs(120)), Some(0));
    }
}
