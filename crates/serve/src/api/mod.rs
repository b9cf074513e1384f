//! The API: JSON over HTTP, below [`BASE`].  Every error is a problem document (RFC 9457), every list comes by pages, every POST may carry
//! a name of its own (`Idempotency-Key`), and what there is is told by a document (OpenAPI 3.1) that is made from the same table as the
//! routes.

mod apps;
mod audit;
mod decide;
mod document;
mod endpoint;
mod findings;
mod jobs;
mod me;
mod once;
mod page;
mod people;
mod plans;
mod problem;
mod read;
mod runs;
mod shapes;
mod standing;
mod table;
mod tokens;
mod viewer;

use std::sync::Arc;

use crate::route::Routes;
use crate::state::Faces;
use endpoint::Api;

pub(crate) use problem::{no_such_method, no_such_path, not_ready, refused};

/// Where the API is, below the server's address.
pub(crate) const BASE: &str = "/api/v1";
/// Where the document is.
const DOCUMENT: &str = "/api/openapi.json";
/// Where the document can be read.
const VIEWER: &str = "/api/docs";

/// Whether a path is the API's.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The API's routes, and who may use each.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    let api = Api::new(Routes::new(faces, problem::refused).around(once::around));
    let api = me::add(api);
    let api = people::add(api);
    let api = findings::add(api);
    let api = apps::add(api);
    let api = plans::add(api);
    let api = decide::add(api);
    let api = runs::add(api);
    let api = jobs::add(api);
    let api = standing::add(api);
    let api = audit::add(api);
    let api = tokens::add(api);
    let api = table::add(api);
    api.documented(DOCUMENT, VIEWER)
}
