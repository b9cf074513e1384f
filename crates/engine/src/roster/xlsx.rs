//! Workbooks: one sheet of an XLSX file, its header in the first row that holds anything.
//!
//! Cells come typed.  A day is written as `YYYY-MM-DD`, a whole number without a fraction; a number that ought to begin with zeros has lost
//! them already when it was typed, so keys belong into cells formatted as text.  A cell that shows an error (`#N/A`) holds its row.

use std::io::{Cursor, Read as _};
use std::path::Path;

use calamine::{Data, DataRef, Range, Reader as _, Xlsx};
use model::SourcePolicy;

use super::cells;
use super::columns::Columns;
use super::rows::Rows;
use super::{FileSource, RosterError};

/// What every XLSX file begins with, and what an old Excel file does.
const ZIP: &[u8] = b"PK\x03\x04";
const OLD: &[u8] = b"\xd0\xcf\x11\xe0";

/// How much a workbook may hold when it is unpacked, and how much text its sheet may hold, in bytes: a million people take a tenth of it.
const UNPACKED: u64 = 1 << 30;
/// How many cells a sheet may span, empty ones included: a million rows of twenty.
const SPAN: u64 = 20 << 20;

/// Whether these bytes are a workbook: by what is in them, whatever the file is called.
///
/// # Errors
/// `Workbook` when it is one of a kind that is not read, or only called one.
pub(super) fn is_workbook(path: &Path, raw: &[u8]) -> Result<bool, RosterError> {
    let wrong = |what: &str| Err(RosterError::Workbook { path: path.to_owned(), what: what.to_owned() });
    let called = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xlsx"));
    if raw.starts_with(OLD) {
        return wrong("it is an old Excel file, or one with a password; save it as XLSX without a password, or as CSV");
    }
    if called && !raw.starts_with(ZIP) {
        return wrong("it is called XLSX and is none; export it again, or name it after what it is (.csv)");
    }
    Ok(raw.starts_with(ZIP))
}

/// The rows of the sheet.
///
/// # Errors
/// `Workbook` when it is damaged or there is no one sheet to be read; `Header`.
pub(super) fn rows<'a>(file: &'a FileSource, raw: &[u8], policy: &'a SourcePolicy) -> Result<Rows<'a>, RosterError> {
    let wrong = |what: String| RosterError::Workbook { path: file.path.clone(), what };
    unpacks_within(raw, UNPACKED).map_err(wrong)?;
    // Its reader panics where a cell calls itself something that no number holds.
    let read = std::panic::catch_unwind(|| {
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(raw)).map_err(|error| damaged(&error))?;
        sheet(&mut book, file.sheet.as_deref())
    });
    let sheet = read.unwrap_or_else(|_| Err(damaged(&"a cell in it has an impossible place"))).map_err(wrong)?;
    let first = sheet.start().map_or(0, |(row, _)| u64::from(row));
    let mut lines = (first + 1..).zip(sheet.rows());
    let (_, header) = lines.next().ok_or_else(|| wrong("its sheet is empty; a header row is needed".to_owned()))?;
    let header: Vec<String> = header.iter().map(|cell| text(cell).unwrap_or_default()).collect();
    let columns = Columns::new(&file.path, &header.iter().map(String::as_str).collect::<Vec<_>>(), policy)?;
    let key = columns.key;
    let mut rows = Rows::new(&file.path, columns, None, policy, file.dates);
    for (line, cells) in lines {
        match cells.iter().map(text).collect::<Result<Vec<String>, String>>() {
            Ok(cells) => rows.take(line, &cells.iter().map(String::as_str).collect::<Vec<_>>()),
            Err(shown) => {
                let owner = cells.get(key).and_then(|cell| text(cell).ok()).map(|key| cells::clean(&key)).filter(|key| !key.is_empty());
                let what = format!("a cell shows the error {shown}");
                match owner {
                    Some(key) => rows.hold(line, key.as_str().into(), what, "repair the formula, or paste its value"),
                    None => rows.broken(line, &what),
                }
            }
        }
    }
    Ok(rows)
}

/// What is said of a workbook whose inside is broken.
fn damaged(error: &dyn std::fmt::Display) -> String {
    format!("it cannot be read ({error}); save it again as XLSX, or as CSV")
}

/// The configured sheet, or the only one that holds anything.
fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, configured: Option<&str>) -> Result<Range<Data>, String> {
    let names = book.sheet_names();
    let listed = |names: &[String]| names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let read = |book: &mut Xlsx<Cursor<&[u8]>>, name: &str| {
        spans_within(book, name)?;
        book.worksheet_range(name).map_err(|error| format!("its sheet \"{name}\" cannot be read ({error}); save the workbook again"))
    };
    if let Some(wanted) = configured {
        let name = names.iter().find(|name| name.trim().eq_ignore_ascii_case(wanted.trim()));
        let name = name.ok_or_else(|| format!("it has no sheet \"{wanted}\" (`sheet`); there are: {}", listed(&names)))?;
        return read(book, name);
    }
    let mut found: Vec<(String, Range<Data>)> = Vec::new();
    for name in names {
        let range = read(book, &name)?;
        if !range.is_empty() {
            found.push((name, range));
        }
    }
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => Err("none of its sheets holds anything; a header row is needed".to_owned()),
        _ => {
            let names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
            Err(format!(
                "several of its sheets hold something: {}; say which one with `sheet = \"…\"` in the source's block",
                listed(&names)
            ))
        }
    }
}

/// Whether all that is packed into the workbook is no more than this: what a packed file says of its own size need not be so.
fn unpacks_within(raw: &[u8], most: u64) -> Result<(), String> {
    let damaged = |error: &dyn std::fmt::Display| format!("it cannot be unpacked ({error}); save it again as XLSX, or as CSV");
    let mut packed = zip::ZipArchive::new(Cursor::new(raw)).map_err(|error| damaged(&error))?;
    let mut left = most;
    for at in 0..packed.len() {
        let part = packed.by_index(at).map_err(|error| damaged(&error))?;
        let taken = std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|error| damaged(&error))?;
        left = left.checked_sub(taken).ok_or_else(|| {
            format!("it unpacks to more than {} MiB, and no roster is as large; save the people alone as XLSX, or as CSV", most >> 20)
        })?;
    }
    Ok(())
}

/// Whether the sheet, from its first cell to its last and with every text in it, is of a size that a roster may have.  Two cells far apart
/// span everything between them.
fn spans_within(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<(), String> {
    let damaged = |error: calamine::XlsxError| format!("its sheet \"{name}\" cannot be read ({error}); save the workbook again");
    let mut cells = match book.worksheet_cells_reader(name) {
        Ok(cells) => cells,
        // A chart: it has no cells.
        Err(calamine::XlsxError::NotAWorksheet(_)) => return Ok(()),
        Err(error) => return Err(damaged(error)),
    };
    let (mut first, mut last, mut text) = ((u32::MAX, u32::MAX), (0, 0), 0_u64);
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        text += match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.len() as u64,
            DataRef::SharedString(text) => text.len() as u64,
            _ => 0,
        };
        first = (row.min(first.0), column.min(first.1));
        last = (row.max(last.0), column.max(last.1));
        let (rows, columns) = (u64::from(last.0 - first.0) + 1, u64::from(last.1 - first.1) + 1);
        if rows.saturating_mul(columns) > SPAN || text > UNPACKED {
            return Err(format!(
                "its sheet \"{name}\" spans {rows} rows and {columns} columns with {} MiB of text, more than a roster has; remove what stands far from the people",
                text >> 20
            ));
        }
    }
    Ok(())
}

/// What a cell says, as a CSV export would write it; the error that it shows instead.
fn text(cell: &Data) -> Result<String, String> {
    Ok(match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        // Beyond this a float is no exact whole number any more.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => format!("{number:.0}"),
        Data::Float(number) => number.to_string(),
        Data::Bool(flag) => flag.to_string(),
        Data::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date}T{hour:02}:{minute:02}:{second:02}") }
        }
        Data::DateTime(span) => span.as_f64().to_string(),
        Data::Error(error) => return Err(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bomb: little that unpacks to much.
    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        let mut book = rust_xlsxwriter::Workbook::new();
        book.add_worksheet().write(0, 0, "x".repeat(30_000)).unwrap();
        let bytes = book.save_to_buffer().unwrap();
        assert!(bytes.len() < 20_000, "it is packed: {}", bytes.len());
        assert_eq!(unpacks_within(&bytes, UNPACKED), Ok(()));
        let refused = unpacks_within(&bytes, 30_000).unwrap_err();
        assert!(refused.contains("unpacks to more than"), "{refused}");
    }
}
