//! What a push sets going: the people of whom the provider spoke are planned for, they alone, and it waits like any other plan.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};

use crate::world::{Setup, World, active_status, steps};

const MORE: &str = r#"
[serve]
listen = "127.0.0.1:0"
settle = "0s"

[source.okta]
role = "idp"
kind = "scim"
join = "person.email == record.userName"
"#;

/// `provost serve` in a world.
pub(crate) struct Server {
    process: Child,
    notes: BufReader<ChildStderr>,
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(world: &World) -> Self {
        let token = world.provost(&["token", "create", "--source", "okta", "--quiet"]).out.trim().to_owned();
        let mut process = world.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let notes = BufReader::new(process.stderr.take().expect("its notes"));
        let mut said = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut said).expect("it says where it listens");
        let url = said.trim().rsplit(' ').next().expect("an address");
        let address = url.strip_prefix("http://").and_then(|url| url.split_once('/')).expect("an address").0.to_owned();
        Self { process, notes, address, token }
    }

    /// POSTs a user as Okta does; the status.
    fn post(&self, name: &str) -> u16 {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true });
        self.send("POST", "/Users", &body).0
    }

    /// Sends a request; the status and the body.
    fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let (address, token) = (&self.address, &self.token);
        let mut stream = TcpStream::connect(address).expect("it listens");
        let head = format!(
            "{method} /scim/v2{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        (status, body.unwrap_or(Value::Null))
    }

    /// Sends a request with these headers and no body; the status.
    pub(crate) fn raw(&self, method: &str, path: &str, headers: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}Content-Length: 0\r\n\r\n", self.address);
        stream.write_all(head.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    /// Has somebody else's client do something with these people, one after the other.
    fn play(&self, script: &str, what: &str, people: impl IntoIterator<Item = u32>) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(script);
        let mut client = Command::new(xtask::outside::python("python"));
        client.arg(script).args([&format!("http://{}/scim/v2", self.address), &self.token, what]).args(people.into_iter().map(name));
        let output = client.output().expect("python starts");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until so many people were planned for, in however many plannings.
    fn planned_for(&mut self, people: usize) {
        let mut until_now = 0;
        while until_now < people {
            let said = self.heard("spoke of");
            let count =
                said.split("spoke of ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|count| count.parse::<usize>().ok());
            until_now += count.unwrap_or_else(|| panic!("{said}"));
        }
    }

    /// The next note with this in it.
    fn heard(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.notes.read_line(&mut line).expect("a note") > 0, "it ended without saying {part:?}");
            if line.contains(part) {
                return line;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn row(n: u32, title: &str) -> String {
    format!("{n},P{n},Person,p{n}@acme.example,{title},Sales,,active,1990-12-01,\n")
}

fn left(n: u32) -> String {
    format!("{n},P{n},Person,p{n}@acme.example,Clerk,Sales,,terminated,1990-12-01,1997-12-31\n")
}

fn name(n: u32) -> String {
    format!("p{n}@acme.example")
}

/// The plan that waits and that the source asked for.
fn asked_for(world: &World) -> Option<Value> {
    let plans = world.provost(&["show", "--format", "json"]).json();
    let plans = plans["plans"].as_array().expect("plans").clone();
    let mine = plans.into_iter().find(|plan| plan["asker"]["name"] == "source okta" && plan["status"] == "pending")?;
    let digest = mine["digest"].as_str().expect("a digest").to_owned();
    Some(world.provost(&["show", &digest, "--format", "json"]).json())
}

#[test]
fn who_is_pushed_is_planned_for_and_nobody_else() {
    let mut world = World::new(Setup { more: MORE, ..Setup::default() });
    world.roster(&[row(1, "Clerk"), row(2, "Clerk")].concat());
    world.carry_out();
    world.later();
    // One is hired and one moves; the provider speaks of the one, and of somebody whom the roster does not know.
    world.roster(&[row(1, "Clerk"), row(2, "Engineer"), row(3, "Clerk")].concat());
    let mut server = Server::start(&world);
    assert_eq!(server.post("nobody@acme.example"), 201);
    assert_eq!(server.post("P3@acme.example"), 201);
    let said = server.heard("okta spoke of 1 of the roster");
    assert!(said.contains("held"), "{said}");
    let plan = asked_for(&world).expect("a plan waits");
    let plan = if plan["plan"].is_object() { plan["plan"].clone() } else { plan };
    assert!(!steps(&plan).is_empty() && steps(&plan).iter().all(|step| step["person"] == "3"), "{plan}");
    // It is approved and carried out like any other.
    let before = world.written();
    let applied = world.provost(&["apply", "open", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(world.written() > before);
    assert!(world.lessonly_user("p3@acme.example").is_some() && world.absorb_user("p3@acme.example").is_some());
}

/// What is given is given at once; what is taken away waits, and more than three leavers a day in an app are held.
const STORY: &str = r#"
[serve]
listen = "127.0.0.1:0"
settle = "0s"

[[approval.standing]]
source = "hr"
effects = ["access_given", "group_gained", "group_lost", "notified", "record_changed", "structure_created", "enrolment_possible", "enrolment_started"]
max = 500
until = "1998-12-31"

[guard.access_lost]
exempt = 3
max = 3
window = "24h"

[source.okta]
role = "idp"
kind = "scim"
join = "person.email == record.userName"
dialect = "DIALECT"
"#;

/// Somebody else's client provisions, moves and offboards in both apps, and then deactivates nearly everybody, one request at a time.
fn story(dialect: &str, script: &str) {
    let more: &'static str = STORY.replace("DIALECT", dialect).leak();
    let mut world = World::new(Setup { more, ..Setup::default() });
    let roster = |of: &dyn Fn(u32) -> String| (1..=12).map(of).collect::<String>();
    world.roster(&roster(&|n| row(n, "Clerk")));
    let standing = world.provost(&["standing", "list", "--format", "json"]).json();
    let digest = standing["standing"][0]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(world.provost(&["standing", "approve", &digest[..12]]).code, 0);
    let mut server = Server::start(&world);

    server.play(script, "join", 1..=12);
    server.planned_for(12);
    for n in 1..=12 {
        assert!(world.lessonly_user(&name(n)).is_some() && world.absorb_user(&name(n)).is_some(), "{n} was provisioned");
    }
    world.roster(&roster(&|n| row(n, if n == 1 { "Engineer" } else { "Clerk" })));
    server.play(script, "move", [1]);
    server.planned_for(1);
    assert_eq!(world.lessonly_user(&name(1)).expect("there")["job_title"], "Engineer");

    // One leaves: it waits for a person, and is done when somebody says yes.
    let active = |world: &World, n| world.absorb_user(&name(n)).expect("there")["activeStatus"] == active_status(true);
    let leaves = |last: u32| {
        move |n: u32| match n {
            1 => row(1, "Engineer"),
            n if n <= last => left(n),
            n => row(n, "Clerk"),
        }
    };
    world.roster(&roster(&leaves(2)));
    server.play(script, "leave", [2]);
    server.planned_for(1);
    assert!(active(&world, 2), "nobody said yes yet");
    let applied = world.provost(&["apply", "open", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(!active(&world, 2));

    // Nearly everybody is deactivated, one request at a time, each answered as it should be: most of them are held, and nobody lost anything.
    let before = world.written();
    world.roster(&roster(&leaves(11)));
    server.play(script, "leave", 3..=11);
    server.planned_for(9);
    assert_eq!(world.written(), before);
    let plans = world.provost(&["show", "--format", "json"]).json();
    let plans = plans["plans"].as_array().expect("plans");
    let waits = |plan: &&Value| plan["status"] == "pending";
    let held: u64 = plans.iter().filter(waits).filter(|plan| plan["class"] != "open").filter_map(|plan| plan["steps"].as_u64()).sum();
    assert!(held >= 2 * 6, "of nine leavers six at least are more than a day may have, in each of two apps: {plans:?}");
    assert!((3..=11).all(|n| active(&world, n)));
}

#[test]
fn f02_okta_pushes_through_an_outside_client_and_a_mass_deactivation_is_held() {
    story("okta", "okta.py");
}

#[test]
fn f02_entra_pushes_as_it_documents_and_a_mass_deactivation_is_held() {
    story("entra", "entra.py");
}

/// What a provider assigns, by pushes alone: an account there, a group that means something, and un-assigning that touches that app only.
const ASSIGNED: &str = r#"
[serve]
listen = "127.0.0.1:0"
settle = "0s"

[[approval.standing]]
source = "okta"
effects = ["access_given", "group_gained", "group_lost", "notified", "record_changed", "structure_created"]
max = 100
until = "1998-12-31"

[source.okta]
role = "idp"
kind = "scim"
join = "person.email == record.userName"
apps = ["lessonly"]
[source.okta.groups]
"LMS Service" = { lessonly = { group = "Customer Service" } }
"#;

#[test]
fn l14_un_assigning_by_a_push_is_not_leaving_the_company() {
    let mut world = World::new(Setup { more: ASSIGNED, ..Setup::default() });
    world.roster(&[row(1, "Clerk"), row(2, "Clerk")].concat());
    let standing = world.provost(&["standing", "list", "--format", "json"]).json();
    let digest = standing["standing"][0]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(world.provost(&["standing", "approve", &digest[..12]]).code, 0);
    // Nobody is assigned yet: both get an account where nobody assigns, and none where somebody does.
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (0, 2), "{:?}", planned.said);

    let mut server = Server::start(&world);
    let (status, user) = server.send("POST", "/Users", &json!({"userName": name(1), "active": true}));
    assert_eq!(status, 201, "{user}");
    let id = user["id"].as_str().expect("an id").to_owned();
    server.planned_for(1);
    assert!(
        world.lessonly_user(&name(1)).is_some() && world.lessonly_user(&name(2)).is_none(),
        "assigned, and done by the standing approval"
    );
    let (status, group) = server.send("POST", "/Groups", &json!({"displayName": "LMS Service", "members": [{"value": id}]}));
    assert_eq!(status, 201, "{group}");
    server.planned_for(1);
    let plan = world.plan();
    assert!(plan.steps().is_empty() && plan.held.is_empty(), "the group was given at once: {:?}", plan.steps());

    let off = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "Replace", "path": "active", "value": "False"}]});
    assert!(server.send("PATCH", &format!("/Users/{id}"), &off).0 < 300);
    server.planned_for(1);
    let planned = world.plan();
    let all: Vec<&Value> = planned.steps().iter().chain(planned.held.iter().flat_map(|(_, plan)| steps(plan))).collect();
    assert!(all.len() == 1 && all[0]["verb"] == "leave" && all[0]["app"] == "lessonly", "{all:?}");
    assert_eq!(world.absorb_user(&name(1)).expect("there")["activeStatus"], active_status(true));
}
