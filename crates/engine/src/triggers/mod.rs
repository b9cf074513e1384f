//! Triggers: what happens elsewhere becomes a small plan for the people whom it concerns.
//!
//! Webhooks, pushes, schedules and watched rosters all go one way: a trigger is kept once, however often it comes; whom it concerns is found
//! by reading, never by believing it; they are planned for as anybody else, with the same guards, windows and standing approvals; and what came
//! of it is kept beside the trigger, to be followed by its id.

mod follow;
mod hear;
mod plan;
mod push;
mod roster;
mod schedule;

use std::collections::BTreeSet;
use std::fmt;

use connector::Signing;
use jiff::{SignedDuration, Timestamp};
use model::{AppName, PersonKey, SourceName, Trigger, TriggerKind, TriggerState};

pub use follow::{Followed, FollowedPlan};
pub use hear::{HeardEvents, Unheard};
pub use roster::Watched;
pub use schedule::{Schedule, Turn};

use crate::{Engine, Proposed, RunSummary};

/// How long triggers that were planned for are kept, at least, and what came of them: far longer than any replay window.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How an app's events are believed.
#[derive(Clone, Debug)]
pub struct Hook {
    /// How they are signed.
    pub signing: Signing,
    /// How far from now an event may have happened; older ones, and such from the future, are refused.
    pub window: SignedDuration,
}

/// Why somebody is planned for now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// This app told of events.
    Webhook(AppName),
    /// This source pushed.
    Push(SourceName),
    /// This schedule was due.
    Schedule(String),
    /// The roster of this source was written.
    Roster(SourceName),
}

impl Cause {
    /// The kind of its triggers.
    pub fn kind(&self) -> TriggerKind {
        match self {
            Self::Webhook(_) => TriggerKind::Webhook,
            Self::Push(_) => TriggerKind::Push,
            Self::Schedule(_) => TriggerKind::Schedule,
            Self::Roster(_) => TriggerKind::Roster,
        }
    }

    /// The app, source or schedule.
    pub fn origin(&self) -> &str {
        match self {
            Self::Webhook(app) => app.as_str(),
            Self::Push(source) | Self::Roster(source) => source.as_str(),
            Self::Schedule(name) => name,
        }
    }

    fn of(kind: TriggerKind, origin: &str) -> Self {
        match kind {
            TriggerKind::Webhook => Self::Webhook(origin.into()),
            TriggerKind::Push => Self::Push(origin.into()),
            TriggerKind::Schedule => Self::Schedule(origin.into()),
            TriggerKind::Roster => Self::Roster(origin.into()),
        }
    }

    /// Whether the configuration still has where it comes from.
    fn is_known(&self, engine: &Engine) -> bool {
        match self {
            Self::Webhook(app) => engine.hooks.contains_key(app),
            Self::Push(source) | Self::Roster(source) => engine.setup.policy.policy().sources.contains_key(source),
            Self::Schedule(name) => engine.schedules.iter().any(|schedule| schedule.name == *name),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(app) => write!(f, "app {app}"),
            Self::Push(source) => write!(f, "source {source}"),
            Self::Schedule(name) => write!(f, "schedule {name}"),
            Self::Roster(source) => write!(f, "roster {source}"),
        }
    }
}

/// What came of triggers.
#[derive(Clone, Debug)]
pub struct PlannedFor {
    /// The id of the planning.
    pub planning: String,
    /// How many triggers it took in.
    pub triggers: usize,
    /// Who was planned for; none for everybody.
    pub people: Option<BTreeSet<PersonKey>>,
    /// The plans.
    pub proposed: Proposed,
    /// The run of what a standing approval covers.
    pub ran: Option<RunSummary>,
}

impl Engine {
    /// A trigger that nobody planned for yet.
    fn trigger(&self, cause: &Cause, event: &str, key: String, at: Timestamp) -> Trigger {
        Trigger {
            id: self.ports.ids.id(),
            kind: cause.kind(),
            from: cause.origin().to_owned(),
            event: event.to_owned(),
            account: String::new(),
            key,
            at,
            came: self.ports.clock.now(),
            state: TriggerState::Waiting,
            person: None,
            planning: None,
        }
    }
}
