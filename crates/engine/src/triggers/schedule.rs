//! Schedules: when somebody said, by their own clock on the wall.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Cause;
use crate::{Engine, EngineError};

/// Under which name `meta` keeps when a schedule was last due.
const DUE: &str = "schedule.due.";

/// When everybody is planned for, time and again.
#[derive(Clone)]
pub struct Schedule {
    /// Its name in the configuration.
    pub name: String,
    cron: Cron,
    zone: TimeZone,
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schedule {}: {} in {:?}", self.name, self.cron.as_str(), self.zone.iana_name())
    }
}

/// A schedule that was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it was due last.
    pub at: Timestamp,
    /// How often it was due before that and nobody was there; beyond a hundred they are not counted.
    pub missed: u32,
}

impl Schedule {
    /// A schedule by five fields of cron (minute, hour, day, month, day of the week) in a time zone.  A time that a clock skips is due right after
    /// the gap, one that comes twice is due the first time; what is due every so many minutes or hours is due at each.
    ///
    /// # Errors
    /// What is wrong with the fields, in words; also where they are never due.
    pub fn new(name: &str, cron: &str, zone: TimeZone, now: Timestamp) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
        let cron = parser.parse(cron).map_err(|error| error.to_string())?;
        let schedule = Self { name: name.to_owned(), cron, zone };
        match schedule.after(now) {
            Some(_) => Ok(schedule),
            None => Err("it is never due".to_owned()),
        }
    }

    /// When it is due next, after this instant.
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&local, false).ok()?.timestamp();
        (next > at).then_some(next)
    }

    /// The last time it was due after `since` and not after `now`, and how many there were before.
    fn due(&self, since: Timestamp, now: Timestamp) -> Option<Turn> {
        let mut at = self.after(since).filter(|at| *at <= now)?;
        let mut missed = 0;
        while let Some(next) = self.after(at).filter(|next| *next <= now) {
            if missed == 100 {
                // Whoever was away for so long wants the last one, not the count.
                let last = self.cron.find_previous_occurrence(&now.to_zoned(self.zone.clone()), true).ok();
                at = last.map_or(at, |last| last.timestamp().max(at));
                break;
            }
            (at, missed) = (next, missed + 1);
        }
        Some(Turn { at, missed })
    }
}

impl Engine {
    /// The schedules.
    pub fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// How long until the next schedule is due; none where there is none.
    pub fn until_due(&self) -> Option<Duration> {
        let now = self.ports.clock.now();
        let next = self.schedules.iter().filter_map(|schedule| schedule.after(now)).min()?;
        Some(Duration::try_from(next.duration_since(now)).unwrap_or_default())
    }

    /// Keeps a trigger for each schedule that was due since it was last asked, once however many times were missed; a schedule that is new is not due
    /// before its first time comes.
    ///
    /// # Errors
    /// The store fails.
    pub async fn take_turns(&self) -> Result<Vec<(Cause, Turn)>, EngineError> {
        let now = self.ports.clock.now();
        let mut turns = Vec::new();
        for schedule in &self.schedules {
            let kept = format!("{DUE}{}", schedule.name);
            let since = self.store.meta(&kept).await?.and_then(|text| Timestamp::from_str(&text).ok());
            let Some(since) = since else {
                self.store.set_meta(&kept, &now.to_string()).await?;
                continue;
            };
            let Some(turn) = schedule.due(since, now) else { continue };
            let cause = Cause::Schedule(schedule.name.clone());
            let trigger = self.trigger(&cause, "due", turn.at.to_string(), turn.at);
            self.store.put_triggers(&[trigger]).await?;
            self.store.set_meta(&kept, &turn.at.to_string()).await?;
            turns.push((cause, turn));
        }
        Ok(turns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str) -> Schedule {
        let zone = TimeZone::get("America/Chicago").unwrap();
        Schedule::new("nightly", cron, zone, at("2026-01-01T00:00:00Z")).unwrap()
    }

    /// All instants at which it is due between two.
    fn all(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
        let (mut now, to, mut all) = (at(from), at(to), Vec::new());
        while let Some(next) = schedule.after(now).filter(|next| *next < to) {
            all.push(next.to_string());
            now = next;
        }
        all
    }

    #[test]
    fn a_time_that_the_clock_skips_is_due_once_right_after_the_gap() {
        // On 2026-03-08 clocks in Chicago go from 02:00 to 03:00, which is 08:00 UTC.
        let due = all(&schedule("30 2 * * *"), "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z");
        assert_eq!(due, ["2026-03-08T08:00:00Z", "2026-03-09T07:30:00Z"]);
    }

    #[test]
    fn a_time_that_comes_twice_is_due_once() {
        // On 2026-11-01 clocks there go from 02:00 back to 01:00, which is 07:00 UTC.
        let due = all(&schedule("30 1 * * *"), "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
        assert_eq!(due, ["2026-11-01T06:30:00Z", "2026-11-02T07:30:00Z"]);
    }

    #[test]
    fn what_was_missed_is_due_once_and_told() {
        let daily = schedule("0 6 * * *");
        assert_eq!(daily.due(at("2026-06-01T12:00:00Z"), at("2026-06-01T13:00:00Z")), None);
        let turn = daily.due(at("2026-06-01T12:00:00Z"), at("2026-06-05T12:00:00Z")).unwrap();
        assert_eq!((turn.at, turn.missed), (at("2026-06-05T11:00:00Z"), 3));
        let years = daily.due(at("2020-06-01T12:00:00Z"), at("2026-06-05T12:00:00Z")).unwrap();
        assert_eq!(years.at, at("2026-06-05T11:00:00Z"));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in ["", "often", "61 * * * *", "* * * *", "0 0 30 2 *", "0 * * * * *"] {
            let refused = Schedule::new("x", wrong, TimeZone::UTC, at("2026-01-01T00:00:00Z"));
            assert!(refused.is_err_and(|why| !why.is_empty()), "{wrong}");
        }
    }
}
