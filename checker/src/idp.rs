//! The checker's own reading of what identity providers say: user lists that somebody exported.  What is pushed it does not see: whoever an
//! app is assigned to by a push is left out of the comparison there.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::expect::Person;

/// One identity provider of the configuration.
#[derive(Debug, Default)]
pub struct Provider {
    /// Its list, as the configuration names it; none where it pushes.
    pub path: Option<String>,
    /// The person's attribute and the list's column that have to be the same.
    join: (String, String),
    /// The apps that it assigns.
    apps: BTreeSet<String>,
    /// Group → app → what it gives: `group`, `role` or `department`, and its name.
    groups: BTreeMap<String, BTreeMap<String, Vec<(String, String)>>>,
    status: Option<String>,
    active: Vec<String>,
}

/// What a person is given in one app by what providers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// Assigned, not assigned, or nobody knows; none where no provider assigns the app.
    pub assigned: Option<Option<bool>>,
    /// Whether some group that would give something is not known.
    pub unclear: bool,
    /// Groups, and values by their kind.
    pub gives: BTreeSet<(String, String)>,
}

/// Whether a row says active, and its groups where the list tells.
type Row = (bool, Option<BTreeSet<String>>);

impl Provider {
    /// Reads `[source.NAME]`.
    pub fn read(source: &Table) -> Self {
        let text = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
        let below = |name: &str, key: &str| source.get(name).and_then(|table| table.get(key));
        let join = text("join").unwrap_or_default();
        let (own, theirs) = join.split_once("==").unwrap_or_default();
        let list = |value: Option<&Value>| -> Vec<String> {
            value.and_then(Value::as_array).into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        };
        let mut groups: BTreeMap<String, BTreeMap<String, Vec<(String, String)>>> = BTreeMap::new();
        for (group, apps) in source.get("groups").and_then(Value::as_table).into_iter().flatten() {
            for (app, gives) in apps.as_table().into_iter().flatten() {
                let gives =
                    gives.as_table().into_iter().flatten().filter_map(|(kind, name)| Some((kind.clone(), name.as_str()?.to_owned())));
                groups.entry(group.to_lowercase()).or_default().insert(app.clone(), gives.collect());
            }
        }
        Self {
            path: text("path").filter(|_| text("kind").as_deref() != Some("scim")),
            join: (own.trim().trim_start_matches("person.").to_owned(), theirs.trim().trim_start_matches("record.").to_owned()),
            apps: list(source.get("apps")).into_iter().collect(),
            groups,
            status: below("columns", "status").and_then(Value::as_str).map(str::to_owned),
            active: list(below("status", "active")).into_iter().map(|word| word.to_lowercase()).collect(),
        }
    }

    /// Whether it decides about accounts at all.
    pub fn decides(&self) -> bool {
        !self.apps.is_empty() || !self.groups.is_empty()
    }

    /// Adds to each person what the list says of them; without a list nobody knows.
    ///
    /// # Errors
    /// The list is no CSV, or lacks the columns it is joined and told by.
    pub fn speak(&self, list: Option<&str>, people: &mut BTreeMap<String, Person>) -> Result<(), String> {
        let rows = list.map(|list| self.rows(list)).transpose()?.unwrap_or_default();
        for person in people.values_mut() {
            let of = person.attributes.get(&self.join.0).map(|value| value.to_lowercase()).unwrap_or_default();
            let row = rows.get(&of).filter(|_| !of.is_empty());
            for app in &self.apps {
                let now = row.map(|(active, _)| *active);
                let word = person.words.entry(app.clone()).or_default();
                word.assigned = Some(match (word.assigned, now) {
                    (Some(Some(true)), _) | (_, Some(true)) => Some(true),
                    (None | Some(Some(false)), Some(false)) => Some(false),
                    _ => None,
                });
            }
            for (group, apps) in &self.groups {
                for (app, gives) in apps {
                    let word = person.words.entry(app.clone()).or_default();
                    match row.and_then(|(_, groups)| groups.as_ref()) {
                        Some(groups) if groups.contains(group) => word.gives.extend(gives.iter().cloned()),
                        Some(_) => {}
                        None => word.unclear = true,
                    }
                }
            }
        }
        Ok(())
    }

    /// By the joined value: whether the row says active, and its groups where the list has such a column with anything in it.
    fn rows(&self, list: &str) -> Result<BTreeMap<String, Row>, String> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(list.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        let plain = |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let find = |wanted: &[&str]| header.iter().position(|name| wanted.iter().any(|wanted| plain(wanted) == plain(name)));
        let joined = find(&[&self.join.1]).ok_or_else(|| format!("no column {}", self.join.1))?;
        let status = self.status.as_deref().map_or_else(|| vec!["status", "accountEnabled", "active"], |status| vec![status]);
        let status = find(&status).ok_or("no column says who is active")?;
        let groups = find(&["groups"]);
        let usual = ["active", "true", "enabled", "password_expired", "locked_out", "recovery"];
        let mut rows = BTreeMap::new();
        for row in reader.records() {
            let row = row.map_err(|error| error.to_string())?;
            let cell = |at: usize| row.get(at).unwrap_or_default().trim().to_lowercase();
            let is =
                |word: &str| if self.active.is_empty() { usual.contains(&word) } else { self.active.iter().any(|own| own == word) };
            let of = groups.map(|at| cell(at).split([';', '|']).map(|group| group.trim().to_owned()).collect::<BTreeSet<_>>());
            rows.insert(cell(joined), (is(&cell(status)), of));
        }
        let any = rows.values().any(|(_, groups)| groups.as_ref().is_some_and(|groups| groups.iter().any(|group| !group.is_empty())));
        if !any {
            rows.values_mut().for_each(|row| row.1 = None);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::{Standing, desire, people};
    use crate::policy::Config;

    const CONFIG: &str = "
        [source.hr]
        role = 'employment'
        key = 'id'
        [source.okta]
        role = 'idp'
        kind = 'csv'
        path = 'okta.csv'
        join = 'person.mail == record.login'
        apps = ['lessonly']
        [source.okta.groups]
        'LMS Boss' = { lessonly = { role = 'manager', group = 'Bosses' } }
        'LMS Other' = { lessonly = { role = 'creator' } }
        [app.lessonly.set]
        role = '\"learner\"'
        [app.lessonly.groups]
        managed = ['Bosses']
        member = ['person.dept']
        [app.absorb.accounts]
    ";

    #[test]
    fn a_word_assigns_and_gives_and_none_is_no_word() {
        let config = Config::read(CONFIG).unwrap();
        let mut people = people("id,mail,status\n1,Ada@x,active\n2,bo@x,active\n3,cy@x,active\n4,di@x,active\n", &config).unwrap();
        let list = "Login,Status,Groups\nada@x,ACTIVE,LMS Boss\nbo@x,SUSPENDED,\ndi@x,ACTIVE,LMS Boss;LMS Other\n";
        config.providers["okta"].speak(Some(list), &mut people).unwrap();
        let as_of = "1998-01-07T06:00:00Z".parse().unwrap();
        let at = |key: &str, app: &str| people[key].standing(&config.apps[app], as_of);
        let here = Standing::Here;
        assert_eq!([at("1", "lessonly"), at("2", "lessonly"), at("3", "lessonly")], [here, Standing::Gone, Standing::Unclear]);
        assert!(["1", "2", "3"].iter().all(|key| at(key, "absorb") == here), "other apps are not touched");
        let wanted = |key: &str| desire(&config.apps["lessonly"], &people[key], &people[key].context(&config, true, as_of)).unwrap();
        assert_eq!(wanted("1").values["role"], "manager");
        assert!(wanted("1").groups.contains("Bosses"));
        assert!(!wanted("4").values.contains_key("role"), "two groups contradict each other: nobody may guess");
        assert!(config.providers["okta"].speak(Some("Login\nada@x\n"), &mut people).unwrap_err().contains("who is active"));
    }
}
