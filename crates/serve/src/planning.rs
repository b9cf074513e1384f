//! After something happened: when it is quiet for a moment, the people concerned are planned for, and what a standing approval covers is
//! carried out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{Cause, Engine, Event, PlannedFor, Watch};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::server::Notes;

/// After how long a planning that failed is tried again.
const AGAIN: Duration = Duration::from_secs(120);

/// A run stops between two calls when the server is told to.
struct Stopping<'a>(&'a watch::Receiver<bool>);

impl Watch for Stopping<'_> {
    fn event(&self, _event: Event) {}

    fn stop_asked(&self) -> bool {
        *self.0.borrow()
    }
}

/// Logs what came of it, with the ids by which it is followed.
fn tell(cause: &Cause, planned: &PlannedFor) {
    let plan = planned.proposed.digests.first().map(|digest| digest.short()).unwrap_or_default();
    match &planned.ran {
        Some(ran) => tracing::info!(planning = planned.planning, plan, run = %ran.run.id, "{}", told(cause, planned)),
        None => tracing::info!(planning = planned.planning, plan, "{}", told(cause, planned)),
    }
}

/// What came of it, in a line.
fn told(cause: &Cause, planned: &PlannedFor) -> String {
    let PlannedFor { people, proposed, ran, .. } = planned;
    let open = proposed.proposal.open.steps.len();
    let who = people.as_ref().map_or_else(|| "everybody".to_owned(), |people| people.len().to_string());
    let spoke = match cause {
        Cause::Push(source) => format!("{source} spoke of {who} of the roster"),
        Cause::Webhook(app) => format!("{app} told of {who} of the roster"),
        Cause::Schedule(name) => format!("schedule {name}: planned for {who}"),
        Cause::Roster(source) => format!("the roster of {source} was written: planned for {who}"),
    };
    let held: usize = proposed.proposal.held.iter().map(|plan| plan.steps.len()).sum();
    let ran = ran.as_ref().map(|ran| format!("; {} done by a standing approval", ran.done)).unwrap_or_default();
    format!("{spoke}: {open} steps open, {held} held{ran}")
}

/// Hears of what happens; cheap to clone.
#[derive(Clone)]
pub(crate) struct Planning(Arc<Heard>);

#[derive(Default)]
struct Heard {
    /// What happened since it was planned for: since when, and when last.
    waiting: Mutex<BTreeMap<Cause, (Instant, Instant)>>,
    news: Notify,
}

impl Planning {
    /// Starts the one task that plans; it ends when `stop` says so, after what it is at.
    pub(crate) fn begin(
        engine: Arc<Engine>,
        notes: Notes,
        (quiet, most): (Duration, Duration),
        mut stop: watch::Receiver<bool>,
    ) -> (Self, JoinHandle<()>) {
        let planning = Self(Arc::default());
        // What was pushed before the server last ended may not have been planned for.
        engine.pushed_sources().for_each(|source| planning.pushed(source));
        let (heard, before) = (Arc::clone(&planning.0), planning.clone());
        let task = tokio::spawn(async move {
            match engine.causes_waiting().await {
                Ok(causes) => causes.iter().for_each(|cause| before.caused(cause)),
                Err(error) => notes(format!("what came before the start cannot be looked up: {error}")),
            }
            loop {
                let wait = match heard.next(Instant::now(), quiet, most) {
                    Next::Now(cause) => {
                        match engine.plan_for(&cause, &Stopping(&stop)).await {
                            Ok(planned) => planned.iter().for_each(|planned| tell(&cause, planned)),
                            Err(error) => {
                                let minutes = AGAIN.as_secs() / 60;
                                notes(format!("{cause}: what came cannot be planned for now, and is in {minutes} minutes: {error}"));
                                heard.again(cause, Instant::now() + AGAIN, quiet);
                            }
                        }
                        // Told to stop in the middle of it, what is left waits for the next start.
                        if *stop.borrow() {
                            return;
                        }
                        continue;
                    }
                    Next::In(wait) => Some(wait),
                    Next::Nothing => None,
                };
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = heard.news.notified() => {}
                    () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {}
                }
            }
        });
        (planning, task)
    }

    /// Something was pushed by this source just now.
    pub(crate) fn pushed(&self, source: &model::SourceName) {
        self.caused(&Cause::Push(source.clone()));
    }

    /// Something happened just now.
    pub(crate) fn caused(&self, cause: &Cause) {
        let now = Instant::now();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.insert(cause.clone(), (now, now));
        match before {
            // It goes on: who sleeps for it wakes and looks again.
            Some((first, last)) if last <= now => drop(waiting.insert(cause.clone(), (first, now))),
            // It begins, or was to be tried again later and is now.
            _ => self.0.news.notify_one(),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Next {
    Now(Cause),
    In(Duration),
    Nothing,
}

impl Heard {
    /// This is to be planned for at this instant, or sooner if it goes on.
    fn again(&self, cause: Cause, at: Instant, quiet: Duration) {
        let begun = at.checked_sub(quiet).unwrap_or(at);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).entry(cause).or_insert((begun, begun));
    }

    /// What is to be done next; what is to be planned for waits no more.
    fn next(&self, now: Instant, quiet: Duration, most: Duration) -> Next {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let due = |(first, last): &(Instant, Instant)| (*first + most).min(*last + quiet);
        let Some((cause, at)) = waiting.iter().map(|(cause, times)| (cause.clone(), due(times))).min_by_key(|(_, at)| *at) else {
            return Next::Nothing;
        };
        if at <= now {
            waiting.remove(&cause);
            return Next::Now(cause);
        }
        Next::In(at - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_planned_when_it_is_quiet_or_when_it_took_too_long() {
        let (heard, second) = (Heard::default(), Duration::from_secs(1));
        let planning = Planning(Arc::new(heard));
        let next = |now| planning.0.next(now, 2 * second, 10 * second);
        let begun = Instant::now();
        assert_eq!(next(begun), Next::Nothing);
        let okta = Cause::Push("okta".into());
        let put = |first, last| planning.0.waiting.lock().unwrap().insert(okta.clone(), (first, last));
        put(begun, begun);
        assert_eq!(next(begun), Next::In(2 * second));
        put(begun, begun + second);
        assert_eq!(next(begun + 2 * second), Next::In(second), "it goes on");
        put(begun, begun + 9 * second);
        assert_eq!(next(begun + 9 * second), Next::In(second), "but not for ever");
        assert_eq!(next(begun + 10 * second), Next::Now(okta.clone()));
        assert_eq!(next(begun + 10 * second), Next::Nothing);
    }
}
