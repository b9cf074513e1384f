//! What is waited for, in the order of its time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The true time, and who waits for what of it.
#[derive(Debug)]
pub struct Agenda(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    now: Timestamp,
    began: Timestamp,
    next: u64,
    waiting: BTreeMap<(Timestamp, u64), Waker>,
}

impl Agenda {
    pub fn new(began: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { now: began, began, next: 0, waiting: BTreeMap::new() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        self.inner().now
    }

    /// True time since the beginning; never goes back.
    pub fn elapsed(&self) -> Duration {
        let inner = self.inner();
        Duration::try_from(inner.now.duration_since(inner.began)).unwrap_or_default()
    }

    /// Time passes while nobody waits for anything.
    pub fn pass(&self, by: SignedDuration) {
        let mut inner = self.inner();
        assert!(inner.waiting.is_empty(), "somebody waits");
        inner.now = inner.now.saturating_add(by).expect("a time in the calendar");
    }

    /// Waits so long.
    pub fn wait(self: &Arc<Self>, by: Duration) -> Waits {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let at = self.now().saturating_add(by).unwrap_or(Timestamp::MAX);
        Waits { agenda: Arc::clone(self), at, place: None }
    }

    /// The earliest of what is waited for happens, and the time is that; false when nothing is waited for.
    pub fn go_on(&self) -> bool {
        let mut inner = self.inner();
        let Some(((at, _), waker)) = inner.waiting.pop_first() else { return false };
        inner.now = inner.now.max(at);
        drop(inner);
        waker.wake();
        true
    }
}

/// Ends when its time has come and it is its turn.
pub struct Waits {
    agenda: Arc<Agenda>,
    at: Timestamp,
    place: Option<(Timestamp, u64)>,
}

impl Future for Waits {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let agenda = Arc::clone(&self.agenda);
        let mut inner = agenda.inner();
        match self.place {
            None => {
                inner.next += 1;
                let place = (self.at, inner.next);
                inner.waiting.insert(place, context.waker().clone());
                self.place = Some(place);
                Poll::Pending
            }
            Some(place) => match inner.waiting.get_mut(&place) {
                Some(waker) => {
                    waker.clone_from(context.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            },
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.agenda.inner().waiting.remove(&place);
        }
    }
}
