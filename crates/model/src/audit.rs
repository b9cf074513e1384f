//! The audit trail: what happened, by whom, chained by hash so that no entry can be changed, removed or moved unseen.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Actor, AppName, Digest, RunId, digest_of};

/// What an entry tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditWhat {
    /// The trail begins in a store that has plans, decisions or runs from before there was one.
    Begun,
    /// A plan was made, or proposed again; held ones name the guards that hold them.
    Planned,
    /// Somebody stood for having asked for a plan, with a signature.
    Asked,
    /// A plan was split in two: what goes on, and what was left out.
    Split,
    /// Another plan took the place of this one.
    Superseded,
    /// Nobody had said yes to a plan, or used the yes, in time, when another was made.
    Expired,
    /// Somebody said yes to a plan.
    Approved,
    /// Somebody said no to a plan.
    Rejected,
    /// A run began and used up the yes.
    RunStarted,
    /// A run goes on.
    RunResumed,
    /// A run stopped before its end.
    RunStopped,
    /// Every step of a run has its outcome.
    RunFinished,
    /// Somebody said yes to a standing approval.
    StandingApproved,
    /// Somebody took back the yes to a standing approval.
    StandingRevoked,
    /// A person let us into an app.
    Connected,
    /// An app failed too much: nothing is asked of it for a while.
    Quarantined,
    /// The quarantine of an app ended: it answered, or somebody ended it by hand.
    QuarantineEnded,
    /// A step failed alone and waits.
    PutAside,
    /// Somebody lets a step that waits be tried again.
    Retried,
    /// A token was made that lets another program in.
    TokenMade,
    /// A token was ended before its time.
    TokenRevoked,
    /// All of a store was copied into this one.
    Copied,
    /// A backup was brought back into this store.
    Restored,
}

impl AuditWhat {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Begun,
        Self::Planned,
        Self::Asked,
        Self::Split,
        Self::Superseded,
        Self::Expired,
        Self::Approved,
        Self::Rejected,
        Self::RunStarted,
        Self::RunResumed,
        Self::RunStopped,
        Self::RunFinished,
        Self::StandingApproved,
        Self::StandingRevoked,
        Self::Connected,
        Self::Quarantined,
        Self::QuarantineEnded,
        Self::PutAside,
        Self::Retried,
        Self::TokenMade,
        Self::TokenRevoked,
        Self::Copied,
        Self::Restored,
    ];

    /// The word in the trail.
    pub fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Planned => "planned",
            Self::Asked => "asked",
            Self::Split => "split",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::RunStarted => "run_started",
            Self::RunResumed => "run_resumed",
            Self::RunStopped => "run_stopped",
            Self::RunFinished => "run_finished",
            Self::StandingApproved => "standing_approved",
            Self::StandingRevoked => "standing_revoked",
            Self::Connected => "connected",
            Self::Quarantined => "quarantined",
            Self::QuarantineEnded => "quarantine_ended",
            Self::PutAside => "put_aside",
            Self::Retried => "retried",
            Self::TokenMade => "token_made",
            Self::TokenRevoked => "token_revoked",
            Self::Copied => "copied",
            Self::Restored => "restored",
        }
    }
}

/// What an entry is about; as text `plan:DIGEST`, `run:ID`, `app:NAME`, `store`, or another kind and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A plan.
    Plan(Digest),
    /// A run.
    Run(RunId),
    /// An app.
    App(AppName),
    /// The store itself.
    Store,
    /// Something else: its kind in one word, and its name.
    Other(&'static str, String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(digest) => write!(f, "plan:{digest}"),
            Self::Run(run) => write!(f, "run:{run}"),
            Self::App(app) => write!(f, "app:{app}"),
            Self::Store => f.write_str("store"),
            Self::Other(kind, name) => write!(f, "{kind}:{name}"),
        }
    }
}

/// What is to be noted.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, and how we know.
    pub actor: Actor,
    /// What.
    pub what: AuditWhat,
    /// To what.
    pub subject: Subject,
    /// More about it: an object; whole numbers, no secrets.
    pub details: Value,
}

/// An entry as it stands in the trail.  Its hash is the SHA-256 of the canonical JSON (RFC 8785) of everything else.
///
/// The fields stand in the order of canonical JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Audited {
    /// Who: [`Actor`] as JSON.
    pub actor: Value,
    /// When, to the millisecond.
    pub at: Timestamp,
    /// More about it.
    pub details: Value,
    /// SHA-256 of the rest.
    pub hash: Digest,
    /// The hash of the entry before; zeros for the first.
    pub previous: Digest,
    /// Its place, counted from 1.
    pub seq: u64,
    /// To what ([`Subject`]).
    pub subject: String,
    /// What ([`AuditWhat`]).
    pub what: String,
}

impl Audited {
    /// What the first entry follows.
    pub const NOTHING: Digest = Digest::new([0; 32]);

    /// The hash that the entry must have.
    pub fn right_hash(&self) -> Digest {
        #[derive(Serialize)]
        struct Hashed<'a> {
            actor: &'a Value,
            at: &'a Timestamp,
            details: &'a Value,
            previous: &'a Digest,
            seq: u64,
            subject: &'a str,
            what: &'a str,
        }
        let Self { actor, at, details, hash: _, previous, seq, subject, what } = self;
        digest_of(&Hashed { actor, at, details, previous, seq: *seq, subject, what })
    }

    /// The name of who did it.
    pub fn by(&self) -> &str {
        self.actor["name"].as_str().unwrap_or_default()
    }
}
