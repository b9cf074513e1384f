//! `/enrollments` and `/users/:id/enrollments` (contract, section 4).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::content::Course;
use super::edit::{Edit, View};
use super::filter::{Filter, Type, among};
use super::sort::Sort;
use super::state::Enrollment;
use super::wire::{Listed, Members, Query, Refusal, Reply, Request, Window, fold, instant_of, parse_date, parse_id};

/// The enrollment statuses, 0 NotStarted to 12 ReadyForReview.
pub(super) const STATUSES: u8 = 13;

/// Completed.
pub(super) const COMPLETE: u8 = 3;

/// `GET /users/:id/enrollments`, in the order of the courses' names, history too.
///
/// In the envelope of all lists, or a bare array as the profile has it; CHOSEN: a bare one has all of them, unless `_limit`
/// or `_offset` asks for a part.
pub(super) fn list(view: &View<'_>, id: &str, request: &Request<'_>) -> Result<Reply, Refusal> {
    let user = view.user(parse_id("id", id)?)?;
    let query = &request.query;
    let status = match query.get("status") {
        None => None,
        Some(text) => match text.parse::<u8>() {
            Ok(status) if status < STATUSES => Some(status),
            _ => return Err(Refusal::invalid("status", format!("must be a number from 0 to {}", STATUSES - 1))),
        },
    };
    let since = query.modified_since()?;
    let completed = view.profile.enrollments.completed;
    let known = [
        ("id", Type::Guid),
        ("userId", Type::Guid),
        ("courseId", Type::Guid),
        ("courseName", Type::Text),
        ("status", Type::Number),
        ("progress", Type::Number),
        ("dateAdded", Type::Time),
        ("dateEdited", Type::Time),
        ("isActive", Type::Flag),
        (completed, Type::Time),
    ];
    let members = |name: &str| among(&known, name);
    let (sort, filter) = (Sort::of(query, &members)?, Filter::of(query, view.profile, &members)?);
    let edited = |one: &Enrollment| parse_date(&one.date_edited).and_then(instant_of);
    let mut rows: Vec<(&Course, &Enrollment)> = view
        .state
        .enrollments_of(user.id())
        .filter(|one| status.is_none_or(|status| one.status == status))
        .filter(|one| since.is_none_or(|since| edited(one).is_some_and(|edited| edited >= since)))
        .filter_map(|one| Some((view.state.catalog.course(one.course_id)?, one)))
        .filter(|(course, one)| filter.as_ref().is_none_or(|filter| filter.passes_record(&shown(view, course, one))))
        .collect();
    // Several of one course stay in the order in which they were made.
    rows.sort_by_cached_key(|(course, _)| fold(&course.name));
    sort.order(&mut rows, |(course, one), name| shown(view, course, one)[name].take());
    let total = rows.len();
    let bare = !view.profile.enrollments.envelope;
    let window = Window::of(query, view.profile)?;
    if !bare || query.get("_limit").or(query.get("_offset")).is_some() {
        rows = window.cut(rows);
    }
    let rows: Vec<Value> = rows.into_iter().map(|(course, one)| shown(view, course, one)).collect();
    Ok(if bare { Reply::ok(&rows) } else { Reply::ok(&Listed { plural: "enrollments", window: &window, total, rows }) })
}

/// `GET /users/:user/enrollments/:course`: the active one, else the latest that is history.
pub(super) fn get(view: &View<'_>, user: &str, course: &str) -> Result<Reply, Refusal> {
    let (user, course) = (view.user(parse_id("userId", user)?)?.id(), parse_id("courseId", course)?);
    let course = view.state.catalog.course(course).ok_or_else(|| Refusal::not_found("the course"))?;
    let of_course = view.state.enrollments_of(user).filter(|one| one.course_id == course.id);
    let found = of_course.max_by_key(|one| one.is_active).ok_or_else(|| Refusal::not_found("the enrollment"))?;
    Ok(Reply::ok(&shown(view, course, found)))
}

fn shown(view: &View<'_>, course: &Course, one: &Enrollment) -> Value {
    let completed = (view.profile.enrollments.completed.to_owned(), json!(one.date_completed));
    let others = json!({
        "id": one.id,
        "userId": one.user_id,
        "courseId": one.course_id,
        "courseName": course.name,
        "status": one.status,
        "progress": if one.status == COMPLETE { 100 } else { 0 },
        "dateAdded": one.date_added,
        "dateEdited": one.date_edited,
        "isActive": one.is_active,
    });
    let Value::Object(others) = others else { return others };
    Value::Object(others.into_iter().chain([completed]).collect::<Map<_, _>>())
}

/// `POST /enrollments`: 404 for a user whom the admin does not see, 422 for an unknown course (CHOSEN), 409 for an active
/// enrollment that is not to be started again.
pub(super) fn enrol_by_body(edit: &mut Edit<'_>, members: &Members) -> Result<Reply, Refusal> {
    let id = |name| match members.given(name) {
        None => Err(Refusal::invalid(name, "is required")),
        Some(value) => parse_id(name, value.as_str().unwrap_or_default()),
    };
    let (user, course) = (id("userId")?, id("courseId")?);
    let again = match members.given("reEnroll") {
        None => false,
        Some(value) => value.as_bool().ok_or_else(|| Refusal::invalid("reEnroll", "must be true or false"))?,
    };
    let user = edit.view.user(user)?.id();
    if edit.view.state.catalog.course(course).is_none() {
        return Err(Refusal::invalid("courseId", "is no course"));
    }
    let enrollment = edit.enroll(user, course, again)?;
    Ok(Reply::json(StatusCode::CREATED, &json!({"enrollmentId": enrollment})))
}

/// `POST /users/:user/enrollments/:course?reEnroll=true`: 201 and the enrollment; 404 for a user whom the admin does not
/// see and for an unknown course, 409 for an active enrollment that is not to be started again (CHOSEN).
pub(super) fn enrol_by_path(edit: &mut Edit<'_>, user: &str, course: &str, query: &Query) -> Result<Reply, Refusal> {
    let (user, course) = (edit.view.user(parse_id("userId", user)?)?.id(), parse_id("courseId", course)?);
    let course = edit.view.state.catalog.course(course).ok_or_else(|| Refusal::not_found("the course"))?;
    let again = match query.get("reEnroll").map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::invalid("reEnroll", "must be true or false")),
    };
    edit.enroll(user, course.id, again)?;
    let made = edit.active_enrollment(user, course.id).expect("it was just made");
    Ok(Reply::json(edit.view.profile.created, &shown(&edit.view, course, made)))
}

/// `POST /enrollments/unenroll`: ends active enrollments; they stay as history, `isActive` false.
///
/// CHOSEN: the body is `{userIds, courseIds}` (every one of them from every course), `userId` and `courseId` for one, or an
/// array of such; 200 and the ended enrollments; 404 and nothing done when one of the pairs has no active enrollment.
pub(super) fn unenrol(edit: &mut Edit<'_>, body: &Value) -> Result<Reply, Refusal> {
    let items = match body {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut ended = Vec::new();
    for item in items {
        let Value::Object(map) = item else { return Err(Refusal::malformed("what to unenrol must be an object")) };
        let members = Members::of(map.clone());
        let (users, courses) = (ids(&members, "userId")?, ids(&members, "courseId")?);
        for (user, course) in users.iter().flat_map(|user| courses.iter().map(move |course| (*user, *course))) {
            let user = edit.view.user(user)?.id();
            let course = edit.view.state.catalog.course(course).ok_or_else(|| Refusal::not_found("the course"))?;
            let active = edit.active_enrollment(user, course.id).ok_or_else(|| Refusal::not_found("the enrollment"))?;
            let mut one = active.clone();
            one.is_active = false;
            one.date_edited.clone_from(&edit.now);
            ended.push(shown(&edit.view, course, &one));
            edit.save_enrollment(one);
        }
    }
    Ok(Reply::ok(&ended))
}

/// The ids under a member's name or its plural; 422 when there is none or one is no UUID.
fn ids(members: &Members, name: &str) -> Result<Vec<Uuid>, Refusal> {
    let one = |value: &Value| parse_id(name, value.as_str().unwrap_or_default());
    match (members.given(name), members.given(&format!("{name}s"))) {
        (Some(value), _) => Ok(vec![one(value)?]),
        (None, Some(Value::Array(values))) if !values.is_empty() => values.iter().map(one).collect(),
        _ => Err(Refusal::invalid(name, "is required")),
    }
}
