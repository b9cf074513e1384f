//! How long planning takes: N people and two apps in memory, from readings to the bytes of the plans.
//!
//! `cargo run --release -p provost-plan --example plan_scale -- 100000 [first|churn]`: `first` fills empty apps, `churn` changes 1% of a
//! company that has its accounts (a third each joiners, leavers and movers).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::civil::date;
use model::*;
use provost_plan::{Compiled, Given, propose};

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

const VERBS: &[(Verb, Support)] = &[
    (Verb::Link, Support::Can),
    (Verb::Restore, Support::Can),
    (Verb::Create, Support::Can),
    (Verb::Update, Support::Can),
    (Verb::Relate, Support::Can),
    (Verb::Enrol, Support::Can),
    (Verb::Leave, Support::Can),
];

static FLAT: Manifest = Manifest {
    connector: "flat",
    attributes: &[
        Attribute { required: true, refused: "!@#", ..text("name") },
        Attribute { required: true, unique: true, compare: Compare::Folded, ..text("email") },
        Attribute { shape: Shape::Role(&["learner", "manager", "admin"]), ..text("role") },
        text("ext_uid"),
        text("job_title"),
        text("department"),
    ],
    key_attribute: Some("ext_uid"),
    verbs: VERBS,
    batches: &[],
    kinds: &[Kind::Accounts, Kind::Groups],
    restore_sets: false,
    enrolments: EnrolmentsBy::Content,
    hides: false,
    leave: ("archive", "blocks log-in"),
    moves_enrol: false,
    limit: None,
    concurrency: 1,
    page: 50,
};

static DEEP: Manifest = Manifest {
    connector: "deep",
    attributes: &[
        Attribute { compare: Compare::Folded, required: true, unique: true, ..text("username") },
        text("firstName"),
        text("lastName"),
        Attribute { compare: Compare::Folded, ..text("emailAddress") },
        text("externalId"),
        Attribute { shape: Shape::Department, required: true, ..text("department") },
        Attribute { shape: Shape::Supervisor, ..text("supervisor") },
        text("jobTitle"),
    ],
    restore_sets: true,
    ..FLAT_AS_DEEP
};

const FLAT_AS_DEEP: Manifest = Manifest {
    connector: "deep",
    attributes: &[],
    key_attribute: Some("externalId"),
    verbs: VERBS,
    batches: &[],
    kinds: &[Kind::Accounts, Kind::Departments, Kind::Content],
    restore_sets: true,
    enrolments: EnrolmentsBy::Account,
    hides: true,
    leave: ("deactivate", "cannot log in"),
    moves_enrol: true,
    limit: None,
    concurrency: 1,
    page: 1000,
};

const DEPARTMENTS: [&str; 5] = ["Sales", "Development", "Finance", "Support", "Research"];

fn expr(text: &str) -> Expr {
    Expr { text: text.into(), span: 0..0 }
}

fn app(connector: &str, key: &str, email: &str, set: &[(&str, &str)]) -> AppPolicy {
    let rule = |attribute: &str, value: &str| MatchRule { attribute: attribute.into(), expr: expr(value) };
    AppPolicy {
        connector: connector.into(),
        who: expr("person.active"),
        matching: vec![rule(key, "person.key"), rule(email, "person.email")],
        adopt: Adopt::Approve,
        leave: true,
        before_start: 0,
        protect: BTreeSet::new(),
        set: set
            .iter()
            .map(|(name, value)| {
                let on = if *name == "username" { On::Create } else { On::Always };
                ((*name).to_owned(), SetRule { value: expr(value), on, lower: Lower::Free })
            })
            .collect(),
        groups: None,
        create_departments: false,
        enrol: Vec::new(),
        scope_all: true,
        declared: BTreeSet::new(),
        also_provisioned_by: None,
        max_age: 86_400,
    }
}

fn policy() -> Policy {
    let mut flat = app(
        "flat",
        "ext_uid",
        "email",
        &[
            ("name", "person.given_name + ' ' + person.family_name"),
            ("email", "person.email"),
            ("ext_uid", "person.key"),
            ("job_title", "person.title"),
            ("department", "person.department"),
            ("role", "person.title.contains('Manager') ? 'manager' : 'learner'"),
        ],
    );
    flat.groups =
        Some(GroupPolicy { managed: DEPARTMENTS.map(str::to_owned).to_vec(), member: vec![expr("person.department")], create: false });
    let mut deep = app(
        "deep",
        "externalId",
        "emailAddress",
        &[
            ("username", "person.email"),
            ("firstName", "person.given_name"),
            ("lastName", "person.family_name"),
            ("emailAddress", "person.email"),
            ("externalId", "person.key"),
            ("department", "person.department"),
            ("supervisor", "person.manager"),
            ("jobTitle", "person.title"),
        ],
    );
    deep.enrol.push(EnrolRule { content: "Welcome".into(), span: 0..0, when: expr("person.tenure_days < 90") });
    let source = SourcePolicy {
        role: SourceRole::Employment,
        kind: "file".into(),
        key: "employee_id".into(),
        absent_leaves: false,
        shrink: Shrink { max: 20, percent_milli: 5000 },
        columns: BTreeMap::new(),
        active_words: BTreeSet::new(),
        left_words: BTreeSet::new(),
    };
    let lost =
        GuardRule { effect: Effect::AccessLost, by: By::App, exempt: 5, max: Some(50), percent_milli: Some(3000), window: 86_400 };
    let group =
        GuardRule { effect: Effect::GroupLost, by: By::Group, exempt: 3, max: None, percent_milli: Some(20_000), window: 86_400 };
    Policy {
        organization: Organization { name: "Acme".into(), time_zone: "America/Chicago".into() },
        sources: BTreeMap::from([("hr".into(), source)]),
        apps: BTreeMap::from([("flat".into(), flat), ("deep".into(), deep)]),
        guards: BTreeMap::from([("access_lost".into(), lost), ("group_lost".into(), group)]),
        approval: Approval { expires: 86_400, four_eyes: BTreeSet::new(), standing: Vec::new() },
    }
}

fn person(at: usize) -> Person {
    let pairs = [
        ("given_name", format!("Given{}", at % 1000)),
        ("family_name", format!("Family{}", at / 7)),
        ("email", format!("given{}.family{at}@example.com", at % 1000)),
        ("title", if at.is_multiple_of(20) { "Manager".to_owned() } else { "Senior Engineer".to_owned() }),
        ("department", DEPARTMENTS[at % 5].to_owned()),
        ("manager", format!("{}", 1_000_000 + at / 20)),
    ];
    Person {
        key: PersonKey::new(format!("{}", 1_000_000 + at)),
        standing: Standing::Active,
        starts: Some(date(1990, 1, 1)),
        ends: None,
        zone: None,
        attributes: pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn reading(app: &str) -> AppReading {
    AppReading {
        app: app.into(),
        fingerprint: app.into(),
        tenant: Tenant {
            profile: "guide".into(),
            sees_all: Some(true),
            declared: BTreeSet::new(),
            clock_ahead_ms: 0,
            notes: Vec::new(),
        },
        digest: Digest::new([0; 32]),
        certificate: Certificate {
            at: "1998-07-01T12:00:00Z".parse().expect("a timestamp"),
            completeness: Completeness::Complete { proof: "counted".into() },
            count: 0,
        },
        accounts: Vec::new(),
        groups: Vec::new(),
        departments: Vec::new(),
        content: vec![Content { id: "c1".into(), name: "Welcome".into() }],
        enrolments: Vec::new(),
        enrolments_of: BTreeSet::new(),
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let count: usize = args.next().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let churn = args.next().as_deref() == Some("churn");
    let policy = policy();
    let manifests = BTreeMap::from([("flat".into(), &FLAT), ("deep".into(), &DEEP)]);
    let compiled = Compiled::new(policy, &manifests).expect("the policy is right");
    let mut people: Vec<Person> = (0..count).map(person).collect();
    let (mut flat, mut deep) = (reading("flat"), reading("deep"));
    for (at, name) in DEPARTMENTS.iter().enumerate() {
        flat.groups.push(Group { id: format!("g{at}"), name: (*name).into(), writable: true, members: Vec::new() });
        deep.departments.push(Department { id: format!("d{at}"), name: (*name).into(), parent: None });
    }
    let mut links = Vec::new();
    if churn {
        let joiners = count / 300;
        for (at, person) in people.iter().enumerate().skip(joiners) {
            let id = AccountId::new(format!("{}", 5_000_000 + at));
            let name = format!("{} {}", person.get("given_name"), person.get("family_name"));
            let role = if at.is_multiple_of(20) { "manager" } else { "learner" };
            let value = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
            let (key, email, title, department) =
                (person.key.as_str(), person.get("email"), person.get("title"), person.get("department"));
            let attributes = value(&[
                ("name", &name),
                ("email", email),
                ("ext_uid", key),
                ("job_title", title),
                ("department", department),
                ("role", role),
            ]);
            flat.accounts.push(Account { id: id.clone(), active: true, protected: None, attributes });
            flat.groups[at % 5].members.push(id.clone());
            let supervisor = format!("{}", 5_000_000 + at / 20);
            let attributes = value(&[
                ("username", email),
                ("firstName", person.get("given_name")),
                ("lastName", person.get("family_name")),
                ("emailAddress", email),
                ("externalId", key),
                ("department", &format!("d{}", at % 5)),
                ("supervisor", &supervisor),
                ("jobTitle", title),
            ]);
            deep.accounts.push(Account { id: id.clone(), active: true, protected: None, attributes });
            for app in ["flat", "deep"] {
                let since = "1998-01-01T00:00:00Z".parse().expect("a timestamp");
                links.push(Link {
                    app: app.into(),
                    person: person.key.clone(),
                    account: id.clone(),
                    evidence: Evidence::Created,
                    since,
                });
            }
        }
        for at in (joiners..count).step_by(300) {
            people[at].standing = Standing::Left;
            if let Some(mover) = people.get_mut(at + 1) {
                mover.attributes.insert("title".into(), "Staff".into());
            }
        }
    }
    let roster = SourceReading {
        source: "hr".into(),
        digest: Digest::new([0; 32]),
        certificate: Certificate {
            at: "1998-07-01T12:00:00Z".parse().expect("a timestamp"),
            completeness: Completeness::Complete { proof: "read to its end".into() },
            count: count as u64,
        },
        people,
        held: BTreeSet::new(),
        findings: Vec::new(),
    };
    let apps = BTreeMap::from([("flat".into(), flat), ("deep".into(), deep)]);
    let given = Given {
        policy: &compiled,
        as_of: "1998-07-01T17:00:00Z".parse().expect("a timestamp"),
        now: "1998-07-01T17:00:00Z".parse().expect("a timestamp"),
        review: &|_| Vec::new(),
        roster: &roster,
        last_good: None,
        apps: &apps,
        links: &links,
        earlier: &[],
        only: None,
    };
    let started = Instant::now();
    let proposal = propose(&given);
    let proposed = started.elapsed();
    let (mut bytes, mut steps) = (0, 0);
    for plan in proposal.plans() {
        bytes += plan.to_bytes().len();
        steps += plan.steps.len();
    }
    let peak = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmHWM:").map(|peak| peak.trim().to_owned())))
        .unwrap_or_else(|| "unknown".into());
    println!(
        "{count} people x 2 apps: {steps} steps, {} findings; proposed in {proposed:?}, {bytes} bytes written after {:?}; peak memory {peak}",
        proposal.findings.len(),
        started.elapsed()
    );
}
