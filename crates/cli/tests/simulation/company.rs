//! The people of a random company, what happens to them, and how the roster tells it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::Date;
use jiff::{ToSpan as _, tz};

use crate::chance::Chance;

pub(crate) const HEADER: &str =
    "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n";
pub(crate) const DEPARTMENTS: [&str; 5] = ["Sales", "Development", "Customer Service", "Finance", "Legal"];
const GIVEN: [&str; 12] = ["Ada", "Bob", "Cy", "Dora", "Eve", "Finn", "Gil", "Hana", "Ida", "José", "Kim", "Łucja"];
const FAMILY: [&str; 10] = ["Stone", "Brook", "O'Hara", "Meyer", "Núñez", "Field", "Hall", "Reed", "Lane", "Weiß"];
const TITLES: [&str; 6] = ["Clerk", "Engineer", "Sales Manager", "Team Manager", "Analyst", "Agent"];

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) key: String,
    given: String,
    family: String,
    pub(crate) email: String,
    title: String,
    pub(crate) department: String,
    manager: Option<String>,
    status: &'static str,
    starts: Date,
    ends: Option<Date>,
    /// Whether the roster has a row.
    listed: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Company {
    pub(crate) people: Vec<Person>,
    made: usize,
}

impl Company {
    pub(crate) fn new(chance: &Chance, today: Date, size: usize) -> Self {
        let mut company = Self::default();
        for _ in 0..size {
            let starts = today - chance.between(1, 900).days();
            company.joins(chance, starts);
        }
        company
    }

    fn joins(&mut self, chance: &Chance, starts: Date) {
        self.made += 1;
        let number = self.made;
        let (given, family) = (*chance.pick(&GIVEN), *chance.pick(&FAMILY));
        let manager = (!self.people.is_empty() && chance.in_thousand(800)).then(|| chance.pick(&self.people).key.clone());
        self.people.push(Person {
            key: format!("e{number}"),
            given: given.to_owned(),
            family: family.to_owned(),
            email: format!("p{number}@acme.example"),
            title: (*chance.pick(&TITLES)).to_owned(),
            department: (*chance.pick(&DEPARTMENTS)).to_owned(),
            manager,
            status: "active",
            starts,
            ends: None,
            listed: true,
        });
    }

    /// Something happens to somebody.
    pub(crate) fn changes(&mut self, chance: &Chance, today: Date) {
        let at = chance.below(self.people.len());
        let other = chance.below(self.people.len());
        let number = self.made;
        match chance.below(16) {
            0..=2 => self.joins(chance, today + chance.between(-10, 5).days()),
            3 | 4 => self.people[at].department = (*chance.pick(&DEPARTMENTS)).to_owned(),
            5 => self.people[at].title = (*chance.pick(&TITLES)).to_owned(),
            6 => self.people[at].manager = (at != other).then(|| self.people[other].key.clone()),
            7..=9 => {
                let person = &mut self.people[at];
                person.status = "terminated";
                person.ends = Some(today - chance.between(-2, 20).days());
            }
            10 => {
                let person = &mut self.people[at];
                if person.status == "terminated" {
                    (person.status, person.starts, person.ends) = ("active", today, None);
                }
            }
            11 => {
                let person = &mut self.people[at];
                person.family = (*chance.pick(&FAMILY)).to_owned();
                person.email = format!("{}.n{number}.{}@acme.example", person.key, chance.below(1000));
            }
            12 if at != other => {
                let (one, two) = (self.people[at].email.clone(), self.people[other].email.clone());
                (self.people[at].email, self.people[other].email) = (two, one);
            }
            13 => self.people[at].status = if self.people[at].status == "active" { "leave" } else { self.people[at].status },
            14 => self.people[at].listed = !self.people[at].listed,
            _ => {
                // A joiner with the address of somebody who left.
                self.joins(chance, today);
                let gone = self.people.iter().find(|person| person.status == "terminated").map(|person| person.email.clone());
                if let (Some(email), Some(new)) = (gone, self.people.last_mut()) {
                    new.email = email;
                }
            }
        }
    }

    /// Nobody is missing from the roster any more.
    pub(crate) fn all_are_listed(&mut self) {
        self.people.iter_mut().for_each(|person| person.listed = true);
    }

    pub(crate) fn roster(&self) -> String {
        let mut text = HEADER.to_owned();
        for person in self.people.iter().filter(|person| person.listed) {
            let Person { key, given, family, email, title, department, manager, status, starts, ends, .. } = person;
            let (manager, ends) = (manager.as_deref().unwrap_or_default(), ends.map(|day| day.to_string()).unwrap_or_default());
            let row = format!("{key},{given},{family},{email},{title},{department},{manager},{status},{starts},{ends}");
            writeln!(text, "{row}").expect("a text takes all");
        }
        text
    }

    /// Who left and has an address that is somebody else's by now: the checker would take that account for theirs.
    pub(crate) fn gave_their_address(&self) -> BTreeSet<String> {
        let gave = |person: &&Person| {
            let others = self.people.iter().filter(|other| other.key != person.key);
            person.status == "terminated" && others.into_iter().any(|other| other.email == person.email)
        };
        self.people.iter().filter(gave).map(|person| person.key.clone()).collect()
    }

    /// Who may lose access to an app at an instant, by positive evidence in the roster: those of whom it says that they left and whose last
    /// day is over; who works where the app's policy (`outside`) wants nobody; and, where policy says so, whoever it has no row of.
    pub(crate) fn may_lose(&self, as_of: jiff::Timestamp, outside: &[&str], absent_leaves: bool) -> BTreeSet<String> {
        let today = as_of.to_zoned(tz::TimeZone::UTC).date();
        let may = |person: &&Person| {
            if !person.listed {
                return absent_leaves;
            }
            let left = person.status == "terminated" && person.ends.is_none_or(|day| day < today);
            left || outside.contains(&person.department.as_str())
        };
        self.people.iter().filter(may).map(|person| person.key.clone()).collect()
    }
}
