//! A paper: a title, facts, and tables, as every report is shown.  Text for a terminal, Markdown, and one HTML page say the same; CSV is
//! one table of it.
//!
//! Whatever came from a roster or an app is escaped for where it goes (F11); no cell of a CSV can be a formula.

mod csv;
mod html;
mod markdown;
mod text;

pub(crate) use csv::csv;

/// A report, ready to be shown; texts are raw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paper {
    /// What it is about.
    pub(crate) title: String,
    /// One line each.
    pub(crate) facts: Vec<String>,
    /// In the order of reading.
    pub(crate) tables: Vec<PaperTable>,
}

/// One table of a paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaperTable {
    /// What is in it.
    pub(crate) caption: String,
    /// The heads of its columns; the first one names what a row is about.
    pub(crate) columns: Vec<&'static str>,
    /// As many cells in each as there are columns.
    pub(crate) rows: Vec<Vec<String>>,
    /// What is said when there are no rows.
    pub(crate) none: &'static str,
}
