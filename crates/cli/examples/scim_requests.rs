//! Benchmark: what a request to the gateway costs the server in CPU time, with everything on disk before it is answered, beside
//! `scim2-server` from PyPI, which keeps everything in memory.
//!
//! `cargo build --release -p provost-cli && cargo run --release -p provost-cli --example scim_requests -- 2000 20000 200000`
//!
//! One client alone, one request at a time, and sixteen at once; the time is what the system counts for the server's process, users and
//! pages as they come.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use wire::Client;

mod wire;

type Failed = Box<dyn Error>;

/// How many clients fill a server.
const FILLING: usize = 16;
/// How many clients ask at once, where not one alone does.
const ASKING: usize = 16;
/// Ticks of the system's clock for processes in a second: what Linux tells its programs everywhere.
const TICKS: f64 = 100.0;

/// What is measured.
const OPERATIONS: [&str; 4] = ["create", "filter by userName", "PATCH active", "list of 100"];

fn main() -> Result<(), Failed> {
    let sizes: Vec<usize> = std::env::args().skip(1).map(|size| size.parse()).collect::<Result<_, _>>()?;
    let Some(smallest) = sizes.iter().min().copied() else { return Err("usage: scim_requests USERS…".into()) };
    println!("| users | clients | server | {} |", OPERATIONS.join(" | "));
    println!("|---|---|---|{}", "---|".repeat(OPERATIONS.len()));
    let mut scim2 = Server::scim2()?;
    let mut server = Server::provost()?;
    for size in sizes {
        for clients in [1, ASKING] {
            let theirs = (size == smallest).then(|| measured(&mut scim2, size, 400, clients)).transpose()?;
            if let Some(theirs) = &theirs {
                println!("| {size} | {clients} | scim2-server, in memory | {} |", cells(theirs));
            }
            let ours = measured(&mut server, size, 4000, clients)?;
            println!("| {size} | {clients} | provost serve, durable | {} |", cells(&ours));
            if let Some(theirs) = theirs {
                let ratios: Vec<String> =
                    theirs.iter().zip(&ours).map(|(theirs, ours)| format!("{:.0} times", theirs / ours)).collect();
                println!("| {size} | {clients} | less by | {} |", ratios.join(" | "));
            }
        }
    }
    Ok(())
}

/// Does something so many times at once; each is told its number.
fn at_once<T: Send>(times: usize, each: impl Fn(usize) -> Result<T, String> + Sync) -> Result<Vec<T>, String> {
    let each = &each;
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..times).map(|number| scope.spawn(move || each(number))).collect();
        all.into_iter().map(|one| one.join().map_err(|_| "a client panicked".to_owned())?).collect()
    })
}

fn cells(micros: &[f64]) -> String {
    micros.iter().map(|micros| format!("{micros:.0} µs")).collect::<Vec<_>>().join(" | ")
}

/// Fills a server up to so many users, then asks it `times` times for each operation; microseconds of CPU time for one.
fn measured(server: &mut Server, users: usize, times: usize, clients: usize) -> Result<Vec<f64>, Failed> {
    server.fill(users)?;
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut pick = move |below: usize| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    let mut found = Vec::new();
    for operation in OPERATIONS {
        let mut asked = Vec::with_capacity(times);
        for turn in 0..times {
            asked.push(match operation {
                "create" => ("POST", "/Users".to_owned(), Some(user(server.made + turn)), 201),
                "filter by userName" => {
                    let path = format!("/Users?filter=userName%20eq%20%22{}%22", name(pick(users)));
                    ("GET", path, None, 200)
                }
                "PATCH active" => {
                    let id = &server.ids[pick(server.ids.len())];
                    let body = json!({
                        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                        "Operations": [{ "op": "replace", "path": "active", "value": turn % 2 == 0 }],
                    });
                    ("PATCH", format!("/Users/{id}"), Some(body), 200)
                }
                _ => ("GET", "/Users?startIndex=1&count=100".to_owned(), None, 200),
            });
        }
        let before = server.cpu()?;
        let next = AtomicUsize::new(0);
        at_once(clients, |_| {
            let mut client = server.client();
            while let Some((method, path, body, status)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = client.send(method, path, body.as_ref().map(Value::to_string).as_deref());
                let (got, answer) = answer.map_err(|error| error.to_string())?;
                // A PATCH may be answered with nothing.
                if got != *status && !(*method == "PATCH" && got == 204) {
                    return Err(format!("{method} {path}: {got} {answer}"));
                }
            }
            Ok(())
        })?;
        // What is written behind the answers belongs to them.
        std::thread::sleep(Duration::from_millis(200));
        found.push((server.cpu()? - before) * 1e6 / times as f64);
        if operation == "create" {
            server.made += times;
        }
    }
    Ok(found)
}

fn name(number: usize) -> String {
    format!("user{number}@acme.example")
}

fn user(number: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "userName": name(number),
        "externalId": format!("00u{number}"),
        "name": { "givenName": "Given", "familyName": format!("Family {number}") },
        "displayName": format!("Given Family {number}"),
        "emails": [{ "value": name(number), "type": "work", "primary": true }],
        "title": "Engineer",
        "active": true,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales", "employeeNumber": number.to_string() },
    })
}

/// A server under measurement.
struct Server {
    process: Child,
    address: String,
    base: String,
    token: String,
    made: usize,
    /// Some of the users.
    ids: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Server {
    fn provost() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let config = "[organization]\nname = \"Bench\"\ntime_zone = \"UTC\"\n[serve]\nlisten = \"127.0.0.1:0\"\nlimit = 0\nsettle = \"24h\"\n\
            [source.hr]\nrole = \"employment\"\nkind = \"file\"\npath = \"roster.csv\"\nkey = \"id\"\n\
            [source.okta]\nrole = \"idp\"\nkind = \"scim\"\njoin = \"person.email == record.userName\"\n\
            [app.none]\nconnector = \"lessonly\"\nbase_url = \"http://127.0.0.1:9/api/v1\"\nsubdomain = \"none\"\napi_key = { file = \"key\" }\n\
            [app.none.accounts]\nwho = 'person.active'\nmatch = [\"email == person.email\"]\nleave = \"archive\"\n[app.none.set]\nemail = 'person.email'\n";
        for (file, text) in [("provost.toml", config), ("roster.csv", "id,email\n"), ("key", "none")] {
            std::fs::write(folder.path().join(file), text)?;
        }
        let binary = std::env::current_exe()?.with_file_name("");
        let binary = binary.parent().ok_or("no folder above the examples")?.join("provost");
        let provost = |args: &[&str]| {
            let mut command = Command::new(&binary);
            command.args(args).current_dir(folder.path()).stdout(Stdio::piped());
            command
        };
        let made = provost(&["token", "create", "--source", "okta", "--quiet"]).output()?;
        let token = String::from_utf8(made.stdout)?.trim().to_owned();
        let mut process = provost(&["serve", "--quiet"]).spawn()?;
        let mut said = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut said)?;
        let mut words = said.split(|letter: char| letter.is_whitespace() || letter == ';');
        let url = words.find(|word| word.ends_with("/scim/v2")).and_then(|url| url.strip_prefix("http://"));
        let (address, base) = url.and_then(|url| url.split_once('/')).ok_or("it says no address")?;
        let (address, base) = (address.to_owned(), format!("/{base}"));
        Ok(Self { process, address, base, token, made: 0, ids: Vec::new(), _folder: folder })
    }

    fn scim2() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new(xtask::outside::python("scim2-server"))
            .args(["--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let address = format!("127.0.0.1:{port}");
        let begun = Instant::now();
        while TcpStream::connect(&address).is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                return Err("scim2-server does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { process, address, base: String::new(), token: String::new(), made: 0, ids: Vec::new(), _folder: folder })
    }

    fn client(&self) -> Client {
        let kind = "Content-Type: application/scim+json\r\n";
        let token = if self.token.is_empty() { String::new() } else { format!("Authorization: Bearer {}\r\n", self.token) };
        Client::new(&self.address, &self.base, &format!("{kind}{token}"))
    }

    /// Makes users until there are so many.
    fn fill(&mut self, users: usize) -> Result<(), Failed> {
        let from = self.made;
        let ids = at_once(FILLING, |part| {
            let mut client = self.client();
            let mut ids = Vec::new();
            for number in (from + part..users).step_by(FILLING) {
                let answer = client.send("POST", "/Users", Some(&user(number).to_string()));
                let (status, answer) = answer.map_err(|error| error.to_string())?;
                let made: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
                match (status, made["id"].as_str()) {
                    (201, Some(id)) => ids.push(id.to_owned()),
                    _ => return Err(format!("{status} {answer}")),
                }
            }
            Ok(ids)
        })?;
        self.ids.extend(ids.into_iter().flatten());
        self.made = self.made.max(users);
        Ok(())
    }

    /// Seconds of CPU time that the process has had.
    fn cpu(&self) -> Result<f64, Failed> {
        let stat = std::fs::read_to_string(Path::new("/proc").join(self.process.id().to_string()).join("stat"))?;
        let after_name = stat.rsplit_once(')').ok_or("another kind of stat")?.1;
        let ticks =
            |field: usize| -> Result<f64, Failed> { Ok(after_name.split_whitespace().nth(field).ok_or("a short stat")?.parse()?) };
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
