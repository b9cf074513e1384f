//! Writing: up to 200 users a call, looked at before and afterwards.
//!
//! Whatever the answer was, what is there decides.  A call that was refused as a whole is sent again in halves, each after a look, until
//! the user whom the vendor does not take stands alone and is named (A08).

use connector::{Done, Fault, Outcome, Scope};
use model::{AccountId, Approved, Receipt, Secret, Step, Verb};
use serde_json::Value as Json;

use super::Absorb;
use super::batch::{Said, send};
use super::convert::{id_of, image, new_user, same, value, whole};
use super::judge::{after, before};
use super::look::{Told, Want};
use super::manifest::{BATCH, MANIFEST};
use super::profile::{Batch, Profile};
use super::wire::Writer;
use super::{department, enrol};
use crate::sabotage::{Off, is_off};

/// Carries out steps; one outcome for each, in their order.
pub(super) async fn apply(absorb: &Absorb, writer: Writer<'_>, steps: &[Approved<Step>]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(steps.len());
    // More than a batch is sent as several: the vendor would refuse 201.
    for steps in steps.chunk_by(|a, b| together(a) == together(b) && together(a) != Together::Alone).flat_map(|one| one.chunks(BATCH)) {
        let kind = together(&steps[0]);
        let steps: Vec<&Step> = steps.iter().map(Approved::get).collect();
        outcomes.extend(match kind {
            Together::Users => users(absorb, writer, &steps).await,
            Together::Links => links(absorb, writer, &steps).await,
            Together::Alone => vec![alone(absorb, writer, steps[0]).await],
        });
    }
    outcomes
}

async fn alone(absorb: &Absorb, writer: Writer<'_>, step: &Step) -> Outcome {
    match step.verb {
        Verb::CreateDepartment => department::create(absorb, writer, step).await,
        Verb::Enrol => enrol::enrol(writer, step).await,
        verb => Err(Fault::Unsupported { what: format!("{verb:?} in Absorb") }),
    }
}

/// Which steps share their looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Together {
    /// They share a call too.
    Users,
    Links,
    Alone,
}

fn together(step: &Approved<Step>) -> Together {
    match step.get().verb {
        Verb::Create | Verb::Update | Verb::Restore | Verb::Relate | Verb::Leave => Together::Users,
        Verb::Link => Together::Links,
        Verb::CreateDepartment | Verb::CreateGroup | Verb::Enrol => Together::Alone,
    }
}

/// Writes nothing: each account that a link is about must be there, and the rule that matched must still hold.
async fn links(absorb: &Absorb, writer: Writer<'_>, steps: &[&Step]) -> Vec<Outcome> {
    let wanted: Vec<Result<Want, Fault>> = steps.iter().map(|step| want(step)).collect();
    let wants: Vec<Want> = wanted.iter().flatten().cloned().collect();
    let mut found = match absorb.look.before(writer.reader, &wants).await {
        Ok(seen) => seen.found.into_iter(),
        Err(fault) => return steps.iter().map(|_| Err(fault.clone())).collect(),
    };
    let looked = wanted.into_iter().map(|want| want.map(|_| found.next().unwrap_or_default()));
    steps.iter().zip(looked).map(|(step, found)| found.and_then(|found| link(step, &found))).collect()
}

/// An account that no longer has the value it was matched by is somebody else's now (F08).
fn link(step: &Step, found: &[Json]) -> Outcome {
    let Some(raw) = found.first() else { return Err(unseen(step)) };
    for (name, change) in &step.set {
        let attribute = MANIFEST.attribute(name).ok_or_else(|| Fault::Unsupported { what: format!("an attribute called {name}") })?;
        let now = value(raw, attribute)?;
        if !same(attribute, &now, &change.after) {
            return Err(Fault::Drift { found: format!("the account was matched by {name} `{}`, which is `{now}` now", change.after) });
        }
    }
    Ok(Done { already: true, receipt: receipt(Some(raw), raw)? })
}

/// One step on its way.
pub(super) struct Job<'a> {
    /// Its place among the steps.
    at: usize,
    pub(super) step: &'a Step,
    pub(super) want: Want,
    /// The record as the look before showed it; none for a create.
    pub(super) before: Option<Json>,
    /// What is sent.
    pub(super) item: Json,
    /// The password in it, to keep it out of what the vendor says back.
    pub(super) password: Option<Secret>,
    /// Whether nobody else has its external id, as far as can be known.
    sole: bool,
}

impl Job<'_> {
    /// Whether a batch that matches by user name or external id could take it for somebody else, or for somebody new.
    fn is_alone(&self) -> bool {
        let renames = self.step.set.contains_key("username") || self.step.set.contains_key("externalId");
        matches!(self.want, Want::Id(_)) && (renames || !self.sole)
    }
}

/// Creates, updates, restores, relates, deactivates: at most a batch.
async fn users(absorb: &Absorb, writer: Writer<'_>, steps: &[&Step]) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = steps.iter().map(|_| None).collect();
    let mut wants = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match want(step) {
            Ok(want) => wants.push((at, want)),
            Err(fault) => outcomes[at] = Some(Err(fault)),
        }
    }
    let asked: Vec<Want> = wants.iter().map(|(_, want)| want.clone()).collect();
    let mut seen = match absorb.look.before(writer.reader, &asked).await {
        Ok(seen) => seen,
        Err(fault) => return outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(fault.clone()))).collect(),
    };
    let mut jobs: Vec<Job<'_>> = Vec::new();
    let looked = std::mem::take(&mut seen.found).into_iter().zip(std::mem::take(&mut seen.sole));
    for ((at, want), (found, sole)) in wants.into_iter().zip(looked) {
        let earlier: Vec<&Want> = jobs.iter().map(|job| &job.want).collect();
        match before(absorb, writer.reader.profile, steps[at], &want, &found, &earlier) {
            Ok(before) => jobs.push(compose(writer, at, steps[at], want, before, sole)),
            Err(outcome) => outcomes[at] = Some(*outcome),
        }
    }
    let mut calls = calls(writer.reader.profile, jobs);
    while let Some(mut jobs) = calls.pop() {
        let said = send(writer, &jobs).await;
        if let Some(Said::NotSent(fault)) = said.first() {
            // Waiting, logging in again, giving up: the caller's to do, for all that is left.
            for job in jobs.iter().chain(calls.iter().flatten()) {
                outcomes[job.at] = Some(Err(fault.clone()));
            }
            break;
        }
        if is_off(Off::LookAfter) {
            for (job, said) in jobs.iter().zip(said) {
                outcomes[job.at] = Some(believed(job, said));
            }
            continue;
        }
        let wants: Vec<Want> = jobs.iter().map(|job| job.want.clone()).collect();
        let told: Vec<Told> = said.iter().map(Said::told).collect();
        let found = match absorb.look.after(writer.reader, &wants, &told, &seen).await {
            Ok(found) => found,
            Err(fault) => {
                let fault = blind(fault);
                for job in &jobs {
                    outcomes[job.at] = Some(Err(fault.clone()));
                }
                continue;
            }
        };
        let mut again = Vec::new();
        let alone = jobs.len() == 1;
        for ((mut job, said), found) in jobs.drain(..).zip(said).zip(found) {
            match (after(writer.reader.profile, &job, &said, &found), said) {
                (Some(outcome), _) => outcomes[job.at] = Some(outcome),
                (None, Said::AllRefused(_)) if !alone => {
                    if let (Some(before), Some(now)) = (&mut job.before, found.into_iter().next()) {
                        *before = now;
                    }
                    again.push(compose(writer, job.at, job.step, job.want, job.before, job.sole));
                }
                (None, Said::AllRefused(fault) | Said::Refused(fault) | Said::Nothing(fault) | Said::NotSent(fault)) => {
                    outcomes[job.at] = Some(Err(fault));
                }
                (None, Said::Taken) => {
                    let why = "the vendor took it, and the look afterwards does not show it".to_owned();
                    outcomes[job.at] = Some(Err(Fault::Unknown { why }));
                }
            }
        }
        let second = again.split_off(again.len() / 2);
        calls.extend([second, again].into_iter().filter(|half| !half.is_empty()));
    }
    outcomes.into_iter().map(|outcome| outcome.expect("every step was refused at once, or went into a job")).collect()
}

/// Which jobs share a call: all of them, but for those that a batch could take for others.
fn calls<'a>(profile: &Profile, jobs: Vec<Job<'a>>) -> Vec<Vec<Job<'a>>> {
    let (alone, together): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| matches!(profile.batch, Batch::Keyed) && job.is_alone());
    // The last is sent first.
    alone.into_iter().rev().map(|job| vec![job]).chain([together]).filter(|jobs| !jobs.is_empty()).collect()
}

/// What a connector without the look afterwards would say.
fn believed(job: &Job<'_>, said: Said) -> Outcome {
    match said {
        Said::Refused(fault) | Said::AllRefused(fault) => Err(fault),
        Said::Taken | Said::Nothing(_) | Said::NotSent(_) => {
            let account = job.step.account.as_ref().and_then(|account| account.id()).map(AccountId::new);
            Ok(Done { already: false, receipt: Receipt { account, ..Receipt::default() } })
        }
    }
}

/// The look after a write that failed: what was written is not known to have been.
fn blind(fault: Fault) -> Fault {
    match fault {
        Fault::Garbled { .. } => fault,
        fault => Fault::Unknown { why: format!("written, and the look afterwards failed: {fault}") },
    }
}

/// Who is looked for on behalf of a step.
fn want(step: &Step) -> Result<Want, Fault> {
    let refused = |detail: &str| Err(Fault::Refused { code: "unresolved".to_owned(), detail: detail.to_owned() });
    let text = |name: &str| step.set.get(name).and_then(|change| change.after.as_text()).map(str::to_owned);
    if step.set.values().any(|change| matches!(change.after, model::Value::CreatedBy(_))) {
        return refused("it names what another step makes, and that is not there yet");
    }
    match step.verb {
        Verb::Create => match text("username") {
            Some(username) => Ok(Want::New { username, external: text("externalId") }),
            None => refused("an account needs a username"),
        },
        _ => match step.account.as_ref().and_then(|account| account.id()) {
            Some(id) => Ok(Want::Id(id.to_owned())),
            None => refused("the account is not known yet"),
        },
    }
}

fn compose<'a>(writer: Writer<'_>, at: usize, step: &'a Step, want: Want, before: Option<Json>, sole: bool) -> Job<'a> {
    let (item, password) = match &before {
        Some(raw) => (whole(raw, &step.set, activates(step.verb), writer.reader.profile), None),
        None => {
            let password = writer.wire.password();
            (new_user(&step.set, &password, writer.reader.profile), Some(password))
        }
    };
    Job { at, step, want, before, item, password, sole }
}

/// Whether a verb makes an account active or inactive; none leaves it as it is.
pub(super) fn activates(verb: Verb) -> Option<bool> {
    match verb {
        Verb::Restore => Some(true),
        Verb::Leave => Some(false),
        _ => None,
    }
}

pub(super) fn unseen(step: &Step) -> Fault {
    let id = step.account.as_ref().and_then(|account| account.id()).unwrap_or_default();
    Fault::Denied { scope: Scope::Object(format!("account {id} is not there, or not visible to this log-in")) }
}

pub(super) fn receipt(before: Option<&Json>, after: &Json) -> Result<Receipt, Fault> {
    let account = Some(AccountId::new(id_of(after)?));
    Ok(Receipt { account, before: before.map(image), after: Some(image(after)) })
}
