//! Who does something to the nth request, or to the nth commit, and to some after it.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use store::{Operation, StoreError};

use crate::rig::{After, Answered, Before, Director, Exchange, Touch};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The request never leaves, and we know.
    NotSent,
    /// The request is lost before it has an effect, and we hear nothing.
    RequestLost,
    /// The request has its effect, and we hear nothing.
    AnswerLost,
    /// The request has its effect, and nobody can read the answer.
    Garbled,
    /// The program dies before the request has left.
    CrashBeforeCall,
    /// The program dies after the request had its effect.
    CrashAfterCall,
    /// The commit is an error, and nothing is kept.
    FailBeforeCommit,
    /// The commit is an error, and all is kept.
    FailAfterCommit,
    /// The program dies before the commit.
    CrashBeforeCommit,
    /// The program dies after the commit.
    CrashAfterCommit,
}

impl Deed {
    /// What is done to requests.
    pub(crate) const OF_CALLS: [Self; 6] =
        [Self::NotSent, Self::RequestLost, Self::AnswerLost, Self::Garbled, Self::CrashBeforeCall, Self::CrashAfterCall];
    /// What is done to commits.
    pub(crate) const OF_COMMITS: [Self; 4] =
        [Self::FailBeforeCommit, Self::FailAfterCommit, Self::CrashBeforeCommit, Self::CrashAfterCommit];
}

/// A deed, and at which requests or commits it is done, counted from 1.
#[derive(Clone, Debug)]
pub(crate) struct Strike {
    pub(crate) deed: Deed,
    pub(crate) at: RangeInclusive<u64>,
}

/// Counts, and strikes.
#[derive(Debug, Default)]
pub(crate) struct Saboteur {
    strike: Option<Strike>,
    calls: AtomicU64,
    commits: AtomicU64,
    /// Requests whose answers are struck.
    answers: Mutex<BTreeSet<u64>>,
}

impl Saboteur {
    pub(crate) fn new(strike: Option<Strike>) -> Self {
        Self { strike, ..Self::default() }
    }

    /// Requests and commits so far.
    pub(crate) fn counted(&self) -> (u64, u64) {
        (self.calls.load(Ordering::SeqCst), self.commits.load(Ordering::SeqCst))
    }

    /// What is done to number so of these.
    fn due(&self, number: u64, of: &[Deed]) -> Option<Deed> {
        let strike = self.strike.as_ref()?;
        (of.contains(&strike.deed) && strike.at.contains(&number)).then_some(strike.deed)
    }
}

impl Director for Saboteur {
    fn before(&self, exchange: &Exchange) -> Before {
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.due(number, &Deed::OF_CALLS) {
            None => Before::Arrives,
            Some(Deed::NotSent) => Before::NotSent,
            Some(Deed::RequestLost) => Before::Lost,
            Some(Deed::CrashBeforeCall) => Before::Crash,
            Some(_) => {
                self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(exchange.number);
                Before::Arrives
            }
        }
    }

    fn after(&self, exchange: &Exchange, _answered: &Answered) -> After {
        if !self.answers.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange.number) {
            return After::Comes;
        }
        match self.strike.as_ref().map(|strike| strike.deed) {
            Some(Deed::Garbled) => After::Garbled,
            Some(Deed::CrashAfterCall) => After::Crash,
            _ => After::Lost,
        }
    }

    fn before_store(&self, operation: Operation<'_>) -> Touch {
        if operation != Operation::Commit {
            return Touch::Passes;
        }
        let number = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        match self.due(number, &Deed::OF_COMMITS) {
            Some(Deed::FailBeforeCommit) => Touch::Fails(StoreError::Failed { why: "sabotage".to_owned() }),
            Some(Deed::CrashBeforeCommit) => Touch::Crash,
            _ => Touch::Passes,
        }
    }

    fn after_store(&self, operation: Operation<'_>) -> Touch {
        if operation != Operation::Commit {
            return Touch::Passes;
        }
        // One commit at a time: it is the one that was counted last.
        match self.due(self.commits.load(Ordering::SeqCst), &Deed::OF_COMMITS) {
            Some(Deed::FailAfterCommit) => Touch::Fails(StoreError::Lost { why: "sabotage".to_owned() }),
            Some(Deed::CrashAfterCommit) => Touch::Crash,
            _ => Touch::Passes,
        }
    }
}
