//! The console: pages made on the server, that can be read without a script.  One page a file, its template beside it by name.

mod assets;
mod log_in;
mod page;

use std::sync::Arc;

use model::Role;

use crate::auth::Least;
use crate::route::Routes;
use crate::state::Faces;

/// The console's routes, and who may use each.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    Routes::new(faces, page::refused)
        .get("/assets/{name}", Least::Anyone, assets::show)
        .get("/log-in", Least::Anyone, log_in::show)
        .post("/log-in", Least::Anyone, log_in::by_link)
        .post("/log-out", Least::Anyone, log_in::log_out)
        .get("/", Least::Role(Role::Viewer), page::overview)
}
