//! A roster, two apps in memory, and an executor that does what plans say.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;
use model::*;
use plan::{Compiled, Counted, Given};

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

/// An app with plain departments, groups and roles, where the e-mail is unique.
pub(crate) static FLAT: Manifest = Manifest {
    connector: "flat",
    attributes: &[
        Attribute { required: true, refused: "!@#", ..text("name") },
        Attribute { required: true, unique: true, compare: Compare::Folded, ..text("email") },
        Attribute { shape: Shape::Role(&["learner", "manager", "admin"]), ..text("role") },
        text("ext_uid"),
        text("job_title"),
        text("department"),
        Attribute { shape: Shape::Date, ..text("hire_date") },
    ],
    key_attribute: Some("ext_uid"),
    admins: &[AdminMark { member: "role", is: "admin", why: "role admin" }],
    verbs: &[
        (Verb::CreateGroup, Support::Can),
        (Verb::Link, Support::Can),
        (Verb::Restore, Support::Can),
        (Verb::Create, Support::Can),
        (Verb::Update, Support::Can),
        (Verb::Enrol, Support::Can),
        (Verb::Leave, Support::Can),
    ],
    batches: &[],
    lands_late: &[],
    kinds: &[Kind::Accounts, Kind::Groups, Kind::Content, Kind::Enrolments],
    restore_sets: false,
    enrolments: EnrolmentsBy::Content,
    hides: false,
    leave: ("archive", "blocks log-in and keeps history"),
    moves_enrol: false,
    limit: None,
    concurrency: 1,
    pages: &[("guide", 50)],
    dated: &[],
    asked_by: &[],
};

/// An app with departments, supervisors and enrolments, which may hide accounts.
pub(crate) static DEEP: Manifest = Manifest {
    connector: "deep",
    attributes: &[
        Attribute { compare: Compare::Folded, required: true, unique: true, ..text("username") },
        Attribute { compare: Compare::Folded, ..text("emailAddress") },
        text("externalId"),
        Attribute { shape: Shape::Department, required: true, ..text("department") },
        Attribute { shape: Shape::Supervisor, ..text("supervisor") },
        text("jobTitle"),
    ],
    key_attribute: Some("externalId"),
    admins: &[],
    verbs: &[
        (Verb::CreateDepartment, Support::Can),
        (Verb::Link, Support::Can),
        (Verb::Restore, Support::Can),
        (Verb::Create, Support::Can),
        (Verb::Update, Support::Can),
        (Verb::Relate, Support::Can),
        (Verb::Enrol, Support::Can),
        (Verb::Leave, Support::Can),
    ],
    batches: &[],
    lands_late: &[],
    kinds: &[Kind::Accounts, Kind::Departments, Kind::Content, Kind::Enrolments],
    restore_sets: true,
    enrolments: EnrolmentsBy::Account,
    hides: true,
    leave: ("deactivate", "cannot log in, nothing is deleted"),
    moves_enrol: true,
    limit: None,
    concurrency: 1,
    pages: &[("guide", 1000)],
    dated: &[],
    asked_by: &[],
};

pub(crate) fn expr(text: &str) -> Expr {
    Expr { text: text.into(), span: 10..20 }
}

pub(crate) fn set(value: &str) -> SetRule {
    SetRule { value: expr(value), on: On::Always, lower: Lower::Free }
}

fn rule(attribute: &str, value: &str) -> MatchRule {
    MatchRule { attribute: attribute.into(), expr: expr(value) }
}

fn app_policy(connector: &str) -> AppPolicy {
    AppPolicy {
        connector: connector.into(),
        who: expr("person.active"),
        matching: Vec::new(),
        adopt: Adopt::Approve,
        leave: true,
        before_start: 0,
        protect: BTreeSet::new(),
        set: BTreeMap::new(),
        groups: None,
        create_departments: false,
        enrol: Vec::new(),
        scope_all: false,
        declared: BTreeSet::new(),
        also_provisioned_by: None,
        max_age: 86_400,
    }
}

/// The policy of `provost.toml`, for the two apps here, with no guard.
pub(crate) fn policy() -> Policy {
    let source = SourcePolicy {
        role: SourceRole::Employment,
        kind: "file".into(),
        key: "employee_id".into(),
        join: None,
        absent_leaves: false,
        shrink: Shrink { max: 20, percent_milli: 5000 },
        columns: BTreeMap::new(),
        active_words: BTreeSet::new(),
        left_words: BTreeSet::new(),
        idp: None,
    };
    let flat = AppPolicy {
        matching: vec![rule("ext_uid", "person.key"), rule("email", "person.email")],
        set: BTreeMap::from([
            ("name".into(), set("person.given_name + ' ' + person.family_name")),
            ("email".into(), set("person.email")),
            ("ext_uid".into(), set("person.key")),
            ("job_title".into(), set("person.title")),
            ("role".into(), SetRule { lower: Lower::Approve, ..set("person.title.contains('Manager') ? 'manager' : 'learner'") }),
        ]),
        groups: Some(GroupPolicy {
            managed: vec!["Sales".into(), "Development".into()],
            member: vec![expr("person.department")],
            create: false,
        }),
        ..app_policy("flat")
    };
    let deep = AppPolicy {
        matching: vec![rule("externalId", "person.key"), rule("emailAddress", "person.email")],
        set: BTreeMap::from([
            ("username".into(), SetRule { on: On::Create, ..set("person.email") }),
            ("emailAddress".into(), set("person.email")),
            ("externalId".into(), set("person.key")),
            ("department".into(), set("person.department")),
            ("supervisor".into(), set("person.manager")),
        ]),
        enrol: vec![EnrolRule { content: "Welcome".into(), span: 30..40, when: expr("person.tenure_days < 90") }],
        scope_all: true,
        ..app_policy("deep")
    };
    Policy {
        organization: Organization { name: "Acme".into(), time_zone: "America/Chicago".into() },
        precedence: BTreeMap::new(),
        sources: BTreeMap::from([("hr".into(), source)]),
        apps: BTreeMap::from([("flat".into(), flat), ("deep".into(), deep)]),
        guards: BTreeMap::new(),
        freezes: Vec::new(),
        approval: Approval { expires: 86_400, four_eyes: [Effect::AccessLost].into(), standing: Vec::new() },
    }
}

pub(crate) fn compile(policy: Policy) -> Result<Compiled, Vec<plan::PolicyError>> {
    let manifests = policy.apps.iter().map(|(name, app)| (name.clone(), if app.connector == "flat" { &FLAT } else { &DEEP })).collect();
    Compiled::new(policy, &manifests)
}

/// The policy, compiled; whoever asks for the same again and again (the laws do) has it compiled once.
fn compiled_once(policy: &Policy) -> Rc<Compiled> {
    thread_local!(static LAST: RefCell<Option<(Policy, Rc<Compiled>)>> = const { RefCell::new(None) });
    LAST.with_borrow_mut(|last| match last {
        Some((of, compiled)) if of == policy => Rc::clone(compiled),
        _ => {
            let compiled = Rc::new(compile(policy.clone()).expect("the test's policy is right"));
            *last = Some((policy.clone(), Rc::clone(&compiled)));
            compiled
        }
    })
}

/// An employed person of Sales since 1990; `name@acme.example`.
pub(crate) fn person(key: &str, name: &str) -> Person {
    let attributes = [("given_name", name), ("family_name", "Doe"), ("title", "Clerk"), ("department", "Sales")];
    let mut attributes: Named<Text> = attributes.iter().copied().collect();
    attributes.insert("email", format!("{}@acme.example", name.to_lowercase()).into());
    Person {
        key: key.into(),
        standing: Standing::Active,
        starts: Some(jiff::civil::date(1990, 1, 2)),
        ends: None,
        zone: None,
        idp: Default::default(),
        attributes,
    }
}

pub(crate) trait With {
    fn with(self, name: &str, value: &str) -> Self;
}

impl With for Person {
    fn with(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            self.attributes.remove(name)
        } else {
            self.attributes.insert(name, value.into())
        };
        self
    }
}

pub(crate) fn left(mut person: Person) -> Person {
    person.standing = Standing::Left;
    person.ends = Some(jiff::civil::date(1998, 5, 1));
    person
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) as_of: Timestamp,
    pub(crate) people: Vec<Person>,
    pub(crate) held: BTreeSet<PersonKey>,
    pub(crate) partial: bool,
    pub(crate) last_good: Option<u64>,
    pub(crate) apps: BTreeMap<AppName, AppReading>,
    pub(crate) links: Vec<Link>,
    pub(crate) earlier: Vec<Counted>,
    pub(crate) past: plan::Past,
    pub(crate) only: Option<BTreeSet<PersonKey>>,
    pub(crate) aside: Vec<Aside>,
    pub(crate) next_id: u64,
}

pub(crate) fn complete() -> Completeness {
    Completeness::Complete { proof: "counted".into() }
}

fn reading(app: &str) -> AppReading {
    AppReading {
        app: app.into(),
        fingerprint: format!("{app}-tenant").as_str().into(),
        tenant: Tenant {
            profile: "guide".into(),
            sees_all: None,
            sees: BTreeSet::new(),
            declared: BTreeSet::new(),
            clock_ahead_ms: 0,
            notes: Vec::new(),
        },
        digest: Digest::new([0; 32]),
        certificate: Certificate {
            at: "1998-07-01T12:00:00Z".parse().unwrap(),
            completeness: complete(),
            count: 0,
            watermark: None,
            increments: None,
        },
        accounts: Vec::new(),
        groups: Vec::new(),
        departments: Vec::new(),
        content: Vec::new(),
        enrolments: Vec::new(),
        enrolments_of: BTreeSet::new(),
    }
}

impl World {
    /// Two apps with two groups, two departments, one course and no account; the first of July 1998, noon.
    pub(crate) fn new(people: Vec<Person>) -> Self {
        let mut flat = reading("flat");
        for (id, name) in [("g1", "Sales"), ("g2", "Development"), ("g3", "Chess")] {
            flat.groups.push(Group { id: id.into(), name: name.into(), writable: true, members: Vec::new() });
        }
        let mut deep = reading("deep");
        for (id, name) in [("d1", "Sales"), ("d2", "Development")] {
            deep.departments.push(Department { id: id.into(), name: name.into(), parent: None });
        }
        deep.content.push(Content { id: "c1".into(), name: "Welcome".into() });
        Self {
            policy: policy(),
            as_of: "1998-07-01T17:00:00Z".parse().unwrap(),
            people,
            held: BTreeSet::new(),
            partial: false,
            last_good: None,
            apps: BTreeMap::from([("flat".into(), flat), ("deep".into(), deep)]),
            links: Vec::new(),
            earlier: Vec::new(),
            past: plan::Past::default(),
            only: None,
            aside: Vec::new(),
            next_id: 0,
        }
    }

    /// Only this app.
    pub(crate) fn only_app(mut self, app: &str) -> Self {
        self.apps.retain(|name, _| name.as_str() == app);
        self
    }

    pub(crate) fn app(&mut self, app: &str) -> &mut AppReading {
        self.apps.get_mut(app).unwrap()
    }

    pub(crate) fn app_policy(&mut self, app: &str) -> &mut AppPolicy {
        self.policy.apps.get_mut(app).unwrap()
    }

    /// An account that somebody else made.
    pub(crate) fn account(&mut self, app: &str, id: &str, active: bool, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        self.app(app).accounts.push(Account { id: id.into(), active, protected: None, attributes });
    }

    pub(crate) fn link(&mut self, app: &str, person: &str, account: &str) {
        let since = "1998-01-01T00:00:00Z".parse().unwrap();
        self.links.push(Link { app: app.into(), person: person.into(), account: account.into(), evidence: Evidence::Created, since });
    }

    pub(crate) fn roster(&self) -> SourceReading {
        let completeness = if self.partial { Completeness::Partial { why: "cut off".into() } } else { complete() };
        let count = (self.people.len() + self.held.len()) as u64;
        SourceReading {
            source: "hr".into(),
            digest: digest_set(&self.people),
            certificate: Certificate { at: self.as_of, completeness, count, watermark: None, increments: None },
            people: self.people.clone(),
            held: self.held.clone(),
            findings: Vec::new(),
        }
    }

    /// Runs something with what a planning needs; enrolments are read first, as the engine does.
    pub(crate) fn given<T>(&mut self, work: impl FnOnce(&Given<'_>) -> T) -> T {
        self.read_enrolments(plan::enrolments_to_read);
        self.as_read(work)
    }

    /// Reads the enrolments that are asked for.
    pub(crate) fn read_enrolments(&mut self, asked: impl FnOnce(&Given<'_>) -> BTreeMap<AppName, BTreeSet<AccountId>>) {
        for (app, accounts) in self.as_read(asked) {
            self.apps.get_mut(&app).unwrap().enrolments_of.extend(accounts);
        }
    }

    /// Runs something with what was read so far.
    pub(crate) fn as_read<T>(&self, work: impl FnOnce(&Given<'_>) -> T) -> T {
        work(&Given {
            policy: &compiled_once(&self.policy),
            as_of: self.as_of,
            now: self.as_of,
            review: &|_| Vec::new(),
            roster: &self.roster(),
            last_good: self.last_good,
            apps: &self.apps,
            links: &self.links,
            earlier: &self.earlier,
            aside: &self.aside,
            past: &self.past,
            only: self.only.as_ref(),
        })
    }

    pub(crate) fn propose(&mut self) -> Proposal {
        self.given(plan::propose)
    }

    /// Does what a plan says, in its order; fails where a plan is wrong in itself.
    pub(crate) fn apply(&mut self, plan: &Plan) {
        self.earlier.extend(counted(plan, &self.roster()));
        let mut made: BTreeMap<StepId, String> = BTreeMap::new();
        let mut done: BTreeSet<StepId> = BTreeSet::new();
        for step in &plan.steps {
            assert!(step.needs.iter().all(|need| done.contains(need)), "a needed step comes first: {step:?}");
            self.next_id += 1;
            let new = format!("new{}", self.next_id);
            let manifest = if step.app.as_str() == "flat" { &FLAT } else { &DEEP };
            let as_of = self.as_of;
            let app = self.apps.get_mut(&step.app).unwrap();
            let resolve = |id: &Ref| match id {
                Ref::Id(id) => id.to_string(),
                Ref::CreatedBy { created_by } => made[created_by].clone(),
            };
            let id = step.account.as_ref().map_or_else(|| new.clone(), resolve);
            match step.verb {
                Verb::CreateDepartment => {
                    app.departments.push(Department { id: new.clone(), name: step.label.to_string(), parent: None })
                }
                Verb::CreateGroup => {
                    app.groups.push(Group { id: new.clone(), name: step.label.to_string(), writable: true, members: Vec::new() });
                }
                Verb::Create => {
                    app.accounts.push(Account {
                        id: new.as_str().into(),
                        active: true,
                        protected: None,
                        attributes: Attributes::new(),
                    });
                    let (person, evidence) = (step.person.clone().unwrap(), Evidence::Created);
                    self.links.push(Link { app: step.app.clone(), person, account: new.as_str().into(), evidence, since: as_of });
                }
                Verb::Link => {
                    let evidence = Evidence::Matched { rule: step.evidence.clone().unwrap().into() };
                    let (person, account) = (step.person.clone().unwrap(), id.as_str().into());
                    self.links.push(Link { app: step.app.clone(), person, account, evidence, since: as_of });
                }
                Verb::Enrol => app.enrolments.push(Enrolment {
                    account: id.as_str().into(),
                    content: step.content.clone().unwrap(),
                    state: EnrolmentState::Open,
                }),
                Verb::Restore | Verb::Update | Verb::Relate | Verb::Leave => {}
            }
            if matches!(step.verb, Verb::Create | Verb::Restore | Verb::Update | Verb::Relate | Verb::Leave) {
                for (name, change) in &step.set {
                    let after = match &change.after {
                        Value::CreatedBy(step) => Value::from(made[step].as_str()),
                        other => other.clone(),
                    };
                    if manifest.attribute(name).is_some_and(|attribute| attribute.unique) {
                        let folded = |value: Option<&Value>| value.and_then(Value::as_text).map(str::to_lowercase);
                        let taken = app
                            .accounts
                            .iter()
                            .any(|account| account.id.as_str() != id && folded(account.attributes.get(name)) == folded(Some(&after)));
                        assert!(!taken, "{name} = {after} is free when the step runs: {step:?}");
                    }
                    let account = app.accounts.iter_mut().find(|account| account.id.as_str() == id).expect("the account is there");
                    if step.verb != Verb::Create {
                        assert_eq!(account.attributes.get(name).cloned().unwrap_or_default(), change.before, "before is what is there");
                    }
                    account.attributes.insert(name.clone(), after);
                }
                let account = app.accounts.iter_mut().find(|account| account.id.as_str() == id).expect("the account is there");
                assert!(account.protected.is_none(), "a protected account is not touched: {step:?}");
                match step.verb {
                    Verb::Restore => account.active = true,
                    Verb::Leave => account.active = false,
                    _ => {}
                }
                for group in step.add_groups.iter().map(resolve) {
                    app.groups.iter_mut().find(|it| it.id == group).unwrap().members.push(id.as_str().into());
                }
                for group in &step.remove_groups {
                    app.groups.iter_mut().find(|it| it.id == *group).unwrap().members.retain(|member| member.as_str() != id);
                }
            }
            made.insert(step.id, if step.account.is_none() { new } else { id });
            done.insert(step.id);
        }
    }

    /// Approves and applies everything, then says what is left.
    pub(crate) fn settle(&mut self) -> Proposal {
        let proposal = self.propose();
        proposal.plans().for_each(|plan| self.apply(plan));
        self.propose()
    }
}

/// "verb key", of the steps of a plan in their order.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let verb = format!("{:?}", step.verb).to_lowercase();
            format!("{verb} {}", step.person.as_ref().map_or(step.label.as_str(), PersonKey::as_str))
        })
        .collect()
}

/// "kind person", of all findings.
pub(crate) fn kinds(proposal: &Proposal) -> Vec<String> {
    let words = |finding: &Finding| {
        format!("{:?} {}", finding.kind, finding.person.as_ref().map_or("", PersonKey::as_str)).trim_end().to_owned()
    };
    proposal.findings.iter().map(words).collect()
}

/// The held plan of a class.
pub(crate) fn held<'p>(proposal: &'p Proposal, class: &str) -> &'p Plan {
    proposal
        .held
        .iter()
        .find(|plan| plan.class == Class::Held(class.into()))
        .unwrap_or_else(|| panic!("no plan held by {class}: {proposal:?}"))
}

/// What guards will remember of a plan.
pub(crate) fn counted(plan: &Plan, roster: &SourceReading) -> Vec<plan::Counted> {
    let counting = plan::Counting::new(std::iter::once(plan), roster);
    plan.steps.iter().map(|step| counting.of(plan, step)).collect()
}
