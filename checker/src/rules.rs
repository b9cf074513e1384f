//! C1, C2, C3, C5: every effect has its approved step, every step its effect, nothing happened twice, nothing was touched
//! that no plan may touch.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::inputs::{PlanFile, Ref, Step, Verb};
use crate::policy::App;
use crate::replay::{Account, Event, Part, World, id_text, is_empty};
use crate::report::Report;

/// One app with everything that is known about it.
#[derive(Debug)]
pub struct Case<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its policy.
    pub policy: &'a App,
    /// What it holds.
    pub world: &'a World,
    /// Ids and names that the plans mention.
    pub names: &'a BTreeMap<String, String>,
}

impl Case<'_> {
    /// The name of a group, department or content, from the app itself or else as the plans say.
    pub fn name_of(&self, own: &BTreeMap<String, String>, id: &str) -> Option<String> {
        own.get(id).or_else(|| self.names.get(id)).cloned()
    }

    /// The names of the members of an account under which policy and plans may know a field of the app's records.
    pub fn attributes(field: &str) -> Vec<&str> {
        match field {
            "departmentId" => vec!["departmentId", "department"],
            "supervisorId" => vec!["supervisorId", "supervisor"],
            _ => vec![field, field.strip_prefix("custom.").unwrap_or(field)],
        }
    }
}

/// A step on its way through the ledger.
#[derive(Debug)]
pub struct Job<'a> {
    /// Its plan, by place.
    pub plan: usize,
    /// The step.
    pub step: &'a Step,
    /// The account, once known.
    pub account: Option<String>,
    /// What it did, and in which line.
    pub done: BTreeMap<Part, u64>,
}

/// The steps of one app, matched with its ledger.
#[derive(Debug)]
pub struct Matched<'a> {
    /// The steps: in plan order, those that were not done after the others.
    pub jobs: Vec<Job<'a>>,
    /// Plan and step → the id of what it made.
    made: HashMap<(usize, &'a str), String>,
}

/// Members that tell whose account it is, the surest first.
const IDENTITY: [&str; 7] = ["ext_uid", "externalId", "email", "emailAddress", "username", "userName", "emails.work"];

/// Matches an app's ledger with the steps of its plans (C1, C3, C5).  Of several steps that say the same, as of a plan that left something
/// out and of the next one, those count first of which no outcome says that they were not done.
pub fn explain<'a>(case: &Case<'_>, plans: &'a [PlanFile], outcomes: &BTreeMap<String, String>, report: &mut Report) -> Matched<'a> {
    let mut jobs = Vec::new();
    for (plan, file) in plans.iter().enumerate() {
        let steps = file.plan.steps.iter().filter(|step| step.app == case.name);
        jobs.extend(steps.map(|step| Job { plan, step, account: None, done: BTreeMap::new() }));
    }
    jobs.sort_by_key(|job| outcomes.get(&job.step.id).is_some_and(|outcome| not_done(outcome)));
    let mut matched = Matched { jobs, made: HashMap::new() };
    matched.find_makers(case, report);
    let mut by_account: HashMap<String, Vec<usize>> = HashMap::new();
    for at in 0..matched.jobs.len() {
        let job = &matched.jobs[at];
        let account = job.account.clone().or_else(|| matched.resolve(job.plan, job.step.account.as_ref()?));
        if let Some(account) = account {
            by_account.entry(account.clone()).or_default().push(at);
            matched.jobs[at].account = Some(account);
        }
    }
    let ours = case.world.events.iter().filter(|event| event.line.method != "ADMIN" && !event.consequence);
    let mut effects = 0;
    for event in ours {
        effects += 1;
        let touched = event.before.as_ref().filter(|_| !matched.completes(event, &by_account));
        if let Some(why) = touched.and_then(|account| account.protected(&case.policy.protect)) {
            report.violation("C5", "protected_touched", case.name, format!("{} is {why} and {}", place(event), said(&event.parts)));
        }
        if event.parts.is_empty() {
            report.violation(
                "C3",
                "write_without_change",
                case.name,
                format!("{}: nothing a step could want was changed", place(event)),
            );
            continue;
        }
        let structure = event.parts.iter().any(|part| matches!(part, Part::GroupMade(_) | Part::DepartmentMade(_)));
        let candidates = match &event.account {
            Some(account) => by_account.get(account).cloned().unwrap_or_default(),
            None if structure => (0..matched.jobs.len()).filter(|at| matched.jobs[*at].step.person.is_none()).collect(),
            None => Vec::new(),
        };
        matched.settle(case, event, &candidates, report);
    }
    report.count(case.name, "effects", effects);
    report.count(case.name, "steps", matched.jobs.len());
    matched.one_account_each(case, report);
    matched
}

impl<'a> Matched<'a> {
    /// The id that a reference means.
    fn resolve(&self, plan: usize, reference: &Ref) -> Option<String> {
        match reference {
            Ref::Id(id) => Some(id.clone()),
            Ref::Made { created_by } => self.made_by(plan, created_by),
        }
    }

    /// What a step made; a step that two plans share did it once.
    fn made_by(&self, plan: usize, step: &str) -> Option<String> {
        let same = self.made.get(&(plan, step));
        same.or_else(|| self.made.iter().find(|((_, id), _)| *id == step).map(|(_, made)| made)).cloned()
    }

    /// Whether a line completes what a step made just before: some apps take the groups of a new account in a call of their own.
    fn completes(&self, event: &Event, by_account: &HashMap<String, Vec<usize>>) -> bool {
        let jobs = event.account.as_ref().and_then(|account| by_account.get(account)).into_iter().flatten();
        let mut made = jobs.map(|at| &self.jobs[*at]).filter(|job| job.step.verb == Verb::Create && job.done.contains_key(&Part::Made));
        made.any(|job| {
            event
                .parts
                .iter()
                .all(|part| matches!(part, Part::Group(id, true) if job.step.joins(id, |group| self.resolve(job.plan, group))))
        })
    }

    /// Finds for everything that came into being the step that made it.
    fn find_makers(&mut self, case: &Case<'_>, report: &mut Report) {
        let mut by_identity: HashMap<(&str, String), Vec<usize>> = HashMap::new();
        let mut by_name: HashMap<(Verb, &str), Vec<usize>> = HashMap::new();
        for (at, job) in self.jobs.iter().enumerate() {
            let text = |name: &str| job.step.set.get(name).and_then(|change| change.after.as_str());
            match job.step.verb {
                Verb::Create => {
                    for name in IDENTITY {
                        if let Some(text) = text(name) {
                            by_identity.entry((name, text.to_lowercase())).or_default().push(at);
                        }
                    }
                }
                Verb::CreateGroup | Verb::CreateDepartment => {
                    by_name.entry((job.step.verb, text("name").unwrap_or(&job.step.label))).or_default().push(at);
                }
                _ => {}
            }
        }
        for event in case.world.events.iter().filter(|event| event.line.method != "ADMIN") {
            let mut candidates: Vec<usize> = Vec::new();
            for part in &event.parts {
                match (part, &event.after) {
                    (Part::Made, Some(account)) => {
                        let keys =
                            IDENTITY.iter().map(|name| (*name, account.text(name).to_lowercase())).filter(|(_, text)| !text.is_empty());
                        candidates = keys.filter_map(|key| by_identity.get(&key)).next().cloned().unwrap_or_default();
                    }
                    (Part::GroupMade(name), _) => candidates = by_name.get(&(Verb::CreateGroup, name)).cloned().unwrap_or_default(),
                    (Part::DepartmentMade(name), _) => {
                        candidates = by_name.get(&(Verb::CreateDepartment, name)).cloned().unwrap_or_default()
                    }
                    _ => {}
                }
            }
            let Some(first) = candidates.first().copied() else { continue };
            let id = event.line.object.split_once('/').map_or("", |(_, id)| id).to_owned();
            let free = |at: &usize| !self.made.contains_key(&(self.jobs[*at].plan, self.jobs[*at].step.id.as_str()));
            if let Some(at) = candidates.iter().copied().find(free) {
                let job = &mut self.jobs[at];
                self.made.insert((job.plan, job.step.id.as_str()), id.clone());
                job.account = event.account.clone();
            } else {
                let step = self.jobs[first].step;
                report.violation(
                    "C3",
                    "made_twice",
                    case.name,
                    format!("{}: step {} ({}) had made it already", place(event), step.id, step.label),
                );
            }
        }
    }

    /// Finds the one step that explains a line.
    fn settle(&mut self, case: &Case<'_>, event: &Event, candidates: &[usize], report: &mut Report) {
        let explains = |at: &usize, part: &Part| self.explains(case, &self.jobs[*at], event, part);
        let whole: Vec<usize> = candidates.iter().copied().filter(|at| event.parts.iter().all(|part| explains(at, part))).collect();
        let fresh = whole.iter().copied().filter(|at| event.parts.iter().all(|part| !self.jobs[*at].done.contains_key(part)));
        // Of several, the one that had read what was there: after a drift a later plan says the same with another before.
        let drifts: Vec<(usize, Vec<String>)> = fresh.map(|at| (at, self.drift(case, event, at))).collect();
        if let Some((at, drift)) = drifts.iter().find(|(_, drift)| drift.is_empty()).or(drifts.first()) {
            let at = *at;
            drift.iter().for_each(|what| report.violation("C1", "drift_overwritten", case.name, what.clone()));
            let seq = event.line.seq;
            self.jobs[at].done.extend(event.parts.iter().map(|part| (part.clone(), seq)));
            return;
        }
        if let Some(at) = whole.first() {
            let step = self.jobs[*at].step;
            let what = format!("{}: {}, which step {} ({}) had done already", place(event), said(&event.parts), step.id, step.label);
            report.violation("C3", "done_twice", case.name, what);
            return;
        }
        let left: BTreeSet<Part> = event.parts.iter().filter(|part| !candidates.iter().any(|at| explains(at, part))).cloned().collect();
        if left.is_empty() {
            report.violation(
                "C1",
                "several_steps",
                case.name,
                format!("{}: {}; no single step says all of it", place(event), said(&event.parts)),
            );
        } else {
            let why = if candidates.is_empty() { "no approved step is about it" } else { "no approved step says so" };
            report.violation("C1", "unexplained", case.name, format!("{}: {}; {why}", place(event), said(&left)));
        }
    }

    fn explains(&self, case: &Case<'_>, job: &Job<'_>, event: &Event, part: &Part) -> bool {
        let step = job.step;
        match part {
            Part::Made => step.verb == Verb::Create,
            // Only the step that made an account may fill it in the same line.
            Part::Field(_) if event.before.is_none() && step.verb != Verb::Create => false,
            Part::Field(field) => {
                let wanted = Case::attributes(field).into_iter().find_map(|name| step.set.get(name));
                let found = event.after.as_ref().and_then(|account| account.fields.get(field));
                wanted.is_some_and(|change| self.same(case, job.plan, field, &change.after, found))
            }
            Part::Active(true) => step.verb == Verb::Restore,
            Part::Active(false) => step.verb == Verb::Leave,
            Part::Group(id, true) => step.add_groups.iter().any(|group| self.resolve(job.plan, group).as_deref() == Some(id)),
            Part::Group(id, false) => step.remove_groups.contains(id),
            Part::Enrolled(id) => step.verb == Verb::Enrol && step.content.as_deref().is_some_and(|content| same_content(content, id)),
            Part::GroupMade(name) => step.verb == Verb::CreateGroup && named(step, name),
            Part::DepartmentMade(name) => step.verb == Verb::CreateDepartment && named(step, name),
            Part::Other(_) => false,
        }
    }

    /// Whether a member holds what a step wants there.
    fn same(&self, case: &Case<'_>, plan: usize, field: &str, wanted: &Value, found: Option<&Value>) -> bool {
        let Some(found) = found else { return is_empty(wanted) };
        if let Some(step) = wanted.get("created_by").and_then(Value::as_str) {
            return self.made_by(plan, step).is_some_and(|id| id == id_text(found));
        }
        let (wanted, found) = (id_text(wanted), id_text(found));
        wanted == found
            || (folds(field) && wanted.to_lowercase() == found.to_lowercase())
            || (field == "departmentId" && case.name_of(&case.world.departments, &found).is_some_and(|name| name == wanted))
    }

    /// P5: what is overwritten was as the plan had read it; here is what was not.
    fn drift(&self, case: &Case<'_>, event: &Event, at: usize) -> Vec<String> {
        let mut drift = Vec::new();
        let Some(before) = &event.before else { return drift };
        let job = &self.jobs[at];
        for part in &event.parts {
            let Part::Field(field) = part else { continue };
            let Some(change) = Case::attributes(field).into_iter().find_map(|name| job.step.set.get(name)) else { continue };
            let found = before.fields.get(field);
            if !self.same(case, job.plan, field, &change.before, found) && !self.same(case, job.plan, field, &change.after, found) {
                let found = found.map(id_text).unwrap_or_default();
                drift.push(format!(
                    "{}: `{field}` was `{found}`, and step {} expected `{}`",
                    place(event),
                    job.step.id,
                    id_text(&change.before)
                ));
            }
        }
        drift
    }

    /// C3: two accounts made for one person.
    fn one_account_each(&self, case: &Case<'_>, report: &mut Report) {
        let mut of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for job in self.jobs.iter().filter(|job| job.step.verb == Verb::Create) {
            if let (Some(person), Some(account)) = (&job.step.person, &job.account) {
                of.entry(person).or_default().insert(account);
            }
        }
        for (person, accounts) in of.into_iter().filter(|(_, accounts)| accounts.len() > 1) {
            let accounts: Vec<&str> = accounts.into_iter().collect();
            report.violation("C3", "two_accounts", case.name, format!("person {person} was given accounts {}", accounts.join(" and ")));
        }
    }

    /// C2: every step has its effect, or what it wants was there, or the run says why not.
    pub fn complete(&self, case: &Case<'_>, outcomes: &BTreeMap<String, String>, expect_complete: bool, report: &mut Report) {
        for job in &self.jobs {
            let step = job.step;
            let outcome = outcomes.get(&step.id).map_or("", String::as_str);
            let undone = matches!(outcome, "drifted" | "failed" | "skipped" | "unsettled" | "started");
            let about = format!("step {} ({:?} {})", step.id, step.verb, step.label);
            if undone && expect_complete {
                report.violation("C2", "not_complete", case.name, format!("{about} ended as {outcome}"));
            }
            if not_done(outcome) && !job.done.is_empty() {
                report.violation(
                    "C2",
                    "reported_undone",
                    case.name,
                    format!("{about} ended as {outcome}, but {}", said(&job.done.keys().cloned().collect())),
                );
            }
            if undone {
                continue;
            }
            let missing = self.missing(case, job);
            if !missing.is_empty() {
                report.violation("C2", "no_effect", case.name, format!("{about}: {} never happened", missing.join(", ")));
            }
        }
    }

    /// What a step wanted, that is neither in the ledger nor was so anyway.
    fn missing(&self, case: &Case<'_>, job: &Job<'_>) -> Vec<String> {
        let step = job.step;
        let mut missing = Vec::new();
        let states = job.account.as_ref().and_then(|account| case.world.history.get(account)).map(Vec::as_slice).unwrap_or_default();
        let was = |so: &dyn Fn(&Account) -> bool| states.iter().any(so);
        let mut want = |there: bool, what: String| {
            if !there {
                missing.push(what)
            }
        };
        match step.verb {
            Verb::Link => {}
            Verb::CreateGroup => want(case.world.groups.values().any(|name| named(step, name)), "the group".to_owned()),
            Verb::CreateDepartment => want(case.world.departments.values().any(|name| named(step, name)), "the department".to_owned()),
            Verb::Create => {
                let another = || {
                    self.jobs.iter().any(|other| {
                        let same = other.step.person.is_some() && other.step.person == step.person;
                        same && other.step.verb == Verb::Create && other.account.is_some()
                    })
                };
                want(job.account.is_some() || another(), "the account".to_owned());
                if job.account.is_none() {
                    return missing;
                }
            }
            Verb::Restore => want(was(&|account| account.active), "the restore".to_owned()),
            Verb::Leave => want(was(&|account| !account.active), "the end of access".to_owned()),
            Verb::Enrol => {
                let content = step.content.as_deref().unwrap_or_default();
                let course = content.strip_prefix("course/").unwrap_or(content);
                let there = job.account.as_ref().is_some_and(|account| {
                    [content, course].iter().any(|id| case.world.enrolments.contains(&(account.clone(), (*id).to_owned())))
                });
                let done = job.done.keys().any(|part| matches!(part, Part::Enrolled(_)));
                want(there || done, format!("the enrolment in {content}"));
            }
            Verb::Update | Verb::Relate => {}
        }
        if matches!(step.verb, Verb::Create | Verb::Update | Verb::Relate | Verb::Restore) {
            for (name, change) in &step.set {
                let holds = |account: &Account| {
                    let fields = [name.clone(), format!("{name}Id"), format!("custom.{name}")];
                    let found = fields.iter().find_map(|field| Some((field, account.fields.get(field)?)));
                    found.map_or_else(
                        || is_empty(&change.after),
                        |(field, found)| self.same(case, job.plan, field, &change.after, Some(found)),
                    )
                };
                want(was(&holds), format!("`{name}`"));
            }
        }
        for group in &step.add_groups {
            let id = self.resolve(job.plan, group);
            want(
                was(&|account| id.as_ref().is_some_and(|id| account.groups.contains(id))),
                format!("joining group {}", id.clone().unwrap_or_default()),
            );
        }
        for group in &step.remove_groups {
            want(was(&|account| !account.groups.contains(group)), format!("leaving group {group}"));
        }
        missing
    }
}

/// Whether an outcome says that a step was not done; one that was never settled may have been.
fn not_done(outcome: &str) -> bool {
    matches!(outcome, "drifted" | "failed" | "skipped")
}

/// Members that are the same whatever their case.
pub fn folds(field: &str) -> bool {
    matches!(field, "email" | "emailAddress" | "username" | "userName" | "emails.work" | "emails.home")
}

/// A course may be written with its kind before it.
pub fn same_content(wanted: &str, found: &str) -> bool {
    wanted == found || wanted.strip_prefix("course/") == Some(found)
}

fn named(step: &Step, name: &str) -> bool {
    step.set.get("name").and_then(|change| change.after.as_str()).unwrap_or(&step.label) == name
}

fn place(event: &Event) -> String {
    format!("line {} ({})", event.line.seq, event.line.object)
}

fn said(parts: &BTreeSet<Part>) -> String {
    parts.iter().map(Part::to_string).collect::<Vec<_>>().join(", ")
}
