//! The fixed catalog: courses, roles, languages and the other lists that the guide's calls only read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::edit::View;
use super::fields::CUSTOM;
use super::filter::{Filter, Type, among};
use super::profile::Status;
use super::sort::Sort;
use super::state::make_id;
use super::wire::{Listed, Refusal, Reply, Request, Window, fold, parse_id};

/// The courses that every portal starts with.
pub(super) const COURSES: [&str; 8] = [
    "Welcome to Acme",
    "Security Basics",
    "Code of Conduct",
    "Data Protection",
    "Workplace Safety",
    "Leading a Team",
    "Selling with Acme",
    "Customer First",
];
/// What a course is where nothing else is known.
const ONLINE: Cow<'static, str> = Cow::Borrowed("OnlineCourse");
const ROLES: [&str; 5] = ["Learner", "Instructor", "Department Admin", "Reporter", "System Admin"];
/// The groups that every portal starts with.
pub(super) const GROUPS: [&str; 4] = ["All Staff", "New Joiners", "People Managers", "Remote Workers"];
const LANGUAGES: [&str; 5] = ["English (US)", "English (UK)", "Français", "Deutsch", "Español"];
const COUNTRIES: [&str; 5] = ["Australia", "Canada", "Germany", "United Kingdom", "United States"];
const PROVINCES: [&str; 4] = ["Alberta", "Illinois", "Indiana", "Ontario"];
const TAGS: [&str; 3] = ["compliance", "onboarding", "sales"];

/// The lists there are, by path.
pub(super) const LISTS: [&str; 8] =
    ["courses", "roles", "groups", "countries", "provinces", "tags", "languages", "customfielddefinitions"];

/// A course.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Course {
    pub(super) id: Uuid,
    pub(super) name: String,
    course_type: Cow<'static, str>,
    active_status: Value,
}

impl Course {
    /// A course of a portal whose records are known.
    pub(super) fn new(id: Uuid, name: String, course_type: Option<String>, active_status: Value) -> Self {
        Self { id, name, course_type: course_type.map_or(ONLINE, Cow::Owned), active_status }
    }
}

#[derive(Debug, Serialize)]
struct Named {
    id: Uuid,
    name: Cow<'static, str>,
}

/// What a portal offers.
#[derive(Debug)]
pub(super) struct Catalog {
    courses: Vec<Course>,
    roles: Vec<Named>,
    countries: Vec<Named>,
    provinces: Vec<Named>,
    tags: Vec<Named>,
    /// Languages beside the standard ones.
    languages: BTreeSet<u64>,
}

impl Catalog {
    /// The standard courses, then those of the configuration.
    pub(super) fn new(seed: u64, more: &[String], active: Status) -> Self {
        let named = |kind: &str, names: &[&'static str]| {
            names.iter().enumerate().map(|(n, name)| Named { id: make_id(seed, kind, n), name: Cow::Borrowed(*name) }).collect()
        };
        let names = COURSES.iter().map(|name| (*name).to_owned()).chain(more.iter().cloned());
        let course = |(n, name)| Course { id: make_id(seed, "course", n), name, course_type: ONLINE, active_status: active.value() };
        Self {
            courses: names.enumerate().map(course).collect(),
            roles: named("role", &ROLES),
            countries: named("country", &COUNTRIES),
            provinces: named("province", &PROVINCES),
            tags: named("tag", &TAGS),
            languages: BTreeSet::new(),
        }
    }

    /// The catalog of a portal of which these courses are known, and the roles and languages that somebody has.
    pub(super) fn shown(seed: u64, courses: Vec<Course>, roles: BTreeSet<Uuid>, languages: BTreeSet<u64>) -> Self {
        let role = |id: Uuid| Named { id, name: Cow::Owned(format!("Role {id}")) };
        let roles = roles.into_iter().map(role).collect();
        Self { courses, roles, languages, ..Self::new(seed, &[], Status::Number(0)) }
    }

    pub(super) fn courses(&self) -> &[Course] {
        &self.courses
    }

    pub(super) fn course(&self, id: Uuid) -> Option<&Course> {
        self.courses.iter().find(|course| course.id == id)
    }

    /// A course by name, in whatever case.
    pub(super) fn course_named(&self, name: &str) -> Option<&Course> {
        self.courses.iter().find(|course| fold(&course.name) == fold(name))
    }

    pub(super) fn has_role(&self, id: Uuid) -> bool {
        self.roles.iter().any(|role| role.id == id)
    }

    pub(super) fn has_language(&self, id: u64) -> bool {
        (1..=LANGUAGES.len() as u64).contains(&id) || self.languages.contains(&id)
    }
}

/// `GET /courses`, `/groups`, `/roles`: envelopes, by name; `/languages`, `/customfielddefinitions`, `/countries`, `/provinces`,
/// `/tags`: bare arrays.
pub(super) fn list(view: &View<'_>, name: &str, request: &Request<'_>) -> Result<Reply, Refusal> {
    let catalog = &view.state.catalog;
    match name {
        "courses" => enveloped(view, request, "courses", &catalog.courses),
        "roles" => enveloped(view, request, "roles", &catalog.roles),
        "groups" => {
            let groups: Vec<_> = view.state.groups().map(|group| json!({"id": group.id, "name": group.name})).collect();
            enveloped(view, request, "groups", &groups)
        }
        "countries" => Ok(Reply::ok(&catalog.countries)),
        "provinces" => Ok(Reply::ok(&catalog.provinces)),
        "tags" => Ok(Reply::ok(&catalog.tags)),
        "languages" => {
            let language = |(n, name): (usize, &&str)| json!({"id": n + 1, "name": name});
            Ok(Reply::ok(&LANGUAGES.iter().enumerate().map(language).collect::<Vec<_>>()))
        }
        "customfielddefinitions" => Ok(Reply::ok(&definitions())),
        _ => Err(Refusal::not_found("the path")),
    }
}

/// `GET /courses/:id`.
pub(super) fn course(view: &View<'_>, id: &str) -> Result<Reply, Refusal> {
    let found = view.state.catalog.course(parse_id("id", id)?);
    found.map(Reply::ok).ok_or_else(|| Refusal::not_found("the course"))
}

fn enveloped<T: Serialize>(view: &View<'_>, request: &Request<'_>, plural: &'static str, all: &[T]) -> Result<Reply, Refusal> {
    let query = &request.query;
    let window = Window::of(query, view.profile)?;
    let known = [("id", Type::Guid), ("name", Type::Text), ("courseType", Type::Text), ("activeStatus", view.profile.active.kind())];
    // Only courses have the last two.
    let known = if plural == "courses" { &known[..] } else { &known[..2] };
    let members = |name: &str| among(known, name);
    let (sort, filter) = (Sort::of(query, &members)?, Filter::of(query, view.profile, &members)?);
    let mut rows: Vec<Value> = all.iter().map(|one| json!(one)).collect();
    rows.retain(|one| filter.as_ref().is_none_or(|filter| filter.passes_record(one)));
    rows.sort_by_cached_key(|one| one["name"].as_str().map(fold));
    sort.order(&mut rows, |one, name| one[name].clone());
    let total = rows.len();
    Ok(Reply::ok(&Listed { plural, window: &window, total, rows: window.cut(rows) }))
}

/// The custom fields that a user may have.
fn definitions() -> Vec<Value> {
    let names = CUSTOM.iter().flat_map(|(prefix, count)| (1..=*count).map(move |n| (*prefix, format!("{prefix}{n}"))));
    names.map(|(kind, name)| json!({"name": name, "type": kind})).collect()
}
