//! Rosters in XLSX workbooks: the same people as the CSV of them, and clear words where there are none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{Completeness, Shrink, SourceName, SourcePolicy, SourceRole};
use provost_engine::{FileSource, Roster, RosterError, read_file};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};

const HEADER: [&str; 7] = ["employee_id", "first_name", "last_name", "work_email", "status", "hire_date", "cost_center"];

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

fn read_named(name: &str, bytes: &[u8], sheet: Option<&str>) -> Result<Roster, RosterError> {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("it is written");
    let file = FileSource { path, sheet: sheet.map(str::to_owned), ..FileSource::default() };
    read_file(&SourceName::new("hr"), &file, &policy(), Timestamp::UNIX_EPOCH)
}

fn day(year: u16, month: u8, day: u8) -> ExcelDateTime {
    ExcelDateTime::from_ymd(year, month, day).expect("a day")
}

/// Header and two people, from this row on.
fn fill(sheet: &mut Worksheet, from: u32) {
    let dates = Format::new().set_num_format("dd.mm.yyyy");
    for (column, name) in HEADER.iter().enumerate() {
        sheet.write(from, column as u16, *name).expect("a cell");
    }
    for (row, texts, key, hired, center) in [
        (1, ["Ada", "Lovelace", "ada@acme.example", "active"], "0007", (1997, 12, 1), 4711.0),
        (2, ["Bob", "Ross", "bob@acme.example", "terminated"], "0008", (1998, 2, 28), 12.5),
    ] {
        sheet.write(from + row, 0, key).expect("a cell");
        for (column, text) in texts.iter().enumerate() {
            sheet.write(from + row, column as u16 + 1, *text).expect("a cell");
        }
        sheet.write_with_format(from + row, 5, day(hired.0, hired.1, hired.2), &dates).expect("a cell");
        sheet.write(from + row, 6, center).expect("a cell");
    }
}

fn book(make: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut book = Workbook::new();
    make(&mut book);
    book.save_to_buffer().expect("a workbook")
}

#[test]
fn a_workbook_says_what_its_csv_says() {
    let csv = "employee_id,first_name,last_name,work_email,status,hire_date,cost_center\n\
               0007,Ada,Lovelace,ada@acme.example,active,1997-12-01,4711\n\
               0008,Bob,Ross,bob@acme.example,terminated,1998-02-28,12.5\n";
    let csv = read_named("roster.csv", csv.as_bytes(), None).expect("it is read");
    let xlsx = read_named("roster.xlsx", &book(|book| fill(book.add_worksheet(), 0)), None).expect("it is read");
    assert_eq!(xlsx.reading.people, csv.reading.people);
    assert_eq!(xlsx.reading.digest, csv.reading.digest, "the same inputs, whatever they came in (P2)");
    assert_eq!(xlsx.attributes, csv.attributes);
    assert!(matches!(xlsx.reading.certificate.completeness, Completeness::Complete { .. }));
    // What it is counts, not what it is called.
    let misnamed = read_named("roster.csv", &book(|book| fill(book.add_worksheet(), 0)), None).expect("it is read");
    assert_eq!(misnamed.reading.digest, csv.reading.digest);
}

#[test]
fn a_header_lower_down_and_empty_sheets_beside_it_are_fine() {
    let bytes = book(|book| {
        book.add_worksheet().set_name("Notes").expect("a name");
        fill(book.add_worksheet().set_name("People").expect("a name"), 4);
    });
    let roster = read_named("roster.xlsx", &bytes, None).expect("it is read");
    assert_eq!(roster.reading.people.len(), 2);
    let mut finding = vec![model::Finding::new(model::FindingKind::BadRow, "x").about(&"0008".into())];
    roster.rows.locate(&mut finding);
    assert_eq!(finding[0].place.as_ref().map(|place| place.line), Some(7), "rows are counted as the sheet counts them");
}

#[test]
fn a_cell_that_shows_an_error_holds_its_row() {
    let bytes = book(|book| {
        let sheet = book.add_worksheet();
        fill(sheet, 0);
        sheet.write(2, 3, Formula::new("=NA()").set_result("#N/A")).expect("a cell");
    });
    let roster = read_named("roster.xlsx", &bytes, None).expect("it is read");
    assert!(roster.reading.held.contains("0008") && roster.reading.people.len() == 1, "{:?}", roster.reading);
    let finding = &roster.reading.findings[0];
    assert!(finding.what.contains("#N/A") && finding.place.as_ref().is_some_and(|place| place.line == 3), "{finding:?}");
    // Where the key itself is the error nobody knows whose row it is: then nobody can be said to be absent.
    let bytes = book(|book| {
        let sheet = book.add_worksheet();
        fill(sheet, 0);
        sheet.write(2, 0, Formula::new("=NA()").set_result("#N/A")).expect("a cell");
    });
    let roster = read_named("roster.xlsx", &bytes, None).expect("it is read");
    assert!(matches!(roster.reading.certificate.completeness, Completeness::Partial { .. }));
}

#[test]
fn what_cannot_be_one_sheet_of_rows_is_an_error_with_the_way_out() {
    let two = book(|book| {
        fill(book.add_worksheet().set_name("Now").expect("a name"), 0);
        fill(book.add_worksheet().set_name("Last year").expect("a name"), 0);
    });
    let empty = book(|book| {
        book.add_worksheet();
    });
    let whole = book(|book| fill(book.add_worksheet(), 0));
    let mut damaged = whole.clone();
    damaged.truncate(whole.len() / 2);
    for (name, bytes, sheet, words) in [
        ("roster.xlsx", two.as_slice(), None, "several of its sheets hold something: \"Now\", \"Last year\""),
        ("roster.xlsx", two.as_slice(), Some("Then"), "no sheet \"Then\" (`sheet`); there are: \"Now\", \"Last year\""),
        ("roster.xlsx", empty.as_slice(), None, "none of its sheets holds anything"),
        ("roster.xlsx", damaged.as_slice(), None, "it cannot be unpacked"),
        ("roster.xlsx", b"employee_id,status\n1,active\n", None, "is called XLSX and is none"),
        ("roster.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None, "an old Excel file, or one with a password"),
    ] {
        let error = read_named(name, bytes, sheet).expect_err(words).to_string();
        assert!(error.contains(words) && error.contains(name), "{error}");
    }
    assert_eq!(read_named("roster.xlsx", &two, Some(" last YEAR")).expect("it is read").reading.people.len(), 2);
}
