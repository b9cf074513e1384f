//! The access review: who has what in each app, since when, on what evidence, and by whose decision.

use model::{AccountId, AppName, Evidence, LogIn, PersonKey};
use serde::Serialize;

use super::{Granted, Known, Looked, Thing, Who, Word, day, foundations, log_in_words, stands, with_roster};
use crate::Given;
use crate::paper::{Paper, PaperTable, csv};
use crate::roster::Roster;

/// Who has what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Access {
    /// What it rests on: organization, instant, readings; one line each.
    pub foundations: Vec<String>,
    /// Whose people it is about, where it is about one manager's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<Who>,
    /// By name.
    pub apps: Vec<AppAccess>,
}

/// Who has what in one app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppAccess {
    /// Which.
    pub app: AppName,
    /// Accounts that can log in.
    pub active: u64,
    /// The accounts: active ones first, then by person and account.
    pub accounts: Vec<AccessRow>,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessRow {
    /// The vendor's id.
    pub account: AccountId,
    /// What people know it by there, or "".
    pub login: String,
    /// Whether its owner can log in.
    pub active: bool,
    /// Why no plan ever touches it, where there is a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<String>,
    /// Its role, where the app has roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The department that the app has it in, or "".
    pub department: String,
    /// Its groups by name.
    pub groups: Vec<String>,
    /// Whose it is, by the link that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Who>,
    /// Where that person stands: `employed`, `left`, `last day`, `not employed yet`, `held`, `not in the roster`; "" for nobody.
    pub stands: &'static str,
    /// Their manager, as the roster names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<Who>,
    /// Since when the link is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked: Option<jiff::Timestamp>,
    /// Why the account is this person's, in words.
    pub evidence: String,
    /// When a decided step gave the access; none when that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<jiff::Timestamp>,
    /// When somebody logged in last, as far as the app tells.
    pub last_log_in: LogIn,
    /// Whose decisions gave what it has; without a word where none is known.
    pub certified: Vec<Certified>,
}

/// Something an account has, and whose decision gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certified {
    /// What: `access`, `role NAME`, `group NAME`.
    pub what: String,
    /// By whose decision; none when that is not known: it was there before, or somebody gave it by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
}

/// Reviews access: in these apps, of this manager's people only where one is named.
pub fn access(given: &Given<'_>, known: &Known, app: Option<&AppName>, manager: Option<&PersonKey>) -> Access {
    with_roster(given, |roster| {
        let apps = given.apps.iter().filter(|(name, _)| app.is_none_or(|app| app == *name));
        let apps = apps.map(|(name, reading)| in_app(&Looked::new(given, name, reading), roster, known, manager)).collect();
        Access {
            foundations: foundations(given, roster, known, |name| app.is_none_or(|app| app == name)),
            manager: manager.map(|key| who(roster, key)),
            apps,
        }
    })
}

fn who(roster: &Roster<'_>, key: &PersonKey) -> Who {
    let name = roster.find(key.as_str()).map(|at| roster.human(at).person.display_name()).unwrap_or_default();
    Who { key: key.clone(), name }
}

fn in_app(looked: &Looked<'_>, roster: &Roster<'_>, known: &Known, of: Option<&PersonKey>) -> AppAccess {
    let mut accounts = Vec::new();
    for account in &looked.reading.accounts {
        let link = looked.links.get(account.id.as_str());
        let boss = link.and_then(|link| roster.find(link.person.as_str())).map(|at| roster.human(at).person.get("manager"));
        let manager = boss.filter(|boss| !boss.is_empty()).map(PersonKey::from);
        if of.is_some_and(|of| manager.as_ref() != Some(of)) {
            continue;
        }
        let mut groups = looked.groups.get(account.id.as_str()).cloned().unwrap_or_default();
        groups.sort_unstable();
        let role = looked.role(account);
        let certified = certified(&known.granted, looked.app, &account.id, account.active, role.as_ref(), &groups);
        accounts.push(AccessRow {
            account: account.id.clone(),
            login: looked.login(account),
            active: account.active,
            protected: account.protected.as_ref().map(ToString::to_string),
            role,
            department: looked.department(account),
            groups: groups.into_iter().map(|(name, _)| name.to_owned()).collect(),
            person: link.map(|link| who(roster, &link.person)),
            stands: link.map_or("", |link| stands(roster, &link.person)),
            manager: manager.map(|manager| who(roster, &manager)),
            linked: link.map(|link| link.since),
            evidence: link.map_or_else(|| "no link: it is nobody's that is known".to_owned(), |link| evidence(&link.evidence)),
            since: known.granted.word(looked.app, &account.id, &Thing::Access).filter(|_| account.active).map(|word| word.at),
            last_log_in: known.log_in(looked.app, &account.id),
            certified,
        });
    }
    accounts.sort_by(|a, b| {
        let key =
            |row: &AccessRow| (!row.active, row.person.is_none(), row.person.as_ref().map(|who| who.key.clone()), row.account.clone());
        key(a).cmp(&key(b))
    });
    AppAccess { app: looked.app.clone(), active: accounts.iter().filter(|row| row.active).count() as u64, accounts }
}

fn evidence(evidence: &Evidence) -> String {
    match evidence {
        Evidence::Created => "Provost made it for this person".to_owned(),
        Evidence::Matched { rule } => format!("matched by {rule}"),
    }
}

/// Whose decisions gave what the account has; what it does not have any more is not asked about.
fn certified(
    granted: &Granted,
    app: &AppName,
    account: &AccountId,
    active: bool,
    role: Option<&String>,
    groups: &[(&str, &str)],
) -> Vec<Certified> {
    let asked = active.then(|| ("access".to_owned(), Thing::Access)).into_iter();
    let asked = asked.chain(role.map(|role| (format!("role {role}"), Thing::Role(role.clone()))));
    let asked = asked.chain(groups.iter().map(|(name, id)| (format!("group {name}"), Thing::Group((*id).to_owned()))));
    asked.map(|(what, thing)| Certified { what, word: granted.word(app, account, &thing).cloned() }).collect()
}

impl Certified {
    fn words(&self) -> String {
        match &self.word {
            None => format!("{}: unknown", self.what),
            Some(Word { by, proof, at, .. }) => {
                let how = match *proof {
                    "name_only" => " (a name only)",
                    "signed" => " (signed)",
                    "logged_in" => " (logged in)",
                    _ => "",
                };
                format!("{}: {by}{how}, {}", self.what, day(Some(*at)))
            }
        }
    }
}

const COLUMNS: [&str; 12] = [
    "account",
    "state",
    "person",
    "stands",
    "manager",
    "role",
    "department",
    "groups",
    "access since",
    "evidence",
    "last log-in",
    "decided by",
];

impl AccessRow {
    fn state(&self) -> String {
        let state = if self.active { "active" } else { "inactive" };
        self.protected.as_ref().map_or_else(|| state.to_owned(), |why| format!("{state}; protected: {why}"))
    }

    fn cells(&self) -> Vec<String> {
        let words = |who: &Option<Who>| who.as_ref().map(Who::words).unwrap_or_default();
        let account = if self.login.is_empty() { self.account.to_string() } else { format!("{} [{}]", self.login, self.account) };
        let evidence = match self.linked {
            Some(linked) => format!("{}; linked {}", self.evidence, day(Some(linked))),
            None => self.evidence.clone(),
        };
        vec![
            account,
            self.state(),
            words(&self.person),
            self.stands.to_owned(),
            words(&self.manager),
            self.role.clone().unwrap_or_default(),
            self.department.clone(),
            self.groups.join(", "),
            if self.active { day(self.since) } else { String::new() },
            evidence,
            log_in_words(self.last_log_in),
            self.certified.iter().map(Certified::words).collect::<Vec<_>>().join("; "),
        ]
    }
}

impl Access {
    /// For people: a table for each app.
    pub fn paper(&self) -> Paper {
        let whose = self.manager.as_ref().map(|who| format!(" of the people of {}", who.words())).unwrap_or_default();
        let tables = self.apps.iter().map(|app| PaperTable {
            caption: format!("{}: {} accounts, {} active", app.app, app.accounts.len(), app.active),
            columns: COLUMNS.to_vec(),
            rows: app.accounts.iter().map(AccessRow::cells).collect(),
            none: "no accounts",
        });
        Paper { title: format!("Access review{whose}"), facts: self.foundations.clone(), tables: tables.collect() }
    }

    /// For a spreadsheet: a line for each account.
    pub fn csv(&self) -> String {
        let columns = [
            "app",
            "account",
            "login",
            "state",
            "person",
            "name",
            "stands",
            "manager",
            "manager_name",
            "role",
            "department",
            "groups",
            "access_since",
            "linked_since",
            "evidence",
            "last_log_in",
            "decided_by",
        ];
        let instant = |at: Option<jiff::Timestamp>| at.map_or_else(|| "unknown".to_owned(), |at| format!("{at:.0}"));
        let who = |who: &Option<Who>| who.as_ref().map(|who| [who.key.to_string(), who.name.clone()]).unwrap_or_default();
        csv(
            &columns,
            self.apps.iter().flat_map(|app| {
                app.accounts.iter().map(move |row| {
                    let ([person, name], [manager, manager_name]) = (who(&row.person), who(&row.manager));
                    vec![
                        app.app.to_string(),
                        row.account.to_string(),
                        row.login.clone(),
                        row.state(),
                        person,
                        name,
                        row.stands.to_owned(),
                        manager,
                        manager_name,
                        row.role.clone().unwrap_or_default(),
                        row.department.clone(),
                        row.groups.join("; "),
                        if row.active { instant(row.since) } else { String::new() },
                        row.linked.map(|linked| instant(Some(linked))).unwrap_or_default(),
                        row.evidence.clone(),
                        match row.last_log_in {
                            LogIn::At(at) => instant(Some(at)),
                            other => log_in_words(other),
                        },
                        row.certified.iter().map(Certified::words).collect::<Vec<_>>().join("; "),
                    ]
                })
            }),
        )
    }
}
