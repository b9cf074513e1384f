//! `/api/v1/apps`: the apps, whether they answer, the end of a quarantine, another try for what was put aside.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use engine::AppRow;
use model::{AppName, Aside, Quarantine, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{About, Api};
use super::once::json;
use super::page::{Order, Page, Which, page};
use super::problem::Problem;
use super::read::{Asked, Given, Named};
use super::shapes;
use crate::state::Faces;

/// Whose step that was put aside is tried again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Retry {
    /// A person's key, or the name of a group or department; everything in the app where it is left out.
    who: Option<String>,
}

/// What will be tried again.
#[derive(Serialize, JsonSchema)]
struct Retried {
    /// What was put aside until now.
    #[schemars(with = "Vec<shapes::PutAside>")]
    retried: Vec<Aside>,
}

/// A quarantine that ended.
#[derive(Serialize, JsonSchema)]
struct Released {
    /// What it was; left out where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<shapes::Quarantine>")]
    released: Option<Quarantine>,
}

pub(super) fn add(api: Api) -> Api {
    let listed = About::new("apps", "listApps", "The apps")
        .more("What was last read of each, how it behaves, and what is put aside in it.")
        .query::<Which>()
        .gives::<Page<shapes::App>>("Apps.");
    let shown = About::new("apps", "getApp", "One app").gives::<shapes::App>("The app.");
    let checked = About::new("apps", "checkApp", "Ask an app whether all is as it should be")
        .more("Logs in and looks: address, credentials, scope, fields, clock.  Only reads; an answer ends a quarantine.")
        .gives::<shapes::Check>("It is ready.")
        .or(StatusCode::BAD_GATEWAY, "It is not: the detail says why.");
    let released = About::new("apps", "releaseApp", "End an app's quarantine")
        .more("The next plan asks it again.")
        .gives::<Released>("There is no quarantine any more.");
    let retried = About::new("apps", "retryInApp", "Try again what was put aside")
        .more("The next plan tries it.")
        .takes::<Retry>()
        .gives::<Retried>("What the next plan tries.");
    api.get("/api/v1/apps", Role::Viewer, listed, list)
        .get("/api/v1/apps/{app}", Role::Viewer, shown, show)
        .post("/api/v1/apps/{app}/check", Role::Operator, checked, check)
        .post("/api/v1/apps/{app}/release", Role::Operator, released, release)
        .post("/api/v1/apps/{app}/retry", Role::Operator, retried, retry)
}

async fn list(State(faces): State<Arc<Faces>>, Asked(which): Asked<Which>, uri: Uri) -> Result<Response, Problem> {
    let place = which.place()?;
    let apps = faces.engine.apps().await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&page(apps, Order::Rising, |app: &AppRow| app.app.as_str().as_bytes().to_vec(), &place, &uri)))
}

async fn show(State(faces): State<Arc<Faces>>, Named(name): Named) -> Result<Response, Problem> {
    let apps = faces.engine.apps().await.map_err(|error| Problem::of(&error, &faces))?;
    match apps.iter().find(|app| app.app.as_str() == name) {
        Some(app) => Ok(json(app)),
        None => Err(Problem::missing(format!("there is no app called {name}"))),
    }
}

async fn check(State(faces): State<Arc<Faces>>, Named(name): Named) -> Result<Response, Problem> {
    let report = faces.engine.check(&AppName::from(name)).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&report))
}

async fn release(State(faces): State<Arc<Faces>>, Named(name): Named) -> Result<Response, Problem> {
    let released = faces.engine.release(&AppName::from(name)).await.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&Released { released }))
}

async fn retry(State(faces): State<Arc<Faces>>, Named(name): Named, Given(retry): Given<Retry>) -> Result<Response, Problem> {
    let tried = faces.engine.retry(&AppName::from(name), retry.who.as_deref()).await;
    let retried = tried.map_err(|error| Problem::of(&error, &faces))?;
    Ok(json(&Retried { retried }))
}
