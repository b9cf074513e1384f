//! The people of a roster at an instant: who works here, since when, in whose zone; and whether the reading can show absence.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Completeness, Finding, FindingKind, Person, PersonKey, SourceReading, Standing};

use crate::Given;

/// One person with the dates worked out.
pub(crate) struct Human<'a> {
    pub(crate) person: &'a Person,
    /// The day it is where the person is.
    pub(crate) today: Date,
    zone: usize,
    /// Why nothing is done about this person, when the row contradicts itself.
    pub(crate) held: Option<String>,
}

/// Where somebody stands between joining and leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the first day, less the app's `before_start`.
    NotYet,
    /// Employed.
    Here,
    /// The status says so, or the last day has ended.
    Over,
}

/// Everybody, in byte order of their keys.
pub(crate) struct Roster<'a> {
    pub(crate) people: Vec<Human<'a>>,
    by_key: HashMap<&'a str, usize>,
    pub(crate) reading: &'a SourceReading,
    zones: Vec<TimeZone>,
    /// Why a missing row proves nothing, if so.
    pub(crate) blind: Option<String>,
    /// Whether a missing row means that the person left.
    pub(crate) absent_leaves: bool,
}

impl<'a> Roster<'a> {
    pub(crate) fn new(given: &Given<'a>, findings: &mut Vec<Finding>) -> Self {
        let reading = given.roster;
        let mut zones = vec![given.policy.zone.clone()];
        let mut days = vec![day(given, &zones[0], 0)];
        let mut names: HashMap<&str, Option<usize>> = HashMap::new();
        let mut sorted: Vec<&Person> = reading.people.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut people = Vec::with_capacity(sorted.len());
        for (index, person) in sorted.iter().enumerate() {
            let mut held = None;
            let zone = match person.zone.as_deref() {
                None => 0,
                Some(name) => names
                    .entry(name)
                    .or_insert_with(|| {
                        let zone = TimeZone::get(name).ok()?;
                        days.push(day(given, &zone, 0));
                        zones.push(zone);
                        Some(zones.len() - 1)
                    })
                    .unwrap_or_else(|| {
                        held = Some(format!("time zone {name:?} does not exist"));
                        0
                    }),
            };
            let today = days[zone];
            let twin = |other: Option<usize>| other.and_then(|other| sorted.get(other)).is_some_and(|other| other.key == person.key);
            if twin(index.checked_sub(1)) || twin(Some(index + 1)) {
                held = Some("two rows have this key".into());
            }
            held = held.or_else(|| contradiction(person, today));
            if reading.held.contains(&person.key) {
                held.get_or_insert_with(|| "the row is held".into());
            } else if let Some(why) = &held {
                findings.push(
                    Finding::new(FindingKind::BadRow, format!("{why}; nothing is done about this person"))
                        .about(&person.key)
                        .next("correct the row in the source"),
                );
            }
            people.push(Human { person, today, zone, held });
        }
        let by_key = people.iter().enumerate().map(|(index, human)| (human.person.key.as_str(), index)).collect();
        let policy = given.policy.policy().sources.get(&reading.source);
        let blind = match &reading.certificate.completeness {
            Completeness::Partial { why } => Some(format!("the reading is partial: {why}")),
            Completeness::Complete { .. } => shrunk(given),
        };
        if let Some(why) = &blind {
            findings.push(
                Finding::new(FindingKind::BlindSpot, format!("source {}: {why}; nobody counts as absent", reading.source))
                    .next("read the source again, whole; if so many are really gone, raise `shrink` for one run"),
            );
        }
        Self { people, by_key, reading, zones, blind, absent_leaves: policy.is_some_and(|policy| policy.absent_leaves) }
    }

    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// Whether the roster names the key at all, in a usable row or a held one.
    pub(crate) fn knows(&self, key: &PersonKey) -> bool {
        self.by_key.contains_key(key.as_str()) || self.reading.held.contains(key)
    }

    /// For an app with this `before_start`: by zone, the day up to which a first day has come.
    pub(crate) fn horizons(&self, given: &Given<'_>, before_start: i64) -> Vec<Date> {
        self.zones.iter().map(|zone| day(given, zone, before_start)).collect()
    }
}

impl Human<'_> {
    /// Where the person stands, with the horizons of the app ([`Roster::horizons`]).
    pub(crate) fn stage(&self, horizons: &[Date]) -> Stage {
        let person = self.person;
        if person.standing == Standing::Left || person.ends.is_some_and(|ends| ends < self.today) {
            Stage::Over
        } else if person.starts.is_some_and(|starts| starts > horizons[self.zone]) {
            Stage::NotYet
        } else {
            Stage::Here
        }
    }

    /// Where the person stands where no app looks ahead.
    pub(crate) fn stage_now(&self) -> Stage {
        match self.person.starts {
            Some(starts) if starts > self.today && self.person.standing != Standing::Left => Stage::NotYet,
            _ if self.person.standing == Standing::Left || self.person.ends.is_some_and(|ends| ends < self.today) => Stage::Over,
            _ => Stage::Here,
        }
    }

    /// Days since the first day, negative before it; 0 when the source gives none.
    pub(crate) fn tenure_days(&self) -> i64 {
        self.person.starts.map_or(0, |starts| i64::from((self.today - starts).get_days()))
    }
}

/// The calendar day it is in the zone, so many seconds after the as-of.  An instant at the edge of the calendar stays there.
fn day(given: &Given<'_>, zone: &TimeZone, seconds: i64) -> Date {
    let at = given.as_of.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(jiff::Timestamp::MAX);
    zone.to_datetime(at).date()
}

/// Status and dates that cannot both be true.
fn contradiction(person: &Person, today: Date) -> Option<String> {
    match (person.standing, person.starts, person.ends) {
        (_, Some(starts), Some(ends)) if ends < starts => Some(format!("the last day {ends} is before the first day {starts}")),
        (Standing::Left, _, Some(ends)) if ends > today => {
            Some(format!("the status says left, and the last day {ends} is yet to come"))
        }
        (Standing::Active, _, Some(ends)) if ends < today => Some(format!("the status says employed, and the last day {ends} is over")),
        _ => None,
    }
}

fn shrunk(given: &Given<'_>) -> Option<String> {
    let policy = given.policy.policy().sources.get(&given.roster.source)?;
    let (last, now) = (given.last_good?, given.roster.certificate.count);
    let gone = last.saturating_sub(now);
    let percent = u128::from(gone) * 100_000 > u128::from(policy.shrink.percent_milli) * u128::from(last);
    (gone > policy.shrink.max || (gone > 0 && percent)).then(|| {
        format!(
            "it shrank from {last} to {now} rows, more than shrink allows ({} rows or {}%)",
            policy.shrink.max,
            percent_text(policy.shrink.percent_milli)
        )
    })
}

/// Thousandths of a per cent as people write them: 5000 is "5", 2500 is "2.5".
pub(crate) fn percent_text(milli: u64) -> String {
    let text = format!("{}.{:03}", milli / 1000, milli % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
