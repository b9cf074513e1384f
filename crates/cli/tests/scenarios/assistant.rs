//! What an assistant can do, through somebody else's client: look, plan, and with that ask; never approve.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::pushed::Server;
use crate::world::{Setup, World};

/// Whatever is asked for is covered by a standing approval, were it not for who asks.
const MORE: &str = r#"
[serve]
listen = "127.0.0.1:0"

[[approval.standing]]
source = "hr"
effects = ["access_given", "group_gained", "group_lost", "notified", "record_changed", "structure_created", "enrolment_possible", "enrolment_started"]
max = 500
until = "1998-12-31"

[source.okta]
role = "idp"
kind = "scim"
join = "person.email == record.userName"
"#;

/// All that there is to call: what is here can be looked at in one glance, and nothing of it approves or carries out.
const TOOLS: [&str; 9] = ["apps", "explain", "findings", "people", "plan", "plans", "report", "runs", "show_plan"];

fn row(n: u32) -> String {
    format!("{n},P{n},Person,p{n}@acme.example,Clerk,Sales,,active,1990-12-01,\n")
}

/// A world with two people whom nothing was done for, and a standing approval in force that would cover all of it.
fn world() -> World {
    let mut world = World::new(Setup { more: MORE, ..Setup::default() });
    world.roster(&[row(1), row(2)].concat());
    let standing = world.provost(&["standing", "list", "--format", "json"]).json();
    let digest = standing["standing"][0]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(world.provost(&["standing", "approve", &digest[..12]]).code, 0);
    world
}

/// Has the client make these calls.
fn talk(world: &World, way: &[&str], calls: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/assistant.py");
    let mut client = Command::new(xtask::outside::python("python"));
    // What the client starts gets the client's environment, which is this world's.
    for (name, value) in world.command(&[]).get_envs() {
        match value {
            Some(value) => client.env(name, value),
            None => client.env_remove(name),
        };
    }
    client.arg(script).args(way).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = client.spawn().expect("python starts");
    client.stdin.take().expect("its input").write_all(calls.to_string().as_bytes()).expect("it reads");
    let output = client.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it says what came of it")
}

fn over_stdio(world: &World, calls: &Value) -> Value {
    let folder = world.path("").display().to_string();
    talk(world, &["stdio", env!("CARGO_BIN_EXE_provost"), &folder], calls)
}

fn names(told: &Value) -> Vec<&str> {
    told["tools"].as_array().expect("tools").iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

#[test]
fn an_assistant_may_look_and_plan_and_nothing_that_it_asks_for_is_done_without_a_person() {
    let mut world = world();
    let before = world.written();
    let told = over_stdio(&world, &json!([["plan", {}], ["people", { "search": "p1@" }], ["explain", { "who": "2" }], ["plans", {}]]));
    assert_eq!(told["server"], "provost");
    assert_eq!(names(&told), TOOLS, "a new tool is looked at: it must not approve or carry out");
    for tool in told["tools"].as_array().expect("tools") {
        assert!(tool["description"].as_str().is_some_and(|text| !text.is_empty()) && tool["inputSchema"]["type"] == "object", "{tool}");
        assert_eq!(tool["annotations"]["readOnlyHint"], tool["name"] != "plan", "{tool}");
    }
    let stories: Vec<&String> = told["prompts"].as_object().expect("prompts").keys().collect();
    assert_eq!(stories, ["joiner", "leaver", "mover", "rehire"]);
    let [plan, people, explained, plans] = told["calls"].as_array().expect("answers").as_slice() else { panic!("{told}") };
    let asked = &plan["said"]["plans"][0];
    assert!(asked["status"] == "pending" && asked["steps"].as_u64() > Some(3), "{plan}");
    assert_eq!((&people["said"]["total"], &people["said"]["people"][0]["key"]), (&json!(1), &json!("1")), "{people}");
    assert!(explained["said"]["explanation"].is_object(), "{explained}");
    assert_eq!(plans["said"]["plans"][0]["asker"], json!({ "name": "ada", "proof": "assistant" }), "{plans}");
    // It waits for a person, though a standing approval covers every step of it.
    assert_eq!(world.written(), before, "nothing was changed");
    let digest = asked["digest"].as_str().expect("a digest").to_owned();
    let refused = world.provost(&["apply", &digest]);
    assert!(refused.code == 1 && world.written() == before, "{refused:?}");
    // A person says yes, and it is done like any other.
    world.later();
    let applied = world.provost(&["apply", &digest, "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(world.lessonly_user("p1@acme.example").is_some() && world.absorb_user("p2@acme.example").is_some());
    let run = over_stdio(&world, &json!([["runs", {}], ["report", { "run": "latest" }], ["read", { "uri": "provost://runs" }]]));
    assert_eq!(run["calls"][0]["said"]["runs"][0]["state"], "finished", "{run}");
    assert_eq!(run["calls"][2]["said"][0]["state"], "finished", "{run}");
}

#[test]
fn what_a_person_asks_for_the_standing_approval_does_cover() {
    // The other half of the test above: without it, that nothing was done would say nothing.
    let world = world();
    let said = world.provost(&["plan", "--apply"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(world.lessonly_user("p1@acme.example").is_some());
}

#[test]
fn over_http_an_assistant_has_a_token_and_its_role() {
    let world = world();
    let before = world.written();
    let token = |role: &str| world.provost(&["token", "create", "--name", "helper", "--role", role, "--quiet"]).out.trim().to_owned();
    let (viewer, operator) = (token("viewer"), token("operator"));
    let server = Server::start(&world);
    let url = format!("http://{}/mcp", server.address);
    let calls = json!([["plan", { "people": ["1"] }], ["people", { "serch": "x" }], ["show_plan", { "digest": "12" }], ["read", { "uri": "provost://nothing" }]]);
    let looked = talk(&world, &["http", &url, &viewer], &calls);
    assert_eq!(names(&looked), TOOLS);
    for (call, part) in
        [(0, "planning takes operator"), (1, "unknown field `serch`"), (2, "is no digest"), (3, "nothing at provost://nothing")]
    {
        let answer = &looked["calls"][call];
        assert!(answer["error"] == true && answer["said"].as_str().is_some_and(|said| said.contains(part)), "{part}: {answer}");
    }
    let planned = talk(&world, &["http", &url, &operator], &calls);
    let plan = &planned["calls"][0]["said"]["plans"][0];
    assert!(plan["status"] == "pending" && plan["steps"].as_u64() > Some(0), "{planned}");
    assert_eq!(world.written(), before, "nothing was changed");
    let asker = &world.provost(&["show", plan["digest"].as_str().expect("a digest"), "--format", "json"]).json();
    let shown = asker["asker"].clone();
    assert!(shown.is_null() || shown["proof"] == "assistant", "{shown}");
    // Nobody is let in without a token that the API knows.
    for shown in ["", "Authorization: Bearer nothing\r\n", &format!("Authorization: Bearer {}\r\n", server.token)] {
        assert_eq!(server.raw("POST", "/mcp", shown), 401, "{shown}");
    }
}

/// What the conformance suite has that is not about tools, resources and prompts made for it.
const CHECKS: [&str; 6] = ["server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"];

#[test]
fn the_protocols_own_suite_finds_nothing_wrong_with_what_applies() {
    let world = world();
    let token = world.provost(&["token", "create", "--name", "suite", "--role", "viewer", "--quiet"]).out.trim().to_owned();
    let server = Server::start(&world);
    let url = format!("http://{}/mcp", shows_token(server.address.clone(), token));
    for check in CHECKS {
        let output = Command::new("node")
            .arg("node_modules/@modelcontextprotocol/conformance/dist/index.js")
            .args(["server", "--url", &url, "--scenario", check])
            .current_dir(xtask::outside::node())
            .output()
            .expect("node runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains(" 0 failed"), "{check}: {output:?}");
    }
}

/// Where requests go on to a server with a token, which the suite has no word for; each over a connection of its own.
fn shows_token(server: String, token: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address").to_string();
    let go_on = move |client: &mut TcpStream| -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
            match line.trim_end() {
                "" => break,
                _ if name.eq_ignore_ascii_case("connection") => {}
                _ => head.push_str(&line),
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let mut on = TcpStream::connect(&server)?;
        write!(on, "{head}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n")?;
        on.write_all(&body)?;
        std::io::copy(&mut on, client).map(drop)
    };
    let go_on = Arc::new(go_on);
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let go_on = Arc::clone(&go_on);
            // Whoever hangs up has got what they wanted.
            std::thread::spawn(move || go_on(&mut client).ok());
        }
    });
    address
}
