//! `GET /api/v1/me`: who the caller is, and what they may do.

use axum::{Extension, Json};
use engine::Caller;
use model::Role;
use serde::Serialize;

/// Who the caller is.
#[derive(Debug, Serialize)]
pub(crate) struct Me {
    /// The name that decisions of theirs carry.
    name: String,
    /// What they may do.
    role: Role,
}

pub(super) async fn show(Extension(caller): Extension<Caller>) -> Json<Me> {
    Json(Me { name: caller.name, role: caller.role })
}
