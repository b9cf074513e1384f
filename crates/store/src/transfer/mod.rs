//! All of a store at once: counted, copied to another store, kept as a backup, brought back.

mod backup;
mod copy;
mod tally;

use std::collections::BTreeMap;
use std::fmt;

use model::Digest;
use serde::Serialize;

pub use copy::Copied;

/// Hears of progress: the table, rows done, rows in all.
pub type Heard<'a> = dyn FnMut(&str, u64, u64) + Send + 'a;

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// How many rows each table has, by its name.
    pub rows: BTreeMap<String, u64>,
}

impl Contents {
    /// Rows in all.
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables: Vec<String> =
            self.rows.iter().filter(|(_, rows)| **rows > 0).map(|(table, rows)| format!("{rows} in {table}")).collect();
        if tables.is_empty() { f.write_str("no rows") } else { write!(f, "{} rows ({})", self.total(), tables.join(", ")) }
    }
}

/// Everything that a store holds, as a value: the same on every engine when all rows are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many rows there are.
    #[serde(flatten)]
    pub contents: Contents,
    /// SHA-256 over every value of every row, table by table, in byte order of the keys.
    pub digest: Digest,
}
