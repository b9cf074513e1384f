//! `/reports`: who has access and by whose decision, which licences nobody needs, what became of a run; as files to be kept, printed or signed.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Caller, EngineError};
use model::{AppName, PersonKey, RunId};
use serde::{Deserialize, Serialize};

use super::page::{failed, file, html, told};
use crate::state::Faces;

#[derive(Template)]
#[template(path = "reports.html")]
struct Shown {
    caller: Caller,
    apps: Vec<AppName>,
    formats: [Format; 4],
}

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Html,
    Markdown,
    Csv,
    Json,
}

impl Format {
    const ALL: [Self; 4] = [Self::Html, Self::Markdown, Self::Csv, Self::Json];

    /// What a person reads, how the file's name ends, which is also its word in an address, and its media type.
    fn words(self) -> [&'static str; 3] {
        match self {
            Self::Html => ["HTML, to be printed or signed", "html", "text/html; charset=utf-8"],
            Self::Markdown => ["Markdown", "md", "text/markdown; charset=utf-8"],
            Self::Csv => ["CSV", "csv", "text/csv; charset=utf-8"],
            Self::Json => ["JSON", "json", "application/json"],
        }
    }
}

/// Of whom an access review is.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    format: String,
    #[serde(default)]
    app: String,
    #[serde(default)]
    manager: String,
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match faces.engine.apps().await {
        Ok(rows) => {
            let apps = rows.into_iter().map(|row| row.app).collect();
            html(StatusCode::OK, &Shown { caller, apps, formats: Format::ALL })
        }
        Err(error) => failed(&faces, &error),
    }
}

pub(super) async fn access(State(faces): State<Arc<Faces>>, Query(wanted): Query<Wanted>) -> Response {
    let (app, manager) = (wanted.app.trim(), wanted.manager.trim());
    let (app, manager) = ((!app.is_empty()).then(|| AppName::from(app)), (!manager.is_empty()).then(|| PersonKey::from(manager)));
    let review = faces.engine.review_access(app.as_ref(), manager.as_ref()).await;
    answer(&faces, &wanted.format, "access", review, |review, format| match format {
        Format::Html => review.paper().html(),
        Format::Markdown => review.paper().markdown(),
        Format::Csv => review.csv(),
        Format::Json => json(review),
    })
}

pub(super) async fn licences(State(faces): State<Arc<Faces>>, Query(wanted): Query<Wanted>) -> Response {
    let review = faces.engine.review_licences().await;
    answer(&faces, &wanted.format, "licences", review, |review, format| match format {
        Format::Html => review.paper().html(),
        Format::Markdown => review.paper().markdown(),
        Format::Csv => review.csv(),
        Format::Json => json(review),
    })
}

pub(super) async fn run(State(faces): State<Arc<Faces>>, Path((id, format)): Path<(String, String)>) -> Response {
    let run: RunId = match faces.engine.store().find_run(&id).await {
        Ok(run) => run.id,
        Err(error) => return failed(&faces, &error.into()),
    };
    let report = faces.engine.report(&run).await;
    answer(&faces, &format, &format!("run-{run}"), report, |report, format| match format {
        Format::Html => report.html(),
        Format::Markdown => report.markdown(),
        Format::Csv => report.csv(),
        Format::Json => json(report),
    })
}

fn json(of: &impl Serialize) -> String {
    serde_json::to_string_pretty(of).expect("what is reported is JSON: text keys, whole numbers")
}

/// What was found out as a file of this name, in the format of that word.
fn answer<T>(faces: &Faces, format: &str, name: &str, of: Result<T, EngineError>, made: impl FnOnce(&T, Format) -> String) -> Response {
    let Some(format) = Format::ALL.into_iter().find(|known| known.words()[1] == format) else {
        let what = format!("{format:?} is no format of a report: {}.", Format::ALL.map(|known| known.words()[1]).join(", "));
        return told(StatusCode::BAD_REQUEST, "No such format", what, "The page Reports offers each.".into());
    };
    let [_, end, media] = format.words();
    match of {
        Ok(of) => file(&format!("provost-{name}.{end}"), media, made(&of, format).into_bytes()),
        Err(error) => failed(faces, &error),
    }
}
