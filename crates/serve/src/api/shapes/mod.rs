//! The shapes of what the engine gives, for the document: they are never made, what is shown is the engine's own, as `--format json` shows it.
//! A test holds real answers against them, member by member.

#![expect(dead_code, reason = "shapes are for the document only")]

mod apps;
mod people;
mod plans;
mod runs;

use std::borrow::Cow;
use std::marker::PhantomData;

use model::{Actor, AuditWhat, Effect, Proof, Role};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

pub(in crate::api) use apps::{App, Check, PutAside, Quarantine};
pub(in crate::api) use people::{Explanation, Finding, Person};
pub(in crate::api) use plans::{Change, Guard, Inputs, Step, Verb};
pub(in crate::api) use runs::{AuditEntry, Job, Report, Run};

/// An instant in UTC, as RFC 3339 has it.
pub(in crate::api) struct Instant;

/// A SHA-256: 64 hexadecimal digits.
pub(in crate::api) struct Hex;

/// viewer operator approver admin; each may do what the one before may.
pub(in crate::api) struct RoleShape;

/// What an entry of the audit trail tells of.
pub(in crate::api) struct AuditWord;

/// What a step does to a human.
pub(in crate::api) struct EffectWord;

/// Something, or null.
pub(in crate::api) struct OrNull<T>(PhantomData<T>);

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
pub(in crate::api) struct Somebody {
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
pub(in crate::api) enum PlanStatus {
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
    pub(in crate::api) fn is_one(word: &str) -> bool {
        ["pending", "approved", "rejected", "superseded", "expired", "running", "done"].contains(&word)
    }
}

/// Whether a standing approval counts.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(in crate::api) enum StandingState {
    InForce,
    NeverApproved,
    Revoked,
    Expired,
    PolicyChanged,
    Unsigned,
}

/// What a standing approval covers.
#[derive(JsonSchema)]
pub(in crate::api) struct StandingRule {
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
