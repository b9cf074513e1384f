//! What an error of the engine's is to whoever asked: the same on a page and in the API.

use axum::http::StatusCode;
use engine::{EngineError, StoreError};
use model::Refusal;

/// The status that tells of an error, and the word for problems of its kind.
pub(crate) fn sorted(error: &EngineError) -> (StatusCode, &'static str) {
    use EngineError as E;
    const CONFLICT: StatusCode = StatusCode::CONFLICT;
    match error {
        E::NoSuchApp { .. } | E::NoSuchToken { .. } | E::NotPushed { .. } | E::Nobody { .. } | E::NoStanding { .. } => {
            (StatusCode::NOT_FOUND, "not-there")
        }
        E::NoSuchStep { .. } | E::AllLeftOut { .. } | E::NotInRun { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "not-valid"),
        E::Refused { refusal: Refusal::FourEyes { .. } | Refusal::Unasked { .. }, .. } => (StatusCode::FORBIDDEN, "four-eyes"),
        E::Refused { .. } | E::Statement { .. } | E::StandingUnsigned { .. } => (CONFLICT, "not-approved"),
        E::Several { .. } => (CONFLICT, "several"),
        E::NothingRead(_) => (CONFLICT, "nothing-read"),
        E::TokenEnded { .. }
        | E::OtherTenant { .. }
        | E::OtherHome { .. }
        | E::OtherVersion { .. }
        | E::Frozen { .. }
        | E::Unfinished { .. }
        | E::TooLate { .. }
        | E::NotEnded { .. }
        | E::ImagesGone { .. }
        | E::Swept { .. }
        | E::Stage { .. }
        | E::Quarantined { .. }
        | E::Rival { .. } => (CONFLICT, "not-now"),
        E::App { .. } | E::Asked { .. } | E::Failing { .. } => (StatusCode::BAD_GATEWAY, "app-failed"),
        E::Store(error) => of_store(error),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}

fn of_store(error: &StoreError) -> (StatusCode, &'static str) {
    use StoreError as S;
    match error {
        S::NotFound { .. } | S::BadPrefix { .. } => (StatusCode::NOT_FOUND, "not-there"),
        S::Nul { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "not-valid"),
        S::Ambiguous { .. } => (StatusCode::CONFLICT, "several"),
        S::AlreadyDecided { .. }
        | S::AlreadyUsed { .. }
        | S::Superseded { .. }
        | S::Empty { .. }
        | S::Expired { .. }
        | S::NotApproved { .. }
        | S::Rejected { .. }
        | S::Ended { .. }
        | S::Fenced { .. }
        | S::Leased { .. }
        | S::LinkConflict { .. }
        | S::SignatureGiven { .. } => (StatusCode::CONFLICT, "not-now"),
        S::Busy | S::Lost { .. } | S::Closed => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    }
}
