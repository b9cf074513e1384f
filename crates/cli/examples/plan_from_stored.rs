//! Benchmark: from stored readings to a stored plan, N people × 2 apps, first load and 1% churn.
//!
//! `cargo run --release --package provost-cli --example plan_from_stored -- 100000`
//!
//! The readings are made and stored by one process; a second one, which is measured, opens the store and plans.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Clock, Ids, Random, Sleep, Transport};
use engine::{AppSetup, Ask, Engine, Ports, Setup};
use jiff::Timestamp;
use model::{
    Account, AccountId, Actor, Adopt, AppName, AppPolicy, AppReading, Approval, By, Certificate, Completeness, Content, Department,
    Digest, Effect, EnrolRule, Evidence, Expr, Fingerprint, Group, GroupPolicy, GuardRule, Link, Lower, MatchRule, On, Organization,
    Person, PersonKey, Policy, Proof, Secret, SetRule, Shrink, SourceName, SourcePolicy, SourceReading, SourceRole, Standing, Tenant,
    Value,
};
use plan::Compiled;
use store::Store;

/// As the product has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const AS_OF: &str = "2026-11-02T12:00:00Z";
const DEPARTMENTS: [&str; 8] = ["Sales", "Development", "Production", "Customer Service", "Research", "Finance", "Marketing", "Legal"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [people] => measure_all(people.parse()?),
        ["prepare", people, churn, dir] => runtime()?.block_on(prepare(people.parse()?, churn.parse()?, Path::new(dir))),
        ["plan", dir] => runtime()?.block_on(plan_once(Path::new(dir))),
        ["again", dir] => runtime()?.block_on(plan_again(Path::new(dir))),
        _ => Err("usage: plan_from_stored PEOPLE".into()),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, std::io::Error> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

fn measure_all(people: usize) -> Result<(), Box<dyn std::error::Error>> {
    let own = std::env::current_exe()?;
    for (name, churn, work) in [("first load", false, "plan"), ("1% churn", true, "plan"), ("again after 0.1%", true, "again")] {
        let dir = std::env::temp_dir().join(format!("provost-bench-{}-{people}-{churn}-{work}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let at = dir.display().to_string();
        let prepared = Command::new(&own).args(["prepare", &people.to_string(), &churn.to_string(), &at]).status()?;
        let output = Command::new(&own).args([work, &at]).output()?;
        std::fs::remove_dir_all(&dir)?;
        if !prepared.success() || !output.status.success() {
            return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        println!("{people} people x 2 apps, {name}: {}", String::from_utf8_lossy(&output.stdout).trim_end());
    }
    Ok(())
}

/// Stores a roster and a reading of each app: empty apps, or everybody there and one in a hundred changed.
async fn prepare(people: usize, churn: bool, dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(dir.join("bench.db")).await?;
    let at: Timestamp = AS_OF.parse()?;
    let certificate = Certificate {
        at,
        completeness: Completeness::Complete { proof: "made".into() },
        count: people as u64,
        watermark: None,
        increments: None,
    };
    let mut roster = SourceReading {
        source: SourceName::new("hr"),
        digest: Digest::new([0; 32]),
        certificate: certificate.clone(),
        people: (0..people).map(|n| person(n, churn && n % 100 == 0)).collect(),
        held: BTreeSet::new(),
        findings: Vec::new(),
    };
    roster.people.sort_by(|a, b| a.key.cmp(&b.key));
    roster.seal();
    store.put_source_reading(&roster, b"").await?;
    let mut links = Vec::new();
    for app in ["lessonly", "absorb"] {
        let mut accounts: Vec<Account> = if churn { (0..people).map(|n| account(app, n)).collect() } else { Vec::new() };
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        if churn {
            links.extend((0..people).map(|n| Link {
                app: AppName::new(app),
                person: PersonKey::new(format!("{n:07}")),
                account: AccountId::new(account_id(app, n)),
                evidence: Evidence::Created,
                since: at,
            }));
        }
        let members = |department: usize| {
            let mut members: Vec<AccountId> = accounts
                .iter()
                .filter(|account| account.attributes.get("department").and_then(Value::as_text) == Some(DEPARTMENTS[department]))
                .map(|account| account.id.clone())
                .collect();
            members.sort();
            members
        };
        let groups = (0..DEPARTMENTS.len()).map(|n| Group {
            id: n.to_string(),
            name: DEPARTMENTS[n].into(),
            writable: true,
            members: if app == "lessonly" { members(n) } else { Vec::new() },
        });
        let reading = AppReading {
            app: AppName::new(app),
            fingerprint: Fingerprint::new(app),
            tenant: Tenant {
                profile: "guide".into(),
                sees_all: Some(true),
                sees: BTreeSet::new(),
                declared: BTreeSet::new(),
                clock_ahead_ms: 0,
                notes: Vec::new(),
            },
            digest: model::digest_of(&(app, people, churn)),
            certificate: certificate.clone(),
            groups: groups.collect(),
            departments: DEPARTMENTS
                .iter()
                .enumerate()
                .map(|(n, name)| Department { id: department_id(n), name: (*name).into(), parent: None })
                .collect(),
            content: vec![Content { id: "c1".into(), name: "Welcome to Acme".into() }],
            enrolments: Vec::new(),
            enrolments_of: BTreeSet::new(),
            accounts,
        };
        store.put_app_reading(&reading, b"").await?;
    }
    for some in links.chunks(5000) {
        store.put_links(some).await?;
    }
    store.close().await;
    Ok(())
}

/// What is measured: opens the store, reads, plans, stores the plan.
async fn plan_once(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let store = Store::open(dir.join("bench.db")).await?;
    let engine = Engine::new(store, ports(), setup()?);
    let asker = Actor { name: "bench".into(), proof: Proof::Unauthenticated };
    let proposed = engine.propose_from_stored(Ask { as_of: AS_OF.parse()?, only: None, full: false, asker }).await?;
    let steps: usize = proposed.proposal.plans().map(|plan| plan.steps.len()).sum();
    let wall = begun.elapsed();
    println!("{steps} steps, {:.2} s, {:.2} s of CPU, {} MiB at most", wall.as_secs_f64(), cpu_seconds()?, peak_mib()?);
    Ok(())
}

/// Plans from what is stored, then again after one person in a thousand has changed and a few have come and gone, in the same process.
async fn plan_again(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let store = Store::open(dir.join("bench.db")).await?;
    let engine = Engine::new(store, ports(), setup()?).planning_again();
    let asker = Actor { name: "bench".into(), proof: Proof::Unauthenticated };
    let ask = Ask { as_of: AS_OF.parse()?, only: None, full: false, asker };
    let mut facts = engine.stored_facts(&ask).await?;
    let read = begun.elapsed();
    let steps = |proposed: &engine::Proposed| -> usize { proposed.proposal.plans().map(|plan| plan.steps.len()).sum() };
    let full = engine.propose_from(&facts, &ask).await?;
    let whole = begun.elapsed();
    increment(&mut facts);
    let begun = Instant::now();
    let again = engine.propose_from(&facts, &ask).await?;
    let anew = begun.elapsed();
    let planning = whole - read;
    println!(
        "{} steps, {:.2} s of which {:.2} s planning; then {} steps, {:.3} s ({:.1}% of planning), {} MiB at most",
        steps(&full),
        whole.as_secs_f64(),
        planning.as_secs_f64(),
        steps(&again),
        anew.as_secs_f64(),
        100.0 * anew.as_secs_f64() / planning.as_secs_f64(),
        peak_mib()?
    );
    Ok(())
}

/// What an increment brings: one row and one account of each app in a thousand say something else, one in ten thousand people comes.
fn increment(facts: &mut engine::Facts) {
    let people = facts.roster.people.len();
    for person in facts.roster.people.iter_mut().skip(500).step_by(1000) {
        person.attributes.insert("title", "Somebody Else".into());
    }
    facts.roster.people.extend((people..people + people / 10_000).map(|n| person(n, false)));
    facts.roster.certificate.count = facts.roster.people.len() as u64;
    facts.roster.digest = model::digest_of(&"another roster");
    for reading in facts.apps.values_mut() {
        for account in reading.accounts.iter_mut().skip(250).step_by(1000) {
            let title = if reading.app.as_str() == "lessonly" { "job_title" } else { "jobTitle" };
            account.attributes.insert(title, Value::text("Changed There"));
        }
        reading.digest = model::digest_of(&(&reading.app, "another reading"));
    }
}

/// User and system time of this process (ticks are hundredths of a second on Linux).
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(f64::from(ticks) / 100.0)
}

fn peak_mib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? / 1024)
}

fn person(n: usize, moved: bool) -> Person {
    let department = DEPARTMENTS[(n + usize::from(moved)) % DEPARTMENTS.len()];
    let attributes = [
        ("given_name", format!("Given{}", n % 977)),
        ("family_name", format!("Family{}", n % 7919)),
        ("email", format!("person{n}@acme.example")),
        ("title", format!("Engineer {}", if moved { n % 17 + 1 } else { n % 17 })),
        ("department", department.to_owned()),
        ("manager", format!("{:07}", n / 10)),
    ];
    Person {
        key: PersonKey::new(format!("{n:07}")),
        standing: Standing::Active,
        starts: Some(jiff::civil::date(2020, 1, 1)),
        ends: None,
        zone: None,
        idp: Default::default(),
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn account_id(app: &str, n: usize) -> String {
    if app == "lessonly" { (n + 101).to_string() } else { format!("00000000-0000-4000-8000-{n:012}") }
}

fn department_id(n: usize) -> String {
    format!("00000000-0000-4000-9000-{n:012}")
}

fn account(app: &str, n: usize) -> Account {
    let person = person(n, false);
    let text = |name: &str| Value::text(person.get(name));
    let key = Value::text(person.key.as_str());
    let attributes: Vec<(&str, Value)> = if app == "lessonly" {
        vec![
            ("name", Value::text(person.display_name())),
            ("email", text("email")),
            ("ext_uid", key),
            ("job_title", text("title")),
            ("department", text("department")),
            ("role", Value::text("learner")),
        ]
    } else {
        let manager = if n == 0 { Value::Null } else { Value::text(account_id(app, n / 10)) };
        vec![
            ("username", text("email")),
            ("firstName", text("given_name")),
            ("lastName", text("family_name")),
            ("emailAddress", text("email")),
            ("externalId", key),
            ("jobTitle", text("title")),
            ("department", Value::text(department_id(n % DEPARTMENTS.len()))),
            ("supervisor", manager),
        ]
    };
    Account {
        id: AccountId::new(account_id(app, n)),
        active: true,
        protected: None,
        attributes: attributes
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

fn expr(text: &str) -> Expr {
    Expr { text: text.into(), span: 0..0 }
}

fn app_policy(connector: &str, matching: [(&str, &str); 2], set: &[(&str, &str)]) -> AppPolicy {
    let lessonly = connector == "lessonly";
    AppPolicy {
        connector: connector.into(),
        who: expr("person.active"),
        matching: matching.iter().map(|(attribute, value)| MatchRule { attribute: (*attribute).into(), expr: expr(value) }).collect(),
        adopt: Adopt::Approve,
        leave: true,
        before_start: 0,
        protect: BTreeSet::new(),
        set: set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), SetRule { value: expr(value), on: On::Always, lower: Lower::Free }))
            .collect(),
        groups: lessonly.then(|| GroupPolicy {
            managed: DEPARTMENTS.map(str::to_owned).to_vec(),
            member: vec![expr("person.department")],
            create: false,
        }),
        create_departments: false,
        enrol: if lessonly {
            Vec::new()
        } else {
            vec![EnrolRule { content: "Welcome to Acme".into(), span: 0..0, when: expr("person.tenure_days < 90") }]
        },
        scope_all: true,
        declared: BTreeSet::new(),
        also_provisioned_by: None,
        max_age: 86_400,
    }
}

fn setup() -> Result<Setup, Box<dyn std::error::Error>> {
    let lessonly = app_policy(
        "lessonly",
        [("ext_uid", "person.key"), ("email", "person.email")],
        &[
            ("name", "person.given_name + \" \" + person.family_name"),
            ("email", "person.email"),
            ("ext_uid", "person.key"),
            ("job_title", "person.title"),
            ("department", "person.department"),
            ("role", "person.title.contains(\"Manager\") ? \"manager\" : \"learner\""),
        ],
    );
    let absorb = app_policy(
        "absorb",
        [("externalId", "person.key"), ("emailAddress", "person.email")],
        &[
            ("username", "person.email"),
            ("firstName", "person.given_name"),
            ("lastName", "person.family_name"),
            ("emailAddress", "person.email"),
            ("externalId", "person.key"),
            ("jobTitle", "person.title"),
            ("department", "person.department"),
            ("supervisor", "person.manager"),
        ],
    );
    let hr = SourcePolicy {
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
    let guard = GuardRule {
        effect: Effect::AccessLost,
        by: By::Department,
        exempt: 5,
        max: Some(50),
        percent_milli: Some(3000),
        window: 86_400,
    };
    let policy = Policy {
        organization: Organization { name: "Acme".into(), time_zone: "America/Chicago".into() },
        precedence: BTreeMap::new(),
        sources: BTreeMap::from([(SourceName::new("hr"), hr)]),
        apps: BTreeMap::from([(AppName::new("lessonly"), lessonly), (AppName::new("absorb"), absorb)]),
        guards: BTreeMap::from([("access_lost".to_owned(), guard)]),
        freezes: Vec::new(),
        approval: Approval { expires: 86_400, four_eyes: BTreeSet::new(), standing: Vec::new() },
    };
    let mut apps = BTreeMap::new();
    let mut manifests = BTreeMap::new();
    for name in ["lessonly", "absorb"] {
        let entry = vendors::registry::entry(name).ok_or("no such connector")?;
        let way = entry.ways.first().ok_or("no way to log in")?;
        let credentials = way.iter().map(|name| ((*name).to_owned(), Secret::new("bench"))).collect();
        let target = (entry.build)(vendors::registry::Settings {
            base_url: if name == "lessonly" { "http://127.0.0.1:1/api/v1".into() } else { "http://127.0.0.1:1".into() },
            credentials,
            options: BTreeMap::new(),
            declared: BTreeSet::new(),
            scope_all: true,
            profile: "guide".into(),
            protect: BTreeSet::new(),
        });
        let target = target.map_err(|error| format!("{name}: {} {}", error.setting, error.wrong))?;
        manifests.insert(AppName::new(name), entry.manifest);
        apps.insert(
            AppName::new(name),
            AppSetup {
                target,
                base_url: "http://127.0.0.1:1".into(),
                fingerprint: Fingerprint::new(name),
                home: Fingerprint::new(name),
                profile: None,
                full_every: 86_400,
                settle: std::time::Duration::from_secs(30),
                rate: None,
                used: None,
            },
        );
    }
    let policy = Compiled::new(policy, &manifests)
        .map_err(|errors| errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))?;
    Ok(Setup { policy, sources: BTreeMap::new(), pulled: BTreeMap::new(), apps, owner: "bench".into(), owner_is_gone: |_| false })
}

/// Ports of a process that only plans: nothing is sent, nothing waits.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        AS_OF.parse().unwrap_or(Timestamp::UNIX_EPOCH)
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[async_trait]
impl Sleep for Still {
    async fn sleep(&self, _duration: Duration) {}
}

impl Random for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl Ids for Still {
    fn id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }
}

#[async_trait]
impl Transport for Still {
    async fn send(&self, _request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        Err(Broken::NotSent("a benchmark asks nobody".into()))
    }
}

fn ports() -> Ports {
    Ports { clock: Arc::new(Still), sleep: Arc::new(Still), random: Arc::new(Still), ids: Arc::new(Still), transport: Arc::new(Still) }
}
