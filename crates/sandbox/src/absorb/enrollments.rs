//! `/enrollments` and `/users/:id/enrollments` (contract, section 4).

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::content::Course;
use super::edit::{Edit, View};
use super::sort::Sort;
use super::state::Enrollment;
use super::wire::{Members, Refusal, Reply, Request, Window, fold, instant_of, parse_date, parse_id};

/// The enrollment statuses, 0 NotStarted to 12 ReadyForReview.
pub(super) const STATUSES: u8 = 13;

/// Completed.
pub(super) const COMPLETE: u8 = 3;

/// `GET /users/:id/enrollments`: a bare array in the order of the courses' names, history too.
///
/// CHOSEN: all of them, unless `_limit` or `_offset` asks for a part.
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
    let completed = view.profile.completed_member;
    let members = ["id", "userId", "courseId", "courseName", "status", "progress", "dateAdded", "dateEdited", "isActive", completed];
    let sort = Sort::by(query, &members)?;
    let edited = |one: &Enrollment| parse_date(&one.date_edited).and_then(instant_of);
    let mut rows: Vec<(&Course, &Enrollment)> = view
        .state
        .enrollments_of(user.id())
        .filter(|one| status.is_none_or(|status| one.status == status))
        .filter(|one| since.is_none_or(|since| edited(one).is_some_and(|edited| edited >= since)))
        .filter_map(|one| Some((view.state.catalog.course(one.course_id)?, one)))
        .collect();
    // Several of one course stay in the order in which they were made.
    rows.sort_by_cached_key(|(course, _)| fold(&course.name));
    sort.order(&mut rows, |(course, one), name| shown(view, course, one)[name].take());
    if query.get("_limit").or(query.get("_offset")).is_some() {
        rows = Window::of(query, view.profile)?.cut(rows);
    }
    let rows: Vec<Value> = rows.into_iter().map(|(course, one)| shown(view, course, one)).collect();
    Ok(Reply::ok(&rows))
}

fn shown(view: &View<'_>, course: &Course, one: &Enrollment) -> Value {
    let completed = (view.profile.completed_member.to_owned(), json!(one.date_completed));
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
pub(super) fn post(edit: &mut Edit<'_>, members: &Members) -> Result<Reply, Refusal> {
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
