//! The pure nouns of Provost: no async, no clock, no chance, no IO.
//!
//! Everything the other crates talk about is here, once: people and accounts ([`Person`], [`Account`]), what was read
//! ([`SourceReading`], [`AppReading`], [`Certificate`]), what policy wants ([`Policy`]), what shall change ([`Step`], [`Plan`]), who
//! said yes ([`Decision`], [`Approved`]) and what became of it ([`StepRecord`], [`Run`], [`Finding`]).

/// Text as the model keeps it: up to 24 bytes without memory of its own.
pub use compact_str::CompactString as Text;

mod account;
mod audit;
mod canonical;
mod cores;
mod decision;
mod digests;
mod effects;
mod few;
mod finding;
mod health;
mod idp;
mod ids;
mod link;
mod manifest;
mod named;
mod notice;
mod person;
mod plan;
mod policy;
mod pushed;
mod reading;
mod role;
mod run;
mod secret;
mod signature;
mod step;
mod trigger;
mod value;

pub use account::{Account, Content, Department, Enrolment, EnrolmentState, Group, Image, LogIn};
pub use audit::{AuditEntry, AuditWhat, Audited, Subject};
pub use canonical::{canonical_json, digest_of};
pub use cores::in_order;
pub use decision::{Actor, Approved, Decision, Proof, Refusal, Verdict};
pub use digests::{DigestSet, digest_set};
pub use effects::Effects;
pub use few::Few;
pub use finding::{Finding, FindingKind, Place};
pub use health::{Alone, Aside, Exchange, Failing, FoundPace, Health, Quarantine};
pub use idp::{GroupGives, IdpPolicy, IdpState, IdpWord};
pub use ids::{AccountId, AppName, Digest, DigestError, Fingerprint, PersonKey, RunId, SourceName, StepId};
pub use link::{Evidence, Link};
pub use manifest::{AdminMark, Attribute, Compare, EnrolmentsBy, LandsLate, Manifest, RateLimit, Shape, Support};
pub use named::{Iter, Named};
pub use notice::{Delivery, DeliveryState, Notice, NoticeRule, Occasion};
pub use person::{Person, Standing};
pub use plan::{Class, Concerned, GuardVerdict, Inputs, PLAN_VERSION, Plan, PlanDigest, Proposal, STEPS_IN_PART};
pub use policy::{
    Adopt, AppPolicy, Approval, By, EnrolRule, Expr, Freeze, FreezeWindow, GroupPolicy, GuardRule, Join, Lower, MatchRule, On,
    Organization, Policy, SetRule, Shrink, SourcePolicy, SourceRole, StandingApproval,
};
pub use pushed::{Draft, Member, MemberChange, Query, Resource, ResourceKind, Token};
pub use reading::{AppReading, Certificate, Completeness, Increments, Kind, SourceReading, Tenant};
pub use role::Role;
pub use run::{Receipt, Run, RunState, StepRecord, StepState};
pub use secret::Secret;
pub use signature::{Nobody, Signature, Signatures, Spoken, Statement};
pub use step::{Change, Changes, Effect, Ref, Step, Verb};
pub use trigger::{Planning, Trigger, TriggerKind, TriggerState};
pub use value::{Attributes, Value};
