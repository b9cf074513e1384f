//! `/`: are the platforms true to the roster, and what waits for me?  And `/plan`, which plans anew.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{AppRow, Caller, Coverage, CoverageThen, Covered, EngineError, PlanStatus, PlanSummary};
use model::{AppName, Class, Role, Run};

use super::drawn::{Bars, Lines};
use super::page::{failed, html, lead};
use super::runs::state_word;
use crate::state::Faces;
use crate::work::{Job, Task};

/// How many of the last runs are shown.
const RUNS: usize = 10;
/// How many runs the picture of joiners and leavers has.
const FLOWS: usize = 24;
/// How many departments are shown, the largest.
const DEPARTMENTS: usize = 12;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    caller: Caller,
    may_plan: bool,
    jobs: Vec<(Job, &'static str)>,
    waits: Vec<Waits>,
    apps: Vec<App>,
    coverage: Option<Arc<Coverage>>,
    covered: Vec<Row>,
    departments: usize,
    course: Option<Lines>,
    findings: Option<String>,
    flows: Option<Bars>,
    runs: Vec<(Run, &'static str)>,
}

struct Waits {
    plan: PlanSummary,
    what: String,
    state: &'static str,
}

/// Everybody, or a department.
struct Row {
    name: String,
    /// What the list of people is searched for.
    search: Option<String>,
    here: usize,
    /// App, who work here and have an account in it, who left and have one.
    apps: Vec<(AppName, usize, usize)>,
}

impl Row {
    fn new(name: String, search: Option<String>, apps: &[AppName], covered: &Covered) -> Self {
        let at = |counted: &[usize], at: usize| counted.get(at).copied().unwrap_or_default();
        let app =
            |(place, app): (usize, &AppName)| (app.clone(), at(&covered.with_account, place), at(&covered.left_with_account, place));
        Self { name, search, here: covered.here, apps: apps.iter().enumerate().map(app).collect() }
    }
}

struct App {
    row: AppRow,
    linked_per_cent: Option<usize>,
    state: String,
}

pub(super) async fn show(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match overview(&faces, caller).await {
        Ok(page) => html(StatusCode::OK, &page),
        Err(error) => failed(&faces, &error),
    }
}

async fn overview(faces: &Faces, caller: Caller) -> Result<Overview, EngineError> {
    let engine = &faces.engine;
    let jobs = faces.work.jobs().into_iter().filter(|job| job.came.is_none());
    let waits = engine.waiting().await?.into_iter().map(|plan| Waits {
        what: match &plan.class {
            Class::Open => "open".to_owned(),
            Class::Held(class) => format!("held: {}", class.replace('_', " ")),
        },
        state: if plan.status == PlanStatus::Approved { "approved, to be carried out" } else { "waits for a yes or no" },
        plan,
    });
    let apps = engine.apps().await?.into_iter().map(|row| App {
        linked_per_cent: (row.active > 0).then(|| (row.linked * 100 / row.active).min(100)),
        state: app_state(&row),
        row,
    });
    let all_runs = engine.store().runs().await?;
    let mut flows = Vec::new();
    for run in all_runs.iter().take(FLOWS) {
        let flow = engine.flow(run).await?;
        flows.push((format!("{:.0}", run.started), flow.given, flow.taken));
    }
    flows.reverse();
    let coverage = if_read(engine.coverage().await)?;
    let (mut covered, mut departments) = (Vec::new(), 0);
    if let Some(Coverage { apps, all, departments: by_size }) = coverage.as_deref() {
        departments = by_size.len();
        covered.push(Row::new("Everybody".to_owned(), None, apps, all));
        covered.extend(by_size.iter().take(DEPARTMENTS).map(|(name, of)| match name.as_str() {
            "" => Row::new("none named".to_owned(), None, apps, of),
            _ => Row::new(name.clone(), Some(name.clone()), apps, of),
        }));
    }
    let course = match coverage.as_deref() {
        Some(Coverage { apps, .. }) => course(apps, &engine.coverage_course().await?),
        None => None,
    };
    let findings = if_read(engine.findings().await)?.map(|found| match found.findings.len() {
        0 => "No finding is open".to_owned(),
        1 => "One finding".to_owned(),
        many => format!("{many} findings"),
    });
    let runs = all_runs.into_iter().take(RUNS).map(|run| {
        let word = state_word(run.state);
        (run, word)
    });
    Ok(Overview {
        may_plan: caller.role >= Role::Operator,
        caller,
        jobs: jobs.map(|job| (title_of(&job), job)).map(|(title, job)| (job, title)).collect(),
        waits: waits.collect(),
        apps: apps.collect(),
        flows: Bars::new("flows", "People whom each run gave access, and from whom it took it", ["Run", "Given", "Taken"], flows),
        course,
        coverage,
        covered,
        departments,
        findings,
        runs: runs.collect(),
    })
}

/// The coverage over time as a picture.
fn course(apps: &[AppName], told: &[CoverageThen]) -> Option<Lines> {
    let of =
        |then: &CoverageThen, app: &AppName| then.apps.iter().find(|(name, _, _)| name == app).map(|(_, with, _)| (*with, then.here));
    let course: Vec<_> = told.iter().map(|then| (then.at, apps.iter().map(|app| of(then, app)).collect())).collect();
    let names: Vec<String> = apps.iter().map(ToString::to_string).collect();
    Lines::new("course", "How many of the people who work here had their accounts", &names, &course)
}

/// Nothing, where nothing was read yet.
fn if_read<T>(known: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match known {
        Ok(known) => Ok(Some(known)),
        Err(EngineError::NothingRead(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn title_of(job: &Job) -> &'static str {
    super::live::title(&job.task)
}

fn app_state(row: &AppRow) -> String {
    let mut words = Vec::new();
    if row.certificate.is_none() {
        words.push("not read yet".to_owned());
    }
    if row.health.quarantine.is_some() {
        words.push("in quarantine: nothing is asked of it".to_owned());
    }
    if row.rival.is_some() {
        words.push("somebody else logs in as we do".to_owned());
    }
    match row.put_aside.len() {
        0 => {}
        1 => words.push("one step put aside".to_owned()),
        many => words.push(format!("{many} steps put aside")),
    }
    if words.is_empty() { "read".to_owned() } else { words.join("; ") }
}

/// Begins to plan for everybody.
pub(super) async fn plan(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    let job = faces.work.begin(Task::Plan { people: None }, caller.actor());
    let id = job.borrow().id.clone();
    lead(&format!("/jobs/{id}"))
}
