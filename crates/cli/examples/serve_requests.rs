//! Benchmark: how long the console's pages and the API's answers take with many people, four asking at once, and how long it is from an
//! event to its effect in the app.
//!
//! `cargo build --release -p provost-cli && cargo run --release -p provost-cli --example serve_requests -- 100000`; with `events` behind it
//! the events alone.
//!
//! The company is Provost's own stand-in for one: everybody has an account in Absorb, Sales one in Lessonly, all made by a plan that was
//! carried out; one person in a hundred has changed since, which waits as a plan.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sandbox::{Limit, Options, absorb};
use serde_json::{Value, json};
use sha2::Sha256;

use wire::Client;

mod wire;

type Failed = Box<dyn Error>;

/// How many ask at once.
const ASKING: usize = 4;
/// How often each of them asks for each page.
const TIMES: usize = 100;
/// How many events are told of, one after the other.
const EVENTS: usize = 20;
const SECRET: &str = "what the portal and the server know";

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (people, pages) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [people] => (people, true),
        [people, "events"] => (people, false),
        _ => return Err("usage: serve_requests PEOPLE [events]".into()),
    };
    let people: usize = people.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let ledger = folder.path().join("absorb.ledger.jsonl");
    let options = Options { limit: Limit::Off, ledger: Some(ledger.clone()), ..Options::default() };
    let portal = absorb::Sandbox::open(absorb::Config { options, ..absorb::Config::default() })?;
    let running = runtime.block_on(portal.start())?;
    let company = Company::new(folder.path(), people, &running.url())?;
    let server = company.serve()?;
    println!("| with {people} people, {ASKING} asking at once | p50 | p99 | a second | size |");
    println!("|---|---|---|---|---|");
    for (name, path) in if pages { company.pages(&server)? } else { Vec::new() } {
        let path = path.as_str();
        let (mut took, size, seconds) = asked(&server, path)?;
        took.sort();
        let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
        let rate = took.len() as f64 / seconds;
        println!("| {name} | {} | {} | {rate:.0} | {:.0} KiB |", millis(p50), millis(p99), size as f64 / 1024.0);
    }
    let mut took = Vec::with_capacity(EVENTS);
    // Who moved waits for a person: what an event says of them has no effect.
    let stays = |user: &&Value| user["externalId"].as_str().is_some_and(|key| !key.ends_with("50"));
    for (turn, user) in portal.users().iter().filter(stays).take(EVENTS).enumerate() {
        took.push(event(&portal, &server, &ledger, user, turn)?);
    }
    took.sort();
    let (p50, most) = (millis(took[took.len() / 2]), millis(took[took.len() - 1]));
    println!("| an event, from its delivery to its effect: of {EVENTS} the median and the longest | {p50} | {most} | | |");
    drop(server);
    runtime.block_on(running.stop());
    Ok(())
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

/// Asks for one page, several at once: how long each answer took, the size of one, and how long all of it.
fn asked(server: &Server, path: &str) -> Result<(Vec<Duration>, usize, f64), Failed> {
    let headers = server.headers(path);
    let (status, body) = Client::new(&server.address, "", &headers).send("GET", path, None)?;
    if status != 200 {
        return Err(format!("{path}: {status} {body:.300}").into());
    }
    let begun = Instant::now();
    let took = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKING)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(&server.address, "", &headers);
                    let mut took = Vec::with_capacity(TIMES);
                    for _ in 0..TIMES {
                        let begun = Instant::now();
                        match client.send("GET", path, None) {
                            Ok((200, _)) => took.push(begun.elapsed()),
                            Ok((status, body)) => return Err(format!("{path}: {status} {body:.300}")),
                            Err(error) => return Err(format!("{path}: {error}")),
                        }
                    }
                    Ok(took)
                })
            })
            .collect();
        askers.into_iter().map(|asker| asker.join().map_err(|_| "a client panicked".to_owned())?).collect::<Result<Vec<_>, String>>()
    })?;
    Ok((took.concat(), body.len(), begun.elapsed().as_secs_f64()))
}

/// Somebody gives somebody another title by hand, and the portal tells of something of theirs: how long until their title is back.
fn event(portal: &absorb::Sandbox, server: &Server, ledger: &Path, user: &Value, turn: usize) -> Result<Duration, Failed> {
    portal.put_user(json!({"id": user["id"], "jobTitle": "Intern"}))?;
    let mut changes = fs::File::open(ledger)?;
    changes.seek(SeekFrom::End(0))?;
    let body = json!({"eventType": "CourseCompleted", "timestamp": jiff::Timestamp::now(), "correlationId": format!("e{turn}"),
                      "userId": user["id"]})
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())?;
    mac.update(body.as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let begun = Instant::now();
    let mut client = Client::new(&server.address, "", &format!("X-Absorb-Signature: {signature}\r\n"));
    let (status, answer) = client.send("POST", "/hooks/absorb", Some(&body))?;
    if status != 204 {
        return Err(format!("the event was answered with {status} {answer}").into());
    }
    let mut written = String::new();
    let back = format!("\"jobTitle\":{}", user["jobTitle"]);
    loop {
        changes.read_to_string(&mut written)?;
        if written.contains(&back) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("two minutes after the event {back} is not there: {written}").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The folder of a company, and what its programs are told.
struct Company<'a> {
    folder: &'a Path,
    binary: PathBuf,
}

impl<'a> Company<'a> {
    /// So many people, everybody with their accounts, and a plan that waits.
    fn new(folder: &'a Path, people: usize, portal: &str) -> Result<Self, Failed> {
        let own = std::env::current_exe()?;
        let company = Self { folder, binary: own.ancestors().nth(2).unwrap_or(Path::new(".")).join("provost") };
        company.provost(&["init", "--sandbox", "--people", &people.to_string()])?;
        let file = folder.join("provost.toml");
        let mut config = fs::read_to_string(&file)?;
        for (from, to) in [
            (
                "who = 'person.active'\nmatch = [\"ext_uid",
                "who = 'person.active && person.department == \"Sales\"'\nmatch = [\"ext_uid",
            ),
            (
                "base_url = \"sandbox:./absorb\"",
                &format!("base_url = \"{portal}\"\nrate = {{ per_second = 1000000, burst = 1000000 }}"),
            ),
            (
                "scope = \"all\"  ",
                "scope = \"all\"\nusername = \"api@acme.example\"\npassword = { env = \"BENCH_PASSWORD\" }\napi_key = { env = \"BENCH_KEY\" }\n#",
            ),
        ] {
            if !config.contains(from) {
                return Err(format!("the configuration that init made has no {from:?}").into());
            }
            config = config.replacen(from, to, 1);
        }
        let absorb = config.find("[app.absorb]").ok_or("init made no Absorb")?;
        config = format!("{}{}", &config[..absorb], config[absorb..].replacen("sandbox_limit = \"off\"\n", "", 1));
        config.push_str(
            "\n[serve]\nlisten = \"127.0.0.1:0\"\nlimit = 0\nsettle = \"0s\"\n[app.absorb.webhook]\nsecret = { env = \"BENCH_SECRET\" }\n\
             [[approval.standing]]\nsource = \"hr\"\neffects = [\"record_changed\"]\nmax = 1000\nuntil = \"2999-12-31\"\n",
        );
        fs::write(&file, config)?;
        company.provost(&["plan", "--quiet", "-o", "plan.json"])?;
        company.provost(&["apply", "--yes", "--quiet", "plan.json"])?;
        fs::remove_file(folder.join("plan.json"))?;
        // One in a hundred moves house: their title stays, and what stands approved does not cover where they are.
        let roster = fs::read_to_string(folder.join("roster.csv"))?;
        let moved = |(at, line): (usize, &str)| match at % 100 {
            50 => line.replacen("Sales", "Support", 1).replacen("Engineering", "Sales", 1) + "\n",
            _ => format!("{line}\n"),
        };
        fs::write(folder.join("roster.csv"), roster.lines().enumerate().map(moved).collect::<String>())?;
        company.provost(&["plan", "--quiet"])?;
        let standing: Value = serde_json::from_str(&company.provost(&["standing", "list", "--format", "json"])?)?;
        company.provost(&["standing", "approve", standing["standing"][0]["digest"].as_str().ok_or("no standing approval")?])?;
        Ok(company)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).current_dir(self.folder).env("USER", "bench").stderr(Stdio::inherit());
        for (name, value) in
            [("BENCH_PASSWORD", "absorb-sandbox-password"), ("BENCH_KEY", "absorb-sandbox-key"), ("BENCH_SECRET", SECRET)]
        {
            command.env(name, value);
        }
        command
    }

    fn provost(&self, words: &[&str]) -> Result<String, Failed> {
        let output = self.command(words).output()?;
        match output.status.code() {
            Some(0 | 2) => Ok(String::from_utf8(output.stdout)?),
            _ => Err(format!("provost {}: {}", words.join(" "), output.status).into()),
        }
    }

    /// The server, with somebody logged in and a token.
    fn serve(&self) -> Result<Server, Failed> {
        let token = self.provost(&["token", "create", "--name", "bench", "--role", "viewer", "--quiet"])?.trim().to_owned();
        let mut process = self.command(&["serve", "--quiet", "--format", "json"]).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        let mut out = BufReader::new(process.stdout.take().ok_or("no output")?);
        while serde_json::from_str::<Value>(&said).is_err() {
            if out.read_line(&mut said)? == 0 {
                return Err(format!("the server ended: {said}").into());
            }
        }
        let said: Value = serde_json::from_str(&said)?;
        let address = said["listen"].as_str().ok_or("it does not say where it listens")?.to_owned();
        let link: Value = serde_json::from_str(&self.provost(&["token", "link", "--format", "json"])?)?;
        let secret = link["link"].as_str().and_then(|link| link.split_once("?link=")).ok_or("no link")?.1;
        let form = format!("link={secret}");
        let mut stream = TcpStream::connect(&address)?;
        write!(
            stream,
            "POST /log-in HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        let cookie = set.ok_or_else(|| format!("nobody could log in: {answer:.300}"))?.to_owned();
        Ok(Server { process, address, token, cookie })
    }

    /// What is asked for: pages, then the API.
    fn pages(&self, server: &Server) -> Result<Vec<(String, String)>, Failed> {
        let first = |list: &str, member: &str| -> Result<(String, Value), Failed> {
            let headers = server.headers("/api/");
            let (_, body) = Client::new(&server.address, "", &headers).send("GET", list, None)?;
            let list: Value = serde_json::from_str(&body)?;
            let one = list["items"][0].clone();
            let id = one[member].as_str().ok_or_else(|| format!("no {member} in {list}"))?.to_owned();
            Ok((id, one))
        };
        let (plan, _) = first("/api/v1/plans?status=pending", "digest").or_else(|_| first("/api/v1/plans", "digest"))?;
        let (run, _) = first("/api/v1/runs", "id")?;
        let (person, _) = first("/api/v1/people", "key")?;
        let pages = [
            ("overview", "/".to_owned()),
            ("people", "/people".to_owned()),
            ("people, searched", "/people?q=Lopez".to_owned()),
            ("one person", format!("/people/{person}")),
            ("a plan", format!("/plans/{plan}")),
            ("a run", format!("/runs/{run}")),
            ("findings", "/findings".to_owned()),
            ("apps", "/apps".to_owned()),
            ("audit", "/audit".to_owned()),
            ("API: people, 100", "/api/v1/people".to_owned()),
            ("API: people, searched", "/api/v1/people?q=Lopez".to_owned()),
            ("API: one person", format!("/api/v1/people/{person}")),
            ("API: plans", "/api/v1/plans".to_owned()),
            ("API: a plan", format!("/api/v1/plans/{plan}")),
            ("API: its steps, 100", format!("/api/v1/plans/{plan}/steps")),
            ("API: runs", "/api/v1/runs".to_owned()),
            ("API: a run", format!("/api/v1/runs/{run}")),
            ("API: findings, 100", "/api/v1/findings".to_owned()),
            ("API: apps", "/api/v1/apps".to_owned()),
            ("API: audit, 100", "/api/v1/audit-entries".to_owned()),
        ];
        Ok(pages.into_iter().map(|(name, path)| (name.to_owned(), path)).collect())
    }
}

/// The server, and who asks it.
struct Server {
    process: Child,
    address: String,
    token: String,
    cookie: String,
}

impl Server {
    /// What goes with a request for this.
    fn headers(&self, path: &str) -> String {
        match path.starts_with("/api/") {
            true => format!("Authorization: Bearer {}\r\n", self.token),
            false => format!("Cookie: {}\r\n", self.cookie),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
