//! Benchmark: how near to a limit a run goes, as the sandbox's access log tells it.
//!
//! `cargo build -p provost-cli && cargo run -p provost-cli --example pace -- absorb 12000` (four minutes): that many single enrolments against
//! Absorb's own limit, 200 requests a second, which the connector knows.  `… -- lessonly 6` (minutes): creates against 500 a minute, which it
//! does not know.
//!
//! The sandbox listens on loopback in this process; the run is the binary `provost` beside this one: transport, engine, journal and all.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sandbox::access::Access;
use sandbox::ledger::Entry;
use sandbox::{Options, absorb, lessonly};
use serde::de::DeserializeOwned;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let dir = tempfile::tempdir()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["absorb", people] => runtime.block_on(known(dir.path(), people.parse()?)),
        ["lessonly", minutes] => runtime.block_on(unknown(dir.path(), minutes.parse()?)),
        _ => Err("usage: pace absorb PEOPLE | pace lessonly MINUTES".into()),
    }
}

/// 200 requests a second, known: everybody is enrolled in one course, one request each.
async fn known(dir: &Path, people: usize) -> Result<(), Failed> {
    let config = absorb::Config { options: options(dir), ..absorb::Config::default() };
    let running = absorb::Sandbox::open(config)?.start().await?;
    let app = format!(
        "[app.it]\nconnector = \"absorb\"\nbase_url = \"{}\"\nscope = \"all\"\nusername = \"api@acme.example\"\n\
         password = {{ env = \"BENCH_PASSWORD\" }}\napi_key = {{ env = \"BENCH_KEY\" }}\n\
         [app.it.accounts]\nwho = 'person.active'\nmatch = [\"externalId == person.key\"]\nleave = \"deactivate\"\n\
         [app.it.set]\nusername = 'person.email'\nfirstName = 'person.given_name'\nlastName = 'person.family_name'\n\
         emailAddress = 'person.email'\nexternalId = 'person.key'\ndepartment = '\"Acme\"'\n\
         [[app.it.enrol]]\ncourse = \"Welcome to Acme\"\nwhen = 'true'\n",
        running.url()
    );
    prepare(dir, &app, people)?;
    let key = [("BENCH_PASSWORD", "absorb-sandbox-password"), ("BENCH_KEY", "absorb-sandbox-key")];
    said(provost(dir, &key, &["plan"]).output()?, &[0, 2])?;
    let dir = dir.to_owned();
    let place = dir.clone();
    let applied = tokio::task::spawn_blocking(move || provost(&place, &key, &["apply", "open", "--yes"]).output()).await??;
    said(applied, &[0, 2])?;
    running.stop().await;

    let access: Vec<Access> = lines(&dir.join("access"))?;
    let enrolments = |line: &&Access| line.method == "POST" && line.path.to_lowercase().contains("enroll");
    let times: BTreeSet<Timestamp> = access.iter().filter(enrolments).map(|line| line.time).collect();
    let (first, last) = times.first().zip(times.last()).ok_or("nobody was enrolled")?;
    let during: Vec<&Access> = access.iter().filter(|line| line.time >= *first && line.time <= *last).collect();
    let made: BTreeSet<String> = lines::<Entry>(&dir.join("ledger"))?
        .into_iter()
        .filter(|entry| entry.object.starts_with("enrollment/") && entry.before.is_null())
        .map(|entry| entry.object)
        .collect();
    let seconds = last.duration_since(*first).as_secs_f64();
    let slow = during.iter().filter(|line| line.status == 429).count();
    let rate = during.len() as f64 / seconds;
    println!("enrolments: {} of {people} made, by {} requests that enrol", made.len(), access.iter().filter(enrolments).count());
    let mut other: BTreeMap<u16, usize> = BTreeMap::new();
    for line in access.iter().filter(enrolments).filter(|line| line.status >= 300 || line.status == 0) {
        *other.entry(line.status).or_default() += 1;
    }
    println!("answers to them that were no success, by status: {other:?}");
    println!("requests while enrolling: {} in {seconds:.1} s, {rate:.1} a second, {:.1}% of 200", during.len(), rate / 2.0);
    println!("answers 429: {slow}, {:.2}%", slow as f64 * 100.0 / during.len() as f64);
    Ok(())
}

/// 500 requests a minute, unknown: people are created one by one until the time is over.
async fn unknown(dir: &Path, minutes: u64) -> Result<(), Failed> {
    let config = lessonly::Config { options: options(dir), ..lessonly::Config::default() };
    let running = lessonly::Sandbox::open(config)?.start().await?;
    let app = format!(
        "[app.it]\nconnector = \"lessonly\"\nbase_url = \"{}/api/v1\"\nsubdomain = \"acme\"\napi_key = {{ env = \"BENCH_KEY\" }}\n\
         [app.it.accounts]\nwho = 'person.active'\nmatch = [\"email == person.email\"]\nleave = \"archive\"\n\
         [app.it.set]\nname = 'person.given_name + \" \" + person.family_name'\nemail = 'person.email'\next_uid = 'person.key'\n",
        running.url()
    );
    prepare(dir, &app, usize::try_from(minutes)? * 600)?;
    let key = [("BENCH_KEY", "lessonly-sandbox-key")];
    said(provost(dir, &key, &["plan"]).output()?, &[0, 2])?;
    let begun = Timestamp::now();
    let until = Instant::now() + Duration::from_secs(minutes * 60);
    let mut run = provost(dir, &key, &["apply", "open", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    while Instant::now() < until {
        if let Some(ended) = run.try_wait()? {
            return Err(format!("the run ended before its time: {ended}").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    run.kill()?;
    run.wait()?;
    running.stop().await;

    let access: Vec<Access> = lines(&dir.join("access"))?;
    for minute in 0..minutes {
        let of = |line: &&Access| {
            let at = line.time.duration_since(begun).as_secs();
            at >= 0 && at.unsigned_abs() / 60 == minute
        };
        let all = access.iter().filter(of).count();
        let slow = access.iter().filter(of).filter(|line| line.status == 429).count();
        println!("minute {}: {} requests, {slow} answered 429, {:.1}% of 500 used", minute + 1, all, (all - slow) as f64 / 5.0);
    }
    Ok(())
}

fn options(dir: &Path) -> Options {
    Options { ledger: Some(dir.join("ledger")), access_log: Some(dir.join("access")), ..Options::default() }
}

/// The configuration and a roster of so many people.
fn prepare(dir: &Path, app: &str, people: usize) -> Result<(), Failed> {
    let head = "[organization]\nname = \"Acme\"\ntime_zone = \"UTC\"\nstore = \"provost.db\"\n\
                [source.hr]\nrole = \"employment\"\nkind = \"file\"\npath = \"roster.csv\"\nkey = \"employee_id\"\n\
                [source.hr.columns]\ngiven_name = \"first_name\"\nfamily_name = \"last_name\"\nemail = \"work_email\"\nstatus = \"status\"\n\
                [source.hr.status]\nactive = [\"active\"]\nleft = [\"terminated\"]\n";
    std::fs::write(dir.join("provost.toml"), format!("{head}{app}"))?;
    let mut roster = "employee_id,first_name,last_name,work_email,status\n".to_owned();
    for number in 0..people {
        writeln!(roster, "E{number:06},Given{number},Family{number},p{number}@acme.example,active")?;
    }
    Ok(std::fs::write(dir.join("roster.csv"), roster)?)
}

/// The binary, beside the examples.
fn provost(dir: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> Command {
    let own: PathBuf = std::env::current_exe().unwrap_or_default();
    let binary = own.ancestors().nth(2).unwrap_or(Path::new(".")).join("provost");
    let mut command = Command::new(binary);
    command.current_dir(dir).args(arguments).envs(environment.iter().copied());
    command
}

fn said(output: Output, well: &[i32]) -> Result<(), Failed> {
    if output.status.code().is_some_and(|code| well.contains(&code)) {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(format!("provost ended with {}: {}", output.status, String::from_utf8_lossy(&text)).into())
}

fn lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failed> {
    std::fs::read_to_string(path)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
