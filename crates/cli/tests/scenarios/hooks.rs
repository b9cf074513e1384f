//! What an app tells by itself sets a small plan going: signed, of now, once, and read back before anything follows (A13).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sandbox::absorb::Webhooks;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{Setup, World, active_status, steps};

const SECRET: &str = "what the portal and Provost know";

const MORE: &str = r#"
[serve]
listen = "127.0.0.1:0"
settle = "0s"
look = "1s"

[app.absorb.webhook]
secret = { env = "HOOK_SECRET" }
"#;

/// `provost serve` in a world.
struct Server {
    process: Child,
    notes: BufReader<ChildStderr>,
    address: String,
}

impl Server {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["serve"]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let notes = BufReader::new(process.stderr.take().expect("its notes"));
        let mut said = String::new();
        BufReader::new(process.stdout.take().expect("its output")).read_line(&mut said).expect("it says where it listens");
        let address = said.strip_prefix("listens on ").and_then(|said| said.split_once(';')).expect("an address").0.to_owned();
        Self { process, notes, address }
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

    /// Ends it as a user does.
    fn stop(mut self) {
        let told = std::process::Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().expect("kill runs");
        assert!(told.success() && self.process.wait().expect("it ends").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Delivers a body to an app's hook; the status and what else was said.
fn deliver(address: &str, app: &str, signature: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "POST /hooks/{app} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nX-Absorb-Signature: {signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn signed(body: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row(n: usize, status: &str) -> String {
    let ended = if status == "terminated" { "1997-12-31" } else { "" };
    format!("{n},P{n},Person,p{n}@acme.example,Clerk,Sales,,{status},1990-12-01,{ended}\n")
}

/// An account that somebody makes by hand in the portal for the person of this key.
fn by_hand(world: &World, n: usize, username: &str) {
    let root = world.absorb.departments().into_iter().find(|one| one["parentId"].is_null()).expect("a root")["id"].clone();
    let user = json!({"username": username, "firstName": format!("P{n}"), "lastName": "Person", "emailAddress": format!("p{n}@acme.example"),
                      "externalId": n.to_string(), "departmentId": root, "password": "Secret-1"});
    world.absorb.put_user(user).expect("the portal takes it");
}

/// The waiting plans that this app's events made.
fn plans_of_events(world: &World) -> Vec<Value> {
    let plans = world.provost(&["show", "--format", "json"]).json();
    let plans = plans["plans"].as_array().expect("plans").clone();
    let mine = plans.into_iter().filter(|plan| plan["asker"]["name"] == "app absorb" && plan["status"] == "pending");
    mine.map(|plan| plan_of(world, plan["digest"].as_str().expect("a digest"))).collect()
}

/// A plan by its digest.
fn plan_of(world: &World, digest: &str) -> Value {
    let shown = world.provost(&["show", digest, "--format", "json"]).json();
    if shown["plan"].is_object() { shown["plan"].clone() } else { shown }
}

/// The trigger that concerns this person, followed by its id.
fn followed(world: &World, person: &str) -> Value {
    let triggers = world.provost(&["triggers", "--format", "json"]).json();
    let mine = triggers["triggers"].as_array().expect("triggers").iter().find(|one| one["person"] == person).cloned();
    let id = mine.unwrap_or_else(|| panic!("{triggers}"))["id"].as_str().expect("an id").to_owned();
    world.provost(&["triggers", &id, "--format", "json"]).json()
}

#[test]
fn a13_user_created_by_hand_finds_who_was_hired_and_who_was_hired_again() {
    let mut world = World::new(Setup { more: MORE, ..Setup::default() });
    world.env("HOOK_SECRET", Some(SECRET));
    world.roster(&[row(1, "active"), row(2, "active")].concat());
    world.carry_out();
    world.roster(&[row(1, "active"), row(2, "terminated")].concat());
    world.later();
    world.carry_out();
    assert_eq!(world.absorb_user("p2@acme.example").expect("kept")["activeStatus"], active_status(false));
    world.later();

    let mut server = Server::start(&world);
    let hooks = Webhooks::to(&format!("http://{}/hooks/absorb", server.address), SECRET);
    world.absorb.set_webhooks(Some(hooks)).expect("set");
    // One more works here, and HR makes the account by hand; the event says so, and nobody else is planned for.
    world.roster(&[row(1, "active"), row(2, "terminated"), row(3, "active")].concat());
    by_hand(&world, 3, "p3@acme.example");
    server.heard("absorb told of 1 of the roster");
    let plans = plans_of_events(&world);
    assert!(plans.iter().any(|plan| steps(plan).iter().any(|step| step["app"] == "lessonly" && step["verb"] == "create")), "{plans:?}");
    assert!(plans.iter().flat_map(steps).all(|step| step["person"] == "3"), "{plans:?}");
    assert!(plans.iter().flat_map(steps).all(|step| step["app"] != "absorb" || step["verb"] != "create"), "there is one: {plans:?}");

    // One who left comes back, and somebody who does not know that there is an account makes another one.
    world.roster(&[row(1, "active"), row(2, "active"), row(3, "active")].concat());
    by_hand(&world, 2, "p2.again@acme.example");
    server.heard("absorb told of 1 of the roster");
    let plans = plans_of_events(&world);
    let back = plans.iter().flat_map(steps).filter(|step| step["person"] == "2").map(|step| (&step["app"], &step["verb"]));
    let back: Vec<_> = back.collect();
    assert!(back.len() == 2 && back.iter().all(|(_, verb)| *verb == "restore"), "both old accounts come back: {back:?}");
    let before = followed(&world, "2");
    let waits = &before["plans"][0];
    assert!(before["planning"]["id"].is_string() && waits["status"] == "pending" && waits["report"].is_null(), "{before}");
    server.stop();

    // It is approved and carried out like any other, and can be followed from the event to the run.
    let digest = waits["digest"].as_str().expect("a digest").to_owned();
    let applied = world.provost(&["apply", &digest, "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(world.absorb_user("p2@acme.example").expect("kept")["activeStatus"], active_status(true));
    let after = followed(&world, "2");
    let plan = &after["plans"][0];
    assert_eq!((&plan["status"], &plan["decision"]["by"]["name"]), (&json!("done"), &json!("ada")), "{after}");
    assert!(plan["report"]["run"].is_string() && plan["report"]["done"] == plan["report"]["steps"], "{after}");
    let words = world.provost(&["triggers", after["trigger"]["id"].as_str().expect("an id")]);
    assert!(words.code == 0 && words.out.contains("yes by ada") && words.out.contains("UserCreated"), "{words:?}");

    // What else waits is approved too; in the end everything is as roster and policy have it.
    let file = world.path("of-the-event.json");
    let shown = plan_of(&world, &digest);
    std::fs::write(&file, shown.to_string()).expect("the plan is kept");
    world.note_applied(&file);
    world.keep_report();
    world.later();
    for (file, _) in world.plan().held {
        world.apply(&file);
    }
    world.later();
    world.carry_out();
    world.check(&[]);
}

#[test]
fn a13_strangers_replays_and_what_is_too_large_are_refused_without_a_word() {
    let mut world = World::new(Setup { more: MORE, ..Setup::default() });
    world.env("HOOK_SECRET", Some(SECRET));
    world.roster(&row(1, "active"));
    world.carry_out();
    let mut server = Server::start(&world);
    let event = |minutes: i64| {
        let at = world.now + jiff::SignedDuration::from_mins(minutes);
        let user = world.absorb_user("p1@acme.example").expect("there")["id"].clone();
        json!({"eventType": "UserCreated", "timestamp": at, "correlationId": format!("c{minutes}"), "userId": user}).to_string()
    };
    let send = |app: &str, signature: &str, body: &str| deliver(&server.address, app, signature, body);
    let good = event(0);
    assert_eq!(send("absorb", &signed(&good, SECRET), &good), (204, String::new()));
    assert_eq!(send("absorb", &signed(&good, SECRET), &good), (204, String::new()), "again: taken, and nothing follows");
    let old = event(-60);
    for (app, signature, body, status) in [
        ("absorb", signed(&good, "another secret"), &good, 401),
        ("absorb", String::new(), &good, 401),
        ("absorb", signed(&good, SECRET), &old, 401),
        ("absorb", signed(&old, SECRET), &old, 401),
        ("absorb", signed(&event(60), SECRET), &event(60), 401),
        ("absorb", signed("no event", SECRET), &"no event".to_owned(), 401),
        ("lessonly", signed(&good, SECRET), &good, 404),
        ("nobody", signed(&good, SECRET), &good, 404),
        ("absorb", String::new(), &"x".repeat(100_000), 413),
    ] {
        assert_eq!(send(app, &signature, body), (status, String::new()), "{app} {body:.80}");
    }
    assert!(!server.heard("was refused").contains(SECRET));
    let triggers = world.provost(&["triggers", "--format", "json"]).json();
    assert_eq!(triggers["triggers"].as_array().expect("triggers").len(), 1, "{triggers}");
}

const STANDING: &str = r#"
[serve]
listen = "127.0.0.1:0"
settle = "1s"

[app.absorb.webhook]
secret = { env = "HOOK_SECRET" }

[[approval.standing]]
source = "hr"
effects = ["record_changed"]
max = 100000
until = "1998-12-31"
"#;

/// Absorb's users by their names.
fn users(world: &World) -> BTreeMap<String, Value> {
    let named = |user: Value| (user["username"].as_str().expect("a name").to_owned(), user);
    world.absorb.users().into_iter().map(named).collect()
}

/// How many deliveries: a twentieth of what is published by default, which `PROVOST_HOOKS` can make whole.
fn deliveries() -> usize {
    std::env::var("PROVOST_HOOKS").ok().map_or(500, |number| number.parse().expect("PROVOST_HOOKS is a number"))
}

#[test]
fn a13_deliveries_repeated_shuffled_and_forged_have_one_effect_each_and_none_for_the_forged() {
    let all = deliveries();
    // Of five deliveries four are of one event, and one is forged.
    let (events, forged) = (all / 5, all / 5);
    let people = events + forged;
    let mut world = World::new(Setup { more: STANDING, groups: Vec::new(), ..Setup::default() });
    world.env("HOOK_SECRET", Some(SECRET));
    world.roster(&(1..=people).map(|n| row(n, "active")).collect::<String>());
    world.carry_out();
    let standing = world.provost(&["standing", "list", "--format", "json"]).json();
    let digest = standing["standing"][0]["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(world.provost(&["standing", "approve", &digest[..12]]).code, 0);
    // Somebody gives everybody another title, by hand.
    let mut ids = Vec::new();
    let users = self::users(&world);
    for n in 1..=people {
        let user = &users[&format!("p{n}@acme.example")];
        world.absorb.put_user(json!({"id": user["id"], "jobTitle": "Intern"})).expect("changed");
        ids.push(user["id"].as_str().expect("an id").to_owned());
    }
    let mut server = Server::start(&world);
    let body = |n: usize| {
        let event = if n.is_multiple_of(2) { "CourseCompleted" } else { "SessionStarted" };
        json!({"eventType": event, "timestamp": world.now, "correlationId": format!("c{n}"), "userId": ids[n]}).to_string()
    };
    let mut sent: Vec<(String, String, u16)> = Vec::new();
    for n in 0..events {
        let body = body(n);
        sent.extend((0..4).map(|_| (signed(&body, SECRET), body.clone(), 204)));
    }
    for n in events..people {
        // Signed with another secret, or with the signature of another event.
        let signature = if n % 2 == 0 { signed(&body(n), "guessed") } else { signed(&body(0), SECRET) };
        sent.push((signature, body(n), 401));
    }
    // Shuffled, the same way each time.
    let mut chance = 42_u64;
    for at in (1..sent.len()).rev() {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sent.swap(at, usize::try_from(chance >> 33).expect("small") % (at + 1));
    }
    let next = AtomicUsize::new(0);
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((signature, body, status)) = sent.get(next.fetch_add(1, Ordering::Relaxed)) {
                    assert_eq!(deliver(&server.address, "absorb", signature, body).0, *status);
                }
            });
        }
    });
    eprintln!("{} deliveries were answered in {:?}", sent.len(), begun.elapsed());
    let mut planned = 0;
    while planned < events {
        let said = server.heard("absorb told of");
        let count = said.split("told of ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|count| count.parse::<usize>().ok());
        planned += count.unwrap_or_else(|| panic!("{said}"));
    }
    eprintln!("all was done after {:?}", begun.elapsed());
    server.stop();
    let users = self::users(&world);
    let title = |n: usize| users[&format!("p{}@acme.example", n + 1)]["jobTitle"].clone();
    assert!((0..events).all(|n| title(n) == "Clerk"), "each event had its effect");
    assert!((events..people).all(|n| title(n) == "Intern"), "no forged one had any");
    let triggers = world.provost(&["triggers", "--most", "1000000", "--format", "json"]).json();
    let triggers = triggers["triggers"].as_array().expect("triggers");
    assert!(triggers.len() == events && triggers.iter().all(|one| one["state"] == "planned"), "one for each event: {}", triggers.len());
    // One write for each: of the users' lines after the hand's.
    let written = world.read("absorb.ledger.jsonl");
    let last = written.lines().filter(|line| line.contains("\"ADMIN\"")).count();
    let writes = written.lines().rev().take_while(|line| !line.contains("\"ADMIN\"")).count();
    assert_eq!((last, writes), (people, events));
}

#[test]
fn a_folder_of_exports_and_a_schedule_make_plans_by_themselves() {
    const WATCHED: &str =
        "\n[serve]\nlisten = \"127.0.0.1:0\"\nsettle = \"0s\"\nlook = \"1s\"\n[schedule.often]\ncron = \"0 * * * *\"\n";
    let mut world = World::new(Setup { more: WATCHED, ..Setup::default() });
    let exports = world.path("exports");
    std::fs::create_dir(&exports).expect("a folder");
    world.reconfigure("path = \"roster.csv\"", "path = \"exports\"\nwatch = true");
    world.write("exports/1.csv", &format!("{}{}", crate::world::HEADER, row(1, "active")));
    let mut server = Server::start(&world);
    server.heard("the roster of hr was written: planned for everybody");
    // It is put there in two parts: what is read is the whole of it.
    let text = format!("{}{}{}", crate::world::HEADER, row(1, "active"), row(2, "active"));
    let (first, rest) = text.split_at(text.len() - 30);
    let mut file = std::fs::File::create(exports.join("2.csv")).expect("a file");
    file.write_all(first.as_bytes()).expect("written");
    file.write_all(rest.as_bytes()).expect("written");
    drop(file);
    server.heard("the roster of hr was written: planned for everybody");
    server.stop();
    // An hour passes while nobody is there: what was due then is made up for, once.
    world.later();
    world.later();
    let mut server = Server::start(&world);
    server.heard("schedule often was missed 1 times");
    server.heard("schedule often: planned for everybody");
    let triggers = world.provost(&["triggers", "--format", "json"]).json();
    let kinds = |kind: &str| triggers["triggers"].as_array().expect("triggers").iter().filter(|one| one["kind"] == kind).count();
    assert_eq!((kinds("roster"), kinds("schedule")), (2, 1), "{triggers}");
}
