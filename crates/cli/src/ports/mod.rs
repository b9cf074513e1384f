//! The ports that the composition root fills: the system's clock, chance and ids, and the one way out.

mod notices;
mod public;
mod smtp;
mod transport;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connector::{Clock, Ids, Random, Sleep};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

use crate::failure::Failure;
pub(crate) use notices::WaysOut;
pub(crate) use transport::Http;

/// The system's clock, or one that started at another instant and runs on from there.
pub(crate) struct SystemClock {
    ahead: SignedDuration,
    began: Instant,
}

impl SystemClock {
    /// A clock that shows `start` now, or the system's time.
    pub(crate) fn new(start: Option<Timestamp>) -> Self {
        let ahead = start.map_or(SignedDuration::ZERO, |start| start.duration_since(Timestamp::now()));
        Self { ahead, began: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // An offset that leaves the calendar leaves the system's time in place.
        now.checked_add(self.ahead).unwrap_or(now)
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Waits on the runtime's timer.
struct RuntimeSleep;

#[async_trait]
impl Sleep for RuntimeSleep {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A generator that the system seeded: good enough for passwords.
struct SystemRandom(Mutex<StdRng>);

impl SystemRandom {
    fn new() -> Result<Self, Failure> {
        let failed = |error| Failure::new(format!("the system gives no random numbers: {error}"), "check the machine's random device");
        StdRng::try_from_rng(&mut SysRng).map(|seeded| Self(Mutex::new(seeded))).map_err(failed)
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// UUIDs of version 7, dated by the clock in force.
struct TimedIds(Arc<SystemClock>);

impl Ids for TimedIds {
    fn id(&self) -> String {
        let now = self.0.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos)).to_string()
    }
}

/// All ports; `start` is the instant that the clock shows now, when it is not the system's.
///
/// # Errors
/// A [`Failure`] when TLS cannot be set up, or the system has no chance to give.
pub(crate) fn ports(start: Option<Timestamp>) -> Result<engine::Ports, Failure> {
    let clock = Arc::new(SystemClock::new(start));
    Ok(engine::Ports {
        clock: clock.clone(),
        sleep: Arc::new(RuntimeSleep),
        random: Arc::new(SystemRandom::new()?),
        ids: Arc::new(TimedIds(clock)),
        transport: Arc::new(Http::new()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_runs_on_and_dates_the_ids() {
        let start: Timestamp = "1998-01-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(SystemClock::new(Some(start)));
        let (first, id) = (clock.now(), TimedIds(clock.clone()).id());
        assert!(first >= start && first < start + SignedDuration::from_mins(5), "{first}");
        assert!(clock.now() >= first);
        let seconds = uuid::Uuid::parse_str(&id).unwrap().get_timestamp().unwrap().to_unix().0;
        assert!(seconds.abs_diff(u64::try_from(start.as_second()).unwrap()) < 300);
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    }

    #[test]
    fn chance_differs() {
        let (mut one, mut other) = ([0_u8; 32], [0_u8; 32]);
        let random = SystemRandom::new().unwrap();
        random.fill(&mut one);
        random.fill(&mut other);
        assert_ne!(one, other);
        assert_ne!(one, [0; 32]);
    }
}
