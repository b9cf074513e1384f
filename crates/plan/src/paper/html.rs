//! One page that needs nothing else: no script, no font, no address.  To be read at 320 px, in the dark, on paper, and by ear.

use askama::Template;

use super::Paper;
use crate::render::clean;

/// The page; askama escapes every text that is put into it.
#[derive(Template)]
#[template(path = "paper.html")]
struct Page {
    title: String,
    facts: Vec<String>,
    tables: Vec<Shown>,
}

struct Shown {
    /// Names the table for whoever hears the page.
    id: String,
    caption: String,
    columns: Vec<&'static str>,
    rows: Vec<(String, Vec<String>)>,
    none: &'static str,
}

impl Paper {
    /// One HTML page.
    pub fn html(&self) -> String {
        let shown = |text: &String| clean(text).into_owned();
        let tables = self.tables.iter().enumerate().map(|(at, table)| Shown {
            id: format!("table-{}", at + 1),
            caption: shown(&table.caption),
            columns: table.columns.clone(),
            rows: table
                .rows
                .iter()
                .filter_map(|row| row.split_first())
                .map(|(first, rest)| (shown(first), rest.iter().map(shown).collect()))
                .collect(),
            none: table.none,
        });
        let page = Page { title: shown(&self.title), facts: self.facts.iter().map(shown).collect(), tables: tables.collect() };
        page.render().expect("writing to a String cannot fail, and the template has nothing else that can")
    }
}
