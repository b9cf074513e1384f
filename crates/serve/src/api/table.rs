//! `GET /api/v1/routes`: which route of this server takes which role.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::Role;
use schemars::JsonSchema;
use serde::Serialize;

use super::endpoint::{About, Api};
use super::once::json;
use super::page::Page;
use crate::auth::Least;
use crate::state::Faces;

/// A route of this server: a page, or an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
struct Route {
    /// GET, POST, ….
    method: String,
    /// With names in braces.
    path: String,
    /// The least role that it takes; `anyone` where it takes none.
    takes: String,
}

pub(super) fn add(api: Api) -> Api {
    let about = About::new("access", "listRoutes", "Which route takes which role")
        .more("Pages and endpoints alike; the gateway below `/scim/v2` takes tokens of its own.")
        .gives::<Page<Route>>("All routes.");
    api.get("/api/v1/routes", Role::Viewer, about, list)
}

async fn list(State(faces): State<Arc<Faces>>) -> Response {
    let table = faces.table.get().map(Vec::as_slice).unwrap_or_default();
    let route = |(method, path, least): &crate::route::Entry| Route {
        method: method.to_string(),
        path: (*path).to_owned(),
        takes: match least {
            Least::Anyone => "anyone".to_owned(),
            Least::Role(role) => role.to_string(),
        },
    };
    json(&super::page::ready(table.iter().map(route).collect(), None, &axum::http::Uri::default()))
}
