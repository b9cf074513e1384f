//! Writing: up to 200 users a call, looked at before and afterwards.
//!
//! Whatever the answer was, what is there decides.  A call that was refused as a whole is sent again in halves, each after a look, until
//! the user whom the vendor does not take stands alone and is named (A08).

use connector::{Done, Fault, Outcome, Scope, Write};
use model::{AccountId, Approved, Receipt, Secret, Step, Verb};
use serde_json::{Value as Json, json};

use super::Absorb;
use super::convert::{id_of, image, new_user, same, value, whole};
use super::judge::{after, before};
use super::look::{Told, Want};
use super::manifest::{BATCH, MANIFEST};
use super::wire::{encoded, garbled, post, put, redacted};
use super::{department, enrol};

/// Carries out steps; one outcome for each, in their order.
pub(super) async fn apply(absorb: &Absorb, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(steps.len());
    // More than a batch is sent as several: the vendor would refuse 201.
    for steps in steps.chunk_by(|a, b| together(a) == together(b) && together(a) != Together::Alone).flat_map(|one| one.chunks(BATCH)) {
        let kind = together(&steps[0]);
        let steps: Vec<&Step> = steps.iter().map(Approved::get).collect();
        outcomes.extend(match kind {
            Together::Users => users(absorb, wire, &steps).await,
            Together::Links => links(absorb, wire, &steps).await,
            Together::Alone => vec![alone(absorb, wire, steps[0]).await],
        });
    }
    outcomes
}

async fn alone(absorb: &Absorb, wire: &Write, step: &Step) -> Outcome {
    match step.verb {
        Verb::CreateDepartment => department::create(absorb, wire, step).await,
        Verb::Enrol => enrol::enrol(wire, step).await,
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
async fn links(absorb: &Absorb, wire: &Write, steps: &[&Step]) -> Vec<Outcome> {
    let wanted: Vec<Result<Want, Fault>> = steps.iter().map(|step| want(step)).collect();
    let wants: Vec<Want> = wanted.iter().flatten().cloned().collect();
    let mut found = match absorb.look.before(wire.read(), &wants).await {
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
    item: Json,
    /// The password in it, to keep it out of what the vendor says back.
    password: Option<Secret>,
}

/// What the vendor said about one of them.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Taken,
    Refused(Fault),
    /// The call was refused as a whole; others in it may be why.
    AllRefused(Fault),
    /// Nothing that tells: the fault is what is left if the look does not tell either.
    Nothing(Fault),
    /// The call did not get there, so there is nothing to look for.
    NotSent(Fault),
}

impl Said {
    fn told(&self) -> Told {
        match self {
            Self::Taken => Told::Taken,
            Self::Refused(_) => Told::Refused,
            Self::AllRefused(_) | Self::Nothing(_) | Self::NotSent(_) => Told::Nothing,
        }
    }
}

/// Creates, updates, restores, relates, deactivates: at most a batch.
async fn users(absorb: &Absorb, wire: &Write, steps: &[&Step]) -> Vec<Outcome> {
    let mut outcomes: Vec<Option<Outcome>> = steps.iter().map(|_| None).collect();
    let mut wants = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match want(step) {
            Ok(want) => wants.push((at, want)),
            Err(fault) => outcomes[at] = Some(Err(fault)),
        }
    }
    let asked: Vec<Want> = wants.iter().map(|(_, want)| want.clone()).collect();
    let mut seen = match absorb.look.before(wire.read(), &asked).await {
        Ok(seen) => seen,
        Err(fault) => return outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(fault.clone()))).collect(),
    };
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for ((at, want), found) in wants.into_iter().zip(std::mem::take(&mut seen.found)) {
        let earlier: Vec<&Want> = jobs.iter().map(|job| &job.want).collect();
        match before(absorb, steps[at], &want, &found, &earlier) {
            Ok(before) => jobs.push(compose(absorb, wire, at, steps[at], want, before)),
            Err(outcome) => outcomes[at] = Some(*outcome),
        }
    }
    let mut calls = vec![jobs];
    while let Some(mut jobs) = calls.pop().filter(|jobs| !jobs.is_empty()) {
        let said = send(absorb, wire, &jobs).await;
        if let Some(Said::NotSent(fault)) = said.first() {
            // Waiting, logging in again, giving up: the caller's to do, for all that is left.
            for job in jobs.iter().chain(calls.iter().flatten()) {
                outcomes[job.at] = Some(Err(fault.clone()));
            }
            break;
        }
        let wants: Vec<Want> = jobs.iter().map(|job| job.want.clone()).collect();
        let told: Vec<Told> = said.iter().map(Said::told).collect();
        let found = match absorb.look.after(wire.read(), &wants, &told, &seen).await {
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
            match (after(absorb, &job, &said, &found), said) {
                (Some(outcome), _) => outcomes[job.at] = Some(outcome),
                (None, Said::AllRefused(_)) if !alone => {
                    if let (Some(before), Some(now)) = (&mut job.before, found.into_iter().next()) {
                        *before = now;
                    }
                    again.push(compose(absorb, wire, job.at, job.step, job.want, job.before));
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

fn compose<'a>(absorb: &Absorb, wire: &Write, at: usize, step: &'a Step, want: Want, before: Option<Json>) -> Job<'a> {
    let (item, password) = match &before {
        Some(raw) => (whole(raw, &step.set, activates(step.verb), absorb.profile), None),
        None => {
            let password = wire.password();
            (new_user(&step.set, &password, absorb.profile), Some(password))
        }
    };
    Job { at, step, want, before, item, password }
}

/// Whether a verb makes an account active or inactive; none leaves it as it is.
pub(super) fn activates(verb: Verb) -> Option<bool> {
    match verb {
        Verb::Restore => Some(true),
        Verb::Leave => Some(false),
        _ => None,
    }
}

/// One call; for each job what the vendor said.
async fn send(absorb: &Absorb, wire: &Write, jobs: &[Job<'_>]) -> Vec<Said> {
    let secrets: Vec<&Secret> = jobs.iter().filter_map(|job| job.password.as_ref()).collect();
    let hidden = |text: String| redacted(text, &secrets);
    let all = |said: Said| vec![said; jobs.len()];
    let answer = match jobs {
        [job] => match &job.want {
            Want::New { .. } => post(wire, "/users", &job.item, false).await,
            Want::Id(id) => put(wire, &format!("/users/{}", encoded(id)), &job.item).await,
        },
        _ => {
            let users: Vec<&Json> = jobs.iter().map(|job| &job.item).collect();
            post(wire, absorb.profile.batch_path, &json!({ "users": users }), true).await
        }
    };
    match answer {
        Ok(_) if jobs.len() == 1 => vec![Said::Taken],
        Ok(answer) => match each(&answer.json.unwrap_or_default(), jobs.len()) {
            Ok(messages) => messages
                .into_iter()
                .map(|message| match message {
                    None => Said::Taken,
                    Some(detail) => Said::Refused(Fault::Refused { code: "422".to_owned(), detail: hidden(detail) }),
                })
                .collect(),
            Err(wrong) => all(Said::Nothing(garbled("POST", absorb.profile.batch_path, wrong))),
        },
        Err(Fault::Refused { code, .. }) if jobs.len() > 1 && matches!(code.as_str(), "404" | "405") => {
            all(Said::NotSent(Fault::Unreachable {
                detail: format!("the portal knows no POST {} ({code})", absorb.profile.batch_path),
            }))
        }
        Err(Fault::Refused { code, detail }) => all(Said::AllRefused(Fault::Refused { code, detail: hidden(detail) })),
        Err(Fault::Denied { scope: Scope::Object(what) }) => {
            all(Said::AllRefused(Fault::Denied { scope: Scope::Object(hidden(what)) }))
        }
        Err(Fault::Unknown { why }) => all(Said::Nothing(Fault::Unknown { why: hidden(why) })),
        Err(Fault::Garbled { detail }) => all(Said::Nothing(Fault::Garbled { detail: hidden(detail) })),
        Err(fault) => all(Said::NotSent(fault)),
    }
}

/// `{succeeded, failed, errors: [{index, message}]}`: for each user why it was refused, if it was.
fn each(body: &Json, count: usize) -> Result<Vec<Option<String>>, &'static str> {
    let number = |member: &str| body.get(member).and_then(Json::as_u64);
    let succeeded = number("succeeded").ok_or("succeeded is missing or no number")?;
    let failed = number("failed").ok_or("failed is missing or no number")?;
    let errors = match body.get("errors") {
        Some(Json::Array(errors)) => errors.as_slice(),
        None | Some(Json::Null) if failed == 0 => &[],
        _ => return Err("errors is missing or no list"),
    };
    let mut messages = vec![None; count];
    for error in errors {
        let index = error.get("index").and_then(Json::as_u64).and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| messages.get_mut(index)).ok_or("errors.index is missing or beyond what was sent")?;
        *slot = Some(error.get("message").and_then(Json::as_str).unwrap_or("refused without a message").to_owned());
    }
    let refused = messages.iter().flatten().count() as u64;
    if refused == failed && succeeded + failed == count as u64 { Ok(messages) } else { Err("succeeded and failed do not add up") }
}

pub(super) fn unseen(step: &Step) -> Fault {
    let id = step.account.as_ref().and_then(|account| account.id()).unwrap_or_default();
    Fault::Denied { scope: Scope::Object(format!("account {id} is not there, or not visible to this log-in")) }
}

pub(super) fn receipt(before: Option<&Json>, after: &Json) -> Result<Receipt, Fault> {
    let account = Some(AccountId::new(id_of(after)?));
    Ok(Receipt { account, before: before.map(image), after: Some(image(after)) })
}
