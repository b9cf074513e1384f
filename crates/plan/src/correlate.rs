//! Which account is whose: the stored link first, then the rules of policy in order, over all accounts, inactive ones too.
//!
//! An account that is linked to one person never matches another.  A rule that several accounts satisfy, or an account that several
//! people claim, is a finding and no step; so is an account found by something weaker than its key while it carries another key (F08).

use model::{Adopt, Finding, FindingKind, Value};

use crate::compiled::Matching;
use crate::expr::{Facts, Machine, Scope};
use crate::parallel::in_chunks;
use crate::roster::{Human, Roster, Stage};
use crate::scene::Scene;
use crate::text::comparable;

/// What is known about a person's account in one app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bond {
    /// The stored link.
    Linked(usize),
    /// A stored link whose account was not seen.
    Vanished,
    /// An account that nobody linked, and the rule that found it.
    Found { account: usize, rule: usize },
    /// None.
    None,
    /// A finding says why nothing is done.
    Stuck,
}

impl Bond {
    pub(crate) fn account(self) -> Option<usize> {
        match self {
            Self::Linked(account) | Self::Found { account, .. } => Some(account),
            Self::Vanished | Self::None | Self::Stuck => None,
        }
    }
}

/// The bonds of all people of the roster in one app, and whose each account is.
pub(crate) struct Bonds {
    /// By person.
    pub(crate) of: Vec<Bond>,
    /// By account: the person of the roster, when there is one.
    pub(crate) owner: Vec<Option<usize>>,
    /// By account: whether anybody at all claims it, be it ambiguously or somebody who is not in the roster any more.
    pub(crate) claimed: Vec<bool>,
}

enum Look {
    Linked(usize, Vec<usize>),
    Vanished,
    Candidates { rule: usize, accounts: Vec<usize>, against: Option<String> },
    None,
    Broken(String),
}

/// What expressions know about the person in this app.
pub(crate) fn facts<'a>(human: &Human<'a>, stage: Stage) -> Facts<'a> {
    Facts { person: human.person, active: stage == Stage::Here, tenure_days: human.tenure_days() }
}

pub(crate) fn correlate(roster: &Roster<'_>, scene: &Scene<'_>, stages: &[Stage], findings: &mut Vec<Finding>) -> Bonds {
    let mut taken = vec![false; scene.reading.accounts.len()];
    let look_at = |person: usize, machine: &Machine, taken: &[bool]| {
        let human = &roster.people[person];
        look(scene, human, &Scope::new(machine, &scene.rules.names, facts(human, stages[person])), taken)
    };
    let mut looks: Vec<Look> =
        in_chunks(roster.people.len(), |range, machine| range.map(|person| look_at(person, machine, &taken)).collect());
    loop {
        let mut found = Vec::new();
        let bonds = judge(roster, scene, &looks, &mut found);
        // Where a match is as good as a link, what it settles is settled now, not by the next plan (P10).
        let mut again = Vec::new();
        if scene.policy.adopt == Adopt::Link {
            bonds.of.iter().for_each(|bond| {
                if let Bond::Found { account, .. } = bond {
                    taken[*account] = true
                }
            });
            again.extend((0..looks.len()).filter(|person| {
                bonds.of[*person] == Bond::Stuck
                    && matches!(&looks[*person], Look::Candidates { accounts, .. } if accounts.iter().any(|account| taken[*account]))
            }));
        }
        if again.is_empty() {
            findings.append(&mut found);
            return bonds;
        }
        let machine = Machine::new();
        again.into_iter().for_each(|person| looks[person] = look_at(person, &machine, &taken));
    }
}

/// Draws the bonds from what was seen of each person alone.
fn judge(roster: &Roster<'_>, scene: &Scene<'_>, looks: &[Look], findings: &mut Vec<Finding>) -> Bonds {
    let accounts = scene.reading.accounts.len();
    let mut bonds = Bonds { of: vec![Bond::None; looks.len()], owner: vec![None; accounts], claimed: vec![false; accounts] };
    for account in scene.person_of.keys().filter_map(|account| scene.by_id.get(account)) {
        bonds.claimed[*account] = true;
    }
    let mut claimants: Vec<Vec<usize>> = vec![Vec::new(); accounts];
    for (person, look) in looks.iter().enumerate() {
        let key = &roster.people[person].person.key;
        let stuck = |kind, what: String| Finding::new(kind, what).in_app(scene.name).about(key);
        bonds.of[person] = match look {
            Look::None => Bond::None,
            Look::Vanished => Bond::Vanished,
            Look::Broken(what) => {
                findings.push(
                    stuck(FindingKind::Objection, format!("{what}; nothing is done for the person"))
                        .next("correct the rule of accounts.match"),
                );
                Bond::Stuck
            }
            Look::Linked(account, twins) => {
                bonds.owner[*account] = Some(person);
                for twin in twins {
                    bonds.claimed[*twin] = true;
                    let other = &scene.account(*twin).id;
                    let what =
                        format!("account {other} looks like the same person's as the linked account {}", scene.account(*account).id);
                    findings.push(
                        stuck(FindingKind::Duplicate, what)
                            .of_account(other)
                            .next("merge them at the app; the linked one is kept true"),
                    );
                }
                Bond::Linked(*account)
            }
            Look::Candidates { accounts, rule, against } => {
                accounts.iter().for_each(|account| bonds.claimed[*account] = true);
                let rule_text = &scene.rules.matching[*rule].rule;
                match (accounts.as_slice(), against) {
                    ([account], Some(other)) => {
                        let id = &scene.account(*account).id;
                        let what = format!(
                            "account {id} matches by `{rule_text}` and carries another key, {other:?}; nothing is done for the person"
                        );
                        findings
                            .push(stuck(FindingKind::Ambiguous, what).of_account(id).next("correct the key or the match at the app"));
                        Bond::Stuck
                    }
                    ([account], None) => {
                        claimants[*account].push(person);
                        Bond::Found { account: *account, rule: *rule }
                    }
                    (several, _) => {
                        let mut ids: Vec<&str> = several.iter().map(|account| scene.account(*account).id.as_str()).collect();
                        ids.sort_unstable();
                        let what = format!(
                            "{} accounts match by `{rule_text}`: {}; nothing is done for the person",
                            ids.len(),
                            ids.join(", ")
                        );
                        findings.push(
                            stuck(FindingKind::Duplicate, what)
                                .next("merge them at the app, or give only one of them the person's key"),
                        );
                        Bond::Stuck
                    }
                }
            }
        };
    }
    for (account, people) in claimants.iter().enumerate() {
        match people.as_slice() {
            [] => {}
            [person] => bonds.owner[account] = Some(*person),
            several => {
                let id = &scene.account(account).id;
                let keys: Vec<&str> = several.iter().map(|person| roster.people[*person].person.key.as_str()).collect();
                for person in several {
                    bonds.of[*person] = Bond::Stuck;
                    let what = format!("account {id} matches {} people: {}; nothing is done for them", keys.len(), keys.join(", "));
                    let key = &roster.people[*person].person.key;
                    let next = "give the account the right person's key, or correct the e-mail in the source";
                    findings.push(Finding::new(FindingKind::Ambiguous, what).in_app(scene.name).about(key).of_account(id).next(next));
                }
            }
        }
    }
    bonds
}

fn look(scene: &Scene<'_>, human: &Human<'_>, scope: &Scope<'_, '_>, taken: &[bool]) -> Look {
    let key = human.person.key.as_str();
    let free = |rule: usize, value: &str| -> Vec<usize> {
        let found = scene.indexes[rule].get(value).map_or(&[][..], Vec::as_slice);
        found
            .iter()
            .copied()
            .filter(|account| !taken[*account] && !scene.person_of.contains_key(scene.account(*account).id.as_str()))
            .collect()
    };
    let wanted = |rule: &Matching| rule.value.text_of(scope).map(|text| comparable(&Value::text(text), rule.compare));
    if let Some(account) = scene.account_of.get(key) {
        let Some(linked) = scene.by_id.get(account.as_str()) else { return Look::Vanished };
        let mut twins = Vec::new();
        for (at, rule) in scene.rules.matching.iter().enumerate() {
            if let Ok(Some(value)) = wanted(rule) {
                twins.extend(free(at, &value));
            }
        }
        twins.sort_by(|a, b| scene.account(*a).id.cmp(&scene.account(*b).id));
        twins.dedup();
        return Look::Linked(*linked, twins);
    }
    for (at, rule) in scene.rules.matching.iter().enumerate() {
        let value = match wanted(rule) {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(what) => return Look::Broken(what),
        };
        let accounts = free(at, &value);
        if !accounts.is_empty() {
            let against = match accounts.as_slice() {
                [account] if !rule.by_key => other_key(scene, *account, key, scope),
                _ => None,
            };
            return Look::Candidates { rule: at, accounts, against };
        }
    }
    Look::None
}

/// The key that an account carries, when it is not this person's.
fn other_key(scene: &Scene<'_>, account: usize, key: &str, scope: &Scope<'_, '_>) -> Option<String> {
    let attribute = scene.rules.manifest.attribute(scene.rules.manifest.key_attribute?)?;
    let carried = scene.account(account).attributes.get(attribute.name)?;
    let carried_key = comparable(carried, attribute.compare)?;
    let mut own = scene.rules.matching.iter().filter(|rule| rule.by_key).filter_map(|rule| rule.value.text_of(scope).ok());
    let is_own = |text: String| comparable(&Value::text(text), attribute.compare).as_ref() == Some(&carried_key);
    (!is_own(key.to_owned()) && !own.any(is_own)).then(|| carried.to_string())
}
