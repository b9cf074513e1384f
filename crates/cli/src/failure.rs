//! What a user is told when a command does not do what was asked: what happened, and what to do next.

use connector::{Fault, Scope};
use engine::{EngineError, RosterError};
use model::{AppName, Refusal};
use store::StoreError;

use crate::config::ConfigError;

/// Why a command failed; it exits with 1 and, unless the text says otherwise, nothing was changed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong, with its places.
    Config(Box<ConfigError>),
    /// Anything else.
    Told {
        /// What happened, and where.
        what: String,
        /// What to do.
        next: String,
    },
}

impl Failure {
    /// A failure with its next step.
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Told { what: what.into(), next: next.into() }
    }
}

impl From<Box<ConfigError>> for Failure {
    fn from(error: Box<ConfigError>) -> Self {
        Self::Config(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let next = match &error {
            EngineError::App { app, fault } => of_fault(app, fault),
            EngineError::Roster { source_name, error } => match error {
                RosterError::Unreadable { .. } => format!("`path` in [source.{source_name}] names the file"),
                RosterError::Header { .. } => format!("correct [source.{source_name}.columns], or ask for the export with that column"),
                _ => "nothing was read from it; correct the file".to_owned(),
            },
            EngineError::UnknownAttribute { .. } => "correct the rule, or name the column in [source.NAME.columns]".to_owned(),
            EngineError::Rival { .. } => format!("{}; what a run left undone waits: `provost resume`", engine::RIVAL_NEXT),
            EngineError::Swept { .. } => "`provost plan` reads and plans anew; rehearse that plan".to_owned(),
            EngineError::Stage { .. } => "`provost plan` reads and plans anew; a record that the stand-in cannot hold stays one".to_owned(),
            EngineError::Failing { app, .. } => format!("`provost apps {app}` shows the exchange that failed; `provost resume` goes on later"),
            EngineError::Quarantined { .. } => error.quarantine_next().unwrap_or_default(),
            EngineError::OtherTenant { .. } => "provost plan".to_owned(),
            EngineError::OtherHome { app } => {
                format!(
                    "put the address of [app.{app}] back; or give this tenant a name of its own ([app.NAME]), and its accounts are matched anew"
                )
            }
            EngineError::Store(error) => return Self::of_store(error),
            EngineError::CutOff { run, error, .. } => {
                let first = match error.as_ref() {
                    StoreError::DiskFull | StoreError::Disk { .. } => "free space there, then ",
                    StoreError::Lost { .. } => "when the server is up again, ",
                    _ => "mend that, then ",
                };
                format!("{first}`provost resume {run}` goes on; nothing is lost and nothing will be done twice")
            }
            EngineError::Refused { refusal, .. } => match refusal {
                Refusal::FourEyes { .. } => {
                    "somebody else of [approval.approvers] approves it: provost approve PLAN --key FILE (docs/approvals.md)".to_owned()
                }
                Refusal::Unasked { .. } => {
                    "whoever asks for it signs that: provost ask PLAN --key FILE, or provost plan --key FILE; then another one approves, with --key (docs/approvals.md)".to_owned()
                }
                Refusal::Signature { .. } => {
                    "sign anew with a key that [approval.approvers] lists for that name; a yes that counts no more is given anew for a new plan: provost plan".to_owned()
                }
                _ => "`provost plan` makes a new one".to_owned(),
            },
            EngineError::Statement { .. } => "print a new one (--print-statement), and sign that".to_owned(),
            EngineError::StandingUnsigned { digest, .. } => {
                format!("somebody of [approval.approvers] signs it: provost standing approve {} --key FILE (docs/approvals.md)", digest.short())
            }
            EngineError::NoStanding { .. } => "`provost standing list` shows them; four digits or more of one of them".to_owned(),
            EngineError::NoSuchStep { .. } => "`provost show PLAN --format json` has the keys and ids".to_owned(),
            EngineError::AllLeftOut { .. } => "provost reject PLAN --reason \"…\"".to_owned(),
            // The others say it themselves.
            _ => String::new(),
        };
        Self::new(error.to_string(), next)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::of_store(&error)
    }
}

impl Failure {
    /// What the store says, with the next step where its own words have none.
    fn of_store(error: &StoreError) -> Self {
        let next = match error {
            StoreError::NotFound { what: "plan", .. } => "`provost show` lists the plans",
            StoreError::NotFound { what: "run", .. } => "`provost runs` lists the runs",
            StoreError::Empty { .. } => "`provost plan` looks again, `provost show` lists what waits",
            StoreError::DiskFull | StoreError::Disk { .. } => {
                "`store` in the configuration says where it is; free space there, then the same again (`provost resume` for a run that was begun)"
            }
            StoreError::ReadOnly { .. } | StoreError::Moved { .. } | StoreError::Failed { .. } => {
                "`store` in the configuration says where it is; mend that, then the same again (`provost resume` for a run that was begun)"
            }
            StoreError::Rejected { .. } | StoreError::AlreadyUsed { .. } => "`provost plan` makes a new plan from what is there now",
            _ => "",
        };
        Self::new(error.to_string(), next)
    }
}

/// What to do about a fault of an app.
fn of_fault(app: &AppName, fault: &Fault) -> String {
    match fault {
        Fault::Denied { scope: Scope::Consent(_) } => {
            format!("`provost connect {app}`: whoever may allow it does so in a browser, once")
        }
        Fault::Denied { .. } => format!("correct the credentials or their rights in [app.{app}]; `provost check` tells when they work"),
        Fault::Unreachable { .. } => {
            format!("check `base_url` in [app.{app}], and that the app is up; `provost check` tells when it answers")
        }
        Fault::Garbled { .. } => format!("check that `base_url` in [app.{app}] is the API's address; nothing was guessed"),
        Fault::Wait { .. } => "the app is busy or down; try again later".to_owned(),
        _ => String::new(),
    }
}

/// A failure in words, for programs.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) next: String,
}

impl Failure {
    /// What happened and what to do, without the places.
    pub(crate) fn told(&self) -> Told {
        match self {
            Self::Config(error) => Told { what: error.to_string(), next: "correct the file".to_owned() },
            Self::Told { what, next } => Told { what: what.clone(), next: next.clone() },
        }
    }
}
