//! The console: pages made on the server, that can be read without a script.  One page a file, its template beside it by name.

mod apps;
mod assets;
mod audit;
mod drawn;
mod findings;
mod live;
mod log_in;
mod overview;
mod page;
mod people;
mod plans;
mod provider;
mod reports;
mod runs;

use std::sync::Arc;

use model::Role;

pub(crate) use self::page::{is_for_reading, no_such_page};
use crate::auth::Least;
use crate::auth::oidc::BACK;
use crate::route::Routes;
use crate::state::Faces;

/// The console's routes, and who may use each.
pub(crate) fn routes(faces: &Arc<Faces>) -> Routes {
    let (look, plan, decide) = (Least::Role(Role::Viewer), Least::Role(Role::Operator), Least::Role(Role::Approver));
    Routes::new(faces, page::refused)
        .get("/assets/{name}", Least::Anyone, assets::show)
        .get("/log-in", Least::Anyone, log_in::show)
        .post("/log-in", Least::Anyone, log_in::by_link)
        .get("/log-in/provider", Least::Anyone, provider::begin)
        .get(BACK, Least::Anyone, provider::end)
        .post("/log-out", Least::Anyone, log_in::log_out)
        .get("/", look, overview::show)
        .post("/plan", plan, overview::plan)
        .get("/people", look, people::list)
        .get("/people/{person}", look, people::show)
        .post("/people/{person}/plan", plan, people::plan)
        .get("/findings", look, findings::show)
        .post("/findings/plan", plan, findings::plan)
        .get("/apps", look, apps::show)
        .post("/apps/{app}/check", plan, apps::check)
        .post("/apps/{app}/release", plan, apps::release)
        .post("/apps/{app}/retry", plan, apps::retry)
        .get("/audit", look, audit::show)
        .get("/audit/verify", look, audit::verify)
        .get("/audit/export", look, audit::export)
        .get("/reports", look, reports::show)
        .get("/reports/access", look, reports::access)
        .get("/reports/licences", look, reports::licences)
        .get("/jobs/{id}", look, live::show)
        .get("/jobs/{id}/events", look, live::events)
        .get("/plans/{digest}", look, plans::show)
        .post("/plans/{digest}/ask", plan, plans::ask)
        .post("/plans/{digest}/approve", decide, plans::approve)
        .post("/plans/{digest}/reject", decide, plans::reject)
        .post("/plans/{digest}/leave-out", plan, plans::leave_out)
        .post("/plans/{digest}/run", plan, plans::run)
        .get("/runs/{id}", look, runs::show)
        .get("/runs/{id}/report/{format}", look, reports::run)
        .post("/runs/{id}/stop", plan, runs::stop)
        .post("/runs/{id}/resume", plan, runs::resume)
        .post("/runs/{id}/undo", plan, runs::undo)
}
