//! `provost connect` with a real browser, on the sandbox's own log-in page: a person says yes, and everything works with that alone; a person
//! says no; nobody says anything.
//!
//! It needs Debian's `chromium` and `chromium-driver`, which `cargo xtask test` installs.

mod browser;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use browser::{Browser, Running};
use fantoccini::Locator;
use serde_json::{Value, json};
use tempfile::TempDir;

impl Running {
    /// Its exit code, and all that it said from now on.
    fn ends(mut self) -> (Option<i32>, String, String) {
        let out: Vec<String> = self.1.by_ref().map_while(Result::ok).collect();
        let told = self.told();
        (self.0.wait().expect("it ends").code(), out.join("\n"), told)
    }
}

fn provost(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    command.current_dir(folder).env("NO_COLOR", "1").env("USER", "tester").env_remove("PROVOST_NOW");
    command.env("CLIENT_SECRET", "absorb-sandbox-client-secret").env("API_KEY", "absorb-sandbox-key");
    command
}

/// A sandbox, and a folder that is configured for it with OAuth alone.
struct World {
    folder: TempDir,
    /// The sandbox ends with the world.
    _sandbox: Running,
}

impl World {
    fn open(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let made = provost(folder.path()).args(["init", "--sandbox", "--people", "12", "--quiet"]).status().expect("the binary runs");
        assert!(made.success());
        let mut sandbox = Running::start(provost(folder.path()).args(["sandbox", "absorb", "--profile", profile, "--limit", "off"]))
            .expect("the binary runs");
        let url = sandbox.line(|line| Some(line.split_once("base_url = \"")?.1.trim_end_matches('"').to_owned()));
        let file = folder.path().join("provost.toml");
        let text = std::fs::read_to_string(&file).expect("made");
        let way = format!(
            "base_url = \"{url}\"\nclient_id = \"absorb-sandbox-client\"\nclient_secret = {{ env = \"CLIENT_SECRET\" }}\n\
             api_key = {{ env = \"API_KEY\" }}\nadmin = \"api@acme.example\"\n"
        );
        let text = text.replace("base_url = \"sandbox:./absorb\"\n", &way).replace("sandbox_limit = \"off\"\n", "");
        assert!(text.contains(&url), "init writes another block now:\n{text}");
        std::fs::write(&file, text).expect("it can be written");
        Self { folder, _sandbox: sandbox }
    }

    fn run(&self, args: &[&str], code: i32) -> (String, String) {
        let output = provost(self.folder.path()).args(args).output().expect("the binary runs");
        let (out, err) = (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8(output.stderr).expect("UTF-8"));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.run(&[args, &["--format", "json"]].concat(), code).0).expect("one document")
    }

    /// `provost connect`, waiting, and the address that it printed.
    fn connect(&self) -> (Running, String) {
        let mut connect =
            Running::start(provost(self.folder.path()).args(["connect", "absorb", "--no-browser"])).expect("the binary runs");
        let address = connect.line(|line| line.starts_with("http").then(|| line.to_owned()));
        (connect, address)
    }

    /// Whether any file of the folder holds this text.
    fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there").flatten();
        files
            .filter_map(|entry| std::fs::read(entry.path()).ok())
            .any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

impl Browser {
    /// Logs in on the portal's page, and presses this.
    async fn answer(&self, address: &str, decision: &str) -> String {
        let page = &self.client;
        page.goto(address).await.expect("the portal's page");
        for (field, value) in [("username", "api@acme.example"), ("password", "absorb-sandbox-password")] {
            page.find(Locator::Id(field)).await.expect("a field to log in").send_keys(value).await.expect("it can be filled");
        }
        let button = format!("button[value={decision}]");
        page.find(Locator::Css(&button)).await.expect("a button").click().await.expect("it can be pressed");
        let title = page.wait().for_element(Locator::Css("body > h1")).await.expect("Provost's own page comes");
        title.text().await.expect("it has a title")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_yes_and_everything_works_with_that_alone() {
    let browser = Browser::open_with(&[]).await;
    for profile in ["guide", "vendor"] {
        eprintln!("in the profile {profile}:");
        let world = World::open(profile);
        let (_, err) = world.run(&["check", "--app", "absorb"], 1);
        assert!(err.contains("not ready"), "{err}");
        let failed = world.json(&["check", "--app", "absorb"], 1);
        assert!(failed["apps"][0]["error"]["what"].as_str().is_some_and(|what| what.contains("nobody has allowed")), "{failed}");
        assert!(failed["apps"][0]["error"]["next"].as_str().is_some_and(|next| next.contains("provost connect absorb")), "{failed}");

        let (connect, address) = world.connect();
        // Somebody else's answer is no answer, and ends nothing.
        let redirect = address.split("redirect_uri=http%3A%2F%2F127.0.0.1%3A").nth(1).and_then(|rest| rest.split('%').next());
        let port: u16 = redirect.and_then(|port| port.parse().ok()).expect("the address has where it comes back to");
        let mut foreign = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        foreign.write_all(b"GET /?code=stolen&state=guessed HTTP/1.1\r\n\r\n").expect("it reads");
        let mut shown = String::new();
        foreign.read_to_string(&mut shown).expect("it answers");
        assert!(shown.starts_with("HTTP/1.1 400"), "{shown}");

        assert_eq!(browser.answer(&address, "allow").await, "Provost has the answer");
        let (code, out, told) = connect.ends();
        assert_eq!(code, Some(0), "{out}\n{told}");
        assert!(out.contains(&format!("connected ({profile} profile)")) && told.contains("was ignored"), "{out}\n{told}");
        // No secret is printed or kept in clear.
        for secret in ["absorb-sandbox-client-secret", "absorb-sandbox-key", "absorb-sandbox-password"] {
            assert!(!out.contains(secret) && !told.contains(secret) && !world.holds(secret), "{secret}");
        }
        assert!(!world.holds("Bearer "), "the token is sealed");

        let ready = world.json(&["check", "--app", "absorb"], 0);
        assert_eq!(ready["apps"][0]["report"]["tenant"]["profile"], profile);
        assert_eq!(ready["apps"][0]["report"]["pinned"], false);
        world.run(&["plan", "--quiet"], 2);
        let rehearsal = world.json(&["rehearse", "open", "--quiet"], 0);
        assert_eq!(rehearsal["apps"]["absorb"]["clean"]["as_promised"], true, "let in by OAuth, rehearsed as any other: {rehearsal:#}");
        let run = world.json(&["apply", "open", "--yes", "--quiet"], 0);
        assert_eq!((&run["run"]["state"], &run["other"]), (&json!("finished"), &json!(0)), "{run}");
        assert!(run["requests"]["absorb"].as_u64().is_some_and(|requests| requests > 0), "{run}");
        let again = world.json(&["plan", "--quiet"], 0);
        assert_eq!(again["plans"][0]["plan"]["steps"], json!([]), "nothing is left to do");
        let (_, err) = world.run(&["connect", "lessonly"], 1);
        assert!(err.contains("nobody has to let Provost into lessonly"), "{err}");
        let (_, err) = world.run(&["connect", "absorbed"], 1);
        assert!(err.contains("no app called absorbed"), "{err}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_says_no_and_nothing_is_changed() {
    let browser = Browser::open_with(&[]).await;
    let world = World::open("vendor");
    let (connect, address) = world.connect();
    assert_eq!(browser.answer(&address, "deny").await, "Provost was not let in");
    let (code, _, told) = connect.ends();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("the person said no") && told.contains("nothing was changed"), "{told}");
    world.run(&["check", "--app", "absorb"], 1);
    browser.close().await;
}

#[cfg(unix)]
#[test]
fn control_c_ends_the_waiting() {
    let world = World::open("guide");
    let (connect, _) = world.connect();
    let pressed = Command::new("kill").args(["-INT", &connect.0.id().to_string()]).status().expect("kill is there");
    assert!(pressed.success());
    let (code, _, told) = connect.ends();
    assert!(code == Some(1) && told.contains("provost connect absorb"), "{code:?} {told}");
}
