//! Reviews: who has access to what, by whose decision, and which licences nobody uses.  From what was read and from the journals of runs;
//! what neither tells is said as unknown.

mod access;
mod licences;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use model::{
    Account, AccountId, Actor, AppName, AppReading, Digest, Link, LogIn, Manifest, PersonKey, Plan, Proof, Ref, Run, RunId, Shape,
    Step, StepId, StepRecord, Value, Verb,
};
use serde::Serialize;

use crate::Given;
use crate::roster::{People, Roster, Stage};

pub use access::{Access, AccessRow, AppAccess, access};
pub use licences::{AppLicences, LicenceCount, LicenceRow, Licences, Waste, licences};

/// Something that an account has and that a decision may have given it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Thing {
    /// That its owner can log in.
    Access,
    /// Its role, as the app writes it.
    Role(String),
    /// That it is in this group.
    Group(String),
}

/// Whose decision gave something, and when it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Who said yes.
    pub by: String,
    /// How that is known: `name_only`, `logged_in`, `signed`, `standing`.
    pub proof: &'static str,
    /// When the step was done.
    pub at: Timestamp,
    /// In which run.
    pub run: RunId,
    /// Of which plan.
    pub plan: Digest,
}

/// What decisions gave, put together run by run, the oldest first.
#[derive(Debug, Default)]
pub struct Granted {
    words: HashMap<(AppName, AccountId), HashMap<Thing, Word>>,
}

impl Granted {
    /// Takes in what a run did: its plan, who said yes to it, and its journal.
    pub fn run(
        &mut self,
        manifests: &dyn Fn(&AppName) -> Option<&'static Manifest>,
        run: &Run,
        by: &Actor,
        plan: &Plan,
        records: &[StepRecord],
    ) {
        let done: HashMap<&StepId, &StepRecord> =
            records.iter().filter(|record| record.state.is_done()).map(|record| (&record.step, record)).collect();
        let made = |step: &StepId| done.get(step).and_then(|record| record.receipt.account.as_ref()).map(AccountId::as_str);
        for step in &plan.steps {
            let Some(record) = done.get(&step.id).filter(|_| step.person.is_some()) else { continue };
            let Some(account) = account_of(step, record, &made) else { continue };
            let word =
                || Word { by: by.name.clone(), proof: proof_word(&by.proof), at: record.at, run: run.id.clone(), plan: run.digest };
            let has = self.words.entry((step.app.clone(), account)).or_default();
            match step.verb {
                Verb::Create | Verb::Restore | Verb::Link => drop(has.insert(Thing::Access, word())),
                Verb::Leave => drop(has.remove(&Thing::Access)),
                _ => {}
            }
            if step.verb == Verb::Link {
                // What it had when it was taken over, nobody decided here.
                continue;
            }
            if let Some(role) = manifests(&step.app).and_then(role_attribute)
                && let Some(Value::Text(after)) = step.set.get(role).map(|change| &change.after)
            {
                has.retain(|thing, _| !matches!(thing, Thing::Role(_)));
                has.insert(Thing::Role(after.to_string()), word());
            }
            for group in &step.add_groups {
                let id = match group {
                    Ref::Id(id) => Some(id.as_str()),
                    Ref::CreatedBy { created_by } => made(created_by),
                };
                if let Some(id) = id {
                    has.insert(Thing::Group(id.to_owned()), word());
                }
            }
            for group in &step.remove_groups {
                has.remove(&Thing::Group(group.to_string()));
            }
        }
    }

    fn word(&self, app: &AppName, account: &AccountId, thing: &Thing) -> Option<&Word> {
        self.words.get(&(app.clone(), account.clone()))?.get(thing)
    }
}

/// The account that a done step was about.
fn account_of<'a>(step: &Step, record: &StepRecord, made: &impl Fn(&StepId) -> Option<&'a str>) -> Option<AccountId> {
    match &step.account {
        Some(Ref::Id(id)) => Some(AccountId::new(id.as_str())),
        Some(Ref::CreatedBy { created_by }) => made(created_by).map(AccountId::from),
        None => record.receipt.account.clone(),
    }
}

fn proof_word(proof: &Proof) -> &'static str {
    match proof {
        Proof::Unauthenticated | Proof::Assistant => "name_only",
        Proof::Authenticated => "logged_in",
        Proof::Signed(_) => "signed",
        Proof::Standing => "standing",
    }
}

fn role_attribute(manifest: &'static Manifest) -> Option<&'static str> {
    manifest.attributes.iter().find(|attribute| matches!(attribute.shape, Shape::Role(_))).map(|attribute| attribute.name)
}

/// What reviews are made from, beside what planning is.
#[derive(Debug, Default)]
pub struct Known {
    /// What decisions gave.
    pub granted: Granted,
    /// When whoever has an account logged in last, as the records of the reading tell; an account that is not here is not told of.
    pub log_ins: BTreeMap<AppName, HashMap<AccountId, LogIn>>,
    /// When the records were read that told so.
    pub log_ins_at: BTreeMap<AppName, Timestamp>,
}

impl Known {
    fn log_in(&self, app: &AppName, account: &AccountId) -> LogIn {
        self.log_ins.get(app).and_then(|of| of.get(account)).copied().unwrap_or(LogIn::NotTold)
    }
}

/// Somebody by key and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Their key.
    pub key: PersonKey,
    /// Their name; empty where the roster does not name them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Who {
    fn words(&self) -> String {
        format!("{} {}", self.key, self.name).trim_end().to_owned()
    }
}

/// One app as a review looks at it.
struct Looked<'a> {
    app: &'a AppName,
    reading: &'a AppReading,
    manifest: Option<&'static Manifest>,
    links: HashMap<&'a str, &'a Link>,
    departments: HashMap<&'a str, &'a str>,
    groups: HashMap<&'a str, Vec<(&'a str, &'a str)>>,
}

impl<'a> Looked<'a> {
    fn new(given: &Given<'a>, app: &'a AppName, reading: &'a AppReading) -> Self {
        let mut groups: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
        for group in &reading.groups {
            for member in &group.members {
                groups.entry(member.as_str()).or_default().push((group.name.as_str(), group.id.as_str()));
            }
        }
        Self {
            app,
            reading,
            manifest: given.policy.apps.get(app).map(|rules| rules.manifest),
            links: given.links.iter().filter(|link| link.app == *app).map(|link| (link.account.as_str(), link)).collect(),
            departments: reading.departments.iter().map(|department| (department.id.as_str(), department.name.as_str())).collect(),
            groups,
        }
    }

    /// What people know the account by there: the first attribute that no two accounts can share and that it has.
    fn login(&self, account: &Account) -> String {
        let unique = self.manifest.into_iter().flat_map(|manifest| manifest.attributes).filter(|attribute| attribute.unique);
        let found = unique.filter_map(|attribute| account.attributes.get(attribute.name)?.as_text()).next();
        found.unwrap_or_default().to_owned()
    }

    fn role(&self, account: &Account) -> Option<String> {
        let role = role_attribute(self.manifest?)?;
        account.attributes.get(role).and_then(Value::as_text).map(str::to_owned)
    }

    /// The department that the app has the account in, by name.
    fn department(&self, account: &Account) -> String {
        let of_app = self.manifest.into_iter().flat_map(|manifest| manifest.attributes);
        let department = of_app.filter(|attribute| attribute.shape == Shape::Department || attribute.name == "department");
        let found = department.filter_map(|attribute| account.attributes.get(attribute.name)?.as_text()).next().unwrap_or_default();
        self.departments.get(found).copied().unwrap_or(found).to_owned()
    }
}

/// Where somebody stands, in a word.
fn stands(roster: &Roster<'_>, key: &PersonKey) -> &'static str {
    let Some(at) = roster.find(key.as_str()) else {
        return if roster.knows(key) { "held" } else { "not in the roster" };
    };
    let human = roster.human(at);
    if human.held.is_some() {
        return "held";
    }
    match human.stage_now() {
        Stage::Here => "employed",
        Stage::NotYet => "not employed yet",
        Stage::LastDay => "last day",
        Stage::Over => "left",
    }
}

/// The people of a review.
fn with_roster<T>(given: &Given<'_>, work: impl FnOnce(&Roster<'_>) -> T) -> T {
    let mut people = People::default();
    people.update(given.roster);
    let mut ignored = Vec::new();
    work(&Roster::new(given, &people, &mut ignored))
}

/// What a review says of what it rests on.
fn foundations(given: &Given<'_>, roster: &Roster<'_>, known: &Known, wanted: impl Fn(&AppName) -> bool) -> Vec<String> {
    let mut facts = vec![format!("{}, as of {:.0}", given.policy.policy().organization.name, given.as_of)];
    let certificate = &given.roster.certificate;
    facts.push(format!("source {} was read {:.0}: {}", given.roster.source, certificate.at, certificate.in_words()));
    facts.extend(roster.blind.as_ref().map(|why| format!("nobody counts as gone for not being in the roster: {why}")));
    for (app, reading) in given.apps.iter().filter(|(app, _)| wanted(app)) {
        facts.push(format!("{app} was read {:.0}: {}", reading.certificate.at, reading.certificate.in_words()));
        match known.log_ins_at.get(app) {
            Some(at) => facts.push(format!("{app} told {at:.0} when people logged in last")),
            None if known.log_ins.get(app).is_none_or(HashMap::is_empty) => {
                facts.push(format!("{app} does not tell when anybody logged in last"));
            }
            None => facts.push(format!("when {app} told when people logged in last is not known")),
        }
    }
    facts
}

fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

fn log_in_words(log_in: LogIn) -> String {
    match log_in {
        LogIn::NotTold => "not told".to_owned(),
        LogIn::Never => "never".to_owned(),
        LogIn::At(at) => day(Some(at)),
    }
}
