//! For a spreadsheet: RFC 4180, UTF-8.  What a spreadsheet would take for a formula begins with an apostrophe, which shows that it is text.

use crate::render::clean;

/// What a spreadsheet takes for the beginning of a formula, at the beginning of a cell; the wide forms too.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// One table, with its heads in the first line.
pub(crate) fn csv(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = String::new();
    line(&mut out, columns.iter().copied());
    for row in rows {
        line(&mut out, row.iter().map(String::as_str));
    }
    out
}

fn line<'c>(out: &mut String, cells: impl Iterator<Item = &'c str>) {
    for (at, text) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&cell(text));
    }
    out.push_str("\r\n");
}

fn cell(text: &str) -> String {
    let text = clean(text);
    // Some programs take the space before a formula away.
    let formula = text.trim_start().starts_with(FORMULA);
    let guarded = if formula { format!("'{text}") } else { text.into_owned() };
    if guarded.contains([',', '"', ';', '\'']) || guarded.starts_with(' ') || guarded.ends_with(' ') {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f11_no_cell_is_a_formula() {
        for begin in FORMULA {
            for text in [format!("{begin}HYPERLINK(\"x\")"), format!("  {begin}1"), begin.to_string()] {
                let cell = cell(&text);
                let shown = cell.trim_matches('"');
                assert!(!shown.trim_start().starts_with(FORMULA), "{text:?} became {cell:?}");
            }
        }
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("\t=1"), "\\u{9}=1", "a control character is shown by its code");
    }

    #[test]
    fn it_is_rfc_4180() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b"), "\"a,b\"");
        assert_eq!(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(cell("two\nlines"), "two\\u{a}lines");
        assert_eq!(csv(&["a", "b"], [vec!["1".to_owned(), String::new()]]), "a,b\r\n1,\r\n");
    }
}
