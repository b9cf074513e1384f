//! The time of a rehearsal: it goes on only when everybody waits, and then at once, so that hours take seconds.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connector::{Clock, Sleep};
use jiff::Timestamp;

/// How often everybody else gets a turn before time goes on.
const TURNS: u32 = 24;

/// A clock that begins at an instant and goes on by waiting.
pub(super) struct StageTime {
    began: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    /// Who waits: until when, and a number of its own.
    waiting: BTreeSet<(Duration, u64)>,
    next: u64,
}

impl StageTime {
    pub(super) fn at(began: Timestamp) -> Self {
        Self { began, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a sleeper may go on; the first of those who wait takes time along with it where `everybody_waits`.
    fn is_over(&self, me: (Duration, u64), everybody_waits: bool) -> bool {
        let mut state = self.state();
        if everybody_waits && state.waiting.first() == Some(&me) {
            state.elapsed = state.elapsed.max(me.0);
        }
        state.elapsed >= me.0
    }
}

impl Clock for StageTime {
    fn now(&self) -> Timestamp {
        self.began.checked_add(self.elapsed()).unwrap_or(self.began)
    }

    fn elapsed(&self) -> Duration {
        self.state().elapsed
    }
}

/// Somebody who waits, until it does no more: also where the work it belongs to is dropped.
struct Sleeper<'a>(&'a StageTime, (Duration, u64));

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        self.0.state().waiting.remove(&self.1);
    }
}

#[async_trait]
impl Sleep for StageTime {
    async fn sleep(&self, duration: Duration) {
        let me = {
            let mut state = self.state();
            state.next += 1;
            let me = (state.elapsed.saturating_add(duration), state.next);
            state.waiting.insert(me);
            me
        };
        let _sleeper = Sleeper(self, me);
        loop {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
                if self.is_over(me, false) {
                    return;
                }
            }
            if self.is_over(me, true) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hours_take_no_time_and_those_who_wait_together_wait_once() {
        let time = StageTime::at(Timestamp::UNIX_EPOCH);
        let hour = Duration::from_secs(3600);
        let both = async {
            time.sleep(hour).await;
            assert_eq!(time.elapsed(), hour);
            time.sleep(hour).await;
        };
        let (_, ()) = futures_util::future::join(both, time.sleep(hour + Duration::from_secs(1))).await;
        assert_eq!(time.elapsed(), 2 * hour);
        assert_eq!(time.now().as_second(), 7200);
    }

    #[tokio::test]
    async fn who_is_dropped_while_waiting_holds_up_nobody() {
        let time = StageTime::at(Timestamp::UNIX_EPOCH);
        {
            let sleep = time.sleep(Duration::from_secs(5));
            let mut sleep = std::pin::pin!(sleep);
            assert!(futures_util::poll!(&mut sleep).is_pending());
        }
        time.sleep(Duration::from_secs(60)).await;
        assert_eq!(time.elapsed(), Duration::from_secs(60));
    }
}
