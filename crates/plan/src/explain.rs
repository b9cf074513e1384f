//! One person: who they are to us, what they have in each app, what policy wants, and what the next plan would do and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use model::{
    AccountId, AppName, AppReading, Changes, Class, Evidence, Finding, IdpWord, Link, Named, Person, PersonKey, Proposal, Standing,
    Step, Text,
};
use serde::Serialize;

use crate::correlate::Bond;
use crate::draft::verb_word;
use crate::expr::Machine;
use crate::planned::{Memory, Planned};
use crate::propose::{Given, Planner};
use crate::render::{Paint, clean, kind_word};
use crate::roster::{Roster, Stage};
use crate::scene::Scene;

/// Everything about one person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The person's key.
    pub person: PersonKey,
    /// How people call them; empty when the roster does not name them.
    pub name: String,
    /// What the roster says, in words: "employed since 1998-03-02", "left on …", "held: …", "not in the roster".
    pub stands: String,
    /// Every attribute of the roster.
    pub attributes: Named<Text>,
    /// What identity providers said last, by source.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub idp: Named<Heard>,
    /// What there is and will be in each app.
    pub apps: BTreeMap<AppName, InApp>,
    /// What was found about this person.
    pub findings: Vec<Finding>,
}

/// The word of an identity provider, and how old it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heard {
    /// What it said.
    #[serde(flatten)]
    pub word: IdpWord,
    /// Days since it did.
    pub age_days: i64,
}

/// One person in one app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InApp {
    /// The account, when one is known or found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// How account and person belong together, in words.
    pub bond: String,
    /// Whether the account is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
    /// What the account holds now, by the app's names.
    pub has: BTreeMap<String, String>,
    /// Managed groups the account is in.
    pub groups: Vec<String>,
    /// Whether policy wants the person to have an account.
    pub wanted: bool,
    /// Owned values that differ, before → after, over all steps of the next plans.
    pub differs: Changes,
    /// What the next plans would do: the steps, each with the class that holds it, if one does.
    pub next: Vec<(Option<String>, Step)>,
}

impl Planner {
    /// Explains one person.  Guards and names are those of the plan for everybody.  Whoever has just planned from the same has the answer soon;
    /// else it takes as long as planning.
    pub fn explain(&mut self, given: &Given<'_>, proposal: &Proposal, person: &PersonKey) -> Explanation {
        let everybody = Given { only: None, ..*given };
        let in_app = |given: &Given<'_>, roster: &Roster<'_>, moved: &[u32], app: (&AppName, &AppReading), memory: &mut Memory| {
            let Memory { known, outcome, .. } = memory;
            let planned = Planned::new(given, roster, moved, app, (known, outcome), &mut Vec::new())?;
            Some(InApp::of(&planned, roster, proposal, app.0, person))
        };
        self.round(&everybody, &mut Vec::new(), in_app, |roster, apps, _| {
            let at = roster.find(person.as_str());
            Explanation {
                person: person.clone(),
                name: at.map(|at| roster.human(at).person.display_name()).unwrap_or_default(),
                stands: stands(roster, person),
                attributes: at.map(|at| roster.human(at).person.attributes.clone()).unwrap_or_default(),
                idp: at.map(|at| heard(given, roster.human(at).person)).unwrap_or_default(),
                apps: apps.into_iter().filter_map(|(app, is)| Some((app.clone(), is?))).collect(),
                findings: proposal.findings.iter().filter(|finding| finding.person.as_ref() == Some(person)).cloned().collect(),
            }
        })
    }
}

impl InApp {
    fn of(planned: &Planned<'_, '_>, roster: &Roster<'_>, proposal: &Proposal, app: &AppName, person: &PersonKey) -> Self {
        let scene = &planned.scene;
        let at = roster.find(person.as_str());
        let link = scene.link_of(person.as_str());
        let bond = at.map_or(Bond::None, |at| planned.bonds.of[at]);
        let linked = link.and_then(|link| scene.find(link.account.as_str()));
        let slot = bond.account().or(linked);
        let account = slot.map(|account| scene.account(account));
        let mut next: Vec<(Option<String>, Step)> = Vec::new();
        let mut differs: Changes = Changes::new();
        for plan in proposal.plans() {
            for step in plan.steps.iter().filter(|step| &step.app == app && step.person.as_ref() == Some(person)) {
                let class = match &plan.class {
                    Class::Open => None,
                    Class::Held(class) => Some(class.clone()),
                };
                differs.extend(step.set.clone());
                next.push((class, step.clone()));
            }
        }
        Self {
            account: account.map(|account| account.id.clone()).or_else(|| link.map(|link| link.account.clone())),
            bond: bond_in_words(scene, link, bond, account.is_some()),
            active: account.map(|account| account.active),
            has: account
                .map(|account| account.attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
                .unwrap_or_default(),
            groups: slot
                .map(|account| scene.member_of(account).iter().map(|group| scene.names.groups[*group].name.clone()).collect())
                .unwrap_or_default(),
            wanted: at.is_some_and(|at| planned.view(roster, at).desire(&Machine::new()).wanted),
            differs,
            next,
        }
    }
}

/// How an account and a person belong together.
fn bond_in_words(scene: &Scene<'_>, link: Option<&Link>, bond: Bond, seen: bool) -> String {
    match (link, bond) {
        (Some(link), _) => {
            let how = match &link.evidence {
                Evidence::Created => "we made it".to_owned(),
                Evidence::Matched { rule } => format!("matched by `{rule}`"),
            };
            let not_seen = if seen {
                ""
            } else if scene.is_fresh(link) {
                "; made after the last reading, `provost plan` reads again"
            } else {
                "; the account was not seen"
            };
            format!("linked since {} ({how}){not_seen}", link.since)
        }
        (None, Bond::Found { rule, .. }) => format!("found by `{}`, not linked yet", scene.rules.matching[rule as usize].rule),
        (None, Bond::Stuck) => "cannot be told, see the findings".into(),
        (None, _) => "no account".into(),
    }
}

/// What identity providers said of somebody, with its age at the instant that is planned for.
fn heard(given: &Given<'_>, person: &Person) -> Named<Heard> {
    let age = |word: &IdpWord| (given.as_of.as_second().saturating_sub(word.said.as_second())).max(0) / 86_400;
    person.idp.iter().map(|(source, word)| (source.clone(), Heard { word: word.clone(), age_days: age(word) })).collect()
}

fn stands(roster: &Roster<'_>, person: &PersonKey) -> String {
    let Some(at) = roster.find(person.as_str()) else {
        return if roster.knows(person) { "held: the row is broken or contradicts itself".into() } else { "not in the roster".into() };
    };
    let human = roster.human(at);
    if let Some(why) = &human.held {
        return format!("held: {why}");
    }
    let since = |word: &str| human.person.starts.map(|starts| format!(" {word} {starts}")).unwrap_or_default();
    match human.stage_now() {
        Stage::Here => format!("employed{}", since("since")),
        Stage::NotYet => format!("not employed yet;{}", since("starts")),
        Stage::LastDay => "left, and today is the last day: nothing is given any more, and nothing taken before it is over".to_owned(),
        Stage::Over => {
            let status = if human.person.standing == Standing::Left { "left" } else { "the last day is over" };
            human.person.ends.map_or_else(|| status.to_owned(), |ends| format!("{status}, last day {ends}"))
        }
    }
}

impl Explanation {
    /// For a terminal.
    pub fn text(&self, colour: bool) -> String {
        let paint = Paint(colour);
        let mut out = String::new();
        // Writing to a String cannot fail.
        let mut put = |line: String| {
            let _ = writeln!(out, "{line}");
        };
        put(format!("{} {}", paint.bold(self.person.as_str()), clean(&self.name)).trim_end().to_owned());
        put(format!("  {}", clean(&self.stands)));
        for (name, value) in &self.attributes {
            put(format!("  {}: {}", clean(name), clean(value)));
        }
        for (source, Heard { word, age_days }) in &self.idp {
            let groups = word.groups.iter().map(|group| clean(group)).collect::<Vec<_>>().join(", ");
            let groups = if groups.is_empty() { groups } else { format!("; in {groups}") };
            put(format!("  {} says: {} ({age_days} days ago){groups}", clean(source), word.in_words()));
        }
        for (app, is) in &self.apps {
            put(String::new());
            put(format!("  {}: {}", paint.bold(app.as_str()), clean(&is.bond)));
            if let (Some(account), Some(active)) = (&is.account, is.active) {
                put(format!("    account {}, {}", clean(account.as_str()), if active { "active" } else { "inactive" }));
            }
            put(format!("    policy wants {}", if is.wanted { "an account" } else { "no account" }));
            for (name, value) in &is.has {
                match is.differs.get(name) {
                    Some(change) => put(format!("    {}: {} → {}", clean(name), clean(value), paint.yellow(&change.after.to_string()))),
                    None => put(format!("    {}: {}", clean(name), clean(value))),
                }
            }
            if !is.groups.is_empty() {
                put(format!("    groups: {}", clean(&is.groups.join(", "))));
            }
            for (class, step) in &is.next {
                let class = class.as_ref().map(|class| format!(" (held: {class})")).unwrap_or_default();
                put(format!("    next: {}{}: {}", verb_word(step.verb), paint.yellow(&class), clean(&step.reason)));
            }
            if is.next.is_empty() {
                put("    next: nothing".into());
            }
        }
        if !self.findings.is_empty() {
            put(String::new());
        }
        for finding in &self.findings {
            let app = finding.app.as_ref().map(|app| format!(" in {app}")).unwrap_or_default();
            put(format!("  {}{}: {}", paint.yellow(kind_word(finding.kind)), clean(&app), clean(&finding.what)));
            if !finding.next.is_empty() {
                put(format!("    {}", paint.dim(&finding.next)));
            }
        }
        out
    }
}
