use jiff::{SignedDuration, Timestamp};

use super::assignments::fresh;
use super::content::Kind;
use super::profile::Profile;
use super::records::{EVERYONE, EVERYONE_NAME, FIRST_USER, Group, User};
use super::state::State;
use crate::company::{Chance, DEPARTMENTS, Person, company};
use crate::data::Origin;

/// The day on which the company began with Lessonly: after the last hire, before the first leaver.
const IMPORTED: &str = "2023-12-29";

/// The company as it is when the sandbox is new: an admin, `Group::Everyone`, and, with people, a group for each
/// department and assignments of every status.
pub(super) fn found(profile: &'static Profile, origin: &Origin) -> State {
    let mut state = State::new(profile);
    let group = |id, name: &str| Group { id, name: name.to_owned(), archived_at: None, archived_by_user_id: None };
    state.groups.insert(EVERYONE, group(EVERYONE, EVERYONE_NAME));
    let founded = morning(IMPORTED);
    state.put_user(User {
        id: FIRST_USER,
        email: "admin@acme.example".to_owned(),
        name: "Acme Admin".to_owned(),
        role: "admin".to_owned(),
        created_at: founded,
        updated_at: founded,
        ..User::default()
    });

    let people = company(origin.people, origin.seed);
    if !people.is_empty() {
        for ((name, _), id) in DEPARTMENTS.iter().zip(EVERYONE + 1..) {
            state.groups.insert(id, group(id, name));
        }
    }
    let mut chance = Chance::new(origin.seed ^ 0x6c65_7373_6f6e_6c79);
    for person in &people {
        let user = account(person, &people);
        let id = user.id;
        state.put_user(user);
        assign(&mut state, &mut chance, id, person);
    }
    state
}

fn account(person: &Person, people: &[Person]) -> User {
    let department = DEPARTMENTS.iter().position(|(name, _)| *name == person.department);
    let group = department.map(|at| EVERYONE + 1 + at as u64);
    let heads = department.is_some_and(|at| DEPARTMENTS[at].1[0] == person.title);
    let created = imported(person);
    let archived = person.left.as_deref().map(morning);
    User {
        id: FIRST_USER + person.number as u64,
        ext_uid: Some(person.employee_id.clone()),
        email: person.email.clone(),
        name: person.name(),
        role: if heads { "manager" } else { "learner" }.to_owned(),
        archived_at: archived,
        job_title: Some(person.title.to_owned()),
        department: Some(person.department.to_owned()),
        location: Some(person.location.to_owned()),
        locale: Some("en".to_owned()),
        hire_date: Some(person.hired.clone()),
        manager_name: person.manager.and_then(|number| people.get(number - 1)).map(Person::name),
        group_ids: group.into_iter().collect(),
        managing_ids: group.filter(|_| heads).into_iter().collect(),
        created_at: created,
        updated_at: archived.unwrap_or(created),
        ..User::default()
    }
}

/// Everyone has completed or is at something; four people in a row show all four statuses.
fn assign(state: &mut State, chance: &mut Chance, user: u64, person: &Person) {
    let due = |open: bool| if open { "2099-12-31" } else { "2024-06-01" };
    let mut kinds = vec![(Kind::Course, 1, person.number % 4)];
    if chance.below(3) == 0 {
        kinds.push((Kind::Lesson, 1 + chance.below(6), chance.below(4) as usize));
    }
    for (kind, content, status) in kinds {
        let at = imported(person);
        let mut assignment = fresh(state.next_assignment(), user, kind, content, Some(midnight(due(status != 2))), at);
        match status {
            0 => {
                assignment.started_at = Some(at + SignedDuration::from_hours(1));
                assignment.completed_at = Some(at + SignedDuration::from_hours(2));
                assignment.score = Some(70 + chance.below(31) as u32);
            }
            3 => {
                assignment.started_at = Some(at + SignedDuration::from_hours(1));
                assignment.grade_pending = true;
            }
            _ => {}
        }
        if let (Some(left), None) = (&person.left, assignment.completed_at) {
            assignment.ended_at = Some(morning(left));
        }
        assignment.updated_at =
            [assignment.started_at, assignment.completed_at, assignment.ended_at].into_iter().flatten().fold(at, Timestamp::max);
        state.put_assignment(assignment).expect("the content's kind is one of ours");
    }
}

/// The company brought its people in on one day, one after the other: who has the greater id is the newer one.
fn imported(person: &Person) -> Timestamp {
    morning(IMPORTED) + SignedDuration::from_secs(person.number as i64)
}

fn morning(day: &str) -> Timestamp {
    midnight(day) + SignedDuration::from_hours(9)
}

fn midnight(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().expect("the company's days are dates")
}
