//! What takes long to be found out from the store, kept in memory until something is read again or the audit trail goes on (a run that ends
//! leaves an entry), so that what is kept is what the store has, whoever wrote to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use model::{
    AppName, Certificate, Completeness, Digest, Effect, Finding, Person, PersonKey, Plan, Proposal, Run, RunId, RunState, Standing,
};
use plan::Planner;
use plan::report::Report;
use serde::Serialize;
use store::{AuditHead, CoverageNote, LatestFindings};

use crate::history::Histories;
use crate::look::{AppRead, LinkedAccount, PersonRow};
use crate::pages::Span;
use crate::{Engine, EngineError, Facts};

/// How far back the course of the coverage goes, in days, and how many instants of it are told at most.
const COURSE_DAYS: i64 = 90;
const COURSE_POINTS: i128 = 60;

/// What is kept.
#[derive(Default)]
pub(crate) struct Known {
    people: Memo<AsOf, Vec<PersonRow>>,
    coverage: Memo<AsOf, Coverage>,
    /// What was read of each app.
    pub(crate) read: Memo<AsOf, HashMap<AppName, AppRead>>,
    /// What the last planning found, and what runs since then left to be looked at.
    pub(crate) found: Memo<AsOf, (LatestFindings, Vec<Finding>)>,
    /// What the next planning would find at this instant.
    pub(crate) next: Memo<(AsOf, Timestamp), Next>,
    /// What runs did to each person.
    pub(crate) histories: Memo<AsOf, Histories>,
    /// The plan that was looked at last: what goes by a digest does not change.
    pub(crate) plan: Memo<Digest, Plan>,
    /// The finished run that was looked at last.
    pub(crate) report: Memo<(RunId, AsOf), Report>,
    pub(crate) course: Memo<(RunId, usize), Vec<Span>>,
    /// Runs that finished: nothing about them changes.
    flows: Mutex<HashMap<RunId, Flow>>,
}

/// What a planning would find, from what, and what it leaves for whoever asks about somebody.
pub(crate) struct Next {
    pub(crate) facts: Facts,
    pub(crate) proposal: Proposal,
    pub(crate) planner: Mutex<Planner>,
}

/// The newest entry of the trail, and how many readings there were.
pub(crate) type AsOf = (Option<AuditHead>, i64);

/// One thing that was found out, and what it rests on.  Who asks while it is being found out waits for it.
pub(crate) struct Memo<K, V>(tokio::sync::Mutex<Option<(K, Arc<V>)>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(tokio::sync::Mutex::new(None))
    }
}

impl<K: PartialEq, V> Memo<K, V> {
    /// What is kept, or what is found now and kept from then on.
    pub(crate) async fn get(&self, of: K, finding: impl Future<Output = Result<V, EngineError>>) -> Result<Arc<V>, EngineError> {
        let mut kept = self.0.lock().await;
        if let Some((known, what)) = &*kept
            && *known == of
        {
            return Ok(Arc::clone(what));
        }
        // What is kept is of the past by now: room for what comes.
        *kept = None;
        let what = Arc::new(finding.await?);
        *kept = Some((of, Arc::clone(&what)));
        Ok(what)
    }
}

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

/// What the coverage was as of a planning for everybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageThen {
    /// When it was read.
    pub at: Timestamp,
    /// Who worked here.
    pub here: u64,
    /// For each app that was read, who had an active account of these, and who had left and had one.
    pub apps: Vec<(AppName, u64, u64)>,
}

impl Coverage {
    fn of(apps: Vec<AppName>, people: &[PersonRow]) -> Self {
        let (mut all, mut by_name) = (Covered::default(), HashMap::<&str, Covered>::new());
        for person in people {
            all.add(&apps, person);
            by_name.entry(&person.department).or_default().add(&apps, person);
        }
        let mut departments: Vec<(String, Covered)> = by_name.into_iter().map(|(name, covered)| (name.to_owned(), covered)).collect();
        departments.sort_by(|(a, of_a), (b, of_b)| of_b.here.cmp(&of_a.here).then_with(|| a.cmp(b)));
        Self { apps, all, departments }
    }
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
        let found = async { Ok(rows(&self.stored_facts(&self.ask_now()).await?)) };
        self.known.people.get(self.as_of_now().await?, found).await
    }

    /// What is kept is good for as long as this is the same.
    pub(crate) async fn as_of_now(&self) -> Result<AsOf, EngineError> {
        Ok((self.store.audit_head().await?, self.store.readings_mark().await?))
    }

    /// How many of the people who work here have an account, by app and department.
    ///
    /// # Errors
    /// Like [`Engine::people`].
    pub async fn coverage(&self) -> Result<Arc<Coverage>, EngineError> {
        let found = async { Ok(Coverage::of(self.setup.apps.keys().cloned().collect(), &self.people().await?)) };
        self.known.coverage.get(self.as_of_now().await?, found).await
    }

    /// Keeps what the coverage is in these readings, for [`Engine::coverage_course`]: a part of a roster or of an app says nothing about it.
    pub(crate) async fn note_coverage(&self, facts: &Facts, at: Timestamp) -> Result<(), EngineError> {
        let whole = |certificate: &Certificate| matches!(certificate.completeness, Completeness::Complete { .. });
        if !whole(&facts.roster.certificate) {
            return Ok(());
        }
        let apps: Vec<AppName> =
            facts.apps.values().filter(|reading| whole(&reading.certificate)).map(|reading| reading.app.clone()).collect();
        let all = Coverage::of(apps.clone(), &rows(facts)).all;
        let count = |counted: &[usize], at: usize| counted.get(at).map_or(0, |people| *people as u64);
        let note = |(place, app): (usize, AppName)| CoverageNote {
            at,
            app,
            here: all.here as u64,
            with_account: count(&all.with_account, place),
            left_with_account: count(&all.left_with_account, place),
        };
        Ok(self.store.put_coverage(&apps.into_iter().enumerate().map(note).collect::<Vec<_>>()).await?)
    }

    /// How the coverage went in the last ninety days, the oldest first: each planning for everybody, or as many as can be told apart.
    ///
    /// # Errors
    /// The store fails.
    pub async fn coverage_course(&self) -> Result<Vec<CoverageThen>, EngineError> {
        let since = self.ports.clock.now().checked_sub(SignedDuration::from_hours(24 * COURSE_DAYS)).unwrap_or(Timestamp::MIN);
        let mut course: Vec<CoverageThen> = Vec::new();
        for note in self.store.coverage_since(since).await? {
            if course.last().is_none_or(|then| then.at != note.at) {
                course.push(CoverageThen { at: note.at, here: note.here, apps: Vec::new() });
            }
            if let Some(then) = course.last_mut() {
                then.apps.push((note.app, note.with_account, note.left_with_account));
            }
        }
        let (Some(first), Some(last)) = (course.first().map(|then| then.at), course.last().map(|then| then.at)) else {
            return Ok(course);
        };
        let span = (last.as_millisecond() - first.as_millisecond()).max(1);
        let part =
            |then: &CoverageThen| i128::from(then.at.as_millisecond() - first.as_millisecond()) * COURSE_POINTS / i128::from(span);
        // Of the plannings of a part of the time, the last.
        let mut told: Vec<CoverageThen> = Vec::new();
        for then in course {
            match told.last_mut() {
                Some(before) if part(before) == part(&then) && before.at != first => *before = then,
                _ => told.push(then),
            }
        }
        Ok(told)
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

/// Everybody of the roster, with their linked accounts.
fn rows(facts: &Facts) -> Vec<PersonRow> {
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
    facts.roster.people.iter().map(row).collect()
}
