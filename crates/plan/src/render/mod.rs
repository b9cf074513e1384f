//! Plans and findings as people read them: text for a terminal, Markdown, one HTML page.
//!
//! All three say the same.  Whatever came from a roster or an app is escaped for where it goes (F11): control and
//! direction characters never reach a terminal, nothing reaches Markdown or HTML as markup.

mod html;
mod markdown;
mod paged;
mod text;

use std::collections::BTreeMap;

use model::{
    AppName, Class, Concerned, Effect, Finding, FindingKind, GuardVerdict, PersonKey, Plan, Proposal, Ref, Step, StepId, Value,
};
use serde::Serialize;

pub use crate::draft::verb_word;
pub use html::html;
pub(crate) use markdown::escape as markdown_escape;
pub use markdown::markdown;
pub use paged::{Group, GuardShown, Shown, StepShown, part};
pub use text::text;
pub(crate) use text::{Paint, clean};

/// What is to be shown.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    plans: Vec<&'a Plan>,
    findings: &'a [Finding],
    most: Option<usize>,
}

impl<'a> From<&'a Proposal> for Document<'a> {
    fn from(proposal: &'a Proposal) -> Self {
        Self { plans: proposal.plans().collect(), findings: &proposal.findings, most: None }
    }
}

impl<'a> From<&'a Plan> for Document<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { plans: vec![plan], findings: &[], most: None }
    }
}

impl<'a> From<&'a [Finding]> for Document<'a> {
    fn from(findings: &'a [Finding]) -> Self {
        Self { plans: Vec::new(), findings, most: None }
    }
}

impl Document<'_> {
    /// Shows at most so many steps of each app and verb in each plan, and says how many more there are.
    #[must_use]
    pub fn at_most(mut self, steps: usize) -> Self {
        self.most = Some(steps);
        self
    }
}

/// A document taken apart into what the three forms have in common; texts are raw.
struct Sheet {
    plans: Vec<PlanSheet>,
    findings: Vec<Grouped>,
}

struct PlanSheet {
    /// "plan 0123456789ab, open".
    title: String,
    held: bool,
    facts: Vec<String>,
    guards: Vec<GuardLine>,
    apps: Vec<(String, Vec<Line>)>,
}

/// What a guard counted: whether it holds, in words, and whom.
struct GuardLine {
    tripped: bool,
    words: String,
    people: String,
}

/// One step, or (when `verb` is empty) how many are not shown.
struct Line {
    verb: &'static str,
    who: String,
    reason: String,
    details: Vec<String>,
    effects: String,
}

/// Findings that say the same about many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grouped {
    /// The sort.
    pub kind: FindingKind,
    /// In which app, if in one.
    pub app: Option<AppName>,
    /// What was found.
    pub what: String,
    /// What to do.
    pub next: String,
    /// About whom: keys, accounts and places, in order.
    pub about: Vec<String>,
}

/// Puts findings that say the same together, in a stable order.
pub fn grouped(findings: &[Finding]) -> Vec<Grouped> {
    let mut groups: BTreeMap<(FindingKind, &Option<AppName>, &str, &str), Vec<String>> = BTreeMap::new();
    for finding in findings {
        let group = groups.entry((finding.kind, &finding.app, &finding.what, &finding.next)).or_default();
        let person = finding.person.as_ref().map(ToString::to_string);
        // Who it is about says enough; an account of nobody is named by its id.
        let account = finding.account.as_ref().filter(|_| person.is_none()).map(|account| format!("account {account}"));
        let place = finding.place.as_ref().map(|place| format!("{}:{}", place.file, place.line));
        let about: Vec<String> = place.into_iter().chain(person).chain(account).collect();
        if !about.is_empty() {
            group.push(about.join(" "));
        }
    }
    groups
        .into_iter()
        .map(|((kind, app, what, next), about)| Grouped { kind, app: app.clone(), what: what.to_owned(), next: next.to_owned(), about })
        .collect()
}

/// The kind of a finding in words.
pub fn kind_word(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Orphan => "orphan",
        FindingKind::Ghost => "ghost",
        FindingKind::Duplicate => "duplicate",
        FindingKind::Ambiguous => "ambiguous match",
        FindingKind::Unmanaged => "unmanaged account",
        FindingKind::Drift => "drift",
        FindingKind::Cycle => "supervisors in a circle",
        FindingKind::BlindSpot => "blind spot",
        FindingKind::Hidden => "hidden account",
        FindingKind::BadRow => "bad row",
        FindingKind::Absent => "absent from the roster",
        FindingKind::UnknownReference => "unknown reference",
        FindingKind::Objection => "objection",
        FindingKind::Protected => "protected account",
        FindingKind::Adoptable => "could be adopted",
        FindingKind::Unsettled => "unsettled",
        FindingKind::Guard => "held by a guard",
        FindingKind::RivalLogIn => "rival log-in",
        FindingKind::NotUndone => "not undone",
        FindingKind::Reverted => "planned again after its undo",
        FindingKind::Quarantined => "quarantined",
        FindingKind::PutAside => "put aside",
        FindingKind::Resurrection => "resurrection",
        FindingKind::StaleWord => "old word of an identity provider",
        FindingKind::Assignment => "assignment",
        FindingKind::Conflict => "groups that contradict each other",
    }
}

/// How many subjects of one finding are listed.
const SUBJECTS: usize = 8;

impl Grouped {
    fn subjects(&self) -> String {
        let shown = self.about.iter().take(SUBJECTS).cloned().collect::<Vec<_>>().join(", ");
        match self.about.len().saturating_sub(SUBJECTS) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}

fn sheet(document: &Document<'_>) -> Sheet {
    Sheet { plans: document.plans.iter().map(|plan| plan_sheet(plan, document.most)).collect(), findings: grouped(document.findings) }
}

fn plan_sheet(plan: &Plan, most: Option<usize>) -> PlanSheet {
    let class = match &plan.class {
        Class::Open => "open".to_owned(),
        Class::Held(class) => format!("held: {class}"),
    };
    let mut counts: BTreeMap<&AppName, BTreeMap<model::Verb, usize>> = BTreeMap::new();
    let mut effects: BTreeMap<Effect, usize> = BTreeMap::new();
    for step in &plan.steps {
        *counts.entry(&step.app).or_default().entry(step.verb).or_default() += 1;
        step.effects.iter().for_each(|effect| *effects.entry(*effect).or_default() += 1);
    }
    let mut facts = vec![format!("{}, as of {}", plan.organization, plan.inputs.as_of)];
    if plan.steps.is_empty() {
        facts.push("nothing to do".into());
    }
    for (app, verbs) in &counts {
        let verbs: Vec<String> = verbs.iter().map(|(verb, count)| format!("{} {count}", verb_word(*verb))).collect();
        facts.push(format!("{app}: {}", verbs.join(", ")));
    }
    if !effects.is_empty() {
        let effects: Vec<String> = effects.iter().map(|(effect, count)| format!("{} {count}", effect.word())).collect();
        facts.push(format!("effects: {}", effects.join(", ")));
    }
    if plan.four_eyes {
        facts.push("needs a second person".into());
    }
    if let Some(run) = &plan.inputs.reverts {
        facts.push(format!("takes back run {run}"));
    }
    if !plan.inputs.only.is_empty() {
        facts.push(format!("only for {}", plan.inputs.only.join(", ")));
    }
    let labels: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
    let mut apps: Vec<(String, Vec<Line>)> = Vec::new();
    for (app, verbs) in &counts {
        let mut lines = Vec::new();
        for (verb, count) in verbs {
            let steps = plan.steps.iter().filter(|step| &step.app == *app && step.verb == *verb);
            let shown = most.unwrap_or(usize::MAX);
            lines.extend(steps.take(shown).map(|step| line(plan, step, &labels)));
            if *count > shown {
                let reason = format!("… and {} more to {}", count - shown, verb_word(*verb));
                lines.push(Line { verb: "", who: String::new(), reason, details: Vec::new(), effects: String::new() });
            }
        }
        apps.push((app.to_string(), lines));
    }
    let guards = plan.guards.iter().map(guard_line).collect();
    PlanSheet { title: format!("plan {}, {class}", plan.digest().short()), held: plan.class != Class::Open, facts, guards, apps }
}

fn guard_line(verdict: &GuardVerdict) -> GuardLine {
    let within = verdict.within.as_ref().map(|within| format!(" / {within}")).unwrap_or_default();
    let holds = if verdict.tripped { "holds" } else { "lets pass" };
    let words = format!("guard {} {holds} in {}{within}: {}", verdict.guard, verdict.app, verdict.why);
    GuardLine { tripped: verdict.tripped, words, people: some_of(&verdict.people) }
}

/// The first of them by key, name and department, and how many more there are.
pub(crate) fn some_of(people: &[Concerned]) -> String {
    let word = |concerned: &Concerned| {
        let key = concerned.person.as_ref().map(PersonKey::as_str).unwrap_or_default();
        let mut words = [key, concerned.name.as_str()].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let earlier = if concerned.earlier { "earlier" } else { "" };
        let beside =
            [concerned.department.as_str(), earlier].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
        if !beside.is_empty() {
            words.push_str(&format!(" ({beside})"));
        }
        words
    };
    let shown = people.iter().take(SUBJECTS).map(word).collect::<Vec<_>>().join(", ");
    match people.len().saturating_sub(SUBJECTS) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn line(plan: &Plan, step: &Step, labels: &BTreeMap<&StepId, &Step>) -> Line {
    let names = plan.names.get(&step.app);
    let name = |id: &str| match names.and_then(|names| names.get(id)) {
        Some(name) => format!("{name} [{id}]"),
        None => id.to_owned(),
    };
    let made = |id: &StepId| {
        labels.get(id).map_or_else(|| format!("what step {id} makes"), |step| format!("{} (made by this plan)", step.label))
    };
    let value = |value: &Value| match value {
        Value::Text(text) => name(text),
        Value::CreatedBy(step) => made(step),
        other => other.to_string(),
    };
    let mut details: Vec<String> = step
        .set
        .iter()
        .map(|(attribute, change)| match &change.before {
            Value::Null => format!("{attribute}: {}", value(&change.after)),
            before if *before == change.after => format!("{attribute} is {}", value(before)),
            before => format!("{attribute}: {} → {}", value(before), value(&change.after)),
        })
        .collect();
    details.extend(step.add_groups.iter().map(|group| match group {
        Ref::Id(id) => format!("+ group {}", name(id)),
        Ref::CreatedBy { created_by } => format!("+ group {}", made(created_by)),
    }));
    details.extend(step.remove_groups.iter().map(|id| format!("- group {}", name(id))));
    details.extend(step.content.iter().map(|id| format!("content: {}", name(id))));
    let account = step.account.as_ref().and_then(Ref::id).map(|id| format!(" (account {id})")).unwrap_or_default();
    let who = match &step.person {
        Some(key) => format!("{key} {}{account}", step.label),
        None => step.label.clone().into(),
    };
    let effects: Vec<&str> = step.effects.iter().map(|effect| effect.word()).collect();
    Line { verb: verb_word(step.verb), who, reason: step.reason.clone().into(), details, effects: effects.join(", ") }
}
