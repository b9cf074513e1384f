//! What a run did to each account, step after step put together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{AppName, Effect, Finding, FindingKind, Image, PersonKey, Ref, Step, StepId, StepState, Text, Value, Verb};

use crate::revert::{Deed, Reverting};

/// What a run did to one account.
#[derive(Debug)]
pub(crate) struct DoneTo<'a> {
    pub(crate) account: &'a str,
    pub(crate) person: Option<&'a PersonKey>,
    /// Whether the run made it.
    pub(crate) made: bool,
    /// Whether it was active after the run, and before.
    pub(crate) active: Option<(bool, bool)>,
    /// Why access was taken, as the run's plan said.
    pub(crate) why: &'a str,
    /// Attribute → what was there before, and what the run left.
    pub(crate) values: BTreeMap<&'a str, (Value, Value)>,
    /// Groups that it joined, and left.
    pub(crate) joined: BTreeSet<Text>,
    pub(crate) parted: BTreeSet<Text>,
}

impl<'a> DoneTo<'a> {
    fn of(account: &'a str, step: &'a Step) -> Self {
        Self {
            account,
            person: step.person.as_ref(),
            made: false,
            active: None,
            why: "",
            values: BTreeMap::new(),
            joined: BTreeSet::new(),
            parted: BTreeSet::new(),
        }
    }

    /// What orders accounts: the person's key.
    pub(crate) fn sort(&self) -> &'a str {
        self.person.map_or(self.account, PersonKey::as_str)
    }

    pub(crate) fn finding(&self, app: &AppName, kind: FindingKind, what: String) -> Finding {
        let finding = Finding::new(kind, what).in_app(app).of_account(&self.account.into());
        match self.person {
            Some(person) => finding.about(person),
            None => finding,
        }
    }

    fn value(&mut self, name: &'a str, was: Value, left: Value) {
        self.values.entry(name).and_modify(|(_, last)| last.clone_from(&left)).or_insert((was, left));
    }

    fn join(&mut self, group: Text) {
        if !self.parted.remove(&group) {
            self.joined.insert(group);
        }
    }

    fn part(&mut self, group: Text) {
        if !self.joined.remove(&group) {
            self.parted.insert(group);
        }
    }

    /// Adds what a step did.
    fn add(&mut self, deed: &Deed<'a>, made: &HashMap<StepId, &'a str>) {
        let step = deed.step;
        let id = |reference: &Ref| match reference {
            Ref::Id(id) => Some(id.clone()),
            Ref::CreatedBy { created_by } => made.get(created_by).map(|id| Text::from(*id)),
        };
        let active = |image: &Option<Image>, else_: bool| image.as_ref().map_or(else_, |image| image.account.active);
        match step.verb {
            Verb::Restore | Verb::Leave => {
                let shall = step.verb == Verb::Restore;
                let was = self.active.map_or_else(|| active(&deed.before, !shall), |(_, was)| was);
                self.active = Some((shall, was));
                self.why = &step.reason;
            }
            Verb::Create => self.made = true,
            _ => {}
        }
        for (name, change) in &step.set {
            let in_image = |image: &Option<Image>| {
                image.as_ref().map(|image| image.account.attributes.get(name.as_str()).cloned().unwrap_or_default())
            };
            let wanted = match &change.after {
                Value::CreatedBy(step) => made.get(step).map_or(Value::Null, |id| Value::from(*id)),
                other => other.clone(),
            };
            self.value(
                name.as_str(),
                in_image(&deed.before).unwrap_or_else(|| change.before.clone()),
                in_image(&deed.after).unwrap_or(wanted),
            );
        }
        let groups = |image: &Option<Image>| image.as_ref().and_then(|image| image.groups.clone());
        let (was_in, is_in) = (groups(&deed.before), groups(&deed.after));
        for group in step.add_groups.iter().filter_map(id) {
            if was_in.as_ref().is_none_or(|groups| !groups.contains(&group)) {
                self.join(group);
            }
        }
        for group in &step.remove_groups {
            if was_in.as_ref().is_none_or(|groups| groups.contains(group)) {
                self.part(group.clone());
            }
        }
        // Whoever loses access may lose memberships by the app's own rules.
        if let (Verb::Leave, Some(was_in), Some(is_in)) = (step.verb, was_in, is_in) {
            was_in.difference(&is_in).for_each(|group| self.part(group.clone()));
        }
    }
}

/// What the run did to each account of an app, in the order of their people; and findings about what no undo takes back.
pub(crate) fn done_to<'a>(app: &AppName, reverting: &Reverting<'a>, findings: &mut Vec<Finding>) -> Vec<DoneTo<'a>> {
    let own = || reverting.deeds.iter().filter(|deed| deed.step.app == *app);
    let made: HashMap<StepId, &'a str> =
        own().filter_map(|deed| Some((deed.step.id, deed.account.filter(|_| deed.state.is_done())?.as_str()))).collect();
    let mut pasts: BTreeMap<&'a str, DoneTo<'a>> = BTreeMap::new();
    for deed in own() {
        let step = deed.step;
        let mut say = |what: String, next: &str| {
            let mut finding = Finding::new(FindingKind::NotUndone, what).in_app(app).next(next);
            finding.person.clone_from(&step.person);
            finding.account = deed.account.cloned().or_else(|| step.account.as_ref().and_then(Ref::id).map(Into::into));
            findings.push(finding);
        };
        if step.effects.contains(&Effect::Notified) && *deed.state == StepState::Done {
            say("what the app wrote to the person cannot be taken back".to_owned(), "");
        }
        if let Some((what, next)) = stays(deed) {
            say(what, next);
            continue;
        }
        if *deed.state != StepState::Done || step.person.is_none() {
            continue;
        }
        let named = step.account.as_ref().and_then(|account| match account {
            Ref::Id(id) => Some(id.as_str()),
            Ref::CreatedBy { created_by } => made.get(created_by).copied(),
        });
        if let Some(account) = named.or(deed.account.map(|account| account.as_str())) {
            pasts.entry(account).or_insert_with(|| DoneTo::of(account, step)).add(deed, &made);
        }
    }
    let mut pasts: Vec<DoneTo<'a>> = pasts.into_values().collect();
    pasts.sort_by(|a, b| (a.sort(), a.account).cmp(&(b.sort(), b.account)));
    pasts
}

/// What of a step stays as it is whatever is there now, and what a person can do about it.
fn stays(deed: &Deed<'_>) -> Option<(String, &'static str)> {
    let step = deed.step;
    let by_hand = "look at it at the app, and change it by hand if need be";
    match deed.state {
        StepState::Started => {
            return Some(("the run never heard what became of a step for this account; it is left as it is".into(), by_hand));
        }
        StepState::Unsettled { .. } => {
            return Some(("what became of a step for this account could not be settled; it is left as it is".into(), by_hand));
        }
        StepState::Drifted { .. } if step.verb == Verb::Create && deed.account.is_some() => {
            return Some(("the new account did not become what was wanted, and is left as it is".into(), by_hand));
        }
        StepState::Done => {}
        _ => return None,
    }
    let what = match step.verb {
        Verb::CreateDepartment => format!("department {:?} stays: it may be in use, and an empty one does no harm", step.label),
        Verb::CreateGroup => format!("group {:?} stays: it may be in use, and an empty one does no harm", step.label),
        Verb::Link => "the account stays linked to this person: nothing was written when it was taken over".to_owned(),
        Verb::Enrol => {
            let content = step.content.as_deref().unwrap_or_default();
            format!("the enrolment in {content} stays, with whatever progress there is")
        }
        Verb::Create if deed.before.is_some() => "the account was there already when the run came to make it; it stays".to_owned(),
        _ => return None,
    };
    let next = match step.verb {
        Verb::CreateDepartment | Verb::CreateGroup => "remove it by hand at the app, if nobody is to have it",
        Verb::Link => "where it is somebody else's, correct what it matched by",
        Verb::Enrol => "take it away by hand at the app, if it is to end",
        _ => by_hand,
    };
    Some((what, next))
}
