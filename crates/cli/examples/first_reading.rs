//! Benchmark: the first reading of an app with many accounts, as users have it: the binary's start to the certificate.
//!
//! `cargo build --release -p provost-cli && cargo run --release -p provost-cli --example first_reading -- 100000`
//!
//! Each sandbox, in each profile, listens on loopback in this process, without a limit; `provost plan` reads it.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use sandbox::{Limit, Options, Running, absorb, lessonly};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people] = arguments.as_slice() else { return Err("usage: first_reading ACCOUNTS".into()) };
    let people: usize = people.parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options =
        |dir: &Path| Options { people: Some(people), limit: Limit::Off, access_log: Some(dir.join("access")), ..Options::default() };
    for profile in lessonly::PROFILES {
        let dir = tempfile::tempdir()?;
        let config = lessonly::Config { options: options(dir.path()), profile, ..lessonly::Config::default() };
        let running = runtime.block_on(lessonly::Sandbox::open(config)?.start())?;
        let app = "connector = \"lessonly\"\nsubdomain = \"acme\"\napi_key = { env = \"BENCH_KEY\" }";
        let address = format!("{}/api/v1", running.url());
        measure(
            &format!("lessonly, {}", profile.name),
            dir.path(),
            app,
            "email == person.email",
            "email = 'person.email'\nname = 'person.key'",
            &address,
        )?;
        end(&runtime, running);
    }
    for profile in absorb::PROFILES {
        let dir = tempfile::tempdir()?;
        let config = absorb::Config { options: options(dir.path()), profile, ..absorb::Config::default() };
        let running = runtime.block_on(absorb::Sandbox::open(config)?.start())?;
        let app = "connector = \"absorb\"\nscope = \"all\"\nusername = \"api@acme.example\"\npassword = { env = \"BENCH_PASSWORD\" }\n\
                   api_key = { env = \"BENCH_KEY\" }";
        let set = "username = 'person.email'\nfirstName = 'person.key'\nlastName = 'person.key'\ndepartment = '\"Acme\"'";
        measure(&format!("absorb, {}", profile.name), dir.path(), app, "username == person.email", set, &running.url())?;
        end(&runtime, running);
    }
    Ok(())
}

fn end(runtime: &tokio::runtime::Runtime, running: Running) {
    runtime.block_on(running.stop());
}

/// One reading: seconds from the start of the process to the certificate, requests, and the most memory until then.
fn measure(name: &str, dir: &Path, app: &str, matching: &str, set: &str, address: &str) -> Result<(), Failed> {
    let key = if name.starts_with("lessonly") { "lessonly-sandbox-key" } else { "absorb-sandbox-key" };
    let text = format!(
        "[organization]\nname = \"Acme\"\ntime_zone = \"UTC\"\n[source.hr]\nrole = \"employment\"\nkind = \"file\"\npath = \"roster.csv\"\n\
         key = \"id\"\n[app.it]\nbase_url = \"{address}\"\nrate = {{ per_second = 1000000, burst = 1000000 }}\n{app}\n\
         [app.it.accounts]\nwho = 'person.active'\nmatch = ['{matching}']\nleave = \"keep\"\n[app.it.set]\n{set}\n"
    );
    std::fs::write(dir.join("provost.toml"), text)?;
    std::fs::write(dir.join("roster.csv"), "id,email,status\n1,nobody@acme.example,active\n")?;
    let own: PathBuf = std::env::current_exe()?;
    let binary = own.ancestors().nth(2).unwrap_or(Path::new(".")).join("provost");
    let begun = Instant::now();
    let mut plan = Command::new(binary)
        .current_dir(dir)
        .arg("plan")
        .env("BENCH_KEY", key)
        .env("BENCH_PASSWORD", "absorb-sandbox-password")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let mut read = None;
    for line in BufReader::new(plan.stderr.take().ok_or("no standard error")?).lines() {
        let line = line?;
        if line.starts_with("app.it: complete") {
            let accounts: u64 = line.split_whitespace().find_map(|word| word.parse().ok()).ok_or("no count in the certificate")?;
            read = Some((begun.elapsed().as_secs_f64(), accounts, peak_mib(plan.id())?));
        }
        said.push_str(&line);
        said.push('\n');
    }
    plan.wait()?;
    let (seconds, accounts, mib) = read.ok_or_else(|| format!("{name} was not read: {said}"))?;
    let requests = std::fs::read_to_string(dir.join("access"))?.lines().count();
    println!(
        "{name}: {accounts} accounts in {seconds:.2} s, {:.0} a second, {requests} requests, {mib} MiB at most",
        accounts as f64 / seconds
    );
    Ok(())
}

fn peak_mib(process: u32) -> Result<u64, Failed> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse::<u64>()? / 1024)
}
