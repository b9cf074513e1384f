//! The people of a roster at an instant: who works here, since when, in whose zone; and whether the reading can show absence.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Completeness, Finding, FindingKind, IdpState, Person, PersonKey, SourceReading, Standing};

use crate::Given;
use crate::hash;
use crate::parallel::spread;
use crate::slots::Slots;

/// One person with the dates worked out.
pub(crate) struct Human<'a> {
    pub(crate) person: &'a Person,
    /// The day it is where the person is.
    pub(crate) today: Date,
    zone: u32,
    /// Why nothing is done about this person, when the row contradicts itself.
    pub(crate) held: Option<Box<str>>,
}

/// Where somebody stands between joining and leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the first day, less the app's `before_start`.
    NotYet,
    /// Employed.
    Here,
    /// The status says left, and today is the last day, which is worked to its end: nothing is given any more, and nothing taken yet.
    LastDay,
    /// The status says so, or the last day has ended.
    Over,
}

/// The people of the last roster, as far as the next one needs to know them.
#[derive(Default)]
pub(crate) struct People {
    pub(crate) slots: Slots,
    /// By slot: the number of the department's name.
    departments: Vec<u32>,
    /// The number of each department's name; 0 is none.
    numbers: HashMap<String, u32>,
}

impl People {
    /// Takes the next roster, and gives the slots whose rows are not what they were.
    pub(crate) fn update(&mut self, reading: &SourceReading) -> Vec<u32> {
        let records = spread(reading.people.len(), |range| {
            reading.people[range].iter().map(|person| (hash::of_text(person.key.as_str()), hash::of_person(person))).collect()
        });
        let moved = self.slots.align(&records);
        self.departments.resize(self.slots.len(), 0);
        for slot in moved.iter().map(|slot| *slot as usize).filter(|slot| self.slots.is_used(*slot)) {
            let name = reading.people[self.slots.place(slot)].get("department");
            let next = self.numbers.len() as u32 + 1;
            self.departments[slot] = match self.numbers.get(name) {
                _ if name.is_empty() => 0,
                Some(number) => *number,
                None => *self.numbers.entry(name.to_owned()).or_insert(next),
            };
        }
        moved
    }
}

/// Everybody.  People go by their slots.
pub(crate) struct Roster<'a> {
    /// In the order of the reading.
    people: Vec<Human<'a>>,
    known: &'a People,
    pub(crate) reading: &'a SourceReading,
    zones: Vec<TimeZone>,
    /// Why a missing row proves nothing, if so.
    pub(crate) blind: Option<String>,
    /// Whether a missing row means that the person left.
    pub(crate) absent_leaves: bool,
}

impl<'a> Roster<'a> {
    /// `known` has taken the given roster ([`People::update`]).
    pub(crate) fn new(given: &Given<'a>, known: &'a People, findings: &mut Vec<Finding>) -> Self {
        let reading = given.roster;
        let mut zones = vec![given.policy.zone.clone()];
        let mut days = vec![day(given, &zones[0], 0)];
        let mut names: HashMap<&str, Option<usize>> = HashMap::new();
        let twins: HashSet<&PersonKey> = if known.slots.has_twins() { twins(reading) } else { HashSet::new() };
        let mut people = Vec::with_capacity(reading.people.len());
        for person in &reading.people {
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
            if twins.contains(&person.key) {
                held = Some("two rows have this key".into());
            }
            held = held.or_else(|| contradiction(person, today));
            if !reading.held.is_empty() && reading.held.contains(&person.key) {
                held.get_or_insert_with(|| "the row is held".into());
            } else if let Some(why) = &held {
                findings.push(
                    Finding::new(FindingKind::BadRow, format!("{why}; nothing is done about this person"))
                        .about(&person.key)
                        .next("correct the row in the source"),
                );
            }
            let human = Human { person, today, zone: zone as u32, held: held.map(String::into_boxed_str) };
            findings.extend(left_behind(given, &human));
            people.push(human);
        }
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
        Self { people, known, reading, zones, blind, absent_leaves: policy.is_some_and(|policy| policy.absent_leaves) }
    }

    /// How many slots there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.known.slots.len()
    }

    /// The slots of all people, in the order of the reading.
    pub(crate) fn slots(&self) -> &'a [u32] {
        self.known.slots.order()
    }

    /// Whether the slot is somebody's.
    pub(crate) fn has(&self, slot: usize) -> bool {
        self.known.slots.is_used(slot)
    }

    pub(crate) fn human(&self, slot: usize) -> &Human<'a> {
        &self.people[self.known.slots.place(slot)]
    }

    pub(crate) fn key(&self, slot: usize) -> &'a PersonKey {
        &self.human(slot).person.key
    }

    /// Somebody by key; of two rows with one key the same one whatever the order of the rows.
    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        let slots = &self.known.slots;
        slots.with_key(hash::of_text(key)).filter(|slot| self.key(*slot).as_str() == key).max_by_key(|slot| slots.mark(*slot))
    }

    /// The number of the person's department; 0 when there is none.
    pub(crate) fn department(&self, slot: usize) -> u32 {
        self.known.departments[slot]
    }

    /// The number of a department by name; 0 for the empty name, `None` when nobody ever was in it.
    pub(crate) fn department_named(&self, name: &str) -> Option<u32> {
        if name.is_empty() { Some(0) } else { self.known.numbers.get(name).copied() }
    }

    /// Whether the roster names the key at all, in a usable row or a held one.
    pub(crate) fn knows(&self, key: &PersonKey) -> bool {
        self.find(key.as_str()).is_some() || self.reading.held.contains(key)
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
        if self.is_over() {
            Stage::Over
        } else if person.starts.is_some_and(|starts| starts > horizons[self.zone as usize]) {
            Stage::NotYet
        } else {
            self.here()
        }
    }

    /// Where the person stands where no app looks ahead.
    pub(crate) fn stage_now(&self) -> Stage {
        match self.person.starts {
            Some(starts) if starts > self.today && self.person.standing != Standing::Left => Stage::NotYet,
            _ if self.is_over() => Stage::Over,
            _ => self.here(),
        }
    }

    fn here(&self) -> Stage {
        if self.person.standing == Standing::Left { Stage::LastDay } else { Stage::Here }
    }

    /// Whether the person works here no more: the last day, where the source gives one, is worked to its end, whatever the status says of it
    /// already.
    fn is_over(&self) -> bool {
        self.person.ends.map_or(self.person.standing == Standing::Left, |ends| ends < self.today)
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

/// Somebody left, and an identity provider says that they are active.
fn left_behind<'a>(given: &'a Given<'_>, human: &'a Human<'_>) -> impl Iterator<Item = Finding> + 'a {
    let over = !human.person.idp.is_empty() && human.held.is_none() && human.stage_now() == Stage::Over;
    let words = human.person.idp.iter().filter(move |(_, word)| over && word.state == IdpState::Active);
    words.map(|(source, word)| {
        let what = format!("the person left, and {source} has them as active (said {:.0})", word.said);
        let apps = given
            .policy
            .policy()
            .apps
            .iter()
            .filter(|(_, app)| app.also_provisioned_by.as_ref().is_some_and(|by| by.as_str() == source.as_str()));
        let apps: Vec<&str> = apps.map(|(name, _)| name.as_str()).collect();
        let next = match apps.as_slice() {
            [] => "deactivate them at the identity provider".to_owned(),
            apps => format!("deactivate them at the identity provider: until then it gives accounts in {} back", apps.join(", ")),
        };
        Finding::new(FindingKind::Ghost, what).about(&human.person.key).next(next)
    })
}

/// The keys that two rows have.
fn twins(reading: &SourceReading) -> HashSet<&PersonKey> {
    let mut seen = HashSet::with_capacity(reading.people.len());
    reading.people.iter().map(|person| &person.key).filter(|key| !seen.insert(*key)).collect()
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
