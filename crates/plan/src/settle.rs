//! Where people touch each other: values that only one account may have, and supervisors.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{Change, Compare, Finding, FindingKind, Shape, Text, Value};

use crate::correlate::{Bond, Bonds};
use crate::desire::{Act, Wish, unique_form};
use crate::hash;
use crate::index::NONE;
use crate::roster::{Roster, Stage};
use crate::scene::Scene;
use crate::text::same;

/// The other end of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// An account that is there.
    Account(usize),
    /// The account that this wish creates.
    Made(usize),
}

/// What the second pass sets.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) wish: usize,
    pub(crate) attribute: Text,
    pub(crate) before: Value,
    pub(crate) end: End,
    /// The wish whose adoption tells that the other end is who we think.
    pub(crate) adopts: Option<usize>,
    pub(crate) whom: Text,
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
        wish.person.map_or("", |person| self.roster.key(person).as_str())
    }

    fn finding(&self, wish: &Wish, kind: FindingKind, what: String) -> Finding {
        let mut finding = Finding::new(kind, what).in_app(self.scene.name);
        if let Some(person) = wish.person {
            finding = finding.about(self.roster.key(person));
        }
        match wish.account {
            Some(account) => finding.of_account(&self.scene.account(account).id),
            None => finding,
        }
    }

    /// Takes out wishes for a value that another account has or another wish wants, and orders those that wait for one to be freed.  The
    /// wishes come in the order of their people's keys.
    pub(crate) fn unique(&self, wishes: Vec<Wish>, findings: &mut Vec<Finding>) -> (Vec<Wish>, Vec<BTreeSet<usize>>) {
        let mut objections: Vec<Option<String>> = vec![None; wishes.len()];
        let mut frees: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); wishes.len()];
        for setting in self.scene.rules.set.iter().filter(|setting| setting.attribute.unique) {
            let name = setting.attribute.name.as_str();
            let wanted = |at: usize| wishes[at].set.get(name).map(|change| &change.after);
            let form = |claim: &(u64, u32)| wanted(claim.1 as usize).and_then(unique_form);
            // By the hash of what they want: a million texts need not be put in order.
            let mut claims: Vec<(u64, u32)> =
                (0..wishes.len()).filter_map(|at| Some((hash::of_comparable(wanted(at)?, Compare::Folded)?, at as u32))).collect();
            if claims.is_empty() {
                continue;
            }
            claims.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| form(a).cmp(&form(b))).then(a.1.cmp(&b.1)));
            let by_account: HashMap<usize, usize> = wishes
                .iter()
                .enumerate()
                .filter_map(|(at, wish)| Some((wish.account.filter(|_| wish.set.contains_key(name))?, at)))
                .collect();
            let attribute = self.scene.known.attribute(name, Compare::Folded);
            for claimants in claims.chunk_by(|a, b| a.0 == b.0 && form(a) == form(b)) {
                let value = || form(&claimants[0]).unwrap_or_default();
                let [(hash, at)] = *claimants else {
                    let rivals = || claimants.iter().map(|claim| claim.1 as usize);
                    let keys: Vec<&str> = rivals().map(|at| self.key(&wishes[at])).collect();
                    let what = format!("{name} = {:?} is wanted for {} people: {}", value(), keys.len(), keys.join(", "));
                    for at in rivals() {
                        objections[at].get_or_insert_with(|| what.clone());
                    }
                    continue;
                };
                let at = at as usize;
                for holder in attribute.map_or_else(Vec::new, |attribute| self.holders((attribute, name), hash, value)) {
                    if wishes[at].account == Some(holder) {
                        continue;
                    }
                    match by_account.get(&holder).copied() {
                        Some(other) => {
                            frees[at].insert(other);
                        }
                        None => {
                            let account = self.scene.account(holder);
                            let whose =
                                self.bonds.owner(holder).map_or_else(String::new, |owner| format!(" of {}", self.roster.key(owner)));
                            let inactive = if account.active { "" } else { "inactive " };
                            objections[at].get_or_insert_with(|| {
                                format!("{name} = {:?} is already used by {inactive}account {}{whose}", value(), account.id)
                            });
                        }
                    }
                }
            }
        }
        self.circles(&wishes, &frees, &mut objections);
        if objections.iter().all(Option::is_none) {
            return (wishes, frees);
        }
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

    /// The accounts that have a unique value, in order of their ids: by its hash in an attribute, then by itself.
    fn holders(&self, (attribute, name): (usize, &str), hash: u64, value: impl Fn() -> String) -> Vec<usize> {
        let mut holders: Vec<usize> = self.scene.known.with_value(attribute, hash).collect();
        if !holders.is_empty() {
            let value = Some(value());
            holders.retain(|holder| self.scene.account(*holder).attributes.get(name).and_then(unique_form) == value);
            holders.sort_by(|a, b| self.scene.account(*a).id.cmp(&self.scene.account(*b).id));
        }
        holders
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

    /// By person: the wish, or [`NONE`].
    pub(crate) fn wish_of(&self, wishes: &[Wish]) -> Vec<u32> {
        let mut wish_of = vec![NONE; self.roster.len()];
        for (at, wish) in wishes.iter().enumerate() {
            if let Some(person) = wish.person {
                wish_of[person] = at as u32;
            }
        }
        wish_of
    }

    /// Whether the person's account already names this supervisor, in the one attribute of that shape.
    pub(crate) fn is_under(&self, person: usize, supervisor: usize, wish_of: &[u32], wishes: &[Wish]) -> bool {
        let mut settings = self.scene.rules.set.iter().filter(|setting| setting.attribute.shape == Shape::Supervisor);
        let (Some(setting), None, Some(account)) = (settings.next(), settings.next(), self.bonds.of[person].account()) else {
            return false;
        };
        let Ok((End::Account(end), _)) = self.end_at(supervisor, Some(person), wish_of, wishes) else { return false };
        self.scene
            .account(account)
            .attributes
            .get(setting.attribute.name.as_str())
            .is_some_and(|before| self.names(before, end, setting.attribute.compare))
    }

    /// Whether a value is the id of an account.
    fn names(&self, value: &Value, account: usize, compare: Compare) -> bool {
        let id = self.scene.account(account).id.as_str();
        value.as_text() == Some(id) || same(value, &Value::Text(id.into()), compare)
    }

    /// Finds whom the wishes want as supervisors: sets them, or tells what a second pass has to set.  `above` has, by person, the supervisor
    /// of those who have no wish but for one who is already right.
    pub(crate) fn supervisors(
        &self,
        wishes: &mut [Wish],
        wish_of: &[u32],
        mut above: Vec<u32>,
        findings: &mut Vec<Finding>,
    ) -> Vec<Relation> {
        for wish in wishes.iter() {
            if let (Some(person), Some((_, key))) = (wish.person, wish.supervisors.first()) {
                above[person] = self.roster.find(key).filter(|supervisor| *supervisor != person).map_or(NONE, |at| at as u32);
            }
        }
        let circles = self.supervisor_circles(&above, findings);
        drop(above);
        let mut relations = Vec::new();
        for at in 0..wishes.len() {
            for (setting, key) in std::mem::take(&mut wishes[at].supervisors) {
                let attribute = &self.scene.rules.set[setting].attribute;
                let wish = &wishes[at];
                let (end, adopts) = match self.end(&key, wish, wish_of, wishes) {
                    Ok(end) => end,
                    Err((kind, why)) => {
                        let what = format!("{} {key} {why}; {} is left alone", attribute.name, attribute.name);
                        findings.push(self.finding(wish, kind, what).next("correct the manager in the source, or leave it so"));
                        continue;
                    }
                };
                let before = wish
                    .account
                    .and_then(|account| self.scene.account(account).attributes.get(attribute.name.as_str()))
                    .cloned()
                    .unwrap_or_default();
                let second_pass = adopts.is_some() || wish.person.is_some_and(|person| circles.contains(&person));
                match end {
                    End::Account(account) if self.names(&before, account, attribute.compare) => {}
                    End::Account(account) if !second_pass => {
                        let after = Value::Text(self.scene.account(account).id.as_str().into());
                        wishes[at].set.insert(attribute.name.as_str(), Change { before, after });
                    }
                    end => {
                        let attribute = attribute.name.as_str().into();
                        relations.push(Relation { wish: at, attribute, before, end, adopts, whom: key });
                    }
                }
            }
        }
        relations
    }

    /// The account of a supervisor, and the wish that adopts it first; or why there is none.
    fn end(&self, key: &str, of: &Wish, wish_of: &[u32], wishes: &[Wish]) -> Result<(End, Option<usize>), (FindingKind, &'static str)> {
        let Some(person) = self.roster.find(key) else {
            let linked = self.scene.link_of(key).and_then(|link| self.scene.find(link.account.as_str()));
            return match linked {
                Some(account) if self.roster.reading.held.contains(key) => Ok((End::Account(account), None)),
                _ => Err((FindingKind::UnknownReference, "is not in the roster")),
            };
        };
        self.end_at(person, of.person, wish_of, wishes)
    }

    /// The same for a supervisor who is in the roster.
    fn end_at(
        &self,
        person: usize,
        of: Option<usize>,
        wish_of: &[u32],
        wishes: &[Wish],
    ) -> Result<(End, Option<usize>), (FindingKind, &'static str)> {
        let unknown = |why| Err((FindingKind::UnknownReference, why));
        if of == Some(person) {
            return Err((FindingKind::Cycle, "is the person"));
        }
        if self.stages[person] == Stage::Over {
            return unknown("has left");
        }
        let wish = Some(wish_of[person]).filter(|at| *at != NONE).map(|at| (at as usize, &wishes[at as usize]));
        match (self.bonds.of[person], wish) {
            (Bond::None, Some((at, wish))) if wish.act == Act::Create => Ok((End::Made(at), None)),
            (_, Some((_, wish))) if wish.act == Act::Leave => unknown("is to have no account here"),
            (Bond::Linked(account), wish)
                if self.scene.account(account as usize).active || wish.is_some_and(|(_, wish)| wish.act == Act::Restore) =>
            {
                Ok((End::Account(account as usize), None))
            }
            (Bond::Found { account, .. }, Some((at, wish)))
                if self.scene.account(account as usize).active || wish.act == Act::Restore =>
            {
                Ok((End::Account(account as usize), Some(at)))
            }
            (Bond::Found { account, .. }, None) if self.scene.protected(self.scene.account(account as usize)).is_some() => {
                Ok((End::Account(account as usize), None))
            }
            _ => unknown("has no account here that can be used"),
        }
    }

    /// The people whose supervisors form a circle, each circle a finding.
    fn supervisor_circles(&self, above: &[u32], findings: &mut Vec<Finding>) -> HashSet<usize> {
        let mut circles = HashSet::new();
        // By person: from where it was come by first.
        let mut seen = vec![NONE; above.len()];
        for start in 0..above.len() {
            let mut at = start;
            while above[at] != NONE && seen[at] == NONE {
                seen[at] = start as u32;
                at = above[at] as usize;
            }
            if seen[at] != start as u32 || circles.contains(&at) {
                continue;
            }
            let mut circle = vec![at];
            let mut next = above[at] as usize;
            while next != at {
                circle.push(next);
                next = above[next] as usize;
            }
            circle.sort_by(|a, b| self.roster.key(*a).cmp(self.roster.key(*b)));
            let keys: Vec<&str> = circle.iter().map(|person| self.roster.key(*person).as_str()).collect();
            let what = format!(
                "{} people are each other's supervisors in a circle: {}; they are set as the source says",
                keys.len(),
                keys.join(", ")
            );
            let first = self.roster.key(circle[0]);
            findings.push(
                Finding::new(FindingKind::Cycle, what).in_app(self.scene.name).about(first).next("correct the managers in the source"),
            );
            circles.extend(circle);
        }
        circles
    }
}
