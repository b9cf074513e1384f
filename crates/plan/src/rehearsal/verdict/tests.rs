//! A judge that finds nothing where nothing is wrong, and each thing that can be.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{
    Attribute, Attributes, Certificate, Change, Completeness, Digest, Enrolment, EnrolmentsBy, Few, Fingerprint, Group, Shape, Tenant,
};
use serde_json::json;

use super::*;

const fn text(name: &'static str, unique: bool) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Folded, required: false, unique, refused: "" }
}

static MANIFEST: Manifest = Manifest {
    connector: "test",
    attributes: &[text("email", true), text("key", false), text("title", false)],
    key_attribute: Some("key"),
    admins: &[],
    verbs: &[],
    batches: &[],
    lands_late: &[],
    kinds: &[],
    restore_sets: false,
    enrolments: EnrolmentsBy::Account,
    hides: false,
    leave: ("leave", ""),
    moves_enrol: false,
    limit: None,
    concurrency: 1,
    pages: &[],
    dated: &[],
    asked_by: &[],
};

/// An app as it is read: accounts with their records, and one group.
#[derive(Clone)]
struct Scene {
    reading: AppReading,
    raw: BTreeMap<String, Json>,
}

impl Scene {
    fn held(&self) -> Held<'_> {
        Held { reading: &self.reading, raw: &self.raw }
    }

    fn put(&mut self, id: &str, key: &str, title: &str, active: bool) {
        let values = [("email", format!("{key}@acme.example")), ("key", key.to_owned()), ("title", title.to_owned())];
        let attributes: Attributes = values.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value.as_str()))).collect();
        self.reading.accounts.retain(|account| account.id.as_str() != id);
        self.reading.accounts.push(Account { active, attributes, id: AccountId::new(id), protected: None });
        self.raw.insert(id.to_owned(), json!({ "id": id, "key": key, "title": title, "active": active }));
    }
}

fn scene() -> Scene {
    let digest = Digest::new([0; 32]);
    let certificate = Certificate {
        at: Timestamp::UNIX_EPOCH,
        completeness: Completeness::Complete { proof: String::new() },
        count: 0,
        watermark: None,
        increments: None,
    };
    let tenant = Tenant {
        profile: String::new(),
        sees_all: None,
        sees: BTreeSet::new(),
        declared: BTreeSet::new(),
        clock_ahead_ms: 0,
        notes: Vec::new(),
    };
    let group = Group { id: "g".into(), name: "Sales".into(), writable: true, members: vec![AccountId::new("2")] };
    let reading = AppReading {
        app: "app".into(),
        fingerprint: Fingerprint::new("f"),
        tenant,
        digest,
        certificate,
        accounts: Vec::new(),
        groups: vec![group],
        departments: Vec::new(),
        content: Vec::new(),
        enrolments: Vec::new(),
        enrolments_of: BTreeSet::new(),
    };
    let mut scene = Scene { reading, raw: BTreeMap::new() };
    for (id, key) in [("1", "ada"), ("2", "eve"), ("3", "bob")] {
        scene.put(id, key, "Clerk", true);
    }
    scene
}

fn step(verb: Verb, person: &str, account: Option<&str>, set: &[(&str, &str)]) -> Step {
    let change = |(name, after): &(&str, &str)| ((*name).to_owned(), Change { before: Value::Null, after: Value::from(*after) });
    Step {
        account: account.map(|id| Ref::Id(id.into())),
        add_groups: Few::new(),
        app: "app".into(),
        content: None,
        effects: Default::default(),
        evidence: None,
        id: StepId::default(),
        label: person.into(),
        needs: Few::new(),
        person: Some(person.into()),
        reason: "".into(),
        remove_groups: Few::new(),
        set: set.iter().map(change).collect(),
        verb,
    }
    .sealed()
}

/// Somebody comes and joins the group, somebody changes title and leaves the group, somebody leaves, who is enrolled before.
fn steps() -> Vec<Step> {
    let mut comes = step(Verb::Create, "new", None, &[("email", "new@acme.example"), ("key", "new"), ("title", "Clerk")]);
    comes.add_groups.insert(Ref::Id("g".into()));
    let mut changes = step(Verb::Update, "eve", Some("2"), &[("title", "Boss")]);
    changes.remove_groups.insert("g".into());
    let mut enrols = step(Verb::Enrol, "eve", Some("2"), &[]);
    enrols.content = Some("course".into());
    vec![comes.sealed(), changes.sealed(), enrols.sealed(), step(Verb::Leave, "ada", Some("1"), &[])]
}

fn as_promised() -> Scene {
    let mut scene = scene();
    scene.put("4", "new", "Clerk", true);
    scene.put("2", "eve", "boss", true);
    scene.put("1", "ada", "Clerk", false);
    scene.reading.groups[0].members = vec![AccountId::new("4")];
    scene.reading.enrolments = vec![Enrolment { account: AccountId::new("2"), content: "course".into(), state: EnrolmentState::Open }];
    scene
}

fn judged(after: &Scene) -> Vec<(String, String, String, String)> {
    let (steps, before) = (steps(), scene());
    let steps: Vec<&Step> = steps.iter().collect();
    let found = judge(&"app".into(), &MANIFEST, &steps, before.held(), after.held());
    found.into_iter().map(|one| (one.who, one.what, one.expected, one.found)).collect()
}

#[test]
fn what_is_as_promised_has_no_deviation() {
    assert_eq!(judged(&as_promised()), [], "values are compared as the manifest says: case does not count here");
}

#[test]
fn each_thing_that_is_otherwise_is_named() {
    type Spoil = fn(&mut Scene);
    let cases: [(Spoil, &str, &str, &str, &str); 14] = [
        (|scene| scene.put("2", "eve", "Clerk", true), "eve eve", "title", "Boss", "Clerk"),
        (|scene| scene.put("1", "ada", "Clerk", true), "ada ada", "account", "not active", "active"),
        (|scene| scene.put("1", "ada", "Other", false), "ada ada", "title", "Clerk, which no step changes", "Other"),
        (|scene| scene.put("4", "new", "Clerk", false), "new new", "account", "active", "not active"),
        (|scene| scene.reading.groups[0].members.clear(), "new new", "group Sales", "a member", "not a member"),
        (|scene| scene.reading.groups[0].members.push(AccountId::new("2")), "eve eve", "group Sales", "not a member", "a member"),
        (
            |scene| scene.reading.groups[0].members.push(AccountId::new("3")),
            "account 3",
            "group Sales",
            "not a member, as before",
            "a member",
        ),
        (|scene| scene.reading.enrolments.clear(), "eve eve", "enrolment in course", "enrolled", "not enrolled"),
        (
            |scene| {
                let one = scene.reading.enrolments[0].clone();
                scene.reading.enrolments.push(one);
            },
            "eve eve",
            "enrolment in course",
            "one record more",
            "2 records more",
        ),
        (
            |scene| drop(scene.raw.insert("3".into(), json!({ "id": "3", "key": "bob", "title": "Clerk", "active": true, "seen": 1 }))),
            "account 3",
            "seen",
            "(not there), as before",
            "1",
        ),
        (|scene| drop(scene.raw.remove("3")), "account 3", "account", "as before", "gone"),
        (|scene| scene.put("5", "new", "Clerk", true), "new new", "account", "a new one", "several have key new: 4, 5"),
        (|scene| scene.put("6", "stranger", "Clerk", true), "account 6", "account", "none that no step makes", "an account more"),
        (|scene| scene.reading.groups[0].name = "Else".into(), "Sales", "group", "as before", "called Else"),
    ];
    for (spoil, who, what, expected, found) in cases {
        let mut after = as_promised();
        spoil(&mut after);
        let told = judged(&after);
        let wanted = (who.to_owned(), what.to_owned(), expected.to_owned(), found.to_owned());
        assert!(told.contains(&wanted), "{wanted:?} is not among {told:#?}");
    }
}

#[test]
fn p7_a_create_that_ended_in_an_account_that_was_there_is_no_create() {
    let mut after = as_promised();
    after.reading.accounts.retain(|account| account.id.as_str() != "4");
    after.raw.remove("4");
    after.put("3", "new", "Clerk", true);
    let told = judged(&after);
    assert!(told.iter().any(|(who, what, ..)| who == "new new" && what == "account"), "{told:?}");
    assert!(told.iter().any(|(who, what, ..)| who == "account 3" && what == "key"), "{told:?}");
}
