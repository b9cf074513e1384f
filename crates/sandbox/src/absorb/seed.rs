//! The portal as it is at first: empty but for its catalog and its admins, or with a company in it.
//!
//! Its dates are fixed, so that it is the same whenever it is made.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Admin;
use super::content::Catalog;
use super::enrollments::COMPLETE;
use super::fields::User;
use super::profile::Profile;
use super::state::{Department, Enrollment, State};
use super::wire::fold;
use crate::company::{self, Chance, DEPARTMENTS, Person};
use crate::data::Origin;

/// When the portal was set up.
const FOUNDED: &str = "2024-01-02T08:00:00";

/// Statuses of enrollments that are not the plain ones, each seen somewhere in a company.
const UNUSUAL: [u8; 10] = [2, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// Makes the portal.
pub(super) fn portal(origin: &Origin, profile: &'static Profile, name: &str, courses: &[String], admins: &[Admin]) -> State {
    let catalog = Catalog::new(origin.seed, courses, profile.active);
    let mut state = State::new(origin.seed, name, catalog, FOUNDED);
    if origin.people > 0 {
        for (name, _) in DEPARTMENTS {
            state.put_department(Department {
                id: state.next_department(),
                name: name.to_owned(),
                parent_id: Some(state.root),
                external_id: None,
                date_added: FOUNDED.to_owned(),
                date_edited: FOUNDED.to_owned(),
            });
        }
    }
    for admin in admins {
        state.put_admin(account(admin, &state, profile));
    }
    let people = company::company(origin.people, origin.seed);
    let mut ids: Vec<Uuid> = Vec::with_capacity(people.len());
    let mut chance = Chance::new(origin.seed ^ 0xab50_4b00);
    for person in &people {
        let supervisor = person.manager.map(|number| ids[number - 1]);
        let user = user(person, supervisor, &state, profile);
        ids.push(user.id());
        let user_id = user.id();
        state.put_user(user);
        enroll(user_id, person, &mut state, &mut chance);
    }
    state
}

fn department(state: &State, name: &str) -> Option<Uuid> {
    state.departments().find(|department| fold(&department.name) == fold(name)).map(|department| department.id)
}

fn finish(id: Uuid, values: Value) -> User {
    let Value::Object(values) = values else { unreachable!("the members are written as an object") };
    let values: Map<String, Value> = values.into_iter().filter(|(_, value)| !value.is_null()).collect();
    User::new(id, values, 1).expect("the members that it needs are there")
}

/// An admin's own account: in the first of its departments that is there, else in the root.
fn account(admin: &Admin, state: &State, profile: &Profile) -> User {
    let own = admin.departments.iter().flatten().find_map(|name| department(state, name));
    let values = json!({
        "departmentId": own.unwrap_or(state.root),
        "firstName": "API",
        "lastName": "Admin",
        "username": admin.username,
        "emailAddress": admin.username.contains('@').then_some(&admin.username),
        "dateEdited": FOUNDED,
        "dateAdded": FOUNDED,
        "activeStatus": profile.active.value(),
        "isLearner": true,
        "isAdmin": true,
        "isInstructor": false,
    });
    finish(state.admin_id(&admin.username), values)
}

fn user(person: &Person, supervisor: Option<Uuid>, state: &State, profile: &Profile) -> User {
    // The name is taken where an admin of the API is called so; ids must not depend on who the admins are.
    let username = if state.by_username(&person.email).is_some() { &person.employee_id } else { &person.email };
    let midnight = |day: &String| format!("{day}T00:00:00");
    let values = json!({
        "departmentId": department(state, person.department).unwrap_or(state.root),
        "firstName": person.given,
        "lastName": person.family,
        "username": username,
        "emailAddress": person.email,
        "externalId": person.employee_id,
        "jobTitle": person.title,
        "employeeNumber": person.employee_id,
        "location": person.location,
        "languageId": 1,
        "dateHired": midnight(&person.hired),
        "dateTerminated": person.left.as_ref().map(midnight),
        "dateEdited": person.left.as_ref().map_or(FOUNDED.to_owned(), |day| format!("{day}T17:00:00")),
        "dateAdded": FOUNDED,
        "activeStatus": if person.active() { profile.active.value() } else { profile.inactive.value() },
        "isLearner": true,
        "isAdmin": false,
        "isInstructor": false,
        "supervisorId": supervisor,
    });
    finish(state.next_user(0), values)
}

/// Everyone has been welcomed, most have finished that; one in three takes something else, in any status.
fn enroll(user: Uuid, person: &Person, state: &mut State, chance: &mut Chance) {
    let welcome = match chance.below(10) {
        0 => 0,
        1 => 1,
        _ => COMPLETE,
    };
    let mut wanted = vec![(0, welcome, true)];
    if chance.below(3) == 0 {
        let course = 1 + chance.below(state.catalog.courses().len() as u64 - 1) as usize;
        let status = match chance.below(4) {
            0 => 0,
            1 => 1,
            2 => COMPLETE,
            _ => chance.one_of(&UNUSUAL),
        };
        // Some took it before.
        if chance.below(5) == 0 {
            wanted.push((course, COMPLETE, false));
        }
        wanted.push((course, status, true));
    }
    for (course, status, is_active) in wanted {
        let Some(course_id) = state.catalog.courses().get(course).map(|course| course.id) else { continue };
        let edited = person.left.as_ref().map_or(FOUNDED.to_owned(), |day| format!("{day}T17:00:00"));
        state.put_enrollment(Enrollment {
            id: state.next_enrollment(0),
            user_id: user,
            course_id,
            status,
            date_added: FOUNDED.to_owned(),
            date_completed: (status == COMPLETE).then(|| edited.clone()),
            date_edited: edited,
            is_active,
        });
    }
}
