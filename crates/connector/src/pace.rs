//! How fast we go: just under a limit that is known, and towards one that is not.
//!
//! A known limit is a token bucket.  An unknown one is found by adapting the rate: it doubles every two seconds' worth of requests until the
//! first "slow down", then falls to seven tenths at each and grows by a fiftieth a second in between.  Requests are spaced evenly, so there are
//! no bursts (L04).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use model::RateLimit;

use crate::{Clock, Sleep};

/// Requests a second at the start, when no limit is known.
const FIRST_RATE: f64 = 4.0;
/// Where adapting ends: beyond this nothing is gained.
const TOP_RATE: f64 = 500.0;
/// Where it ends below: slower than this is not a limit but an outage.
const LOW_RATE: f64 = 0.2;
/// How much of a published limit is used, in per cent: the vendor's clock and ours do not tick alike.
const SHARE: u32 = 97;

/// The pace of one connection, shared by all that use it.
pub struct Pace {
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    kind: PaceKind,
}

enum PaceKind {
    Known(Box<RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>>),
    Adapting(Mutex<Adapting>),
}

struct Adapting {
    rate: f64,
    next: Duration,
    searching: bool,
    last_cut: Duration,
}

impl Pace {
    /// A pace for a limit, or for none that is known.
    pub fn new(limit: Option<RateLimit>, clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> Self {
        let kind = match limit.and_then(quota) {
            Some(quota) => PaceKind::Known(Box::new(RateLimiter::direct_with_clock(quota, Ticks(Arc::clone(&clock))))),
            None => PaceKind::Adapting(Mutex::new(Adapting {
                rate: FIRST_RATE,
                next: Duration::ZERO,
                searching: true,
                last_cut: Duration::ZERO,
            })),
        };
        Self { clock, sleep, kind }
    }

    /// Waits until the next request may leave.
    pub async fn permit(&self) {
        match &self.kind {
            PaceKind::Known(limiter) => {
                while let Err(not_yet) = limiter.check() {
                    let wait = not_yet.wait_time_from(Nanos::from(self.clock.elapsed()));
                    self.sleep.sleep(wait.max(Duration::from_micros(500))).await;
                }
            }
            PaceKind::Adapting(state) => {
                let now = self.clock.elapsed();
                let wait = {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    let at = state.next.max(now);
                    state.next = at + Duration::from_secs_f64(1.0 / state.rate);
                    at.saturating_sub(now)
                };
                if !wait.is_zero() {
                    self.sleep.sleep(wait).await;
                }
            }
        }
    }

    /// The app answered without asking to slow down.
    pub fn went_well(&self) {
        if let PaceKind::Adapting(state) = &self.kind {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            // Per request, so that over `rate` requests (a second) the sum is what the text above says.
            let gain = if state.searching { std::f64::consts::LN_2 / 2.0 } else { 0.02 };
            state.rate = (state.rate + gain).min(TOP_RATE);
        }
    }

    /// The app asked to slow down.  Answers to requests that were under way together count once.
    pub fn was_throttled(&self) {
        if let PaceKind::Adapting(state) = &self.kind {
            let now = self.clock.elapsed();
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(state.last_cut) >= Duration::from_secs(1) || state.searching {
                state.searching = false;
                state.last_cut = now;
                state.rate = (state.rate * 0.7).max(LOW_RATE);
            }
        }
    }

    /// Requests a second that are tried now, where the limit is not known.
    #[cfg(test)]
    fn found_rate(&self) -> Option<f64> {
        match &self.kind {
            PaceKind::Known(_) => None,
            PaceKind::Adapting(state) => Some(state.lock().unwrap_or_else(PoisonError::into_inner).rate),
        }
    }
}

fn quota(limit: RateLimit) -> Option<Quota> {
    let rate = std::num::NonZeroU32::new((limit.per_second * SHARE / 100).max(1))?;
    let burst = std::num::NonZeroU32::new(limit.burst.max(1))?;
    Some(Quota::per_second(rate).allow_burst(burst))
}

/// The port's clock as the token bucket wants it.
#[derive(Clone)]
struct Ticks(Arc<dyn Clock>);

impl GovernorClock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;

    /// A clock that goes on only when somebody sleeps.
    #[derive(Default)]
    struct Still(AtomicU64);

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn elapsed(&self) -> Duration {
            Duration::from_nanos(self.0.load(Ordering::Relaxed))
        }
    }

    #[async_trait]
    impl Sleep for Still {
        async fn sleep(&self, duration: Duration) {
            let nanos = u64::try_from(duration.as_nanos()).expect("a short while");
            self.0.fetch_add(nanos, Ordering::Relaxed);
        }
    }

    fn pace(limit: Option<RateLimit>) -> (Pace, Arc<Still>) {
        let still = Arc::new(Still::default());
        (Pace::new(limit, Arc::clone(&still) as Arc<dyn Clock>, Arc::clone(&still) as Arc<dyn Sleep>), still)
    }

    #[tokio::test]
    async fn a09_a_known_limit_is_kept_just_under() {
        let (pace, clock) = pace(Some(RateLimit { per_second: 200, burst: 100 }));
        for _ in 0..2100 {
            pace.permit().await;
        }
        let seconds = clock.elapsed().as_secs_f64();
        assert!((10.0..11.0).contains(&seconds), "2,000 beyond the burst at 200 a second took {seconds} s");
    }

    #[tokio::test]
    async fn l04_an_unknown_limit_is_found_and_requests_are_spaced() {
        let (pace, clock) = pace(None);
        let (limit, mut throttled, mut sent) = (50.0, 0, 0);
        let (mut second, mut in_second) = (0, 0.0);
        while clock.elapsed() < Duration::from_secs(120) {
            pace.permit().await;
            let now = clock.elapsed().as_secs();
            if now != second {
                (second, in_second) = (now, 0.0);
            }
            in_second += 1.0;
            sent += 1;
            if in_second > limit {
                throttled += 1;
                pace.was_throttled();
            } else {
                pace.went_well();
            }
        }
        let used = f64::from(sent - throttled) / (limit * 120.0);
        assert!(used > 0.7, "{:.0}% of the limit used", used * 100.0);
        assert!(throttled * 20 < sent, "{throttled} of {sent} throttled");
        assert!(pace.found_rate().is_some_and(|rate| (20.0..=70.0).contains(&rate)), "{:?}", pace.found_rate());
    }

    #[tokio::test]
    async fn answers_that_were_under_way_together_slow_it_down_once() {
        let (pace, clock) = pace(None);
        for _ in 0..40 {
            pace.permit().await;
            pace.went_well();
        }
        let before = pace.found_rate().expect("it adapts");
        clock.sleep(Duration::from_secs(2)).await;
        (0..10).for_each(|_| pace.was_throttled());
        let after = pace.found_rate().expect("it adapts");
        assert!((after / before - 0.7).abs() < 0.01, "{before} became {after}");
    }
}
