//! What became of a create whose outcome is unknown (P6): one look for all of the call.
//!
//! A vendor takes no second account with the same user name or e-mail, but a second department or group of one name.

use std::collections::BTreeMap;
use std::time::Duration;

use connector::{Body, Key, Record};
use model::{Account, Approved, Attribute, Compare, Kind, Receipt, Step, Value, Verb};

use crate::connection::Connection;
use crate::{Engine, EngineError, Watch};

/// How long a write may take to show.
const SETTLE: Duration = Duration::from_secs(2);
/// How long it may take where nothing else keeps us from doing it twice.
const LATE: Duration = Duration::from_secs(30);

/// What a look said about a create.
pub(super) enum Settled {
    /// The account is there, as the step wanted it.
    Done(Receipt),
    /// The vendor itself would refuse a second one: it may be done again, because it is not there, or to complete what came of it.
    Repeat,
    /// A person has to look.
    Handed(String),
}

/// Lets late effects show.
pub(super) async fn wait(engine: &Engine) {
    engine.ports.sleep.sleep(SETTLE).await;
}

/// Whether the vendor would make what this verb makes a second time.
pub(super) fn would_double(verb: Verb) -> bool {
    matches!(verb, Verb::CreateDepartment | Verb::CreateGroup)
}

/// Looks for the departments and groups that these steps made, until they are there or their time is over.
pub(super) async fn structures(
    engine: &Engine,
    connection: &Connection,
    watch: &dyn Watch,
    steps: &[&Approved<Step>],
) -> Result<Vec<Settled>, EngineError> {
    let until = engine.ports.clock.elapsed() + LATE;
    loop {
        let mut settled = Vec::with_capacity(steps.len());
        for step in steps {
            settled.push(structure(connection, watch, step.get()).await?);
        }
        let all_there = settled.iter().all(|settled| !matches!(settled, Settled::Handed(_)));
        if all_there || engine.ports.clock.elapsed() >= until {
            return Ok(settled);
        }
        connection.keep().await?;
        wait(engine).await;
    }
}

async fn structure(connection: &Connection, watch: &dyn Watch, step: &Step) -> Result<Settled, EngineError> {
    let kind = if step.verb == Verb::CreateGroup { Kind::Groups } else { Kind::Departments };
    let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
    let key = Key::one("name", name);
    let target = &connection.target;
    let ask = |wire| {
        let key = key.clone();
        async move { target.find(&wire, kind, &key).await }
    };
    let found = connection.ask(watch, ask).await?;
    Ok(match found.as_slice() {
        [one] => Settled::Done(Receipt { account: Some(one.id.clone().into()), before: None, after: Some(one.raw.clone()) }),
        [] => Settled::Handed(format!("{name} was not found, and making it again could make two; a new plan looks again")),
        several => Settled::Handed(format!("there are {} called {name}", several.len())),
    })
}

/// Looks for what these creates made, by the attribute that carries the person's key, else by a unique one.
pub(super) async fn creates(connection: &Connection, watch: &dyn Watch, steps: &[Approved<Step>]) -> Result<Vec<Settled>, EngineError> {
    let manifest = connection.target.manifest();
    let unique = manifest.attributes.iter().find(|attribute| attribute.unique);
    let by = |step: &Step| -> Option<(&'static Attribute, String)> {
        let key = manifest.key_attribute.and_then(|name| manifest.attribute(name));
        [key, unique].into_iter().flatten().find_map(|attribute| {
            let value = step.set.get(attribute.name)?.after.as_text()?.to_owned();
            Some((attribute, value))
        })
    };
    let refuses_doubles = |step: &Step| unique.is_some_and(|unique| step.set.contains_key(unique.name));
    let mut wanted: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for step in steps {
        if let Some((attribute, value)) = by(step.get()) {
            wanted.entry(attribute.name).or_default().push(value);
        }
    }
    let mut found: Vec<Record> = Vec::new();
    let target = &connection.target;
    for (attribute, values) in wanted {
        let key = Key { attribute: attribute.to_owned(), values };
        let records = connection
            .ask(watch, |wire| {
                let key = key.clone();
                async move { target.find(&wire, Kind::Accounts, &key).await }
            })
            .await?;
        found.extend(records);
    }
    let accounts: Vec<(&Account, &Record)> = found
        .iter()
        .filter_map(|record| match &record.body {
            Body::Account(account) => Some((account, record)),
            _ => None,
        })
        .collect();
    Ok(steps
        .iter()
        .map(|step| {
            let step = step.get();
            let Some((attribute, value)) = by(step) else {
                return Settled::Handed("it has neither a key nor a unique value to look for".into());
            };
            let mut matching = accounts.iter().filter(|(account, _)| {
                account.attributes.get(attribute.name).and_then(Value::as_text).is_some_and(|have| same(attribute, have, &value))
            });
            match (matching.next(), matching.next()) {
                (Some((account, _)), None) if !account.active => {
                    Settled::Handed(format!("account {} has {} {value} and is inactive", account.id, attribute.name))
                }
                // Some apps take groups in a second call, which may be what was not heard of.
                (Some(_), None) if !step.add_groups.is_empty() && refuses_doubles(step) => Settled::Repeat,
                (Some((account, record)), None) => {
                    Settled::Done(Receipt { account: Some(account.id.clone()), before: None, after: Some(record.raw.clone()) })
                }
                (Some(_), Some(_)) => Settled::Handed(format!("several accounts have {} {value}", attribute.name)),
                (None, _) if refuses_doubles(step) => Settled::Repeat,
                (None, _) => {
                    Settled::Handed(format!("no account with {} {value} was found, and making it again could make two", attribute.name))
                }
            }
        })
        .collect())
}

fn same(attribute: &Attribute, a: &str, b: &str) -> bool {
    match attribute.compare {
        Compare::Exact => a == b,
        Compare::Folded => a.trim().to_lowercase() == b.trim().to_lowercase(),
    }
}
