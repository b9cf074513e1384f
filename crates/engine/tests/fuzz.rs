//! Roster files that nobody meant: each is read, with whoever cannot be held, or refused in words that name the file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{Shrink, SourceName, SourcePolicy, SourceRole};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use provost_engine::{DateOrder, FileSource, Roster, RosterError, read_file};
use rust_xlsxwriter::Workbook;

const HEADER: &str = "employee_id,first_name,last_name,work_email,status,hire_date,termination_date,time_zone\n";
const ROWS: &str = "1,Ada,Lovelace,ada@acme.example,active,1997-12-01,,UTC\n2,\"Bob \"\"B\"\"\",Ross,bob@acme.example,terminated,1998-02-28,1998-03-01,\n";

fn policy() -> SourcePolicy {
    SourcePolicy {
        role: SourceRole::Employment,
        kind: "file".into(),
        key: "employee_id".into(),
        join: None,
        absent_leaves: false,
        shrink: Shrink { max: 20, percent_milli: 5000 },
        columns: BTreeMap::new(),
        active_words: BTreeSet::new(),
        left_words: BTreeSet::new(),
        idp: None,
    }
}

/// Reads it; what is refused is told with the file's name, what is found with its line.
fn read(name: &str, bytes: &[u8], encoding: Option<&str>, dates: Option<DateOrder>) -> Option<Roster> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("it is written");
    let file = FileSource { path, encoding: encoding.map(str::to_owned), dates, ..FileSource::default() };
    let read: Result<Roster, RosterError> = read_file(&SourceName::new("hr"), &file, &policy(), Timestamp::UNIX_EPOCH);
    match read {
        Ok(roster) => {
            for finding in &roster.reading.findings {
                assert!(finding.place.as_ref().is_some_and(|place| place.line > 0 && place.file.contains(name)), "{finding:?}");
            }
            for person in &roster.reading.people {
                assert!(!person.key.as_str().trim().is_empty() && !roster.reading.held.contains(&person.key));
            }
            Some(roster)
        }
        Err(error) => {
            assert!(error.to_string().contains(name), "{error}");
            None
        }
    }
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "",
            " ",
            "\"",
            "\"\"",
            "a\"b",
            "\"a\nb\"",
            "\u{0}",
            "\u{feff}",
            "é🦀\u{202e}",
            "=1+1",
            "1997-13-01",
            "0000-00-00",
            "9999-12-31",
            "-9999-01-01",
            "19971201",
            "é9971201",
            "01/02/1997",
            "32767-1-1",
            "active",
            "America/Nowhere",
            "\r",
            "'",
            "\t",
            ";",
        ])
        .prop_map(str::to_owned),
        ".{0,12}",
        "[0-9]{1,9}[-/.][0-9]{1,6}[-/.][0-9]{1,9}",
        (0..3_usize).prop_map(|thousands| "x".repeat(thousands * 100_000)),
    ]
}

/// More cases in a soak (`cargo xtask soak fuzz`).
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: few.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}

fn book() -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, line) in HEADER.lines().chain(ROWS.lines()).enumerate() {
        for (column, cell) in line.split(',').enumerate() {
            sheet.write(row as u32, column as u16, cell).expect("a cell");
        }
    }
    book.save_to_buffer().expect("a workbook")
}

/// The workbook's parts, unpacked and packed anew with this done to each: which part it is, of how many, and what it says.
fn repacked(bytes: &[u8], mut change: impl FnMut(usize, usize, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    use std::io::{Cursor, Read, Write};
    let mut packed = zip::ZipArchive::new(Cursor::new(bytes)).expect("a workbook is packed");
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..packed.len() {
        let of = packed.len();
        let mut file = packed.by_index(at).expect("a part");
        let (name, mut text) = (file.name().expect("a name").into_owned(), Vec::new());
        file.read_to_end(&mut text).expect("it unpacks");
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        out.start_file(name, options).expect("a part");
        out.write_all(&change(at, of, text)).expect("it is written");
    }
    out.finish().expect("it is whole").into_inner()
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn cells_of_any_kind_are_read_or_held(
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 0..10), 0..8), day_first in any::<bool>(),
    ) {
        let rows: String = rows.iter().map(|row| row.join(",") + "\n").collect();
        read("roster.csv", format!("{HEADER}{rows}").as_bytes(), None, day_first.then_some(DateOrder::DayFirst));
    }

    #[test]
    fn changed_bytes_are_read_or_refused(at in any::<Index>(), with in any::<u8>(), cut in any::<bool>(), utf_16 in any::<bool>()) {
        let text = format!("{HEADER}{ROWS}");
        let mut bytes = if utf_16 { [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect() } else { text.into_bytes() };
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = with }
        read("roster.csv", &bytes, None, None);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), encoding in select(vec![None, Some("windows-1252"), Some("utf-16le"), Some("shift_jis"), Some("replacement"), Some("")]),
    ) {
        read("roster.csv", &bytes, encoding, None);
        read("roster.csv", &[HEADER.as_bytes(), &bytes].concat(), encoding, None);
    }

    #[test]
    fn changed_workbooks_are_read_or_refused(at in any::<Index>(), with in 1_u8.., cut in any::<bool>()) {
        let mut bytes = book();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= with }
        read("roster.xlsx", &bytes, None, None);
    }

    #[test]
    fn changed_parts_of_workbooks_are_read_or_refused(
        part in any::<Index>(), at in any::<Index>(), with in select(vec!["", "<", "\"", "&", "A1", "XFD1048576", "r=\"99999999999\"", "999999999", "-1", "\u{0}"]),
    ) {
        let bytes = repacked(&book(), |which, of, text| {
            if which != part.index(of) {
                return text;
            }
            let at = at.index(text.len() + 1);
            [&text[..at], with.as_bytes(), &text[(at + with.len().max(1)).min(text.len())..]].concat()
        });
        read("roster.xlsx", &bytes, None, None);
    }
}

/// Two cells, as far apart as a sheet goes, are no roster: not even for as long as it takes to see that.
#[test]
fn a_sheet_that_spans_everything_is_refused() {
    let mut book = Workbook::new();
    book.add_worksheet().write(0, 0, "employee_id").expect("a cell").write(1_048_575, 16_383, "1").expect("a cell");
    let bytes = book.save_to_buffer().expect("a workbook");
    assert!(read("roster.xlsx", &bytes, None, None).is_none());
}

/// A cell whose place no number holds is none of a roster's, and none of another place either: a number that ran over would put it there.
#[test]
fn a_cell_in_an_impossible_place_is_refused() {
    for place in ["A4294967298", "A99999999999", "MWLQKWU2", "ZZZZZZZZZZ2"] {
        let mut found = false;
        let bytes = repacked(&book(), |_, _, text| {
            let text = String::from_utf8_lossy(&text).into_owned();
            found |= text.contains("r=\"A2\"");
            text.replace("r=\"A2\"", &format!("r=\"{place}\"")).into_bytes()
        });
        assert!(found, "a cell is called A2");
        assert!(read("roster.xlsx", &bytes, None, None).is_none(), "{place}");
    }
}

/// What is whole is read whole: the tests above begin with something that is right.
#[test]
fn what_the_others_change_is_right() {
    for (name, bytes) in [("roster.csv", format!("{HEADER}{ROWS}").into_bytes()), ("roster.xlsx", repacked(&book(), |_, _, text| text))]
    {
        let roster = read(name, &bytes, None, None).expect("it is read");
        assert_eq!(roster.reading.people.len() + roster.reading.held.len(), 2, "{name}: {:?}", roster.reading.findings);
    }
}
