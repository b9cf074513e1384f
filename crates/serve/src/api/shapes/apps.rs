//! Apps and how they behave.

use schemars::JsonSchema;

use super::{Hex, Instant, OrNull, Verb};

/// An app.
#[derive(JsonSchema)]
pub(in crate::api) struct App {
    /// Its name.
    app: String,
    /// Its connector.
    connector: String,
    /// The tenant.
    fingerprint: String,
    /// How far its last reading can be trusted; null where it was never read.
    certificate: OrNull<Certificate>,
    /// Accounts in it.
    accounts: u64,
    /// Of these, active ones.
    active: u64,
    /// Links that are kept.
    linked: u64,
    /// The profile that it spoke when it was read last.
    profile: Option<String>,
    /// Whether the log-in saw everybody then.
    sees_all: Option<bool>,
    /// Whether configuration asserts that it does.
    scope_asserted: bool,
    /// The limit that is kept, in words.
    limit: String,
    /// How it behaves.
    health: Health,
    /// Steps that failed alone, and wait.
    put_aside: Vec<PutAside>,
    /// The log-in that is kept; never what it is.
    session: Option<Session>,
    /// When a rival log-in was seen last.
    rival: Option<Instant>,
}

/// A log-in that is kept.
#[derive(JsonSchema)]
pub(in crate::api) struct Session {
    /// Since when.
    since: Instant,
    /// Until when.
    expires: Option<Instant>,
}

/// How far a reading can be trusted.
#[derive(JsonSchema)]
pub(in crate::api) struct Certificate {
    /// When it was read.
    at: Instant,
    /// Complete, by which proof; or partial, and why.
    completeness: Completeness,
    /// Records read.
    count: u64,
    /// From where the next increment goes on.
    watermark: Option<String>,
    /// What was read since.
    increments: Option<Increments>,
}

/// Whether a reading holds everything.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub(in crate::api) enum Completeness {
    /// It does.
    Complete {
        /// How that was proved.
        proof: String,
    },
    /// Something may be missing.
    Partial {
        /// Why.
        why: String,
    },
}

/// What was read since.
#[derive(JsonSchema)]
pub(in crate::api) struct Increments {
    /// When last.
    at: Instant,
    /// How many records.
    count: u64,
}

/// How an app behaves.
#[derive(JsonSchema)]
pub(in crate::api) struct Health {
    /// Pieces of work in a row that came to nothing.
    in_vain: u32,
    /// The quarantine that it is in.
    quarantine: Option<Quarantine>,
    /// How often it was in one.
    quarantines: u32,
    /// The last failure that was its own.
    failing: Option<Failing>,
    /// The pace that was found last.
    pace: Option<Pace>,
    /// When a piece of work ended well.
    well: Option<Instant>,
}

/// Nothing is asked of an app until the next try.
#[derive(JsonSchema)]
pub(in crate::api) struct Quarantine {
    /// Since when.
    since: Instant,
    /// What was too much.
    why: String,
    /// When it is tried again.
    next: Instant,
    /// How often it was tried in vain.
    tries: u32,
    /// A mark of the address and the credentials that it was used with.
    used: Option<Hex>,
}

/// A failure of an app.
#[derive(JsonSchema)]
pub(in crate::api) struct Failing {
    /// When.
    at: Instant,
    /// What was wrong.
    why: String,
    /// The exchange.
    exchange: Exchange,
}

/// One exchange with an app.
#[derive(JsonSchema)]
pub(in crate::api) struct Exchange {
    /// When it was sent.
    at: Instant,
    /// GET, POST, ….
    method: String,
    /// Where to.
    path: String,
    /// The status of the answer.
    status: Option<u16>,
    /// Its content type.
    content_type: Option<String>,
    /// The beginning of its body.
    body: Option<String>,
}

/// A pace that was found.
#[derive(JsonSchema)]
pub(in crate::api) struct Pace {
    /// Requests a minute.
    per_minute: u64,
    /// When.
    at: Instant,
}

/// A step that failed alone, and waits.
#[derive(JsonSchema)]
pub(in crate::api) struct PutAside {
    /// In which app.
    app: String,
    /// Which step.
    step: String,
    /// What it wants, whatever is there now.
    wants: Option<Hex>,
    /// What it does.
    verb: Verb,
    /// For whom.
    person: Option<String>,
    /// How people call them.
    label: String,
    /// How it failed last: `refused`, `drifted`, `unsettled`.
    how: String,
    /// What was said about it last.
    why: String,
    /// How often it failed.
    tries: u32,
    /// When it failed first.
    since: Instant,
    /// When it failed last.
    last: Instant,
    /// Until when it is not tried.
    until: Instant,
    /// The run in which it failed last.
    run: String,
}

/// What a check of one app found.
#[derive(JsonSchema)]
pub(in crate::api) struct Check {
    /// Which app.
    app: String,
    /// Which connector.
    connector: String,
    /// Where.
    base_url: String,
    /// Which tenant.
    fingerprint: String,
    /// What was found there.
    tenant: Tenant,
    /// Whether configuration pins the profile.
    pinned: bool,
    /// The limit that will be kept.
    limit: String,
    /// Since when it was in quarantine, where this ended it.
    recovered: Option<Instant>,
}

/// What was found at an app.
#[derive(JsonSchema)]
pub(in crate::api) struct Tenant {
    /// The profile in force.
    profile: String,
    /// Whether the log-in sees everybody; null where it cannot be told.
    sees_all: OrNull<bool>,
    /// Departments that it sees, where it does not see all.
    sees: Option<Vec<String>>,
    /// Custom fields that are declared.
    declared: Vec<String>,
    /// The app's clock minus ours, in milliseconds.
    clock_ahead_ms: i64,
    /// What else a person should know.
    notes: Vec<String>,
}
