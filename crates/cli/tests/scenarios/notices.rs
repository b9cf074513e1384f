//! People are told, by ways that others wrote the other end of: webhooks that both Standard Webhooks libraries verify, e-mail that a server
//! from PyPI takes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::world::{Setup, World};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ROWS: &str = "E1,Ada,Doe,ada@acme.example,Sales Manager,Sales,,active,1990-01-02,\n\
                    E2,Bea,Roe,bea@acme.example,Clerk,Sales,E1,active,1990-01-02,\n";

/// What takes notices, as a process; it ends with us.
struct Receiver {
    child: Child,
    http: u16,
    smtp: u16,
    file: PathBuf,
    mood: PathBuf,
}

impl Receiver {
    fn start(world: &World) -> Self {
        let (file, mood) = (world.path("received.jsonl"), world.path("mood"));
        let mut command = Command::new(xtask::outside::python("python"));
        command.arg("-c").arg(include_str!("receiver.py")).arg(SECRET).arg(&file).arg(&mood);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("it says where it listens");
        let ports: Vec<u16> = line.split_whitespace().map(|port| port.parse().expect("a port")).collect();
        Self { child, http: ports[0], smtp: ports[1], file, mood }
    }

    /// Everything that came, of this kind.
    fn got(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        all.filter(|got| got["kind"] == kind).collect()
    }

    /// From now on webhooks are answered so; well, when nothing is said.
    fn answers(&self, status: &str) {
        if status.is_empty() {
            std::fs::remove_file(&self.mood).expect("it was in a mood");
        } else {
            std::fs::write(&self.mood, status).expect("written");
        }
    }

    /// How often each webhook came.
    fn times(&self) -> BTreeMap<String, usize> {
        let mut times = BTreeMap::new();
        for got in self.got("http") {
            *times.entry(got["headers"]["webhook-id"].as_str().expect("an id").to_owned()).or_default() += 1;
        }
        times
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// A world in which people are told, now: whoever verifies a signature looks at the clock.
fn told(notices: &dyn Fn(&Receiver) -> String) -> (World, Receiver) {
    let now: &'static str = jiff::Timestamp::now().to_string().leak();
    let mut world = World::new(Setup { now, ..Setup::default() });
    world.env("HOOK_SECRET", Some(SECRET));
    world.env("MAIL_PASSWORD", Some("a-password"));
    world.roster(ROWS);
    let receiver = Receiver::start(&world);
    let text = format!("{}\n[serve]\nurl = \"https://provost.acme.example\"\n{}", world.read("provost.toml"), notices(&receiver));
    world.write("provost.toml", &text);
    (world, receiver)
}

fn webhook(receiver: &Receiver) -> String {
    format!(
        "[notice.ops]\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret = {{ env = \"HOOK_SECRET\" }}\nprivate = true\n",
        receiver.http
    )
}

fn listed(world: &World) -> Vec<Value> {
    world.provost(&["notices", "--format", "json"]).json()["notices"].as_array().expect("a list").clone()
}

/// Verifies with the library from npm what the one from PyPI verified on arrival.
fn verified_by_npm(received: &[Value]) -> bool {
    let script = "const { Webhook } = require('standardwebhooks');
        const [secret, all] = JSON.parse(require('fs').readFileSync(0));
        const hook = new Webhook(secret);
        for (const one of all) hook.verify(one.body, one.headers);
        let forged = 0;
        for (const one of all) { try { hook.verify(one.body + ' ', one.headers); } catch { forged++; } }
        process.exit(forged === all.length ? 0 : 1);";
    let mut node = Command::new("node");
    node.args(["-e", script]).current_dir(xtask::outside::node()).stdin(Stdio::piped());
    let mut node = node.spawn().expect("node starts");
    let text = serde_json::to_vec(&(SECRET, received)).expect("JSON");
    node.stdin.take().expect("its input").write_all(&text).expect("written");
    node.wait().expect("it ends").success()
}

#[test]
fn people_are_told_by_webhook_chat_and_mail() {
    let (mut world, receiver) = told(&|receiver| {
        let mail = format!(
            "[notice.mail]\nkind = \"email\"\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"Provost <provost@acme.example>\"\n\
             to = [\"ops@acme.example\", \"boss@acme.example\"]\nusername = \"provost\"\nsecret = {{ env = \"MAIL_PASSWORD\" }}\n\
             private = true\nevents = [\"waits\"]\n",
            receiver.smtp
        );
        let chat = "[notice.chat]\nkind = \"slack\"\nurl = { env = \"CHAT_URL\" }\nprivate = true\nevents = [\"done\"]\n";
        format!("{}{mail}{chat}", webhook(receiver))
    });
    let url: &'static str = format!("http://127.0.0.1:{}/chat", receiver.http).leak();
    world.env("CHAT_URL", Some(url));
    let planned = world.plan();
    world.apply(&planned.open_file);
    let all = receiver.got("http");
    let (hooks, chat): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|got| got["path"] == "/hook");
    assert!(hooks.iter().all(|hook| hook["verified"] == true), "{hooks:#?}");
    assert!(verified_by_npm(&hooks));
    let bodies: Vec<Value> = hooks.iter().map(|hook| serde_json::from_str(hook["body"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(bodies.iter().map(|body| body["type"].as_str().unwrap()).collect::<Vec<_>>(), ["plan.waits", "run.done"]);
    assert!(bodies[0]["data"]["apps"]["lessonly"].as_u64().unwrap() >= 2, "{:#}", bodies[0]);
    let digest = bodies[0]["data"]["id"].as_str().unwrap();
    assert_eq!(bodies[0]["data"]["link"], format!("https://provost.acme.example/plans/{digest}"));
    let text = serde_json::to_string(&(&bodies, &chat)).unwrap();
    for name in ["Ada", "Bea", "Doe", "ada@acme.example", "E1"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    assert_eq!(chat.len(), 1);
    let said: Value = serde_json::from_str(chat[0]["body"].as_str().unwrap()).unwrap();
    assert!(said["text"].as_str().unwrap().contains("is done"), "{said:#}");
    let mail = receiver.got("mail");
    assert_eq!(mail.len(), 1, "{mail:#?}");
    assert_eq!((&mail[0]["user"], &mail[0]["automatic"]), (&"provost".into(), &"auto-generated".into()));
    assert_eq!(mail[0]["to"].as_array().map(Vec::len), Some(2));
    assert!(mail[0]["subject"].as_str().unwrap().contains("waits for you"), "{mail:#?}");
    assert!(mail[0]["text"].as_str().unwrap().contains(&format!("https://provost.acme.example/plans/{digest}")), "{mail:#?}");
    let listed = listed(&world);
    assert_eq!(listed.len(), 4, "{listed:#?}");
    assert!(listed.iter().all(|delivery| delivery["state"] == "sent" && delivery["tries"] == 1), "{listed:#?}");
    let id = listed.iter().find(|delivery| delivery["to"] == "mail").unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(mail[0]["id"], format!("<{id}@acme.example>"));
    let shown = world.provost(&["notices"]);
    assert!(!shown.out.contains("whsec_") && !shown.out.contains(url), "{shown:?}");
}

#[test]
fn what_is_not_taken_holds_nothing_up_and_is_sent_again() {
    let (mut world, receiver) = told(&|receiver| {
        let nobody = format!(
            "[notice.nobody]\nkind = \"email\"\nserver = \"smtp://127.0.0.1:{}\"\nfrom = \"provost@acme.example\"\n\
             to = [\"nobody@acme.example\"]\nusername = \"provost\"\nsecret = {{ env = \"MAIL_PASSWORD\" }}\nprivate = true\n\
             events = [\"done\"]\n",
            receiver.smtp
        );
        // Nothing in the configuration lets it go to this machine.
        let forbidden = webhook(receiver).replace("notice.ops", "notice.forbidden").replace("private = true", "events = [\"done\"]");
        format!("{}{nobody}{forbidden}", webhook(receiver))
    });
    receiver.answers("302");
    let planned = world.plan();
    assert!(planned.said.err.contains("1 notices could not be delivered: provost notices"), "{:?}", planned.said);
    assert_eq!(receiver.times().len(), 1, "a redirect is not followed");
    let refused = listed(&world).pop().unwrap();
    assert_eq!(refused["why"], "the other side answered 302; redirects are not followed");
    let id = refused["id"].as_str().unwrap().to_owned();
    receiver.answers("500");
    let again = world.provost(&["notices", "send", &id]);
    assert_eq!((again.code, again.err.contains("answered 500")), (1, true), "{again:?}");
    receiver.answers("410");
    let again = world.provost(&["notices", "send", &id]);
    assert!(again.code == 1 && again.err.contains("wants no more"), "{again:?}");
    assert_eq!(world.provost(&["notices"]).code, 2, "what is put aside waits for a person");
    receiver.answers("");
    let again = world.provost(&["notices", "send", &id[..30]]);
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(receiver.times(), [(id, 4)].into());
    world.apply(&planned.open_file);
    let why: BTreeMap<String, (String, String)> = listed(&world)
        .iter()
        .filter(|delivery| delivery["state"] != "sent")
        .map(|delivery| {
            let text = |name: &str| delivery[name].as_str().unwrap_or_default().to_owned();
            (text("to"), (text("state"), text("why")))
        })
        .collect();
    assert_eq!(why["nobody"].0, "aside", "{why:?}");
    assert!(why["nobody"].1.contains("550"), "{why:?}");
    assert!(why["forbidden"].1.contains("127.0.0.1 is a private address; private = true allows that"), "{why:?}");
}

/// The process is killed before and after each of its commits: whatever was committed is told of, once more at most, under one id.
#[test]
fn p09_killed_between_commit_and_sending_it_is_sent_once_more_at_most() {
    let (mut world, receiver) = told(&webhook);
    let mut killed = 0;
    for side in ["before", "after"] {
        for commit in 1..100 {
            world.roster(&format!("{ROWS}E9,Cid,Foe,{side}{commit}@acme.example,Clerk,Sales,E1,active,1990-01-02,\n"));
            let said = world.provost_with("PROVOST_SABOTAGE", &format!("kill-{side}:{commit}"), &["plan"]);
            if said.code != -1 {
                assert!(commit > 4, "a planning has more commits: {said:?}");
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 8, "{killed}");
    // Whoever sent one when it was killed had it alone for two minutes.
    world.later();
    let planned = world.plan();
    assert_eq!(planned.said.code, 2, "{:?}", planned.said);
    let (times, listed) = (receiver.times(), listed(&world));
    assert!(listed.iter().all(|delivery| delivery["state"] == "sent"), "{listed:#?}");
    let known: Vec<&str> = listed.iter().map(|delivery| delivery["id"].as_str().unwrap()).collect();
    assert!(times.keys().all(|id| known.contains(&id.as_str())), "what was sent was kept first: {times:?}");
    assert_eq!(times.len(), known.len());
    assert!(times.values().all(|times| *times <= 2), "{times:?}");
    assert!(times.values().any(|times| *times == 2), "one was killed between sending and noting that: {times:?}");
    let waits = planned.open["steps"].as_array().map(Vec::len).unwrap_or_default();
    assert_eq!(listed[0]["notice"]["steps"], waits, "the last planning is told of");
}
