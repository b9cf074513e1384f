//! An identity provider that does not push but can be read over SCIM: a server that somebody else wrote says who is active and assigned, and
//! in which groups.  In the guide's run of the tests it is `scim2-server`, in the vendors' SCIMMY.

use serde_json::{Value, json};

use crate::outside::{Server, TOKEN, back};
use crate::world::{Setup, World, by};

const ADA: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n";
const BOB: &str = "2,Bob,Ross,bob@acme.example,Clerk,Sales,,active,1990-12-01,\n";
const CLEO: &str = "3,Cleo,Patra,cleo@acme.example,Clerk,Sales,,active,1990-12-01,\n";

fn user(name: &str) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true })
}

/// The id that the provider knows somebody by.
fn id(base: &str, name: &str) -> String {
    let (status, said) = back(base, "GET", "/Users?startIndex=1&count=100", None);
    assert_eq!(status, 200, "{said}");
    let all = said["Resources"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|user| user["userName"] == name).unwrap_or_else(|| panic!("no {name}: {said}"));
    found["id"].as_str().expect("an id").to_owned()
}

fn deactivate(base: &str, name: &str) {
    let inactive = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }] });
    let (status, said) = back(base, "PATCH", &format!("/Users/{}", id(base, name)), Some(&inactive));
    assert!(matches!(status, 200 | 204), "{status}: {said}");
}

/// A provider with three people and a group of two of them, and a configuration that asks it.
fn world() -> (World, String) {
    let base = by(Server::Python, Server::Node).tenant(&["ada@acme.example", "bob@acme.example", "cleo@acme.example"].map(user));
    let members: Vec<Value> = ["ada@acme.example", "bob@acme.example"].map(|name| json!({ "value": id(&base, name) })).to_vec();
    let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "LMS Users", "members": members });
    assert_eq!(back(&base, "POST", "/Groups", Some(&group)).0, 201);
    let mut world = World::new(Setup::default());
    world.env("OKTA_TOKEN", Some(TOKEN));
    let text = world.read("provost.toml");
    let source = format!(
        r#"
[source.okta]
role = "idp"
kind = "scim"
base_url = "{base}"
token = {{ env = "OKTA_TOKEN" }}
rate = {{ per_second = 5000, burst = 5000 }}
join = "person.email == record.userName"
absent = "leave"
shrink = {{ max = 20, percent = 100 }}
apps = ["lessonly"]
[source.okta.groups]
"LMS Users" = {{ lessonly = {{ group = "Customer Service" }} }}
"#
    );
    world.write("provost.toml", &format!("{text}\n{source}"));
    world.roster(&format!("{ADA}{BOB}{CLEO}"));
    (world, base)
}

/// People, provider and apps in one graph: what it answers counts as what others push, and being read whole, so does what it leaves out.
#[test]
fn l14_a_provider_that_is_read_assigns_and_un_assigns() {
    let (mut world, base) = world();
    let checked = world.provost(&["check"]);
    assert!(checked.code == 0 && checked.out.contains("source.okta: ready"), "{checked:?}");
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (3, 3), "{:?}", planned.said);
    // Department and, of two of them, what the provider's group means.
    let groups = |person: &str| {
        let all = planned.steps();
        let made = |step: &&Value| step["app"] == "lessonly" && step["verb"] == "create" && step["person"] == person;
        all.iter().find(made).and_then(|step| step["add_groups"].as_array()).map_or(0, Vec::len)
    };
    assert_eq!(["1", "2", "3"].map(groups), [2, 2, 1], "{:?}", planned.steps());
    let said = world.provost(&["explain", "bob@acme.example"]);
    assert!(said.out.contains("okta") && said.out.contains("active"), "{said:?}");

    // Un-assigned there is not gone from the company.
    world.later();
    deactivate(&base, "bob@acme.example");
    world.later();
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "leave"), planned.count("absorb", "leave")), (1, 0), "{:?}", planned.said);

    // Who is in a list no more that came whole.
    assert!(matches!(back(&base, "DELETE", &format!("/Users/{}", id(&base, "cleo@acme.example")), None).0, 200 | 204));
    world.later();
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "leave"), planned.count("absorb", "leave")), (1, 0), "{:?}", planned.said);
}

/// For one person nobody asks for everybody again and again: the last answer will do for an hour.
#[test]
fn an_answer_of_a_short_while_ago_will_do_for_one_person() {
    let (mut world, base) = world();
    world.carry_out();
    deactivate(&base, "bob@acme.example");
    let leaves = |world: &World| {
        let said = world.provost(&["plan", "--person", "2", "--format", "json"]);
        assert!(matches!(said.code, 0 | 2), "{said:?}");
        said.out.contains("\"leave\"")
    };
    world.at("1998-01-01T12:50:00Z");
    assert!(!leaves(&world), "what was read this hour still counts");
    world.at("1998-01-01T13:10:00Z");
    assert!(leaves(&world), "an hour later it is asked again");
}

/// What it cannot be asked for is told with its name, and nothing is planned from half of what there is to know.
#[test]
fn p04_a_provider_that_cannot_be_read_stops_the_planning() {
    let (mut world, _) = world();
    world.carry_out();
    world.env("OKTA_TOKEN", Some("wrong"));
    for words in [&["plan"][..], &["check"]] {
        let said = world.provost(words);
        let told = format!("{}{}", said.out, said.err);
        assert!(said.code == 1 && told.contains("source okta:") && told.contains("[source.okta]"), "{said:?}");
    }
    world.env("OKTA_TOKEN", None);
    let said = world.provost(&["plan"]);
    assert!(said.code == 1 && said.err.contains("source okta takes its token from the environment variable OKTA_TOKEN"), "{said:?}");
    // Nobody pushes to it, so no token lets anybody in.
    world.env("OKTA_TOKEN", Some(TOKEN));
    let said = world.provost(&["token", "create", "okta"]);
    assert!(said.code != 0 && said.err.contains("okta"), "{said:?}");
}
