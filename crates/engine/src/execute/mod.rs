//! Carrying out an approved plan: journal, wire, journal.
//!
//! Every call is journalled before it leaves (`started`, with the steps it carries) and after (`outcomes`), each in one durable commit.  On
//! resume, `started` without outcome is unknown: it is settled by looking, after a settle time (P6, P9).

mod lane;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use connector::Counts;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use model::{Actor, AppName, Approved, Digest, PLAN_VERSION, Plan, Run, RunId, RunState, Step, StepId, StepRecord, StepState};
use store::Epoch;
use tracing::Instrument;

use crate::connection::Connection;
use crate::propose::leave_out;
use crate::{Engine, EngineError, Event, Watch};
use lane::Lane;

/// How a run ended, in numbers; the report has the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: Run,
    /// Steps done, or found done.
    pub done: usize,
    /// Steps that were not: drifted, failed, skipped, unsettled.
    pub other: usize,
    /// Steps that have no outcome yet: the run stopped.
    pub left: usize,
    /// Requests sent, per app.
    pub requests: BTreeMap<AppName, u64>,
    /// Requests a minute that an app was found to take, where its limit is not known.
    pub found_per_minute: BTreeMap<AppName, u64>,
}

impl Engine {
    /// Carries out a plan that a live decision says yes to; uses the decision up.
    ///
    /// # Errors
    /// Not approved, expired, already used, another tenant, another owner at work: nothing was written.  A fault of an app while running is
    /// not an error but a stopped run in the summary.
    pub async fn execute(&self, digest: &Digest, watch: &dyn Watch) -> Result<RunSummary, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let asker = stored.summary.asker;
        self.check_plan(&stored.plan)?;
        self.check_decision(digest, &stored.plan, &asker, now).await?;
        let run = Run {
            id: RunId::new(self.ports.ids.id()),
            digest: *digest,
            decision: String::new(),
            state: RunState::Running,
            started: now,
            ended: None,
            stopped_by: String::new(),
        };
        let (connections, shut) = self.connect_all(&stored.plan, watch).await?;
        let taken = self.store.take_decision(digest, &run).await;
        let decision = match taken {
            Ok(decision) => decision,
            Err(error) => {
                close_all(&connections).await;
                return Err(error.into());
            }
        };
        self.remember_beginning(connections.keys(), now).await?;
        let run = Run { decision: decision.id.clone(), ..run };
        let approved = Approved::consume(decision, stored.plan, &asker, self.keys(), now, false)
            .map_err(|refusal| EngineError::Refused { digest: *digest, refusal })?;
        let within = span(&run);
        self.drive(run, approved, BTreeMap::new(), (connections, shut), watch).instrument(within).await
    }

    /// Goes on with a run that was cut off or stopped.
    ///
    /// # Errors
    /// As [`Engine::execute`]; [`EngineError::TooLate`] when it began longer ago than a yes counts; a finished run is returned as it is.
    pub async fn resume(&self, run: &RunId, watch: &dyn Watch) -> Result<RunSummary, EngineError> {
        let run = self.store.run(run).await?;
        let now = self.ports.clock.now();
        let stored = self.store.plan(&run.digest, now).await?;
        self.check_plan(&stored.plan)?;
        if run.state == RunState::Finished {
            let records = self.store.records(&run.id).await?;
            return Ok(summary(run, &stored.plan, &records, &BTreeMap::new()));
        }
        let until = self.resumable_until(&run);
        if now >= until {
            return Err(EngineError::TooLate { run: run.id, until });
        }
        // Whose yes it was may have been taken out of the configuration since.
        let decision = self.store.decision_of_run(&run.id).await?;
        decision
            .allows(&stored.plan, &stored.summary.asker, self.keys(), now, true)
            .map_err(|refusal| EngineError::Refused { digest: run.digest, refusal })?;
        let (connections, shut) = self.connect_all(&stored.plan, watch).await?;
        // Read when it is our turn, not before: until then somebody else may have gone on with it.
        let records = self.store.records(&run.id).await?;
        let decision = self.store.decision_of_run(&run.id).await?;
        let left = |step: &&Step| records.get(&step.id).is_none_or(|record| record.state == StepState::Started);
        if let Err(error) = self.not_frozen(&run.digest, &stored.plan, stored.plan.steps.iter().filter(left), decision.at, now) {
            close_all(&connections).await;
            return Err(error);
        }
        let approved = Approved::consume(decision, stored.plan, &stored.summary.asker, self.keys(), now, true)
            .map_err(|refusal| EngineError::Refused { digest: run.digest, refusal })?;
        self.store.set_run_state(&run.id, &epochs(&connections), RunState::Running, now, "").await?;
        let within = span(&run);
        self.drive(run, approved, records, (connections, shut), watch).instrument(within).await
    }

    /// The run to go on with where nobody names one: the oldest that is not finished and may still be resumed; else the oldest that is not
    /// finished, whose resuming says why it may not.
    ///
    /// # Errors
    /// The store fails.
    pub async fn next_to_resume(&self) -> Result<Option<Run>, EngineError> {
        let now = self.ports.clock.now();
        let mut unfinished = self.store.unfinished_runs().await?;
        let next = unfinished.iter().position(|run| now < self.resumable_until(run)).unwrap_or(0);
        Ok(if unfinished.is_empty() { None } else { Some(unfinished.swap_remove(next)) })
    }

    /// Until when a run may be resumed: for as long as a yes counts, from its beginning.  What was right to do then need not be later.
    pub(crate) fn resumable_until(&self, run: &Run) -> Timestamp {
        let lifetime = SignedDuration::from_secs(self.setup.policy.policy().approval.expires);
        run.started.checked_add(lifetime).unwrap_or(Timestamp::MAX)
    }

    /// What can be said about a plan without its decision: form and tenants.
    pub(crate) fn check_plan(&self, plan: &Plan) -> Result<(), EngineError> {
        let digest = plan.digest();
        if plan.version != PLAN_VERSION {
            return Err(EngineError::OtherVersion { digest, found: plan.version, known: PLAN_VERSION });
        }
        for (app, planned) in &plan.inputs.tenants {
            let configured = &self.app(app)?.fingerprint;
            if planned != configured {
                let (planned, configured) = (planned.to_string(), configured.to_string());
                return Err(EngineError::OtherTenant { digest, app: app.clone(), planned, configured });
            }
        }
        Ok(())
    }

    /// Whether the decision that is there would do, before it is used up.
    async fn check_decision(&self, digest: &Digest, plan: &Plan, asker: &Actor, now: Timestamp) -> Result<(), EngineError> {
        let Some(decided) = self.store.decided(digest).await? else { return Ok(()) };
        if let Some(run) = decided.used_by.clone()
            && self.store.run(&run).await?.state != RunState::Finished
        {
            // It was cut off, or it is at work just now: then what helps is to know who does it.
            for app in plan.steps.iter().map(|step| &step.app).collect::<BTreeSet<_>>() {
                self.nobody_works_on(app).await?;
            }
            return Err(EngineError::Unfinished { run });
        }
        decided
            .decision
            .allows(plan, asker, self.keys(), now, false)
            .map_err(|refusal| EngineError::Refused { digest: *digest, refusal })?;
        self.not_frozen(digest, plan, plan.steps.iter(), decided.decision.at, now)
    }

    /// Connections to the apps of a plan, and why the run goes on without some: they are in quarantine.
    ///
    /// # Errors
    /// An app cannot be used, or all of them are in quarantine.
    async fn connect_all(
        &self,
        plan: &Plan,
        watch: &dyn Watch,
    ) -> Result<(BTreeMap<AppName, Connection>, Vec<EngineError>), EngineError> {
        let (mut connections, mut shut) = (BTreeMap::new(), Vec::new());
        for app in plan.steps.iter().map(|step| &step.app).collect::<BTreeSet<_>>() {
            let error = match self.connect(app).await {
                Ok(connection) => {
                    connection.tell(watch);
                    connections.insert(app.clone(), connection);
                    continue;
                }
                Err(error) => error,
            };
            match leave_out(app, error, watch) {
                Ok(error) => shut.push(error),
                Err(error) => {
                    close_all(&connections).await;
                    return Err(error);
                }
            }
        }
        if connections.is_empty() && !shut.is_empty() {
            return Err(shut.remove(0));
        }
        Ok((connections, shut))
    }

    async fn drive(
        &self,
        run: Run,
        approved: Approved<Plan>,
        records: BTreeMap<StepId, StepRecord>,
        (connections, shut): (BTreeMap<AppName, Connection>, Vec<EngineError>),
        watch: &dyn Watch,
    ) -> Result<RunSummary, EngineError> {
        let plan = approved.get().clone();
        let mut by_app: BTreeMap<AppName, Vec<Approved<Step>>> = BTreeMap::new();
        for step in approved.into_steps() {
            by_app.entry(step.get().app.clone()).or_default().push(step);
        }
        let ended = |step: &Approved<Step>| records.get(&step.get().id).is_some_and(|record| record.state != StepState::Started);
        let to_do = by_app.iter().map(|(app, steps)| (app.clone(), steps.iter().filter(|step| !ended(step)).count())).collect();
        tracing::info!(steps = plan.steps.len(), ended = records.len(), "the run begins, or goes on");
        watch.event(Event::RunStarted { run: run.id.clone(), steps: to_do });
        let lanes = by_app.into_iter().filter_map(|(app, steps)| {
            let connection = connections.get(&app)?;
            Some(async { (app, Lane::new(self, connection, &run, steps, &records, watch).drive().await) })
        });
        let mut stopped_by: Vec<String> = shut.iter().map(ToString::to_string).collect();
        let ended = join_all(lanes).await;
        let noted = self.note(&run, &plan, &records, &connections, ended, &mut stopped_by).await;
        let counts: BTreeMap<AppName, Counts> =
            connections.iter().map(|(app, connection)| (app.clone(), connection.counts())).collect();
        let state = if stopped_by.is_empty() { RunState::Finished } else { RunState::Stopped };
        let why = stopped_by;
        let stopped_by = why.join("; ");
        let ended = self.ports.clock.now();
        let told = self.store.set_run_state(&run.id, &epochs(&connections), state, ended, &stopped_by).await;
        close_all(&connections).await;
        let noted = told.map_err(EngineError::from).and(noted);
        let records = match noted {
            Ok(()) => self.store.records(&run.id).await.map_err(EngineError::from),
            Err(error) => Err(error),
        };
        let run = Run { state, ended: Some(ended), stopped_by, ..run };
        self.meter.run(state);
        tracing::info!(finished = state == RunState::Finished, stopped_by = run.stopped_by, "the run ended");
        let records = match records {
            Ok(records) => self.remember_changes(run.id.as_str(), &plan, &records).await.map(|()| records),
            failed => failed,
        };
        match records {
            Ok(records) => Ok(summary(run, &plan, &records, &counts)),
            Err(EngineError::Store(error)) => {
                // What stopped it may be the very same.
                let said = error.to_string();
                let stopped_by = why.into_iter().filter(|why| !why.ends_with(&said)).collect::<Vec<_>>().join("; ");
                Err(EngineError::CutOff { run: run.id, store: self.store.location().to_string(), stopped_by, error: Box::new(error) })
            }
            Err(other) => Err(other),
        }
    }

    /// Takes notice of how the parts of a run ended: why it stopped, which app is in quarantine from now on, what failed alone.
    async fn note(
        &self,
        run: &Run,
        plan: &Plan,
        before: &BTreeMap<StepId, StepRecord>,
        connections: &BTreeMap<AppName, Connection>,
        ended: Vec<(AppName, Result<(), EngineError>)>,
        stopped_by: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        // Whatever the store says: why the run stopped is told.
        let (mut noted, records) = match self.store.records(&run.id).await {
            Ok(records) => (Ok(()), records),
            Err(error) => (Err(error.into()), BTreeMap::new()),
        };
        let has_outcome = |records: &BTreeMap<StepId, StepRecord>, step: &StepId| {
            records.get(step).is_some_and(|record| record.state != StepState::Started)
        };
        let mut stopped = BTreeSet::new();
        for (app, ended) in ended {
            let Err(error) = ended else {
                let well = self.went_well(&connections[&app]).await;
                noted = noted.and(well);
                continue;
            };
            let came_of_it =
                plan.steps.iter().any(|step| step.app == app && !has_outcome(before, &step.id) && has_outcome(&records, &step.id));
            let error = self.failed(&connections[&app], error, noted.is_ok() && !came_of_it).await;
            stopped_by.push(match &error {
                EngineError::App { .. } | EngineError::Rival { .. } | EngineError::Failing { .. } | EngineError::Quarantined { .. } => {
                    error.to_string()
                }
                other => format!("app {app}: {other}"),
            });
            stopped.insert(app);
        }
        match noted {
            Ok(()) => self.note_outcomes(run, plan, &records, &stopped).await,
            failed => failed,
        }
    }
}

/// What is logged of a run has its id, and its plan's.
fn span(run: &Run) -> tracing::Span {
    tracing::error_span!("run", run = %run.id, plan = %run.digest.short())
}

fn epochs(connections: &BTreeMap<AppName, Connection>) -> Vec<Epoch> {
    connections.values().map(|connection| connection.epoch.clone()).collect()
}

async fn close_all(connections: &BTreeMap<AppName, Connection>) {
    for connection in connections.values() {
        connection.close().await;
    }
}

fn summary(run: Run, plan: &Plan, records: &BTreeMap<StepId, StepRecord>, counts: &BTreeMap<AppName, Counts>) -> RunSummary {
    let (mut done, mut other, mut left) = (0, 0, 0);
    for step in &plan.steps {
        match records.get(&step.id).map(|record| &record.state) {
            None | Some(StepState::Started) => left += 1,
            Some(state) if state.is_done() => done += 1,
            Some(_) => other += 1,
        }
    }
    let requests = counts.iter().map(|(app, counts)| (app.clone(), counts.sent)).collect();
    let found_per_minute = counts.iter().filter_map(|(app, counts)| Some((app.clone(), counts.found_per_minute?))).collect();
    RunSummary { run, done, other, left, requests, found_per_minute }
}
