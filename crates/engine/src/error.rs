//! What can go wrong in a use-case: what, where, and what to do next.

use connector::Fault;
use model::{AppName, Digest, Refusal, RunId, SourceName};
use store::StoreError;

use crate::RosterError;

/// Why a use-case ended without its result.  Nothing was changed unless the text says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The roster cannot be used.
    #[error("source {source_name}: {error}")]
    Roster {
        /// Which source.
        source_name: SourceName,
        /// Why.
        error: RosterError,
    },
    /// No source has the role `employment`, or it is of a kind that cannot be read here.
    #[error("{0}")]
    Source(String),
    /// The configuration has no such app.
    #[error("there is no app called {app}; the configuration has: {}", known.iter().map(AppName::as_str).collect::<Vec<_>>().join(", "))]
    NoSuchApp {
        /// The name asked for.
        app: AppName,
        /// Those there are.
        known: Vec<AppName>,
    },
    /// No identity provider pushes to this source.
    #[error("{}", not_pushed(source_name, known))]
    NotPushed {
        /// The name asked for.
        source_name: SourceName,
        /// Those that are pushed.
        known: Vec<SourceName>,
    },
    /// No notice is configured.
    #[error("nobody is told of anything: the configuration has no [notice.NAME]")]
    TellsNobody,
    /// There is no such token.
    #[error("there is no token {id}")]
    NoSuchToken {
        /// What was asked for.
        id: String,
    },
    /// A token that opens nothing any more cannot be rotated.
    #[error("token {id} of source {subject} ended already")]
    TokenEnded {
        /// Which.
        id: String,
        /// Whose it was.
        subject: String,
    },
    /// A source that is asked what it says could not be read.
    #[error("source {source_name}: {fault}")]
    Asked {
        /// Which.
        source_name: SourceName,
        /// Why.
        fault: Fault,
    },
    /// An app could not be read or changed.
    #[error("app {app}: {fault}")]
    App {
        /// Which.
        app: AppName,
        /// Why.
        fault: Fault,
    },
    /// An app fails too much to go on with it.
    #[error("app {app} fails too much: {why}")]
    Failing {
        /// Which.
        app: AppName,
        /// What was too much.
        why: String,
    },
    /// An app failed too much, and nothing is asked of it for a while.
    #[error("app {app} is in quarantine since {since:.0}: {why}; nothing is asked of it until {next:.0}")]
    Quarantined {
        /// Which.
        app: AppName,
        /// Since when.
        since: jiff::Timestamp,
        /// What was too much.
        why: String,
        /// When it is tried again.
        next: jiff::Timestamp,
    },
    /// Somebody else logs in with our user name, again and again.
    #[error("app {app}: {what}; Provost does not fight over it and stopped")]
    Rival {
        /// Which app.
        app: AppName,
        /// What was seen.
        what: String,
    },
    /// A rule reads an attribute that no column gives.
    #[error("the policy reads person.{attribute}, and no column of the roster gives it{}; there are: {known}", nearest.as_ref().map(|name| format!(" (did you mean person.{name}?)")).unwrap_or_default())]
    UnknownAttribute {
        /// The attribute.
        attribute: String,
        /// The nearest one there is.
        nearest: Option<String>,
        /// Those there are.
        known: String,
    },
    /// The plan was made on another tenant.
    #[error("plan {} was made for another tenant of {app} ({planned}) than the one configured now ({configured}); make a new plan here", digest.short())]
    OtherTenant {
        /// Which plan.
        digest: Digest,
        /// Which app.
        app: AppName,
        /// The plan's tenant.
        planned: String,
        /// The configured one.
        configured: String,
    },
    /// The links of an app are about another tenant.
    #[error(
        "the accounts that are linked in {app} are another tenant's than the one configured now: their ids would name other people here; nothing was read or changed"
    )]
    OtherHome {
        /// Which app.
        app: AppName,
    },
    /// The plan is of another version of this program.
    #[error("plan {} has form {found}, this program knows form {known}; make a new plan", digest.short())]
    OtherVersion {
        /// Which plan.
        digest: Digest,
        /// Its form.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The decision does not allow it.
    #[error("plan {} is not approved: {refusal}", digest.short())]
    Refused {
        /// Which plan.
        digest: Digest,
        /// Why.
        refusal: Refusal,
    },
    /// What was signed cannot be taken as it is.
    #[error("the statement about {} does not count: {why}", digest.short())]
    Statement {
        /// Which plan, or standing approval.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// Nothing of a plan is what is to be left out.
    #[error("plan {} has nobody with the key {word}, and no step whose id begins so", digest.short())]
    NoSuchStep {
        /// Which plan.
        digest: Digest,
        /// What was named.
        word: String,
    },
    /// Nothing would be left of a plan.
    #[error("everything of plan {} would be left out", digest.short())]
    AllLeftOut {
        /// Which plan.
        digest: Digest,
    },
    /// No standing approval of the configuration goes by this.
    #[error("no standing approval of the configuration, or more than one, goes by {prefix:?}")]
    NoStanding {
        /// The beginning of its digest, as given.
        prefix: String,
    },
    /// A yes to a standing approval that shows nobody.
    #[error("the standing approval {} is not approved: {why}", digest.short())]
    StandingUnsigned {
        /// Which.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// A change freeze is on.
    #[error(
        "changes are frozen until {until} ({reason}), and the yes to plan {} is not about that: nothing was written; after the freeze it can go on, or `provost plan` holds what the freeze covers, and a yes to that plan while the freeze lasts releases it", digest.short()
    )]
    Frozen {
        /// Which plan.
        digest: Digest,
        /// Why changes are frozen.
        reason: String,
        /// Until when, in the organization's zone.
        until: String,
    },
    /// A run of this plan is cut off or stopped.
    #[error("run {run} of this plan is not finished; `provost resume {run}` goes on with it")]
    Unfinished {
        /// Which run.
        run: RunId,
    },
    /// A run began too long ago to go on with it.
    #[error(
        "run {run} could be resumed until {until:.0}, as long as a yes counts from its beginning; what it left undone is not done under that yes any more: `provost plan` looks at what is there now and plans the rest anew"
    )]
    TooLate {
        /// Which run.
        run: RunId,
        /// Until when.
        until: jiff::Timestamp,
    },
    /// The store failed in the middle of a run: what the run had come to could not even be noted.
    #[error("run {run} stopped: {}the store {store}: {error}", if stopped_by.is_empty() { String::new() } else { format!("{stopped_by}; ") })]
    CutOff {
        /// Which run.
        run: RunId,
        /// Where the store is.
        store: String,
        /// What had stopped it before that, or nothing.
        stopped_by: String,
        /// What the store said.
        error: Box<StoreError>,
    },
    /// A run that can still go on cannot be taken back.
    #[error(
        "run {run} is not finished: `provost resume {run}` goes on with it first; from {until:.0} on nobody can, and what it did can be taken back as it is"
    )]
    NotEnded {
        /// Which run.
        run: RunId,
        /// Until when it can be resumed.
        until: jiff::Timestamp,
    },
    /// What accounts were before a run is not known any more.
    #[error(
        "what the accounts were before run {run} was removed on {swept:.0}, as `[keep] before_images` says: it cannot be taken back any more"
    )]
    ImagesGone {
        /// Which run.
        run: RunId,
        /// When.
        swept: jiff::Timestamp,
    },
    /// A run did nothing for somebody.
    #[error("run {run} has no step for anybody with the key {who}{}", nearest.as_ref().map(|key| format!(" (did you mean {key}?)")).unwrap_or_default())]
    NotInRun {
        /// Which run.
        run: RunId,
        /// The key.
        who: String,
        /// The nearest one there is.
        nearest: Option<String>,
    },
    /// Nobody of that name, key or e-mail.
    #[error("nobody in the roster or in an app is called {who}; give a key, an e-mail or a whole name")]
    Nobody {
        /// The words.
        who: String,
    },
    /// Several people of that name.
    #[error("{who} could be {}; give the key", candidates.join(", "))]
    Several {
        /// The words.
        who: String,
        /// Keys and names.
        candidates: Vec<String>,
    },
    /// Nothing has been read yet.
    #[error("{0} has not been read yet; `provost plan` reads it")]
    NothingRead(String),
    /// What a plan was made from is no longer kept, so that it cannot be rehearsed.
    #[error(
        "plan {} cannot be rehearsed: the reading of {subject} that it was made from, with its records, is no longer kept", digest.short()
    )]
    Swept {
        /// Which plan.
        digest: Digest,
        /// `source.NAME` or `app.NAME`.
        subject: String,
    },
    /// There is no stand-in of an app, or it cannot hold what was read.
    #[error("app {app}: there is no stand-in to rehearse in: {why}")]
    Stage {
        /// Which app.
        app: AppName,
        /// Why, in words.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn not_pushed(name: &SourceName, known: &[SourceName]) -> String {
    match known {
        [] => format!("nothing is pushed to source {name}: the configuration has no source of kind \"scim\""),
        known => {
            let known: Vec<&str> = known.iter().map(SourceName::as_str).collect();
            format!("nothing is pushed to source {name}; sources of kind \"scim\" are: {}", known.join(", "))
        }
    }
}
