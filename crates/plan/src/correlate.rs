//! Which account is whose: the stored link first, then the rules of policy in order, over all accounts, inactive ones too.
//!
//! An account that is linked to one person never matches another.  A rule that several accounts satisfy, or an account that several
//! people claim, is a finding and no step; so is an account found by something weaker than its key while it carries another key (F08).

use std::collections::{BTreeMap, HashMap};

use model::{Adopt, Finding, FindingKind, Text, Value};

use crate::compiled::Matching;
use crate::expr::{Facts, Machine, Scope};
use crate::hash;
use crate::index::NONE;
use crate::parallel::in_chunks;
use crate::roster::{Human, Roster, Stage};
use crate::scene::Scene;
use crate::text::comparable;

/// What is known about a person's account in one app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Bond {
    /// None.
    #[default]
    None,
    /// The stored link.
    Linked(u32),
    /// A stored link whose account was not seen.
    Vanished,
    /// An account that nobody linked, and the rule that found it.
    Found { account: u32, rule: u32 },
    /// A finding says why nothing is done.
    Stuck,
}

impl Bond {
    pub(crate) fn account(self) -> Option<usize> {
        match self {
            Self::Linked(account) | Self::Found { account, .. } => Some(account as usize),
            Self::Vanished | Self::None | Self::Stuck => None,
        }
    }
}

/// The bonds of all people of the roster in one app, and whose each account is.
#[derive(Clone, Default)]
pub(crate) struct Bonds {
    /// By person.
    pub(crate) of: Vec<Bond>,
    /// By account: the person of the roster, or [`NONE`].
    owner: Vec<u32>,
    /// By account: whether anybody at all claims it, be it ambiguously or somebody who is not in the roster any more.
    pub(crate) claimed: Vec<bool>,
}

impl Bonds {
    pub(crate) fn owner(&self, account: usize) -> Option<usize> {
        self.owner.get(account).filter(|owner| **owner != NONE).map(|owner| *owner as usize)
    }
}

/// What was seen of one person alone: the link, else the rules in order.
#[derive(Default)]
pub(crate) enum Look {
    #[default]
    None,
    Vanished,
    Linked(u32),
    Odd(Box<Odd>),
}

/// What few people have.
pub(crate) enum Odd {
    /// A linked account, and others that look like the same person's.
    Twins {
        account: usize,
        twins: Vec<usize>,
    },
    Candidates {
        rule: usize,
        accounts: Vec<usize>,
        against: Option<String>,
    },
    Broken(String),
}

/// What was seen of everybody.
#[derive(Default)]
pub(crate) struct Looks {
    /// By person.
    of: Vec<Look>,
    /// By person and rule: the hash of the value that is looked for; 0 for none.
    values: Vec<u64>,
}

/// What expressions know about the person in this app.
pub(crate) fn facts<'a>(human: &Human<'a>, stage: Stage) -> Facts<'a> {
    Facts { person: human.person, active: stage == Stage::Here, tenure_days: human.tenure_days() }
}

impl Looks {
    /// The hashes of the values that the match rules look for, in their order; 0 for none.
    pub(crate) fn values(&self, person: usize, rules: usize) -> &[u64] {
        self.values.get(person * rules..(person + 1) * rules).unwrap_or_default()
    }

    /// Forgets somebody who is not in the roster any more.
    pub(crate) fn forget(&mut self, person: usize, rules: usize) {
        if let Some(look) = self.of.get_mut(person) {
            *look = Look::None;
            self.values[person * rules..(person + 1) * rules].fill(0);
        }
    }

    /// Looks at these people anew.
    pub(crate) fn look(&mut self, roster: &Roster<'_>, scene: &Scene<'_>, stages: &[Stage], people: &[u32]) {
        let rules = scene.rules.matching.len();
        self.of.resize_with(roster.len(), Look::default);
        self.values.resize(roster.len() * rules, 0);
        let seen = in_chunks(people.len(), |range, machine| {
            let mut seen = Vec::with_capacity(range.len());
            for person in &people[range] {
                let human = roster.human(*person as usize);
                let scope = Scope::new(machine, &scene.rules.names, facts(human, stages[*person as usize]));
                let wanted = wanted(scene, &scope);
                let look = look(scene, *person as usize, human, &scope, &wanted, &[]);
                let hashes: Vec<u64> = wanted.iter().map(|wanted| wanted.as_ref().map_or(0, |wanted| wanted.hash)).collect();
                seen.push((look, hashes));
            }
            seen
        });
        for (person, (look, hashes)) in people.iter().map(|person| *person as usize).zip(seen) {
            self.of[person] = look;
            self.values[person * rules..(person + 1) * rules].copy_from_slice(&hashes);
        }
    }

    /// Draws the bonds.
    pub(crate) fn bonds(&self, roster: &Roster<'_>, scene: &Scene<'_>, stages: &[Stage], findings: &mut Vec<Finding>) -> Bonds {
        let mut taken: Vec<bool> = Vec::new();
        let mut anew: HashMap<usize, Look> = HashMap::new();
        loop {
            let mut found = Vec::new();
            let seen = |person: usize| anew.get(&person).unwrap_or(&self.of[person]);
            let bonds = judge(roster, scene, seen, &mut found);
            // Where a match is as good as a link, what it settles is settled now, not by the next plan (P10).
            let mut again = Vec::new();
            if scene.policy.adopt == Adopt::Link {
                taken.resize(scene.known.accounts.len(), false);
                bonds.of.iter().for_each(|bond| {
                    if let Bond::Found { account, .. } = bond {
                        taken[*account as usize] = true
                    }
                });
                let is_taken = |accounts: &[usize]| accounts.iter().any(|account| taken[*account]);
                again.extend(roster.slots().iter().map(|person| *person as usize).filter(|person| {
                    bonds.of[*person] == Bond::Stuck
                        && matches!(seen(*person), Look::Odd(odd) if matches!(&**odd, Odd::Candidates { accounts, .. } if is_taken(accounts)))
                }));
            }
            if again.is_empty() {
                findings.append(&mut found);
                return bonds;
            }
            let machine = Machine::new();
            for person in again {
                let human = roster.human(person);
                let scope = Scope::new(&machine, &scene.rules.names, facts(human, stages[person]));
                anew.insert(person, look(scene, person, human, &scope, &wanted(scene, &scope), &taken));
            }
        }
    }
}

/// Draws the bonds from what was seen of each person alone.
fn judge<'l>(roster: &Roster<'_>, scene: &Scene<'_>, look: impl Fn(usize) -> &'l Look, findings: &mut Vec<Finding>) -> Bonds {
    let accounts = scene.known.accounts.len();
    let mut bonds = Bonds { of: vec![Bond::None; roster.len()], owner: vec![NONE; accounts], claimed: vec![false; accounts] };
    for account in scene.known.ends().filter_map(|(_, _, account)| account) {
        bonds.claimed[account] = true;
    }
    // Accounts that several people claim, and who.
    let mut contested: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for person in roster.slots().iter().map(|person| *person as usize) {
        let stuck = |kind, what: String| Finding::new(kind, what).in_app(scene.name).about(roster.key(person));
        bonds.of[person] = match look(person) {
            Look::None => Bond::None,
            Look::Vanished => Bond::Vanished,
            Look::Linked(account) => {
                bonds.owner[*account as usize] = person as u32;
                Bond::Linked(*account)
            }
            Look::Odd(odd) => match &**odd {
                Odd::Broken(what) => {
                    findings.push(
                        stuck(FindingKind::Objection, format!("{what}; nothing is done for the person"))
                            .next("correct the rule of accounts.match"),
                    );
                    Bond::Stuck
                }
                Odd::Twins { account, twins } => {
                    bonds.owner[*account] = person as u32;
                    for twin in twins {
                        bonds.claimed[*twin] = true;
                        let other = &scene.account(*twin).id;
                        let own = &scene.account(*account).id;
                        let what = format!("account {other} looks like the same person's as the linked account {own}");
                        findings.push(
                            stuck(FindingKind::Duplicate, what)
                                .of_account(other)
                                .next("merge them at the app; the linked one is kept true"),
                        );
                    }
                    Bond::Linked(*account as u32)
                }
                Odd::Candidates { accounts, rule, against } => {
                    accounts.iter().for_each(|account| bonds.claimed[*account] = true);
                    let rule_text = &scene.rules.matching[*rule].rule;
                    match (accounts.as_slice(), against) {
                        ([account], Some(other)) => {
                            let id = &scene.account(*account).id;
                            let what = format!(
                                "account {id} matches by `{rule_text}` and carries another key, {other:?}; nothing is done for the person"
                            );
                            let next = "correct the key or the match at the app";
                            findings.push(stuck(FindingKind::Ambiguous, what).of_account(id).next(next));
                            Bond::Stuck
                        }
                        ([account], None) => {
                            match bonds.owner(*account) {
                                None => bonds.owner[*account] = person as u32,
                                Some(first) => contested.entry(*account).or_insert_with(|| vec![first]).push(person),
                            }
                            Bond::Found { account: *account as u32, rule: *rule as u32 }
                        }
                        (several, _) => {
                            let mut ids: Vec<&str> = several.iter().map(|account| scene.account(*account).id.as_str()).collect();
                            ids.sort_unstable();
                            let what = format!(
                                "{} accounts match by `{rule_text}`: {}; nothing is done for the person",
                                ids.len(),
                                ids.join(", ")
                            );
                            let next = "merge them at the app, or give only one of them the person's key";
                            findings.push(stuck(FindingKind::Duplicate, what).next(next));
                            Bond::Stuck
                        }
                    }
                }
            },
        };
    }
    for (account, mut people) in contested {
        bonds.owner[account] = NONE;
        people.sort_by(|a, b| roster.key(*a).cmp(roster.key(*b)));
        let id = &scene.account(account).id;
        let keys: Vec<&str> = people.iter().map(|person| roster.key(*person).as_str()).collect();
        for person in &people {
            bonds.of[*person] = Bond::Stuck;
            let what = format!("account {id} matches {} people: {}; nothing is done for them", keys.len(), keys.join(", "));
            let key = roster.key(*person);
            let next = "give the account the right person's key, or correct the e-mail in the source";
            findings.push(Finding::new(FindingKind::Ambiguous, what).in_app(scene.name).about(key).of_account(id).next(next));
        }
    }
    bonds
}

/// The value that a match rule looks for, and its hash as it takes part in the comparison.
struct Wanted {
    value: Value,
    hash: u64,
}

/// What each match rule looks for; nothing where the value is blank or the rule fails.
fn wanted(scene: &Scene<'_>, scope: &Scope<'_, '_>) -> Vec<Option<Wanted>> {
    let wanted = |rule: &Matching| {
        let value = Value::text(rule.value.text_of(scope).ok()?);
        Some(Wanted { hash: hash::of_comparable(&value, rule.compare)?, value })
    };
    scene.rules.matching.iter().map(wanted).collect()
}

fn look(scene: &Scene<'_>, person: usize, human: &Human<'_>, scope: &Scope<'_, '_>, wanted: &[Option<Wanted>], taken: &[bool]) -> Look {
    let free = |at: usize, wanted: &Wanted| -> Vec<usize> {
        let rule = &scene.rules.matching[at];
        let Some(attribute) = scene.known.attribute(&rule.attribute, rule.compare) else { return Vec::new() };
        let mut found: Vec<usize> = scene
            .known
            .with_value(attribute, wanted.hash)
            .filter(|account| !scene.known.is_linked(*account) && !taken.get(*account).is_some_and(|taken| *taken))
            .collect();
        if !found.is_empty() {
            let value = comparable(&wanted.value, rule.compare);
            let of = |account: &usize| scene.account(*account).attributes.get(rule.attribute.as_str());
            found.retain(|account| of(account).and_then(|value| comparable(value, rule.compare)) == value);
        }
        found
    };
    if scene.known.link_of(person).is_some() {
        let Some(account) = scene.known.account_of(person) else { return Look::Vanished };
        let mut twins: Vec<usize> =
            wanted.iter().enumerate().filter_map(|(at, wanted)| Some(free(at, wanted.as_ref()?))).flatten().collect();
        if twins.is_empty() {
            return Look::Linked(account as u32);
        }
        twins.sort_by(|a, b| scene.account(*a).id.cmp(&scene.account(*b).id));
        twins.dedup();
        return Look::Odd(Box::new(Odd::Twins { account, twins }));
    }
    for (at, (rule, wanted)) in scene.rules.matching.iter().zip(wanted).enumerate() {
        let Some(wanted) = wanted else {
            match rule.value.text_of(scope) {
                Err(what) => return Look::Odd(Box::new(Odd::Broken(what))),
                Ok(_) => continue,
            }
        };
        let accounts = free(at, wanted);
        if !accounts.is_empty() {
            let against = match accounts.as_slice() {
                [account] if !rule.by_key => other_key(scene, *account, human.person.key.as_str(), scope),
                _ => None,
            };
            return Look::Odd(Box::new(Odd::Candidates { rule: at, accounts, against }));
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
    let is_own = |text: Text| comparable(&Value::text(text), attribute.compare).as_ref() == Some(&carried_key);
    (!is_own(key.into()) && !own.any(is_own)).then(|| carried.to_string())
}
