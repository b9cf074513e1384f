//! The checker's own reading of `provost.toml`: only what decides who should have which account with what in it.

use std::collections::{BTreeMap, BTreeSet};

use cel::{Context, Program};
use jiff::tz::TimeZone;
use serde_json::Value;
use toml::Table;

use crate::idp::Provider;

/// A policy expression.
#[derive(Debug)]
pub struct Expression {
    program: Program,
    /// Its text.
    pub source: String,
}

impl Expression {
    fn new(place: &str, source: &str) -> Result<Self, String> {
        let program = Program::compile(source).map_err(|error| format!("{place}: `{source}`: {error}"))?;
        Ok(Self { program, source: source.to_owned() })
    }

    /// Its value for a person.
    ///
    /// # Errors
    /// It cannot be evaluated, or has a value no account can hold.
    pub fn value(&self, person: &Context<'_, '_>) -> Result<Value, String> {
        let value = self.program.execute(person).map_err(|error| format!("`{}`: {error}", self.source))?;
        json_of(&value).ok_or_else(|| format!("`{}` gives a value no account can hold", self.source))
    }

    /// Names after `person.` in it.
    fn attributes(&self) -> impl Iterator<Item = &str> {
        self.source.split("person.").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            &rest[..end]
        })
    }
}

fn json_of(value: &cel::Value) -> Option<Value> {
    Some(match value {
        cel::Value::Null => Value::Null,
        cel::Value::Bool(value) => Value::from(*value),
        cel::Value::Int(value) => Value::from(*value),
        cel::Value::UInt(value) => Value::from(*value),
        cel::Value::String(value) => Value::from(value.as_str()),
        cel::Value::List(values) => Value::Array(values.iter().map(json_of).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// One owned attribute.
#[derive(Debug)]
pub struct Owned {
    /// Its value.
    pub value: Expression,
    /// Whether it is only given when the account is made.
    pub on_create: bool,
}

/// One enrolment rule.
#[derive(Debug)]
pub struct EnrolRule {
    /// `course`, `lesson` or `path`.
    pub kind: &'static str,
    /// The content's name.
    pub name: String,
    /// For whom.
    pub when: Expression,
}

/// Which vendor's objects an app's ledger holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Users with `archived_at` and `group_ids`.
    Lessonly,
    /// Users with `activeStatus`, departments and supervisors.
    Absorb,
    /// Users and groups as RFC 7643 has them; the rules read them as [`crate::scim`] writes them.
    Scim,
}

/// One app's policy.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: String,
    /// The vendor.
    pub vendor: Vendor,
    /// Who should have an account.
    pub who: Expression,
    /// Account attribute and the person's value it must equal, in order.
    pub matches: Vec<(String, Expression)>,
    /// Whether leavers lose their access.
    pub leaves: bool,
    /// How long before the start of the first day an account is made.
    pub before_start: jiff::Span,
    /// E-mail addresses or user names never touched.
    pub protect: BTreeSet<String>,
    /// Owned attributes, by the app's name.
    pub set: BTreeMap<String, Owned>,
    /// Managed groups, by name.
    pub managed: Vec<String>,
    /// Group names of a person.
    pub member: Vec<Expression>,
    /// Enrolments.
    pub enrol: Vec<EnrolRule>,
}

/// The employment source: where its columns are and what its status words mean.
#[derive(Debug)]
pub struct Roster {
    /// The key's column.
    pub key: String,
    /// Attribute → column.
    pub columns: BTreeMap<String, String>,
    /// Status words of people who work here.
    pub active: BTreeSet<String>,
    /// Status words of people who have left.
    pub left: BTreeSet<String>,
    /// Whether a missing row means the person left.
    pub absent_leaves: bool,
}

/// The configuration.
#[derive(Debug)]
pub struct Config {
    /// The organization's zone.
    pub zone: TimeZone,
    /// The employment source.
    pub roster: Roster,
    /// The identity providers that decide about accounts, by name.
    pub providers: BTreeMap<String, Provider>,
    /// The apps.
    pub apps: BTreeMap<String, App>,
}

impl Config {
    /// Every attribute that an expression asks for: missing ones are "".
    pub fn attributes(&self) -> BTreeSet<&str> {
        let mut all = BTreeSet::new();
        for app in self.apps.values() {
            let rules = app.enrol.iter().map(|rule| &rule.when);
            let owned = app.set.values().map(|owned| &owned.value);
            let matches = app.matches.iter().map(|(_, value)| value);
            for expression in rules.chain(owned).chain(matches).chain(&app.member).chain([&app.who]) {
                all.extend(expression.attributes());
            }
        }
        all
    }

    /// Reads the configuration's text.
    ///
    /// # Errors
    /// What the checker needs is missing or cannot be understood; the place is named.
    pub fn read(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("configuration: {error}"))?;
        let zone = text_at(&table, &["organization", "time_zone"]).unwrap_or("UTC");
        let zone = TimeZone::get(zone).map_err(|error| format!("[organization] time_zone: {error}"))?;
        let sources = table.get("source").and_then(toml::Value::as_table).ok_or("[source.…] is missing")?;
        let mut employment =
            sources.iter().filter(|(_, source)| source.get("role").and_then(|role| role.as_str()) == Some("employment"));
        let (name, source) = employment.next().ok_or("no [source.…] has role = \"employment\"")?;
        if employment.next().is_some() {
            return Err("more than one source has role = \"employment\"".to_owned());
        }
        let roster = roster(name, source.as_table().ok_or("a source is a table")?)?;
        let mut apps = BTreeMap::new();
        for (name, block) in table.get("app").and_then(toml::Value::as_table).into_iter().flatten() {
            let block = block.as_table().ok_or_else(|| format!("[app.{name}] is not a table"))?;
            // Apps of other connectors have no ledger this checker can read.
            let vendor = match text_at(block, &["connector"]).unwrap_or(name) {
                "lessonly" => Vendor::Lessonly,
                "absorb" => Vendor::Absorb,
                "scim" => Vendor::Scim,
                _ => continue,
            };
            apps.insert(name.clone(), app(name, vendor, block)?);
        }
        let is_idp = |source: &&toml::Value| source.get("role").and_then(toml::Value::as_str) == Some("idp");
        let providers = sources.iter().filter(|(_, source)| is_idp(source));
        let providers = providers.filter_map(|(name, source)| Some((name.clone(), Provider::read(source.as_table()?))));
        let providers = providers.filter(|(_, provider)| provider.decides()).collect();
        Ok(Self { zone, roster, providers, apps })
    }
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a toml::Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, name| value.get(*name))
}

fn text_at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a str> {
    at(table, path)?.as_str()
}

fn texts(table: &Table, path: &[&str]) -> Vec<String> {
    let items = at(table, path).and_then(toml::Value::as_array);
    items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn roster(name: &str, source: &Table) -> Result<Roster, String> {
    let key = text_at(source, &["key"]).ok_or_else(|| format!("[source.{name}] key is missing"))?.to_owned();
    let mapped = at(source, &["columns"]).and_then(toml::Value::as_table);
    let pairs = mapped.into_iter().flatten().filter_map(|(attribute, column)| Some((attribute.clone(), column.as_str()?.to_owned())));
    let words = |which: &str, default: &str| {
        let words = texts(source, &["status", which]);
        let words = if words.is_empty() { vec![default.to_owned()] } else { words };
        words.into_iter().map(|word| word.to_lowercase()).collect()
    };
    Ok(Roster {
        key,
        columns: pairs.collect(),
        active: words("active", "active"),
        left: words("left", "terminated"),
        absent_leaves: text_at(source, &["absent"]) == Some("leave"),
    })
}

fn app(name: &str, vendor: Vendor, block: &Table) -> Result<App, String> {
    let expression = |place: &str, source: &str| Expression::new(&format!("[app.{name}{place}"), source);
    let accounts = |key: &'static str| ["accounts", key];
    let mut matches = Vec::new();
    for rule in texts(block, &accounts("match")) {
        let (field, value) = rule.split_once("==").ok_or_else(|| format!("[app.{name}.accounts] match: `{rule}` has no =="))?;
        matches.push((field.trim().to_owned(), expression(".accounts] match", value.trim())?));
    }
    let mut set = BTreeMap::new();
    for (attribute, value) in at(block, &["set"]).and_then(toml::Value::as_table).into_iter().flatten() {
        let place = format!(".set] {attribute}");
        let source = value.as_str().or_else(|| value.get("value")?.as_str());
        let source = source.ok_or_else(|| format!("[app.{name}{place}: an expression, or a table with `value`"))?;
        let on_create = value.get("on").and_then(toml::Value::as_str) == Some("create");
        set.insert(attribute.clone(), Owned { value: expression(&place, source)?, on_create });
    }
    let mut enrol = Vec::new();
    for rule in at(block, &["enrol"]).and_then(toml::Value::as_array).into_iter().flatten() {
        let found = ["course", "lesson", "path"].into_iter().find_map(|kind| Some((kind, rule.get(kind)?.as_str()?)));
        let (kind, content) = found.ok_or_else(|| format!("[[app.{name}.enrol]] names no course, lesson or path"))?;
        let when = rule.get("when").and_then(toml::Value::as_str).unwrap_or("true");
        enrol.push(EnrolRule { kind, name: content.to_owned(), when: expression(".enrol] when", when)? });
    }
    let member =
        texts(block, &["groups", "member"]).iter().map(|source| expression(".groups] member", source)).collect::<Result<_, _>>()?;
    let protect = texts(block, &accounts("protect")).into_iter().map(|text| text.to_lowercase()).collect();
    let before = text_at(block, &accounts("before_start")).unwrap_or("0d");
    Ok(App {
        name: name.to_owned(),
        vendor,
        who: expression(".accounts] who", text_at(block, &accounts("who")).unwrap_or("person.active"))?,
        matches,
        leaves: matches!(text_at(block, &accounts("leave")), Some("archive" | "deactivate")),
        before_start: span(before).ok_or_else(|| format!("[app.{name}.accounts] before_start: `{before}` is no length of time"))?,
        protect,
        set,
        managed: texts(block, &["groups", "managed"]),
        member,
        enrol,
    })
}

/// `3d`, `12h` or `2w`; days are calendar days in the person's zone.
fn span(text: &str) -> Option<jiff::Span> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.trim().parse().ok().filter(|count| (0..=10_000).contains(count))?;
    match unit {
        'h' => jiff::Span::new().try_hours(count).ok(),
        'd' => jiff::Span::new().try_days(count).ok(),
        'w' => jiff::Span::new().try_weeks(count).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_asks_for() {
        let expression = Expression::new("x", "person.title.contains('M') ? person.a_1 + \" \" : 'b'").unwrap();
        assert_eq!(expression.attributes().collect::<Vec<_>>(), ["title", "a_1"]);
        assert!(span("3d").is_some() && span("2w").is_some() && span("12h").is_some());
        assert!(["", "d", "3x", "-1d", "99999999999h"].iter().all(|text| span(text).is_none()));
    }

    #[test]
    fn a_bad_configuration_is_named() {
        for (text, says) in [
            ("x", "configuration"),
            ("[source.a]\nrole = 'idp'", "employment"),
            ("[source.a]\nrole = 'employment'", "key is missing"),
            ("[source.a]\nrole = 'employment'\nkey = 'k'\n[app.lessonly.set]\nname = 'person.'", "[app.lessonly.set] name"),
            ("[source.a]\nrole = 'employment'\nkey = 'k'\n[app.lessonly.accounts]\nbefore_start = 'soon'", "before_start"),
            ("[organization]\ntime_zone = 'Mars'", "time_zone"),
        ] {
            let error = Config::read(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
