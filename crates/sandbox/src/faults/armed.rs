//! Faults in force: which rule hits which request.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::Timestamp;

use super::{Delivery, Faults, Kind, Often, Rule, When, Where};
use crate::call::Call;

/// The rules of a sandbox that is open, and what they count.
#[derive(Debug)]
pub(crate) struct Armed {
    rules: Vec<Counted>,
    seed: u64,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    /// Requests so far that the rule is about.
    seen: AtomicU64,
    /// When it hit last, in milliseconds; at first, when the sandbox opened.
    last: AtomicI64,
}

/// A rule that hits a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    /// Chance for the request alone.
    pub(crate) chance: u64,
}

impl Armed {
    pub(crate) fn new(faults: &Faults, opened: Timestamp) -> Self {
        let counted =
            |rule: &Rule| Counted { rule: rule.clone(), seen: AtomicU64::new(0), last: AtomicI64::new(opened.as_millisecond()) };
        Self { rules: faults.rules.iter().map(counted).collect(), seed: faults.seed }
    }

    /// Whether records may ever move.
    pub(crate) fn can_move(&self) -> bool {
        self.rules.iter().any(|counted| counted.rule.kind == Kind::Moved)
    }

    /// Whether anything may ever be carried out late.
    pub(crate) fn can_be_late(&self) -> bool {
        self.rules.iter().any(|counted| matches!(counted.rule.kind, Kind::Instead(_, When::Late(_))))
    }

    /// The fault of a request: the first rule that hits it.
    pub(crate) fn hit(&self, call: &Call, now: Timestamp) -> Option<Hit<'_>> {
        self.first(|rule| !matches!(rule.kind, Kind::Delivered(_)) && rule.at.is_about(call), call.number, now)
    }

    /// What goes wrong with a delivery, by name.
    pub(crate) fn delivery(&self, number: u64, now: Timestamp) -> Option<(&str, Delivery)> {
        let hit = self.first(|rule| matches!(rule.kind, Kind::Delivered(_)), number, now)?;
        match hit.kind {
            Kind::Delivered(delivery) => Some((hit.name, delivery)),
            _ => None,
        }
    }

    /// The first rule of these that hits the request, or delivery, of this number.
    fn first(&self, is_about: impl Fn(&Rule) -> bool, number: u64, now: Timestamp) -> Option<Hit<'_>> {
        let mut first = None;
        for (index, counted) in self.rules.iter().enumerate() {
            if !is_about(&counted.rule) {
                continue;
            }
            // Every rule counts, whichever hits.
            let seen = counted.seen.fetch_add(1, Ordering::Relaxed) + 1;
            let chance = mixed(mixed(mixed(self.seed) ^ index as u64) ^ number);
            let hits = match counted.rule.often {
                Often::Always => true,
                Often::Chance(of_a_million) => chance % 1_000_000 < u64::from(of_a_million),
                Often::Every(time) if first.is_none() => {
                    let (last, now) = (counted.last.load(Ordering::Relaxed), now.as_millisecond());
                    let due = i128::from(now) - i128::from(last) >= time.as_millis();
                    due && counted.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
                }
                Often::Every(_) => false,
                Often::Calls(from, to) => (from..=to).contains(&seen),
            };
            if hits && first.is_none() {
                first = Some(Hit { name: &counted.rule.name, kind: counted.rule.kind, chance: mixed(chance) });
            }
        }
        first
    }
}

impl Where {
    fn is_about(&self, call: &Call) -> bool {
        if !self.methods.is_empty() && !self.methods.contains(&call.method) {
            return false;
        }
        let Some(wanted) = &self.path else { return true };
        let path = call.path.split_once('?').map_or(call.path.as_str(), |(path, _)| path);
        let mut segments = path.rsplit('/').filter(|segment| !segment.is_empty());
        wanted.iter().rev().all(|wanted| segments.next().is_some_and(|found| wanted == "*" || found.to_lowercase() == *wanted))
    }
}

/// SplitMix64: every bit of the answer depends on every bit of the number.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use bytes::Bytes;
    use jiff::SignedDuration;

    use super::*;

    fn hits(spec: &str, calls: &[(&str, &str)]) -> Vec<u64> {
        let armed = Armed::new(&spec.parse().unwrap(), Timestamp::UNIX_EPOCH);
        let hit = |(at, (method, path)): (usize, &(&str, &str))| {
            let mut call = Call::new(method, path, HeaderMap::new(), Bytes::new());
            call.number = at as u64 + 1;
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(at as i64);
            armed.hit(&call, now).map(|_| call.number)
        };
        calls.iter().enumerate().filter_map(hit).collect()
    }

    #[test]
    fn the_nth_request_of_a_kind_is_hit_and_no_other() {
        let calls = [
            ("POST", "/api/v1/users"),
            ("GET", "/api/v1/users?page=2"),
            ("POST", "/Users/"),
            ("POST", "/users/5"),
            ("POST", "/users?x=/y"),
            ("POST", "/users"),
        ];
        assert_eq!(hits("500-after@POST /users#3", &calls), [5]);
        assert_eq!(hits("429@POST /users#2-", &calls), [3, 5, 6]);
        assert_eq!(hits("429@/users/*", &calls), [4]);
        assert_eq!(hits("429@GET", &calls), [2]);
        assert_eq!(hits("slow#1, 500-after@POST /users#3", &calls), [1, 5], "a rule counts what another one hits");
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_as_large_as_asked_for() {
        let calls = vec![("GET", "/users"); 20_000];
        let once = hits("429=5%, seed=7", &calls);
        assert_eq!(once, hits("429=5%, seed=7", &calls));
        assert_ne!(once, hits("429=5%, seed=8", &calls));
        assert!((900..1100).contains(&once.len()), "{}", once.len());
        assert_eq!(hits("429=100%", &calls).len(), calls.len());
    }

    #[test]
    fn a_rule_by_time_hits_once_in_each() {
        assert_eq!(hits("429=3s", &[("GET", "/"); 10]), [4, 7, 10]);
    }
}
