//! Progress while it happens, for every face.

use model::{AppName, RunId};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Records of a source or app have been read; `total` when the app says how many there are.
    Reading {
        /// `source.NAME`, `app.NAME`.
        subject: String,
        /// What is being read.
        what: &'static str,
        /// So far.
        records: u64,
        /// In all.
        total: Option<u64>,
    },
    /// A reading is complete or partial; the text is its proof or the reason.
    Read {
        /// `source.NAME`, `app.NAME`.
        subject: String,
        /// In words.
        certificate: String,
    },
    /// Some people only are planned for, and all the same the app is read as it is for everybody.
    NotNarrowed {
        /// `app.NAME`.
        subject: String,
        /// Why, as the end of a sentence.
        why: String,
    },
    /// A run begins or goes on.
    RunStarted {
        /// Which.
        run: RunId,
        /// Steps per app that are still to be done.
        steps: Vec<(AppName, usize)>,
    },
    /// Steps of one call ended.
    StepsEnded {
        /// In which app.
        app: AppName,
        /// Done, or found done.
        done: usize,
        /// Anything else.
        other: usize,
    },
    /// Steps of a call ended in a rehearsal.
    Rehearsing {
        /// Of which app.
        app: AppName,
        /// Whether it is the pass under faults.
        faulty: bool,
        /// How many ended.
        steps: usize,
        /// Of how many.
        total: usize,
    },
    /// An app that was in quarantine answered: it is over.
    Recovered {
        /// Which.
        app: AppName,
        /// Since when it was there.
        since: jiff::Timestamp,
    },
    /// An app failed too much, or still does: it is in quarantine, and what is asked goes on without it.
    LeftOut {
        /// Which.
        app: AppName,
        /// Why, as a sentence.
        why: String,
    },
    /// The app asked to wait.
    Waiting {
        /// Which.
        app: AppName,
        /// How long, in milliseconds.
        millis: u64,
        /// Why.
        why: String,
    },
}

/// Hears of events.
pub trait Watch: Send + Sync {
    /// Something happened.  Must return quickly.
    fn event(&self, event: Event);

    /// Whether somebody wants the run to stop; asked between calls.
    fn stop_asked(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Watch for Silent {
    fn event(&self, _event: Event) {}
}
