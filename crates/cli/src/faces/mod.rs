//! What people and programs see: text or JSON on standard output, notes, progress and errors on standard error.

mod progress;
mod sheet;
mod table;

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use miette::{GraphicalReportHandler, GraphicalTheme};
use serde::Serialize;

use crate::failure::Failure;
pub(crate) use progress::Progress;
pub(crate) use sheet::{plan_json, sheet};
pub(crate) use table::Table;

/// How a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs; the shapes are in docs/cli.md.
    Json,
    /// Plans and reports, for a merge request or a ticket.
    Markdown,
    /// Plans, findings and reports, as a page.
    Html,
    /// Reports, for a spreadsheet.
    Csv,
}

/// How commands end; errors end with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// 0: done.
    Done,
    /// 2: something waits for a person.
    Waits,
}

/// One face: where and how a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) format: Format,
    pub(crate) quiet: bool,
    /// Whether results may have colours.
    pub(crate) colour: bool,
    colour_errors: bool,
}

impl Face {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            format,
            quiet,
            colour: wanted && std::io::stdout().is_terminal(),
            colour_errors: wanted && std::io::stderr().is_terminal(),
        }
    }

    /// Prints text; control characters in names from rosters and apps cannot reach the terminal.
    pub(crate) fn text(&self, text: &str) {
        let mut text = visible(text);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        put(text.as_bytes());
    }

    /// Prints what was made visible by whoever rendered it: it may have colours of its own.
    pub(crate) fn rendered(&self, text: &str) {
        put(text.as_bytes());
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        put(bytes);
    }

    /// Prints one JSON document.
    pub(crate) fn json<T: Serialize + ?Sized>(&self, value: &T) {
        let mut text = serde_json::to_string_pretty(value).expect("what commands print has text keys and can be written as JSON");
        text.push('\n');
        put(text.as_bytes());
    }

    /// Prints the JSON of a value, or what `text` says about it.
    ///
    /// # Errors
    /// A [`Failure`] for the formats that only plans and reports have.
    pub(crate) fn show<T: Serialize + ?Sized>(&self, value: &T, text: impl FnOnce() -> String) -> Result<(), Failure> {
        self.plain()?;
        match self.format {
            Format::Json => self.json(value),
            _ => self.text(&text()),
        }
        Ok(())
    }

    /// Refuses the formats that only plans and reports have.
    ///
    /// # Errors
    /// A [`Failure`].
    pub(crate) fn plain(&self) -> Result<(), Failure> {
        match self.format {
            Format::Text | Format::Json => Ok(()),
            Format::Markdown | Format::Html | Format::Csv => Err(Failure::new(
                "this command prints text or json only",
                "use --format text or --format json; plans and reports have the others",
            )),
        }
    }

    /// Refuses CSV, which only reports have.
    ///
    /// # Errors
    /// A [`Failure`].
    pub(crate) fn no_csv(&self) -> Result<(), Failure> {
        match self.format {
            Format::Csv => Err(Failure::new("only reports and reviews are CSV", "use --format text, json, markdown or html")),
            _ => Ok(()),
        }
    }

    /// Says something beside the result, unless asked to be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            complain(&format!("{}\n", visible(text)));
        }
    }

    /// Says why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        complain(&self.failure_text(failure));
    }

    /// What is said of a failure.
    pub(crate) fn failure_text(&self, failure: &Failure) -> String {
        if self.format == Format::Json {
            return format!("{}\n", failure_json(failure));
        }
        match failure {
            Failure::Config(error) => {
                let theme = if self.colour_errors { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
                let mut text = String::new();
                let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_context_lines(1);
                match handler.render_report(&mut text, error.as_ref()) {
                    Ok(()) => text,
                    Err(_) => format!("error: {error}\n"),
                }
            }
            Failure::Told { what, next } => {
                let (error, arrow) =
                    if self.colour_errors { ("\u{1b}[1;31merror:\u{1b}[0m", "\u{1b}[1mnext:\u{1b}[0m") } else { ("error:", "next:") };
                let next = if next.is_empty() { String::new() } else { format!("{arrow} {}\n", visible(next)) };
                format!("{error} {}\n{next}", visible(what))
            }
        }
    }
}

/// `{"error": {"what", "next", "problems"}}`, on standard error.
fn failure_json(failure: &Failure) -> serde_json::Value {
    match failure {
        Failure::Told { what, next } => serde_json::json!({ "error": { "what": what, "next": next } }),
        Failure::Config(error) => {
            let problems: Vec<_> = error
                .problems
                .iter()
                .map(|problem| {
                    let before = error.shown.inner().get(..problem.span.offset()).unwrap_or_default();
                    let line = before.matches('\n').count() + 1;
                    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                    serde_json::json!({ "what": problem.what, "line": line, "column": column, "next": problem.next.as_deref().unwrap_or_default() })
                })
                .collect();
            serde_json::json!({ "error": { "what": error.to_string(), "next": "correct the file", "problems": problems } })
        }
    }
}

/// The text with control characters (new lines and tabs aside) made visible.
pub(crate) fn visible(text: &str) -> String {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    if !text.contains(bad) {
        return text.to_owned();
    }
    text.chars().map(|c| if bad(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The first thing that kept standard output from being written.
static UNSHOWN: OnceLock<std::io::Error> = OnceLock::new();

/// Writes to standard output.  Once that failed (the disk behind it is full, whoever reads hung up) nothing more is written: what follows a
/// gap would be read as the whole.
fn put(bytes: &[u8]) {
    if UNSHOWN.get().is_some() {
        return;
    }
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        UNSHOWN.set(error).ok();
    }
}

/// Why results could not be shown, if so: the command did what it did, and nobody can have read all of what it said.
pub(crate) fn unshown() -> Option<Failure> {
    let error = UNSHOWN.get()?;
    let next = match error.kind() {
        std::io::ErrorKind::BrokenPipe => "whoever read it hung up",
        std::io::ErrorKind::StorageFull => "free space where it goes",
        _ => "give it somewhere to go",
    };
    Some(Failure::new(
        format!("cannot write to standard output: {error}"),
        format!("{next}; what was done is kept: `provost show`, `provost report` and `provost runs` show it again"),
    ))
}

/// Writes to standard error; when that is gone, nobody is left to tell.
fn complain(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(visible("Jane\u{1b}[2J Doe\tx\n"), "Jane\\u{1b}[2J Doe\tx\n");
        assert_eq!(visible("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(visible("Zoë 李"), "Zoë 李");
    }

    #[test]
    fn failures_are_json_where_json_was_asked_for() {
        let face = Face { format: Format::Json, quiet: false, colour: false, colour_errors: false };
        let text = face.failure_text(&Failure::new("it broke", "mend it"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["error"]["next"], "mend it");
        let face = Face { format: Format::Text, ..face };
        assert_eq!(face.failure_text(&Failure::new("it broke", "mend it")), "error: it broke\nnext: mend it\n");
    }
}
