//! How many requests a second are taken from one client.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many requests a second, and so many more at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// For as long as one likes.
    pub per_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

/// A bucket for each client.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    rate: Rate,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Requests that may come now, in thousandths.
    left: u64,
    since: Instant,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes one request of this client's, or says after how long there is room for it.
    pub(crate) fn take(&self, client: K, now: Instant) -> Result<(), Duration> {
        let Rate { per_second, burst } = self.rate;
        let full = u64::from(burst.max(1)) * 1000;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(client).or_insert(Bucket { left: full, since: now });
        let passed = u64::try_from(now.saturating_duration_since(bucket.since).as_millis()).unwrap_or(u64::MAX);
        if passed > 0 {
            bucket.left = full.min(bucket.left.saturating_add(passed.saturating_mul(u64::from(per_second))));
            bucket.since = now;
        }
        match bucket.left.checked_sub(1000) {
            Some(left) => {
                bucket.left = left;
                Ok(())
            }
            None => Err(Duration::from_millis((1000 - bucket.left).div_ceil(u64::from(per_second.max(1))))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_burst_and_then_its_rate() {
        let buckets = Buckets::new(Rate { per_second: 10, burst: 3 });
        let now = Instant::now();
        for _ in 0..3 {
            buckets.take("okta", now).unwrap();
        }
        assert_eq!(buckets.take("okta", now), Err(Duration::from_millis(100)));
        buckets.take("entra", now).unwrap();
        assert!(buckets.take("okta", now + Duration::from_millis(99)).is_err());
        buckets.take("okta", now + Duration::from_millis(100)).unwrap();
        assert!(buckets.take("okta", now + Duration::from_millis(100)).is_err());
        for _ in 0..3 {
            buckets.take("okta", now + Duration::from_secs(60)).unwrap();
        }
        assert!(buckets.take("okta", now + Duration::from_secs(60)).is_err(), "a long pause gives no more than the burst");
    }
}
