//! The files the checker reads: ledgers, access logs, plans, decisions, outcomes and base states.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One changed object, as a sandbox recorded it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Effect {
    /// The line's number.
    pub seq: u64,
    /// The request's number in the access log; 0 for a change by hand.
    pub call: u64,
    /// When, RFC 3339.
    pub time: String,
    /// The request's method; `ADMIN` is a change by hand and not ours.
    pub method: String,
    /// The request's path.
    pub path: String,
    /// SHA-256 of the request's body.
    #[serde(default)]
    pub body_digest: String,
    /// `kind/id`.
    pub object: String,
    /// The object before; null when it is new.
    pub before: Value,
    /// The object after.
    pub after: Value,
}

/// One request, as a sandbox recorded it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Request {
    /// Its number.
    pub seq: u64,
    /// When, RFC 3339.
    pub time: String,
    /// Its method.
    pub method: String,
    /// Its path with the query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// What went wrong with it on purpose, if anything did: then its answer says nothing of what was done.
    #[serde(default)]
    pub fault: Option<String>,
}

/// What one object was before the first line of the ledger.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct BaseObject {
    /// `kind/id`, in the ledger's naming.
    pub object: String,
    /// The whole object.
    pub state: Value,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// A department is made.
    CreateDepartment,
    /// A group is made.
    CreateGroup,
    /// An account is taken over; nothing is written.
    Link,
    /// An account is reactivated.
    Restore,
    /// An account is made.
    Create,
    /// Values and memberships change.
    Update,
    /// The supervisor is set.
    Relate,
    /// An enrolment is made.
    Enrol,
    /// An account is archived or deactivated.
    Leave,
}

/// An id, or the step that will make what has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Ref {
    /// A vendor's id.
    Id(String),
    /// Made by a step of the same plan.
    Made {
        /// That step.
        created_by: String,
    },
}

/// A value before and after; text, ids, numbers, or `{"created_by": STEP}`.
#[derive(Clone, Debug, Deserialize)]
pub struct Change {
    /// As it was read.
    pub before: Value,
    /// As it shall be.
    pub after: Value,
}

/// One step of a plan.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Its content hash.
    pub id: String,
    /// In which app.
    pub app: String,
    /// What it does.
    pub verb: Verb,
    /// For whom.
    #[serde(default)]
    pub person: Option<String>,
    /// How people call it.
    #[serde(default)]
    pub label: String,
    /// Which account.
    #[serde(default)]
    pub account: Option<Ref>,
    /// Values, by the app's attribute.
    #[serde(default)]
    pub set: BTreeMap<String, Change>,
    /// Groups to add.
    #[serde(default)]
    pub add_groups: Vec<Ref>,
    /// Groups to remove.
    #[serde(default)]
    pub remove_groups: BTreeSet<String>,
    /// Content to enrol in.
    #[serde(default)]
    pub content: Option<String>,
}

impl Step {
    /// Whether it adds this group; `resolve` gives the id that a reference means.
    pub fn joins(&self, group: &str, resolve: impl Fn(&Ref) -> Option<String>) -> bool {
        self.add_groups.iter().any(|added| resolve(added).as_deref() == Some(group))
    }
}

/// What of a plan's inputs the checker uses.
#[derive(Clone, Debug, Deserialize)]
pub struct PlanInputs {
    /// The instant it was made for.
    pub as_of: String,
    /// The run that it is the undo of.
    #[serde(default)]
    pub reverts: Option<String>,
}

/// What of a plan the checker uses.
#[derive(Clone, Debug, Deserialize)]
pub struct Plan {
    /// The form's version.
    pub version: u32,
    /// What it was made from.
    pub inputs: PlanInputs,
    /// App → id → name.
    #[serde(default)]
    pub names: BTreeMap<String, BTreeMap<String, String>>,
    /// The steps in their order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether it was made for this instant.
    pub fn is_for(&self, as_of: jiff::Timestamp) -> bool {
        self.inputs.as_of.parse::<jiff::Timestamp>().is_ok_and(|instant| instant == as_of)
    }
}

/// A plan with what its file says about itself.
#[derive(Clone, Debug)]
pub struct PlanFile {
    /// Where it was read.
    pub path: PathBuf,
    /// SHA-256 of its canonical form.
    pub digest: String,
    /// Whether the file is that canonical form, byte for byte (one line end after it is tolerated).
    pub canonical: bool,
    /// Steps whose id is not the hash of their content.
    pub wrong_ids: Vec<String>,
    /// The plan.
    pub plan: Plan,
}

/// One decision.
#[derive(Clone, Debug, Deserialize)]
pub struct Decision {
    /// About which plan.
    pub digest: String,
    /// `yes`, `approve`, `approved`, or anything else for a no.
    pub verdict: String,
    /// The run that used it up, if any.
    #[serde(default)]
    pub run: Option<String>,
}

impl Decision {
    /// Whether it allows the plan.
    pub fn is_yes(&self) -> bool {
        matches!(self.verdict.to_ascii_lowercase().as_str(), "yes" | "approve" | "approved")
    }
}

/// Reads a whole file.
///
/// # Errors
/// The file cannot be read, or is not UTF-8.
pub fn text_of(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads one JSON object a line; empty lines are passed over.
///
/// # Errors
/// The file cannot be read, or a line is not what it should be; the line is named.
pub fn json_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, String> {
    let text = text_of(path)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(at, line)| serde_json::from_str(line).map_err(|error| format!("{}:{}: {error}", path.display(), at + 1))).collect()
}

/// Reads the plans of files and of folders (every `*.json` there, but not below), in order of their as-of, then as given.
///
/// # Errors
/// A path cannot be read or holds no plan of version 1.
pub fn plans(paths: &[PathBuf]) -> Result<Vec<PlanFile>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let mut found = Vec::new();
            for entry in entries {
                let entry = entry.map_err(|error| format!("{}: {error}", path.display()))?.path();
                if entry.extension().is_some_and(|extension| extension == "json") {
                    found.push(entry);
                }
            }
            found.sort();
            files.append(&mut found);
        } else {
            files.push(path.clone());
        }
    }
    let mut plans = files.iter().map(|path| plan(path)).collect::<Result<Vec<_>, _>>()?;
    plans.sort_by_key(|file| file.plan.inputs.as_of.parse::<jiff::Timestamp>().unwrap_or_default());
    Ok(plans)
}

fn plan(path: &Path) -> Result<PlanFile, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = text_of(path)?;
    let raw: Value = serde_json::from_str(&text).map_err(|error| named(&error))?;
    let bytes = serde_json_canonicalizer::to_vec(&raw).map_err(|error| named(&error))?;
    let plan = Plan::deserialize(&raw).map_err(|error| named(&format!("not a plan: {error}")))?;
    if plan.version != 1 {
        return Err(named(&format!("a plan of version {}; this checker knows version 1", plan.version)));
    }
    plan.inputs.as_of.parse::<jiff::Timestamp>().map_err(|error| named(&format!("as_of: {error}")))?;
    let steps = raw.get("steps").and_then(Value::as_array).into_iter().flatten();
    let wrong_ids = steps.filter_map(wrong_id).collect();
    let canonical = text.strip_suffix('\n').unwrap_or(&text).as_bytes() == bytes;
    Ok(PlanFile { path: path.to_owned(), digest: sha256(&bytes), canonical, wrong_ids, plan })
}

/// The id of a step that is not the first 32 digits of the hash of its canonical JSON with an empty id.
fn wrong_id(step: &Value) -> Option<String> {
    let id = step.get("id")?.as_str()?.to_owned();
    let mut bare = step.as_object()?.clone();
    bare.insert("id".to_owned(), Value::from(""));
    let bytes = serde_json_canonicalizer::to_vec(&bare).ok()?;
    (sha256(&bytes).get(..32) != Some(id.as_str())).then_some(id)
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the steps of a run ended: every object anywhere in the report that has a `step` (or `id`) and a `state` counts.
/// A state is a word or an object with one member of that name (`{"drifted": …}`).
///
/// # Errors
/// The file cannot be read or is not JSON.
pub fn outcomes(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let report: Value = serde_json::from_str(&text_of(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut found = BTreeMap::new();
    collect_outcomes(&report, &mut found);
    Ok(found)
}

/// Which plan a report's run carried out: its id and the plan's digest; none where the file is no report of one run.
///
/// # Errors
/// The file cannot be read or is not JSON.
pub fn run_of(path: &Path) -> Result<Option<(String, String)>, String> {
    let report: Value = serde_json::from_str(&text_of(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let text = |name: &str| report.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(text("run").zip(text("plan")))
}

fn collect_outcomes(value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_outcomes(item, found)),
        Value::Object(members) => {
            let step = members.get("step").or_else(|| members.get("id")).and_then(Value::as_str);
            let state = members.get("state").or_else(|| members.get("outcome")).and_then(|state| match state {
                Value::String(word) => Some(word.clone()),
                Value::Object(one) => one.keys().next().cloned(),
                _ => None,
            });
            if let (Some(step), Some(state)) = (step, state) {
                found.insert(step.to_owned(), state);
            }
            members.values().for_each(|member| collect_outcomes(member, found));
        }
        _ => {}
    }
}
