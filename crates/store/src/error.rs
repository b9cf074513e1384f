//! What can go wrong in the store, in words that say what happened and what to do.

use jiff::Timestamp;
use model::{AppName, Digest, RunId};

/// Why the store did not do it.  Nothing was changed, unless the text says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened or is not a store.
    #[error("cannot open the store {path}: {why}; {next}")]
    CannotOpen {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
        /// What to do.
        next: String,
    },
    /// A newer program made or changed the store.
    #[error("the store {path} was written by a newer provost (its schema {version} is unknown here); use that version or a later one")]
    NewerSchema {
        /// The file.
        path: String,
        /// The first schema version that is not known.
        version: i64,
    },
    /// Something stored cannot be read back.
    #[error("the store is damaged: {what}: {why}; restore it from a backup")]
    Corrupt {
        /// Where.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// No room.
    #[error("the disk that holds the store is full: nothing of this was kept; free space on it and go on")]
    DiskFull,
    /// The disk did not do as it was told, for another reason than being known as full.
    #[error(
        "the disk that holds the store fails ({why}): what was being written may or may not have been kept; free space on it, or mend it, and go on"
    )]
    Disk {
        /// What SQLite said.
        why: String,
    },
    /// The store's file is not where it was opened.
    #[error(
        "the store {path} was removed or replaced while this worked with it: what was being written is in the file that was there; put that back with its -wal beside it, or restore a backup, and go on"
    )]
    Moved {
        /// The file.
        path: String,
    },
    /// The store may not be written to.
    #[error("the store cannot be written to ({why}); let its file and its folder be written to, and go on")]
    ReadOnly {
        /// What SQLite said.
        why: String,
    },
    /// Another process held the store for too long.
    #[error("another process kept the store busy for too long; try again")]
    Busy,
    /// The way to the database server broke.  What was to be committed at that moment may have been kept.
    #[error(
        "the connection to the store's database is lost ({why}); what was being written may or may not have been kept; check that the server is up, and go on"
    )]
    Lost {
        /// What was noticed.
        why: String,
    },
    /// A text holds a NUL character.
    #[error("a text with a NUL character cannot be stored: {text:?}; remove it where it comes from")]
    Nul {
        /// The text.
        text: String,
    },
    /// There is something in a store that has to be empty.
    #[error("the store {at} is not empty: {holds}; {next}")]
    NotEmpty {
        /// Which store.
        at: String,
        /// What it holds.
        holds: String,
        /// What to do.
        next: &'static str,
    },
    /// A file is no backup, or cannot become one.
    #[error("{path} {why}; {next}")]
    Backup {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
        /// What to do.
        next: &'static str,
    },
    /// The database failed in another way.
    #[error("the store failed: {why}")]
    Failed {
        /// What the database said.
        why: String,
    },
    /// The store was closed while this waited.
    #[error("the store is closed")]
    Closed,
    /// There is no such thing.
    #[error("no {what} {name} in the store")]
    NotFound {
        /// "plan", "run", "reading", …
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// A shortened digest or id is not one, or is too short.
    #[error("{prefix:?} is not the beginning of a {what}: at least four of its hexadecimal digits")]
    BadPrefix {
        /// "plan" or "run".
        what: &'static str,
        /// What was given.
        prefix: String,
    },
    /// A shortened digest or id fits several.
    #[error("{prefix} fits several: {}; give more of it", matches.join(", "))]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// What it fits.
        matches: Vec<String>,
    },
    /// A signature was given before: each counts once.
    #[error("this signature of {by} was given before for plan {digest}, and counts once; sign again, under a new statement")]
    SignatureGiven {
        /// Which plan.
        digest: String,
        /// Whose.
        by: String,
    },
    /// The person or the account already has another link in that app (P7).
    #[error("{app}: person {person} and account {account} cannot be linked: {why}")]
    LinkConflict {
        /// The app.
        app: AppName,
        /// The person's key.
        person: String,
        /// The account's id.
        account: String,
        /// What is linked already.
        why: String,
    },
    /// The plan has a decision that counts.
    #[error("plan {digest} was already {verdict} by {by} at {at}")]
    AlreadyDecided {
        /// The plan, shortened.
        digest: String,
        /// "approved" or "rejected".
        verdict: &'static str,
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The yes to this plan was used up: a yes is used once (P3).
    #[error("plan {digest} was already applied by run {run}; `provost report {run}` shows it, `provost resume {run}` goes on with it")]
    AlreadyUsed {
        /// The plan, shortened.
        digest: String,
        /// The run that used it.
        run: RunId,
    },
    /// A newer plan took its place.
    #[error("plan {digest} was superseded by a newer one; `provost plan` shows it")]
    Superseded {
        /// The plan, shortened.
        digest: String,
    },
    /// The plan has nothing to do.
    #[error("plan {digest} has no step: there is nothing to decide and nothing to apply")]
    Empty {
        /// The plan, shortened.
        digest: String,
    },
    /// The plan, or the yes to it, is too old.
    #[error("{what} {digest} expired at {expires}; {next}")]
    Expired {
        /// "plan" or "the approval of plan".
        what: &'static str,
        /// The plan, shortened.
        digest: String,
        /// When.
        expires: Timestamp,
        /// What to do.
        next: &'static str,
    },
    /// Nobody has said yes to the plan.
    #[error("plan {digest} is not approved; `provost approve {digest}` approves it")]
    NotApproved {
        /// The plan, shortened.
        digest: String,
    },
    /// The plan was rejected.
    #[error("plan {digest} was rejected by {by}: {reason}")]
    Rejected {
        /// The plan, shortened.
        digest: String,
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// The run has ended; its state is final.
    #[error("run {run} has ended")]
    Ended {
        /// The run.
        run: RunId,
    },
    /// Somebody else took the connection: whoever gets this must stop writing at once (F12).
    #[error("{app}: another run took over this connection (turn {epoch} is over); nothing more is written by this one")]
    Fenced {
        /// The connection.
        app: AppName,
        /// The turn that is over.
        epoch: i64,
    },
    /// Another owner works on the connection.
    #[error("{app} is in use by {owner} until {until} or until it is done; one run at a time works on a connection")]
    Leased {
        /// The connection.
        app: AppName,
        /// Who.
        owner: String,
        /// Until when, if not renewed.
        until: Timestamp,
    },
    /// A secret is to be sealed or opened and no key was given.
    #[error("no key to seal secrets with; set PROVOST_KEY or make a key file with `provost init`")]
    NoKey,
    /// What is sealed was sealed with another key, or was changed.
    #[error(
        "what is sealed under {name} does not open with this key; use the key that it was sealed with (PROVOST_KEY or the key file)"
    )]
    WrongKey {
        /// The name of the row.
        name: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Corrupt { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn no_plan(digest: &Digest) -> Self {
        Self::NotFound { what: "plan", name: digest.short() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let error = match error {
            // What a connection of ours was refused for.
            sqlx::Error::Configuration(why) => match why.downcast::<Self>() {
                Ok(ours) => return *ours,
                Err(why) => sqlx::Error::Configuration(why),
            },
            other => other,
        };
        match &error {
            sqlx::Error::PoolClosed => return Self::Closed,
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::Io(why) => return Self::Lost { why: why.to_string() },
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => return Self::corrupt("a row", &error),
            _ => {}
        }
        let Some(database) = error.as_database_error() else { return Self::Failed { why: error.to_string() } };
        let code = database.code().unwrap_or_default();
        if database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
            return Self::of_postgres(&code, database.message());
        }
        // SQLite's primary result code is the low byte of the extended one.
        match code.parse::<i64>().map(|code| code & 0xff) {
            Ok(5 | 6) => Self::Busy,
            Ok(11 | 26) => Self::corrupt("the database file", &error),
            Ok(13) => Self::DiskFull,
            Ok(10) => Self::Disk { why: error.to_string() },
            Ok(8 | 14) => Self::ReadOnly { why: error.to_string() },
            _ => Self::Failed { why: error.to_string() },
        }
    }
}

impl StoreError {
    /// By PostgreSQL's own list of codes, `SQLSTATE`.
    fn of_postgres(code: &str, message: &str) -> Self {
        match code {
            // Its file system, or the quota of a tablespace.
            "53100" => Self::DiskFull,
            // Waited too long for somebody's lock; serialization failures and deadlocks, should another program cause one.
            "55P03" | "40001" | "40P01" => Self::Busy,
            // The server goes down, or ended this connection: idle too long within a transaction.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Self::Lost { why: message.to_owned() },
            code if code.starts_with("08") => Self::Lost { why: message.to_owned() },
            "XX001" | "XX002" => Self::corrupt("the database", message),
            _ => Self::Failed { why: message.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_says_is_told_by_what_to_do() {
        for (code, told) in [
            ("53100", "free space"),
            ("55P03", "try again"),
            ("57P01", "the connection to the store's database is lost"),
            ("08006", "the connection to the store's database is lost"),
            ("XX001", "restore it from a backup"),
            ("42601", "the store failed: it said so"),
        ] {
            let error = StoreError::of_postgres(code, "it said so").to_string();
            assert!(error.contains(told), "{code}: {error}");
        }
    }
}
