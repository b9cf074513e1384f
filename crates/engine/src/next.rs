//! What to do about an error: the next step, in words that every face shows.

use connector::{Fault, Scope};
use model::Refusal;
use store::StoreError;

use crate::{EngineError, RosterError};

impl EngineError {
    /// What to do next; empty where the error says it itself.
    pub fn next(&self) -> String {
        match self {
            Self::App { app, fault } => of_fault("app", app.as_str(), fault),
            Self::Asked { source_name, fault } => of_fault("source", source_name.as_str(), fault),
            Self::Roster { source_name, error } => match error {
                RosterError::Unreadable { .. } => format!("`path` in [source.{source_name}] names the file"),
                RosterError::Header { .. } => format!("correct [source.{source_name}.columns], or ask for the export with that column"),
                _ => "nothing was read from it; correct the file".to_owned(),
            },
            Self::UnknownAttribute { .. } => "correct the rule, or name the column in [source.NAME.columns]".to_owned(),
            Self::Rival { .. } => format!("{}; what a run left undone waits: `provost resume`", crate::session::NEXT),
            Self::Swept { .. } => "`provost plan` reads and plans anew; rehearse that plan".to_owned(),
            Self::Stage { .. } => "`provost plan` reads and plans anew; a record that the stand-in cannot hold stays one".to_owned(),
            Self::Failing { app, .. } => format!("`provost apps {app}` shows the exchange that failed; `provost resume` goes on later"),
            Self::Quarantined { app, .. } => crate::quarantine::next_words(app),
            Self::OtherTenant { .. } => "provost plan".to_owned(),
            Self::OtherHome { app } => {
                format!(
                    "put the address of [app.{app}] back; or give this tenant a name of its own ([app.NAME]), and its accounts are matched anew"
                )
            }
            Self::Store(error) => of_store(error).to_owned(),
            Self::CutOff { run, error, .. } => {
                let first = match error.as_ref() {
                    StoreError::DiskFull | StoreError::Disk { .. } => "free space there, then ",
                    StoreError::Lost { .. } => "when the server is up again, ",
                    _ => "mend that, then ",
                };
                format!("{first}`provost resume {run}` goes on; nothing is lost and nothing will be done twice")
            }
            Self::Refused { refusal, .. } => match refusal {
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
            Self::Statement { .. } => "print a new one (--print-statement), and sign that".to_owned(),
            Self::StandingUnsigned { digest, .. } => {
                format!("somebody of [approval.approvers] signs it: provost standing approve {} --key FILE (docs/approvals.md)", digest.short())
            }
            Self::NoStanding { .. } => "`provost standing list` shows them; four digits or more of one of them".to_owned(),
            Self::TellsNobody => "add [notice.NAME] to the configuration: docs/notices.md".to_owned(),
            Self::NotInRun { .. } => "`provost report RUN --format json` has the keys of whom it was about".to_owned(),
            Self::NoSuchStep { .. } => "`provost show PLAN --format json` has the keys and ids".to_owned(),
            Self::AllLeftOut { .. } => "provost reject PLAN --reason \"…\"".to_owned(),
            // The others say it themselves.
            _ => String::new(),
        }
    }
}

/// What to do where the store's own words have no next step; empty where they have one.
pub fn of_store(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound { what: "plan", .. } => "`provost show` lists the plans",
        StoreError::NotFound { what: "a delivery", .. } => "`provost notices` lists them",
        StoreError::NotFound { what: "run", .. } => "`provost runs` lists the runs",
        StoreError::Empty { .. } => "`provost plan` looks again, `provost show` lists what waits",
        StoreError::DiskFull | StoreError::Disk { .. } => {
            "`store` in the configuration says where it is; free space there, then the same again (`provost resume` for a run that was begun)"
        }
        StoreError::ReadOnly { .. } | StoreError::Moved { .. } | StoreError::Failed { .. } => {
            "`store` in the configuration says where it is; mend that, then the same again (`provost resume` for a run that was begun)"
        }
        StoreError::Leased { .. } => {
            "wait until that is done, then the same again; who died in the middle of it lets go by itself at that time"
        }
        StoreError::BadPrefix { what: "run", .. } => "`provost runs` lists the runs",
        StoreError::BadPrefix { .. } => "`provost show` lists the plans",
        StoreError::AlreadyDecided { verdict: "approved", .. } => "`provost apply` carries it out, `provost reject` takes the yes back",
        StoreError::AlreadyDecided { .. } => "`provost plan` makes a new plan from what is there now",
        StoreError::Rejected { .. } | StoreError::AlreadyUsed { .. } => "`provost plan` makes a new plan from what is there now",
        _ => "",
    }
}

/// What to do about a fault of an app, or of a source that is asked.
fn of_fault(kind: &str, name: &str, fault: &Fault) -> String {
    match fault {
        Fault::Denied { scope: Scope::Consent(_) } => {
            format!("`provost connect {name}`: whoever may allow it does so in a browser, once")
        }
        Fault::Denied { .. } => {
            format!("correct the credentials or their rights in [{kind}.{name}]; `provost check` tells when they work")
        }
        Fault::Unreachable { .. } => {
            format!("check `base_url` in [{kind}.{name}], and that it is up; `provost check` tells when it answers")
        }
        Fault::Garbled { .. } => format!("check that `base_url` in [{kind}.{name}] is the API's address; nothing was guessed"),
        Fault::Wait { .. } => "it is busy or down; try again later".to_owned(),
        _ => String::new(),
    }
}
