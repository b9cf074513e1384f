//! What is wrong with a configuration file, with its place in the file.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use miette::{Diagnostic, NamedSource, SourceSpan};

/// One thing that is wrong.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{what}")]
pub(crate) struct Problem {
    pub(crate) what: String,
    #[label("{label}")]
    pub(crate) span: SourceSpan,
    pub(crate) label: String,
    #[help]
    pub(crate) next: Option<String>,
}

/// Everything that is wrong with one file.  The text it shows has every literal secret blotted out.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{count} in {file}; nothing was done")]
pub(crate) struct ConfigError {
    pub(crate) count: String,
    pub(crate) file: String,
    #[source_code]
    pub(crate) shown: NamedSource<String>,
    #[related]
    pub(crate) problems: Vec<Problem>,
}

/// Collects problems while the file is read, so that all are told at once.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: RefCell<Vec<Problem>>,
    secrets: RefCell<Vec<Range<usize>>>,
}

impl Problems {
    /// Notes a problem: what it is, where, the few words beside the place, and what to do about it.
    pub(crate) fn add(&self, what: impl Into<String>, span: &Range<usize>, label: impl Into<String>, next: impl Into<String>) {
        let next = next.into();
        self.list.borrow_mut().push(Problem {
            what: what.into(),
            span: span.clone().into(),
            label: label.into(),
            next: (!next.is_empty()).then_some(next),
        });
    }

    /// Notes the place of a literal secret, so that no excerpt of the file shows it.
    pub(crate) fn blot(&self, span: &Range<usize>) {
        self.secrets.borrow_mut().push(span.clone());
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// All problems in the order of the file, as one error.
    pub(crate) fn into_error(self, file: &Path, text: &str) -> ConfigError {
        let mut problems = self.list.into_inner();
        problems.sort_by_key(|problem| problem.span.offset());
        let mut shown = text.to_owned();
        for span in self.secrets.into_inner() {
            let blot = "*".repeat(span.len());
            shown.replace_range(span, &blot);
        }
        let file = file.display().to_string();
        ConfigError {
            count: if problems.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", problems.len()) },
            shown: NamedSource::new(&file, shown),
            file,
            problems,
        }
    }
}

/// The places of what looks like a literal secret, for a file that cannot be parsed.
pub(crate) fn likely_secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((key, value)) = line.split_once('=') {
            let key = key.to_ascii_lowercase();
            let secret = ["key", "password", "secret", "token"].iter().any(|word| key.contains(word));
            // A database's address with a password in it.
            let secret = secret || value.split_once("://").is_some_and(|(_, rest)| rest.contains('@') && rest.contains(':'));
            if secret && !value.trim_start().starts_with('{') {
                let from = start + key.len() + 1;
                found.push(from..from + value.trim_end().len());
            }
        }
        start += line.len();
    }
    found
}

/// " (did you mean `x`?)" for the nearest of the known words, or nothing when none is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
