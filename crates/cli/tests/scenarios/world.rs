//! A small world for a story: two sandboxes on loopback, a folder with configuration and roster, the real `provost`, the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use jiff::Timestamp;
use provost_checker::args::parse;
use provost_checker::report::Report;
use sandbox::faults::Faults;
use sandbox::{Clock, Limit, Options, Running, absorb, lessonly};
use serde_json::Value;
use tempfile::TempDir;

use crate::small::Small;

/// The header of every roster here.
pub(crate) const HEADER: &str =
    "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n";

/// The Absorb admin who sees some departments only; the password is the other admin's.
pub(crate) const NARROW_ADMIN: &str = "narrow@acme.example";

/// How a world begins.
pub(crate) struct Setup {
    /// The instant at which it begins.
    pub(crate) now: &'static str,
    /// The reading of their APIs that both sandboxes answer by; the configuration does not say, logging in tells.
    pub(crate) profile: &'static str,
    /// Absorb's admin sees these departments only; everything when there are none.
    pub(crate) scope: Vec<String>,
    /// What a second admin of Absorb sees, [`NARROW_ADMIN`]; there is none when this is empty.
    pub(crate) narrow: Vec<&'static str>,
    /// Whether the configuration asserts that the admin sees all.
    pub(crate) assert_scope: bool,
    /// What goes wrong at the sandboxes on purpose, as `--faults` writes it, and what at Absorb besides.
    pub(crate) faults: (&'static str, &'static str),
    /// How long a write without an answer may still take effect.  These stories wait in real time, so it is short.
    pub(crate) settle: &'static str,
    /// Where the store is.
    pub(crate) store: Store,
    /// What is added to the configuration.
    pub(crate) more: &'static str,
    /// `[app.lessonly.groups] managed`.
    pub(crate) groups: Vec<&'static str>,
    /// Requests a second that the sandboxes allow; no limit when none.
    pub(crate) limit: Limit,
    /// The same for Absorb alone, which counts by the second where Lessonly counts by the minute.
    pub(crate) absorb_limit: Option<Limit>,
    /// Enrolment rules of the Absorb portal.
    pub(crate) rules: Vec<absorb::Rule>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            now: "1998-01-01T12:00:00Z",
            profile: profile(),
            scope: Vec::new(),
            narrow: Vec::new(),
            assert_scope: true,
            faults: ("", ""),
            settle: "2s",
            store: Store::File,
            more: "",
            groups: vec!["Sales", "Development", "Customer Service"],
            limit: Limit::Off,
            absorb_limit: None,
            rules: Vec::new(),
        }
    }
}

/// Where the store of a world is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Store {
    /// A SQLite file beside the configuration.
    File,
    /// A schema of its own on the tests' PostgreSQL.
    Postgres,
    /// At this address.
    At(&'static str),
}

/// The profile of this run of the tests: `PROVOST_TEST_PROFILE`, else the guide's; `cargo xtask test` runs them in both.
pub(crate) fn profile() -> &'static str {
    match std::env::var("PROVOST_TEST_PROFILE").as_deref() {
        Err(_) | Ok("guide") => "guide",
        Ok("vendor") => "vendor",
        Ok(other) => panic!("PROVOST_TEST_PROFILE is {other:?}; it can be guide or vendor"),
    }
}

/// What is so in the guide's reading of the APIs, and what in the vendors'.
pub(crate) fn by<T>(guide: T, vendor: T) -> T {
    if profile() == "vendor" { vendor } else { guide }
}

/// `activeStatus` at Absorb.
pub(crate) fn active_status(active: bool) -> Value {
    if active { by("Active".into(), 0.into()) } else { by("Inactive".into(), 1.into()) }
}

/// One world.
pub(crate) struct World {
    dir: TempDir,
    runtime: tokio::runtime::Runtime,
    pub(crate) lessonly: lessonly::Sandbox,
    pub(crate) absorb: absorb::Sandbox,
    servers: Vec<Running>,
    urls: [String; 2],
    pub(crate) now: Timestamp,
    applied: Vec<PathBuf>,
    outcomes: Vec<PathBuf>,
    rosters: u32,
    /// How often `plan` is asked again where it fails.
    patience: u32,
    environment: BTreeMap<&'static str, Option<&'static str>>,
}

/// What the binary said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON that was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in\n{}\n{}", self.out, self.err))
    }
}

/// A plan as `provost plan` wrote it.
pub(crate) struct Planned {
    pub(crate) said: Said,
    pub(crate) open: Value,
    pub(crate) open_file: PathBuf,
    pub(crate) held: Vec<(PathBuf, Value)>,
}

impl Planned {
    /// Steps of the open plan.
    pub(crate) fn steps(&self) -> &[Value] {
        steps(&self.open)
    }

    /// How many steps of a verb the open plan has in an app.
    pub(crate) fn count(&self, app: &str, verb: &str) -> usize {
        self.steps().iter().filter(|step| step["app"] == app && step["verb"] == verb).count()
    }
}

/// The steps of a plan.
pub(crate) fn steps(plan: &Value) -> &[Value] {
    plan["steps"].as_array().map_or(&[], Vec::as_slice)
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        Self::in_folder(setup, TempDir::new().expect("a folder"))
    }

    /// A world all of which is on a small disk; none where nothing can be mounted.
    pub(crate) fn on_a_small_disk(setup: Setup, kib: usize) -> Option<(Small, Self)> {
        let dir = TempDir::new().expect("a folder");
        let small = Small::at(dir.path(), kib)?;
        Some((small, Self::in_folder(setup, dir)))
    }

    fn in_folder(setup: Setup, dir: TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let now: Timestamp = setup.now.parse().expect("an instant");
        let faults = |also: &str| {
            let spec = [setup.faults.0, also].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
            if spec.is_empty() { Faults::default() } else { spec.parse().expect("a specification of faults") }
        };
        let options = |name: &str| Options {
            limit: setup.limit,
            faults: faults(if name == "absorb" { setup.faults.1 } else { "" }),
            now: Clock::From(now),
            ledger: Some(dir.path().join(format!("{name}.ledger.jsonl"))),
            access_log: Some(dir.path().join(format!("{name}.access.jsonl"))),
            ..Options::default()
        };
        let profile = *lessonly::PROFILES.iter().find(|known| known.name == setup.profile).expect("lessonly has the profile");
        let config = lessonly::Config { options: options("lessonly"), profile, ..lessonly::Config::default() };
        let lessonly = lessonly::Sandbox::open(config).expect("lessonly opens");
        let profile = *absorb::PROFILES.iter().find(|known| known.name == setup.profile).expect("absorb has the profile");
        let mut config = absorb::Config { options: options("absorb"), profile, ..absorb::Config::default() };
        config.rules = setup.rules.clone();
        config.options.limit = setup.absorb_limit.unwrap_or(setup.limit);
        if !setup.scope.is_empty() {
            config.admins[0].departments = Some(setup.scope.clone());
        }
        if !setup.narrow.is_empty() {
            let departments = Some(setup.narrow.iter().map(|name| (*name).to_owned()).collect());
            config.admins.push(absorb::Admin { username: NARROW_ADMIN.to_owned(), departments, ..config.admins[0].clone() });
        }
        let absorb = absorb::Sandbox::open(config).expect("absorb opens");
        let servers = vec![
            runtime.block_on(lessonly.start()).expect("lessonly starts"),
            runtime.block_on(absorb.start()).expect("absorb starts"),
        ];
        let urls = [servers[0].url(), servers[1].url()];
        for group in &setup.groups {
            lessonly.create_group(group).expect("a group");
        }
        let world = Self {
            dir,
            runtime,
            lessonly,
            absorb,
            servers,
            urls,
            now,
            applied: Vec::new(),
            outcomes: Vec::new(),
            rosters: 0,
            patience: if setup.faults == ("", "") { 0 } else { 50 },
            environment: BTreeMap::new(),
        };
        world.configure(&setup);
        world
    }

    fn configure(&self, setup: &Setup) {
        let groups = setup.groups.iter().map(|group| format!("{group:?}")).collect::<Vec<_>>().join(", ");
        let store = match setup.store {
            Store::File => "provost.db".to_owned(),
            Store::Postgres => xtask::postgres::fresh(),
            Store::At(url) => url.to_owned(),
        };
        let scope = if setup.assert_scope { "scope = \"all\"" } else { "" };
        let text = format!(
            r#"
[organization]
name = "Acme"
time_zone = "UTC"
store = "{store}"

[source.hr]
role = "employment"
kind = "file"
path = "roster.csv"
key = "employee_id"
[source.hr.columns]
given_name = "first_name"
family_name = "last_name"
email = "work_email"
title = "job_title"
manager = "manager_id"
starts = "hire_date"
ends = "termination_date"
[source.hr.status]
active = ["active", "leave"]
left = ["terminated"]

[app.lessonly]
connector = "lessonly"
base_url = "{lessonly}/api/v1"
subdomain = "acme"
api_key = {{ env = "LESSONLY_API_KEY" }}
rate = {{ per_second = 5000, burst = 5000 }}
settle = "{settle}"

[app.lessonly.accounts]
who = 'person.active'
match = ["ext_uid == person.key", "email == person.email"]
adopt = "approve"
leave = "archive"

[app.lessonly.set]
name = 'person.given_name + " " + person.family_name'
email = 'person.email'
ext_uid = 'person.key'
job_title = 'person.title'
department = 'person.department'
role = {{ value = 'person.title.contains("Manager") ? "manager" : "learner"', lower = "approve" }}

[app.lessonly.groups]
managed = [{groups}]
member = ['person.department']

[app.absorb]
connector = "absorb"
base_url = "{absorb}"
{scope}
username = "api@acme.example"
password = {{ env = "ABSORB_PASSWORD" }}
api_key = {{ env = "ABSORB_API_KEY" }}
rate = {{ per_second = 5000, burst = 5000 }}
settle = "{settle}"

[app.absorb.accounts]
who = 'person.active'
match = ["externalId == person.key", "emailAddress == person.email"]
leave = "deactivate"

[app.absorb.set]
username = {{ value = 'person.email', on = "create" }}
firstName = 'person.given_name'
lastName = 'person.family_name'
emailAddress = 'person.email'
externalId = 'person.key'
jobTitle = 'person.title'
department = 'person.department'
supervisor = 'person.manager'

[app.absorb.departments]
create = true

[[app.absorb.enrol]]
course = "Welcome to Acme"
when = 'person.tenure_days < 90'

{more}
"#,
            lessonly = self.urls[0],
            absorb = self.urls[1],
            more = setup.more,
            settle = setup.settle,
        );
        self.write("provost.toml", &text);
    }

    /// The address of an app's sandbox, as the configuration has it at first.
    pub(crate) fn url(&self, app: &str) -> String {
        if app == "lessonly" { format!("{}/api/v1", self.urls[0]) } else { self.urls[1].clone() }
    }

    /// Runs to its end what a script would send.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// How much was written to the apps: the lines of both ledgers.
    pub(crate) fn written(&self) -> usize {
        ["lessonly", "absorb"].iter().map(|app| self.read(&format!("{app}.ledger.jsonl")).lines().count()).sum()
    }

    /// The folder of this world.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file is written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file is read")
    }

    /// Replaces words in the configuration.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let text = self.read("provost.toml");
        assert!(text.contains(from), "the configuration has no {from:?}");
        self.write("provost.toml", &text.replace(from, to));
    }

    /// The roster as of now; rows without the header.
    pub(crate) fn roster(&mut self, rows: &str) {
        self.write("roster.csv", &format!("{HEADER}{rows}"));
    }

    /// The roster as of now; a whole file.
    pub(crate) fn roster_file(&mut self, text: &str) {
        self.write("roster.csv", text);
    }

    /// Time goes to this instant, everywhere.
    pub(crate) fn at(&mut self, instant: &str) {
        self.now = instant.parse().expect("an instant");
        self.lessonly.clock().set(self.now);
        self.absorb.clock().set(self.now);
    }

    /// An hour passes, everywhere: of two runs one is the latest.
    pub(crate) fn later(&mut self) {
        let hour = self.now + jiff::SignedDuration::from_hours(1);
        self.at(&hour.to_string());
    }

    /// The binary with these words, in this world's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_under(&[], args)
    }

    /// The binary as the last words of another program's command line: what traces it.
    pub(crate) fn command_under(&self, words: &[&str], args: &[&str]) -> Command {
        let binary = env!("CARGO_BIN_EXE_provost");
        let mut command = match words {
            [] => Command::new(binary),
            [program, words @ ..] => {
                let mut command = Command::new(program);
                command.args(words).arg(binary);
                command
            }
        };
        command
            .current_dir(self.dir.path())
            .args(args)
            .env("LESSONLY_API_KEY", "lessonly-sandbox-key")
            .env("ABSORB_PASSWORD", "absorb-sandbox-password")
            .env("ABSORB_API_KEY", "absorb-sandbox-key")
            .env("PROVOST_NOW", self.now.to_string())
            .env("USER", "ada");
        for (variable, value) in &self.environment {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        command
    }

    /// Sets a variable for what is run from now on, or takes it away.
    pub(crate) fn env(&mut self, variable: &'static str, value: Option<&'static str>) {
        self.environment.insert(variable, value);
    }

    /// A variable is again as every world has it.
    pub(crate) fn env_as_it_was(&mut self, variable: &str) {
        self.environment.remove(variable);
    }

    /// Runs the binary and waits for it.
    pub(crate) fn provost(&self, args: &[&str]) -> Said {
        Said::of(&self.command(args).output().expect("provost starts"))
    }

    /// Runs the binary with one more variable set, and waits for it.
    pub(crate) fn provost_with(&self, variable: &str, value: &str, args: &[&str]) -> Said {
        Said::of(&self.command(args).env(variable, value).output().expect("provost starts"))
    }

    /// Runs the binary in the background, to be killed.
    pub(crate) fn provost_spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("provost starts")
    }

    /// `provost plan`.
    pub(crate) fn plan(&mut self) -> Planned {
        self.rosters += 1;
        let name = format!("plan{}.json", self.rosters);
        let mut said = self.provost(&["plan", "-o", &name]);
        // Under faults a reading may end in an answer that nobody can read: then one plans again, as people do.
        for _ in 0..self.patience {
            if said.code != 1 {
                break;
            }
            said = self.provost(&["plan", "-o", &name]);
        }
        assert!(said.code == 0 || said.code == 2, "plan failed: {said:?}");
        let read =
            |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect("the plan is there")).expect("a plan is JSON") };
        let open_file = self.path(&name);
        let mut held: Vec<(PathBuf, Value)> = fs::read_dir(self.dir.path())
            .expect("the folder is listed")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| {
                path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("plan{}.held-", self.rosters)))
            })
            .map(|path| (path.clone(), read(&path)))
            .collect();
        held.sort_by(|a, b| a.0.cmp(&b.0));
        Planned { said, open: read(&open_file), open_file, held }
    }

    /// Notes a plan as one that is being applied, for the checker.
    pub(crate) fn note_applied(&mut self, file: &Path) {
        self.applied.push(file.to_owned());
    }

    /// Approves and applies a plan file, and keeps its report for the checker.
    pub(crate) fn apply(&mut self, file: &Path) -> Said {
        let said = self.provost(&["apply", &file.display().to_string(), "--yes"]);
        assert_eq!(said.code, 0, "apply failed: {said:?}");
        self.note_applied(file);
        self.keep_report();
        said
    }

    /// Keeps the newest run's report for the checker.
    pub(crate) fn keep_report(&mut self) -> Value {
        let report = self.provost(&["report", "latest", "--format", "json"]);
        let path = self.path(&format!("report{}.json", self.outcomes.len()));
        fs::write(&path, &report.out).expect("the report is kept");
        self.outcomes.push(path);
        report.json()
    }

    /// Plans, applies what is open, and plans again: nothing may be left to do.
    pub(crate) fn carry_out(&mut self) -> Planned {
        let planned = self.plan();
        let file = planned.open_file.clone();
        if !planned.steps().is_empty() {
            self.apply(&file);
        }
        let second = self.plan();
        assert_eq!(second.steps(), &[] as &[Value], "the second plan has steps");
        planned
    }

    /// The checker over everything that happened in this world: nothing is wrong.
    pub(crate) fn check(&self, more: &[&str]) -> String {
        let report = self.judge(more);
        let found = report.text(true);
        let shown: Vec<&str> = found.lines().take(30).collect();
        assert!(report.violations.is_empty(), "the checker found:\n{}", shown.join("\n"));
        found
    }

    /// What the checker finds wrong, where something has to be.
    pub(crate) fn judged(&self, more: &[&str]) -> BTreeSet<String> {
        self.judge(more).violations.iter().map(|violation| violation.name.to_owned()).collect()
    }

    fn judge(&self, more: &[&str]) -> Report {
        let mut words: Vec<String> = vec![
            "--config".into(),
            self.path("provost.toml").display().to_string(),
            "--roster".into(),
            self.path("roster.csv").display().to_string(),
            "--as-of".into(),
            self.now.to_string(),
            "--formula".into(),
        ];
        let config = self.read("provost.toml");
        for app in ["lessonly", "absorb", "fifteen"] {
            let file = |kind: &str| self.path(&format!("{app}.{kind}.jsonl")).display().to_string();
            if !config.contains(&format!("[app.{app}]")) {
                continue;
            }
            words.extend(["--app".into(), format!("{app}={},{}", file("ledger"), file("access"))]);
        }
        if !self.applied.is_empty() {
            words.push("--plans".into());
            words.extend(self.applied.iter().map(|path| path.display().to_string()));
        }
        for file in &self.outcomes {
            words.extend(["--outcomes".into(), file.display().to_string()]);
        }
        words.extend(more.iter().map(|word| (*word).to_owned()));
        let args = parse(words.clone()).unwrap_or_else(|error| panic!("{error}: {words:?}"));
        provost_checker::judge(&args).unwrap_or_else(|error| panic!("the checker: {error}"))
    }

    /// One Lessonly user by e-mail, as the sandbox holds it.
    pub(crate) fn lessonly_user(&self, email: &str) -> Option<Value> {
        self.lessonly.users().into_iter().find(|user| user["email"] == email)
    }

    /// One Absorb user by user name, as the sandbox holds it.
    pub(crate) fn absorb_user(&self, username: &str) -> Option<Value> {
        self.absorb.users().into_iter().find(|user| user["username"] == username)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for server in self.servers.drain(..) {
            self.runtime.block_on(server.stop());
        }
    }
}
