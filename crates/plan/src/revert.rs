//! The undo of a run: from what its steps did to each account, and from what is there now, to a plan that takes it back (P12).
//!
//! What an account was is told by the images that the run's journal kept, and by the steps' own before and after.  A value that is neither
//! what the run left nor what was there before was changed by somebody since: it stays, and that is said.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    AccountId, AppName, AppReading, Finding, FindingKind, Image, PersonKey, Plan, Proposal, Ref, RunId, Shape, Step, StepId, StepState,
    Text, Value, Verb,
};

use crate::again::Undone;
use crate::assemble::{assemble, digest_of_links};
use crate::desire::{Act, Wish};
use crate::done::{DoneTo, done_to};
use crate::draft::Drafter;
use crate::guard::{Census, judge};
use crate::order::{Ordered, order};
use crate::part::{labels, review};
use crate::planned::{Memory, Planned};
use crate::propose::{Given, Planner};
use crate::roster::Roster;
use crate::scene::Named;
use crate::settle::{Ground, Settled};
use crate::split::{hold_together, split};
use crate::text::same;

/// What became of one step of the run that is taken back.
#[derive(Clone, Debug)]
pub struct Deed<'a> {
    /// The step.
    pub step: &'a Step,
    /// Where it stands in the run's journal.
    pub state: &'a StepState,
    /// What it made or touched, where the journal says so.
    pub account: Option<&'a AccountId>,
    /// The account just before, where an image was kept and can be read.
    pub before: Option<Image>,
    /// The account just after.
    pub after: Option<Image>,
}

/// A run to be taken back.
#[derive(Clone, Debug)]
pub struct Reverting<'a> {
    /// Which run.
    pub run: &'a RunId,
    /// The steps that are to be taken back and have a word in its journal, in the order of its plan.
    pub deeds: Vec<Deed<'a>>,
    /// The people who were named, when it was not everybody.
    pub only: Vec<String>,
}

/// The undo of a run.
#[derive(Clone, Debug)]
pub struct Reverted {
    /// The plans; among the findings what is left as it is, and why.
    pub proposal: Proposal,
    /// How many accounts are as they were before already.
    pub back: u64,
    /// What each step takes back, for the plannings that follow.
    pub undoes: BTreeMap<StepId, Vec<Undone>>,
}

/// The part of one app.
struct Part {
    ordered: Ordered,
    names: BTreeMap<String, String>,
    census: Census,
    findings: Vec<Finding>,
    back: u64,
    undoes: BTreeMap<StepId, Vec<Undone>>,
}

/// The plan that takes a run back.  [`Given::apps`] has the apps of the run as they are now; [`Given::only`] should name the people of the
/// run, so that nobody else is looked at.
pub fn revert(given: &Given<'_>, reverting: &Reverting<'_>) -> Reverted {
    let mut steps: Vec<Step> = Vec::new();
    let (mut classes, mut findings, mut undoes, mut back) = (Vec::new(), Vec::new(), BTreeMap::new(), 0);
    let mut names: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
    let mut census = BTreeMap::new();
    let work = |given: &Given<'_>, roster: &Roster<'_>, moved: &[u32], app: (&AppName, &AppReading), memory: &mut Memory| {
        part(given, reverting, roster, moved, app, memory)
    };
    let mut proposal = Planner::default().round(given, &mut Vec::new(), work, |roster, parts, _| {
        for (app, part) in parts {
            let Some(part) = part else { continue };
            steps.extend(part.ordered.steps);
            classes.extend(part.ordered.classes);
            names.insert(app.clone(), part.names);
            census.insert(app, part.census);
            findings.extend(part.findings);
            undoes.extend(part.undoes);
            back += part.back;
        }
        // What our own run changed was not there as it is before us.
        let mut judged = judge(given, roster, &census, &names, &steps, &BTreeMap::new());
        for (held, class) in judged.held.iter_mut().zip(&classes) {
            held.extend(class.map(str::to_owned));
        }
        // Who takes a run back takes all of it back: what is held waits with what it needs, and nothing is put off.
        hold_together(&steps, &mut judged.held);
        let links = digest_of_links(given.links);
        let split = split(std::mem::take(&mut steps), std::mem::take(&mut judged.held));
        // Nobody approves an undo ahead.
        assemble(&Given { only: None, ..*given }, split, judged, None, &names, links, std::mem::take(&mut findings))
    });
    // A held leave is a ghost where somebody left; here it is an account that is not taken back yet.
    proposal.findings.retain(|finding| finding.kind != FindingKind::Ghost);
    let plans: Vec<&mut Plan> = std::iter::once(&mut proposal.open).chain(&mut proposal.held).collect();
    for plan in plans {
        plan.inputs.reverts = Some(reverting.run.clone());
        plan.inputs.only.clone_from(&reverting.only);
    }
    Reverted { proposal, back, undoes }
}

fn part(
    given: &Given<'_>,
    reverting: &Reverting<'_>,
    roster: &Roster<'_>,
    moved: &[u32],
    app: (&AppName, &AppReading),
    memory: &mut Memory,
) -> Option<Part> {
    let Memory { known, outcome, .. } = memory;
    // What planning finds is not asked about here.
    let planned = Planned::new(given, roster, moved, app, (known, outcome), &mut Vec::new())?;
    let mut findings = Vec::new();
    let pasts = done_to(app.0, reverting, &mut findings);
    let taking = Taking { planned: &planned, roster };
    let (mut wishes, mut back) = (Vec::new(), 0);
    for past in &pasts {
        let said = findings.len();
        let mut own = taking.back(past, &mut findings);
        if own.is_empty() && findings.len() == said {
            back += 1;
        }
        wishes.append(&mut own);
    }
    let keys: BTreeMap<usize, &DoneTo<'_>> = pasts.iter().filter_map(|past| Some((planned.scene.find(past.account)?, past))).collect();
    let ground = Ground { roster, scene: &planned.scene, bonds: &planned.bonds, stages: &planned.stages };
    let (wishes, frees) = ground.unique(wishes, &mut findings);
    let past_of = |wish: &Wish| wish.account.and_then(|account| keys.get(&account).copied());
    let gone = wishes
        .iter()
        .filter(|wish| wish.person.is_none())
        .map(|wish| past_of(wish).map_or_else(|| PersonKey::new(""), DoneTo::key))
        .collect();
    let drafter = Drafter { roster, scene: &planned.scene, drafts: Vec::new(), gone };
    let mut drafts = drafter.draft(Settled { wishes, frees, relations: Vec::new() }, &mut findings);
    let by_id: BTreeMap<&str, &DoneTo<'_>> = pasts.iter().map(|past| (past.account, past)).collect();
    for draft in &mut drafts {
        let Some(past) = draft.step.account.as_ref().and_then(Ref::id).and_then(|id| by_id.get(id)) else { continue };
        draft.step.reason = past.reason(reverting.run, &draft.step, &planned.scene).into();
    }
    let ordered = review(given, order(drafts), &mut findings);
    let undoes =
        ordered.steps.iter().filter_map(|step| Some((step.id, by_id.get(step.account.as_ref()?.id()?)?.undone(step)))).collect();
    let names = labels(&planned, roster, &ordered.steps);
    let guarded = !given.policy.policy().guards.is_empty();
    let census = if guarded { Census::new(given, roster, &planned) } else { Census::default() };
    Some(Part { ordered, names, census, findings, back, undoes })
}

/// Where one app's accounts are compared with what they were.
struct Taking<'t, 'a> {
    planned: &'t Planned<'t, 'a>,
    roster: &'t Roster<'a>,
}

impl Taking<'_, '_> {
    /// What has to be done so that the account is as it was.
    fn back(&self, past: &DoneTo<'_>, findings: &mut Vec<Finding>) -> Vec<Wish> {
        let scene = &self.planned.scene;
        let mut stays = |kind, what: String, next: &str| findings.push(past.finding(scene.name, kind, what).next(next));
        let Some(at) = scene.find(past.account) else {
            let what = format!("account {} is not seen any more: nothing of it is taken back", past.account);
            stays(FindingKind::NotUndone, what, "look for it at the app, with full rights");
            return Vec::new();
        };
        let account = scene.account(at);
        let person = past.person.and_then(|key| self.roster.find(key.as_str()));
        if let Some(why) = scene.protected(account) {
            let what = format!("the account is protected ({why}) and stays as it is");
            stays(FindingKind::NotUndone, what, "change it by hand at the app, if it is to be as before");
            return Vec::new();
        }
        let mut wishes = Vec::new();
        if past.made {
            if account.active {
                wishes.push(Wish::new(person, Some(at), Act::Leave));
            }
            return wishes;
        }
        let (left, was) = past.active.unwrap_or((account.active, account.active));
        let act = if was == account.active || left != account.active {
            Act::Keep
        } else if was {
            Act::Restore
        } else {
            Act::Leave
        };
        let mut wish = Wish::new(person, Some(at), if act == Act::Leave { Act::Keep } else { act });
        for (name, (was, left)) in &past.values {
            let now = account.attributes.get(name).cloned().unwrap_or_default();
            let Some((place, setting)) = scene.rules.set.iter().enumerate().find(|(_, setting)| setting.attribute.name == *name) else {
                let what = format!("{name} was `{was}` and is `{now}`: policy does not own it any more, so that it stays");
                stays(FindingKind::NotUndone, what, "change it by hand at the app, if it is to be as before");
                continue;
            };
            let owned = &setting.attribute;
            if same(&now, was, owned.compare) {
                continue;
            }
            let names_nobody = || match (owned.shape, was.as_text()) {
                (Shape::Department, Some(id)) => !scene.reading.departments.iter().any(|department| department.id == id),
                (Shape::Supervisor, Some(id)) => scene.find(id).is_none(),
                _ => false,
            };
            let why = if !same(&now, left, owned.compare) {
                let what = format!(
                    "{name} is `{now}`, neither `{left}`, which the run left, nor `{was}`, which was there before: somebody changed it since, and it stays"
                );
                stays(FindingKind::Drift, what, "decide who is right, and correct the source or the account");
                continue;
            } else if scene.names.undeclared[place] {
                "is not declared at the app any more"
            } else if was.is_null() && owned.required {
                "is required and was empty"
            } else if names_nobody() {
                "would name what is not there any more"
            } else {
                wish.take_back(setting, now, was.clone(), scene.rules.manifest.moves_enrol);
                continue;
            };
            let what = format!("{name} stays `{now}`: `{was}`, as it was before, {why}");
            stays(FindingKind::NotUndone, what, "change it by hand at the app, if it is to be as before");
        }
        let is_in = scene.member_of(at);
        let groups = past.joined.iter().map(|group| (group, false)).chain(past.parted.iter().map(|group| (group, true)));
        for (group, shall) in groups {
            let place = scene.names.groups.iter().position(|managed| matches!(&managed.found, Named::Id(id) if *id == **group));
            match place {
                Some(place) if is_in.contains(&place) == shall => {}
                Some(place) if shall => wish.add.push(place),
                Some(place) => wish.remove.push(place),
                None => {
                    let what = format!("group {group} is not one that policy manages any more: the membership stays as it is");
                    stays(FindingKind::NotUndone, what, "change it by hand at the app, if it is to be as before");
                }
            }
        }
        wish.add.sort_unstable();
        wish.remove.sort_unstable();
        if wish.changes() {
            wishes.push(wish);
        }
        if act == Act::Leave {
            wishes.push(Wish::new(person, Some(at), Act::Leave));
        }
        wishes
    }
}

impl DoneTo<'_> {
    /// Why a step is there: the run, and what of it is taken back.
    fn reason(&self, run: &RunId, step: &Step, scene: &crate::scene::Scene<'_>) -> String {
        let group =
            |id: &str| scene.reading.groups.iter().find(|group| group.id == id).map_or(id, |group| group.name.as_str()).to_owned();
        let mut parts = Vec::new();
        match step.verb {
            Verb::Leave => {
                let (verb, meaning) = scene.rules.manifest.leave;
                let what = if self.made { "made the account" } else { "restored the account" };
                parts.push(format!("it {what}; {verb}: {meaning}"));
            }
            Verb::Restore => parts.push(format!("it took access ({})", self.why)),
            _ => {}
        }
        if !step.set.is_empty() {
            parts.push(format!("{} as before", step.set.keys().map(Text::as_str).collect::<Vec<_>>().join(", ")));
        }
        let add: Vec<String> = step.add_groups.iter().filter_map(Ref::id).map(group).collect();
        let remove: Vec<String> = step.remove_groups.iter().map(|id| group(id)).collect();
        if !add.is_empty() {
            parts.push(format!("joins {} again", add.join(", ")));
        }
        if !remove.is_empty() {
            parts.push(format!("leaves {} again", remove.join(", ")));
        }
        format!("takes back run {run}: {}", parts.join("; "))
    }

    /// What a step takes back, so that the next planning knows it when it wants the same again.
    fn undone(&self, step: &Step) -> Vec<Undone> {
        let mut undone = Vec::new();
        match step.verb {
            Verb::Leave => undone.push(Undone::Given),
            Verb::Restore => undone.push(Undone::Taken { why: self.why.into() }),
            _ => {}
        }
        undone.extend(step.set.iter().map(|(name, change)| Undone::Value { attribute: name.clone(), value: change.before.clone() }));
        undone.extend(step.add_groups.iter().filter_map(Ref::id).map(|group| Undone::Left { group: group.into() }));
        undone.extend(step.remove_groups.iter().map(|group| Undone::Joined { group: group.clone() }));
        undone
    }

    fn key(&self) -> PersonKey {
        self.person.cloned().unwrap_or_else(|| PersonKey::new(self.account))
    }
}

impl Wish {
    /// Sets an owned value back to what it was.
    fn take_back(&mut self, setting: &crate::compiled::Setting, before: Value, after: Value, moves_enrol: bool) {
        match setting.attribute.shape {
            Shape::Role(ranks) => crate::desire::role(ranks, &before, &after, setting.lower, self),
            Shape::Department if moves_enrol => drop(self.effects.insert(model::Effect::EnrolmentPossible)),
            _ => {}
        }
        self.set.insert(setting.attribute.name.clone(), model::Change { before, after });
    }
}

/// The apps and people of a run that an undo has to look at: whose steps have a word in its journal.
pub fn concerned<'a>(deeds: &[Deed<'a>]) -> (BTreeSet<&'a AppName>, BTreeSet<PersonKey>) {
    let apps = deeds.iter().filter(|deed| deed.state.is_done()).map(|deed| &deed.step.app).collect();
    (apps, deeds.iter().filter_map(|deed| deed.step.person.clone()).collect())
}
