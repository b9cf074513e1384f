//! Read everything, compute what has to change, keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use model::{Actor, AppName, AppReading, Aside, Digest, Finding, Link, PersonKey, Plan, Proposal, SourceReading, Step};
use plan::{Again, Counted, Counting, Given, Past, Planner};
use serde::Serializer as _;
use store::PlanSummary;
use tracing::Instrument as _;

use crate::connection::Connection;
use crate::named::For;
use crate::read::Reading;
use crate::{Engine, EngineError, RowPlaces, Watch};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The instant to plan for; it is an input like any other.
    pub as_of: Timestamp,
    /// Only these people; everybody when none are named.
    pub only: Option<BTreeSet<PersonKey>>,
    /// Whether apps are read as a whole, also where what changed would do.
    pub full: bool,
    /// Who asks.
    pub asker: Actor,
}

/// A proposal as it was kept.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// The plans and findings.
    pub proposal: Proposal,
    /// The digest of each plan, as [`Proposal::plans`] lists them.
    pub digests: Vec<Digest>,
    /// How each stands in the store, in the same order.
    pub stands: Vec<PlanSummary>,
}

/// What planning rests on, as it was read.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What the employment source said, joined by the others.
    pub roster: SourceReading,
    /// Rows of that source's last good reading, if there was one.
    pub last_good: Option<u64>,
    /// What the apps said.
    pub apps: BTreeMap<AppName, AppReading>,
    /// All known links.
    pub links: Vec<Link>,
    /// What guards have to remember of earlier runs and pending plans.
    pub earlier: Vec<Counted>,
    /// Steps that failed alone and wait.
    pub aside: Vec<Aside>,
    /// What else is known of the time before.
    pub past: Past,
    /// What was found while reading, beside what readings say.
    pub told: Vec<Finding>,
}

impl Facts {
    /// Frees them on another thread: a million people take a second and a half of it, which whoever asked need not wait for.
    fn free_aside(self) {
        drop(tokio::task::spawn_blocking(move || drop(self)));
    }
}

impl Engine {
    /// Reads the roster and every app, and proposes what has to change.  Nothing is written to an app.
    ///
    /// # Errors
    /// The roster or an app cannot be read, another process uses an app, the store fails.  What was read until then is kept.
    pub async fn propose(&self, ask: Ask, watch: &dyn Watch) -> Result<Proposed, EngineError> {
        let began = self.ports.clock.now();
        let name = self.employment()?;
        let last_good = self.store.last_good_count(&name).await?;
        let roster = self.read_sources(ask.only.is_none(), watch).await?;
        self.check_attributes(&roster.attributes.keys().cloned().collect())?;
        self.check_people(ask.only.as_ref(), &roster.reading).await?;
        let mut connections = BTreeMap::new();
        let read = self.read_apps(&mut connections, &roster.reading, last_good, &ask, watch).await;
        for connection in connections.values() {
            connection.close().await;
        }
        let readings = read?;
        let mut apps = BTreeMap::new();
        for (app, Reading { reading, raw, base }) in readings {
            self.put_reading(&reading, raw, base.as_ref()).await?;
            apps.insert(app, reading);
        }
        let mut told = self.rivals(began).await?;
        told.extend(self.told_of_quarantines().await?);
        self.sweep_images().await?;
        let aside = self.asides_now().await?;
        let links = self.store.links().await?;
        let (earlier, past) = (Vec::new(), Past::default());
        let facts = Facts { roster: roster.reading, last_good, apps, links, earlier, past, aside, told };
        if ask.only.is_none() {
            self.note_coverage(&facts, began).await?;
        }
        let proposed = self.keep(&facts, &ask, &roster.rows).await;
        facts.free_aside();
        proposed
    }

    /// Plans from the newest readings in the store and keeps the proposal: what [`Engine::propose`] does after reading.
    ///
    /// # Errors
    /// Nothing has been read yet, or the store fails.
    pub async fn propose_from_stored(&self, ask: Ask) -> Result<Proposed, EngineError> {
        let facts = self.stored_facts(&ask).await?;
        let proposed = self.keep(&facts, &ask, &RowPlaces::default()).await;
        facts.free_aside();
        proposed
    }

    /// Plans from what is at hand, and what was done and asked for until now, and keeps the proposal.
    ///
    /// # Errors
    /// The store fails.
    pub async fn propose_from(&self, facts: &Facts, ask: &Ask) -> Result<Proposed, EngineError> {
        self.keep(facts, ask, &RowPlaces::default()).await
    }

    /// Plans with what the last planning knew, where it is kept ([`Engine::planning_again`]).
    fn planned<T>(&self, given: &Given<'_>, again: impl FnOnce(&mut Planner, &Given<'_>) -> T) -> T {
        match &self.planner {
            // A planning that panicked left nothing behind that is half done.
            Some(planner) => again(&mut planner.lock().unwrap_or_else(PoisonError::into_inner), given),
            None => again(&mut Planner::default(), given),
        }
    }

    /// Plans and keeps the proposal.  Plans that others put beside it meanwhile, and runs that began, were not counted by our guards: then it
    /// is planned again, so that of all who plan at the same time each has counted those before.
    async fn keep(&self, facts: &Facts, ask: &Ask, rows_at: &RowPlaces) -> Result<Proposed, EngineError> {
        let lifetime = SignedDuration::from_secs(self.setup.policy.policy().approval.expires);
        loop {
            let mark = self.store.mark().await?;
            let earlier = self.earlier(ask.as_of, ask.only.is_none()).await?;
            let past = self.past(ask).await?;
            let review = |step: &Step| self.review(step, facts);
            let given = Given { earlier: &earlier, past: &past, ..self.given(facts, ask, &review) };
            let mut proposal = self.planned(&given, Planner::propose);
            rows_at.locate(&mut proposal.findings);
            proposal.findings.extend(facts.told.iter().cloned());
            let now = self.ports.clock.now();
            let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
            let (counting, again) = (Counting::new(proposal.plans(), &facts.roster), Again::of(&earlier));
            let counted = |plan: &Plan, steps: &[Step]| {
                rows(steps.iter().map(|step| Counted { undoes: again.done_by(step), ..counting.of(plan, step) }))
            };
            let put = self.store.put_proposal_after(mark, &proposal, &ask.asker, now, expires, &counted).await?;
            if let Some(mut stands) = put {
                let open = stands.remove(0);
                stands.insert(0, self.approve_ahead(open, proposal.open.inputs.standing).await?);
                if ask.only.is_none() {
                    let plans: Vec<_> = proposal.plans().collect();
                    self.forget_others(facts.apps.keys(), &plans).await?;
                }
                for plan in stands.iter().filter(|plan| plan.steps > 0) {
                    tracing::info!(plan = %plan.digest.short(), steps = plan.steps, held = plan.class != model::Class::Open, "a plan");
                }
                let digests = stands.iter().map(|plan| plan.digest).collect();
                return Ok(Proposed { proposal, digests, stands });
            }
        }
    }

    /// What the vendor would refuse about a step, as its connector knows without asking.
    pub(crate) fn review(&self, step: &Step, facts: &Facts) -> Vec<Finding> {
        let (Some(app), Some(reading)) = (self.setup.apps.get(&step.app), facts.apps.get(&step.app)) else { return Vec::new() };
        let mut findings = app.target.review(step, &reading.tenant);
        for finding in &mut findings {
            finding.app.get_or_insert_with(|| step.app.clone());
            finding.person = finding.person.take().or_else(|| step.person.clone());
        }
        findings
    }

    pub(crate) fn given<'a>(&'a self, facts: &'a Facts, ask: &'a Ask, review: &'a (dyn Fn(&Step) -> Vec<Finding> + Sync)) -> Given<'a> {
        Given {
            policy: &self.setup.policy,
            as_of: ask.as_of,
            now: self.ports.clock.now(),
            roster: &facts.roster,
            last_good: facts.last_good,
            apps: &facts.apps,
            links: &facts.links,
            earlier: &facts.earlier,
            aside: &facts.aside,
            past: &facts.past,
            only: ask.only.as_ref(),
            review,
        }
    }

    /// The newest readings and what else planning rests on, from the store.
    ///
    /// # Errors
    /// Nothing has been read yet, or the store fails.
    pub async fn stored_facts(&self, ask: &Ask) -> Result<Facts, EngineError> {
        let name = self.employment()?;
        let missing = |what: String| EngineError::NothingRead(what);
        // Large readings take a while to unpack: all at the same time, each on a thread of its own.
        let (store, source) = (self.store.clone(), name.clone());
        let roster = tokio::spawn(async move { store.latest_source_reading(&source).await });
        let reads: Vec<_> = self
            .setup
            .apps
            .keys()
            .map(|app| {
                let (store, of) = (self.store.clone(), app.clone());
                (app.clone(), tokio::spawn(async move { store.latest_app_reading(&of).await }))
            })
            .collect();
        let roster = joined(roster).await?.ok_or_else(|| missing(format!("source {name}")))?;
        let mut apps = BTreeMap::new();
        for (app, read) in reads {
            match joined(read).await? {
                Some(reading) => drop(apps.insert(app, reading)),
                // It was in quarantine since before it could be read once.
                None if self.store.health(&app).await?.quarantine.is_some() => {}
                None => return Err(missing(format!("app {app}"))),
            }
        }
        let earlier = self.earlier(ask.as_of, ask.only.is_none()).await?;
        let last_good = self.store.last_good_count(&name).await?;
        let past = self.past(ask).await?;
        let aside = self.asides_now().await?;
        Ok(Facts { roster, last_good, apps, links: self.store.links().await?, earlier, past, aside, told: Vec::new() })
    }

    /// Removes the images that were kept for long enough.
    async fn sweep_images(&self) -> Result<(), EngineError> {
        let Some(seconds) = self.keep_images else { return Ok(()) };
        let now = self.ports.clock.now();
        if let Ok(until) = now.checked_sub(SignedDuration::from_secs(seconds)) {
            self.store.sweep_images(until, now).await?;
        }
        Ok(())
    }

    async fn read_apps(
        &self,
        connections: &mut BTreeMap<AppName, Connection>,
        roster: &SourceReading,
        last_good: Option<u64>,
        ask: &Ask,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<AppName, Reading>, EngineError> {
        // What is asked of the others does not wait for an app in quarantine; when there are no others, that is the answer.
        let mut left_out = None;
        for app in self.setup.apps.keys() {
            match self.connect(app).await {
                Ok(connection) => {
                    connection.tell(watch);
                    connections.insert(app.clone(), connection);
                }
                Err(error) => left_out = Some(leave_out(app, error, watch)?),
            }
        }
        let policy = self.setup.policy.policy();
        let whom = For { ask, roster, last_good };
        let reads = connections.iter().filter_map(|(app, connection)| {
            let app_policy = policy.apps.get(app)?;
            Some(async move {
                let within = tracing::debug_span!("read", %app);
                let read = self.read_app(connection, app_policy, whom, watch).instrument(within).await;
                Ok::<_, EngineError>((app.clone(), self.or_left_out(connection, read, watch).await?))
            })
        });
        let mut readings: BTreeMap<AppName, Reading> = BTreeMap::new();
        for (app, read) in futures_util::future::try_join_all(reads).await? {
            match read {
                Ok(reading) => drop(readings.insert(app, reading)),
                Err(error) => left_out = Some(error),
            }
        }
        if readings.is_empty()
            && let Some(error) = left_out
        {
            return Err(error);
        }
        let links = self.store.links().await?;
        let apps: BTreeMap<AppName, AppReading> =
            readings.iter().map(|(app, reading)| (app.clone(), reading.reading.clone())).collect();
        let (earlier, past) = (Vec::new(), Past::default());
        let facts = Facts { roster: roster.clone(), last_good, apps, links, earlier, past, aside: Vec::new(), told: Vec::new() };
        let review = |step: &Step| self.review(step, &facts);
        for (app, accounts) in self.planned(&self.given(&facts, ask, &review), Planner::enrolments_to_read) {
            if let (Some(connection), Some(reading)) = (connections.get(&app), readings.get_mut(&app)) {
                let read = self.read_enrolments(connection, reading, &accounts, watch).await;
                if self.or_left_out(connection, read, watch).await?.is_err() {
                    readings.remove(&app);
                }
            }
        }
        for app in readings.keys() {
            self.went_well(&connections[app]).await?;
        }
        Ok(readings)
    }

    /// What was read of an app, or the error that put it in quarantine: then the planning goes on without it.
    async fn or_left_out<T>(
        &self,
        connection: &Connection,
        read: Result<T, EngineError>,
        watch: &dyn Watch,
    ) -> Result<Result<T, EngineError>, EngineError> {
        match read {
            Ok(read) => Ok(Ok(read)),
            Err(error) => leave_out(&connection.app, self.failed(connection, error, true).await, watch).map(Err),
        }
    }

    /// A key that neither the roster nor a link knows is a typing error, not somebody with nothing to do.
    async fn check_people(&self, only: Option<&BTreeSet<PersonKey>>, roster: &SourceReading) -> Result<(), EngineError> {
        let in_roster = |key: &PersonKey| roster.held.contains(key) || roster.people.iter().any(|person| person.key == *key);
        let unknown: Vec<&PersonKey> = only.into_iter().flatten().filter(|key| !in_roster(key)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let links = self.store.links().await?;
        match unknown.into_iter().find(|key| !links.iter().any(|link| link.person == **key)) {
            Some(key) => Err(EngineError::Nobody { who: key.to_string() }),
            None => Ok(()),
        }
    }

    /// A rule that reads an attribute which no column gives is a mistake in the policy, not an empty value.
    fn check_attributes(&self, known: &BTreeSet<String>) -> Result<(), EngineError> {
        let unknown = self.setup.policy.reads().into_iter().find(|attribute| !known.contains(attribute));
        let Some(attribute) = unknown else { return Ok(()) };
        let nearest = plan::nearest(&attribute, known.iter().map(String::as_str)).map(str::to_owned);
        let known = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        Err(EngineError::UnknownAttribute { attribute, nearest, known })
    }
}

/// Tells that the work goes on without an app that is in quarantine; every other error ends it.
pub(crate) fn leave_out(app: &AppName, error: EngineError, watch: &dyn Watch) -> Result<EngineError, EngineError> {
    if !matches!(error, EngineError::Quarantined { .. }) {
        return Err(error);
    }
    watch.event(crate::Event::LeftOut { app: app.clone(), why: error.to_string() });
    Ok(error)
}

/// What a task gave; a panic in it goes on here.
pub(crate) async fn joined<T>(task: tokio::task::JoinHandle<Result<T, store::StoreError>>) -> Result<T, EngineError> {
    match task.await {
        Ok(result) => Ok(result?),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// What the guards count of some steps, as JSON.
pub(crate) fn rows(counted: impl Iterator<Item = Counted>) -> Vec<u8> {
    let mut text = Vec::new();
    serde_json::Serializer::new(&mut text).collect_seq(counted).expect("rows are JSON: text keys, whole numbers");
    text
}
