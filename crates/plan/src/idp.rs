//! What the words of identity providers mean in one app: who is assigned, what their groups give, and whether a leave waits (L14).
//!
//! Only what was said counts.  Where nothing was said of a person or a group, nothing is given because of it, and nothing taken (P4).

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::{AppName, IdpState, IdpWord, Person, Policy, Shape, SourceName};

use crate::compiled::Setting;
use crate::text::fold;

/// What identity providers have to say in one app.
#[derive(Debug, Default)]
pub(crate) struct Idps {
    /// Whoever is active at one of these, and nobody else, has an account; and whether absence from a complete reading counts.
    assigns: Vec<(SourceName, bool)>,
    /// What their groups give.
    gives: Vec<Gives>,
    /// The one that provisions here too, and for how long its word counts.
    first: Option<(SourceName, i64)>,
}

/// One group of a provider and one thing that it gives.
#[derive(Debug)]
struct Gives {
    source: SourceName,
    /// The group at the provider, as policy writes it.
    group: String,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Membership of a group of the app, folded.
    Group(String),
    /// The value of a set rule.
    Value(usize, String),
}

/// Whether a person is assigned to an app.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Assigned<'a> {
    /// No provider assigns this app.
    Free,
    /// Yes, by this one.
    Yes(&'a SourceName),
    /// All of them say no; what the first said.
    No(&'a SourceName, &'a IdpWord),
    /// This one said nothing that could count.
    Unsaid(&'a SourceName),
}

/// What groups say of a value or a membership.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// That the person is in none that would give it.
    Nothing,
    /// It is this.
    Value(&'a str),
    /// Nothing is known of a group that would give it.
    Unknown,
    /// Two groups contradict each other: which, and what each says.
    Conflict(String),
}

/// Whether a leave may go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn<'a> {
    /// It may.
    Go,
    /// The provider was never heard of the person, or says that they are active: it would give the account back.
    Wait,
    /// It may, since what this one said last is too old to wait for.
    Stale(&'a SourceName, &'a IdpWord),
}

impl Idps {
    /// What the policy says of an app whose set rules are these.  A group that gives a role or a department needs a rule for it.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn new(policy: &Policy, app: &AppName, set: &[Setting]) -> Result<Self, String> {
        let mut all = Self::default();
        for (name, source) in &policy.sources {
            let Some(idp) = &source.idp else { continue };
            if source.assigns(app) {
                all.assigns.push((name.clone(), source.absent_leaves));
            }
            for (group, gives) in idp.groups.iter().filter_map(|(group, gives)| Some((group, gives.get(app)?))) {
                let place = |what: &str, shape: fn(&Shape) -> bool| {
                    set.iter().position(|setting| shape(&setting.attribute.shape) || setting.attribute.name == what).ok_or_else(|| {
                        format!(
                            "group {group:?} of source {name} gives a {what}, and [app.{app}.set] has none: add a line for it, which says what everybody else has"
                        )
                    })
                };
                let mut add = |what| all.gives.push(Gives { source: name.clone(), group: group.clone(), what });
                if let Some(own) = &gives.group {
                    let managed = policy.apps.get(app).and_then(|app| app.groups.as_ref()).map_or(&[][..], |groups| &groups.managed);
                    if !managed.iter().any(|managed| fold(managed) == fold(own)) {
                        return Err(format!(
                            "group {group:?} of source {name} gives the group {own:?}, which [app.{app}.groups] does not manage: add it to `managed`"
                        ));
                    }
                    add(What::Group(fold(own)));
                }
                if let Some(role) = &gives.role {
                    add(What::Value(place("role", |shape| matches!(shape, Shape::Role(_)))?, role.clone()));
                }
                if let Some(department) = &gives.department {
                    add(What::Value(place("department", |shape| matches!(shape, Shape::Department))?, department.clone()));
                }
            }
        }
        let also = policy.apps.get(app).and_then(|app| app.also_provisioned_by.as_ref());
        all.first = also.map(|name| {
            let within = policy.sources.get(name).map_or(model::IdpPolicy::SAID_WITHIN, model::SourcePolicy::said_within);
            (name.clone(), within)
        });
        Ok(all)
    }

    /// Whether somebody is assigned: one provider that says so is enough; that they are not, all have to say.
    pub(crate) fn assigned<'a>(&'a self, person: &'a Person) -> Assigned<'a> {
        let mut no = None;
        let mut unsaid = None;
        for (source, absent_counts) in &self.assigns {
            match person.idp.get(source.as_str()) {
                Some(word) if word.state == IdpState::Active => return Assigned::Yes(source),
                Some(word) if word.state != IdpState::Absent || *absent_counts => {
                    no.get_or_insert((source, word));
                }
                _ => {
                    unsaid.get_or_insert(source);
                }
            }
        }
        match (unsaid, no) {
            (Some(source), _) => Assigned::Unsaid(source),
            (None, Some((source, word))) => Assigned::No(source, word),
            (None, None) => Assigned::Free,
        }
    }

    /// What the groups say of the value of a set rule.
    pub(crate) fn value<'a>(&'a self, person: &Person, setting: usize) -> Said<'a> {
        let mut known: BTreeMap<String, (&str, &Gives)> = BTreeMap::new();
        let mut unknown = false;
        for gives in &self.gives {
            if let What::Value(at, text) = &gives.what
                && *at == setting
            {
                match gives.holds(person) {
                    Some(true) => drop(known.entry(fold(text)).or_insert((text, gives))),
                    Some(false) => {}
                    None => unknown = true,
                }
            }
        }
        let mut known = known.into_values();
        match (known.next(), known.next()) {
            (Some((one, a)), Some((other, b))) => Said::Conflict(format!(
                "{:?} of {} gives {one:?}, and {:?} of {} gives {other:?}",
                a.group, a.source, b.group, b.source
            )),
            (Some((one, _)), None) => Said::Value(one),
            (None, _) if unknown => Said::Unknown,
            (None, _) => Said::Nothing,
        }
    }

    /// What the groups say of a membership of a group of the app, by its folded name.
    pub(crate) fn member(&self, person: &Person, group: &str) -> Said<'static> {
        let mut said = Said::Nothing;
        for gives in &self.gives {
            if matches!(&gives.what, What::Group(own) if own == group) {
                match gives.holds(person) {
                    Some(true) => return Said::Value(""),
                    Some(false) => {}
                    None => said = Said::Unknown,
                }
            }
        }
        said
    }

    /// Whether somebody's leave may go on, at this instant (L14).
    pub(crate) fn turn<'a>(&'a self, person: Option<&'a Person>, as_of: Timestamp) -> Turn<'a> {
        let Some((source, within)) = &self.first else { return Turn::Go };
        let Some(word) = person.and_then(|person| person.idp.get(source.as_str())) else { return Turn::Wait };
        let old = as_of.as_second().saturating_sub(word.said.as_second()) > *within;
        match word.state {
            _ if old => Turn::Stale(source, word),
            IdpState::Active => Turn::Wait,
            IdpState::Inactive | IdpState::Deleted | IdpState::Absent => Turn::Go,
        }
    }
}

impl Gives {
    /// Whether the person is in the group; none where that is not known.
    fn holds(&self, person: &Person) -> Option<bool> {
        let word = person.idp.get(self.source.as_str())?;
        if word.groups.contains(self.group.as_str()) {
            return Some(true);
        }
        word.outside.contains(self.group.as_str()).then_some(false)
    }
}
