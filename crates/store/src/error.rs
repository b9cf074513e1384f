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
    #[error("the disk that holds the store is full: nothing of this was kept; make room and go on")]
    DiskFull,
    /// Another process held the store for too long.
    #[error("another process kept the store busy for too long; try again")]
    Busy,
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
        match &error {
            sqlx::Error::PoolClosed => return Self::Closed,
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => return Self::corrupt("a row", &error),
            _ => {}
        }
        // SQLite's primary result code is the low byte of the extended one.
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok()).map(|code| code & 0xff);
        match code {
            Some(5 | 6) => Self::Busy,
            Some(11 | 26) => Self::corrupt("the database file", &error),
            Some(13) => Self::DiskFull,
            _ => Self::Failed { why: error.to_string() },
        }
    }
}
