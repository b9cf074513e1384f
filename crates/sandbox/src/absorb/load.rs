//! A portal as its records show it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::content::{Catalog, Course};
use super::enrollments::COMPLETE;
use super::fields::{FIELDS, User};
use super::profile::Profile;
use super::state::{Department, Enrollment, State};
use super::wire::{fold, show_instant};
use crate::error::Error;
use crate::records::{Kind, Record, of};

/// The portal that these records show.
///
/// What they only mention is there too: a department that somebody is in, a course that somebody takes, a role that somebody has.
///
/// # Errors
/// The first record that cannot be held, and why.
pub(super) fn portal(seed: u64, name: &str, profile: &'static Profile, records: &[Record], now: Timestamp) -> Result<State, Error> {
    let now = show_instant(now);
    let mut departments: BTreeMap<Uuid, Department> = BTreeMap::new();
    for record in of(records, Kind::Department) {
        let date = |member| Ok::<_, Error>(record.text(member)?.unwrap_or_else(|| now.clone()));
        let department = Department {
            id: id(record, "id")?,
            name: record.text("name")?.ok_or_else(|| record.refused("name is missing"))?,
            parent_id: record.of("parentId", "a UUID", uuid)?,
            external_id: record.text("externalId")?,
            date_added: date("dateAdded")?,
            date_edited: date("dateEdited")?,
        };
        departments.insert(department.id, department);
    }
    let mut courses: BTreeMap<Uuid, Course> = BTreeMap::new();
    for record in of(records, Kind::Content) {
        let name = record.text("name")?.ok_or_else(|| record.refused("name is missing"))?;
        let status = record.get("activeStatus").cloned().unwrap_or_else(|| profile.active.value());
        let course = Course::new(id(record, "id")?, name, record.text("courseType")?, status);
        courses.insert(course.id, course);
    }
    let (mut users, mut names) = (Vec::new(), BTreeMap::<String, Uuid>::new());
    let (mut roles, mut languages) = (BTreeSet::new(), BTreeSet::new());
    for record in of(records, Kind::User) {
        let user = user(record)?;
        if let Some(other) = names.insert(fold(user.username()), user.id()) {
            return Err(record.refused(format!("user {other} has the same user name {}", user.username())));
        }
        roles.extend(record.of("roleIds", "a list of UUIDs", |list| list.as_array()?.iter().map(uuid).collect::<Option<Vec<_>>>())?);
        languages.extend(record.of("languageId", "a whole number", Value::as_u64)?);
        users.push(user);
    }
    let mut enrollments = Vec::new();
    for record in of(records, Kind::Enrolment) {
        let one = enrollment(record, profile, &now)?;
        let name = record.text("courseName")?.unwrap_or_else(|| format!("course {}", one.course_id));
        courses.entry(one.course_id).or_insert_with(|| Course::new(one.course_id, name, None, profile.active.value()));
        enrollments.push(one);
    }
    let catalog = Catalog::shown(seed, courses.into_values().collect(), roles.into_iter().flatten().collect(), languages);
    let mut state = State::standing_in(seed, name, catalog, &now, departments.values().find(|one| one.parent_id.is_none()));
    let root = state.root;
    let missing = users.iter().map(User::department).filter(|id| !departments.contains_key(id) && *id != root);
    for id in missing.collect::<BTreeSet<_>>() {
        let (name, parent_id) = (format!("Department {id}"), Some(root));
        let (date_added, date_edited) = (now.clone(), now.clone());
        state.put_department(Department { id, name, parent_id, external_id: None, date_added, date_edited });
    }
    departments.into_values().for_each(|department| state.put_department(department));
    users.into_iter().for_each(|user| state.put_user(user));
    enrollments.into_iter().for_each(|one| state.put_enrollment(one));
    Ok(state)
}

fn uuid(value: &Value) -> Option<Uuid> {
    Uuid::try_parse(value.as_str()?).ok()
}

fn id(record: &Record, member: &str) -> Result<Uuid, Error> {
    record.must(member, "a UUID", uuid)
}

fn user(record: &Record) -> Result<User, Error> {
    let there = |value: &Value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    let held = FIELDS.iter().filter_map(|field| Some((field.name.to_owned(), record.get(field.name)?.clone())));
    let values: Map<String, Value> = held.filter(|(_, value)| there(value)).collect();
    User::new(id(record, "id")?, values, 1).map_err(|why| record.refused(why))
}

fn enrollment(record: &Record, profile: &Profile, now: &str) -> Result<Enrollment, Error> {
    let date = |member| Ok::<_, Error>(record.text(member)?.unwrap_or_else(|| now.to_owned()));
    let status = record.must("status", "a number up to 255", |value| u8::try_from(value.as_u64()?).ok())?;
    let completed = record.text(profile.enrollments.completed)?;
    let edited = date("dateEdited")?;
    Ok(Enrollment {
        id: id(record, "id")?,
        user_id: id(record, "userId")?,
        course_id: id(record, "courseId")?,
        status,
        date_added: date("dateAdded")?,
        date_completed: completed.or_else(|| (status == COMPLETE).then(|| edited.clone())),
        date_edited: edited,
        is_active: record.of("isActive", "true or false", Value::as_bool)?.unwrap_or(true),
    })
}
