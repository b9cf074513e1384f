//! Lists of what was read last, kept in memory until something is read again or the audit trail goes on (a run that ends leaves an entry), so
//! that what is kept is what the store has, whoever wrote to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::{AppName, Effect, Person, PersonKey, Run, RunId, RunState, Standing};
use serde::Serialize;
use store::AuditHead;

use crate::look::{LinkedAccount, PersonRow};
use crate::{Engine, EngineError};

/// What is kept.
#[derive(Default)]
pub(crate) struct Known {
    /// People, and as of when.
    people: Mutex<Option<(AsOf, Arc<Vec<PersonRow>>)>>,
    /// Runs that finished: nothing about them changes.
    flows: Mutex<HashMap<RunId, Flow>>,
}

/// The newest entry of the trail, and how many readings there were.
type AsOf = (Option<AuditHead>, i64);

/// How many people a run gave access to, and from how many it took it: joiners and leavers, as the apps saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Steps that gave access and were done.
    pub given: u64,
    /// Steps that took access and were done.
    pub taken: u64,
}

/// How many of the people who work here have an active account in each app, and who should have none any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The apps, in order; [`Covered::with_account`] goes by it.
    pub apps: Vec<AppName>,
    /// Everybody.
    pub all: Covered,
    /// By department, the largest first; "" where the roster names none.
    pub departments: Vec<(String, Covered)>,
}

/// So many people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Who work here, by the status column.
    pub here: usize,
    /// Of these, in each app, who have an active account that is linked to them.
    pub with_account: Vec<usize>,
    /// Who left and have one all the same, in each app.
    pub left_with_account: Vec<usize>,
}

impl Covered {
    fn add(&mut self, apps: &[AppName], person: &PersonRow) {
        self.with_account.resize(apps.len(), 0);
        self.left_with_account.resize(apps.len(), 0);
        let left = person.standing == Standing::Left;
        self.here += usize::from(!left);
        for (at, app) in apps.iter().enumerate() {
            let active = person.accounts.iter().any(|account| &account.app == app && account.active == Some(true));
            let counted = if left { &mut self.left_with_account } else { &mut self.with_account };
            counted[at] += usize::from(active);
        }
    }
}

impl PersonRow {
    /// Whether key, name, e-mail or department has this in it; `wanted` is in small letters.
    pub fn has(&self, wanted: &str) -> bool {
        wanted.is_empty()
            || [self.key.as_str(), &self.name, &self.email, &self.department].iter().any(|text| text.to_lowercase().contains(wanted))
    }
}

impl Engine {
    /// Everybody in the last reading of the roster, with their linked accounts, by key.
    ///
    /// # Errors
    /// Nothing has been read yet; the store fails.
    pub async fn people(&self) -> Result<Arc<Vec<PersonRow>>, EngineError> {
        let now = (self.store.audit_head().await?, self.store.readings_mark().await?);
        let kept = self.known.people.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, people)) = kept
            && of == now
        {
            return Ok(people);
        }
        let facts = self.stored_facts(&self.ask_now()).await?;
        let mut links: HashMap<&PersonKey, Vec<LinkedAccount>> = HashMap::new();
        for link in &facts.links {
            let active = facts.apps.get(&link.app).and_then(|reading| {
                let found = reading.accounts.binary_search_by(|account| account.id.cmp(&link.account)).ok()?;
                Some(reading.accounts[found].active)
            });
            let linked = LinkedAccount { app: link.app.clone(), account: link.account.to_string(), active };
            links.entry(&link.person).or_default().push(linked);
        }
        let row = |person: &Person| PersonRow {
            key: person.key.clone(),
            name: person.display_name(),
            email: person.get("email").to_owned(),
            department: person.get("department").to_owned(),
            standing: person.standing,
            accounts: links.remove(&person.key).unwrap_or_default(),
        };
        let people = Arc::new(facts.roster.people.iter().map(row).collect::<Vec<_>>());
        *self.known.people.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&people)));
        Ok(people)
    }

    /// How many of the people who work here have an account, by app and department.
    ///
    /// # Errors
    /// Like [`Engine::people`].
    pub async fn coverage(&self) -> Result<Coverage, EngineError> {
        let people = self.people().await?;
        let apps: Vec<AppName> = self.setup.apps.keys().cloned().collect();
        let (mut all, mut by_name) = (Covered::default(), HashMap::<&str, Covered>::new());
        for person in people.iter() {
            all.add(&apps, person);
            by_name.entry(&person.department).or_default().add(&apps, person);
        }
        let mut departments: Vec<(String, Covered)> = by_name.into_iter().map(|(name, covered)| (name.to_owned(), covered)).collect();
        departments.sort_by(|(a, of_a), (b, of_b)| of_b.here.cmp(&of_a.here).then_with(|| a.cmp(b)));
        Ok(Coverage { apps, all, departments })
    }

    /// What a run gave and took.
    ///
    /// # Errors
    /// There is no such run; the store fails.
    pub async fn flow(&self, run: &Run) -> Result<Flow, EngineError> {
        let kept = self.known.flows.lock().unwrap_or_else(PoisonError::into_inner).get(&run.id).copied();
        if let Some(flow) = kept {
            return Ok(flow);
        }
        let report = self.report(&run.id).await?;
        let done = |effect: Effect| report.effects.get(effect.word()).copied().unwrap_or_default();
        let flow = Flow { given: done(Effect::AccessGiven), taken: done(Effect::AccessLost) };
        if report.state == RunState::Finished {
            self.known.flows.lock().unwrap_or_else(PoisonError::into_inner).insert(run.id.clone(), flow);
        }
        Ok(flow)
    }
}
