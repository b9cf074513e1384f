//! What a look means for a step: before the write, whether it may be made; afterwards, whether it was.

use connector::{Done, Fault, Outcome, Scope};
use model::{AccountId, Receipt, Step, Value, Verb};
use serde_json::Value as Json;

use super::Absorb;
use super::batch::Said;
use super::convert::{active, fold, image, same, value, was_there};
use super::look::Want;
use super::manifest::MANIFEST;
use super::profile::Profile;
use super::write::{Job, activates, receipt, unseen};
use crate::sabotage::{Off, is_off};

/// The record to compose the write from (none for a create), or the outcome where there is nothing to write.
pub(super) fn before(
    absorb: &Absorb,
    profile: &Profile,
    step: &Step,
    want: &Want,
    found: &[Json],
    earlier: &[&Want],
) -> Result<Option<Json>, Box<Outcome>> {
    let verdict = match want {
        Want::New { username, external } => before_create(profile, step, username, external.as_deref(), found, earlier),
        Want::Id(_) => match found.first() {
            Some(raw) => before_change(absorb, profile, step, raw),
            None => Err(unseen(step)),
        },
    };
    match verdict {
        Ok(Verdict::Write) => Ok(found.first().filter(|_| step.verb != Verb::Create).cloned()),
        Ok(Verdict::There(raw)) => Err(Box::new(receipt(Some(&raw), &raw).map(|receipt| Done { already: true, receipt }))),
        Err(fault) => Err(Box::new(Err(fault))),
    }
}

enum Verdict {
    Write,
    There(Json),
}

fn text<'a>(raw: &'a Json, member: &str) -> &'a str {
    raw.get(member).and_then(Json::as_str).unwrap_or_default()
}

fn conflict(detail: String) -> Fault {
    Fault::Refused { code: "conflict".to_owned(), detail }
}

/// A create goes ahead only where nobody has the user name or the external id, inactive accounts included (A10, A11): a batch would
/// write over whoever has.
fn before_create(
    profile: &Profile,
    step: &Step,
    username: &str,
    external: Option<&str>,
    found: &[Json],
    earlier: &[&Want],
) -> Result<Verdict, Fault> {
    if let Some(ours) = found.iter().find(|raw| is_ours(step, raw, username, external).unwrap_or(false)) {
        let id = text(ours, "id");
        if found.len() > 1 {
            return Err(conflict(format!("{} accounts have user name {username} or its external id, {id} among them", found.len())));
        }
        if !active(ours, profile)? {
            return Err(conflict(format!("account {id} is this person's and inactive: it is to be restored, not made again")));
        }
        return Ok(Verdict::There(ours.clone()));
    }
    if let Some(taken) = found.first() {
        let (id, other) = (text(taken, "id"), text(taken, "externalId"));
        return Err(conflict(if fold(text(taken, "username")) == fold(username) {
            format!("user name {username} is taken by account {id}, whose external id is `{other}`")
        } else {
            format!("account {id} has external id `{other}`, which Absorb takes for the same as `{}`", external.unwrap_or_default())
        }));
    }
    let clash = |other: &&&Want| match other {
        Want::Id(_) => false,
        Want::New { username: name, external: id } => {
            fold(name) == fold(username) || id.as_deref().zip(external).is_some_and(|(a, b)| fold(a) == fold(b))
        }
    };
    match earlier.iter().find(clash) {
        Some(_) => Err(conflict(format!("another new account of the same call has user name {username} or the same external id"))),
        None => Ok(Verdict::Write),
    }
}

/// Whether a found account is the one that the create would make: the same external id, or, where policy owns none, the same user name
/// and every value as it would be sent.
fn is_ours(step: &Step, raw: &Json, username: &str, external: Option<&str>) -> Result<bool, Fault> {
    match external {
        Some(external) => Ok(text(raw, "externalId") == external),
        None if fold(text(raw, "username")) != fold(username) => Ok(false),
        None => Ok(differing(step, raw, |change| &change.after)?.is_none()),
    }
}

/// A change goes ahead only where every owned value is as it was or as it shall be (P5).
fn before_change(absorb: &Absorb, profile: &Profile, step: &Step, raw: &Json) -> Result<Verdict, Fault> {
    if let Some(why) = absorb.protected.why(raw) {
        return Err(Fault::Refused { code: "protected".to_owned(), detail: format!("account {} is {why}", text(raw, "id")) });
    }
    let is_active = active(raw, profile)?;
    if is_off(Off::LookBefore) {
        return Ok(Verdict::Write);
    }
    if let Some(found) = drifted(step, raw)? {
        return Err(Fault::Drift { found });
    }
    let as_wanted = activates(step.verb).is_none_or(|wanted| wanted == is_active);
    let done = as_wanted && differing(step, raw, |change| &change.after)?.is_none();
    Ok(if done { Verdict::There(raw.clone()) } else { Verdict::Write })
}

/// The first attribute that is not what `wanted` says of its change, with what it is.
fn differing(step: &Step, raw: &Json, wanted: impl Fn(&model::Change) -> &Value) -> Result<Option<(String, Value)>, Fault> {
    for (name, change) in &step.set {
        let attribute = MANIFEST.attribute(name).ok_or_else(|| Fault::Unsupported { what: format!("an attribute called {name}") })?;
        let is = value(raw, attribute)?;
        if !same(attribute, &is, wanted(change)) {
            return Ok(Some((name.clone().into(), is)));
        }
    }
    Ok(None)
}

/// What somebody else made of an owned value, if it is neither before nor after.
fn drifted(step: &Step, raw: &Json) -> Result<Option<String>, Fault> {
    for (name, change) in &step.set {
        let attribute = MANIFEST.attribute(name).ok_or_else(|| Fault::Unsupported { what: format!("an attribute called {name}") })?;
        let is = value(raw, attribute)?;
        if !same(attribute, &is, &change.before) && !same(attribute, &is, &change.after) {
            return Ok(Some(format!("{name} is `{is}`, neither `{}` nor `{}`", change.before, change.after)));
        }
    }
    Ok(None)
}

/// What became of a job by the look afterwards; none where the look does not tell, and what the vendor said counts.
pub(super) fn after(profile: &Profile, job: &Job<'_>, said: &Said, found: &[Json]) -> Option<Outcome> {
    let done = |raw: &Json| receipt(job.before.as_ref(), raw).map(|receipt| Done { already: false, receipt });
    match &job.want {
        Want::New { username, external } => {
            // Somebody else's account of that name is why the vendor refused, not what it made.
            let ours = |raw: &&Json| match external {
                Some(external) => text(raw, "externalId") == external,
                None => fold(text(raw, "username")) == fold(username) && !matches!(said, Said::Refused(_)),
            };
            let made = found.iter().find(ours)?;
            // Nobody had the name or the external id at the look before: somebody hidden, or made just then by another hand (F08).
            if profile.upserts && was_there(made) {
                let id = text(made, "id");
                let found =
                    format!("account {id}, which was there before and could not be seen, was written over instead of a new one made");
                return Some(Err(Fault::Drift { found }));
            }
            Some(done(made))
        }
        Want::Id(id) => match found.first() {
            None => Some(out_of_sight(job, id, said)),
            Some(raw) => match is_done(profile, job.step, raw) {
                Err(fault) => Some(Err(fault)),
                Ok(true) => Some(done(raw)),
                Ok(false) if matches!(said, Said::Taken) => match drifted(job.step, raw) {
                    Ok(None) => None,
                    Ok(Some(found)) => Some(Err(Fault::Drift { found: format!("after the write, {found}") })),
                    Err(fault) => Some(Err(fault)),
                },
                Ok(false) => None,
            },
        },
    }
}

fn is_done(profile: &Profile, step: &Step, raw: &Json) -> Result<bool, Fault> {
    let is_active = active(raw, profile)?;
    let as_wanted = activates(step.verb).is_none_or(|wanted| wanted == is_active);
    Ok(as_wanted && differing(step, raw, |change| &change.after)?.is_none())
}

/// Seen before the write and not afterwards (A20).  A move that the vendor took, out of what this log-in sees, ends just so: it is done,
/// and there is no image of it.
fn out_of_sight(job: &Job<'_>, id: &str, said: &Said) -> Outcome {
    if job.step.set.contains_key("department") && matches!(said, Said::Taken) {
        let receipt = Receipt { account: Some(AccountId::new(id)), before: job.before.as_ref().map(image), after: None };
        return Ok(Done { already: false, receipt });
    }
    Err(Fault::Denied { scope: Scope::Object(format!("account {id} cannot be seen by this log-in any more")) })
}
