//! `GET /api/v1/me`: who the caller is, and what they may do.

use axum::Extension;
use axum::response::Response;
use engine::Caller;
use model::Role;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{About, Api};
use super::once::json;
use super::shapes::RoleShape;

/// Who the caller is.
#[derive(Debug, Serialize, JsonSchema)]
struct Me {
    /// The name that decisions of theirs carry.
    name: String,
    /// What they may do.
    #[schemars(with = "RoleShape")]
    role: Role,
}

pub(super) fn add(api: Api) -> Api {
    api.get("/api/v1/me", Role::Viewer, About::new("access", "getMe", "Who the caller is").gives::<Me>("The caller."), show)
}

async fn show(Extension(caller): Extension<Caller>) -> Response {
    json(&Me { name: caller.name, role: caller.role })
}
