//! Wishes turned into steps that name each other by place; they get their content hashes when all of them are known ([`crate::order`]).

use std::collections::{BTreeMap, BTreeSet};

use model::{Adopt, Change, Changes, Effect, Effects, Few, Finding, FindingKind, PersonKey, Ref, Step, StepId, Text, Value, Verb};

use crate::desire::{Act, Wish, verb_of};
use crate::idp::Turn;
use crate::roster::Roster;
use crate::scene::{Named, Scene};
use crate::settle::{End, Settled};

/// Where in a step stands what another step makes.
#[derive(Debug)]
pub(crate) enum Slot {
    Account,
    Group,
    Attribute(Text),
}

/// A step before it has its hash.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) step: Step,
    /// Drafts that must have been done before.
    pub(crate) needs: Vec<u32>,
    /// What other drafts make, and where it goes.
    pub(crate) made: Vec<(Slot, u32)>,
    /// The class that holds it whatever the guards say.
    pub(crate) class: Option<&'static str>,
}

/// Turns the settled wishes of one app into drafts.
pub(crate) struct Drafter<'d, 'a> {
    pub(crate) roster: &'d Roster<'a>,
    pub(crate) scene: &'d Scene<'a>,
    pub(crate) drafts: Vec<Draft>,
    /// People who are not in the roster any more, by wish (in the order of the wishes that have no person).
    pub(crate) gone: Vec<PersonKey>,
}

/// The drafts of one wish.
#[derive(Clone, Copy, Default)]
struct Made {
    link: Option<u32>,
    /// The step that makes the account usable: Create or Restore.
    access: Option<u32>,
    /// The step that writes the values.
    values: Option<u32>,
}

/// What relations have to know of a wish.
#[derive(Clone, Copy)]
struct Of {
    /// None where nothing can be done.
    person: Option<u32>,
    account: Option<u32>,
    creates: bool,
}

impl Drafter<'_, '_> {
    pub(crate) fn draft(mut self, settled: Settled, findings: &mut Vec<Finding>) -> Vec<Draft> {
        let Settled { wishes, frees, relations } = settled;
        let mut possible = Vec::with_capacity(wishes.len());
        for wish in &wishes {
            possible.push(self.possible(wish, findings));
        }
        let departments = self.departments(&wishes, &possible);
        let groups = self.groups(&wishes, &possible);
        let mut gone = std::mem::take(&mut self.gone).into_iter();
        let mut made: Vec<Made> = Vec::with_capacity(wishes.len());
        let mut of: Vec<Of> = Vec::with_capacity(wishes.len());
        self.drafts.reserve_exact(wishes.len() + relations.len());
        // Each wish is let go of as soon as it is steps.
        for (mut wish, possible) in wishes.into_iter().zip(possible) {
            let (person, label) = match wish.person {
                Some(person) => {
                    let person = self.roster.human(person).person;
                    (person.key.clone(), person.display_name())
                }
                None => {
                    let key = gone.next().expect("one key for every wish without a person");
                    (key.clone(), key.as_str().to_owned())
                }
            };
            of.push(Of {
                person: wish.person.filter(|_| possible).map(|person| person as u32),
                account: wish.account.map(|account| account as u32),
                creates: wish.act == Act::Create,
            });
            made.push(if possible { self.steps(&mut wish, person, label.into(), &departments, &groups) } else { Made::default() });
        }
        for (at, frees) in frees.iter().enumerate() {
            if let Some(values) = made[at].values {
                self.drafts[values as usize].needs.extend(frees.iter().filter_map(|other| made[*other].values));
            }
        }
        self.relations(&of, &made, relations);
        self.drafts
    }

    /// Whether the app can do what the wish asks for; if not, that is an objection.
    fn possible(&self, wish: &Wish, findings: &mut Vec<Finding>) -> bool {
        // To keep an account as it is, nothing is needed.
        let needed = wish.act != Act::Keep || !(wish.set.is_empty() && wish.add.is_empty() && wish.remove.is_empty());
        let verb = verb_of(wish.act);
        let Err(why) = self.scene.can(verb) else { return true };
        if needed {
            let what = format!("{} is needed, and the app cannot: {why}", verb_word(verb));
            let finding = Finding::new(FindingKind::Objection, what).in_app(self.scene.name);
            findings.push(match wish.person {
                Some(person) => finding.about(self.roster.key(person)),
                None => finding,
            });
        }
        !needed
    }

    fn push(&mut self, step: Step, class: Option<&'static str>) -> u32 {
        self.drafts.push(Draft { step, needs: Vec::new(), made: Vec::new(), class });
        self.drafts.len() as u32 - 1
    }

    fn blank(&self, verb: Verb, person: Option<PersonKey>, label: Text) -> Step {
        Step {
            id: StepId::default(),
            app: self.scene.name.clone(),
            verb,
            person,
            label,
            account: None,
            set: Changes::new(),
            add_groups: Few::new(),
            remove_groups: Few::new(),
            content: None,
            evidence: None,
            effects: Effects::new(),
            reason: Text::default(),
            needs: Few::new(),
        }
    }

    fn structure(&mut self, verb: Verb, name: &str) -> u32 {
        let mut step = self.blank(verb, None, name.into());
        step.set.insert("name", Change { before: Value::Null, after: Value::from(name) });
        step.effects.insert(Effect::StructureCreated);
        step.reason = match verb {
            Verb::CreateGroup => "policy manages this group, and the app has none of this name".into(),
            _ => "people belong to this department, and the app has none of this name".into(),
        };
        self.push(step, None)
    }

    /// One draft for each department to be made; names that fold to the same are one department, under the first of them.
    fn departments(&mut self, wishes: &[Wish], possible: &[bool]) -> BTreeMap<String, u32> {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        for name in wishes.iter().zip(possible).filter(|(_, possible)| **possible).flat_map(|(wish, _)| wish.departments.values()) {
            let best = names.entry(crate::text::fold(name)).or_insert(name);
            *best = (*best).min(name);
        }
        names.into_iter().map(|(folded, name)| (folded, self.structure(Verb::CreateDepartment, name))).collect()
    }

    fn groups(&mut self, wishes: &[Wish], possible: &[bool]) -> BTreeMap<usize, u32> {
        let wanted: BTreeSet<usize> =
            wishes.iter().zip(possible).filter(|(_, possible)| **possible).flat_map(|(wish, _)| wish.add.iter().copied()).collect();
        let scene = self.scene;
        wanted
            .into_iter()
            .filter(|at| matches!(scene.names.groups[*at].found, Named::ToMake))
            .map(|at| (at, self.structure(Verb::CreateGroup, &scene.names.groups[at].name)))
            .collect()
    }

    fn steps(
        &mut self,
        wish: &mut Wish,
        person: PersonKey,
        label: Text,
        departments: &BTreeMap<String, u32>,
        groups: &BTreeMap<usize, u32>,
    ) -> Made {
        let scene = self.scene;
        let mut made = Made::default();
        let account = wish.account.map(|account| Ref::Id(scene.account(account).id.as_str().into()));
        let step = |drafter: &Self, verb: Verb, reason: String| {
            let mut step = drafter.blank(verb, Some(person.clone()), label.clone());
            step.account = account.clone();
            step.reason = reason.into();
            step
        };
        if let Some(rule) = wish.found {
            let matching = &scene.rules.matching[rule];
            let rule = &matching.rule;
            let mut link = step(self, Verb::Link, format!("an account that we did not make matches by `{rule}`"));
            link.evidence = Some(rule.clone().into());
            // What matched must still be so when the account is taken over.
            let matched =
                wish.account.and_then(|at| scene.account(at).attributes.get(&matching.attribute)).cloned().unwrap_or_default();
            link.set.insert(matching.attribute.clone(), Change { before: matched.clone(), after: matched });
            link.effects.insert(Effect::Adopted);
            made.link = Some(self.push(link, (scene.policy.adopt == Adopt::Approve).then_some("adopt")));
        }
        if wish.act == Act::Leave {
            let (verb, meaning) = scene.rules.manifest.leave;
            let mut leave = step(self, Verb::Leave, format!("{}; {verb}: {meaning}", wish.reason));
            leave.effects.insert(Effect::AccessLost);
            // Where an IdP provisions too, a leave waits as long as that would give the account back (L14).
            let person = wish.person.map(|person| self.roster.human(person).person);
            let waits = scene.rules.idps.turn(person, scene.as_of) == Turn::Wait;
            let at = self.push(leave, waits.then_some("idp_first"));
            self.drafts[at as usize].needs.extend(made.link);
            return made;
        }
        let sets_with = match wish.act {
            Act::Create => Some(Verb::Create),
            Act::Restore if scene.rules.manifest.restore_sets => Some(Verb::Restore),
            _ => None,
        };
        // Whoever becomes an admin is out of every plan's reach from then on: that waits for a person, always.
        let class = if scene.makes_admin(&wish.set) { Some("admin") } else { wish.lowered.then_some("role_lowered") };
        if matches!(wish.act, Act::Create | Act::Restore) {
            let mut access = step(self, verb_of(wish.act), std::mem::take(&mut wish.reason));
            access.effects.insert(Effect::AccessGiven);
            let at = self.push(access, None);
            made.access = Some(at);
            self.drafts[at as usize].needs.extend(made.link);
            if sets_with.is_some() {
                self.values(at, wish, departments);
                self.drafts[at as usize].class = class;
                made.values = Some(at);
            }
            if wish.act == Act::Create {
                self.memberships(at, wish, groups);
            }
        }
        let values = sets_with.is_none() && !wish.set.is_empty();
        let memberships = wish.act != Act::Create && !(wish.add.is_empty() && wish.remove.is_empty());
        if values || memberships {
            let reason = self.changes(wish, values);
            let update = step(self, Verb::Update, reason);
            let at = self.push(update, None);
            self.drafts[at as usize].needs.extend(made.link.into_iter().chain(made.access));
            if values {
                self.values(at, wish, departments);
                self.drafts[at as usize].class = class;
                made.values = Some(at);
            }
            self.memberships(at, wish, groups);
        }
        for rule in &wish.enrol {
            let Named::Id(content) = &scene.names.content[*rule] else { continue };
            let mut enrol = step(self, Verb::Enrol, format!("policy enrols in {:?}", scene.policy.enrol[*rule].content));
            enrol.content = Some(content.clone().into());
            enrol.effects.insert(Effect::EnrolmentStarted);
            let at = self.push(enrol, None);
            self.drafts[at as usize].needs.extend(made.link.into_iter().chain(made.access));
            if wish.act == Act::Create {
                self.drafts[at as usize].made.extend(made.access.map(|access| (Slot::Account, access)));
            }
        }
        made
    }

    fn values(&mut self, at: u32, wish: &mut Wish, departments: &BTreeMap<String, u32>) {
        let draft = &mut self.drafts[at as usize];
        draft.step.set = std::mem::take(&mut wish.set);
        draft.step.effects |= wish.effects;
        if wish.act != Act::Create && !draft.step.set.is_empty() {
            draft.step.effects.insert(Effect::RecordChanged);
        }
        for (attribute, name) in &wish.departments {
            if let Some(made) = departments.get(&crate::text::fold(name)) {
                draft.needs.push(*made);
                draft.made.push((Slot::Attribute(attribute.as_str().into()), *made));
            }
        }
    }

    fn memberships(&mut self, at: u32, wish: &Wish, groups: &BTreeMap<usize, u32>) {
        let scene = self.scene;
        let draft = &mut self.drafts[at as usize];
        for group in &wish.add {
            draft.step.effects.insert(Effect::GroupGained);
            match (&scene.names.groups[*group].found, groups.get(group)) {
                (Named::Id(id), _) => {
                    draft.step.add_groups.insert(Ref::Id(id.clone().into()));
                }
                (_, Some(made)) => {
                    draft.needs.push(*made);
                    draft.made.push((Slot::Group, *made));
                }
                (_, None) => {}
            }
        }
        for group in &wish.remove {
            if let Named::Id(id) = &scene.names.groups[*group].found {
                draft.step.effects.insert(Effect::GroupLost);
                draft.step.remove_groups.insert(id.clone().into());
            }
        }
    }

    /// "title, department change; joins Sales; leaves Development".
    fn changes(&self, wish: &Wish, values: bool) -> String {
        let mut parts = Vec::new();
        if values {
            parts.push(format!("{} changed", wish.set.keys().cloned().collect::<Vec<_>>().join(", ")));
        }
        let names =
            |groups: &[usize]| groups.iter().map(|at| self.scene.names.groups[*at].name.as_str()).collect::<Vec<_>>().join(", ");
        if !wish.add.is_empty() {
            parts.push(format!("joins {}", names(&wish.add)));
        }
        if !wish.remove.is_empty() {
            parts.push(format!("leaves {}", names(&wish.remove)));
        }
        if wish.act == Act::Restore {
            parts.insert(0, "rehire".into());
        }
        parts.join("; ")
    }

    fn relations(&mut self, wishes: &[Of], made: &[Made], relations: Vec<crate::settle::Relation>) {
        let mut of_wish: Vec<Option<u32>> = vec![None; wishes.len()];
        for relation in relations {
            let wish = &wishes[relation.wish];
            let Some(person) = wish.person else { continue };
            let own = made[relation.wish];
            let end = match relation.end {
                End::Account(account) => Ok(Text::from(self.scene.account(account).id.as_str())),
                End::Made(other) => match made[other].access {
                    Some(access) => Err(access),
                    None => continue,
                },
            };
            let person = self.roster.human(person as usize).person;
            let at = *of_wish[relation.wish].get_or_insert_with(|| {
                let mut step = self.blank(Verb::Relate, Some(person.key.clone()), person.display_name().into());
                step.account = wish.account.map(|account| Ref::Id(self.scene.account(account as usize).id.as_str().into()));
                // The second half of a create changes nothing that anybody had: it counts with the create.
                if !wish.creates {
                    step.effects.insert(Effect::RecordChanged);
                }
                let at = self.push(step, None);
                if wish.creates {
                    self.drafts[at as usize].made.extend(own.access.map(|access| (Slot::Account, access)));
                }
                at
            });
            let draft = &mut self.drafts[at as usize];
            draft.needs.extend(own.link.into_iter().chain(own.access));
            draft.needs.extend(relation.adopts.and_then(|adopts| made[adopts].link));
            let after = match end {
                Ok(id) => Value::Text(id),
                Err(access) => {
                    draft.needs.push(access);
                    draft.made.push((Slot::Attribute(relation.attribute.clone()), access));
                    Value::Null
                }
            };
            let comma = if draft.step.reason.is_empty() { "" } else { ", " };
            draft.step.reason.push_str(&format!("{comma}{}: {}", relation.attribute, relation.whom));
            draft.step.set.insert(relation.attribute, Change { before: relation.before, after });
        }
    }
}

/// The verb in words for people.
pub fn verb_word(verb: Verb) -> &'static str {
    match verb {
        Verb::CreateDepartment => "create department",
        Verb::CreateGroup => "create group",
        Verb::Link => "adopt",
        Verb::Restore => "restore",
        Verb::Create => "create",
        Verb::Update => "update",
        Verb::Relate => "relate",
        Verb::Enrol => "enrol",
        Verb::Leave => "leave",
    }
}
