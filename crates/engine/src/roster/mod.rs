//! Roster files: CSV as HR systems export it.
//!
//! A file that cannot be understood as a whole is an error; a row that cannot is a finding with file and line, and its person is held:
//! nothing is done about them, and they are not absent.  Nothing is guessed.  `docs/rosters.md` has the table.

mod cells;
mod columns;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::{
    Certificate, Completeness, Digest, Finding, FindingKind, Person, PersonKey, Place, SourceName, SourcePolicy, SourceReading,
    Standing,
};

pub use cells::DateOrder;
use columns::Columns;

/// Where a roster file is and what cannot be told from looking at it.
#[derive(Clone, Debug, Default)]
pub struct FileSource {
    /// The file.
    pub path: PathBuf,
    /// Its encoding by a WHATWG label, when it is neither UTF-8 nor marked by a byte-order mark.
    pub encoding: Option<String>,
    /// Its delimiter, when it cannot be told from the header.
    pub delimiter: Option<char>,
    /// How dates with slashes or dots are to be read; without it only year-first dates are.
    pub dates: Option<DateOrder>,
}

/// Why a whole roster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file cannot be read.
    #[error("cannot read {path}: {why}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The bytes are not text as configured.
    #[error("{path}, line {line}: {what}", path = path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where.
        line: u64,
        /// What and what to do.
        what: String,
    },
    /// The header does not have what is needed.
    #[error("{path}, line 1: {what}", path = path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What and what to do.
        what: String,
    },
}

/// A roster file as read: the reading, its bytes, and the attributes that its columns give.
#[derive(Debug)]
pub struct Roster {
    /// The reading.
    pub reading: SourceReading,
    /// The file as it was.
    pub raw: Vec<u8>,
    /// Attributes that have a column.
    pub attributes: BTreeSet<String>,
    /// Where each person's row stands.
    pub rows: RowPlaces,
}

/// Where each person's row stands, for findings that come of looking at a row only later.
#[derive(Clone, Debug, Default)]
pub struct RowPlaces {
    file: String,
    lines: BTreeMap<PersonKey, u64>,
}

impl RowPlaces {
    /// Gives findings about a row the place of that row, where they have none.
    pub fn locate(&self, findings: &mut [Finding]) {
        for finding in findings.iter_mut().filter(|finding| finding.kind == FindingKind::BadRow && finding.place.is_none()) {
            let line = finding.person.as_ref().and_then(|person| self.lines.get(person));
            finding.place = line.map(|line| Place { file: self.file.clone(), line: *line });
        }
    }
}

/// Reads a roster file.
///
/// # Errors
/// [`RosterError`] when the file as a whole cannot be understood; broken rows are findings in the reading.
pub fn read_file(name: &SourceName, file: &FileSource, policy: &SourcePolicy, now: Timestamp) -> Result<Roster, RosterError> {
    let raw = std::fs::read(&file.path).map_err(|error| RosterError::Unreadable { path: file.path.clone(), why: error.to_string() })?;
    let text = text::decode(&file.path, &raw, file.encoding.as_deref())?;
    let delimiter = text::delimiter(&file.path, &text, file.delimiter, &policy.key)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(error)) => return Err(RosterError::Header { path: file.path.clone(), what: error.to_string() }),
        None => return Err(RosterError::Header { path: file.path.clone(), what: "the file is empty; a header row is needed".into() }),
    };
    let columns = Columns::new(&file.path, &header, policy)?;
    let mut rows = Rows::new(&file.path, columns, delimiter, policy, file.dates);
    for record in records {
        match record {
            Ok(record) => rows.take(&record),
            Err(error) => rows.broken(error.position().map_or(0, csv::Position::line), &error.to_string()),
        }
    }
    let attributes = rows.columns.attributes();
    let lines = rows.people.iter().map(|(key, (_, line))| (key.clone(), *line)).collect();
    let places = RowPlaces { file: file.path.display().to_string(), lines };
    Ok(Roster { reading: rows.into_reading(name, now), raw, attributes, rows: places })
}

struct Rows<'a> {
    file: &'a Path,
    columns: Columns,
    delimiter: u8,
    policy: &'a SourcePolicy,
    dates: Option<DateOrder>,
    people: BTreeMap<PersonKey, (Person, u64)>,
    held: BTreeSet<PersonKey>,
    findings: Vec<Finding>,
    incomplete: Option<String>,
    count: u64,
}

impl<'a> Rows<'a> {
    fn new(file: &'a Path, columns: Columns, delimiter: u8, policy: &'a SourcePolicy, dates: Option<DateOrder>) -> Self {
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
    fn broken(&mut self, line: u64, why: &str) {
        self.incomplete.get_or_insert_with(|| format!("line {line} cannot be read: {why}"));
        self.finding(line, None, format!("the row cannot be read: {why}"), "repair the row and read the file again");
    }

    fn take(&mut self, record: &csv::StringRecord) {
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        self.count += 1;
        let key = record.get(self.columns.key).map(cells::clean).filter(|key| !key.is_empty()).map(PersonKey::from);
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
    fn swallowed(&self, record: &csv::StringRecord) -> Option<usize> {
        let in_a_row = self.columns.width.saturating_sub(1).max(1);
        record.iter().find_map(|cell| {
            let breaks = cell.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
            let delimiters = cell.bytes().filter(|byte| *byte == self.delimiter).count();
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

    fn hold(&mut self, line: u64, key: PersonKey, what: String, next: &str) {
        self.people.remove(&key);
        self.finding(line, Some(&key), what, next);
        self.held.insert(key);
    }

    fn person(&self, key: PersonKey, record: &csv::StringRecord) -> Result<Person, (String, &'static str)> {
        let cell = |index: Option<usize>| index.and_then(|index| record.get(index)).map(cells::clean).unwrap_or_default();
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
        let zone = Some(cell(self.columns.zone)).filter(|zone| !zone.is_empty());
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
        Ok(Person { key, standing, starts, ends, zone, attributes })
    }

    fn into_reading(mut self, name: &SourceName, now: Timestamp) -> SourceReading {
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
