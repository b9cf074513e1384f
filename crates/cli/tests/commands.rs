//! The command line from outside: exit codes, JSON shapes, and what a new user gets wrong.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    /// A folder as `init` makes it, with a small company.
    fn made() -> Self {
        let folder = Self::new();
        folder.ends(&["init", "--sandbox", "--people", "20"], 0);
        folder
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        provost(self.0.path(), args)
    }

    /// Runs and expects this exit code; gives standard output and standard error.
    fn ends(&self, args: &[&str], code: i32) -> (String, String) {
        let output = self.run(args);
        let (out, err) = (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8(output.stderr).expect("UTF-8"));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        let (out, err) = self.ends(&[args, &["--format", "json", "--quiet"]].concat(), code);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}\n{out}\n{err}"))
    }

    /// Fails, says this, and says what to do next.
    fn fails(&self, args: &[&str], told: &str) -> String {
        let (_, err) = self.ends(args, 1);
        assert!(err.contains(told), "{args:?} should tell `{told}`:\n{err}");
        err
    }

    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path("provost.toml")).expect("the configuration is there");
        assert!(text.contains(from), "{from}");
        std::fs::write(self.path("provost.toml"), text.replacen(from, to, 1)).expect("the configuration can be written");
    }

    /// The files that tell whether something was changed anywhere.
    fn ledgers(&self) -> usize {
        ["lessonly", "absorb"]
            .iter()
            .map(|app| std::fs::read(self.path(app).join("ledger.jsonl")).map_or(0, |ledger| ledger.len()))
            .sum()
    }
}

fn provost(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
    for variable in ["PROVOST_NOW", "PROVOST_KEY", "LESSONLY_API_KEY", "ABSORB_API_KEY", "ABSORB_USERNAME", "ABSORB_PASSWORD"] {
        command.env_remove(variable);
    }
    command.current_dir(dir).env("USER", "tester").args(args).output().expect("the binary runs")
}

#[test]
fn usage_errors_are_failures_and_help_is_not() {
    let folder = Folder::new();
    folder.fails(&["plna"], "plan");
    folder.fails(&["apply"], "<PLAN>");
    folder.fails(&["plan", "--format", "yaml"], "yaml");
    folder.fails(&[], "Usage");
    let (help, _) = folder.ends(&["--help"], 0);
    for command in ["init", "sandbox", "check", "plan", "approve", "apply", "resume", "report", "explain", "findings", "completions"] {
        assert!(help.contains(command), "{command}");
    }
    folder.ends(&["--version"], 0);
    folder.ends(&["completions", "zsh"], 0);
}

#[test]
fn without_a_configuration_init_is_the_next_step() {
    let folder = Folder::new();
    for command in [&["plan"][..], &["check"], &["people"], &["apply", "open"], &["runs"]] {
        folder.fails(command, "provost init");
    }
    folder.fails(&["plan", "--config", "other.toml"], "other.toml");
    assert_eq!(std::fs::read_dir(folder.0.path()).expect("the folder is there").count(), 0, "nothing was made");
}

#[test]
fn init_never_overwrites() {
    let folder = Folder::made();
    let before = std::fs::read_to_string(folder.path("provost.toml")).expect("made");
    folder.fails(&["init", "--live"], "is there already");
    assert_eq!(std::fs::read_to_string(folder.path("provost.toml")).expect("still there"), before);
}

#[test]
fn the_main_job_by_hand() {
    let folder = Folder::made();
    let (text, notes) = folder.ends(&["plan", "-o", "plan.json"], 2);
    assert!(text.contains("wrote plan.json") && notes.contains("provost approve"), "{text}{notes}");
    assert!(!text.contains('\u{1b}') && !notes.contains('\u{1b}'), "colours are for terminals");

    // Not without a yes; a file that was changed by one byte is another plan.
    folder.fails(&["apply", "plan.json"], "not approved");
    let plan = std::fs::read_to_string(folder.path("plan.json")).expect("written");
    let digit = plan.find("E00002").expect("she is in it") + 5;
    let mut changed = plan.clone().into_bytes();
    changed[digit] = b'3';
    std::fs::write(folder.path("changed.json"), changed).expect("written");
    folder.fails(&["apply", "changed.json", "--yes"], "the file was changed");
    std::fs::write(folder.path("pretty.json"), format!("{plan}\n")).expect("written");
    folder.fails(&["approve", "pretty.json"], "canonical form");
    assert_eq!(folder.ledgers(), 0, "nothing was changed anywhere");

    let approved = folder.json(&["approve", "plan.json"], 0);
    let digest = approved["approved"][0]["digest"].as_str().expect("a digest").to_owned();
    folder.fails(&["approve", "plan.json"], "already approved by tester");
    let run = folder.json(&["apply", &digest[..8]], 0);
    assert_eq!(run["run"]["state"], "finished");
    assert_eq!(run["done"], run["steps"]["done"]);
    assert!(run["requests"]["absorb"].as_u64().expect("counted") > 0);
    let err = folder.fails(&["apply", "plan.json", "--yes"], "already applied");
    assert!(err.contains("next: `provost plan`"), "{err}");

    let again = folder.json(&["plan"], 0);
    assert_eq!(again["plans"][0]["plan"]["steps"], serde_json::json!([]));
    assert_eq!(again["plans"].as_array().expect("a list").len(), 1);

    let report = folder.json(&["report"], 0);
    assert_eq!(report["done"], report["steps"]);
    assert_eq!(folder.json(&["runs"], 0)["runs"][0]["id"], report["run"]);
    assert_eq!(folder.json(&["people"], 0)["people"].as_array().expect("a list").len(), 20);
    assert_eq!(folder.json(&["explain", "E00001"], 0)["person"], "E00001");
    assert_eq!(folder.json(&["apps"], 0)["apps"][0]["app"], "absorb");
    assert!(folder.json(&["findings"], 0)["findings"].is_array());
    assert_eq!(folder.json(&["check"], 0)["apps"][1]["ready"], true);
    assert_eq!(folder.json(&["resume"], 0)["run"], Value::Null);
    assert!(folder.json(&["show"], 0)["plans"].as_array().expect("a list").len() >= 2);
    folder.fails(&["explain", "nobody@acme.example"], "nobody");
    let (markdown, _) = folder.ends(&["report", "--format", "markdown"], 0);
    assert!(markdown.starts_with('#'), "{markdown}");
    let (html, _) = folder.ends(&["show", &digest[..8], "--format", "html"], 0);
    assert!(html.contains("<html"), "{html}");
    folder.fails(&["people", "--format", "html"], "text or json");
}

#[test]
fn a_plan_of_another_tenant_is_refused() {
    let folder = Folder::made();
    folder.ends(&["plan", "--quiet"], 2);
    folder.ends(&["approve", "open"], 0);
    folder.edit("sandbox:./absorb", "sandbox:./elsewhere");
    let err = folder.fails(&["apply", "open"], "another tenant");
    assert!(err.contains("next: "), "{err}");
    assert_eq!(folder.ledgers(), 0);
}

#[test]
fn what_is_rejected_stays_so() {
    let folder = Folder::made();
    folder.ends(&["plan", "--quiet"], 2);
    folder.fails(&["reject", "open", "--reason", " "], "needs its reason");
    let rejected = folder.json(&["reject", "open", "--reason", "not today"], 0);
    assert_eq!(rejected["rejected"].as_str().expect("a digest").len(), 64);
    folder.fails(&["apply", "open", "--yes"], "not today");
    assert_eq!(folder.ledgers(), 0);
}

#[test]
fn wrong_inputs_end_in_one_message_with_the_next_step() {
    let folder = Folder::made();
    // A port where nobody listens; the port is free, since it was ours a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    folder.edit(
        "base_url = \"sandbox:./lessonly\"",
        &format!("base_url = \"http://127.0.0.1:{port}\"\nsubdomain = \"acme\"\napi_key = {{ env = \"LESSONLY_API_KEY\" }}"),
    );
    folder.fails(&["plan"], "LESSONLY_API_KEY, which is not set");
    // What is in the store can be looked at without it.
    folder.ends(&["runs"], 0);
    folder.edit("{ env = \"LESSONLY_API_KEY\" }", "{ file = \"lessonly.key\" }");
    folder.fails(&["plan"], "lessonly.key, which cannot be read");
    std::fs::write(folder.path("lessonly.key"), "s3cr3t-value\n").expect("written");
    let err = folder.fails(&["plan"], "Connection refused");
    assert!(err.contains("next: check `base_url` in [app.lessonly]") && !err.contains("s3cr3t"), "{err}");
    let failed = folder.json(&["check", "--app", "lessonly"], 1);
    assert_eq!(failed["apps"][0]["ready"], false);

    let folder = Folder::made();
    folder.edit("email = \"work_email\"", "email = \"e_mail\"");
    folder.fails(&["plan"], "e_mail");
    folder.edit("email = \"e_mail\"", "email = \"work_email\"");
    folder.edit("job_title = 'person.title'", "job_title = 'person.titel'");
    folder.fails(&["plan"], "did you mean person.title");
    folder.edit("'person.titel'", "'person.title +'");
    let err = folder.fails(&["plan"], "person.title +");
    assert!(err.contains("provost.toml:"), "{err}");
    let (_, err) = folder.ends(&["plan", "--format", "json"], 1);
    let error: Value = serde_json::from_str(&err).expect("an error is JSON too");
    assert_eq!(error["error"]["problems"].as_array().expect("a list").len(), 1);
    assert!(error["error"]["problems"][0]["line"].as_u64().expect("a line") > 10);
    assert_eq!(folder.ledgers(), 0);
}

#[test]
fn a_plan_that_is_no_whole_file_says_what_it_is() {
    let folder = Folder::made();
    folder.ends(&["plan", "--quiet", "-o", "plan.json"], 2);
    let plan = std::fs::read(folder.path("plan.json")).expect("written");
    std::fs::write(folder.path("half.json"), &plan[..plan.len() / 2]).expect("written");
    std::fs::write(folder.path("empty.json"), "").expect("written");
    std::fs::create_dir(folder.path("folder.json")).expect("made");
    // Three gigabytes of nothing, of which only the beginning is read.
    std::fs::File::create(folder.path("huge.json")).and_then(|file| file.set_len(3 << 30)).expect("sparse");
    for (file, told) in [
        ("half.json", "cut off"),
        ("empty.json", "empty"),
        ("folder.json", "is a folder"),
        ("/dev/zero", "no ordinary file"),
        ("huge.json", "is not a plan"),
    ] {
        for command in ["show", "approve", "rehearse", "apply"] {
            let err = folder.fails(&[command, file], told);
            assert!(err.contains(file) && err.contains("next: "), "{err}");
        }
    }
    // Upper case is the same digest; more than one is none.
    let digest = folder.json(&["show"], 2)["plans"][0]["digest"].as_str().expect("a digest").to_uppercase();
    folder.ends(&["show", &digest], 2);
    folder.ends(&["show", &digest[..8]], 2);
    let err = folder.fails(&["show", &format!("{digest}{digest}")], "not the beginning of a plan");
    assert!(err.contains("next: `provost show`"), "{err}");
    for command in ["report", "resume", "revert"] {
        let err = folder.fails(&[command, "zz"], "not the beginning of a run");
        assert!(err.contains("next: `provost runs`"), "{err}");
    }
    folder.ends(&["approve", "open"], 0);
    let err = folder.fails(&["approve", "open"], "already approved by tester");
    assert!(err.contains("next: `provost apply`"), "{err}");
    assert_eq!(folder.ledgers(), 0, "nothing was changed anywhere");
}

#[test]
fn wrong_words_are_json_where_json_was_asked_for() {
    let folder = Folder::made();
    for args in [
        &["approve", "--format", "json"][..],
        &["--format=json", "plna"],
        &["rehearse", "open", "--seed", "abc", "--format", "json"],
        &["show", "--wrong", "--format", "json"],
    ] {
        let (out, err) = folder.ends(args, 1);
        assert!(out.is_empty(), "{out}");
        let error: Value = serde_json::from_str(&err).unwrap_or_else(|error| panic!("{args:?}: {error}: {err}"));
        assert!(error["error"]["what"].as_str().is_some_and(|what| !what.is_empty() && !what.contains('\n')), "{error}");
        assert!(error["error"]["next"].as_str().is_some_and(|next| next.contains("--help")), "{error}");
    }
    let (_, err) = folder.ends(&["approve"], 1);
    assert!(err.contains("Usage:"), "{err}");
}

#[test]
fn times_and_files_of_the_trail_are_taken_as_elsewhere() {
    let folder = Folder::made();
    folder.ends(&["plan", "--quiet"], 2);
    let entries = |args: &[&str]| folder.json(args, 0)["entries"].as_array().expect("a list").len();
    assert_eq!(entries(&["audit", "list", "--since", "2020-01-01"]), entries(&["audit", "list"]));
    assert_eq!(entries(&["audit", "list", "--until", "2020-01-01T00:00:00Z"]), 0);
    let err = folder.fails(&["audit", "list", "--since", "yesterday"], "--since yesterday is no time");
    assert!(err.contains("next: write 2026-12-01"), "{err}");
    folder.ends(&["audit", "export", "-o", "trail.jsonl"], 0);
    let trail = std::fs::read(folder.path("trail.jsonl")).expect("written");
    folder.fails(&["audit", "export", "-o", "trail.jsonl"], "cannot write trail.jsonl");
    assert_eq!(std::fs::read(folder.path("trail.jsonl")).expect("there"), trail, "it is as it was");
    let err = folder.fails(&["plan", "--quiet", "-o", "nowhere/plan.json"], "cannot write nowhere/plan.json");
    assert!(err.contains("next: make the folder"), "{err}");
    let err = folder.fails(&["approve", "open", "--key", "lessonly"], "lessonly is no file");
    assert!(!err.contains("chmod") && err.contains("next: "), "{err}");
}

#[test]
fn what_a_guard_holds_is_a_plan_of_its_own() {
    let folder = Folder::made();
    folder.ends(&["plan", "--quiet"], 2);
    folder.ends(&["apply", "open", "--yes", "--quiet"], 0);
    // Seven leave, of twenty: more than the guard lets pass.  One gets another title: that goes on.
    let roster = std::fs::read_to_string(folder.path("roster.csv")).expect("made");
    let mut left = 0;
    let rows: Vec<String> = roster
        .lines()
        .map(|row| {
            if left < 7 && row.contains(",active,") && !row.contains("Head of") && !row.contains("VP") && !row.contains("Chief") {
                left += 1;
                return format!("{}2026-01-31", row.replace(",active,", ",terminated,"));
            }
            row.replace("VP Sales", "VP Sales and Marketing")
        })
        .collect();
    assert_eq!(left, 7);
    std::fs::write(folder.path("roster.csv"), rows.join("\n")).expect("written");

    let planned = folder.json(&["plan", "-o", "plan.json"], 2);
    assert_eq!(planned["files"], serde_json::json!(["plan.json", "plan.held-access_lost.json"]));
    assert_eq!(planned["plans"][1]["class"]["held"], "access_lost");
    folder.ends(&["apply", "plan.json", "--yes", "--quiet"], 0);
    // The held one still waits, and is found by its class.
    folder.ends(&["show", "held-access_lost"], 2);
    folder.fails(&["apply", "held-access_lost"], "not approved");
    folder.ends(&["approve", "plan.held-access_lost.json"], 0);
    let run = folder.json(&["apply", "held-access_lost"], 0);
    assert_eq!(run["done"], 14, "seven in each app");
    let after = folder.json(&["plan"], 0);
    assert_eq!(after["plans"].as_array().expect("a list").len(), 1);
    let left = folder.json(&["people", "--left"], 0);
    let accounts = |person: &Value| person["accounts"].as_array().expect("a list").iter().all(|account| account["active"] == false);
    assert!(left["people"].as_array().expect("a list").iter().all(accounts), "{left}");
}

#[cfg(unix)]
#[test]
fn control_c_stops_a_run_cleanly_and_resume_goes_on() {
    use std::io::BufRead;
    let folder = Folder::made();
    let slow = "base_url = \"sandbox:./lessonly\"\nrate = { per_second = 4 }";
    folder.edit("base_url = \"sandbox:./lessonly\"", slow);
    folder.ends(&["plan", "--quiet"], 2);
    folder.ends(&["approve", "open"], 0);
    let mut run = Command::new(env!("CARGO_BIN_EXE_provost"))
        .current_dir(folder.0.path())
        .args(["apply", "open"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = std::io::BufReader::new(run.stderr.take().expect("piped")).lines();
    let begun = lines.by_ref().map_while(Result::ok).any(|line| line.contains("steps to do"));
    assert!(begun);
    let pressed = Command::new("kill").args(["-INT", &run.id().to_string()]).status().expect("kill is there");
    assert!(pressed.success());
    let told: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(run.wait().expect("it ends").code(), Some(1), "{told:?}");
    assert!(told.iter().any(|line| line.contains("control-C was pressed")), "{told:?}");
    assert!(told.iter().any(|line| line.contains("provost resume")), "{told:?}");

    folder.edit(slow, "base_url = \"sandbox:./lessonly\"");
    folder.fails(&["apply", "open"], "provost resume");
    let run = folder.json(&["resume"], 0);
    assert_eq!(run["run"]["state"], "finished");
    folder.ends(&["plan", "--quiet"], 0);
}

/// `plan --every` prints a line a round, goes on after a round that failed, and ends with 0 when it is told to stop.
#[cfg(unix)]
#[test]
fn l05_planning_again_and_again_outlives_a_bad_round_and_ends_when_told() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().expect("a folder");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_provost"));
        command.args(args).current_dir(folder.path());
        command
    };
    let made = run(&["init", "--sandbox"]).output().expect("it starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let roster = std::fs::read_dir(folder.path())
        .expect("listed")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.extension().is_some_and(|ending| ending == "csv"))
        .expect("a roster");
    let text = std::fs::read_to_string(&roster).expect("read");
    let mut planning = run(&["plan", "--every", "1s"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(planning.stdout.take().expect("piped")).lines();
    let mut errors = BufReader::new(planning.stderr.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.contains("steps: open") && first.contains("waiting: "), "{first}");
    std::fs::remove_file(&roster).expect("taken away");
    assert!(errors.any(|line| line.expect("text").contains("cannot read")), "the bad round is told");
    std::fs::write(&roster, text).expect("given back");
    while !lines.next().expect("it goes on").expect("text").contains("steps: open") {}
    let told = std::process::Command::new("kill").args(["-INT", &planning.id().to_string()]).status().expect("kill");
    assert!(told.success());
    let ended = planning.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0));
}
