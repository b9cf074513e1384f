//! For a ticket or a pull request.

use std::fmt::Write;

use super::{Paper, PaperTable};
use crate::render::markdown_escape as escape;

impl Paper {
    /// For a ticket or a pull request.
    pub fn markdown(&self) -> String {
        let mut out = format!("## {}\n\n", escape(&self.title));
        // Writing to a String cannot fail.
        for fact in &self.facts {
            let _ = writeln!(out, "- {}", escape(fact));
        }
        for PaperTable { caption, columns, rows, none } in &self.tables {
            let _ = writeln!(out, "\n### {}\n", escape(caption));
            if rows.is_empty() {
                let _ = writeln!(out, "{}", escape(none));
                continue;
            }
            let _ = writeln!(out, "| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
            for row in rows {
                let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
                let _ = writeln!(out, "| {} |", cells.join(" | "));
            }
        }
        out
    }
}
