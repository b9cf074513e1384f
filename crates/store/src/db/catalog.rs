//! What tables the store has, as the database itself says: copies and backups need no list of their own.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;

use super::{Arg, Begun, Row, Tx, args};
use crate::StoreError;

/// How a column's values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
}

/// A table of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// In the order of the migrations, which is the same everywhere.
    pub(crate) columns: Vec<(String, Kind)>,
    /// The columns of the primary key, in its order.
    pub(crate) key: Vec<String>,
    /// Tables whose rows these rows name.
    pub(crate) needs: Vec<String>,
}

/// Columns of text in a schema that are not compared bytewise: "table.column".
pub(super) const STRAY_COLLATIONS: &str =
    "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind = 'r' AND a.attnum > 0
    AND NOT a.attisdropped AND c.relname NOT LIKE '\\_sqlx%' AND l.collname <> 'C' ORDER BY 1";

/// Table, column, type, place in the primary key (0: none), in the order of the columns.
const SQLITE_COLUMNS: &str = "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t JOIN pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'sealed_backup'
    ORDER BY t.name, c.cid";
const SQLITE_NEEDS: &str = "SELECT DISTINCT t.name, f.\"table\" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
    WHERE t.type = 'table' ORDER BY 1, 2";
const POSTGRES_COLUMNS: &str = "SELECT c.relname::text, a.attname::text, upper(format_type(a.atttypid, NULL)),
    COALESCE(array_position(p.conkey, a.attnum), 0)::bigint
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE '\\_sqlx%'
    AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname COLLATE \"C\", a.attnum";
const POSTGRES_NEEDS: &str =
    "SELECT DISTINCT c.relname::text, r.relname::text FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
    JOIN pg_class r ON r.oid = f.confrelid WHERE c.relnamespace = current_schema()::regnamespace AND f.contype = 'f'";

impl Tx {
    /// The tables of the store, each after those it needs.
    pub(crate) async fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        let (columns, needs) = match &self.begun {
            Some(Begun::Sqlite(_)) => (SQLITE_COLUMNS, SQLITE_NEEDS),
            Some(Begun::Postgres(..)) => (POSTGRES_COLUMNS, POSTGRES_NEEDS),
            None => return Err(StoreError::Closed),
        };
        let mut tables: BTreeMap<String, (Table, BTreeMap<i64, String>)> = BTreeMap::new();
        for row in self.fetch(columns, args![]).await? {
            let (name, column) = (row.text(0)?, row.text(1)?);
            let kind = match row.text(2)?.as_str() {
                "BIGINT" => Kind::Int,
                "TEXT" => Kind::Text,
                "BYTEA" => Kind::Bytes,
                other => return Err(StoreError::corrupt(format!("{name}.{column}"), format!("it is a {other}"))),
            };
            let empty = || (Table { name: name.clone(), columns: Vec::new(), key: Vec::new(), needs: Vec::new() }, BTreeMap::new());
            let (table, key) = tables.entry(name.clone()).or_insert_with(empty);
            let place = row.int(3)?;
            if place > 0 {
                key.insert(place, column.clone());
            }
            table.columns.push((column, kind));
        }
        for row in self.fetch(needs, args![]).await? {
            if let Some((table, _)) = tables.get_mut(&row.text(0)?) {
                table.needs.push(row.text(1)?);
            }
        }
        let mut left: Vec<Table> =
            tables.into_values().map(|(table, key)| Table { key: key.into_values().collect(), ..table }).collect();
        let mut sorted: Vec<Table> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let (ready, waiting) = left
                .into_iter()
                .partition::<Vec<_>, _>(|table| table.needs.iter().all(|need| sorted.iter().any(|before| before.name == *need)));
            if ready.is_empty() {
                return Err(StoreError::corrupt("the tables", "they need each other in a circle"));
            }
            sorted.extend(ready);
            left = waiting;
        }
        Ok(sorted)
    }

    /// How many rows a table has.
    pub(crate) async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        let row = self.fetch_one(AssertSqlSafe(format!("SELECT COUNT(*) FROM {}", table.name)), args![]).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }
}

impl Table {
    /// Reads all rows, in byte order of the key.
    pub(crate) fn read_all(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.names(), self.name, self.key.join(", "))
    }

    /// Inserts rows.
    pub(crate) fn insert(&self) -> String {
        format!("INSERT INTO {} ({})", self.name, self.names())
    }

    /// Removes all rows.
    pub(crate) fn empty(&self) -> String {
        format!("DELETE FROM {}", self.name)
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The values of a row that was read with [`Table::read_all`].
    pub(crate) fn values(&self, row: &Row) -> Result<Vec<Arg>, StoreError> {
        let value = |(column, (_, kind)): (usize, &(String, Kind))| match kind {
            Kind::Int => row.int(column).map(Arg::Int),
            Kind::Text => row.text(column).map(Arg::Text),
            Kind::Bytes => row.bytes(column).map(Arg::Bytes),
        };
        self.columns.iter().enumerate().map(value).collect()
    }
}
