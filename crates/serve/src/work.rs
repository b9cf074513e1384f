//! What the server does for somebody while they look on: plannings, runs, undos.  Each is one task, with its progress for whoever watches.
//!
//! What came of it is in the store; this is only what is under way and what ended lately, and is gone when the server ends.  A run that is
//! stopped then can be resumed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{Ask, Engine, EngineError, Event, Proposed, Revert, RunSummary, Watch};
use jiff::Timestamp;
use model::{Actor, AppName, Digest, PersonKey, RunId, RunState};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use crate::meters::Meters;
use crate::server::Notes;

/// How many jobs that ended are remembered.
const REMEMBERED: usize = 200;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Task {
    /// Read, and plan: for these people, or for everybody.
    Plan {
        /// For whom only.
        #[serde(skip_serializing_if = "Option::is_none")]
        people: Option<BTreeSet<PersonKey>>,
    },
    /// Carry out an approved plan.
    Run {
        /// Which.
        plan: Digest,
    },
    /// Go on with a run.
    Resume {
        /// Which.
        run: RunId,
    },
    /// Plan what takes a run back.
    Revert {
        /// Which.
        run: RunId,
    },
}

/// What is known of a job at one time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    /// A UUID v7.
    pub(crate) id: String,
    /// What it does.
    pub(crate) task: Task,
    /// For whom.
    pub(crate) by: String,
    /// Since when.
    pub(crate) began: Timestamp,
    /// How far it is.
    pub(crate) progress: Progress,
    /// What came of it; none while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) came: Option<Came>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
}

/// How far a job is.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Progress {
    /// Records read, of each source and app.
    pub(crate) read: BTreeMap<String, Read>,
    /// The run, once it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// Steps, of each app.
    pub(crate) steps: BTreeMap<AppName, Steps>,
    /// What was told on the way: waits, apps left out, quarantines that ended.  The last twenty.
    pub(crate) notes: VecDeque<String>,
}

/// How much of something was read.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Read {
    /// Records so far.
    pub(crate) records: u64,
    /// Records in all, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
    /// How complete it is, in words, once it is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<String>,
}

/// How many steps of an app ended.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Steps {
    /// To be done when it began.
    pub(crate) total: usize,
    /// Done, or found done.
    pub(crate) done: usize,
    /// Ended otherwise.
    pub(crate) other: usize,
}

/// What came of a job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum Came {
    /// Plans.
    Planned {
        /// Which proposal.
        proposal: Option<u64>,
        /// The digests: the open plan, then the held ones.
        plans: Vec<Digest>,
    },
    /// A run.
    Ran {
        /// Which.
        run: RunId,
        /// How it ended.
        state: RunState,
        /// Steps done, or found done.
        done: usize,
        /// Steps that ended otherwise.
        other: usize,
        /// Steps without an outcome.
        left: usize,
        /// Requests sent, per app.
        requests: BTreeMap<AppName, u64>,
    },
    /// An error: nothing was done, unless it says so.
    Failed {
        /// What happened.
        what: String,
        /// What to do.
        next: String,
    },
}

/// The jobs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Work(Arc<Inner>);

struct Inner {
    engine: Arc<Engine>,
    notes: Notes,
    stop: watch::Receiver<bool>,
    meters: Arc<Meters>,
    jobs: Mutex<VecDeque<Kept>>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Clone)]
struct Kept {
    job: watch::Receiver<Job>,
    stop: Arc<AtomicBool>,
}

impl Work {
    pub(crate) fn new(engine: Arc<Engine>, notes: Notes, meters: Arc<Meters>, stop: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Inner { engine, notes, stop, meters, jobs: Mutex::default(), tasks: Mutex::default() }))
    }

    /// Whether the server was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.stop.borrow()
    }

    /// Returns when the server is told to stop.
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + use<> {
        let mut stop = self.0.stop.clone();
        async move { drop(stop.wait_for(|stop| *stop).await) }
    }

    /// Begins to do something for somebody; what it is, to be watched.
    pub(crate) fn begin(&self, task: Task, by: Actor) -> watch::Receiver<Job> {
        let inner = &self.0;
        let (id, began) = (inner.engine.new_id(), inner.engine.now());
        let job = Job { id, task: task.clone(), by: by.name.clone(), began, progress: Progress::default(), came: None, ended: None };
        let (tell, seen) = watch::channel(job);
        let stop = Arc::new(AtomicBool::new(false));
        let mut jobs = inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push_back(Kept { job: seen.clone(), stop: Arc::clone(&stop) });
        while jobs.len() > REMEMBERED && jobs.front().is_some_and(|kept| kept.job.borrow().came.is_some()) {
            jobs.pop_front();
        }
        drop(jobs);
        let shared = Arc::clone(inner);
        let mut tasks = inner.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let word = task.word();
        let within = tracing::error_span!("job", job = id_of(&seen), task = word);
        let work = async move {
            let eye = Eye { tell, stop, server: shared.stop.clone() };
            tracing::info!("a job begins");
            let came = match carry_out(&shared.engine, task, by, &eye).await {
                Ok(came) => came,
                Err(error) => {
                    (shared.notes)(format!("what somebody asked for failed: {error}"));
                    Came::Failed { what: error.to_string(), next: error.next() }
                }
            };
            let ended = shared.engine.now();
            tracing::info!(outcome = came.word(), "the job ended");
            shared.meters.job(word, came.word());
            eye.tell.send_modify(|job| (job.came, job.ended) = (Some(came), Some(ended)));
        };
        tasks.spawn(work.instrument(within));
        seen
    }

    /// A job that is under way or ended lately.
    pub(crate) fn job(&self, id: &str) -> Option<watch::Receiver<Job>> {
        self.kept(|job| job.id == id).map(|kept| kept.job)
    }

    /// The job that carries a run out now, if one of this server does.
    pub(crate) fn of_run(&self, run: &RunId) -> Option<watch::Receiver<Job>> {
        self.kept(|job| job.came.is_none() && job.progress.run.as_ref() == Some(run)).map(|kept| kept.job)
    }

    /// All of them, the newest first.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().rev().map(|kept| kept.job.borrow().clone()).collect()
    }

    /// Asks a run to stop between two calls; whether there is such a job under way.
    pub(crate) fn ask_to_stop(&self, id: &str) -> bool {
        let found = self.kept(|job| job.id == id && job.came.is_none());
        found.is_some_and(|kept| {
            kept.stop.store(true, Ordering::Relaxed);
            true
        })
    }

    /// Waits for what is under way, once the server is told to stop, and cuts off what goes on for longer; whether anything was.
    pub(crate) async fn end(&self, until: Instant) -> bool {
        let mut tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::time::timeout_at(until, async { while tasks.join_next().await.is_some() {} }).await;
        tasks.shutdown().await;
        ended.is_err()
    }

    fn kept(&self, wanted: impl Fn(&Job) -> bool) -> Option<Kept> {
        let jobs = self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().rev().find(|kept| wanted(&kept.job.borrow())).cloned()
    }
}

/// The id of a job, for the log.
fn id_of(job: &watch::Receiver<Job>) -> String {
    job.borrow().id.clone()
}

impl Task {
    /// It in a word.
    fn word(&self) -> &'static str {
        match self {
            Self::Plan { .. } => "plan",
            Self::Run { .. } => "run",
            Self::Resume { .. } => "resume",
            Self::Revert { .. } => "revert",
        }
    }
}

impl Came {
    /// It in a word.
    fn word(&self) -> &'static str {
        match self {
            Self::Planned { .. } => "planned",
            Self::Ran { state: RunState::Finished, .. } => "finished",
            Self::Ran { .. } => "stopped",
            Self::Failed { .. } => "failed",
        }
    }
}

async fn carry_out(engine: &Engine, task: Task, by: Actor, eye: &Eye) -> Result<Came, EngineError> {
    let as_of = Timestamp::from_second(engine.now().as_second()).unwrap_or_default();
    match task {
        Task::Plan { people } => {
            let proposed = engine.propose(Ask { as_of, only: people, full: false, asker: by }, eye).await?;
            Ok(planned(&proposed))
        }
        Task::Run { plan } => Ok(ran(engine.execute(&plan, eye).await?)),
        Task::Resume { run } => Ok(ran(engine.resume(&run, eye).await?)),
        Task::Revert { run } => {
            let undo = engine.revert(Revert { run, only: None, as_of, asker: by }, eye).await?;
            Ok(planned(&undo.proposed))
        }
    }
}

fn planned(proposed: &Proposed) -> Came {
    let proposal = proposed.stands.first().map(|summary| summary.proposal);
    Came::Planned { proposal, plans: proposed.digests.clone() }
}

fn ran(summary: RunSummary) -> Came {
    let RunSummary { run, done, other, left, requests, found_per_minute: _ } = summary;
    Came::Ran { run: run.id, state: run.state, done, other, left, requests }
}

/// Hears what happens, and tells whoever watches.
struct Eye {
    tell: watch::Sender<Job>,
    stop: Arc<AtomicBool>,
    server: watch::Receiver<bool>,
}

impl Watch for Eye {
    fn event(&self, event: Event) {
        self.tell.send_modify(|job| job.progress.heard(event));
    }

    fn stop_asked(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || *self.server.borrow()
    }
}

impl Progress {
    /// How many notes are kept.
    const NOTES: usize = 20;

    fn heard(&mut self, event: Event) {
        match event {
            Event::Reading { subject, records, total, .. } => {
                let read = self.read.entry(subject).or_default();
                (read.records, read.total) = (records, total.or(read.total));
            }
            Event::Read { subject, certificate } => self.read.entry(subject).or_default().certificate = Some(certificate),
            Event::RunStarted { run, steps } => {
                self.run = Some(run);
                self.steps = steps.into_iter().map(|(app, total)| (app, Steps { total, ..Steps::default() })).collect();
            }
            Event::StepsEnded { app, done, other } => {
                let steps = self.steps.entry(app).or_default();
                steps.done += done;
                steps.other += other;
            }
            Event::NotNarrowed { subject, why } => self.note(format!("{subject} is read as a whole: {why}")),
            Event::Recovered { app, since } => self.note(format!("{app} answers again, after its quarantine since {since:.0}")),
            Event::LeftOut { app, why } => self.note(format!("{app} is left out: {why}")),
            Event::Waiting { app, millis, why } => self.note(format!("{app}: waiting {:.1} s: {why}", millis as f64 / 1000.0)),
            _ => {}
        }
    }

    fn note(&mut self, text: String) {
        if self.notes.back() == Some(&text) {
            return;
        }
        if self.notes.len() == Self::NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_what_was_heard() {
        let mut progress = Progress::default();
        let (app, run) = (AppName::new("lms"), RunId::new("r1".to_owned()));
        progress.heard(Event::Reading { subject: "app.lms".into(), what: "accounts", records: 50, total: Some(120) });
        progress.heard(Event::Reading { subject: "app.lms".into(), what: "accounts", records: 100, total: None });
        let read = &progress.read["app.lms"];
        assert_eq!((read.records, read.total, &read.certificate), (100, Some(120), &None));
        progress.heard(Event::RunStarted { run: run.clone(), steps: vec![(app.clone(), 10)] });
        progress.heard(Event::StepsEnded { app: app.clone(), done: 3, other: 1 });
        progress.heard(Event::StepsEnded { app: app.clone(), done: 2, other: 0 });
        let steps = progress.steps[&app];
        assert_eq!((progress.run, steps.total, steps.done, steps.other), (Some(run), 10, 5, 1));
    }

    #[test]
    fn the_last_twenty_notes_are_kept_and_one_is_not_said_twice_in_a_row() {
        let mut progress = Progress::default();
        for number in 0..30 {
            progress.note(number.to_string());
            progress.note(number.to_string());
        }
        assert_eq!(progress.notes.len(), 20);
        assert_eq!((progress.notes[0].as_str(), progress.notes[19].as_str()), ("10", "29"));
    }
}
