//! Roster files: CSV or XLSX as HR systems export them, and several of them joined.
//!
//! A file that cannot be understood as a whole is an error; a row that cannot is a finding with file and line, and its person is held:
//! nothing is done about them, and they are not absent.  Nothing is guessed.  `docs/rosters.md` has the table.

mod cells;
mod columns;
mod folder;
mod join;
mod path;
mod pushed;
mod rows;
mod text;
mod words;
mod xlsx;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::PathBuf;

use jiff::Timestamp;
use model::{
    Finding, FindingKind, IdpState, IdpWord, PersonKey, Place, SourceName, SourcePolicy, SourceReading, SourceRole, Standing, Text,
};
use plan::fold;

pub use cells::DateOrder;
pub(crate) use folder::newest;
pub(crate) use join::{Other, join};
pub use path::ScimPath;
pub(crate) use pushed::{attributes, joined_by, read_pushed, read_records};
pub(crate) use words::{Idp, say};

/// How large a file may be, in bytes: a million people take a tenth of it.
const LARGEST: u64 = 1 << 30;

/// Where a roster file is and what cannot be told from looking at it.
#[derive(Clone, Debug, Default)]
pub struct FileSource {
    /// The file, or the folder whose newest file it is.
    pub path: PathBuf,
    /// Whether a server looks at it time and again and plans when it was written.
    pub watch: bool,
    /// Its encoding by a WHATWG label, when it is neither UTF-8 nor marked by a byte-order mark.
    pub encoding: Option<String>,
    /// Its delimiter, when it cannot be told from the header.
    pub delimiter: Option<char>,
    /// How dates with slashes or dots are to be read; without it only year-first dates are.
    pub dates: Option<DateOrder>,
    /// Which sheet of a workbook; without it there must be one only that holds anything.
    pub sheet: Option<String>,
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
    /// The workbook cannot be read as one sheet of rows.
    #[error("{path}: {what}", path = path.display())]
    Workbook {
        /// The file.
        path: PathBuf,
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
    /// Attributes that have a column, each with the name of it.
    pub attributes: BTreeMap<String, String>,
    /// Where each person's row stands.
    pub rows: RowPlaces,
    /// When what it says was said: when the file was written.
    pub said: Timestamp,
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

/// Reads a roster file: CSV, or the one sheet of an XLSX workbook.
///
/// # Errors
/// [`RosterError`] when the file as a whole cannot be understood; broken rows are findings in the reading.
pub fn read_file(name: &SourceName, file: &FileSource, policy: &SourcePolicy, now: Timestamp) -> Result<Roster, RosterError> {
    let unreadable = |why: String| RosterError::Unreadable { path: file.path.clone(), why };
    let path = newest(&file.path).map_err(|error| unreadable(error.to_string()))?;
    let file = &FileSource { path, ..file.clone() };
    let unreadable = |why: String| RosterError::Unreadable { path: file.path.clone(), why };
    let mut raw = Vec::new();
    let mut written = None;
    let read = std::fs::File::open(&file.path).and_then(|opened| {
        written = opened.metadata().and_then(|about| about.modified()).ok();
        opened.take(LARGEST + 1).read_to_end(&mut raw)
    });
    if read.map_err(|error| unreadable(error.to_string()))? as u64 > LARGEST {
        return Err(unreadable(format!("it is larger than {} MiB, and no roster is; export the people alone", LARGEST >> 20)));
    }
    let rows = if xlsx::is_workbook(&file.path, &raw)? { xlsx::rows(file, &raw, policy)? } else { text::rows(file, &raw, policy)? };
    let attributes = rows.columns.attributes();
    // Whole seconds: file systems differ in what they keep beyond.
    let written = written.and_then(|at| Timestamp::try_from(at).ok()).and_then(|at| Timestamp::from_second(at.as_second()).ok());
    let said = written.unwrap_or(now);
    let lines = rows.people.iter().map(|(key, (_, line))| (key.clone(), *line)).collect();
    let places = RowPlaces { file: file.path.display().to_string(), lines };
    let mut reading = rows.into_reading(name, now);
    if policy.role == SourceRole::Idp {
        speak(&mut reading, policy, said);
    }
    Ok(Roster { reading, raw, attributes, rows: places, said })
}

/// Makes each row of an exported user list the provider's word: who is active, and, where it has a column for that, in which groups.
fn speak(reading: &mut SourceReading, policy: &SourcePolicy, said: Timestamp) {
    let table: Vec<&str> = policy.idp.iter().flat_map(|idp| idp.groups.keys()).map(String::as_str).collect();
    let listed = reading.people.iter().any(|person| !person.get("groups").is_empty());
    for person in &mut reading.people {
        let state = if person.standing == Standing::Left { IdpState::Inactive } else { IdpState::Active };
        let cell = person.get("groups");
        let cuts: &[char] = if cell.contains([';', '|']) { &[';', '|'] } else { &[','] };
        let own: BTreeSet<String> = cell.split(cuts).map(fold).collect();
        let (inside, outside): (BTreeSet<&str>, BTreeSet<&str>) =
            table.iter().copied().filter(|_| listed).partition(|name| own.contains(&fold(name)));
        let texts = |names: BTreeSet<&str>| names.into_iter().map(Text::from).collect();
        let word = IdpWord { groups: texts(inside), outside: texts(outside), said, state };
        person.idp.insert(reading.source.as_str(), word);
    }
    reading.seal();
}
