//! A company as its records show it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::content::{Catalog, Kind as Content};
use super::profile::Profile;
use super::records::{Assignment, EVERYONE_NAME, Field, Group, User};
use super::state::State;
use crate::error::Error;
use crate::records::{Kind, Record, of};

/// The state that these records show.
///
/// # Errors
/// The first record that cannot be held, and why.
pub(super) fn state(profile: &'static Profile, records: &[Record]) -> Result<State, Error> {
    let mut state = State::new(profile);
    let mut catalog = BTreeMap::new();
    for record in of(records, Kind::Content) {
        let kind = record.text("resource_type")?.and_then(|word| Content::from_word(&word));
        let kind = kind.ok_or_else(|| record.refused("resource_type is none of lesson, path and course"))?;
        catalog.insert((kind, id(record)?), record.raw.clone());
    }
    state.catalog = Catalog::Shown(catalog);
    let mut everyone = None;
    for record in of(records, Kind::Group) {
        let group = group(record)?;
        if group.name == EVERYONE_NAME {
            everyone = Some(group.id);
        }
        state.groups.insert(group.id, group);
    }
    state.set_everyone(everyone);
    let mut users: BTreeMap<u64, User> = BTreeMap::new();
    for record in of(records, Kind::User) {
        let user = user(record, profile)?;
        users.insert(user.id, user);
    }
    // A group shows its members whole: those who are in no list are known from there.
    for record in of(records, Kind::Group) {
        for list in ["members", "managers"] {
            for raw in record.of(list, "a list", Value::as_array)?.into_iter().flatten() {
                let member = user(&Record { kind: Kind::User, raw: raw.clone() }, profile)?;
                let known = users.entry(member.id).or_insert(member);
                let group = id(record)?;
                if Some(group) != everyone {
                    let seats = if list == "members" { &mut known.group_ids } else { &mut known.managing_ids };
                    seats.insert(group);
                }
            }
        }
    }
    let mut emails: BTreeMap<String, u64> = BTreeMap::new();
    for user in users.into_values() {
        if let Some(other) = emails.insert(user.email.to_lowercase(), user.id) {
            let why = format!("user {other} has the same e-mail {}", user.email);
            return Err(Error::Record { record: format!("user {}", user.id), why });
        }
        state.put_user(user);
    }
    for record in of(records, Kind::Enrolment) {
        let assignment = assignment(record, profile)?;
        if !state.users.contains_key(&assignment.assignee_id) {
            return Err(record.refused(format!("there is no user {} among the records", assignment.assignee_id)));
        }
        state.put_assignment(assignment).map_err(|why| record.refused(why))?;
    }
    Ok(state)
}

fn id(record: &Record) -> Result<u64, Error> {
    record.must("id", "a whole number", Value::as_u64)
}

fn instant(record: &Record, member: &str) -> Result<Option<Timestamp>, Error> {
    record.of(member, "an instant", |value| value.as_str()?.parse().ok())
}

fn group(record: &Record) -> Result<Group, Error> {
    Ok(Group {
        id: id(record)?,
        name: record.text("name")?.ok_or_else(|| record.refused("name is missing"))?,
        archived_at: instant(record, "archived_at")?,
        archived_by_user_id: record.of("archived_by_user_id", "a whole number", Value::as_u64)?,
    })
}

fn user(record: &Record, profile: &Profile) -> Result<User, Error> {
    let text = |member: &str| record.text(member);
    let archived_at = instant(record, "archived_at")?.map(|at| profile.archived.kept(at));
    let created = instant(record, "created_at")?.unwrap_or_default();
    let mut fields = Vec::new();
    for field in record.of("custom_user_field_data", "a list", Value::as_array)?.into_iter().flatten() {
        let wrong = |error| record.refused(format!("custom_user_field_data: {error}"));
        fields.push(serde_json::from_value::<Field>(field.clone()).map_err(wrong)?);
    }
    let seats = |list: &str| -> Result<BTreeSet<u64>, Error> {
        let groups = record.get("groups").and_then(|groups| groups.get(list)).and_then(Value::as_array);
        let id = |group: &Value| group.get("id").and_then(Value::as_u64);
        let ids = groups.into_iter().flatten().map(id).collect::<Option<_>>();
        ids.ok_or_else(|| record.refused(format!("groups.{list} names a group without id")))
    };
    let mut member = seats("member")?;
    if let Some(ids) = record.of("group_ids", "a list", Value::as_array)? {
        member.extend(ids.iter().filter_map(Value::as_u64));
    }
    Ok(User {
        id: id(record)?,
        ext_uid: text("ext_uid")?,
        email: text("email")?.ok_or_else(|| record.refused("email is missing"))?,
        name: text("name")?.ok_or_else(|| record.refused("name is missing"))?,
        role: text("role")?.ok_or_else(|| record.refused("role is missing"))?,
        archived_at,
        archived_by_user_id: record.of("archived_by_user_id", "a whole number", Value::as_u64)?,
        job_title: text("job_title")?,
        business_unit: text("business_unit")?,
        department: text("department")?,
        location: text("location")?,
        locale: text("locale")?,
        hire_date: text("hire_date")?,
        manager_name: text("manager_name")?,
        mobile_phone_number: text("mobile_phone_number")?,
        custom_user_field_data: fields,
        group_ids: member,
        managing_ids: seats("manager")?,
        created_at: created,
        updated_at: instant(record, "updated_at")?.unwrap_or(created),
        scim: Default::default(),
    })
}

fn assignment(record: &Record, profile: &Profile) -> Result<Assignment, Error> {
    let number = |member: &str| record.must(member, "a whole number", Value::as_u64);
    let assigned_at = instant(record, "assigned_at")?.ok_or_else(|| record.refused("assigned_at is missing"))?;
    let status = record.text("status")?.unwrap_or_default();
    Ok(Assignment {
        id: id(record)?,
        assignee_id: number("assignee_id")?,
        assignable_type: record.text("assignable_type")?.ok_or_else(|| record.refused("assignable_type is missing"))?,
        assignable_id: number("assignable_id")?,
        assigned_at,
        due_by: instant(record, "due_by")?,
        reassigned_at: instant(record, "reassigned_at")?,
        started_at: instant(record, "started_at")?,
        completed_at: instant(record, "completed_at")?,
        grade_pending: status.eq_ignore_ascii_case(profile.statuses.grade_pending),
        score: record.of("score", "a whole number", |value| value.as_u64()?.try_into().ok())?,
        updated_at: instant(record, "updated_at")?.unwrap_or(assigned_at),
        ended_at: None,
    })
}
