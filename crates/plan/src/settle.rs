//! Where people touch each other: values that only one account may have, and supervisors.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Change, Finding, FindingKind, Value};

use crate::correlate::{Bond, Bonds};
use crate::desire::{Act, Wish, unique_form};
use crate::roster::{Roster, Stage};
use crate::scene::Scene;
use crate::text::same;

/// The other end of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// An account that is there.
    Id(String),
    /// The account that this wish creates.
    Made(usize),
}

/// What the second pass sets.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) wish: usize,
    pub(crate) attribute: String,
    pub(crate) before: Value,
    pub(crate) end: End,
    /// The wish whose adoption tells that the other end is who we think.
    pub(crate) adopts: Option<usize>,
    pub(crate) whom: String,
}

/// Wishes that can all come true together.
pub(crate) struct Settled {
    pub(crate) wishes: Vec<Wish>,
    /// Wish → wishes that must have freed a value before.
    pub(crate) frees: Vec<BTreeSet<usize>>,
    pub(crate) relations: Vec<Relation>,
}

pub(crate) struct Ground<'g, 'a> {
    pub(crate) roster: &'g Roster<'a>,
    pub(crate) scene: &'g Scene<'a>,
    pub(crate) bonds: &'g Bonds,
    pub(crate) stages: &'g [Stage],
}

impl Ground<'_, '_> {
    fn key(&self, wish: &Wish) -> &str {
        wish.person.map_or("", |person| self.roster.people[person].person.key.as_str())
    }

    fn finding(&self, wish: &Wish, kind: FindingKind, what: String) -> Finding {
        let mut finding = Finding::new(kind, what).in_app(self.scene.name);
        if let Some(person) = wish.person {
            finding = finding.about(&self.roster.people[person].person.key);
        }
        match wish.account {
            Some(account) => finding.of_account(&self.scene.account(account).id),
            None => finding,
        }
    }

    /// Settles the wishes, which come in the order of the people.
    pub(crate) fn settle(&self, wishes: Vec<Wish>, findings: &mut Vec<Finding>) -> Settled {
        let (mut wishes, frees) = self.unique(wishes, findings);
        let relations = self.supervisors(&mut wishes, findings);
        Settled { wishes, frees, relations }
    }

    /// Takes out wishes for a value that another account has or another wish wants, and orders those that wait for one to be freed.
    fn unique(&self, wishes: Vec<Wish>, findings: &mut Vec<Finding>) -> (Vec<Wish>, Vec<BTreeSet<usize>>) {
        let mut objections: Vec<Option<String>> = vec![None; wishes.len()];
        let mut frees: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); wishes.len()];
        let by_account: HashMap<usize, usize> = wishes.iter().enumerate().filter_map(|(at, wish)| Some((wish.account?, at))).collect();
        for setting in self.scene.rules.set.iter().filter(|setting| setting.attribute.unique) {
            let name = setting.attribute.name.as_str();
            let mut claims: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (at, wish) in wishes.iter().enumerate() {
                if let Some(value) = wish.set.get(name).and_then(|change| unique_form(&change.after)) {
                    claims.entry(value).or_default().push(at);
                }
            }
            if claims.is_empty() {
                continue;
            }
            let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
            for (at, account) in self.scene.reading.accounts.iter().enumerate() {
                if let Some(value) = account.attributes.get(name).and_then(unique_form)
                    && let Some((value, _)) = claims.get_key_value(&value)
                {
                    holders.entry(value).or_default().push(at);
                }
            }
            for holders in holders.values_mut() {
                holders.sort_unstable_by(|a, b| self.scene.account(*a).id.cmp(&self.scene.account(*b).id));
            }
            for (value, claimants) in &claims {
                if claimants.len() > 1 {
                    let keys: Vec<&str> = claimants.iter().map(|at| self.key(&wishes[*at])).collect();
                    for at in claimants {
                        objections[*at].get_or_insert_with(|| {
                            format!("{name} = {value:?} is wanted for {} people: {}", keys.len(), keys.join(", "))
                        });
                    }
                    continue;
                }
                let at = claimants[0];
                for holder in holders.get(value.as_str()).into_iter().flatten() {
                    if wishes[at].account == Some(*holder) {
                        continue;
                    }
                    let freeing = by_account.get(holder).copied().filter(|other| wishes[*other].set.contains_key(name));
                    match freeing {
                        Some(other) => {
                            frees[at].insert(other);
                        }
                        None => {
                            let account = self.scene.account(*holder);
                            let whose = self.bonds.owner[*holder]
                                .map_or_else(String::new, |owner| format!(" of {}", self.roster.people[owner].person.key));
                            let inactive = if account.active { "" } else { "inactive " };
                            objections[at].get_or_insert_with(|| {
                                format!("{name} = {value:?} is already used by {inactive}account {}{whose}", account.id)
                            });
                        }
                    }
                }
            }
        }
        self.circles(&wishes, &frees, &mut objections);
        let mut kept = Vec::with_capacity(wishes.len());
        let mut moved_to: Vec<Option<usize>> = Vec::with_capacity(wishes.len());
        let mut kept_frees = Vec::with_capacity(wishes.len());
        for ((wish, objection), frees) in wishes.into_iter().zip(&objections).zip(frees) {
            if let Some(what) = objection {
                let what = format!("{what}; nothing is done for the person");
                findings.push(
                    self.finding(&wish, FindingKind::Objection, what)
                        .next("give one of them another value in the source, or free it at the app"),
                );
                moved_to.push(None);
            } else {
                moved_to.push(Some(kept.len()));
                kept.push(wish);
                kept_frees.push(frees);
            }
        }
        let frees =
            kept_frees.into_iter().map(|frees: BTreeSet<usize>| frees.into_iter().filter_map(|at| moved_to[at]).collect()).collect();
        (kept, frees)
    }

    /// Objects to whatever waits for a wish that will not come true, and to circles of wishes that wait for each other.
    fn circles(&self, wishes: &[Wish], frees: &[BTreeSet<usize>], objections: &mut [Option<String>]) {
        let mut waiting: BTreeSet<usize> = (0..wishes.len()).filter(|at| !frees[*at].is_empty()).collect();
        loop {
            let ready: Vec<usize> =
                waiting.iter().copied().filter(|at| frees[*at].iter().all(|other| !waiting.contains(other))).collect();
            if ready.is_empty() {
                break;
            }
            for at in ready {
                waiting.remove(&at);
                if let Some(other) = frees[at].iter().find(|other| objections[**other].is_some()) {
                    let other = self.key(&wishes[*other]);
                    objections[at]
                        .get_or_insert_with(|| format!("a value is used by the account of {other}, for whom nothing can be done"));
                }
            }
        }
        let keys: Vec<&str> = waiting.iter().map(|at| self.key(&wishes[*at])).collect();
        for at in &waiting {
            objections[*at] = Some(format!("values are to be exchanged in a circle, or wait for one: {}", keys.join(", ")));
        }
    }

    fn supervisors(&self, wishes: &mut [Wish], findings: &mut Vec<Finding>) -> Vec<Relation> {
        let mut wish_of: Vec<Option<usize>> = vec![None; self.roster.people.len()];
        for (at, wish) in wishes.iter().enumerate() {
            if let Some(person) = wish.person {
                wish_of[person] = Some(at);
            }
        }
        let circles = self.supervisor_circles(wishes, findings);
        let mut relations = Vec::new();
        for at in 0..wishes.len() {
            for (setting, key) in std::mem::take(&mut wishes[at].supervisors) {
                let attribute = &self.scene.rules.set[setting].attribute;
                let wish = &wishes[at];
                let (end, adopts) = match self.end(&key, wish, &wish_of, wishes) {
                    Ok(end) => end,
                    Err((kind, why)) => {
                        let what = format!("{} {key} {why}; {} is left alone", attribute.name, attribute.name);
                        findings.push(self.finding(wish, kind, what).next("correct the manager in the source, or leave it so"));
                        continue;
                    }
                };
                let before = wish
                    .account
                    .and_then(|account| self.scene.account(account).attributes.get(&attribute.name))
                    .cloned()
                    .unwrap_or_default();
                let second_pass = adopts.is_some() || wish.person.is_some_and(|person| circles.contains(&person));
                match end {
                    End::Id(id) if same(&before, &Value::Text(id.clone().into()), attribute.compare) => {}
                    End::Id(id) if !second_pass => {
                        let change = Change { before, after: Value::Text(id.into()) };
                        wishes[at].set.insert(attribute.name.clone(), change);
                    }
                    end => relations.push(Relation { wish: at, attribute: attribute.name.clone(), before, end, adopts, whom: key }),
                }
            }
        }
        relations
    }

    /// The account of a supervisor, and the wish that adopts it first; or why there is none.
    #[allow(clippy::type_complexity)]
    fn end(
        &self,
        key: &str,
        of: &Wish,
        wish_of: &[Option<usize>],
        wishes: &[Wish],
    ) -> Result<(End, Option<usize>), (FindingKind, &'static str)> {
        let unknown = |why| Err((FindingKind::UnknownReference, why));
        let id = |account: usize| End::Id(self.scene.account(account).id.as_str().to_owned());
        let Some(person) = self.roster.find(key) else {
            let linked = self.scene.account_of.get(key).and_then(|account| self.scene.by_id.get(account.as_str()));
            return match linked {
                Some(account) if self.roster.reading.held.iter().any(|held| held.as_str() == key) => Ok((id(*account), None)),
                _ => unknown("is not in the roster"),
            };
        };
        if of.person == Some(person) {
            return Err((FindingKind::Cycle, "is the person"));
        }
        if self.stages[person] == Stage::Over {
            return unknown("has left");
        }
        let wish = wish_of[person].map(|at| (at, &wishes[at]));
        match (self.bonds.of[person], wish) {
            (Bond::None, Some((at, wish))) if wish.act == Act::Create => Ok((End::Made(at), None)),
            (_, Some((_, wish))) if wish.act == Act::Leave => unknown("is to have no account here"),
            (Bond::Linked(account), wish)
                if self.scene.account(account).active || wish.is_some_and(|(_, wish)| wish.act == Act::Restore) =>
            {
                Ok((id(account), None))
            }
            (Bond::Found { account, .. }, Some((at, wish))) if self.scene.account(account).active || wish.act == Act::Restore => {
                Ok((id(account), Some(at)))
            }
            (Bond::Found { account, .. }, None) if self.scene.protected(self.scene.account(account)).is_some() => {
                Ok((id(account), None))
            }
            _ => unknown("has no account here that can be used"),
        }
    }

    /// The people whose supervisors form a circle, each circle a finding.
    fn supervisor_circles(&self, wishes: &[Wish], findings: &mut Vec<Finding>) -> BTreeSet<usize> {
        let mut above: HashMap<usize, usize> = HashMap::new();
        for wish in wishes {
            if let (Some(person), Some((_, key))) = (wish.person, wish.supervisors.first())
                && let Some(supervisor) = self.roster.find(key)
                && supervisor != person
            {
                above.insert(person, supervisor);
            }
        }
        let mut circles = BTreeSet::new();
        let mut seen: HashMap<usize, usize> = HashMap::with_capacity(above.len());
        for start in wishes.iter().filter_map(|wish| wish.person) {
            let mut at = start;
            while above.contains_key(&at) && !seen.contains_key(&at) {
                seen.insert(at, start);
                at = above[&at];
            }
            if seen.get(&at) != Some(&start) || circles.contains(&at) {
                continue;
            }
            let mut circle = vec![at];
            let mut next = above[&at];
            while next != at {
                circle.push(next);
                next = above[&next];
            }
            circle.sort_unstable();
            let keys: Vec<&str> = circle.iter().map(|person| self.roster.people[*person].person.key.as_str()).collect();
            let what = format!(
                "{} people are each other's supervisors in a circle: {}; they are set as the source says",
                keys.len(),
                keys.join(", ")
            );
            let first = &self.roster.people[circle[0]].person.key;
            findings.push(
                Finding::new(FindingKind::Cycle, what).in_app(self.scene.name).about(first).next("correct the managers in the source"),
            );
            circles.extend(circle);
        }
        circles
    }
}
