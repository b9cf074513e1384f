//! A plausible company, the same on every machine for the same number of people and seed.

/// Someone in the company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// 1, 2, 3, …; also the place in the company's list, from 1.
    pub number: usize,
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
    /// Lower case, unique in the company: `jane.doe@acme.example`, the next one `jane.doe2@…`.
    pub email: String,
    /// The HR system's key: `E00001`.
    pub employee_id: String,
    /// Job title.
    pub title: &'static str,
    /// One of [`DEPARTMENTS`].
    pub department: &'static str,
    /// Office.
    pub location: &'static str,
    /// The manager's number; None for the first person only.
    pub manager: Option<usize>,
    /// Day of hire, `YYYY-MM-DD`.
    pub hired: String,
    /// Day of leaving, for those who have left.
    pub left: Option<String>,
}

impl Person {
    /// Given and family name.
    pub fn name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }

    /// Whether the person still works here.
    pub fn active(&self) -> bool {
        self.left.is_none()
    }
}

/// The company's departments, each with its job titles, the first of which is its head's.
pub const DEPARTMENTS: [(&str, [&str; 5]); 8] = [
    ("Executive", ["Chief Executive Officer", "Chief of Staff", "Executive Assistant", "Strategy Analyst", "Counsel"]),
    ("Sales", ["VP Sales", "Account Executive", "Sales Engineer", "Sales Development Representative", "Account Manager"]),
    ("Support", ["Head of Support", "Support Specialist", "Support Engineer", "Customer Success Manager", "Trainer"]),
    ("Engineering", ["VP Engineering", "Software Engineer", "Senior Software Engineer", "Test Engineer", "Designer"]),
    ("Operations", ["Head of Operations", "Operations Analyst", "Logistics Coordinator", "Buyer", "Facility Manager"]),
    ("Finance", ["Head of Finance", "Accountant", "Payroll Specialist", "Financial Analyst", "Controller"]),
    ("Marketing", ["Head of Marketing", "Content Writer", "Campaign Manager", "Brand Designer", "Analyst"]),
    ("People", ["Head of People", "Recruiter", "HR Partner", "Learning Specialist", "Office Manager"]),
];

const LOCATIONS: [&str; 6] = ["Indianapolis", "Chicago", "Toronto", "London", "Berlin", "Sydney"];

const GIVEN: [&str; 64] = [
    "Jane", "John", "Maria", "Ahmed", "Wei", "Olga", "Pierre", "Ana", "Kofi", "Yuki", "Liam", "Emma", "Noah", "Olivia", "Lucas", "Mia",
    "Ravi", "Priya", "Carlos", "Elena", "Sven", "Ingrid", "Tomas", "Eva", "Hassan", "Leila", "Kwame", "Amara", "Diego", "Lucia",
    "Ivan", "Nadia", "Marco", "Chiara", "Jonas", "Freya", "Min", "Hana", "Omar", "Sara", "Paul", "Claire", "Peter", "Anna", "George",
    "Helen", "Victor", "Rosa", "Daniel", "Ruth", "Samuel", "Esther", "Adam", "Zoe", "Felix", "Nora", "Hugo", "Alice", "Oscar", "Clara",
    "Leo", "Irene", "Max", "Julia",
];

const FAMILY: [&str; 64] = [
    "Doe",
    "Smith",
    "Garcia",
    "Khan",
    "Chen",
    "Petrova",
    "Dubois",
    "Silva",
    "Mensah",
    "Tanaka",
    "Murphy",
    "Johnson",
    "Williams",
    "Brown",
    "Muller",
    "Schmidt",
    "Patel",
    "Sharma",
    "Lopez",
    "Ivanova",
    "Larsson",
    "Hansen",
    "Novak",
    "Kovacs",
    "Ali",
    "Hosseini",
    "Owusu",
    "Okafor",
    "Martinez",
    "Fernandez",
    "Popov",
    "Haddad",
    "Rossi",
    "Ricci",
    "Weber",
    "Berg",
    "Kim",
    "Sato",
    "Farah",
    "Nasser",
    "Martin",
    "Bernard",
    "Evans",
    "Clark",
    "Wright",
    "Hall",
    "Young",
    "King",
    "Scott",
    "Green",
    "Baker",
    "Adams",
    "Nelson",
    "Hill",
    "Campbell",
    "Mitchell",
    "Roberts",
    "Carter",
    "Phillips",
    "Turner",
    "Parker",
    "Collins",
    "Stewart",
    "Morris",
];

/// The company of `people` people made from `seed`.  Managers come before those they manage.
pub fn company(people: usize, seed: u64) -> Vec<Person> {
    let mut chance = Chance::new(seed);
    let mut seen = std::collections::HashMap::new();
    let mut heads = [None; DEPARTMENTS.len()];
    let mut company: Vec<Person> = Vec::with_capacity(people);
    for number in 1..=people {
        let (given, family) = (chance.one_of(&GIVEN), chance.one_of(&FAMILY));
        let local = format!("{}.{}", given.to_lowercase(), family.to_lowercase());
        let times: &mut usize = seen.entry(local.clone()).or_default();
        *times += 1;
        let email = match *times {
            1 => format!("{local}@acme.example"),
            n => format!("{local}{n}@acme.example"),
        };
        // The first of each department heads it; the rest are spread with few in the executive office.
        let department = if number <= DEPARTMENTS.len() {
            number - 1
        } else {
            match chance.below(100) {
                0..2 => 0,
                2..27 => 1,
                27..45 => 2,
                45..65 => 3,
                65..77 => 4,
                77..84 => 5,
                84..93 => 6,
                _ => 7,
            }
        };
        let (name, titles) = &DEPARTMENTS[department];
        let manager = match heads[department] {
            None => (number > 1).then_some(1),
            // One in ten reports to a colleague of the department rather than to its head.
            Some(head) if chance.below(10) > 0 => Some(head),
            Some(head) => {
                let colleague = chance.below(number as u64 - 1) as usize;
                let colleague = &company[colleague];
                Some(if colleague.department == *name && colleague.active() { colleague.number } else { head })
            }
        };
        let heads_it = heads[department].is_none();
        let hired_in = 2012 + chance.below(12);
        let hired = format!("{hired_in}-{:02}-{:02}", 1 + chance.below(12), 1 + chance.below(28));
        let left =
            (!heads_it && chance.below(100) < 6).then(|| format!("2024-{:02}-{:02}", 1 + chance.below(12), 1 + chance.below(28)));
        heads[department].get_or_insert(number);
        company.push(Person {
            number,
            given,
            family,
            email,
            employee_id: format!("E{number:05}"),
            title: if heads_it { titles[0] } else { titles[1 + chance.below(4) as usize] },
            department: name,
            location: chance.one_of(&LOCATIONS),
            manager,
            hired,
            left,
        });
    }
    company
}

/// Chance that is the same everywhere: SplitMix64, whose whole definition is here.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 up to and without `end`, which is not 0.  The bias of the remainder is far below what a company shows.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_company() {
        assert_eq!(company(500, 7), company(500, 7));
        assert_ne!(company(500, 7), company(500, 8));
        // Fixed for all machines and versions: SplitMix64's published first output for seed 0.
        assert_eq!(Chance::new(0).next(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn a_company_holds_together() {
        let company = company(2000, 1);
        let emails: std::collections::BTreeSet<_> = company.iter().map(|p| &p.email).collect();
        assert_eq!(emails.len(), 2000);
        assert!(company.iter().any(|p| p.email.ends_with("2@acme.example")));
        for person in &company {
            assert_eq!(person.manager.is_none(), person.number == 1);
            assert!(person.manager.is_none_or(|m| m < person.number));
        }
        let gone = company.iter().filter(|p| !p.active()).count();
        assert!((60..=180).contains(&gone), "{gone} have left");
        assert!(super::company(0, 1).is_empty());
    }
}
