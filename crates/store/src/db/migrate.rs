//! One folder of migrations for both engines.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::StoreError;

/// As SQLite runs them.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The number of the newest one that this program knows.
pub(crate) fn newest_migration() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// As PostgreSQL runs them: text is compared bytewise, as SQLite does by itself, whatever the database's own collation.
pub(super) fn bytewise() -> Migrator {
    let migrations = MIGRATIONS.iter().cloned().map(|mut migration| {
        migration.sql = AssertSqlSafe(collated(migration.sql.as_str())).into_sql_str();
        migration
    });
    Migrator { migrations: Cow::Owned(migrations.collect()), ..Migrator::DEFAULT }
}

/// Every word `TEXT` with its collation.
fn collated(sql: &str) -> String {
    sql.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .map(|word| match word.strip_prefix("TEXT") {
            Some(end) if !end.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => format!("TEXT COLLATE \"C\"{end}"),
            _ => word.to_owned(),
        })
        .collect()
}

/// What a failed migration means to a user; `failed` words what the database says.
pub(super) fn refused(error: MigrateError, at: &str, failed: impl FnOnce(sqlx::Error) -> StoreError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) | MigrateError::VersionTooNew(version, _) => {
            StoreError::NewerSchema { path: at.to_owned(), version }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failed(error),
        other => StoreError::CannotOpen {
            path: at.to_owned(),
            why: other.to_string(),
            next: "use the version of provost that made it".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_a_migration_is_bytewise_on_postgresql() {
        assert_eq!(
            collated("a TEXT NOT NULL,\n b TEXT, TEXTURE TEXT)"),
            "a TEXT COLLATE \"C\" NOT NULL,\n b TEXT COLLATE \"C\", TEXTURE TEXT COLLATE \"C\")"
        );
        for (ours, theirs) in MIGRATIONS.iter().zip(bytewise().iter()) {
            assert_eq!((ours.version, &ours.checksum), (theirs.version, &theirs.checksum), "one set: the same numbers and checksums");
        }
    }
}
