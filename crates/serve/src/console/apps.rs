//! `/apps`: what each app was when it was read last, how it behaves, and what waits in it; `/apps/{app}/check` asks it.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{AppRow, Caller, CheckReport, verb_word};
use model::{AppName, Role, Support};

use super::page::{failed, html, lead};
use crate::state::Faces;

#[derive(Template)]
#[template(path = "apps.html")]
struct Shown {
    caller: Caller,
    may_act: bool,
    apps: Vec<App>,
}

struct App {
    row: AppRow,
    read: Option<String>,
    /// What steps it can take, in words.
    can: Vec<&'static str>,
    /// What leaving is called there, and what it means.
    leave: (&'static str, &'static str),
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match faces.engine.apps().await {
        Ok(apps) => {
            let app = |row: AppRow| {
                let manifest = faces.engine.manifest(&row.app);
                let verbs = manifest.map_or(&[][..], |manifest| manifest.verbs);
                let can = verbs.iter().filter(|(_, support)| matches!(support, Support::Can)).map(|(verb, _)| verb_word(*verb));
                App {
                    read: row.certificate.as_ref().map(model::Certificate::in_words),
                    can: can.collect(),
                    leave: manifest.map(|manifest| manifest.leave).unwrap_or_default(),
                    row,
                }
            };
            let page = Shown { may_act: caller.role >= Role::Operator, caller, apps: apps.into_iter().map(app).collect() };
            html(StatusCode::OK, &page)
        }
        Err(error) => failed(&faces, &error),
    }
}

#[derive(Template)]
#[template(path = "checked.html")]
struct Checked {
    caller: Caller,
    app: AppName,
    report: Option<CheckReport>,
    failed: Option<(String, String)>,
}

/// Logs in and looks: address, credentials, scope, fields, clock.
pub(super) async fn check(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>, Path(name): Path<String>) -> Response {
    let app = AppName::from(name);
    let (status, report, failed) = match faces.engine.check(&app).await {
        Ok(report) => (StatusCode::OK, Some(report), None),
        Err(error) => (StatusCode::BAD_GATEWAY, None, Some((error.to_string(), error.next()))),
    };
    html(status, &Checked { caller, app, report, failed })
}

/// Ends a quarantine.
pub(super) async fn release(State(faces): State<Arc<Faces>>, Path(name): Path<String>) -> Response {
    match faces.engine.release(&AppName::from(name)).await {
        Ok(_) => lead("/apps"),
        Err(error) => failed(&faces, &error),
    }
}

/// Has the next plan try again what is put aside.
pub(super) async fn retry(State(faces): State<Arc<Faces>>, Path(name): Path<String>) -> Response {
    match faces.engine.retry(&AppName::from(name), None).await {
        Ok(_) => lead("/apps"),
        Err(error) => failed(&faces, &error),
    }
}
