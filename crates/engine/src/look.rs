//! Looking at what is known: people, one person, apps, a run's report.  From the store only; nothing is asked of an app.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use model::{
    AccountId, Actor, AppName, Aside, Certificate, Finding, FindingKind, Health, Manifest, Person, PersonKey, Proof, Ref, RunId,
    RunState, Standing, Step, StepId, StepState,
};
use plan::report::Report;
use plan::{Explanation, Planner};
use serde::Serialize;
use store::LatestFindings;

use crate::known::Next;
use crate::propose::Facts;
use crate::session::{Deaths, Kept};
use crate::{Ask, Engine, EngineError};

/// One person in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PersonRow {
    /// The source's key.
    pub key: PersonKey,
    /// Display name.
    pub name: String,
    /// E-mail, or "".
    pub email: String,
    /// Department, or "".
    pub department: String,
    /// Employed or not, by the status column.
    pub standing: Standing,
    /// The linked accounts, per app.
    pub accounts: Vec<LinkedAccount>,
}

/// A linked account in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkedAccount {
    /// In which app.
    pub app: AppName,
    /// The vendor's id.
    pub account: String,
    /// Whether it can log in; none when the last reading did not show it.
    pub active: Option<bool>,
}

/// What was found, and when.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// When the last planning was.
    pub at: Timestamp,
    /// Whether it planned for everybody.
    pub everybody: bool,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// One app in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppRow {
    /// Its name.
    pub app: AppName,
    /// Its connector.
    pub connector: &'static str,
    /// The tenant.
    pub fingerprint: String,
    /// The last reading's certificate, if it was read.
    pub certificate: Option<Certificate>,
    /// Accounts in it.
    pub accounts: usize,
    /// Of these, active ones.
    pub active: usize,
    /// Links we keep.
    pub linked: usize,
    /// The profile that it spoke when it was read last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the log-in saw everybody then, as far as it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sees_all: Option<bool>,
    /// Whether configuration asserts that it does.
    pub scope_asserted: bool,
    /// The limit that is kept, in words.
    pub limit: String,
    /// How it behaves: quarantine, last failure, pace.
    pub health: Health,
    /// What is put aside in it: steps that failed alone, and wait.
    pub put_aside: Vec<Aside>,
    /// The log-in that is kept, if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<KeptSession>,
    /// When a rival log-in was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<Timestamp>,
}

/// What the last reading of an app says of all its accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppRead {
    accounts: usize,
    active: usize,
    linked: usize,
    certificate: Option<Certificate>,
    profile: Option<String>,
    sees_all: Option<bool>,
}

/// A log-in that is kept; never what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeptSession {
    /// When it was given out.
    pub since: Timestamp,
    /// Until when it is good, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Engine {
    /// Everything known of one person, and what the next plan would do: by key, e-mail, or whole name.
    ///
    /// # Errors
    /// Nobody, or several people, go by these words; nothing has been read yet; the store fails.
    pub async fn explain(&self, who: &str, as_of: Timestamp) -> Result<Explanation, EngineError> {
        let ask = Ask { as_of, ..self.ask_now() };
        let found = async {
            let facts = self.stored_facts(&ask).await?;
            let mut planner = Planner::default();
            let proposal = planner.propose(&self.given(&facts, &ask, &|step| self.review(step, &facts)));
            Ok(Next { facts, proposal, planner: Mutex::new(planner) })
        };
        let next = self.known.next.get((self.as_of_now().await?, as_of), found).await?;
        let Next { facts, proposal, planner } = &*next;
        let key = find(facts, who)?;
        let review = |step: &Step| self.review(step, facts);
        // An explanation that panicked left nothing behind that is half done.
        let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(planner.explain(&self.given(facts, &ask, &review), proposal, &key))
    }

    /// The same as of this minute: whoever looks at several people does not wait for each as for the first.
    ///
    /// # Errors
    /// As [`Engine::explain`].
    pub async fn explain_now(&self, who: &str) -> Result<Explanation, EngineError> {
        let now = self.ports.clock.now();
        let minute = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(60)).unwrap_or(now);
        self.explain(who, minute).await
    }

    /// What an app's connector can do; none where there is no such app.
    pub fn manifest(&self, app: &AppName) -> Option<&'static Manifest> {
        self.setup.apps.get(app).map(|setup| setup.target.manifest())
    }

    /// The configured apps and what was last read of them.
    ///
    /// # Errors
    /// The store fails.
    pub async fn apps(&self) -> Result<Vec<AppRow>, EngineError> {
        let mut rows = Vec::new();
        let read = self.known.read.get(self.as_of_now().await?, self.what_was_read()).await?;
        let aside = self.asides_now().await?;
        for (app, setup) in &self.setup.apps {
            // With another key it cannot be opened, and is not used either.
            let session = self.store.session(app).await.ok().flatten().and_then(|stored| Kept::times(&stored.secret));
            let read = read.get(app);
            rows.push(AppRow {
                app: app.clone(),
                connector: setup.target.manifest().connector,
                fingerprint: setup.fingerprint.to_string(),
                accounts: read.map_or(0, |read| read.accounts),
                active: read.map_or(0, |read| read.active),
                certificate: read.and_then(|read| read.certificate.clone()),
                linked: read.map_or(0, |read| read.linked),
                profile: read.and_then(|read| read.profile.clone()),
                sees_all: read.and_then(|read| read.sees_all),
                scope_asserted: self.setup.policy.policy().apps.get(app).is_some_and(|policy| policy.scope_all),
                limit: setup.limit_in_words(),
                health: self.store.health(app).await?,
                put_aside: aside.iter().filter(|one| &one.app == app).cloned().collect(),
                session: session.map(|(since, expires)| KeptSession { since, expires }),
                rival: Deaths::load(&self.store, app).await?.last(),
            });
        }
        Ok(rows)
    }

    async fn what_was_read(&self) -> Result<HashMap<AppName, AppRead>, EngineError> {
        let mut all = HashMap::new();
        for app in self.setup.apps.keys() {
            let linked = self.store.links_of(app).await?.len();
            let read = match self.store.latest_app_reading(app).await? {
                Some(reading) => AppRead {
                    accounts: reading.accounts.len(),
                    active: reading.accounts.iter().filter(|account| account.active).count(),
                    linked,
                    certificate: Some(reading.certificate),
                    profile: Some(reading.tenant.profile),
                    sees_all: reading.tenant.sees_all,
                },
                None => AppRead { linked, ..AppRead::default() },
            };
            all.insert(app.clone(), read);
        }
        Ok(all)
    }

    /// What a human should know: what the last planning found, and what runs since then left for a person to look at.
    ///
    /// # Errors
    /// Nothing was planned yet; the store fails.
    pub async fn findings(&self) -> Result<Found, EngineError> {
        let found = self.known.found.get(self.as_of_now().await?, self.found_last()).await?;
        let (latest, left) = &*found;
        let mut findings = latest.findings.clone();
        // Quarantines and what is put aside are told as they are now.
        let aside = self.asides_now().await?;
        findings.retain(|finding| match finding.kind {
            FindingKind::Quarantined => false,
            FindingKind::PutAside => {
                aside.iter().any(|one| Some(&one.app) == finding.app.as_ref() && (one.person.is_none() || one.person == finding.person))
            }
            _ => true,
        });
        findings.extend(self.told_of_quarantines().await?);
        findings.extend(self.rivals(latest.at).await?.into_iter().filter(|rival| !findings.contains(rival)).collect::<Vec<_>>());
        findings.extend(left.iter().cloned());
        Ok(Found { at: latest.at, everybody: latest.whole, findings })
    }

    /// What the last planning found, and what runs since then left to be looked at.
    async fn found_last(&self) -> Result<(LatestFindings, Vec<Finding>), EngineError> {
        let latest = self.store.findings().await?.ok_or_else(|| EngineError::NothingRead("the roster".into()))?;
        let mut findings = Vec::new();
        for run in self.store.runs().await?.into_iter().filter(|run| run.started >= latest.at) {
            let plan = self.store.plan(&run.digest, self.ports.clock.now()).await?.plan;
            let steps: HashMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
            for record in self.store.records(&run.id).await?.values() {
                let (kind, what) = match &record.state {
                    StepState::Drifted { found } => {
                        (FindingKind::Drift, format!("somebody else changed it after the plan was made: {found}"))
                    }
                    StepState::Unsettled { detail } => (FindingKind::Unsettled, detail.clone()),
                    _ => continue,
                };
                let Some(step) = steps.get(&record.step) else { continue };
                let mut finding = Finding::new(kind, what).in_app(&step.app).next("look at the account, then plan again");
                finding.person.clone_from(&step.person);
                finding.account = step.account.as_ref().and_then(Ref::id).map(AccountId::from);
                findings.push(finding);
            }
        }
        Ok((latest, findings))
    }

    /// What became of a run.
    ///
    /// # Errors
    /// There is no such run; the store fails.
    pub async fn report(&self, run: &RunId) -> Result<Report, EngineError> {
        let run = self.store.run(run).await?;
        let found = async {
            let plan = self.known_plan(&run.digest).await?;
            let records: Vec<_> = self.store.records(&run.id).await?.into_values().collect();
            Ok(plan::report::report(&run, &plan, &records))
        };
        // About a run that finished nothing changes any more but what was put aside.
        let mut report = match run.state {
            RunState::Finished => Report::clone(&*self.known.report.get((run.id.clone(), self.as_of_now().await?), found).await?),
            RunState::Running | RunState::Stopped => found.await?,
        };
        let asides = self.asides_now().await?;
        for undone in report.open.iter_mut().chain(&mut report.all) {
            if let Some(one) = asides.iter().find(|one| one.step == undone.step) {
                let until = format!("put aside until {:.0}", one.until);
                undone.detail = if undone.detail.is_empty() { until } else { format!("{}; {until}", undone.detail) };
            }
        }
        for app in report.counts.keys() {
            let found = self
                .store
                .health(app)
                .await?
                .pace
                .filter(|found| Some(found.at) >= Some(run.started) && run.ended.is_none_or(|ended| found.at <= ended));
            if let Some(found) = found {
                report.found_per_minute.insert(app.clone(), found.per_minute);
            }
        }
        Ok(report)
    }

    pub(crate) fn ask_now(&self) -> Ask {
        Ask {
            as_of: self.ports.clock.now(),
            only: None,
            full: false,
            asker: Actor { name: String::new(), proof: Proof::Unauthenticated },
        }
    }
}

/// A key is taken at its word; an e-mail or a whole name must be one person's.
fn find(facts: &Facts, who: &str) -> Result<PersonKey, EngineError> {
    let people = &facts.roster.people;
    let wanted = who.trim().to_lowercase();
    if people.iter().any(|person| person.key.as_str() == who)
        || facts.roster.held.contains(who)
        || facts.links.iter().any(|link| link.person.as_str() == who)
    {
        return Ok(PersonKey::from(who));
    }
    let fits = |person: &&Person| person.get("email").to_lowercase() == wanted || person.display_name().to_lowercase() == wanted;
    let found: Vec<&Person> = people.iter().filter(fits).collect();
    match found.as_slice() {
        [] => Err(EngineError::Nobody { who: who.to_owned() }),
        [one] => Ok(one.key.clone()),
        several => {
            let candidates =
                several.iter().map(|person| format!("{} ({}, {})", person.key, person.display_name(), person.get("email"))).collect();
            Err(EngineError::Several { who: who.to_owned(), candidates })
        }
    }
}
