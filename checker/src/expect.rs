//! The checker's own reading of the roster: who is in it, where they stand at an instant, and what policy wants for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cel::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::idp::Word;
use crate::policy::{App, Config};

/// Where a person stands with one app at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Works here, or is about to within `before_start`.
    Here,
    /// Starts later.
    Later,
    /// Has left.
    Gone,
    /// The row contradicts itself: nobody may guess.
    Unclear,
}

/// One row of the roster.
#[derive(Clone, Debug)]
pub struct Person {
    /// The source's key.
    pub key: String,
    /// Attributes as configured, trimmed.
    pub attributes: BTreeMap<String, String>,
    /// What identity providers say, by app.
    pub words: BTreeMap<String, Word>,
    zone: TimeZone,
    starts: Option<Date>,
    ends: Option<Date>,
    works: Option<bool>,
}

/// What policy wants of one person's account in one app.
#[derive(Debug)]
pub struct Desire {
    /// Owned attribute → value; references still as people name them.
    pub values: BTreeMap<String, Value>,
    /// Names of managed groups.
    pub groups: BTreeSet<String>,
    /// Kind and name of content.
    pub enrolments: BTreeSet<(&'static str, String)>,
}

/// Reads the roster.  Rows without a key are left out; people whose key comes twice, or whose row cannot be read, are
/// [`Standing::Unclear`].
///
/// # Errors
/// The file is no CSV, or lacks the key's column.
pub fn people(text: &str, config: &Config) -> Result<BTreeMap<String, Person>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|d| (header.bytes().filter(|b| b == d).count(), *d == b','));
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter.unwrap_or(b',')).flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| format!("roster: {error}"))?.clone();
    let by_column: HashMap<&str, &str> =
        config.roster.columns.iter().map(|(attribute, column)| (column.as_str(), attribute.as_str())).collect();
    if !header.iter().any(|column| column.trim() == config.roster.key) {
        return Err(format!("roster: no column `{}`, the source's key", config.roster.key));
    }
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("roster: {error}"))?;
        let mut attributes = BTreeMap::new();
        let mut key = "";
        for (column, cell) in header.iter().zip(&row) {
            let (column, cell) = (column.trim(), cell.trim());
            if column == config.roster.key {
                key = cell;
            }
            if !cell.is_empty() {
                attributes.insert((*by_column.get(column).unwrap_or(&column)).to_owned(), cell.to_owned());
            }
        }
        if key.is_empty() {
            continue;
        }
        let mut person = person(key, attributes, config);
        if row.len() != header.len() {
            person.works = None;
        }
        match people.get_mut(key) {
            Some(first) => first.works = None,
            None => drop(people.insert(key.to_owned(), person)),
        }
    }
    Ok(people)
}

fn person(key: &str, mut attributes: BTreeMap<String, String>, config: &Config) -> Person {
    attributes.insert("key".to_owned(), key.to_owned());
    let text = |names: &[&str]| names.iter().find_map(|name| attributes.get(*name));
    let date = |text: Option<&String>| text.map(|text| text.parse::<Date>()).transpose();
    let status = text(&["status"]).map(|word| word.to_lowercase()).unwrap_or_default();
    let mut works = match (config.roster.active.contains(&status), config.roster.left.contains(&status)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    };
    let dates = (date(text(&["starts", "hire_date"])), date(text(&["ends", "termination_date"])));
    let (starts, ends) = match dates {
        (Ok(starts), Ok(ends)) => (starts, ends),
        _ => {
            works = None;
            (None, None)
        }
    };
    if starts.zip(ends).is_some_and(|(starts, ends)| ends < starts) {
        works = None;
    }
    let zone = match text(&["time_zone"]).map(|name| TimeZone::get(name)) {
        Some(Ok(zone)) => zone,
        Some(Err(_)) => {
            works = None;
            config.zone.clone()
        }
        None => config.zone.clone(),
    };
    Person { key: key.to_owned(), attributes, words: BTreeMap::new(), zone, starts, ends, works }
}

impl Person {
    /// Where the person stands with an app at `as_of`.
    pub fn standing(&self, app: &App, as_of: Timestamp) -> Standing {
        let Some(works) = self.works else { return Standing::Unclear };
        let start_of = |date: Date| self.zone.to_zoned(date.to_datetime(jiff::civil::Time::midnight())).ok();
        let over = self.ends.map(|ends| {
            let end = ends.checked_add(1.day()).ok().and_then(start_of);
            end.is_some_and(|end| as_of >= end.timestamp())
        });
        match (works, over) {
            (false, None | Some(true)) => return Standing::Gone,
            // A status and a day that contradict each other: the person is held, not guessed.
            (true, Some(true)) | (false, Some(false)) => return Standing::Unclear,
            (true, None | Some(false)) => {}
        }
        let from = self.starts.and_then(start_of).and_then(|start| start.checked_sub(app.before_start).ok());
        if from.is_some_and(|from| as_of < from.timestamp()) {
            return Standing::Later;
        }
        // Who is not assigned has no account in that app; where nothing was said, nobody may guess.
        match self.words.get(&app.name) {
            Some(Word { unclear: true, .. } | Word { assigned: Some(None), .. }) => Standing::Unclear,
            Some(Word { assigned: Some(Some(false)), .. }) => Standing::Gone,
            _ => Standing::Here,
        }
    }

    /// `person` for an expression.  Attributes that the row has not are "".
    pub fn context(&self, config: &Config, active: bool, as_of: Timestamp) -> Context<'static, 'static> {
        let mut map: HashMap<String, cel::Value> = HashMap::new();
        for name in config.attributes() {
            map.insert(name.to_owned(), cel::Value::from(""));
        }
        for (name, value) in &self.attributes {
            map.insert(name.clone(), cel::Value::from(value.as_str()));
        }
        map.insert("active".to_owned(), cel::Value::Bool(active));
        map.insert("tenure_days".to_owned(), cel::Value::Int(self.tenure_days(as_of).unwrap_or(0)));
        let mut context = Context::default();
        context.add_variable_from_value("person", map);
        context
    }

    /// Days since the first day, in the person's zone.
    pub fn tenure_days(&self, as_of: Timestamp) -> Option<i64> {
        let today = as_of.to_zoned(self.zone.clone()).date();
        Some(i64::from(self.starts?.until(today).ok()?.get_days()))
    }
}

/// What policy wants of a person's account.
///
/// # Errors
/// An expression cannot be evaluated for this person.
pub fn desire(app: &App, person: &Person, context: &Context<'_, '_>) -> Result<Desire, String> {
    let about = |error: String| format!("person {}: {error}", person.key);
    let mut values = BTreeMap::new();
    for (attribute, owned) in &app.set {
        values.insert(attribute.clone(), owned.value.value(context).map_err(about)?);
    }
    let mut groups = BTreeSet::new();
    let gives = person.words.get(&app.name).map(|word| &word.gives);
    for kind in ["role", "department"] {
        let mut given = gives.into_iter().flatten().filter(|(what, _)| what == kind).map(|(_, name)| name);
        match (given.next(), given.next()) {
            (Some(one), None) => drop(values.insert(kind.to_owned(), Value::from(one.as_str()))),
            (Some(_), Some(_)) => drop(values.remove(kind)),
            (None, _) => {}
        }
    }
    groups.extend(gives.into_iter().flatten().filter(|(what, _)| what == "group").map(|(_, name)| name.clone()));
    for member in &app.member {
        let found = match member.value(context).map_err(about)? {
            Value::Array(items) => items,
            one => vec![one],
        };
        let names = found.iter().filter_map(Value::as_str).filter_map(|name| {
            let exact = app.managed.iter().find(|managed| *managed == name);
            exact.or_else(|| app.managed.iter().find(|managed| managed.to_lowercase() == name.to_lowercase()))
        });
        groups.extend(names.cloned());
    }
    let mut enrolments = BTreeSet::new();
    for rule in &app.enrol {
        if rule.when.value(context).map_err(about)? == Value::Bool(true) {
            enrolments.insert((rule.kind, rule.name.clone()));
        }
    }
    Ok(Desire { values, groups, enrolments })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
        [organization]
        time_zone = 'America/Chicago'
        [source.hr]
        role = 'employment'
        key = 'id'
        [source.hr.columns]
        starts = 'from'
        ends = 'to'
        [app.lessonly.accounts]
        before_start = '3d'
        [app.lessonly.set]
        name = 'person.first + \"/\" + person.nothing'
        [app.lessonly.groups]
        managed = ['Sales']
        member = ['person.dept']
        [[app.lessonly.enrol]]
        lesson = 'Hello'
        when = 'person.tenure_days < 90'
    ";

    #[test]
    fn a_roster_is_read_as_the_design_says() {
        let config = Config::read(CONFIG).unwrap();
        let text = "\u{feff}id;first;dept;status;from;to\n1;Ann;sales;active;1998-01-10;\n2;Bob;X;Terminated;1990-01-01;1997-12-31\n\
                    3;C;X;terminated;1990-01-01;1999-01-01\n4;D;X;on fire;;\n5;E;X;active;1990-01-01;1998-01-01\n6;F;;active;bad;\n\
                    7;G;;active;;\n7;H;;active;;\n;;;;;\n8;short\n9;I;;active;1998-01-02;1997-01-02\n";
        let people = people(text, &config).unwrap();
        let app = &config.apps["lessonly"];
        let at = |key: &str, time: &str| people[key].standing(app, time.parse().unwrap());
        // Three days before the tenth, midnight in Chicago is six in the morning.
        assert_eq!(at("1", "1998-01-07T05:59:59Z"), Standing::Later);
        assert_eq!(at("1", "1998-01-07T06:00:00Z"), Standing::Here);
        assert_eq!(at("2", "1998-01-07T06:00:00Z"), Standing::Gone);
        for unclear in ["3", "4", "6", "7", "8", "9"] {
            assert_eq!(at(unclear, "1998-01-07T06:00:00Z"), Standing::Unclear, "{unclear}");
        }
        // The last day is worked to its end.
        assert_eq!(at("5", "1998-01-02T05:59:59Z"), Standing::Here);
        assert_eq!(at("5", "1998-01-02T06:00:00Z"), Standing::Unclear);
        let ann = &people["1"];
        let as_of = "1998-02-01T12:00:00Z".parse().unwrap();
        let wanted = desire(app, ann, &ann.context(&config, true, as_of)).unwrap();
        assert_eq!(wanted.values["name"], "Ann/");
        assert!(wanted.groups.contains("Sales") && wanted.enrolments.contains(&("lesson", "Hello".to_owned())));
        let later = "1998-12-01T12:00:00Z".parse().unwrap();
        assert!(desire(app, ann, &ann.context(&config, true, later)).unwrap().enrolments.is_empty());
    }

    #[test]
    fn a_roster_without_its_key_is_refused() {
        assert!(people("a,b\n1,2\n", &Config::read(CONFIG).unwrap()).unwrap_err().contains("`id`"));
    }
}
