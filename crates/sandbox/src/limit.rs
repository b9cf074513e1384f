//! The rate limiter: a token bucket on the sandbox's clock.

use jiff::{SignedDuration, Timestamp};

use crate::options::Limit;

/// A vendor's own pace: so many calls per period, with so many at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) calls: u32,
    pub(crate) period: SignedDuration,
    pub(crate) capacity: u32,
}

impl Pace {
    /// The bucket for the option given; None when calls are not limited.
    pub(crate) fn bucket(self, limit: Limit, now: Timestamp) -> Option<TokenBucket> {
        let pace = match limit {
            Limit::Off => return None,
            Limit::Default => self,
            Limit::PerPeriod(calls) => {
                let capacity = u64::from(calls) * u64::from(self.capacity) / u64::from(self.calls);
                let capacity = u32::try_from(capacity).unwrap_or(u32::MAX).max(1);
                Self { calls, capacity, ..self }
            }
        };
        Some(TokenBucket::new(pace, now))
    }
}

/// Tokens are counted in units so that nothing is rounded: a token is as many units as the period has nanoseconds, and
/// every nanosecond that passes brings as many units as the pace has calls.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    token: i128,
    per_nanosecond: i128,
    full: i128,
    level: i128,
    last: Timestamp,
}

impl TokenBucket {
    fn new(pace: Pace, now: Timestamp) -> Self {
        let token = pace.period.as_nanos();
        let full = token * i128::from(pace.capacity);
        Self { token, per_nanosecond: i128::from(pace.calls), full, level: full, last: now }
    }

    /// Takes a token if there is one.  A clock put back brings nothing and costs nothing.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let passed = now.duration_since(self.last).as_nanos().max(0);
        self.last = now;
        self.level = self.full.min(self.level + passed * self.per_nanosecond);
        let allowed = self.level >= self.token;
        if allowed {
            self.level -= self.token;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_allowed_then_the_pace() {
        let start: Timestamp = "2024-06-01T12:00:00Z".parse().unwrap();
        let pace = Pace { calls: 500, period: SignedDuration::from_mins(1), capacity: 50 };
        let mut bucket = pace.bucket(Limit::Default, start).unwrap();
        assert_eq!((0..200).filter(|_| bucket.take(start)).count(), 50);
        // 500 a minute is one every 120 ms.
        assert!(!bucket.take(start + SignedDuration::from_millis(119)));
        assert!(bucket.take(start + SignedDuration::from_millis(120)));
        let minute = start + SignedDuration::from_mins(1);
        assert_eq!((0..200).filter(|_| bucket.take(minute)).count(), 50);
        assert!(!bucket.take(start), "a clock put back brings nothing");
    }

    #[test]
    fn another_limit_keeps_the_proportion() {
        let now = Timestamp::UNIX_EPOCH;
        let pace = Pace { calls: 500, period: SignedDuration::from_mins(1), capacity: 50 };
        assert!(pace.bucket(Limit::Off, now).is_none());
        let mut bucket = pace.bucket(Limit::PerPeriod(100), now).unwrap();
        assert_eq!((0..200).filter(|_| bucket.take(now)).count(), 10);
        assert!(pace.bucket(Limit::PerPeriod(1), now).unwrap().take(now));
    }
}
