//! The pure nouns of Provost: no async, no clock, no chance, no IO.
//!
//! Everything the other crates talk about is here, once: people and accounts ([`Person`], [`Account`]), what was read
//! ([`SourceReading`], [`AppReading`], [`Certificate`]), what policy wants ([`Policy`]), what shall change ([`Step`], [`Plan`]), who
//! said yes ([`Decision`], [`Approved`]) and what became of it ([`StepRecord`], [`Run`], [`Finding`]).

mod account;
mod canonical;
mod changes;
mod decision;
mod finding;
mod ids;
mod link;
mod manifest;
mod person;
mod plan;
mod policy;
mod reading;
mod run;
mod secret;
mod step;
mod value;

pub use account::{Account, Content, Department, Enrolment, EnrolmentState, Group};
pub use canonical::{canonical_json, digest_of, digest_set};
pub use changes::Changes;
pub use decision::{Actor, Approved, Decision, Proof, Refusal, Verdict};
pub use finding::{Finding, FindingKind, Place};
pub use ids::{AccountId, AppName, Digest, DigestError, Fingerprint, PersonKey, RunId, SourceName, StepId};
pub use link::{Evidence, Link};
pub use manifest::{Attribute, Compare, EnrolmentsBy, Manifest, RateLimit, Shape, Support};
pub use person::{Person, Standing};
pub use plan::{Class, GuardVerdict, Inputs, PLAN_VERSION, Plan, Proposal};
pub use policy::{
    Adopt, AppPolicy, Approval, By, EnrolRule, Expr, GroupPolicy, GuardRule, Join, Lower, MatchRule, On, Organization, Policy, SetRule,
    Shrink, SourcePolicy, SourceRole, StandingApproval,
};
pub use reading::{AppReading, Certificate, Completeness, Increments, Kind, SourceReading, Tenant};
pub use run::{Receipt, Run, RunState, StepRecord, StepState};
pub use secret::Secret;
pub use step::{Change, Effect, Ref, Step, Verb};
pub use value::{Attributes, Value};
