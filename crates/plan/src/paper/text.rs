//! For a terminal: columns without lines around them.

use std::fmt::Write;

use super::{Paper, PaperTable};
use crate::render::{Paint, clean};

/// A column is not made wider than this for one long cell.
const WIDEST: usize = 40;

impl Paper {
    /// For a terminal.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut out = format!("{}\n", paint.bold(&self.title));
        // Writing to a String cannot fail.
        for fact in &self.facts {
            let _ = writeln!(out, "  {}", clean(fact));
        }
        for PaperTable { caption, columns, rows, none } in &self.tables {
            let _ = writeln!(out, "\n{}", paint.bold(caption));
            if rows.is_empty() {
                let _ = writeln!(out, "  {}", clean(none));
                continue;
            }
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell).into_owned()).collect()).collect();
            let width = |at: usize| {
                let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
                cells.chain([columns[at].len()]).max().unwrap_or_default().min(WIDEST)
            };
            let widths: Vec<usize> = (0..columns.len()).map(width).collect();
            let line = |cells: &[&str]| {
                let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
                cells.join("  ").trim_end().to_owned()
            };
            let _ = writeln!(out, "  {}", paint.dim(&line(columns)));
            for row in &rows {
                let cells: Vec<&str> = row.iter().map(String::as_str).collect();
                let _ = writeln!(out, "  {}", line(&cells));
            }
        }
        out
    }
}
