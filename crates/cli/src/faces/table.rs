//! Lists for people: columns without lines around them.

use comfy_table::{ContentArrangement, presets};

use super::visible;

/// Rows under a heading.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// An empty table with these columns.
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(columns);
        Self(table)
    }

    /// One more row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.add_row(cells.iter().map(|cell| visible(cell).replace(['\n', '\t'], " ")));
    }

    /// The lines, without blanks at their ends.
    pub(crate) fn lines(&self) -> String {
        self.0.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}
