//! Time and chance for the suite: waiting takes no time, chance repeats itself.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Clock, Random, Sleep};

/// A clock that begins now and goes on only by sleeping, at once.
#[derive(Debug)]
pub struct SkippingClock {
    began: Timestamp,
    elapsed: Mutex<Duration>,
}

impl Default for SkippingClock {
    fn default() -> Self {
        Self { began: Timestamp::now(), elapsed: Mutex::default() }
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        self.began.checked_add(self.elapsed()).unwrap_or(self.began)
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sleep for SkippingClock {
    async fn sleep(&self, duration: Duration) {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner) += duration;
    }
}

/// Bytes that count up.
#[derive(Debug, Default)]
pub struct CountingRandom(AtomicU8);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(7, Ordering::Relaxed));
    }
}
