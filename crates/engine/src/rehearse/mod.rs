//! Carrying out a plan where nobody is: in stand-ins loaded from the records that it was planned from.
//!
//! What is carried out is a copy of the plan, an app at a time, for tenants that are named as rehearsals of the real ones: so the copy has
//! another digest, no decision about it counts for the plan and none about the plan for it, and neither tenant check lets the one reach
//! where the other belongs.  The copy's decision, run, journal and links are in a store of their own that is thrown away; the only
//! transport leads to the stand-in.  Of the real store nothing is written.

mod act;
mod stage;
mod time;
mod way;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use model::{AppName, AppReading, Class, Digest, Effect, Fingerprint, PersonKey, Plan, Policy, SourceReading, Step, Verb};
use plan::Compiled;
use plan::rehearsal::{Rehearsal, Rehearsed};
use store::StoreError;

use crate::{Engine, EngineError, Watch};
use act::Act;

pub(crate) use act::raw_accounts;
pub use stage::{Cast, Scene, Stage, StandIn};

/// How a rehearsal is done.
#[derive(Clone, Copy)]
pub struct Rehearse<'a> {
    /// Makes the stand-ins.
    pub stage: &'a dyn Stage,
    /// A folder for what is thrown away.
    pub scratch: &'a Path,
    /// What chance is made from.
    pub seed: u64,
    /// Whether it is also carried out under faults.
    pub faulty: bool,
}

/// What one app's part is rehearsed from.
struct Part<'a> {
    app: AppName,
    steps: Vec<&'a Step>,
    reading: AppReading,
    raw: Vec<u8>,
}

impl Engine {
    /// Rehearses a plan: its steps, app by app, in stand-ins loaded from the readings it was made from; once where nothing fails, and once
    /// under faults.  Nothing is written to the store or to an app, nothing is asked of an app, and the plan stays as it is.
    ///
    /// # Errors
    /// The plan is unknown, of another version, for another tenant, or empty; a reading that it was made from is no longer there
    /// ([`EngineError::Swept`]); a stand-in cannot hold a record ([`EngineError::Stage`]).
    pub async fn rehearse(&self, digest: &Digest, how: Rehearse<'_>, watch: &dyn Watch) -> Result<Rehearsal, EngineError> {
        let now = self.ports.clock.now();
        let plan = self.store.plan(digest, now).await?.plan;
        self.check_plan(&plan)?;
        let (roster, parts) = self.parts(digest, &plan).await?;
        let policy = self.setup.policy.policy();
        let only: BTreeSet<PersonKey> = plan.inputs.only.iter().map(|key| PersonKey::new(key.as_str())).collect();
        let links = self.store.links().await?;
        let acts = parts.into_iter().map(|part| {
            let (digest, plan, roster, only, links) = (*digest, &plan, &roster, &only, &links);
            async move {
                let act = Act { engine: self, how, digest, plan, part, roster, only: (!only.is_empty()).then_some(only), links, watch };
                let app = act.part.app.clone();
                Ok::<_, EngineError>((app, act.rehearse().await?))
            }
        });
        let apps: BTreeMap<AppName, (Rehearsed, Option<String>)> = try_join_all(acts).await?.into_iter().collect();
        let mut notes: BTreeSet<String> = BTreeSet::new();
        for (app, (rehearsed, note)) in &apps {
            notes.extend(note.clone());
            let age = now.as_second() - rehearsed.read.as_second();
            if policy.apps.get(app).is_some_and(|policy| age > policy.max_age) {
                notes.insert(format!(
                    "{app} was read {:.0}, longer ago than a plan may rest on: what changed there since is in no rehearsal; `provost plan` reads anew",
                    rehearsed.read
                ));
            }
        }
        let apps: BTreeMap<AppName, Rehearsed> = apps.into_iter().map(|(app, (rehearsed, _))| (app, rehearsed)).collect();
        let mut effects = BTreeMap::new();
        let mut notified = Vec::new();
        for step in &plan.steps {
            step.effects.iter().for_each(|effect| *effects.entry(effect.word()).or_default() += 1);
            if step.effects.contains(&Effect::Notified) {
                notified.push(step.person.as_ref().map_or_else(|| step.label.to_string(), |key| format!("{key} {}", step.label)));
            }
        }
        let passes = || apps.values().flat_map(|app| std::iter::once(&app.clean).chain(&app.faulty));
        Ok(Rehearsal {
            plan: *digest,
            class: match &plan.class {
                Class::Open => "open".to_owned(),
                Class::Held(class) => format!("held: {class}"),
            },
            steps: plan.steps.len() as u64,
            as_promised: passes().all(|pass| pass.as_promised),
            millis: apps.values().map(|app| app.clean.millis).max().unwrap_or(0),
            effects,
            notified,
            apps,
            notes: notes.into_iter().collect(),
        })
    }

    /// What each app's part of a plan is rehearsed from.
    async fn parts<'a>(&self, digest: &Digest, plan: &'a Plan) -> Result<(SourceReading, Vec<Part<'a>>), EngineError> {
        let swept = |subject: &str| {
            let subject = subject.to_owned();
            move |error: StoreError| match error {
                StoreError::NotFound { .. } => EngineError::Swept { digest: *digest, subject },
                other => other.into(),
            }
        };
        let read = |subject: &str| {
            let known = plan.inputs.readings.get(subject).copied();
            known.ok_or_else(|| EngineError::Swept { digest: *digest, subject: subject.to_owned() })
        };
        let mut by_app: BTreeMap<AppName, Vec<&Step>> = BTreeMap::new();
        for step in &plan.steps {
            by_app.entry(step.app.clone()).or_default().push(step);
        }
        if by_app.is_empty() {
            return Err(StoreError::Empty { digest: digest.short() }.into());
        }
        let source = self.employment()?;
        let subject = format!("source.{source}");
        let roster = self.store.source_reading(&source, &read(&subject)?).await.map_err(swept(&subject))?;
        let mut parts = Vec::new();
        for (app, steps) in by_app {
            let subject = format!("app.{app}");
            let of = read(&subject)?;
            let reading = self.store.app_reading(&app, &of).await.map_err(swept(&subject))?;
            let raw = self.store.app_raw(&app, &of).await.map_err(swept(&subject))?;
            parts.push(Part { app, steps, reading, raw });
        }
        Ok((roster, parts))
    }

    /// The policy once more: an engine has its own.  Freezes are left out: they protect people, and nobody is there.
    fn policy_again(&self) -> Compiled {
        let manifests = self.setup.apps.iter().map(|(app, setup)| (app.clone(), setup.target.manifest())).collect();
        let policy = Policy { freezes: Vec::new(), ..self.setup.policy.policy().clone() };
        Compiled::new(policy, &manifests).expect("it was compiled before, against the same manifests")
    }
}

/// The tenant that a rehearsal is about, which no tenant is.
fn rehearsed(tenant: &Fingerprint) -> Fingerprint {
    Fingerprint::new(format!("rehearsal:{tenant}"))
}

/// The copy of an app's part of a plan that is carried out.
fn copy(plan: &Plan, digest: &Digest, part: &Part<'_>) -> Plan {
    let mut inputs = plan.inputs.clone();
    inputs.tenants = BTreeMap::from([(part.app.clone(), rehearsed(&part.reading.fingerprint))]);
    Plan {
        class: Class::Open,
        // Nobody is hurt, so nobody else has to agree.
        four_eyes: false,
        guards: Vec::new(),
        inputs,
        names: plan.names.iter().filter(|(app, _)| **app == part.app).map(|(app, names)| (app.clone(), names.clone())).collect(),
        organization: format!("rehearsal of plan {digest}"),
        steps: part.steps.iter().map(|step| (*step).clone()).collect(),
        version: plan.version,
    }
}

/// The fewest requests that could write these steps: full batches, no look.
fn least(steps: &[&Step], manifest: &model::Manifest) -> u64 {
    let mut by_verb: BTreeMap<Verb, usize> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.verb != Verb::Link) {
        *by_verb.entry(step.verb).or_default() += 1;
    }
    by_verb.into_iter().map(|(verb, count)| count.div_ceil(manifest.batch(verb)) as u64).sum()
}

/// Up to when the readings that a rehearsal starts from say what there was.
fn opening(part: &Part<'_>, roster: &SourceReading) -> Timestamp {
    part.reading.certificate.until().max(roster.certificate.until())
}
