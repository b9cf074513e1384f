//! What policy wants for one person in one app, and how far that is from what is there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use model::{Account, Adopt, Change, Changes, Effect, Effects, Finding, FindingKind, Lower, On, Shape, Text, Value, Verb};

use crate::compiled::{Owned, Setting};
use crate::correlate::{Bond, facts};
use crate::expr::{Machine, Scope};
use crate::idp::{Assigned, Said, Turn};
use crate::roster::{Human, Stage};
use crate::scene::{Named, Scene};
use crate::text::{comparable, fold, nearest_words, same};

/// What shall happen to the account, apart from values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Create,
    Restore,
    Keep,
    Leave,
}

/// What one person lacks in one app, before other people are looked at.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Slot in the roster; none when the person is not in it any more.
    pub(crate) person: Option<usize>,
    pub(crate) account: Option<usize>,
    /// The match rule, when the account is to be adopted first.
    pub(crate) found: Option<usize>,
    pub(crate) act: Act,
    pub(crate) set: Changes,
    /// Attribute → name of a department that is to be made.
    pub(crate) departments: BTreeMap<String, String>,
    /// Set rules that name a supervisor, and whom.
    pub(crate) supervisors: Vec<(usize, Text)>,
    pub(crate) add: Vec<usize>,
    pub(crate) remove: Vec<usize>,
    pub(crate) enrol: Vec<usize>,
    pub(crate) effects: Effects,
    /// A role goes down and policy wants a person to look.
    pub(crate) lowered: bool,
    pub(crate) reason: String,
}

impl Wish {
    pub(crate) fn new(person: Option<usize>, account: Option<usize>, act: Act) -> Self {
        Self {
            person,
            account,
            found: None,
            act,
            set: Changes::new(),
            departments: BTreeMap::new(),
            supervisors: Vec::new(),
            add: Vec::new(),
            remove: Vec::new(),
            enrol: Vec::new(),
            effects: Effects::new(),
            lowered: false,
            reason: String::new(),
        }
    }

    /// Whether there is anything to be done apart from supervisors.
    pub(crate) fn changes(&self) -> bool {
        self.act != Act::Keep
            || !self.set.is_empty()
            || !self.departments.is_empty()
            || !self.add.is_empty()
            || !self.remove.is_empty()
            || !self.enrol.is_empty()
    }
}

/// A wish, or none, and what was found on the way.
#[derive(Default)]
pub(crate) struct Desired {
    pub(crate) wish: Option<Wish>,
    pub(crate) findings: Vec<Finding>,
    /// What stands in the way, so that nothing is done for the person here although policy wants something.
    pub(crate) stuck: bool,
    /// Whether the person shall have an account here.
    pub(crate) wanted: bool,
}

/// Where it looks at one person.
pub(crate) struct View<'v, 'a> {
    pub(crate) scene: &'v Scene<'a>,
    pub(crate) human: &'v Human<'a>,
    pub(crate) index: usize,
    pub(crate) stage: Stage,
    pub(crate) bond: Bond,
}

impl View<'_, '_> {
    fn finding(&self, kind: FindingKind, what: impl Into<String>) -> Finding {
        let finding = Finding::new(kind, what).in_app(self.scene.name).about(&self.human.person.key);
        match self.bond.account() {
            Some(account) => finding.of_account(&self.scene.account(account).id),
            None => finding,
        }
    }

    /// What this person lacks in this app.
    pub(crate) fn desire(&self, machine: &Machine) -> Desired {
        let mut desired = Desired::default();
        if self.human.held.is_some() || self.bond == Bond::Stuck {
            desired.stuck = true;
            return desired;
        }
        let scope = Scope::new(machine, &self.scene.rules.names, facts(self.human, self.stage));
        match self.scene.rules.who.holds(&scope) {
            Ok(who) => desired.wanted = who && self.stage == Stage::Here,
            Err(what) => {
                desired.stuck = true;
                let what = format!("{what}; nothing is done for the person");
                desired.findings.push(self.finding(FindingKind::Objection, what).next("correct accounts.who"));
                return desired;
            }
        }
        if self.bond == Bond::Vanished {
            let link = self.scene.known.link_of(self.index).map(|link| self.scene.link(link));
            desired.stuck = true;
            // An account that we made after the reading is no riddle: the next reading shows it.
            if let Some(link) = link
                && (desired.wanted || self.stage == Stage::Over)
                && !self.scene.is_fresh(link)
            {
                let id = &link.account;
                let what = format!(
                    "the linked account {id} was not seen: it is hidden from the log-in or gone; nothing is done for the person"
                );
                desired.findings.push(self.finding(FindingKind::Hidden, what).next("look for it at the app, with full rights"));
            }
            return desired;
        }
        let account = self.bond.account().map(|at| (at, self.scene.account(at)));
        let assigned = self.scene.rules.idps.assigned(self.human.person);
        self.assign(&assigned, account.map(|(_, account)| account), &mut desired);
        if desired.wanted {
            self.keep(account, &scope, &mut desired);
        } else if !matches!(self.stage, Stage::NotYet | Stage::LastDay)
            && let Some((at, account)) = account
            && account.active
        {
            self.leave(at, account, &assigned, &mut desired);
        }
        self.touchable(&mut desired);
        desired
    }

    /// Who is not assigned shall have no account.  Where nothing was said, nobody gets one, and nobody loses the one they have (P4).
    fn assign(&self, assigned: &Assigned<'_>, account: Option<&Account>, desired: &mut Desired) {
        if self.stage != Stage::Here {
            return;
        }
        let has = account.is_some_and(|account| account.active);
        let finding = |what: String| self.finding(FindingKind::Assignment, what);
        match assigned {
            Assigned::Free => {}
            Assigned::Yes(source) if !desired.wanted && !has => {
                let what = format!("{source} assigns this app, and policy (`accounts.who`) gives no account");
                desired.findings.push(finding(what).next("take the assignment back at the identity provider, or change accounts.who"));
            }
            Assigned::Yes(_) => {}
            Assigned::No(..) => desired.wanted = false,
            Assigned::Unsaid(source) if has && desired.wanted => {
                let what = match self.human.person.idp.get(source.as_str()) {
                    Some(_) => {
                        format!("the account is active, and a complete list of {source} does not have the person; it stays as it is")
                    }
                    None => format!("the account is active, and {source} never said that the person is assigned; it stays as it is"),
                };
                desired
                    .findings
                    .push(finding(what).next("assign the person at the identity provider, or take the assignment back there"));
            }
            Assigned::Unsaid(_) => desired.wanted &= has,
        }
    }

    /// An account whose access we took is active again (L14).
    fn resurrection(&self, account: &Account) -> Option<Finding> {
        let taken = self.scene.taken(account)?;
        let person = self.human.person;
        // Whoever came back since may have got it by hand.
        if person.starts.is_some_and(|starts| starts > taken.at.to_zoned(jiff::tz::TimeZone::UTC).date()) {
            return None;
        }
        let words: Vec<String> = person.idp.iter().map(|(source, word)| format!("{source}: {}", word.in_words())).collect();
        let last = if words.is_empty() { "no identity provider said anything of them".to_owned() } else { words.join("; ") };
        let what =
            format!("run {} took the account's access on {:.0}, and it is active again, which was not us; {last}", taken.run, taken.at);
        let next =
            "take the person out at the identity provider, or wherever else gives accounts here; the plan takes the access again";
        Some(self.finding(FindingKind::Resurrection, what).next(next))
    }

    fn leave(&self, at: usize, account: &Account, assigned: &Assigned<'_>, desired: &mut Desired) {
        desired.findings.extend(self.resurrection(account));
        if !self.scene.policy.leave {
            if self.stage == Stage::Over {
                let what = "the person left, and policy keeps the account active (`leave = \"keep\"`)";
                desired.findings.push(self.finding(FindingKind::Ghost, what).next("archive it by hand, or set accounts.leave"));
            }
            return;
        }
        debug_assert!(account.active);
        let mut wish = Wish::new(Some(self.index), Some(at), Act::Leave);
        wish.reason = match (self.stage, self.human.person.ends) {
            (Stage::Over, Some(ends)) => format!("leaver: terminated {ends}"),
            (Stage::Over, None) => "leaver: terminated".into(),
            _ => match assigned {
                Assigned::No(source, word) => format!("not assigned at {source} any more ({})", word.in_words()),
                _ => "policy gives this person no account any more".into(),
            },
        };
        if let Turn::Stale(source, word) = self.scene.rules.idps.turn(Some(self.human.person), self.scene.as_of) {
            let what = format!(
                "{source} gives accounts here too, and what it said last is too old to wait for ({}): the leave goes on",
                word.in_words()
            );
            let next = "see that the person is out at the identity provider; if the account comes back, that is found";
            desired.findings.push(self.finding(FindingKind::StaleWord, what).next(next));
        }
        desired.wish = Some(wish);
    }

    fn keep(&self, account: Option<(usize, &Account)>, scope: &Scope<'_, '_>, desired: &mut Desired) {
        let person = self.human.person;
        let act = match account {
            None => Act::Create,
            Some((_, account)) if account.active => Act::Keep,
            Some(_) => Act::Restore,
        };
        if let (Act::Create, Some(why)) = (act, &self.scene.blind) {
            desired.stuck = true;
            let what = format!("no account is seen, and one may be hidden: {why}; none is made blindly");
            desired.findings.push(self.finding(FindingKind::Hidden, what).next("give the log-in full scope and read again"));
            return;
        }
        let mut wish = Wish::new(Some(self.index), account.map(|(at, _)| at), act);
        let story = if act == Act::Create { "joiner" } else { "rehire" };
        wish.reason = person.starts.map_or_else(|| story.to_owned(), |starts| format!("{story}: starts {starts}"));
        let mut objections = Vec::new();
        let mut set = Vec::with_capacity(self.scene.rules.set.len());
        for (at, setting) in self.scene.rules.set.iter().enumerate() {
            let skip = self.scene.names.undeclared[at] || (setting.on == On::Create && act != Act::Create);
            let said = match self.scene.rules.idps.value(person, at) {
                _ if skip => continue,
                Said::Value(text) => Some(text),
                Said::Nothing => None,
                // What may come from a group of which nothing is known stays as it is; who has nothing yet gets what everybody has.
                Said::Unknown if account.is_some() => continue,
                Said::Unknown => None,
                Said::Conflict(what) => {
                    let name = &setting.attribute.name;
                    if account.is_none() && setting.attribute.required {
                        objections.push((
                            FindingKind::Conflict,
                            format!("{what}: nobody knows which {name} is meant, and none is made without"),
                        ));
                    } else {
                        let what = format!("{what}: nobody knows which {name} is meant, and it stays as it is");
                        desired.findings.push(
                            self.finding(FindingKind::Conflict, what)
                                .next("leave the person in one of these groups, or give both the same meaning"),
                        );
                    }
                    continue;
                }
            };
            match self.value((at, setting, said), account.map(|(_, account)| account), scope, &mut wish) {
                Ok(change) => set.extend(change.map(|change| (setting.attribute.name.as_str(), change))),
                Err(objection) => objections.push(objection),
            }
        }
        wish.set = set.into_iter().collect();
        if act == Act::Create {
            for name in &self.scene.rules.unset {
                objections.push((FindingKind::Objection, format!("{name} is required for a new account, and policy does not set it")));
            }
        }
        objections.extend(self.groups(account.map(|(at, _)| at), scope, &mut wish).err());
        self.enrolments(account, scope, &mut wish, desired, &mut objections);
        if objections.is_empty() {
            desired.wish = Some(wish);
        } else {
            desired.stuck = true;
            for (kind, what) in objections {
                desired.findings.push(self.finding(kind, what).next("correct the row in the source, the policy, or the app"));
            }
        }
    }

    /// What changes about one value; nothing where it is right, or left to the second pass.
    fn value(
        &self,
        (at, setting, said): (usize, &Setting, Option<&str>),
        account: Option<&Account>,
        scope: &Scope<'_, '_>,
        wish: &mut Wish,
    ) -> Result<Option<Change>, (FindingKind, String)> {
        let owned = &setting.attribute;
        let objection = |what: String| (FindingKind::Objection, what);
        let text = match said {
            Some(said) => said.into(),
            None => setting.value.text_of(scope).map_err(|what| objection(format!("{what}; nothing is done for the person")))?,
        };
        let before = account.and_then(|account| account.attributes.get(&owned.name)).cloned().unwrap_or_default();
        let mut made = None;
        let after = match owned.shape {
            _ if text.trim().is_empty() => Value::Null,
            Shape::Text => Value::Text(text),
            Shape::Date => match text.parse::<Date>() {
                Ok(date) if text.len() == 10 => Value::Text(date.to_string().into()),
                _ => return Err(objection(format!("{} = {text:?} is no day (YYYY-MM-DD)", owned.name))),
            },
            Shape::Int => {
                Value::Int(text.trim().parse().map_err(|_| objection(format!("{} = {text:?} is no whole number", owned.name)))?)
            }
            Shape::Role(ranks) => match ranks.iter().find(|rank| fold(rank) == fold(&text)) {
                Some(rank) => Value::from(*rank),
                None => {
                    let near = nearest_words(&text, ranks.iter().copied());
                    return Err(objection(format!("{} = {text:?} is no role of this app{near}", owned.name)));
                }
            },
            Shape::Department => match self.scene.department(&text) {
                Named::Id(id) => Value::Text(id.into()),
                Named::ToMake => {
                    made = Some(text.trim().to_owned());
                    Value::Null
                }
                Named::Not(kind, what) => return Err((kind, what)),
            },
            Shape::Supervisor => {
                wish.supervisors.push((at, text));
                return Ok(None);
            }
        };
        if let Some(name) = made {
            if account.is_some() {
                self.moved(wish);
            }
            wish.departments.insert(owned.name.clone(), name);
            return Ok(Some(Change { before, after }));
        }
        if after.is_null() && owned.required && (account.is_none() || !before.is_null()) {
            return Err(objection(format!("{} is required and would be empty", owned.name)));
        }
        if same(&before, &after, owned.compare) {
            return Ok(None);
        }
        refused(owned, &after).map_err(objection)?;
        if account.is_some() {
            match owned.shape {
                Shape::Role(ranks) => role(ranks, &before, &after, setting.lower, wish),
                Shape::Department => self.moved(wish),
                _ => {}
            }
        }
        Ok(Some(Change { before, after }))
    }

    /// A move between departments may enrol people by the app's own rules (A19).
    fn moved(&self, wish: &mut Wish) {
        if self.scene.rules.manifest.moves_enrol {
            wish.effects.insert(Effect::EnrolmentPossible);
        }
    }

    fn groups(&self, account: Option<usize>, scope: &Scope<'_, '_>, wish: &mut Wish) -> Result<(), (FindingKind, String)> {
        if self.scene.names.groups.is_empty() {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for member in &self.scene.rules.members {
            let given =
                member.names_of(scope).map_err(|what| (FindingKind::Objection, format!("{what}; nothing is done for the person")))?;
            names.extend(given.iter().map(|name| fold(name)));
        }
        let is_in = account.map_or_else(Vec::new, |account| self.scene.member_of(account));
        for (at, group) in self.scene.names.groups.iter().enumerate() {
            let said = self.scene.rules.idps.member(self.human.person, &group.folded);
            let wanted = names.contains(&group.folded) || matches!(said, Said::Value(_));
            match (wanted, is_in.contains(&at)) {
                // A membership that may come from a group of which nothing is known stays.
                (false, true) if said == Said::Unknown => {}
                (true, false) => match &group.found {
                    Named::Not(kind, what) => return Err((*kind, what.clone())),
                    Named::Id(_) | Named::ToMake => wish.add.push(at),
                },
                (false, true) => wish.remove.push(at),
                (true, true) | (false, false) => {}
            }
        }
        Ok(())
    }

    fn enrolments(
        &self,
        account: Option<(usize, &Account)>,
        scope: &Scope<'_, '_>,
        wish: &mut Wish,
        desired: &mut Desired,
        objections: &mut Vec<(FindingKind, String)>,
    ) {
        for (at, when) in self.scene.rules.enrol.iter().enumerate() {
            match when.holds(scope) {
                Err(what) => objections.push((FindingKind::Objection, format!("{what}; nothing is done for the person"))),
                Ok(false) => {}
                Ok(true) => match (&self.scene.names.content[at], account) {
                    (Named::Id(content), Some((_, account))) if !self.scene.enrolments_known(&account.id) => {
                        let what = format!("it is not known in what the account is enrolled; no enrolment in {content} is planned");
                        desired.findings.push(self.finding(FindingKind::BlindSpot, what));
                    }
                    (Named::Id(_), Some((account, _))) if self.scene.is_enrolled(account, at) => {}
                    (Named::Id(_), _) => wish.enrol.push(at),
                    // Said once for the app.
                    (Named::Not(..) | Named::ToMake, _) => {}
                },
            }
        }
    }

    /// Takes the wish back where the account may not be touched, or where policy or the app does not let us.
    fn touchable(&self, desired: &mut Desired) {
        let (Some(wish), Some(at)) = (&mut desired.wish, self.bond.account()) else { return };
        if let Some(why) = self.scene.protected(self.scene.account(at)) {
            if wish.changes() {
                let what = format!("the account is protected ({why}) and stays as it is; policy would {}", would(wish));
                desired.findings.push(self.finding(FindingKind::Protected, what));
            }
            desired.wish = None;
            desired.stuck = true;
            return;
        }
        if let Bond::Found { rule, .. } = self.bond {
            if self.scene.policy.adopt == Adopt::Never {
                let rule = &self.scene.rules.matching[rule as usize].rule;
                let what = format!("the account matches by `{rule}`, and policy adopts none");
                desired.findings.push(self.finding(FindingKind::Adoptable, what).next("set accounts.adopt = \"approve\", or leave it"));
                if self.stage == Stage::Over {
                    let what = "the person left, and an account that is not ours is still active";
                    desired.findings.push(self.finding(FindingKind::Ghost, what));
                }
                desired.wish = None;
                desired.stuck = true;
                return;
            }
            wish.found = Some(rule as usize);
        } else if !wish.changes() && wish.supervisors.is_empty() {
            desired.wish = None;
        }
    }
}

fn would(wish: &Wish) -> String {
    match wish.act {
        Act::Leave => "take its access".into(),
        Act::Restore => "restore it".into(),
        Act::Create | Act::Keep if wish.set.is_empty() => "change its groups or enrolments".into(),
        Act::Create | Act::Keep => format!("change {}", wish.set.keys().cloned().collect::<Vec<_>>().join(", ")),
    }
}

/// Whether power goes up or down; from a role that has no rank, either may be (L16).
pub(crate) fn role(ranks: &[&str], before: &Value, after: &Value, lower: Lower, wish: &mut Wish) {
    let rank = |value: &Value| match value.as_text() {
        Some(text) => ranks.iter().position(|rank| fold(rank) == fold(text)),
        None => Some(0),
    };
    let (up, down) = match (rank(before), rank(after)) {
        (Some(before), Some(after)) => (after > before, after < before),
        _ => (true, true),
    };
    if up {
        wish.effects.insert(Effect::RoleRaised);
    }
    if down {
        wish.effects.insert(Effect::RoleLowered);
        wish.lowered |= lower == Lower::Approve;
    }
}

/// What the vendor would refuse in a value (L18).
fn refused(owned: &Owned, value: &Value) -> Result<(), String> {
    let Some(text) = value.as_text() else { return Ok(()) };
    if let Some(bad) = text.chars().find(|c| owned.refused.contains(*c) || c.is_control()) {
        return Err(format!("{} = {text:?} holds {bad:?}, which the app refuses", owned.name));
    }
    if !owned.refused.is_empty() && text.starts_with(' ') {
        return Err(format!("{} = {text:?} begins with a space, which the app refuses", owned.name));
    }
    Ok(())
}

/// A unique value as the app compares it: without regard to case whatever the attribute says (L08, A11).
pub(crate) fn unique_form(value: &Value) -> Option<String> {
    comparable(value, model::Compare::Folded)
}

/// The verb of an act that is a step of its own.
pub(crate) fn verb_of(act: Act) -> Verb {
    match act {
        Act::Create => Verb::Create,
        Act::Restore => Verb::Restore,
        Act::Keep => Verb::Update,
        Act::Leave => Verb::Leave,
    }
}
