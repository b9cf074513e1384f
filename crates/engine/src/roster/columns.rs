//! Which column gives which attribute.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::{SourcePolicy, SourceRole};

use super::RosterError;

/// Attribute → the names that common HR exports give its column, folded; the first that is there counts.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("given_name", &["firstname", "givenname", "preferredfirstname", "legalfirstname"]),
    ("family_name", &["lastname", "familyname", "surname", "legallastname"]),
    ("email", &["workemail", "email", "emailaddress", "workemailaddress", "primaryworkemail", "mail"]),
    ("title", &["jobtitle", "title", "businesstitle", "positiontitle", "position"]),
    ("department", &["department", "departmentname", "dept", "orgunit"]),
    ("manager", &["managerid", "manageremployeeid", "supervisorid", "reportstoid", "manager"]),
    ("location", &["location", "worklocation", "office"]),
    ("status", &["status", "employmentstatus", "employeestatus", "workerstatus"]),
    ("starts", &["hiredate", "startdate", "datehired", "originalhiredate", "starts"]),
    ("ends", &["terminationdate", "enddate", "lastday", "lastdayofwork", "dateterminated", "ends"]),
    ("time_zone", &["timezone"]),
];

/// The names that exports of identity providers give the column that tells one user from another, folded.
const IDP_KEYS: &[&str] = &["userid", "objectid", "id", "login", "username", "userprincipalname"];

/// More names of columns in exports of identity providers.
const IDP: &[(&str, &[&str])] = &[
    ("status", &["accountenabled", "userstatus", "accountstatus", "active", "enabled"]),
    ("groups", &["groups", "groupmemberships", "memberof"]),
];

/// How the key's column may be called, folded: as configured, else as identity providers' exports do.
pub(super) fn keys(policy: &SourcePolicy) -> Vec<String> {
    if policy.key.is_empty() && policy.role == SourceRole::Idp {
        return IDP_KEYS.iter().map(|name| (*name).to_owned()).collect();
    }
    vec![folded(&policy.key)]
}

/// Letters and digits only, lower case: how column names are compared.
pub(super) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Where everything stands in a row.
pub(super) struct Columns {
    pub(super) key: usize,
    pub(super) status: Option<usize>,
    pub(super) starts: Option<usize>,
    pub(super) ends: Option<usize>,
    pub(super) zone: Option<usize>,
    /// Every other attribute.
    pub(super) others: BTreeMap<String, usize>,
    /// The columns' own names, in their places.
    pub(super) names: Vec<String>,
    pub(super) width: usize,
}

impl Columns {
    /// Finds the columns.
    ///
    /// # Errors
    /// `Header` when a configured column, the key, or (where the source says who works here) any word on that is missing, or a name
    /// stands twice.
    pub(super) fn new(path: &Path, header: &[&str], policy: &SourcePolicy) -> Result<Self, RosterError> {
        let error = |what: String| RosterError::Header { path: path.to_owned(), what };
        let names: Vec<String> = header.iter().map(|name| folded(name)).collect();
        let shown = || header.iter().map(|name| name.trim()).collect::<Vec<_>>().join(", ");
        for (index, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..index].contains(name) {
                return Err(error(format!("two columns are called \"{}\"; rename one", header[index])));
            }
        }
        let find = |column: &str| names.iter().position(|name| *name == folded(column));
        let called = if policy.key.is_empty() { keys(policy).join("\" or \"") } else { policy.key.clone() };
        let key = keys(policy)
            .iter()
            .find_map(|key| find(key))
            .ok_or_else(|| error(format!("no column is called \"{called}\" (`key`); there are: {}", shown())))?;
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for (attribute, column) in &policy.columns {
            let index = find(column).ok_or_else(|| {
                error(format!("no column is called \"{column}\", which `[source.*.columns] {attribute}` names; there are: {}", shown()))
            })?;
            found.insert(attribute.clone(), index);
        }
        let more = if policy.role == SourceRole::Idp { IDP } else { &[] };
        for (attribute, candidates) in DEFAULTS.iter().chain(more) {
            if !found.contains_key(*attribute)
                && let Some(index) = candidates.iter().find_map(|candidate| names.iter().position(|name| name == candidate))
            {
                found.insert((*attribute).to_owned(), index);
            }
        }
        let used: BTreeSet<usize> = found.values().copied().chain([key]).collect();
        for (index, name) in header.iter().enumerate() {
            if !used.contains(&index) && !name.trim().is_empty() {
                found.entry(name.trim().to_owned()).or_insert(index);
            }
        }
        let (status, starts, ends, zone) =
            (found.remove("status"), found.remove("starts"), found.remove("ends"), found.remove("time_zone"));
        if policy.role == SourceRole::Idp && status.is_none() {
            return Err(error(format!(
                "no column says who is active: name it under `[source.*.columns]` as status = \"…\"; there are: {}",
                shown()
            )));
        }
        if policy.role == SourceRole::Employment && status.is_none() && ends.is_none() {
            return Err(error(format!(
                "no column says who works here: name the status or the last-day column under `[source.*.columns]`; there are: {}",
                shown()
            )));
        }
        let names = header.iter().map(|name| name.trim().to_owned()).collect();
        Ok(Self { key, status, starts, ends, zone, others: found, names, width: header.len() })
    }

    /// The attributes that policy can read, each with the name of its column.
    pub(super) fn attributes(&self) -> BTreeMap<String, String> {
        self.others.iter().map(|(attribute, index)| (attribute.clone(), self.names[*index].clone())).collect()
    }
}
