//! Guards: effects counted over a rolling window, in this proposal and in the runs and pending plans before it (F02, F10).
//!
//! What is counted is people: somebody whom two steps, or a pending plan and this one, do the same to counts once in an app (a new group or
//! department counts by itself).  So a count means the same as the accounts that a percentage is of.

mod always;
mod census;
mod counted;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{AppName, By, Concerned, Effect, GuardRule, GuardVerdict, PersonKey, Step, StepId, Text};

use crate::Given;
use crate::roster::{Roster, percent_text};
pub(crate) use always::FIRST_RUN;
pub use always::{FREEZE, Frozen};
use census::Before;
pub(crate) use census::Census;
pub use counted::{Counted, Counting};
use counted::{groups, labels};

/// What guards say about the steps of a proposal.
pub(crate) struct Judged {
    /// What each of them counted.
    pub(crate) verdicts: Vec<GuardVerdict>,
    /// For every step what holds it.
    pub(crate) held: Vec<BTreeSet<String>>,
    /// Apps where accounts of before us were never changed under a yes, and would be now.
    pub(crate) first: Vec<AppName>,
}

/// Where guards look.
struct Ground<'g, 'a> {
    given: &'g Given<'a>,
    roster: &'g Roster<'a>,
    census: &'g BTreeMap<&'g AppName, Census>,
    names: &'g BTreeMap<AppName, BTreeMap<String, String>>,
    steps: &'g [Step],
    /// Names of the groups and departments that steps make.
    labels: HashMap<&'g StepId, &'g str>,
}

/// One thing that is counted: a guard, an app, and a group or department where the guard goes by one.
type Bucket<'s> = (&'s AppName, Option<String>);

/// Counts, and says for every step which guards hold it.  `theirs` are the steps about accounts that were there before us, in apps where
/// such were never changed under a yes.
pub(crate) fn judge(
    given: &Given<'_>,
    roster: &Roster<'_>,
    census: &BTreeMap<&AppName, Census>,
    names: &BTreeMap<AppName, BTreeMap<String, String>>,
    steps: &[Step],
    theirs: &BTreeMap<&AppName, BTreeSet<StepId>>,
) -> Judged {
    let labels = labels(steps.iter());
    let ground = Ground { given, roster, census, names, steps, labels };
    let mut verdicts = Vec::new();
    let mut held: Vec<BTreeSet<String>> = vec![BTreeSet::new(); steps.len()];
    for (guard, rule) in &given.policy.policy().guards {
        ground.guard(guard, rule, &mut held, &mut verdicts);
    }
    let first = always::first_runs(&ground, theirs, &mut held, &mut verdicts);
    always::freezes(&ground, &mut held, &mut verdicts);
    Judged { verdicts, held, first }
}

impl Ground<'_, '_> {
    /// One guard of the configuration.
    fn guard(&self, guard: &str, rule: &GuardRule, held: &mut [BTreeSet<String>], verdicts: &mut Vec<GuardVerdict>) {
        let mut buckets: BTreeMap<Bucket<'_>, Vec<usize>> = BTreeMap::new();
        for (at, step) in self.steps.iter().enumerate().filter(|(_, step)| step.effects.contains(&rule.effect)) {
            let within: Vec<Option<String>> = match rule.by {
                By::App => vec![None],
                By::Department => vec![Some(self.department(step.person.as_ref()).to_owned())],
                By::Group => {
                    let (gained, lost) = groups(step, self.names.get(&step.app), &self.labels);
                    (if rule.effect == Effect::GroupLost { lost } else { gained }).into_iter().map(Some).collect()
                }
            };
            for within in within {
                buckets.entry((&step.app, within)).or_default().push(at);
            }
        }
        if buckets.is_empty() {
            return;
        }
        let since = self.given.as_of.as_second().saturating_sub(rule.window);
        let mut in_app: HashMap<&AppName, Vec<&Counted>> = HashMap::new();
        let mut same: HashMap<(&AppName, &str), Vec<&Counted>> = HashMap::new();
        for counted in self.given.earlier.iter().filter(|counted| counted.at.as_second() > since) {
            in_app.entry(&counted.app).or_default().push(counted);
            for within in subjects(rule, counted) {
                same.entry((&counted.app, within)).or_default().push(counted);
            }
        }
        let fresh = |app: &AppName| match self.given.past.began.get(app) {
            Some(Some(began)) => began.as_second() > since,
            Some(None) => true,
            None => false,
        };
        let mut before: HashMap<&AppName, Before<'_>> = HashMap::new();
        for ((app, within), members) in buckets {
            let earlier = same.get(&(app, within.as_deref().unwrap_or_default())).map_or(&[][..], Vec::as_slice);
            // People are counted, not steps: who is updated and related loses and gains once.  What has no person counts by itself.
            let now = members.iter().map(|at| subject(self.steps[*at].person.as_ref(), &self.steps[*at].id));
            let earlier_subjects = earlier.iter().map(|counted| subject(counted.person.as_ref(), &counted.step));
            let count = now.chain(earlier_subjects).collect::<BTreeSet<_>>().len() as u64;
            let fresh = fresh(app);
            let before = before.entry(app).or_insert_with(|| {
                let earlier = in_app.get(app).map_or(&[][..], Vec::as_slice);
                Before::new(rule, self.census.get(app), earlier, fresh)
            });
            let accounts = before.accounts(within.as_deref().unwrap_or_default(), self.roster);
            let (tripped, why) = verdict(rule, count, accounts, fresh);
            let mut people = Vec::new();
            if tripped {
                people = self.concerned(&members, earlier);
                for at in members {
                    held[at].insert(guard.to_owned());
                }
            }
            verdicts.push(GuardVerdict { guard: guard.to_owned(), app: app.clone(), within, count, accounts, tripped, why, people });
        }
    }

    /// The department of somebody in the roster; "" when there is none.
    fn department(&self, person: Option<&PersonKey>) -> &str {
        person.and_then(|key| self.roster.find(key.as_str())).map_or("", |at| self.roster.human(at).person.get("department"))
    }

    /// Everybody whom these steps, and these earlier ones, are about, each once.
    fn concerned(&self, steps: &[usize], earlier: &[&Counted]) -> Vec<Concerned> {
        let mut people: BTreeMap<Result<&str, StepId>, Concerned> = BTreeMap::new();
        let concerned = |person: Option<&PersonKey>, label: &str, department: Option<&str>, earlier: bool| {
            let human = person.and_then(|key| self.roster.find(key.as_str())).map(|at| self.roster.human(at).person);
            let name: Text = human.map_or_else(|| label.into(), |human| human.display_name().into());
            let department = human.map_or(department.unwrap_or_default(), |human| human.get("department")).into();
            Concerned { person: person.cloned(), name, department, earlier }
        };
        for at in steps {
            let step = &self.steps[*at];
            people
                .entry(subject(step.person.as_ref(), &step.id))
                .or_insert_with(|| concerned(step.person.as_ref(), &step.label, None, false));
        }
        for counted in earlier {
            people
                .entry(subject(counted.person.as_ref(), &counted.step))
                .or_insert_with(|| concerned(counted.person.as_ref(), "", counted.department.as_deref(), true));
        }
        people.into_values().collect()
    }
}

/// The groups or departments ("" for the app) in which an earlier step is of what a guard counts.
fn subjects<'c>(rule: &GuardRule, counted: &'c Counted) -> Vec<&'c str> {
    match (rule.by, rule.effect) {
        (By::Group, Effect::GroupLost) => counted.groups_lost.iter().map(String::as_str).collect(),
        (By::Group, _) => counted.groups_gained.iter().map(String::as_str).collect(),
        _ if !counted.effects.contains(&rule.effect) => Vec::new(),
        (By::Department, _) => vec![counted.department.as_deref().unwrap_or_default()],
        (By::App, _) => vec![""],
    }
}

/// Whom an effect counts for: the person, else the step by itself.
fn subject<'s>(person: Option<&'s PersonKey>, step: &StepId) -> Result<&'s str, StepId> {
    person.map(PersonKey::as_str).ok_or(*step)
}

/// `n > exempt && (n > max || n / accounts > percent)`, and the comparison in words.  Of the accounts of an app that is `fresh` and has none
/// there is no share.
fn verdict(rule: &GuardRule, count: u64, accounts: u64, fresh: bool) -> (bool, String) {
    if count <= rule.exempt {
        return (false, format!("{count}, and up to {} never wait", rule.exempt));
    }
    let share = |milli: u64| u128::from(count) * 100_000 > u128::from(milli) * u128::from(accounts);
    let percent = match (u128::from(count) * 1000 + u128::from(accounts) / 2).checked_div(u128::from(accounts)) {
        Some(tenths) => format!("{count} of {accounts} ({}.{}%)", tenths / 10, tenths % 10),
        None => format!("{count} of 0"),
    };
    let over_max = rule.max.filter(|max| count > *max).map(|max| format!("{count} > {max}"));
    let over_share = rule
        .percent_milli
        .filter(|milli| share(*milli) && !(fresh && accounts == 0))
        .map(|milli| format!("{percent} > {}%", percent_text(milli)));
    let over: Vec<String> = over_max.into_iter().chain(over_share).collect();
    if over.is_empty() {
        let limits: Vec<String> = rule
            .max
            .map(|max| max.to_string())
            .into_iter()
            .chain(rule.percent_milli.map(|milli| format!("{}%", percent_text(milli))))
            .collect();
        if fresh && accounts == 0 && rule.percent_milli.is_some() {
            return (false, format!("{count}, and there was no account before of which it could be a share"));
        }
        let limits = if limits.is_empty() { "no limit is set".to_owned() } else { format!("not more than {}", limits.join(" or ")) };
        return (false, format!("{percent}: {limits}"));
    }
    let exempt = if rule.exempt > 0 { format!("{count} > {} and ", rule.exempt) } else { String::new() };
    (true, format!("{exempt}{}", over.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(exempt: u64, max: Option<u64>, percent_milli: Option<u64>) -> GuardRule {
        GuardRule { effect: Effect::AccessLost, by: By::App, exempt, max, percent_milli, window: 86_400 }
    }

    #[test]
    fn a_guard_trips_beyond_its_exemption_and_beyond_a_limit() {
        for (exempt, max, percent, count, accounts, trips) in [
            (5, Some(50), Some(3000), 5, 10, false),
            (5, Some(50), Some(3000), 6, 10, true),
            (5, Some(50), Some(3000), 6, 200, false),
            (5, Some(50), Some(3000), 7, 200, true),
            (5, Some(50), Some(3000), 50, 100_000, false),
            (5, Some(50), Some(3000), 51, 100_000, true),
            (0, Some(0), None, 1, 1_000_000, true),
            (0, None, Some(20_000), 1, 5, false),
            (0, None, Some(20_000), 1, 4, true),
            (0, None, Some(20_000), 1, 0, true),
            (0, None, None, 1_000, 1, false),
        ] {
            let (tripped, why) = verdict(&rule(exempt, max, percent), count, accounts, false);
            assert_eq!(tripped, trips, "{count} of {accounts}: {why}");
        }
    }

    #[test]
    fn of_an_empty_app_there_is_no_share() {
        let percent = rule(5, None, Some(3000));
        assert!(verdict(&percent, 870, 0, false).0);
        assert_eq!(
            verdict(&percent, 870, 0, true),
            (false, "870, and there was no account before of which it could be a share".into())
        );
        assert!(verdict(&rule(5, Some(50), Some(3000)), 870, 0, true).0, "a number is a number");
        assert!(verdict(&percent, 7, 100, true).0, "where there are accounts, it is a share of them");
    }

    #[test]
    fn the_comparison_is_said_in_words() {
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 12, 180, false).1, "12 > 5 and 12 of 180 (6.7%) > 3%");
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 4, 180, false).1, "4, and up to 5 never wait");
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 6, 1800, false).1, "6 of 1800 (0.3%): not more than 50 or 3%");
    }
}
