//! A plan for a page that shows a part of its steps: grouped by what they do to people, the gravest first.

use std::collections::BTreeMap;

use model::{Effect, Plan, Step, StepId};

use super::text::clean;
use super::{GuardLine, Line, PlanSheet, guard_line, line, plan_sheet};

/// What matters most to a person comes first.
const GRAVEST_FIRST: [Effect; 12] = [
    Effect::AccessLost,
    Effect::RoleRaised,
    Effect::RoleLowered,
    Effect::GroupLost,
    Effect::Adopted,
    Effect::AccessGiven,
    Effect::GroupGained,
    Effect::EnrolmentStarted,
    Effect::EnrolmentPossible,
    Effect::StructureCreated,
    Effect::RecordChanged,
    Effect::Notified,
];

/// A plan, with a part of its steps.  All texts are without control and direction characters, and not escaped otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// "plan 0123456789ab, open".
    pub title: String,
    /// What it does, in figures, and what it takes.
    pub facts: Vec<String>,
    /// What guards counted.
    pub guards: Vec<GuardShown>,
    /// The steps of this part.
    pub groups: Vec<Group>,
    /// Steps in the plan.
    pub steps: usize,
}

/// What a guard counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardShown {
    /// Whether it holds.
    pub tripped: bool,
    /// The count and its limit.
    pub words: String,
    /// The people behind the number: the first few, and how many more.
    pub people: String,
}

/// Steps that do the same to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The gravest effect of each, in words; "no effect on people" where there is none.
    pub effect: String,
    /// How many of the plan's steps there are.
    pub steps: usize,
    /// Those of this part.
    pub shown: Vec<StepShown>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepShown {
    /// Which.
    pub id: StepId,
    /// In which app.
    pub app: String,
    /// What is done, in a word.
    pub verb: &'static str,
    /// To whom.
    pub who: String,
    /// Why.
    pub reason: String,
    /// Values before → after, groups, content.
    pub details: Vec<String>,
    /// All its effects.
    pub effects: String,
}

/// A plan with so many of its steps, from the one of this number on.
pub fn part(plan: &Plan, from: usize, most: usize) -> Shown {
    let rank = |step: &Step| GRAVEST_FIRST.iter().position(|effect| step.effects.contains(effect));
    let mut order: Vec<(usize, &Step)> = plan.steps.iter().map(|step| (rank(step).unwrap_or(GRAVEST_FIRST.len()), step)).collect();
    // Stable: within an effect, the order of running.
    order.sort_by_key(|(rank, _)| *rank);
    let mut totals: BTreeMap<usize, usize> = BTreeMap::new();
    order.iter().for_each(|(rank, _)| *totals.entry(*rank).or_default() += 1);
    let labels: BTreeMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
    let mut groups: BTreeMap<usize, Vec<StepShown>> = BTreeMap::new();
    for (rank, step) in order.into_iter().skip(from).take(most) {
        let Line { verb, who, reason, details, effects } = line(plan, step, &labels);
        let details = details.iter().map(|detail| clean(detail).to_string()).collect();
        let (who, reason) = (clean(&who).to_string(), clean(&reason).to_string());
        let app = clean(step.app.as_str()).to_string();
        groups.entry(rank).or_default().push(StepShown {
            id: step.id,
            app,
            verb,
            who,
            reason,
            details,
            effects: effects.replace('_', " "),
        });
    }
    let word = |rank: usize| GRAVEST_FIRST.get(rank).map_or("no effect on people".to_owned(), |effect| effect.word().replace('_', " "));
    let groups = groups.into_iter().map(|(rank, shown)| Group {
        effect: word(rank),
        steps: totals.get(&rank).copied().unwrap_or_default(),
        shown,
    });
    let guard = |verdict| {
        let GuardLine { tripped, words, people } = guard_line(verdict);
        GuardShown { tripped, words: clean(&words).to_string(), people: clean(&people).to_string() }
    };
    let PlanSheet { title, facts, .. } = plan_sheet(plan, Some(0));
    Shown {
        title: clean(&title).to_string(),
        facts: facts.iter().map(|fact| clean(fact).to_string()).collect(),
        guards: plan.guards.iter().map(guard).collect(),
        groups: groups.collect(),
        steps: plan.steps.len(),
    }
}
