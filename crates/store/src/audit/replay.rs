//! What plans, decisions and runs must be like by what the trail tells of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::Audited;
use serde_json::{Value, json};

use super::{Older, told};
use crate::db::{Row, Tx, args};
use crate::pack::time;
use crate::plans::PlanState;
use crate::{StoreError, sql};

/// The state that the entries so far add up to.  A plan, decision or run whose making is not told is older than the trail, and of it only
/// what is told is known.
#[derive(Default)]
pub(super) struct Replay {
    plans: BTreeMap<String, Known>,
    decisions: BTreeMap<String, Known>,
    runs: BTreeMap<String, Known>,
    /// Words about standing approvals: "the approval's digest, number n".
    words: BTreeMap<String, Known>,
    /// How many words there are about each.
    said: BTreeMap<String, usize>,
    /// Plan → its decision that counts.
    live: BTreeMap<String, String>,
    /// What `begun` said of what is older.
    older: Option<Value>,
    notes: Vec<String>,
}

/// What is known of one row.
#[derive(Default)]
struct Known {
    /// Whether its making is told.
    made: bool,
    members: BTreeMap<&'static str, Value>,
}

impl Known {
    fn set(&mut self, member: &'static str, value: impl Into<Value>) {
        self.members.insert(member, value.into());
    }
}

fn at(time: Timestamp) -> Value {
    json!(told(time))
}

impl Replay {
    pub(super) fn entry(&mut self, entry: &Audited) {
        let Audited { actor, at: when, details, seq, subject, what, .. } = entry;
        let (kind, name) = subject.split_once(':').unwrap_or((subject, ""));
        match (what.as_str(), kind) {
            ("begun", _) => self.older = Some(details.clone()),
            ("planned", "plan") => {
                let plan = self.plans.entry(name.to_owned()).or_default();
                plan.made |= details["again"] != true;
                plan.set("status", "pending");
                plan.set("asker", actor.clone());
                plan.set("created", at(*when));
                for member in ["class", "steps", "expires"] {
                    plan.set(member, details[member].clone());
                }
            }
            ("asked", "plan") => self.plan(name).set("asker", actor.clone()),
            ("split" | "superseded", "plan") => {
                self.plan(name).set("status", "superseded");
                self.end(name);
            }
            ("expired", "plan") => {
                self.plan(name).set("status", "expired");
                self.end(name);
            }
            ("approved" | "rejected", "plan") => {
                let status = what.as_str();
                self.plan(name).set("status", status);
                self.end(name);
                let id = details["decision"].as_str().unwrap_or_default().to_owned();
                let decision = self.decisions.entry(id.clone()).or_default();
                decision.made = true;
                decision.set("plan", name);
                decision.set("by", actor.clone());
                decision.set("live", true);
                decision.set("used_by", "");
                for member in ["verdict", "at", "expires"] {
                    decision.set(member, details[member].clone());
                }
                // Entries of before this was told of: which standing approval it was is not known.
                if details.get("standing").is_some() || actor["proof"] != "standing" {
                    decision.set("standing", details.get("standing").cloned().unwrap_or_else(|| json!("")));
                }
                self.live.insert(name.to_owned(), id);
            }
            ("standing_approved" | "standing_revoked", "standing") => {
                let word = self.words.entry(nth(&mut self.said, name)).or_default();
                word.made = true;
                word.set("approved", what == "standing_approved");
                word.set("by", actor.clone());
                word.set("at", at(*when));
                for member in ["policy", "rule"] {
                    word.set(member, details[member].clone());
                }
            }
            ("run_started", "run") => {
                let text = |member: &str| details[member].as_str().unwrap_or_default().to_owned();
                let (plan, decision) = (text("plan"), text("decision"));
                self.decisions.entry(decision.clone()).or_default().set("used_by", name);
                self.plan(&plan).set("status", "running");
                let run = self.runs.entry(name.to_owned()).or_default();
                run.made = true;
                run.set("plan", plan);
                run.set("decision", decision);
                run.set("started", at(*when));
                run.set("state", "running");
                run.set("ended", Value::Null);
                run.set("stopped_by", "");
            }
            ("run_resumed" | "run_stopped" | "run_finished", "run") => {
                let state = match what.as_str() {
                    "run_resumed" => "running",
                    "run_stopped" => "stopped",
                    _ => "finished",
                };
                let plan = details["plan"].as_str().unwrap_or_default().to_owned();
                let run = self.runs.entry(name.to_owned()).or_default();
                run.set("state", state);
                run.set("ended", if state == "running" { Value::Null } else { at(*when) });
                run.set("stopped_by", details.get("stopped_by").cloned().unwrap_or_else(|| json!("")));
                if state == "finished" {
                    self.plan(&plan).set("status", "done");
                }
            }
            ("copied" | "restored", _) => {
                self.notes.push(format!(
                    "entry {seq}: everything before it was {what} into this store at {when}, {}",
                    match details.get("replaced_head").and_then(Value::as_str) {
                        Some(head) => format!("in place of another trail that ended with {head}"),
                        None => "which had no trail".to_owned(),
                    }
                ));
                for decision in self.decisions.values_mut().filter(|decision| decision.members.get("used_by") == Some(&json!(""))) {
                    if decision.members.get("verdict") == Some(&json!("yes")) {
                        decision.set("live", false);
                    }
                }
                for plan in self.plans.values_mut().filter(|plan| plan.members.get("status") == Some(&json!("approved"))) {
                    plan.set("status", "pending");
                }
            }
            _ => {}
        }
    }

    /// Whether a plan and a decision about it are as they are told of, as far as the right to carry it out goes; none when the trail does not
    /// tell of both.
    pub(super) fn stands(&self, plan_row: &Row, decision_row: &Row) -> Result<Option<bool>, StoreError> {
        let told = (self.plans.get(&plan_row.text(0)?), self.decisions.get(&decision_row.text(0)?));
        let (Some(told_plan), Some(told_decision)) = told else { return Ok(None) };
        let same =
            |told: &Known, is: &Members, members: &[&str]| members.iter().all(|member| told.members.get(member) == is.get(member));
        let plan_same = same(told_plan, &plan(plan_row)?, &["asker", "created", "expires", "class", "steps"]);
        let decision_same = same(told_decision, &decision(decision_row)?, &["plan", "verdict", "by", "at", "expires"]);
        Ok((told_plan.made && told_decision.made).then_some(plan_same && decision_same))
    }

    fn plan(&mut self, digest: &str) -> &mut Known {
        self.plans.entry(digest.to_owned()).or_default()
    }

    /// The decision about a plan that counted so far counts no more.
    fn end(&mut self, plan: &str) {
        if let Some(id) = self.live.remove(plan)
            && let Some(decision) = self.decisions.get_mut(&id)
        {
            decision.set("live", false);
        }
    }

    /// What is not as it is told, and what is to be known besides.
    pub(super) async fn compare(self, tx: &mut Tx) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let Self { plans, decisions, runs, words, older, mut notes, .. } = self;
        let mut faults = Vec::new();
        let mut unmade = Older::default();
        let rows = tx.fetch(sql::AUDIT_PLANS, args![]).await?;
        unmade.plans = side("plan", members(&rows, plan)?, plans, &mut faults);
        let rows = tx.fetch(sql::AUDIT_DECISIONS, args![]).await?;
        unmade.decisions = side("decision", members(&rows, decision)?, decisions, &mut faults);
        let rows = tx.fetch(sql::AUDIT_RUNS, args![]).await?;
        unmade.runs = side("run", members(&rows, run)?, runs, &mut faults);
        let mut said = BTreeMap::new();
        let rows = tx.fetch(sql::AUDIT_STANDING, args![]).await?;
        let rows = rows.iter().map(|row| Ok((nth(&mut said, &row.text(0)?), word(row)?))).collect::<Result<_, StoreError>>()?;
        for id in side("word about the standing approval", rows, words, &mut faults) {
            faults.push(format!("the word about the standing approval {id} is in the store without an entry that tells of it"));
        }
        let count = unmade.plans.len() + unmade.decisions.len() + unmade.runs.len();
        let first: Option<String> = (unmade.plans.first().map(|id| format!("plan {id}")))
            .or_else(|| unmade.decisions.first().map(|id| format!("decision {id}")))
            .or_else(|| unmade.runs.first().map(|id| format!("run {id}")));
        match older {
            Some(older) if older == unmade.told() => {
                notes.push(format!("{count} plans, decisions and runs are older than the trail: that they were there is all it tells"));
            }
            Some(_) => faults.push("plans, decisions or runs from before the trail are not those that were there when it began".into()),
            None if count > 0 => {
                let first = first.unwrap_or_default();
                faults.push(format!(
                    "{count} plans, decisions or runs are in the store without an entry that tells of them, {first} first"
                ));
            }
            None => {}
        }
        Ok((faults, notes))
    }
}

type Members = BTreeMap<&'static str, Value>;

/// The rows of one table by their ids.
fn members(rows: &[Row], read: fn(&Row) -> Result<Members, StoreError>) -> Result<Vec<(String, Members)>, StoreError> {
    rows.iter().map(|row| Ok((row.text(0)?, read(row)?))).collect()
}

/// The name of the next word about a standing approval.
fn nth(said: &mut BTreeMap<String, usize>, standing: &str) -> String {
    let count = said.entry(standing.to_owned()).or_default();
    *count += 1;
    format!("{standing}, number {count}")
}

/// Compares the rows of one table with what is told of them; gives the ids of those whose making is not told.
fn side(what: &str, rows: Vec<(String, Members)>, mut known: BTreeMap<String, Known>, faults: &mut Vec<String>) -> Vec<String> {
    let mut unmade = Vec::new();
    for (id, is) in rows {
        let told = known.remove(&id);
        if !told.as_ref().is_some_and(|told| told.made) {
            unmade.push(id.clone());
        }
        for (member, value) in told.map(|told| told.members).unwrap_or_default() {
            if is.get(member) != Some(&value) {
                let is = is.get(member).unwrap_or(&Value::Null);
                faults.push(format!("{what} {id} has {member} {is}, and the trail says {value}: the row was edited"));
            }
        }
    }
    for (id, _) in known {
        faults.push(format!("{what} {id} is told of and not in the store any more"));
    }
    unmade
}

fn plan(row: &Row) -> Result<Members, StoreError> {
    let state = PlanState::read(row)?;
    Ok(BTreeMap::from([
        ("status", json!(state.word)),
        ("asker", json!(state.asker)),
        ("created", json!(state.created)),
        ("class", json!(state.class)),
        ("steps", json!(state.steps)),
        ("expires", json!(state.expires)),
    ]))
}

fn decision(row: &Row) -> Result<Members, StoreError> {
    let what = "a decision";
    Ok(BTreeMap::from([
        ("plan", json!(row.text(1)?)),
        ("verdict", row.json(2, what)?),
        ("by", row.json(3, what)?),
        ("at", json!(time(row.int(4)?, what)?)),
        ("expires", json!(time(row.int(5)?, what)?)),
        ("used_by", json!(row.text(6)?)),
        ("live", json!(row.int(7)? != 0)),
        ("standing", json!(row.text(8)?)),
    ]))
}

fn run(row: &Row) -> Result<Members, StoreError> {
    let what = "a run";
    let ended = row.int(5)?;
    Ok(BTreeMap::from([
        ("plan", json!(row.text(1)?)),
        ("decision", json!(row.text(2)?)),
        ("state", json!(row.text(3)?)),
        ("started", json!(time(row.int(4)?, what)?)),
        ("ended", if ended == 0 { Value::Null } else { json!(time(ended, what)?) }),
        ("stopped_by", json!(row.text(6)?)),
    ]))
}

fn word(row: &Row) -> Result<Members, StoreError> {
    let what = "a word about a standing approval";
    Ok(BTreeMap::from([
        ("approved", json!(row.int(1)? != 0)),
        ("policy", json!(row.text(2)?)),
        ("rule", row.json(3, what)?),
        ("by", row.json(4, what)?),
        ("at", json!(time(row.int(5)?, what)?)),
    ]))
}
