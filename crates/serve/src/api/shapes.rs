//! The shapes of what the engine gives, for the document: they are never made, what is shown is the engine's own, as `--format json` shows it.
//! A test holds real answers against them, member by member.

#![expect(dead_code, reason = "shapes are for the document only")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::{Actor, AuditWhat, Effect, Proof, Role};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

/// An instant in UTC, as RFC 3339 has it.
pub(super) struct Instant;

/// A SHA-256: 64 hexadecimal digits.
pub(super) struct Hex;

/// viewer operator approver admin; each may do what the one before may.
pub(super) struct RoleShape;

/// What an entry of the audit trail tells of.
pub(super) struct AuditWord;

/// What a step does to a human.
pub(super) struct EffectWord;

/// Something, or null.
pub(super) struct OrNull<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrNull<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Option::<T>::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

macro_rules! texts {
    ($($name:ident $says:expr;)*) => {
        $(impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $says
            }
        })*
    };
}

texts! {
    Instant json_schema!({ "type": "string", "format": "date-time" });
    Hex json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    RoleShape json_schema!({ "type": "string", "enum": Role::ALL });
    AuditWord json_schema!({ "type": "string", "enum": AuditWhat::ALL.map(AuditWhat::word) });
    EffectWord json_schema!({ "type": "string", "enum": Effect::ALL });
}

/// Somebody who asked or decided.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Somebody {
    /// The name.
    name: String,
    /// How we know: `unauthenticated` (a name only), `authenticated`, `signed`, `assistant`, `standing` (a standing approval).
    proof: String,
}

impl From<Actor> for Somebody {
    fn from(actor: Actor) -> Self {
        let proof = match actor.proof {
            Proof::Unauthenticated => "unauthenticated",
            Proof::Authenticated => "authenticated",
            Proof::Assistant => "assistant",
            Proof::Standing => "standing",
            Proof::Signed(_) => "signed",
        };
        Self { name: actor.name, proof: proof.to_owned() }
    }
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(super) enum PlanStatus {
    Pending,
    Approved,
    Rejected,
    Superseded,
    Expired,
    Running,
    Done,
}

impl PlanStatus {
    /// Whether a word is one of them.
    pub(super) fn is_one(word: &str) -> bool {
        ["pending", "approved", "rejected", "superseded", "expired", "running", "done"].contains(&word)
    }
}

/// Whether a standing approval counts.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(super) enum StandingState {
    InForce,
    NeverApproved,
    Revoked,
    Expired,
    PolicyChanged,
    Unsigned,
}

/// What a standing approval covers.
#[derive(JsonSchema)]
pub(super) struct StandingRule {
    /// Whose changes.
    source: String,
    /// Only these effects.
    effects: Vec<EffectWord>,
    /// At most so many steps within a day, in all plans together.
    max: u64,
    /// Until (and including) this day, in the organization's zone.
    #[schemars(extend("format" = "date"))]
    until: String,
}

/// One person in a list.
#[derive(JsonSchema)]
pub(super) struct Person {
    /// The source's key.
    key: String,
    /// Display name.
    name: String,
    /// E-mail, or "".
    email: String,
    /// Department, or "".
    department: String,
    /// What the roster's status column says.
    standing: StandingWord,
    /// The linked accounts, per app.
    accounts: Vec<LinkedAccount>,
}

/// What the roster's status column says.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(super) enum StandingWord {
    Active,
    Left,
    Unsaid,
}

/// A linked account in a list.
#[derive(JsonSchema)]
pub(super) struct LinkedAccount {
    /// In which app.
    app: String,
    /// The vendor's id.
    account: String,
    /// Whether it can log in; null when the last reading did not show it.
    active: OrNull<bool>,
}

/// Everything about one person.
#[derive(JsonSchema)]
pub(super) struct Explanation {
    /// The key.
    person: String,
    /// How people call them; empty when the roster does not name them.
    name: String,
    /// What the roster says, in words.
    stands: String,
    /// Every attribute of the roster.
    attributes: BTreeMap<String, String>,
    /// What identity providers said last, by source.
    idp: Option<BTreeMap<String, Heard>>,
    /// What there is and will be in each app.
    apps: BTreeMap<String, InApp>,
    /// What was found about this person.
    findings: Vec<Finding>,
}

/// The word of an identity provider.
#[derive(JsonSchema)]
pub(super) struct Heard {
    /// The groups that policy goes by and the person is in.
    groups: Option<Vec<String>>,
    /// Those that the person is not in.
    outside: Option<Vec<String>>,
    /// When it said so.
    said: Instant,
    /// How they stand: `active`, `inactive`, `deleted`, `absent`.
    state: String,
    /// Days since it did.
    age_days: i64,
}

/// One person in one app.
#[derive(JsonSchema)]
pub(super) struct InApp {
    /// The account, when one is known or found.
    account: Option<String>,
    /// How account and person belong together, in words.
    bond: String,
    /// Whether the account is active.
    active: Option<bool>,
    /// What the account holds now, by the app's names.
    has: BTreeMap<String, String>,
    /// Managed groups the account is in.
    groups: Vec<String>,
    /// Whether policy wants the person to have an account.
    wanted: bool,
    /// Owned values that differ.
    differs: BTreeMap<String, Change>,
    /// What the next plans would do: pairs of the class that holds it (or null) and the step.
    next: Vec<(Option<String>, Step)>,
}

/// Something that a human should know.
#[derive(JsonSchema)]
pub(super) struct Finding {
    /// The sort (docs/findings.md).
    kind: String,
    /// In which app.
    app: Option<String>,
    /// About which person.
    person: Option<String>,
    /// About which account.
    account: Option<String>,
    /// Where in a file.
    place: Option<FilePlace>,
    /// What, in a sentence.
    what: String,
    /// What can be done about it.
    next: Option<String>,
}

/// A place in a file.
#[derive(JsonSchema)]
pub(super) struct FilePlace {
    /// The file.
    file: String,
    /// The line, from 1.
    line: u64,
}

/// An app.
#[derive(JsonSchema)]
pub(super) struct App {
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
pub(super) struct Session {
    /// Since when.
    since: Instant,
    /// Until when.
    expires: Option<Instant>,
}

/// How far a reading can be trusted.
#[derive(JsonSchema)]
pub(super) struct Certificate {
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
pub(super) enum Completeness {
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
pub(super) struct Increments {
    /// When last.
    at: Instant,
    /// How many records.
    count: u64,
}

/// How an app behaves.
#[derive(JsonSchema)]
pub(super) struct Health {
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
pub(super) struct Quarantine {
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
pub(super) struct Failing {
    /// When.
    at: Instant,
    /// What was wrong.
    why: String,
    /// The exchange.
    exchange: Exchange,
}

/// One exchange with an app.
#[derive(JsonSchema)]
pub(super) struct Exchange {
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
pub(super) struct Pace {
    /// Requests a minute.
    per_minute: u64,
    /// When.
    at: Instant,
}

/// A step that failed alone, and waits.
#[derive(JsonSchema)]
pub(super) struct PutAside {
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
pub(super) struct Check {
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
pub(super) struct Tenant {
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

/// What a step does at the app.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(super) enum Verb {
    CreateDepartment,
    CreateGroup,
    Link,
    Restore,
    Create,
    Update,
    Relate,
    Enrol,
    Leave,
}

/// One change to one account, fully decided.
#[derive(JsonSchema)]
pub(super) struct Step {
    /// Which account: an id, or which step makes it.
    account: Option<Reference>,
    /// Groups to add.
    add_groups: Option<Vec<Reference>>,
    /// In which app.
    app: String,
    /// The content to enrol in.
    content: Option<String>,
    /// What it does to the human.
    effects: Vec<EffectWord>,
    /// The rule that matched.
    evidence: Option<String>,
    /// A hash of everything else.
    id: String,
    /// How people call them.
    label: String,
    /// Steps that must have been done before.
    needs: Option<Vec<String>>,
    /// For whom.
    person: Option<String>,
    /// Why, in a sentence.
    reason: String,
    /// Groups to remove.
    remove_groups: Option<Vec<String>>,
    /// Owned values, before and after.
    set: Option<BTreeMap<String, Change>>,
    /// What is done.
    verb: Verb,
}

/// An id that is known, or will be made by an earlier step.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Reference {
    /// The app's own id.
    Id(String),
    /// What a step of the same plan makes.
    CreatedBy {
        /// That step.
        created_by: String,
    },
}

/// One owned value.
#[derive(JsonSchema)]
pub(super) struct Change {
    /// As it was read; null when there was nothing.
    before: Value,
    /// As it shall be.
    after: Value,
}

/// What one guard counted.
#[derive(JsonSchema)]
pub(super) struct Guard {
    /// The rule's name in the configuration.
    guard: String,
    /// In which app.
    app: String,
    /// Which group or department, where the rule goes by one.
    within: Option<String>,
    /// Effects counted.
    count: u64,
    /// Active managed accounts before.
    accounts: u64,
    /// Whether it holds.
    tripped: bool,
    /// The comparison in words.
    why: String,
    /// Where it holds: everybody who is in the count.
    people: Option<Vec<Concerned>>,
}

/// Somebody whom a guard counted.
#[derive(JsonSchema)]
pub(super) struct Concerned {
    /// Their key.
    person: Option<String>,
    /// Their name, or that of a group or department.
    name: Option<String>,
    /// Their department.
    department: Option<String>,
    /// Whether they were counted from before.
    earlier: Option<bool>,
}

/// What a plan was computed from.
#[derive(JsonSchema)]
pub(super) struct Inputs {
    /// Digest of the policy.
    policy: Hex,
    /// Digest of each reading.
    readings: BTreeMap<String, Hex>,
    /// Digest of the links.
    links: Hex,
    /// Digest of what guards remember.
    earlier: Hex,
    /// The instant that it is for.
    as_of: Instant,
    /// Version of the time-zone data.
    time_zones: String,
    /// The tenant of each app.
    tenants: BTreeMap<String, String>,
    /// The only people that were planned for.
    only: Option<Vec<String>>,
    /// Apps where accounts that were there before us were never changed under a yes.
    first: Option<Vec<String>>,
    /// The standing approval that it was cut for.
    standing: Option<Hex>,
    /// The run that it takes back.
    reverts: Option<String>,
    /// Digest of what is put aside.
    aside: Option<Hex>,
}

/// Where a run stands.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(super) enum RunState {
    Running,
    Finished,
    Stopped,
}

/// The carrying out of a plan.
#[derive(JsonSchema)]
pub(super) struct Run {
    /// Its id.
    id: String,
    /// The plan.
    digest: Hex,
    /// The decision that it used up.
    decision: String,
    /// Where it stands.
    state: RunState,
    /// When it began.
    started: Instant,
    /// When it ended or stopped.
    ended: Option<Instant>,
    /// Why it stopped.
    stopped_by: Option<String>,
}

/// What became of a run.
#[derive(JsonSchema)]
pub(super) struct Report {
    /// The run.
    run: String,
    /// The plan.
    plan: Hex,
    /// Where it stands.
    state: RunState,
    /// When it began.
    started: Instant,
    /// When it ended or stopped.
    ended: Option<Instant>,
    /// Why it stopped.
    stopped_by: Option<String>,
    /// Steps in the plan.
    steps: u64,
    /// Steps whose end state is there.
    done: u64,
    /// App, verb, outcome: steps.
    counts: BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>,
    /// What the done steps did to people: steps by effect.
    effects: BTreeMap<String, u64>,
    /// Requests a minute that an app was found to take.
    found_per_minute: Option<BTreeMap<String, u64>>,
    /// Steps that were not done.
    open: Vec<Undone>,
    /// The command that makes the plan which takes it back.
    undo: Option<String>,
}

/// A step that was not done.
#[derive(JsonSchema)]
pub(super) struct Undone {
    /// Which.
    step: String,
    /// In which app.
    app: String,
    /// What it would do.
    verb: String,
    /// To whom.
    who: String,
    /// The outcome in a word.
    outcome: String,
    /// What is known about it.
    detail: String,
}

/// What this server does for somebody.
#[derive(JsonSchema)]
pub(super) struct Job {
    /// Its id.
    id: String,
    /// What it does.
    task: Task,
    /// For whom.
    by: String,
    /// Since when.
    began: Instant,
    /// How far it is.
    progress: Progress,
    /// What came of it; not there while it is under way.
    came: Option<Came>,
    /// When it ended.
    ended: Option<Instant>,
}

/// What a job does.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", tag = "kind")]
pub(super) enum Task {
    /// Read, and plan.
    Plan {
        /// For whom only.
        people: Option<Vec<String>>,
    },
    /// Carry out an approved plan.
    Run {
        /// Which.
        plan: Hex,
    },
    /// Go on with a run.
    Resume {
        /// Which.
        run: String,
    },
    /// Plan what takes a run back.
    Revert {
        /// Which.
        run: String,
    },
}

/// How far a job is.
#[derive(JsonSchema)]
pub(super) struct Progress {
    /// What was read of each source and app.
    read: BTreeMap<String, Reading>,
    /// The run, once it began.
    run: Option<String>,
    /// Steps, of each app.
    steps: BTreeMap<String, StepCount>,
    /// What was told on the way.
    notes: Vec<String>,
}

/// How much of something was read.
#[derive(JsonSchema)]
pub(super) struct Reading {
    /// Records so far.
    records: u64,
    /// Records in all.
    total: Option<u64>,
    /// How complete it is, in words.
    certificate: Option<String>,
}

/// How many steps of an app ended.
#[derive(JsonSchema)]
pub(super) struct StepCount {
    /// To be done when it began.
    total: u64,
    /// Done.
    done: u64,
    /// Ended otherwise.
    other: u64,
}

/// What came of a job.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", tag = "outcome")]
pub(super) enum Came {
    /// Plans.
    Planned {
        /// Which proposal.
        proposal: OrNull<u64>,
        /// The open plan, then the held ones.
        plans: Vec<Hex>,
    },
    /// A run.
    Ran {
        /// Which.
        run: String,
        /// How it ended.
        state: RunState,
        /// Steps done.
        done: u64,
        /// Steps that ended otherwise.
        other: u64,
        /// Steps without an outcome.
        left: u64,
        /// Requests sent, per app.
        requests: BTreeMap<String, u64>,
    },
    /// An error.
    Failed {
        /// What happened.
        what: String,
        /// What to do.
        next: String,
    },
}

/// An entry of the audit trail.
#[derive(JsonSchema)]
pub(super) struct AuditEntry {
    /// Its place, from 1.
    seq: u64,
    /// When.
    at: Instant,
    /// Who, and how we know.
    actor: BTreeMap<String, Value>,
    /// What.
    what: AuditWord,
    /// To what.
    subject: String,
    /// More about it.
    details: Value,
    /// The hash of the entry before.
    previous: Hex,
    /// The hash of this one.
    hash: Hex,
}
