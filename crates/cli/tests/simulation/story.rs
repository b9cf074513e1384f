//! One seed's story: a company, a policy, rounds of changes under a storm, then calm, and an end that must be right.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::Proposed;
use jiff::{SignedDuration, Timestamp, tz};
use model::{Digest, FindingKind, RunId, RunState};
use sandbox::Limit;

use crate::chance::Chance;
use crate::company::Company;
use crate::observer::{Broken, Observer};
use crate::policy::Policy;
use crate::rig::{Lived, Setup, StoreAt, Straight, World};
use crate::storm::{Rates, Storm};

/// What a story came to.
pub(crate) struct Told {
    pub(crate) trace: Vec<String>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) events: u64,
    pub(crate) effects: u64,
    pub(crate) crashes: usize,
}

const FAULTS: [&str; 16] = [
    "429",
    "429:2s",
    "throttle",
    "500-before",
    "503-after",
    "502-late:20s",
    "reset-before",
    "reset-after",
    "reset-late:15s",
    "html-before",
    "html-after",
    "slow:10s",
    "truncated",
    "garbled",
    "moved@GET",
    "reset-after@POST",
];

fn faults(chance: &Chance, rival: bool) -> String {
    let mut rules = Vec::new();
    for fault in FAULTS {
        if chance.in_thousand(180) {
            rules.push(format!("{fault}={}%", chance.between(1, 6)));
        }
    }
    if rival && chance.in_thousand(150) {
        rules.push("rival=2%".to_owned());
    }
    if rules.is_empty() {
        return String::new();
    }
    format!("{}, seed={}", rules.join(", "), chance.below(1_000_000))
}

/// People of whom something is found that a person has to decide: nothing is promised about them but what is checked after every event.
const HOLDING: [FindingKind; 9] = [
    FindingKind::Ambiguous,
    FindingKind::Duplicate,
    FindingKind::Hidden,
    FindingKind::BadRow,
    FindingKind::Objection,
    FindingKind::Adoptable,
    FindingKind::Absent,
    FindingKind::Protected,
    FindingKind::BlindSpot,
];

struct Story<'a> {
    chance: &'a Chance,
    world: &'a World,
    storm: &'a Storm,
    company: &'a Company,
    policy: &'a Policy,
    broken: Vec<Broken>,
    crashes: usize,
    /// Runs that began longer ago than a yes counts.
    too_late: BTreeSet<RunId>,
}

/// Tells the story of a seed.
pub(crate) fn tell(seed: u64) -> Told {
    let chance = Chance::new(seed);
    let profile = *chance.pick(&["guide", "vendor"]);
    let policy = Policy::new(&chance, profile);
    let begins: Timestamp = "2024-03-01T09:00:00Z".parse().expect("an instant");
    let today = |at: Timestamp| at.to_zoned(tz::TimeZone::UTC).date();
    let size = if chance.in_thousand(40) { 60 + chance.below(120) } else { 4 + chance.below(26) };
    let mut company = Company::new(&chance, today(begins), size);
    let stormy = chance.in_thousand(900);
    let world = World::new(Setup {
        seed: chance.seed(),
        now: begins,
        profile,
        config: policy.text.clone(),
        store: if seed % 64 == 63 { StoreAt::Postgres } else { StoreAt::File },
        faults: if stormy { (faults(&chance, false), faults(&chance, true)) } else { (String::new(), String::new()) },
        limit: if chance.in_thousand(100) { Limit::Default } else { Limit::Off },
        groups: policy.groups.clone(),
        rules: Vec::new(),
    });
    let ledger = |app: &str| world.path(&format!("{app}.ledger.jsonl"));
    let ledgers = BTreeMap::from([("lessonly", ledger("lessonly")), ("absorb", ledger("absorb"))]);
    let rates = if stormy { Rates::new(&chance) } else { Rates::default() };
    let addresses = company.people.iter().map(|person| person.email.clone()).collect();
    let storm = Arc::new(Storm::new(
        Chance::new(chance.seed()),
        rates,
        Observer::new(world.store_from_outside(), ledgers),
        Arc::clone(&world.shared),
        (world.lessonly.clone(), world.absorb.clone()),
        addresses,
    ));
    world.direct(storm.clone());
    let rounds = 2 + chance.below(3);
    let (mut broken, mut crashes, mut too_late) = (Vec::new(), 0, BTreeSet::new());
    for round in 0..=rounds {
        let calm = round == rounds;
        if round > 0 {
            world.pass(SignedDuration::from_hours(chance.between(1, 24 * 20)));
            for _ in 0..chance.below(6) {
                company.changes(&chance, today(world.now()));
            }
            for _ in 0..if stormy && !calm { chance.below(3) } else { 0 } {
                storm.by_hand();
            }
        }
        if calm {
            company.all_are_listed();
            storm.calm_down();
        }
        let roster = company.roster();
        roster.lines().for_each(|line| world.shared.note_outside(&format!("roster {line}")));
        world.roster(&roster);
        let (chance, world, storm, company, policy) = (&chance, &world, &*storm, &company, &policy);
        let mut story = Story { chance, world, storm, company, policy, broken: Vec::new(), crashes: 0, too_late };
        if calm {
            story.ends()
        } else {
            story.round()
        }
        broken.append(&mut story.broken);
        crashes += story.crashes;
        too_late = story.too_late;
        if !broken.is_empty() || !storm.observer.broken().is_empty() {
            break;
        }
    }
    storm.observer.look();
    broken.extend(storm.observer.broken());
    // Whoever replays it reads what the apps say of what is broken.
    for app in if broken.is_empty() { [].as_slice() } else { &["lessonly", "absorb"] } {
        for line in world.read(&format!("{app}.ledger.jsonl")).lines() {
            world.shared.note_outside(&format!("{app}'s ledger: {line}"));
        }
    }
    // The director knows the world: they would keep each other for ever.
    world.direct(Arc::new(Straight));
    Told { trace: world.shared.trace.lines(), broken, events: storm.events(), effects: storm.observer.effects(), crashes }
}

impl Story<'_> {
    fn note(&self, what: &str) {
        self.world.shared.note_outside(what);
    }

    fn breaks(&mut self, promise: &'static str, what: String) {
        self.note(&format!("BROKEN {promise}: {what}"));
        self.broken.push(Broken { promise, what });
    }

    fn lived<T>(&mut self, lived: Lived<T>) -> Option<T> {
        self.crashes += usize::from(matches!(lived, Lived::Crashed));
        lived.ok()
    }

    /// Plans until it succeeds, as people do.
    fn planned(&mut self, times: usize) -> Option<Proposed> {
        for _ in 0..times {
            let lived = self.world.plan();
            match self.lived(lived) {
                Some(Ok(proposed)) => {
                    let steps = proposed.proposal.open.steps.len();
                    let held: Vec<usize> = proposed.proposal.held.iter().map(|plan| plan.steps.len()).collect();
                    self.note(&format!("planned: {steps} steps, held {held:?}, {} findings", proposed.proposal.findings.len()));
                    return Some(proposed);
                }
                Some(Err(error)) => self.note(&format!("planning fails: {error}")),
                None => {}
            }
            self.world.pass(SignedDuration::from_mins(self.chance.between(1, 40)));
        }
        None
    }

    /// Approves and carries out a plan, and resumes until it is finished or nobody wants to wait any longer.
    fn carried_out(&mut self, digest: &Digest, times: usize) {
        let lived = self.world.approve(digest);
        match self.lived(lived) {
            Some(Ok(_)) => self.note(&format!("approved {}", digest.short())),
            Some(Err(error)) => self.note(&format!("not approved: {error}")),
            None => {}
        }
        let plan = self.world.plan_of(digest).expect("it was kept");
        let may_lose = |app: &'static str| {
            let outside = if app == "lessonly" { &self.policy.outside[..] } else { &[] };
            (app, self.company.may_lose(plan.inputs.as_of, outside, self.policy.absent_leaves))
        };
        let may_lose = BTreeMap::from(["lessonly", "absorb"].map(may_lose));
        self.storm.observer.approved(&digest.to_string(), serde_json::to_value(&plan).expect("a plan is JSON"), may_lose);
        for _ in 0..3 {
            let lived = self.world.execute(digest);
            match self.lived(lived) {
                Some(Ok(summary)) => {
                    let (state, by) = (summary.run.state, &summary.run.stopped_by);
                    self.note(&format!("{state:?}: {} done, {} other, {} left {by}", summary.done, summary.other, summary.left));
                    break;
                }
                Some(Err(error)) => self.note(&format!("not carried out: {error}")),
                None => {}
            }
            if self.is_unfinished() {
                break;
            }
        }
        self.resumed(times);
    }

    /// Resumes what is not finished and may still be resumed.
    fn resumed(&mut self, times: usize) {
        for _ in 0..times {
            let unfinished = self.world.unfinished();
            let Some(run) = unfinished.iter().find(|run| !self.too_late.contains(*run)) else { return };
            self.world.pass(SignedDuration::from_mins(self.chance.between(0, 50)));
            let lived = self.world.resume(run);
            match self.lived(lived) {
                Some(Ok(summary)) if summary.run.state == RunState::Finished => self.note("resumed to its end"),
                Some(Ok(summary)) => self.note(&format!("stopped again: {}", summary.run.stopped_by)),
                Some(Err(engine::EngineError::TooLate { .. })) => {
                    self.note("too late to resume");
                    self.too_late.insert(run.clone());
                }
                Some(Err(error)) => self.note(&format!("not resumed: {error}")),
                None => {}
            }
        }
    }

    /// Whether a run is not finished and may still be resumed.
    fn is_unfinished(&self) -> bool {
        self.world.unfinished().iter().any(|run| !self.too_late.contains(run))
    }

    fn round(&mut self) {
        self.resumed(3);
        for _ in 0..1 + self.chance.below(2) {
            let Some(proposed) = self.planned(5) else { return };
            let plans: Vec<(Digest, usize)> =
                proposed.digests.iter().copied().zip(proposed.proposal.plans().map(|plan| plan.steps.len())).collect();
            for (at, (digest, steps)) in plans.into_iter().enumerate() {
                if steps > 0 && (at == 0 || self.chance.in_thousand(500)) {
                    self.carried_out(&digest, 8);
                }
            }
            self.world.pass(SignedDuration::from_mins(self.chance.between(0, 600)));
        }
    }

    /// Nothing goes wrong any more: what is unfinished finishes, everything is planned, approved and carried out, and nothing is left.
    fn ends(&mut self) {
        self.resumed(40);
        self.world.pass(SignedDuration::from_hours(30));
        for planning in 0..10 {
            let Some(proposed) = self.planned(1) else {
                return self.breaks("P10", "nothing goes wrong, and planning fails".to_owned());
            };
            let steps: usize = proposed.proposal.plans().map(|plan| plan.steps.len()).sum();
            if steps == 0 {
                return self.judged(&proposed);
            }
            if planning == 9 {
                let left: Vec<String> = proposed
                    .proposal
                    .plans()
                    .flat_map(|plan| &plan.steps)
                    .map(|step| format!("{:?} {}", step.verb, step.label))
                    .collect();
                return self.breaks("P10", format!("nothing goes wrong, and there is always something left to do: {left:?}"));
            }
            let plans: Vec<(Digest, usize)> =
                proposed.digests.iter().copied().zip(proposed.proposal.plans().map(|plan| plan.steps.len())).collect();
            for (digest, _) in plans.into_iter().filter(|(_, steps)| *steps > 0) {
                self.carried_out(&digest, 3);
                if self.is_unfinished() && planning > 3 {
                    return self.breaks("P9", "nothing goes wrong, and a run does not finish".to_owned());
                }
            }
        }
    }

    /// The end state is what the checker's own reading of roster and policy says.
    fn judged(&mut self, last: &Proposed) {
        self.world.keep_all_reports();
        for finding in &last.proposal.findings {
            self.note(&format!("found {:?} {:?} {:?}: {}", finding.kind, finding.app, finding.person, finding.what));
        }
        let all_done = self.world.every_step_was_done();
        let held: BTreeSet<String> = last
            .proposal
            .findings
            .iter()
            .filter(|finding| HOLDING.contains(&finding.kind))
            .filter_map(|finding| finding.person.as_ref().map(ToString::to_string))
            .chain(self.company.gave_their_address())
            .collect();
        let mut more = Vec::new();
        if !held.is_empty() {
            more.extend(["--except".to_owned(), held.into_iter().collect::<Vec<_>>().join(",")]);
        }
        for violation in self.world.violations(&more) {
            let observer = &self.storm.observer;
            // What was written over in the window between look and write: at Absorb with the whole record, which a step that made the account
            // says too.  What was put back by hand before the look afterwards looks as if it had never come, and is done again.  And what
            // somebody did by hand in the window leaves nothing to do.
            let excused = match violation.name {
                "drift_overwritten" => observer.was_in_window(&violation.app, &violation.what),
                "done_twice" | "unexplained" | "several_steps" | "unowned_changed" => {
                    observer.wrote_over_hand(&violation.app, &violation.what)
                }
                "idle_write" => observer.met_hand(&violation.app, &violation.what),
                _ => false,
            };
            // Where steps were not done and were planned again, which of them a line is the checker cannot know.  The observer did.
            let unknown = !all_done && matches!(violation.rule, "C1" | "C2");
            if !(excused || unknown) {
                self.breaks("checker", format!("{} {} {}: {}", violation.rule, violation.name, violation.app, violation.what));
            }
        }
    }
}
