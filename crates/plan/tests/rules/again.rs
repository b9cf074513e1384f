//! Planning again from what was known gives the same bytes as planning anew, whatever happened in between.

use std::collections::BTreeSet;

use jiff::{SignedDuration, civil::date};
use model::*;
use plan::Planner;
use proptest::prelude::*;

use crate::laws::{draws, reversed, world};
use crate::world::{World, person};

/// Something that happens between two plannings; numbers choose whom it happens to.
#[derive(Clone, Debug)]
enum Event {
    /// A row says something else.
    Row {
        person: u8,
        column: u8,
        value: u8,
    },
    /// A row has other dates or another status.
    Dates {
        person: u8,
        what: u8,
    },
    /// A row comes, or goes.
    Comes {
        key: u8,
        email: u8,
        manager: u8,
    },
    Goes {
        person: u8,
    },
    /// A row is broken, or mended.
    Held {
        key: u8,
    },
    /// An account says something else.
    Account {
        app: bool,
        account: u8,
        attribute: u8,
        value: u8,
    },
    /// An account is blocked, or works again; is protected, or no longer.
    Active {
        app: bool,
        account: u8,
    },
    Protected {
        app: bool,
        account: u8,
    },
    /// An account comes, or is gone.
    Made {
        app: bool,
        id: u8,
        email: u8,
        key: u8,
    },
    Deleted {
        app: bool,
        account: u8,
    },
    Linked {
        app: bool,
        person: u8,
        account: u8,
    },
    Unlinked {
        link: u8,
    },
    Member {
        group: u8,
        account: u8,
    },
    Enrolled {
        account: u8,
        state: u8,
    },
    /// It is not known any more in what anybody is enrolled.
    EnrolmentsForgotten,
    /// Names mean something else.
    Department {
        name: u8,
    },
    Group {
        writable: bool,
    },
    Content,
    /// Time goes on, or back.
    Hours {
        hours: i16,
    },
    /// The next roster is cut off; the next reading of an app is half a one, or whole again.
    Partial,
    Half {
        app: bool,
    },
    /// The order of everything is another one.
    Reversed,
    /// Some people only, in between.
    Only {
        person: u8,
    },
    /// Policy wants something else.
    Policy {
        what: u8,
    },
    /// The open plan is carried out, or all of it.
    Applied {
        all: bool,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let any8 = || any::<u8>();
    let event = prop_oneof![
        4 => (any8(), 0u8..7, any8()).prop_map(|(person, column, value)| Event::Row { person, column, value }),
        2 => (any8(), 0u8..7).prop_map(|(person, what)| Event::Dates { person, what }),
        2 => (0u8..14, any8(), 0u8..14).prop_map(|(key, email, manager)| Event::Comes { key, email, manager }),
        1 => any8().prop_map(|person| Event::Goes { person }),
        1 => (0u8..14).prop_map(|key| Event::Held { key }),
        4 => (any::<bool>(), any8(), 0u8..6, any8()).prop_map(|(app, account, attribute, value)| Event::Account { app, account, attribute, value }),
        1 => (any::<bool>(), any8()).prop_map(|(app, account)| Event::Active { app, account }),
        1 => (any::<bool>(), any8()).prop_map(|(app, account)| Event::Protected { app, account }),
        2 => (any::<bool>(), 0u8..14, any8(), 0u8..14).prop_map(|(app, id, email, key)| Event::Made { app, id, email, key }),
        1 => (any::<bool>(), any8()).prop_map(|(app, account)| Event::Deleted { app, account }),
        2 => (any::<bool>(), any8(), any8()).prop_map(|(app, person, account)| Event::Linked { app, person, account }),
        1 => any8().prop_map(|link| Event::Unlinked { link }),
        1 => (0u8..3, any8()).prop_map(|(group, account)| Event::Member { group, account }),
        1 => (any8(), 0u8..3).prop_map(|(account, state)| Event::Enrolled { account, state }),
        1 => Just(Event::EnrolmentsForgotten),
        1 => (0u8..3).prop_map(|name| Event::Department { name }),
        1 => any::<bool>().prop_map(|writable| Event::Group { writable }),
        1 => Just(Event::Content),
        2 => (-400i16..2400).prop_map(|hours| Event::Hours { hours }),
        1 => Just(Event::Partial),
        1 => any::<bool>().prop_map(|app| Event::Half { app }),
        1 => Just(Event::Reversed),
        1 => any8().prop_map(|person| Event::Only { person }),
        1 => (0u8..4).prop_map(|what| Event::Policy { what }),
        4 => any::<bool>().prop_map(|all| Event::Applied { all }),
    ];
    prop::collection::vec(event, 1..14)
}

fn name(app: bool) -> &'static str {
    if app { "flat" } else { "deep" }
}

fn email(value: u8) -> String {
    format!("{}{}@x.example", if value & 0x40 == 0 { "p" } else { "E" }, value % 9)
}

fn chosen<T>(items: &mut [T], number: u8) -> Option<&mut T> {
    let count = items.len().max(1);
    items.get_mut(usize::from(number) % count)
}

fn happen(world: &mut World, event: &Event) {
    match *event {
        Event::Row { person, column, value } => {
            let Some(person) = chosen(&mut world.people, person) else { return };
            let (column, value) = match column {
                0 | 1 => ("email", email(value)),
                2 => ("department", ["Sales", "Development", "Nowhere", "sales", ""][usize::from(value % 5)].to_owned()),
                3 | 4 => ("manager", if value % 13 == 12 { String::new() } else { (value % 13).to_string() }),
                5 => ("title", ["Clerk", "Manager"][usize::from(value % 2)].to_owned()),
                _ => ("given_name", ["Ada", "Bad!", ""][usize::from(value % 3)].to_owned()),
            };
            person.attributes.insert(column, value.into());
        }
        Event::Dates { person, what } => {
            let Some(person) = chosen(&mut world.people, person) else { return };
            (person.standing, person.starts, person.ends) = match what {
                0 => (Standing::Left, None, None),
                1 => (Standing::Left, person.starts, Some(date(1998, 6, 20))),
                2 => (Standing::Active, Some(date(1998, 7, 20)), None),
                3 => (Standing::Unsaid, Some(date(1998, 5, 1)), Some(date(1998, 7, 10))),
                4 => (Standing::Active, Some(date(1998, 6, 1)), None),
                _ => (Standing::Active, person.starts, None),
            };
            person.zone = [None, Some("Asia/Tokyo".into()), Some("Nowhere/Else".into())][usize::from(what % 3)].clone();
        }
        Event::Comes { key, email: at, manager } => {
            let key = key.to_string();
            if world.people.iter().all(|person| person.key.as_str() != key) {
                let mut new = person(&key, "N");
                new.attributes.insert("email", email(at).into());
                new.attributes.insert("manager", manager.to_string().into());
                let at = world.people.partition_point(|person| person.key < new.key);
                world.people.insert(at, new);
            }
        }
        Event::Goes { person } => {
            if !world.people.is_empty() {
                world.people.remove(usize::from(person) % world.people.len());
            }
        }
        Event::Held { key } => {
            let key = PersonKey::new(key.to_string());
            if !world.held.remove(&key) {
                world.held.insert(key);
            }
        }
        Event::Account { app, account, attribute, value } => {
            let people = world.people.len().max(1);
            let other = chosen(&mut world.app(name(app)).accounts, value).map(|account| account.id.as_str().to_owned());
            let Some(account) = chosen(&mut world.app(name(app)).accounts, account) else { return };
            let (attribute, value) = match (attribute, app) {
                (0, true) => ("email", email(value)),
                (0 | 1, _) => ("emailAddress", email(value)),
                (2, true) => ("ext_uid", (usize::from(value) % (people + 2)).to_string()),
                (2, _) => ("externalId", (usize::from(value) % (people + 2)).to_string()),
                (3, true) => ("role", ["learner", "admin"][usize::from(value % 2)].to_owned()),
                (3, _) => ("department", ["d1", "d2"][usize::from(value % 2)].to_owned()),
                (4, false) => ("supervisor", other.unwrap_or_default()),
                (5, false) => ("username", email(value)),
                _ => ("job_title", value.to_string()),
            };
            account.attributes.insert(attribute, value.as_str().into());
        }
        Event::Active { app, account } => {
            if let Some(account) = chosen(&mut world.app(name(app)).accounts, account) {
                account.active = !account.active;
            }
        }
        Event::Protected { app, account } => {
            if let Some(account) = chosen(&mut world.app(name(app)).accounts, account) {
                account.protected = if account.protected.is_none() { Some("role admin".into()) } else { None };
            }
        }
        Event::Made { app, id, email: at, key } => {
            let id = format!("a{id}");
            if world.apps[name(app)].accounts.iter().all(|account| account.id.as_str() != id) {
                let (at, key) = (email(at), key.to_string());
                let attributes = if app {
                    [("email", at.as_str()), ("ext_uid", key.as_str()), ("role", "learner")]
                } else {
                    [("emailAddress", at.as_str()), ("externalId", key.as_str()), ("username", at.as_str())]
                };
                world.account(name(app), &id, true, &attributes);
            }
        }
        Event::Deleted { app, account } => {
            let accounts = &mut world.app(name(app)).accounts;
            if !accounts.is_empty() {
                accounts.remove(usize::from(account) % accounts.len());
            }
        }
        Event::Linked { app, person, account } => {
            let (Some(person), app) = (chosen(&mut world.people, person).map(|person| person.key.clone()), name(app)) else { return };
            let Some(account) = chosen(&mut world.app(app).accounts, account).map(|account| account.id.clone()) else { return };
            let taken = |link: &Link| link.app.as_str() == app && (link.person == person || link.account == account);
            if !world.links.iter().any(taken) {
                world.link(app, person.as_str(), account.as_str());
            }
        }
        Event::Unlinked { link } => {
            if !world.links.is_empty() {
                world.links.remove(usize::from(link) % world.links.len());
            }
        }
        Event::Member { group, account } => {
            let flat = world.app("flat");
            let Some(account) = chosen(&mut flat.accounts, account).map(|account| account.id.clone()) else { return };
            let members = &mut flat.groups[usize::from(group)].members;
            match members.iter().position(|member| *member == account) {
                Some(at) => drop(members.remove(at)),
                None => members.push(account),
            }
        }
        Event::Enrolled { account, state } => {
            let deep = world.app("deep");
            let Some(account) = chosen(&mut deep.accounts, account).map(|account| account.id.clone()) else { return };
            let state = [EnrolmentState::Open, EnrolmentState::Done, EnrolmentState::Ended][usize::from(state)];
            deep.enrolments.push(Enrolment { account, content: "c1".into(), state });
        }
        Event::EnrolmentsForgotten => world.app("deep").enrolments_of.clear(),
        Event::Department { name } => {
            world.app("deep").departments[0].name = ["Sales", "Production", "Development"][usize::from(name)].into();
        }
        Event::Group { writable } => world.app("flat").groups[0].writable = writable,
        Event::Content => world.app("deep").content[0].id.push('x'),
        Event::Hours { hours } => world.as_of += SignedDuration::from_hours(hours.into()),
        Event::Partial => world.partial = !world.partial,
        Event::Half { app } => {
            let certificate = &mut world.app(name(app)).certificate;
            certificate.completeness = match certificate.completeness {
                Completeness::Partial { .. } => crate::world::complete(),
                Completeness::Complete { .. } => Completeness::Partial { why: "cut off".into() },
            };
        }
        Event::Reversed => {
            *world = reversed(world);
            world.app("flat").groups.sort_by(|a, b| a.id.cmp(&b.id));
        }
        Event::Only { .. } => {}
        Event::Policy { what } => match what {
            0 => world.app_policy("flat").leave = !world.policy.apps["flat"].leave,
            1 => world.app_policy("deep").adopt = Adopt::Link,
            2 => drop(world.policy.sources.values_mut().map(|source| source.absent_leaves = !source.absent_leaves).count()),
            _ => world.app_policy("deep").before_start = 40 * 86_400,
        },
        Event::Applied { all } => {
            let proposal = world.propose();
            world.apply(&proposal.open);
            if all {
                proposal.held.iter().for_each(|plan| world.apply(plan));
            }
            // A reading shows what was made since.
            let as_of = world.as_of;
            world.apps.values_mut().for_each(|reading| reading.certificate.at = as_of);
        }
    }
}

/// Whether both ways give the same, and say the same of people.
fn agree(world: &mut World, planner: &mut Planner, asks: bool) -> Result<(), TestCaseError> {
    if asks {
        let (again, anew) = world.as_read(|given| (planner.enrolments_to_read(given), plan::enrolments_to_read(given)));
        prop_assert_eq!(&again, &anew);
        world.read_enrolments(|_| anew);
    }
    let (again, anew) = world.as_read(|given| (planner.propose(given), plan::propose(given)));
    prop_assert_eq!(&again.findings, &anew.findings);
    prop_assert_eq!(&again, &anew);
    for person in world.people.iter().take(2).map(|person| &person.key) {
        let (again, anew) =
            world.as_read(|given| (planner.explain(given, &anew, person), Planner::default().explain(given, &anew, person)));
        prop_assert_eq!(again, anew);
    }
    Ok(())
}

fn cases() -> u32 {
    std::env::var("PROVOST_AGAIN_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    /// P2: planning from what was known gives the same bytes as planning anew.
    #[test]
    fn p02_planning_again_is_planning_anew(draws in draws(), adopt in 0u8..3, guards: bool, settled: bool, events in events(), asks: u16) {
        let mut world = world(&draws, adopt, guards);
        if settled {
            for _ in 0..3 {
                happen(&mut world, &Event::Applied { all: true });
            }
        }
        let mut planner = Planner::default();
        agree(&mut world, &mut planner, true)?;
        for (at, event) in events.iter().enumerate() {
            happen(&mut world, event);
            if let Event::Only { person } = event {
                world.only = chosen(&mut world.people, *person).map(|person| BTreeSet::from([person.key.clone()]));
                agree(&mut world, &mut planner, true)?;
                world.only = None;
            }
            agree(&mut world, &mut planner, asks >> (at % 16) & 1 == 0)?;
        }
    }
}
