//! The licence view: accounts that can log in and that nobody here needs, counted by app and department.

use std::collections::BTreeMap;

use model::{AccountId, AppName, LogIn};
use serde::Serialize;

use super::{Known, Looked, Who, foundations, log_in_words, stands, with_roster};
use crate::Given;
use crate::paper::{Paper, PaperTable, csv};
use crate::roster::Roster;

/// Why a licence may be wasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waste {
    /// The person left, and the account can log in.
    Left,
    /// Linked to a person who is in the roster no more.
    Orphaned,
    /// Nobody's that is known.
    Unlinked,
    /// Nobody has ever logged in.
    NeverLoggedIn,
}

impl Waste {
    fn words(self) -> &'static str {
        match self {
            Self::Left => "left, and can log in",
            Self::Orphaned => "orphaned",
            Self::Unlinked => "nobody's that is known",
            Self::NeverLoggedIn => "never logged in",
        }
    }
}

/// What licences are used for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Licences {
    /// What it rests on: organization, instant, readings; one line each.
    pub foundations: Vec<String>,
    /// By name.
    pub apps: Vec<AppLicences>,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppLicences {
    /// Which.
    pub app: AppName,
    /// Whether the app told of any account when somebody logged in last, or that nobody did.
    pub log_ins_told: bool,
    /// By department of the roster; "" is none, or not known.
    pub departments: BTreeMap<String, LicenceCount>,
    /// All departments together.
    pub all: LicenceCount,
    /// The accounts that may be wasted, in byte order of their ids.
    pub accounts: Vec<LicenceRow>,
}

/// How many accounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LicenceCount {
    /// Can log in.
    pub active: u64,
    /// Of these: the person left.
    pub left: u64,
    /// Of these: linked to somebody who is in the roster no more.
    pub orphaned: u64,
    /// Of these: nobody's that is known.
    pub unlinked: u64,
    /// Of these: nobody ever logged in; none when the app tells of none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_logged_in: Option<u64>,
}

/// An account that may be wasted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LicenceRow {
    /// The vendor's id.
    pub account: AccountId,
    /// What people know it by there, or "".
    pub login: String,
    /// Whose it is, by the link that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Who>,
    /// Their department in the roster, or "".
    pub department: String,
    /// Why it may be wasted.
    pub why: Vec<Waste>,
    /// Why no plan ever touches it, where there is a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protected: Option<String>,
    /// When somebody logged in last, as far as the app tells.
    pub last_log_in: LogIn,
}

/// Counts licences.
pub fn licences(given: &Given<'_>, known: &Known) -> Licences {
    with_roster(given, |roster| {
        let apps = given.apps.iter().map(|(name, reading)| in_app(&Looked::new(given, name, reading), roster, known));
        Licences { foundations: foundations(given, roster, known, |_| true), apps: apps.collect() }
    })
}

fn in_app(looked: &Looked<'_>, roster: &Roster<'_>, known: &Known) -> AppLicences {
    let (mut departments, mut all): (BTreeMap<String, LicenceCount>, _) = (BTreeMap::new(), LicenceCount::default());
    let mut accounts = Vec::new();
    for account in looked.reading.accounts.iter().filter(|account| account.active) {
        let link = looked.links.get(account.id.as_str());
        let at = link.and_then(|link| roster.find(link.person.as_str()));
        let person = link.map(|link| Who {
            key: link.person.clone(),
            name: at.map(|at| roster.human(at).person.display_name()).unwrap_or_default(),
        });
        let department = at.map(|at| roster.human(at).person.get("department")).unwrap_or_default();
        let last_log_in = known.log_in(looked.app, &account.id);
        let mut why = Vec::new();
        match link.map(|link| stands(roster, &link.person)) {
            None => why.push(Waste::Unlinked),
            Some("left") => why.push(Waste::Left),
            Some("not in the roster") => why.push(Waste::Orphaned),
            Some(_) => {}
        }
        if last_log_in == LogIn::Never {
            why.push(Waste::NeverLoggedIn);
        }
        for count in [departments.entry(department.to_owned()).or_default(), &mut all] {
            count.add(&why, last_log_in);
        }
        if !why.is_empty() {
            accounts.push(LicenceRow {
                account: account.id.clone(),
                login: looked.login(account),
                person,
                department: department.to_owned(),
                why,
                protected: account.protected.as_ref().map(ToString::to_string),
                last_log_in,
            });
        }
    }
    AppLicences { app: looked.app.clone(), log_ins_told: all.never_logged_in.is_some(), departments, all, accounts }
}

impl LicenceCount {
    fn add(&mut self, why: &[Waste], log_in: LogIn) {
        self.active += 1;
        for waste in why {
            match waste {
                Waste::Left => self.left += 1,
                Waste::Orphaned => self.orphaned += 1,
                Waste::Unlinked => self.unlinked += 1,
                Waste::NeverLoggedIn => {}
            }
        }
        if log_in != LogIn::NotTold {
            *self.never_logged_in.get_or_insert_default() += u64::from(log_in == LogIn::Never);
        }
    }

    fn cells(&self) -> [String; 5] {
        let never = self.never_logged_in.map_or_else(|| "not told".to_owned(), |count| count.to_string());
        [self.active.to_string(), self.left.to_string(), self.orphaned.to_string(), self.unlinked.to_string(), never]
    }
}

impl AppLicences {
    /// Each department, and all of them.
    fn counted(&self) -> Vec<Vec<String>> {
        let named = |name: &str| if name.is_empty() { "no department that is known".to_owned() } else { name.to_owned() };
        let lines = self.departments.iter().map(|(name, count)| (named(name), count));
        lines.chain([("all".to_owned(), &self.all)]).map(|(name, count)| [vec![name], count.cells().to_vec()].concat()).collect()
    }
}

impl Licences {
    /// For people: for each app the counts, and the accounts that may be wasted.
    pub fn paper(&self) -> Paper {
        let mut tables = Vec::new();
        for app in &self.apps {
            tables.push(PaperTable {
                caption: format!("{}: accounts that can log in, by department", app.app),
                columns: vec!["department", "active", "left", "orphaned", "nobody's", "never logged in"],
                rows: app.counted(),
                none: "no accounts",
            });
            let rows = app.accounts.iter().map(|row| {
                let account = if row.login.is_empty() { row.account.to_string() } else { format!("{} [{}]", row.login, row.account) };
                let mut why: Vec<String> = row.why.iter().map(|waste| waste.words().to_owned()).collect();
                why.extend(row.protected.as_ref().map(|why| format!("protected: {why}")));
                let person = row.person.as_ref().map(Who::words).unwrap_or_default();
                vec![account, person, row.department.clone(), why.join("; "), log_in_words(row.last_log_in)]
            });
            tables.push(PaperTable {
                caption: format!("{}: accounts to look at", app.app),
                columns: vec!["account", "person", "department", "why", "last log-in"],
                rows: rows.collect(),
                none: "none: whoever can log in works here, and has logged in as far as the app tells",
            });
        }
        Paper { title: "Licences".to_owned(), facts: self.foundations.clone(), tables }
    }

    /// For a spreadsheet: a line for each app and department, and one for all of an app, with department `all`.
    pub fn csv(&self) -> String {
        let columns = ["app", "department", "active", "left", "orphaned", "unlinked", "never_logged_in"];
        let lines = self.apps.iter().flat_map(|app| app.counted().into_iter().map(|cells| [vec![app.app.to_string()], cells].concat()));
        csv(&columns, lines)
    }
}
