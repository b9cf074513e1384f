//! What an engine has done since it began, in numbers: for whoever measures.  Nobody is named in them, and nothing is decided by them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Transport};
use model::{AppName, RunState, StepRecord, StepState};

/// Counts that only rise, each by what it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Requests that were sent to an app, by the status of its answer; none where there was no answer.
    pub requests: BTreeMap<(AppName, Option<u16>), u64>,
    /// Steps of runs that ended, by their outcome: `done`, `already_done`, `drifted`, `failed`, `skipped`, `unsettled`.
    pub steps: BTreeMap<(AppName, &'static str), u64>,
    /// Runs that ended: `finished`, or `stopped` and to be resumed.
    pub runs: BTreeMap<&'static str, u64>,
    /// Milliseconds that apps had us wait.
    pub waited: BTreeMap<AppName, u64>,
    /// Tries to deliver a notice: `sent`, `later`, `aside`.
    pub notices: BTreeMap<&'static str, u64>,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Done>);

impl Meter {
    /// What was counted until now.
    pub(crate) fn read(&self) -> Done {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Steps that have an outcome now.
    pub(crate) fn steps(&self, app: &AppName, records: &[StepRecord]) {
        self.count(|done| {
            for outcome in records.iter().filter_map(|record| outcome(&record.state)) {
                *done.steps.entry((app.clone(), outcome)).or_default() += 1;
            }
        });
    }

    /// A run that ended, for now.
    pub(crate) fn run(&self, state: RunState) {
        let word = match state {
            RunState::Running => return,
            RunState::Stopped => "stopped",
            RunState::Finished => "finished",
        };
        self.count(|done| *done.runs.entry(word).or_default() += 1);
    }

    /// A wait that an app asked for.
    pub(crate) fn waited(&self, app: &AppName, millis: u64) {
        self.count(|done| *done.waited.entry(app.clone()).or_default() += millis);
    }

    /// Notices that were tried.
    pub(crate) fn notices(&self, sending: &crate::Sending) {
        let words = [("sent", sending.sent), ("later", sending.later), ("aside", sending.aside)];
        self.count(|done| words.into_iter().for_each(|(word, more)| *done.notices.entry(word).or_default() += more));
    }

    fn count(&self, change: impl FnOnce(&mut Done)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The outcome of a step in a word; none while it has none.
pub(crate) fn outcome(state: &StepState) -> Option<&'static str> {
    match state {
        StepState::Started => None,
        StepState::Done => Some("done"),
        StepState::AlreadyDone => Some("already_done"),
        StepState::Drifted { .. } => Some("drifted"),
        StepState::Failed { .. } => Some("failed"),
        StepState::Skipped { .. } => Some("skipped"),
        StepState::Unsettled { .. } => Some("unsettled"),
    }
}

/// The way out to one app, with its requests counted.
pub(crate) struct Counted {
    pub(crate) app: AppName,
    pub(crate) meter: Arc<Meter>,
    pub(crate) transport: Arc<dyn Transport>,
}

#[async_trait]
impl Transport for Counted {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let answer = self.transport.send(request).await;
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        tracing::debug!(app = %self.app, status = status.unwrap_or_default(), "request");
        self.meter.count(|done| *done.requests.entry((self.app.clone(), status)).or_default() += 1);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Answers(Mutex<Vec<Result<u16, Broken>>>);

    #[async_trait]
    impl Transport for Answers {
        async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
            let next = self.0.lock().unwrap().pop().expect("an answer");
            next.map(|status| http::Response::builder().status(status).body(Bytes::new()).expect("an answer"))
        }
    }

    #[tokio::test]
    async fn requests_are_counted_by_app_and_answer() {
        let meter = Arc::new(Meter::default());
        let answers = vec![Ok(200), Ok(429), Ok(200), Err(Broken::NoAnswer("gone".into()))];
        let way = Counted { app: "lms".into(), meter: Arc::clone(&meter), transport: Arc::new(Answers(Mutex::new(answers))) };
        for _ in 0..4 {
            way.send(http::Request::new(Bytes::new())).await.ok();
        }
        let counted = meter.read().requests;
        let of = |status| counted.get(&("lms".into(), status)).copied();
        assert_eq!((of(Some(200)), of(Some(429)), of(None), of(Some(500))), (Some(2), Some(1), Some(1), None));
    }
}
