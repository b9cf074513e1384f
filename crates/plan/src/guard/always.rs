//! What is held without a guard of the configuration: by a change freeze, and on an app's first run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{AppName, Freeze, FreezeWindow, GuardVerdict, Step};

use super::Ground;
use crate::Compiled;

/// The class of what a change freeze holds.
pub const FREEZE: &str = "freeze";
/// The class of what would change many accounts that were just taken over.
pub(crate) const FIRST_RUN: &str = "first_run";
/// So many people may have an account changed that was there before us, and nobody has to look.
const FEW: usize = 5;

/// A change freeze that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frozen<'p> {
    /// As configured.
    pub freeze: &'p Freeze,
    /// Since when it is on.
    pub began: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
}

impl Frozen<'_> {
    /// Whether it is about this step.
    pub fn covers(&self, step: &Step) -> bool {
        let Freeze { apps, effects, .. } = self.freeze;
        (apps.is_empty() || apps.contains(&step.app))
            && (effects.is_empty() || step.effects.iter().any(|effect| effects.contains(effect)))
    }
}

impl Compiled {
    /// The change freezes that are on at this instant, in the order of the file.
    pub fn frozen(&self, at: Timestamp) -> Vec<Frozen<'_>> {
        let on = |freeze: &Freeze| match &freeze.when {
            FreezeWindow::Once { from, until } => Some((*from, *until)).filter(|(from, until)| (*from..*until).contains(&at)),
            FreezeWindow::Weekly { days, from, until } => self.weekly(at, days, (*from, *until)),
        };
        let frozen = |freeze| on(freeze).map(|(began, ends)| Frozen { freeze, began, ends });
        self.policy().freezes.iter().filter_map(frozen).collect()
    }

    /// The weekly window that an instant is in; windows without a pause between them are one.
    fn weekly(
        &self,
        at: Timestamp,
        days: &BTreeSet<i8>,
        (from, until): (jiff::civil::Time, jiff::civil::Time),
    ) -> Option<(Timestamp, Timestamp)> {
        let today = at.to_zoned(self.zone.clone()).date();
        let mut on: Option<(Timestamp, Timestamp)> = None;
        for offset in -8..=8_i64 {
            let Ok(day) = today.checked_add(jiff::Span::new().days(offset)) else { continue };
            if !days.contains(&FreezeWindow::day(day.weekday())) {
                continue;
            }
            let last = if until > from { Ok(day) } else { day.tomorrow() };
            let instant =
                |day: jiff::civil::Date, time| day.to_datetime(time).to_zoned(self.zone.clone()).map(|zoned| zoned.timestamp());
            let (Ok(began), Ok(ends)) = (instant(day, from), last.and_then(|last| instant(last, until))) else { continue };
            on = match on {
                Some((earlier, ended)) if ended >= began => Some((earlier, ended.max(ends))),
                Some((earlier, ended)) if (earlier..ended).contains(&at) => return Some((earlier, ended)),
                _ => Some((began, ends)),
            };
        }
        on.filter(|(began, ends)| (*began..*ends).contains(&at))
    }

    /// When a day ends in the organization's zone.
    pub fn ends(&self, day: jiff::civil::Date) -> Timestamp {
        let next = day.tomorrow().and_then(|next| next.to_zoned(self.zone.clone()));
        next.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }

    /// An instant in the organization's zone, for people.
    pub fn local(&self, at: Timestamp) -> String {
        let zoned = at.to_zoned(self.zone.clone());
        format!("{} {}", zoned.strftime("%Y-%m-%d %H:%M"), self.policy().organization.time_zone)
    }
}

/// Holds what a change freeze covers, and says why.
pub(super) fn freezes(ground: &Ground<'_, '_>, held: &mut [BTreeSet<String>], verdicts: &mut Vec<GuardVerdict>) {
    for frozen in ground.given.policy.frozen(ground.given.as_of) {
        let mut covered: BTreeMap<&AppName, Vec<usize>> = BTreeMap::new();
        for (at, step) in ground.steps.iter().enumerate().filter(|(_, step)| frozen.covers(step)) {
            held[at].insert(FREEZE.to_owned());
            covered.entry(&step.app).or_default().push(at);
        }
        for (app, steps) in covered {
            let people = ground.concerned(&steps, &[]);
            let until = ground.given.policy.local(frozen.ends);
            verdicts.push(GuardVerdict {
                guard: FREEZE.to_owned(),
                app: app.clone(),
                within: Some(frozen.freeze.reason.clone()),
                count: people.len() as u64,
                accounts: ground.census.get(app).map_or(0, |census| census.active),
                tripped: true,
                why: format!("changes are frozen until {until}"),
                people,
            });
        }
    }
}

/// Holds what would change many accounts that were there before us, where nobody ever looked at such changes.  `theirs` tells for the steps
/// of such apps which are about such an account.  Returns these apps.
pub(super) fn first_runs(
    ground: &Ground<'_, '_>,
    theirs: &BTreeMap<&AppName, BTreeSet<model::StepId>>,
    held: &mut [BTreeSet<String>],
    verdicts: &mut Vec<GuardVerdict>,
) -> Vec<AppName> {
    let mut first = Vec::new();
    for (app, theirs) in theirs.iter().filter(|(_, theirs)| !theirs.is_empty()) {
        let steps: Vec<usize> = (0..ground.steps.len()).filter(|at| theirs.contains(&ground.steps[*at].id)).collect();
        let people = ground.concerned(&steps, &[]);
        let accounts = ground.census.get(app).map_or(0, |census| census.active);
        let count = people.len();
        let tripped = count > FEW;
        first.push((*app).clone());
        let why = if tripped {
            for at in &steps {
                held[*at].insert(FIRST_RUN.to_owned());
            }
            format!("accounts of {count} people that were there before us would change, {count} > {FEW}; they are taken over first")
        } else {
            format!("{count}, and up to {FEW} never wait")
        };
        let people = if tripped { people } else { Vec::new() };
        verdicts.push(GuardVerdict {
            guard: FIRST_RUN.to_owned(),
            app: (*app).clone(),
            within: None,
            count: count as u64,
            accounts,
            tripped,
            why,
            people,
        });
    }
    first
}
