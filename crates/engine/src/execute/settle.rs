//! What became of writes whose outcome is unknown (P6).
//!
//! A write that got no clear answer may still take effect.  What that would do once the same was written again, the manifest says
//! ([`LandsLate`]): where the vendor refuses it, or where it changes nothing, one look is enough; where it would overwrite or double, the
//! look is repeated until nothing can come any more.

use std::collections::BTreeMap;
use std::time::Duration;

use connector::{Body, Key, LandsLate, Record};
use model::{Account, AccountId, Approved, Attribute, Compare, Kind, Receipt, Step, Value, Verb};

use crate::connection::Connection;
use crate::{Engine, EngineError, Watch};

/// How long a write mostly takes to show: before the first look.  Each further look comes after twice as long.
const SETTLE: Duration = Duration::from_secs(2);

/// What a look said about a write.
pub(super) enum Settled {
    /// What the step makes is there, as it wanted it.
    Done(Receipt),
    /// It may be done again: it is not there, or its effect shows and doing it again confirms or completes it.
    Repeat { shows: bool },
    /// A person has to look.
    Handed(String),
}

impl Settled {
    /// Whether the write has taken effect, so that it cannot come any more.
    fn shows(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Repeat { shows: true })
    }
}

/// Looks for what these steps did, until it shows or may be done again without harm; `since` is when they were last written.
pub(super) async fn settle(
    engine: &Engine,
    connection: &Connection,
    watch: &dyn Watch,
    steps: &[Approved<Step>],
    since: Duration,
) -> Result<Vec<Settled>, EngineError> {
    let manifest = connection.target.manifest();
    let until = since + connection.settle;
    let mut pause = SETTLE;
    loop {
        let left = until.saturating_sub(engine.ports.clock.elapsed());
        engine.ports.sleep.sleep(pause.min(left)).await;
        pause *= 2;
        connection.keep().await?;
        let settled = look(connection, watch, steps).await?;
        let may_come =
            |(step, settled): (&Approved<Step>, &Settled)| !settled.shows() && manifest.lands_late(step.get().verb).is_waited_for();
        if engine.ports.clock.elapsed() >= until || !steps.iter().zip(&settled).any(may_come) {
            return Ok(settled);
        }
    }
}

/// One look for what each of these steps did.
async fn look(connection: &Connection, watch: &dyn Watch, steps: &[Approved<Step>]) -> Result<Vec<Settled>, EngineError> {
    let made: Vec<&Step> = steps.iter().map(Approved::get).filter(|step| step.verb == Verb::Create).collect();
    let mut made = creates(connection, watch, &made).await?.into_iter();
    let mut shown = changes(connection, watch, steps).await?.into_iter();
    let mut settled = Vec::with_capacity(steps.len());
    for step in steps {
        let shows = shown.next().unwrap_or_default();
        settled.push(match step.get().verb {
            Verb::Create => made.next().expect("one for each create"),
            Verb::CreateDepartment | Verb::CreateGroup => structure(connection, watch, step.get()).await?,
            // It looks by itself when it is tried again.
            _ => Settled::Repeat { shows },
        });
    }
    Ok(settled)
}

/// For each step whether it changes an account and its effect shows; looked for only where one that comes late does harm.
async fn changes(connection: &Connection, watch: &dyn Watch, steps: &[Approved<Step>]) -> Result<Vec<bool>, EngineError> {
    let manifest = connection.target.manifest();
    let about = |step: &Step| match step.verb {
        Verb::Restore | Verb::Update | Verb::Relate | Verb::Leave if manifest.lands_late(step.verb).is_waited_for() => {
            step.account.as_ref()?.id().map(str::to_owned)
        }
        _ => None,
    };
    let ids: Vec<String> = steps.iter().filter_map(|step| about(step.get())).collect();
    if ids.is_empty() {
        return Ok(vec![false; steps.len()]);
    }
    let (target, key) = (&connection.target, Key { attribute: "id".to_owned(), values: ids });
    let ask = |wire| {
        let key = key.clone();
        async move { target.find(&wire, Kind::Accounts, &key).await }
    };
    let found = connection.ask(watch, ask).await?;
    let accounts: BTreeMap<&str, &Account> = found
        .iter()
        .filter_map(|record| match &record.body {
            Body::Account(account) => Some((record.id.as_str(), account)),
            _ => None,
        })
        .collect();
    let shows = |step: &Step| {
        let Some(account) = about(step).and_then(|id| accounts.get(id.as_str()).copied()) else { return false };
        let active = match step.verb {
            Verb::Restore => account.active,
            Verb::Leave => !account.active,
            _ => true,
        };
        active
            && step.set.iter().all(|(name, change)| {
                let is = account.attributes.get(name.as_str()).unwrap_or(&Value::Null);
                match (manifest.attribute(name), is.as_text(), change.after.as_text()) {
                    (Some(attribute), Some(is), Some(wanted)) => same(attribute, is, wanted),
                    _ => *is == change.after,
                }
            })
    };
    Ok(steps.iter().map(|step| shows(step.get())).collect())
}

/// For each of these creates whether the account that its person has holds the unique values that it would have: then the app refuses another.
pub(super) async fn taken(
    connection: &Connection,
    watch: &dyn Watch,
    creates: &[Approved<Step>],
    of: impl Iterator<Item = &AccountId>,
) -> Result<Vec<bool>, EngineError> {
    let of: Vec<String> = of.map(ToString::to_string).collect();
    let manifest = connection.target.manifest();
    let unique: Vec<&Attribute> = manifest.attributes.iter().filter(|attribute| attribute.unique).collect();
    if of.is_empty() || unique.is_empty() || manifest.lands_late(Verb::Create) == LandsLate::Doubles {
        return Ok(vec![false; creates.len()]);
    }
    let (target, key) = (&connection.target, Key { attribute: "id".to_owned(), values: of.clone() });
    let ask = |wire| {
        let key = key.clone();
        async move { target.find(&wire, Kind::Accounts, &key).await }
    };
    let found = connection.ask(watch, ask).await?;
    let held = |id: &String, step: &Step| {
        let Some(Body::Account(account)) = found.iter().find(|record| record.id == *id).map(|record| &record.body) else {
            return false;
        };
        let mut wanted =
            unique.iter().filter_map(|attribute| Some((*attribute, step.set.get(attribute.name)?.after.as_text()?))).peekable();
        wanted.peek().is_some()
            && wanted.all(|(attribute, wanted)| {
                account.attributes.get(attribute.name).and_then(Value::as_text).is_some_and(|have| same(attribute, have, wanted))
            })
    };
    Ok(of.iter().zip(creates).map(|(id, step)| held(id, step.get())).collect())
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
pub(super) async fn creates(connection: &Connection, watch: &dyn Watch, steps: &[&Step]) -> Result<Vec<Settled>, EngineError> {
    let manifest = connection.target.manifest();
    let unique = manifest.attributes.iter().find(|attribute| attribute.unique);
    let by = |step: &Step| -> Option<(&'static Attribute, String)> {
        let key = manifest.key_attribute.and_then(|name| manifest.attribute(name));
        [key, unique].into_iter().flatten().find_map(|attribute| {
            let value = step.set.get(attribute.name)?.after.as_text()?.to_owned();
            Some((attribute, value))
        })
    };
    let doubles = manifest.lands_late(Verb::Create) == LandsLate::Doubles;
    let may_repeat = |step: &Step| !doubles && unique.is_some_and(|unique| step.set.contains_key(unique.name));
    let mut wanted: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for step in steps {
        if let Some((attribute, value)) = by(step) {
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
                (Some(_), None) if !step.add_groups.is_empty() && may_repeat(step) => Settled::Repeat { shows: true },
                (Some((account, record)), None) => {
                    Settled::Done(Receipt { account: Some(account.id.clone()), before: None, after: Some(record.raw.clone()) })
                }
                (Some(_), Some(_)) => Settled::Handed(format!("several accounts have {} {value}", attribute.name)),
                (None, _) if may_repeat(step) => Settled::Repeat { shows: false },
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
