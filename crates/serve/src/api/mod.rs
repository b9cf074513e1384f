//! The API: JSON over HTTP, below [`BASE`].  Every error is a problem document (RFC 9457).

mod me;
mod problem;

use std::sync::Arc;

use crate::auth::Least;
use crate::route::Routes;
use crate::state::Faces;
use model::Role;

/// Where the API is, below the server's address.
pub(crate) const BASE: &str = "/api/v1";

/// The API's routes, and who may use each.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    Routes::new(faces, problem::refused).get("/api/v1/me", Least::Role(Role::Viewer), me::show)
}
