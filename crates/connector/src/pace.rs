//! How fast we go: just under a limit that is known, and towards one that is not (L04, A09; decision 0012).
//!
//! A known limit is a token bucket.  An unknown one is searched for: the rate doubles every two seconds' worth of requests until the first
//! "slow down".  From then on every "slow down" says that the app's bucket is empty, so that what was answered well since the last one, by the
//! time in between, is what the app refills: the rate goes a little below that, and creeps up again, faster the longer nothing is heard.  One
//! that comes alone is chance and says nothing: an app that is asked too often says it again soon.
//! Requests are spaced evenly, so there are no bursts.  A known limit that is not kept by others who share it is treated the same.
//!
//! Only a "slow down" slows: an app that fails, or a connection that breaks, says nothing about a limit.  When the app says how long to wait,
//! nothing leaves before that.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
/// What each answer adds while searching: over `rate` of them, a second's worth, this doubles the rate every two seconds.
const SEARCH_GAIN: f64 = std::f64::consts::LN_2 / 2.0;
/// What each answer adds afterwards: a five-hundredth a second.
const GAIN: f64 = 0.002;
/// From this share of "slow down" among the last answers the rate is far too high; below it, a little.
const FAR_TOO_HIGH: f64 = 0.15;
/// How many answers the share is about.
const MEMORY: f64 = 20.0;
/// So many good answers between two "slow down", and they have nothing to do with each other: an app that is asked too often says it again soon.
const ALONE: f64 = 30.0;
/// Less time than this between two "slow down" measures nothing.
const MEASURABLE: Duration = Duration::from_secs(5);
/// Answers to requests that were under way together come within this time, and count once.
const TOGETHER: Duration = Duration::from_secs(1);

/// The pace of one connection, shared by all that use it.
pub struct Pace {
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    known: Option<Known>,
    state: Mutex<State>,
}

struct Known {
    limiter: RateLimiter<NotKeyed, InMemoryState, Ticks, NoOpMiddleware<Nanos>>,
    per_second: f64,
}

struct State {
    /// Nothing leaves before.
    hold: Duration,
    /// How much of the last answers was "slow down".
    share: f64,
    adapting: Option<Adapting>,
}

struct Adapting {
    rate: f64,
    /// The most it may become.
    top: f64,
    /// When the next request may leave.
    next: Duration,
    searching: bool,
    /// When the app said "slow down" last, and how many answers came well since.
    cut: Duration,
    well: f64,
    /// How many answers came well since the last "slow down", whether it counted or not.
    undisturbed: f64,
    /// When one came alone.
    alone: Duration,
    /// The best rate that was measured, and when.
    best: f64,
    best_at: Duration,
}

impl Pace {
    /// A pace for a limit, or for none that is known.
    pub fn new(limit: Option<RateLimit>, clock: Arc<dyn Clock>, sleep: Arc<dyn Sleep>) -> Self {
        let known = limit.and_then(|limit| Known::new(limit, &clock));
        let adapting = if known.is_none() { Some(Adapting::new(FIRST_RATE, TOP_RATE, true, Duration::ZERO)) } else { None };
        Self { clock, sleep, known, state: Mutex::new(State { hold: Duration::ZERO, share: 0.0, adapting }) }
    }

    /// Waits until the next request may leave.
    pub async fn permit(&self) {
        if let Some(known) = &self.known {
            while let Err(not_yet) = known.limiter.check() {
                let wait = not_yet.wait_time_from(Nanos::from(self.clock.elapsed()));
                self.sleep.sleep(wait.max(Duration::from_micros(500))).await;
            }
        }
        while let Some((wait, ours)) = self.turn() {
            self.sleep.sleep(wait).await;
            if ours {
                return;
            }
        }
    }

    /// How long to wait, and whether it is our turn then; none: it is our turn now.
    fn turn(&self) -> Option<(Duration, bool)> {
        let now = self.clock.elapsed();
        let mut state = self.state();
        if state.hold > now {
            return Some((state.hold - now, false));
        }
        let adapting = state.adapting.as_mut()?;
        let at = adapting.next.max(now);
        adapting.next = at + Duration::from_secs_f64(1.0 / adapting.rate);
        (at > now).then(|| (at - now, true))
    }

    /// The app answered without asking to slow down.
    pub fn went_well(&self) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        state.share -= state.share / MEMORY;
        let Some(adapting) = &mut state.adapting else { return };
        adapting.well += 1.0;
        adapting.undisturbed += 1.0;
        let gain = if adapting.searching {
            SEARCH_GAIN
        } else {
            let minutes = now.saturating_sub(adapting.cut).as_secs_f64() / 60.0;
            GAIN * (1.0 + minutes * minutes)
        };
        adapting.rate += gain;
        if adapting.rate >= adapting.top {
            adapting.rate = adapting.top;
            // A limit that is known and is there again.
            if self.known.is_some() {
                state.adapting = None;
            }
        }
    }

    /// The app asked to slow down, maybe for so long.
    pub fn was_throttled(&self, after: Option<Duration>) {
        let now = self.clock.elapsed();
        let mut state = self.state();
        let state = &mut *state;
        if let Some(after) = after {
            state.hold = state.hold.max(now.saturating_add(after));
        }
        state.share += (1.0 - state.share) / MEMORY;
        let far = state.share >= FAR_TOO_HIGH;
        match (&mut state.adapting, &self.known) {
            (Some(adapting), _) => adapting.slow_down(now, far),
            // One now and then is the clocks' doing; many are somebody else who uses the same limit.
            (None, Some(known)) if far => state.adapting = Some(Adapting::new(known.per_second * 0.7, known.per_second, false, now)),
            (None, _) => {}
        }
    }

    /// The app asks to wait for another reason than its limit: it is down for so long.
    pub fn hold(&self, after: Duration) {
        let until = self.clock.elapsed().saturating_add(after);
        let mut state = self.state();
        state.hold = state.hold.max(until);
    }

    /// Requests a second that are tried now, where they are not those of a limit that is known.
    pub fn found(&self) -> Option<f64> {
        self.state().adapting.as_ref().map(|adapting| adapting.rate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adapting {
    fn new(rate: f64, top: f64, searching: bool, now: Duration) -> Self {
        Self { rate, top, next: now, searching, cut: now, well: 0.0, undisturbed: 0.0, alone: Duration::ZERO, best: 0.0, best_at: now }
    }

    fn slow_down(&mut self, now: Duration, far: bool) {
        // One now and then is chance, whatever the rate; it is waited for and changes nothing.
        if std::mem::take(&mut self.undisturbed) >= ALONE {
            self.alone = now;
        }
        if !far && !self.searching && self.alone > self.cut && now.saturating_sub(self.alone) < TOGETHER {
            return;
        }
        let since = now.saturating_sub(self.cut);
        if !self.searching && since < TOGETHER {
            return;
        }
        let slower = if self.searching {
            self.searching = false;
            self.rate * 0.7
        } else if since >= MEASURABLE {
            // The app's bucket was empty then and is empty now: what it took in between is what it refills.
            let measured = self.well / since.as_secs_f64();
            let minutes = now.saturating_sub(self.best_at).as_secs_f64() / 60.0;
            self.best = measured.max(self.best * 0.95_f64.powf(minutes));
            self.best_at = now;
            (measured * 0.92).clamp(self.rate * 0.7, self.rate * 0.97)
        } else if far {
            self.rate * 0.7
        } else {
            self.rate * 0.97
        };
        // One "slow down" among many good answers does not undo what was measured.
        let floor = if far { 0.0 } else { self.rate.min(self.best * 0.8) };
        self.rate = slower.max(floor).max(LOW_RATE);
        (self.cut, self.well) = (now, 0.0);
    }
}

impl Known {
    fn new(limit: RateLimit, clock: &Arc<dyn Clock>) -> Option<Self> {
        let rate = std::num::NonZeroU32::new((u64::from(limit.per_second) * u64::from(SHARE) / 100).max(1).try_into().ok()?)?;
        let burst = std::num::NonZeroU32::new(limit.burst.max(1))?;
        let quota = Quota::per_second(rate).allow_burst(burst);
        Some(Self { limiter: RateLimiter::direct_with_clock(quota, Ticks(Arc::clone(clock))), per_second: f64::from(rate.get()) })
    }
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
mod tests;
