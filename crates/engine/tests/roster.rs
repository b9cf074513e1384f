//! Roster files: what is an error, what holds a person, what is read.  The table of `docs/rosters.md`, row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use jiff::Timestamp;
use model::{Completeness, Shrink, SourceName, SourcePolicy, SourceRole, Standing};
use provost_engine::{DateOrder, FileSource, Roster, RosterError, read_file};
use tempfile::NamedTempFile;

const HEADER: &str = "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n";
const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,1997-12-01,\n";

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

fn read_as(bytes: &[u8], change: impl FnOnce(&mut FileSource, &mut SourcePolicy)) -> Result<Roster, RosterError> {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(bytes).expect("it is written");
    let mut source = FileSource { path: file.path().to_owned(), ..FileSource::default() };
    let mut policy = policy();
    change(&mut source, &mut policy);
    read_file(&SourceName::new("hr"), &source, &policy, Timestamp::UNIX_EPOCH)
}

fn read(rows: &str) -> Roster {
    read_as(format!("{HEADER}{rows}").as_bytes(), |_, _| {}).expect("the file is read")
}

fn refused(bytes: &[u8]) -> String {
    read_as(bytes, |_, _| {}).expect_err("the file is refused").to_string()
}

fn is_complete(roster: &Roster) -> bool {
    matches!(roster.reading.certificate.completeness, Completeness::Complete { .. })
}

/// One person is held, at this line, and nobody else is concerned.
fn held(rows: &str, key: &str, line: u64, words: &str) {
    let roster = read(rows);
    assert!(roster.reading.held.contains(key), "{key} is not held: {:?}", roster.reading);
    assert!(!roster.reading.people.iter().any(|person| person.key.as_str() == key));
    let finding = roster.reading.findings.iter().find(|finding| finding.place.as_ref().is_some_and(|place| place.line == line));
    let finding = finding.unwrap_or_else(|| panic!("no finding in line {line}: {:?}", roster.reading.findings));
    assert!(finding.what.contains(words), "{}", finding.what);
}

#[test]
fn a_common_export_is_read_without_being_told_its_columns() {
    let roster = read(ADA);
    assert!(is_complete(&roster));
    let ada = &roster.reading.people[0];
    assert_eq!((ada.standing, ada.get("given_name"), ada.get("manager")), (Standing::Active, "Ada", "2"));
    assert_eq!(ada.starts.map(|day| day.to_string()).as_deref(), Some("1997-12-01"));
    assert_eq!(
        roster.attributes.keys().map(String::as_str).collect::<Vec<_>>(),
        ["department", "email", "family_name", "given_name", "manager", "title"]
    );
}

#[test]
fn other_names_of_columns_and_other_columns_are_found() {
    let text = "Employee ID;Legal First Name;Surname;E-mail Address;Employee Status;Start Date;Cost Center\n7;Åsa;Öberg;asa@acme.example;On Leave;19980301;K9\n";
    let roster = read_as(text.as_bytes(), |_, _| {}).expect("it is read");
    let person = &roster.reading.people[0];
    assert_eq!(
        (person.key.as_str(), person.get("given_name"), person.get("email"), person.get("Cost Center")),
        ("7", "Åsa", "asa@acme.example", "K9")
    );
    assert_eq!(person.standing, Standing::Active);
}

#[test]
fn marks_and_encodings_are_understood_or_refused_with_the_line() {
    let text = format!("{HEADER}{ADA}");
    for bytes in [
        [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
    ] {
        // UTF-16 is decoded only when its mark says so.
        match read_as(&bytes, |_, _| {}) {
            Ok(roster) => assert_eq!(roster.reading.people.len(), 1),
            Err(error) => panic!("{error}"),
        }
    }
    let latin = [HEADER.as_bytes(), b"1,Zo\xEB,Smith,zoe@acme.example,,,,active,,\n"].concat();
    let error = refused(&latin);
    assert!(error.contains("line 2") && error.contains("encoding"), "{error}");
    let roster = read_as(&latin, |source, _| source.encoding = Some("windows-1252".into())).expect("it is read");
    assert_eq!(roster.reading.people[0].get("given_name"), "Zoë");
    let error = read_as(&latin, |source, _| source.encoding = Some("klingon".into())).expect_err("no such encoding").to_string();
    assert!(error.contains("klingon"), "{error}");
}

#[test]
fn a_header_that_lacks_what_is_needed_is_refused_with_the_columns_there_are() {
    assert!(refused(b"").contains("empty"));
    assert!(refused(b"number,name\n1,Ada\n").contains("employee_id"));
    assert!(refused(b"employee_id,status,status\n1,active,left\n").contains("two columns"));
    assert!(refused(b"employee_id,first_name\n1,Ada\n").contains("who works here"));
    let error = read_as(format!("{HEADER}{ADA}").as_bytes(), |_, policy| {
        policy.columns.insert("email".into(), "company_mail".into());
    });
    let error = error.expect_err("a configured column is missing").to_string();
    assert!(error.contains("company_mail") && error.contains("work_email"), "{error}");
}

#[test]
fn f01_a_file_without_rows_shows_nobodys_absence() {
    let roster = read("");
    assert!(!is_complete(&roster) && roster.reading.people.is_empty());
}

#[test]
fn a_row_without_a_key_makes_the_reading_partial() {
    let roster = read(&format!("{ADA},Bob,Builder,bob@acme.example,,,,active,,\n"));
    assert!(!is_complete(&roster));
    assert_eq!((roster.reading.people.len(), roster.reading.findings.len()), (1, 1));
    assert_eq!(roster.reading.findings[0].place.as_ref().map(|place| place.line), Some(3));
}

#[test]
fn a_row_with_too_few_cells_holds_its_person_and_proves_nobodys_absence() {
    held(&format!("{ADA}2,Bob,Builder\n"), "2", 3, "3 cells");
    assert!(!is_complete(&read(&format!("{ADA}2,Bob,Builder\n"))), "a lost quote can swallow rows");
    // A quote that is never closed swallows the rest of the file.
    let roster = read(&format!("{ADA}2,\"Bob,Builder,bob@acme.example,,,,active,,\n3,Eve,Doe,eve@acme.example,,,,active,,\n"));
    assert!(!is_complete(&roster) && roster.reading.held.contains("2"));
}

#[test]
fn keys_that_stand_twice_hold_their_person_unless_the_rows_are_the_same() {
    held(&format!("{ADA}{}", ADA.replace("Engineer", "Manager")), "1", 3, "line 2");
    let roster = read(&format!("{ADA}{ADA}"));
    assert_eq!((roster.reading.people.len(), roster.reading.held.len(), roster.reading.findings.len()), (1, 0, 1));
    // A third row does not bring a held person back.
    let roster = read(&format!("{ADA}{}{ADA}", ADA.replace("Engineer", "Manager")));
    assert!(roster.reading.people.is_empty() && roster.reading.held.contains("1"));
}

#[test]
fn cells_that_cannot_be_read_hold_their_person() {
    held(&ADA.replace("active", "sabbatical"), "1", 2, "sabbatical");
    held(&ADA.replace("active", ""), "1", 2, "blank");
    held(&ADA.replace("1997-12-01", "1997-13-01"), "1", 2, "1997-13-01");
    held(&ADA.replace("1997-12-01", "soon"), "1", 2, "soon");
    held(&ADA.replace("1997-12-01", "03/04/1998"), "1", 2, "two ways");
    held(&ADA.replace("Ada", "A\u{7}da"), "1", 2, "control character");
    let zone = format!("{},time_zone\n{},Mars/Olympus\n", HEADER.trim_end(), ADA.trim_end());
    let roster = read_as(zone.as_bytes(), |_, _| {}).expect("it is read");
    assert!(roster.reading.held.contains("1"));
}

#[test]
fn dates_with_the_year_at_the_end_are_read_as_configured() {
    let text = format!("{HEADER}{}", ADA.replace("1997-12-01", "03/04/1998"));
    for (order, day) in [(DateOrder::DayFirst, "1998-04-03"), (DateOrder::MonthFirst, "1998-03-04")] {
        let roster = read_as(text.as_bytes(), |source, _| source.dates = Some(order)).expect("it is read");
        assert_eq!(roster.reading.people[0].starts.map(|day| day.to_string()).as_deref(), Some(day));
    }
    assert_eq!(read(&ADA.replace("1997-12-01", "1997/12/01T00:00:00")).reading.people.len(), 1);
}

#[test]
fn p02_the_order_of_rows_and_the_place_of_the_file_do_not_matter() {
    let bob = "2,Bob,Builder,bob@acme.example,Engineer,Sales,,active,1990-01-01,\n";
    assert_eq!(read(&format!("{ADA}{bob}")).reading.digest, read(&format!("{bob}{ADA}")).reading.digest);
    assert_ne!(read(ADA).reading.digest, read(bob).reading.digest);
}

#[test]
fn words_of_the_status_column_are_the_configured_ones_when_there_are_any() {
    let text = format!("{HEADER}{}", ADA.replace("active", "A"));
    let roster = read_as(text.as_bytes(), |_, policy| {
        policy.active_words.insert("a".into());
        policy.left_words.insert("T".into());
    });
    assert_eq!(roster.expect("it is read").reading.people[0].standing, Standing::Active);
}

#[test]
fn what_cannot_be_opened_is_said_with_its_name() {
    let source = FileSource { path: "/nowhere/roster.csv".into(), ..FileSource::default() };
    let error = read_file(&SourceName::new("hr"), &source, &policy(), Timestamp::UNIX_EPOCH).expect_err("it is not there").to_string();
    assert!(error.contains("/nowhere/roster.csv"), "{error}");
}

#[test]
fn a_quote_that_swallows_rows_is_seen_though_the_cells_add_up() {
    let row = |key: &str, end: &str| format!("{key},Bob,Builder,b{key}@acme.example,,,,active,,{end}\n");
    for (rows, what) in [
        ([row("1", ""), row("2", "\""), row("3", "\""), row("4", "")].concat(), "closed in the last cell of a later row"),
        ([row("1", ""), row("2", "\""), row("3", ""), row("4", "")].concat(), "never closed"),
        (
            [row("1", ""), row("2", ""), row("3", "").replace("Bob", "\"Bob"), row("4", "").replace("Bob", "\"Bob")].concat(),
            "in the middle",
        ),
        ([row("1", ""), row("2", "\""), row("3", ""), row("4", "")].concat().replace('\n', "\r\n"), "never closed, CRLF"),
    ] {
        let roster = read(&rows);
        assert!(!is_complete(&roster), "{what}: {:?}", roster.reading.certificate);
        assert_eq!(roster.reading.held.len(), 1, "{what}: {:?}", roster.reading);
    }
    let address = read("2,Bob,Builder,bob@acme.example,,\"1 Main St, Room 2\nAustin, TX\",,active,,\n");
    assert!(is_complete(&address) && address.reading.held.is_empty(), "an address of two lines is no row");
}

#[test]
fn without_a_status_column_the_dates_alone_say_who_works_here() {
    let roster = read_as(b"employee_id,first_name,last_day\n1,Ada,\n2,Bob,1998-03-31\n", |_, _| {}).expect("it is read");
    let standings: Vec<_> = roster.reading.people.iter().map(|person| (person.standing, person.ends.is_some())).collect();
    assert_eq!(standings, [(Standing::Unsaid, false), (Standing::Unsaid, true)]);
}
