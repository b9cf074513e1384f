//! Text files: encodings, byte-order marks, delimiters.

use std::borrow::Cow;
use std::path::Path;

use encoding_rs::Encoding;
use model::SourcePolicy;

use super::columns::{Columns, folded, keys};
use super::rows::Rows;
use super::{FileSource, RosterError};

/// The rows of a text file.
///
/// # Errors
/// `NotText` and `Header`.
pub(super) fn rows<'a>(file: &'a FileSource, raw: &[u8], policy: &'a SourcePolicy) -> Result<Rows<'a>, RosterError> {
    let header = |what: String| RosterError::Header { path: file.path.clone(), what };
    let text = decode(&file.path, raw, file.encoding.as_deref())?;
    let delimiter = delimiter(&file.path, &text, file.delimiter, policy)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let first = match records.next() {
        Some(first) => first.map_err(|error| header(error.to_string()))?,
        None => return Err(header("the file is empty; a header row is needed".into())),
    };
    let columns = Columns::new(&file.path, &first.iter().collect::<Vec<_>>(), policy)?;
    let mut rows = Rows::new(&file.path, columns, Some(delimiter), policy, file.dates);
    for record in records {
        match record {
            Ok(record) => rows.take(record.position().map_or(0, csv::Position::line), &record.iter().collect::<Vec<_>>()),
            Err(error) => rows.broken(error.position().map_or(0, csv::Position::line), &error.to_string()),
        }
    }
    Ok(rows)
}

/// The file's text.  A byte-order mark decides; then the configured encoding; then UTF-8, which is checked.
///
/// # Errors
/// `NotText` with the line of the first byte that does not fit.
fn decode<'a>(path: &Path, bytes: &'a [u8], configured: Option<&str>) -> Result<Cow<'a, str>, RosterError> {
    let not_text = |line, what: String| RosterError::NotText { path: path.to_owned(), line, what };
    let (encoding, skip) = match (Encoding::for_bom(bytes), configured) {
        (Some((encoding, skip)), _) => (encoding, skip),
        (None, Some(label)) => {
            let encoding = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
                not_text(1, format!("`encoding = \"{label}\"` is no encoding that is known; try \"windows-1252\" or \"utf-8\""))
            })?;
            (encoding, 0)
        }
        (None, None) => (encoding_rs::UTF_8, 0),
    };
    let bytes = &bytes[skip..];
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
        let good = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), |_| 0);
        let line = 1 + bytes[..good].iter().filter(|byte| **byte == b'\n').count() as u64;
        let name = encoding.name();
        not_text(line, format!("the bytes are not {name}; say what they are with `encoding = \"windows-1252\"` in the source's block, or export as UTF-8"))
    })
}

/// The delimiter: the configured one, else the one among `,` `;` tab `|` under which the header has the key column.
///
/// # Errors
/// `Header` when none fits.
fn delimiter(path: &Path, text: &str, configured: Option<char>, policy: &SourcePolicy) -> Result<u8, RosterError> {
    let header = |what: String| RosterError::Header { path: path.to_owned(), what };
    if let Some(delimiter) = configured {
        return u8::try_from(delimiter)
            .ok()
            .filter(u8::is_ascii)
            .ok_or_else(|| header(format!("`delimiter` must be one ASCII character, not \"{delimiter}\"")));
    }
    let first =
        text.lines().find(|line| !line.trim().is_empty()).ok_or_else(|| header("the file is empty; a header row is needed".into()))?;
    let keys = keys(policy);
    let fits = |delimiter: &u8| {
        let mut reader = csv::ReaderBuilder::new().delimiter(*delimiter).has_headers(false).from_reader(first.as_bytes());
        let cells = reader.records().next().and_then(Result::ok);
        cells.is_some_and(|cells| cells.iter().any(|cell| keys.contains(&folded(cell))))
    };
    let key = if policy.key.is_empty() { keys.join("\" or \"") } else { policy.key.clone() };
    // One cell only is the key column alone: then any delimiter does.
    b",;\t|".iter().copied().find(fits).ok_or_else(|| {
        header(format!(
            "no column is called \"{key}\" (tried the delimiters , ; tab |); the header is: {}",
            first.chars().take(200).collect::<String>()
        ))
    })
}
