//! What planning knows of one app from one reading to the next: its accounts by what they are looked up by, and whose they are.
//!
//! [`Known::update`] takes the next reading and says whose outcome may be another one than before.  It errs on the safe side only: whom it
//! names is looked at again.

use std::collections::HashSet;

use model::{AccountId, AppReading, Compare, EnrolmentState, Link};

use crate::compiled::Rules;
use crate::hash::{self, Mix};
use crate::index::{Index, NONE};
use crate::parallel::spread;
use crate::roster::Roster;
use crate::scene::{Named, Names};
use crate::slots::Slots;

/// One app's accounts, links, memberships and enrolments.  Accounts and links go by their slots, people by those of the roster.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) accounts: Slots,
    /// The attributes by which accounts are looked up: those of the match rules, and those that only one account may have.
    attributes: Vec<(String, Compare)>,
    /// For each of these: comparable value → accounts.
    indexes: Vec<Index>,
    pub(crate) links: Slots,
    /// Person's key → links.
    by_person: Index,
    /// By link: the person, where the roster has them, and the account, where it was read.
    link_person: Vec<u32>,
    link_account: Vec<u32>,
    /// By person and by account: the link.
    person_link: Vec<u32>,
    account_link: Vec<u32>,
    members: Pairs,
    enrolled: Pairs,
    /// The hash of everything that names resolve to.
    names: u64,
}

/// Which account is in which group, or enrolled by which rule: sorted, an account by the hash of its id.
#[derive(Default)]
struct Pairs {
    /// The hash of what it was made from.
    mark: u64,
    /// Account, group or rule, and the place in the reading's list.
    pairs: Vec<(u64, u32, u32)>,
}

/// Whose outcome may be another one than before.
pub(crate) struct Stale {
    /// Everybody's.
    pub(crate) all: bool,
    /// By person.
    pub(crate) people: Vec<bool>,
    /// Of whoever has one of these accounts.
    pub(crate) accounts: Vec<u32>,
    /// By attribute that accounts are looked up by: of whoever looks for one of these values.
    pub(crate) values: Vec<HashSet<u64>>,
}

fn take(place: &mut u32) -> Option<usize> {
    let was = std::mem::replace(place, NONE);
    (was != NONE).then_some(was as usize)
}

fn get(places: &[u32], at: usize) -> Option<usize> {
    places.get(at).filter(|place| **place != NONE).map(|place| *place as usize)
}

impl Known {
    /// The place of an attribute among those that accounts are looked up by.
    pub(crate) fn attribute(&self, name: &str, compare: Compare) -> Option<usize> {
        self.attributes.iter().position(|(attribute, by)| attribute == name && *by == compare)
    }

    /// The accounts whose value of an attribute has this hash.
    pub(crate) fn with_value(&self, attribute: usize, value: u64) -> impl Iterator<Item = usize> {
        self.indexes[attribute].with(value).map(|slot| slot as usize)
    }

    pub(crate) fn account_of(&self, person: usize) -> Option<usize> {
        get(&self.link_account, self.link_of(person)?)
    }

    /// The person's link.
    pub(crate) fn link_of(&self, person: usize) -> Option<usize> {
        get(&self.person_link, person)
    }

    pub(crate) fn is_linked(&self, account: usize) -> bool {
        self.account_link[account] != NONE
    }

    /// Every link's person and account, where they are in the readings.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (usize, Option<usize>, Option<usize>)> {
        self.links.order().iter().map(|link| {
            let link = *link as usize;
            (link, get(&self.link_person, link), get(&self.link_account, link))
        })
    }

    /// The links of a person's key (or of another with the same hash).
    pub(crate) fn links_of(&self, key: &str) -> impl Iterator<Item = usize> {
        self.by_person.with(hash::of_text(key)).map(|link| link as usize)
    }

    /// Whether anything that has to be unique is not: then nothing is kept for the next reading.
    pub(crate) fn has_twins(&self) -> bool {
        self.accounts.has_twins() || self.links.has_twins() || self.by_person.has_twins()
    }

    /// The managed groups of an account, by their places among the groups of policy.
    pub(crate) fn groups_of(&self, account: usize, id: &AccountId, names: &Names, reading: &AppReading) -> Vec<usize> {
        let is_own = |group: u32, place: u32| {
            let at = names.groups[group as usize].place;
            at.and_then(|at| reading.groups[at].members.get(place as usize)).is_some_and(|member| member == id)
        };
        let mut groups: Vec<usize> = self
            .members
            .of(self.accounts.key(account))
            .filter(|(_, group, place)| is_own(*group, *place))
            .map(|pair| pair.1 as usize)
            .collect();
        groups.dedup();
        groups
    }

    /// Whether an account is enrolled by this rule's content.
    pub(crate) fn is_enrolled(&self, account: usize, id: &AccountId, rule: usize, reading: &AppReading) -> bool {
        let own = self.enrolled.of(self.accounts.key(account));
        own.filter(|pair| pair.1 as usize == rule).any(|pair| &reading.enrolments[pair.2 as usize].account == id)
    }

    /// Takes the next reading of the app, its links, and the slots of the roster's rows that are not what they were.
    pub(crate) fn update(
        &mut self,
        rules: &Rules,
        names: &Names,
        reading: &AppReading,
        links: &[&Link],
        roster: &Roster<'_>,
        moved_people: &[u32],
    ) -> Stale {
        if self.attributes.is_empty() {
            self.attributes = looked_up(rules);
            self.indexes = self.attributes.iter().map(|_| Index::default()).collect();
        }
        let records = spread(reading.accounts.len(), |range| {
            reading.accounts[range].iter().map(|account| (hash::of_text(account.id.as_str()), hash::of_account(account))).collect()
        });
        let moved_accounts = self.accounts.align(&records);
        drop(records);
        let records = spread(links.len(), |range| {
            links[range].iter().map(|link| (hash::of_text(link.account.as_str()), mark_of(link))).collect()
        });
        let moved_links = self.links.align(&records);
        drop(records);
        self.person_link.resize(roster.len(), NONE);
        self.account_link.resize(self.accounts.len(), NONE);
        self.link_person.resize(self.links.len(), NONE);
        self.link_account.resize(self.links.len(), NONE);
        let mut stale = Stale {
            all: std::mem::replace(&mut self.names, names.mark) != names.mark,
            people: vec![false; roster.len()],
            accounts: Vec::new(),
            values: self.attributes.iter().map(|_| HashSet::new()).collect(),
        };
        self.forget(moved_people, &moved_accounts, &moved_links, &mut stale);
        self.learn_accounts(reading, links, &moved_accounts, &mut stale);
        self.learn_links(reading, links, roster, moved_people, &moved_links, &mut stale);
        self.pair_up(names, reading, &mut stale);
        stale
    }

    /// Forgets what is known of records that are not what they were.
    fn forget(&mut self, people: &[u32], accounts: &[u32], links: &[u32], stale: &mut Stale) {
        for link in links {
            self.by_person.remove(*link);
            if let Some(person) = take(&mut self.link_person[*link as usize]) {
                self.person_link[person] = NONE;
                stale.people[person] = true;
            }
            if let Some(account) = take(&mut self.link_account[*link as usize]) {
                self.account_link[account] = NONE;
                self.told(account as u32, stale);
            }
        }
        for account in accounts {
            self.told(*account, stale);
            for index in &mut self.indexes {
                index.remove(*account);
            }
            if let Some(link) = take(&mut self.account_link[*account as usize]) {
                self.link_account[link] = NONE;
                if let Some(person) = get(&self.link_person, link) {
                    stale.people[person] = true;
                }
            }
        }
        for person in people {
            stale.people[*person as usize] = true;
            if let Some(link) = take(&mut self.person_link[*person as usize]) {
                self.link_person[link] = NONE;
            }
        }
    }

    /// Tells of everybody to whom an account matters as it is now.
    fn told(&self, account: u32, stale: &mut Stale) {
        stale.accounts.push(account);
        for (index, values) in self.indexes.iter().zip(&mut stale.values) {
            values.extend(Some(index.hash_of(account)).filter(|hash| *hash != 0));
        }
    }

    fn learn_accounts(&mut self, reading: &AppReading, links: &[&Link], moved: &[u32], stale: &mut Stale) {
        let used: Vec<u32> = moved.iter().copied().filter(|account| self.accounts.is_used(*account as usize)).collect();
        let width = self.attributes.len();
        let hashes: Vec<u64> = spread(used.len(), |range| {
            let mut hashes = Vec::with_capacity(range.len() * width);
            for slot in &used[range] {
                let account = &reading.accounts[self.accounts.place(*slot as usize)];
                hashes.extend(self.attributes.iter().map(|(name, compare)| {
                    account.attributes.get(name.as_str()).and_then(|value| hash::of_comparable(value, *compare)).unwrap_or_default()
                }));
            }
            hashes
        });
        for (account, hashes) in used.iter().zip(hashes.chunks(width.max(1))) {
            for ((index, hash), values) in
                self.indexes.iter_mut().zip(hashes).zip(&mut stale.values).filter(|((_, hash), _)| **hash != 0)
            {
                index.insert(*account, *hash);
                values.insert(*hash);
            }
        }
        for account in used.into_iter().map(|account| account as usize) {
            let id = &reading.accounts[self.accounts.place(account)].id;
            let link = self.links.with_key(self.accounts.key(account)).find(|link| &links[self.links.place(*link)].account == id);
            if let Some(link) = link {
                self.link_account[link] = account as u32;
                self.account_link[account] = link as u32;
                if let Some(person) = get(&self.link_person, link) {
                    stale.people[person] = true;
                }
            }
        }
    }

    fn learn_links(
        &mut self,
        reading: &AppReading,
        links: &[&Link],
        roster: &Roster<'_>,
        people: &[u32],
        moved: &[u32],
        stale: &mut Stale,
    ) {
        for link in moved.iter().map(|link| *link as usize).filter(|link| self.links.is_used(*link)) {
            let Link { person, account, .. } = links[self.links.place(link)];
            self.by_person.insert(link as u32, hash::of_text(person.as_str()));
            if let Some(person) = roster.find(person.as_str()) {
                self.link_person[link] = person as u32;
                self.person_link[person] = link as u32;
                stale.people[person] = true;
            }
            let is_own = |slot: &usize| &reading.accounts[self.accounts.place(*slot)].id == account;
            if let Some(account) = self.accounts.with_key(self.links.key(link)).find(is_own) {
                self.link_account[link] = account as u32;
                self.account_link[account] = link as u32;
                self.told(account as u32, stale);
            }
        }
        for person in people.iter().map(|person| *person as usize).filter(|person| roster.has(*person)) {
            let key = roster.key(person);
            let link = self.links_of(key.as_str()).find(|link| &links[self.links.place(*link)].person == key);
            if let Some(link) = link {
                self.link_person[link] = person as u32;
                self.person_link[person] = link as u32;
            }
        }
    }

    /// Memberships and enrolments, told of where they are not what they were.
    fn pair_up(&mut self, names: &Names, reading: &AppReading, stale: &mut Stale) {
        let groups = || names.groups.iter().enumerate().filter_map(|(at, group)| Some((at, &reading.groups[group.place?].members)));
        let mut mark = Mix::new();
        mark.word(names.mark);
        for (at, members) in groups() {
            mark.word(at as u64);
            mark.word(members.len() as u64);
            members.iter().for_each(|member| mark.text(member.as_str()));
        }
        let mut changed = self.members.renew(mark.done(), || {
            let mut pairs = Vec::with_capacity(groups().map(|(_, members)| members.len()).sum());
            for (at, members) in groups() {
                pairs.extend(members.iter().enumerate().map(|(place, id)| (hash::of_text(id.as_str()), at as u32, place as u32)));
            }
            pairs
        });
        if !names.content.is_empty() {
            let mut mark = Mix::new();
            mark.word(names.mark);
            for enrolment in &reading.enrolments {
                mark.text(enrolment.account.as_str());
                mark.text(&enrolment.content);
                mark.word(enrolment.state as u64);
            }
            reading.enrolments_of.iter().for_each(|account| mark.text(account.as_str()));
            changed.extend(self.enrolled.renew(mark.done(), || {
                let counts = |state| matches!(state, EnrolmentState::Open | EnrolmentState::Done);
                let mut pairs = Vec::new();
                for (place, enrolment) in reading.enrolments.iter().enumerate().filter(|(_, enrolment)| counts(enrolment.state)) {
                    let of = names.content.iter().enumerate().filter(|(_, content)| content.is(&enrolment.content));
                    pairs.extend(of.map(|(rule, _)| (hash::of_text(enrolment.account.as_str()), rule as u32, place as u32)));
                }
                // That it was read what an account is enrolled in is kept as one more rule: it tells too when that is taken back.
                let read = reading.enrolments_of.iter().map(|account| (hash::of_text(account.as_str()), u32::MAX, 0));
                pairs.extend(read);
                pairs
            }));
        }
        for key in changed {
            stale.accounts.extend(self.accounts.with_key(key).map(|account| account as u32));
        }
    }
}

impl Named {
    /// Whether it is resolved to this id.
    fn is(&self, id: &str) -> bool {
        matches!(self, Self::Id(own) if own == id)
    }
}

impl Pairs {
    fn of(&self, account: u64) -> impl Iterator<Item = (u64, u32, u32)> {
        let from = self.pairs.partition_point(|pair| pair.0 < account);
        self.pairs[from..].iter().copied().take_while(move |pair| pair.0 == account)
    }

    /// Makes the pairs anew when what they are made from is not what it was; gives the accounts whose pairs are not what they were.
    fn renew(&mut self, mark: u64, pairs: impl FnOnce() -> Vec<(u64, u32, u32)>) -> HashSet<u64> {
        if self.mark == mark {
            return HashSet::new();
        }
        let mut pairs = pairs();
        pairs.sort_unstable();
        let before = std::mem::replace(&mut self.pairs, pairs);
        let first = std::mem::replace(&mut self.mark, mark) == 0;
        if first {
            return HashSet::new();
        }
        let mut changed = HashSet::new();
        let (mut old, mut new) = (before.iter().peekable(), self.pairs.iter().peekable());
        loop {
            match (old.peek(), new.peek()) {
                (None, None) => return changed,
                (Some(a), Some(b)) if (a.0, a.1) == (b.0, b.1) => {
                    old.next();
                    new.next();
                }
                (Some(a), b) if b.is_none_or(|b| (a.0, a.1) < (b.0, b.1)) => {
                    changed.insert(a.0);
                    old.next();
                }
                (_, b) => {
                    changed.extend(b.map(|b| b.0));
                    new.next();
                }
            }
        }
    }
}

fn looked_up(rules: &Rules) -> Vec<(String, Compare)> {
    let matching = rules.matching.iter().map(|rule| (rule.attribute.clone(), rule.compare));
    let unique = rules.set.iter().filter(|setting| setting.attribute.unique);
    let mut all: Vec<(String, Compare)> = Vec::new();
    for attribute in matching.chain(unique.map(|setting| (setting.attribute.name.clone(), Compare::Folded))) {
        if !all.contains(&attribute) {
            all.push(attribute);
        }
    }
    all
}

fn mark_of(link: &Link) -> u64 {
    let mut mark = Mix::new();
    mark.text(link.person.as_str());
    mark.text(link.account.as_str());
    mark.word(link.since.as_nanosecond() as u64);
    mark.done()
}
