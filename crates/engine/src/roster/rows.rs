//! The rows of a roster, one after the other, to a reading: what is usable, what is held, what is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use model::{
    Certificate, Completeness, Digest, Finding, FindingKind, Person, PersonKey, SourceName, SourcePolicy, SourceReading, Standing, Text,
};

use super::cells::{self, DateOrder};
use super::columns::Columns;

pub(super) struct Rows<'a> {
    file: &'a Path,
    pub(super) columns: Columns,
    /// Of text files: what lost quotes are found by.
    delimiter: Option<u8>,
    policy: &'a SourcePolicy,
    dates: Option<DateOrder>,
    pub(super) people: BTreeMap<PersonKey, (Person, u64)>,
    held: BTreeSet<PersonKey>,
    findings: Vec<Finding>,
    incomplete: Option<String>,
    count: u64,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        file: &'a Path,
        columns: Columns,
        delimiter: Option<u8>,
        policy: &'a SourcePolicy,
        dates: Option<DateOrder>,
    ) -> Self {
        Self {
            file,
            columns,
            delimiter,
            policy,
            dates,
            people: BTreeMap::new(),
            held: BTreeSet::new(),
            findings: Vec::new(),
            incomplete: None,
            count: 0,
        }
    }

    fn finding(&mut self, line: u64, key: Option<&PersonKey>, what: String, next: &str) {
        let mut finding = Finding::new(FindingKind::BadRow, what).at(self.file.display().to_string(), line).next(next);
        finding.person = key.cloned();
        self.findings.push(finding);
    }

    /// A row whose cells cannot be told apart: other rows may be hidden in it, so nobody can be said to be absent.
    pub(super) fn broken(&mut self, line: u64, why: &str) {
        self.incomplete.get_or_insert_with(|| format!("line {line} cannot be read: {why}"));
        self.finding(line, None, format!("the row cannot be read: {why}"), "repair the row and read the file again");
    }

    /// One row, by its cells; `line` is where it begins in the file, from 1.
    pub(super) fn take(&mut self, line: u64, record: &[&str]) {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        self.count += 1;
        let key = record.get(self.columns.key).map(|cell| cells::clean(cell)).filter(|key| !key.is_empty()).map(PersonKey::from);
        let Some(key) = key else {
            self.incomplete
                .get_or_insert_with(|| format!("line {line} has no {}, so nobody can be said to be absent", self.policy.key));
            self.finding(line, None, format!("the row has no {}: nobody knows whose it is", self.policy.key), "fill in the key");
            return;
        };
        if record.len() != self.columns.width {
            let found = record.len();
            let wanted = self.columns.width;
            self.incomplete.get_or_insert_with(|| format!("line {line} has {found} cells instead of {wanted}; rows may be lost in it"));
            self.hold(
                line,
                key,
                format!("the row has {found} cells, the header {wanted}"),
                "repair the row (often a quote or a line break in a cell)",
            );
            return;
        }
        if let Some(rows) = self.swallowed(record) {
            self.incomplete.get_or_insert_with(|| format!("a cell in line {line} holds {rows} more rows, whose people are not read"));
            self.hold(
                line,
                key,
                format!("a cell holds {rows} line breaks and as many delimiters as whole rows have: other rows are in it"),
                "close the quote (a quotation mark at the beginning of a cell needs one at its end)",
            );
            return;
        }
        match self.person(key.clone(), record) {
            Err((what, next)) => self.hold(line, key, what, next),
            Ok(person) => self.keep(line, person),
        }
    }

    /// How many other rows are in a cell of this one, if any are.  A quote that is never closed, or closed in a later row only, makes
    /// the rows between part of a cell, and the cells add up nevertheless: each row brings a line break and its delimiters.
    fn swallowed(&self, record: &[&str]) -> Option<usize> {
        let delimiter = self.delimiter?;
        let in_a_row = self.columns.width.saturating_sub(1).max(1);
        record.iter().find_map(|cell| {
            let breaks = cell.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
            let delimiters = cell.bytes().filter(|byte| *byte == delimiter).count();
            (breaks > 0 && delimiters >= breaks * in_a_row).then_some(breaks)
        })
    }

    fn keep(&mut self, line: u64, person: Person) {
        if self.held.contains(&person.key) {
            let what = format!("{} {} stands in another row too, which is held", self.policy.key, person.key);
            self.finding(line, Some(&person.key.clone()), what, "leave one row per person");
            return;
        }
        match self.people.get(&person.key) {
            None => {
                self.people.insert(person.key.clone(), (person, line));
            }
            Some((same, first)) if *same == person => {
                let what = format!("the row repeats line {first} word for word; it counts once");
                self.finding(line, Some(&person.key), what, "leave one row per person");
            }
            Some((_, first)) => {
                let what = format!("{} {} stands in line {first} with other values; the person is held", self.policy.key, person.key);
                self.hold(line, person.key, what, "leave one row per person");
            }
        }
    }

    /// The row of this person cannot be used: nothing is done about them, and they are not absent.
    pub(super) fn hold(&mut self, line: u64, key: PersonKey, what: String, next: &str) {
        self.people.remove(&key);
        self.finding(line, Some(&key), what, next);
        self.held.insert(key);
    }

    fn person(&self, key: PersonKey, record: &[&str]) -> Result<Person, (String, &'static str)> {
        let cell = |index: Option<usize>| index.and_then(|index| record.get(index)).map(|cell| cells::clean(cell)).unwrap_or_default();
        if record.iter().any(|cell| cell.chars().any(|c| c.is_control() && !c.is_whitespace())) {
            return Err(("a cell holds a control character".into(), "remove it at the source"));
        }
        let starts = cells::date(&cell(self.columns.starts), self.dates)?;
        let ends = cells::date(&cell(self.columns.ends), self.dates)?;
        let standing = match self.columns.status {
            Some(index) => cells::standing(&cell(Some(index)), self.policy)?,
            // A roster without a status column lists who works here; an end date in it is the word that somebody leaves.
            None => Standing::Unsaid,
        };
        let zone = Some(Text::from(cell(self.columns.zone))).filter(|zone| !zone.is_empty());
        if let Some(zone) = &zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            return Err((format!("\"{zone}\" is no IANA time zone"), "write it like America/Chicago"));
        }
        let attributes = self
            .columns
            .others
            .iter()
            .map(|(attribute, index)| (attribute.clone(), cell(Some(*index))))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        Ok(Person { key, standing, starts, ends, zone, attributes, idp: Default::default() })
    }

    pub(super) fn into_reading(mut self, name: &SourceName, now: Timestamp) -> SourceReading {
        let people: Vec<Person> = self.people.into_values().map(|(person, _)| person).collect();
        self.findings.sort();
        if self.count == 0 {
            self.incomplete = Some("it has no rows".into());
        }
        let completeness = match self.incomplete {
            Some(why) => Completeness::Partial { why },
            None => Completeness::Complete { proof: format!("read to its end, {} rows, none of them broken", self.count) },
        };
        let certificate = Certificate { at: now, completeness, count: self.count, watermark: None, increments: None };
        let digest = Digest::new([0; 32]);
        let mut reading = SourceReading { source: name.clone(), digest, certificate, people, held: self.held, findings: self.findings };
        reading.seal();
        reading
    }
}
