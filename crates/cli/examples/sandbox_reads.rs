//! Benchmark: how many reads a second a sandbox answers, by an outside load tool (Debian's `wrk`), from the first page to the last.
//!
//! `cargo run --release -p provost-cli --example sandbox_reads -- 100000`
//!
//! Sandbox and load tool share the machine, on loopback; pages are of the size that a client gets who asks for none.

use std::error::Error;
use std::process::Command;

use sandbox::{Limit, Options, absorb, lessonly};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people] = arguments.as_slice() else { return Err("usage: sandbox_reads USERS".into()) };
    let people: usize = people.parse()?;
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "the TLS provider is set already")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = || Options { people: Some(people), limit: Limit::Off, ..Options::default() };
    for profile in lessonly::PROFILES {
        let config = lessonly::Config { options: options(), profile, ..lessonly::Config::default() };
        let running = runtime.block_on(lessonly::Sandbox::open(config)?.start())?;
        // acme:lessonly-sandbox-key
        let headers = ["Authorization: Basic YWNtZTpsZXNzb25seS1zYW5kYm94LWtleQ==".to_owned()];
        let last = people / 50;
        for page in [1, last / 2, last] {
            told(
                &format!("lessonly, {}, page {page} of 50 users", profile.name),
                &format!("{}/api/v1/users?page={page}", running.url()),
                &headers,
            )?;
        }
        runtime.block_on(running.stop());
    }
    for profile in absorb::PROFILES {
        let config = absorb::Config { options: options(), profile, ..absorb::Config::default() };
        let running = runtime.block_on(absorb::Sandbox::open(config)?.start())?;
        let headers = [
            format!("Authorization: {}", runtime.block_on(token(&running.url(), profile.name))?),
            "x-api-key: absorb-sandbox-key".to_owned(),
        ];
        let pages = people / 20;
        for page in [0, pages / 2, pages - 1] {
            let offset = if profile.name == "guide" { page * 20 } else { page };
            told(
                &format!("absorb, {}, page {} of 20 users", profile.name, page + 1),
                &format!("{}/users?_offset={offset}", running.url()),
                &headers,
            )?;
        }
        runtime.block_on(running.stop());
    }
    Ok(())
}

/// A token, as a script would get it.
async fn token(url: &str, profile: &str) -> Result<String, Failed> {
    let path = if profile == "guide" { "authentication" } else { "authenticate" };
    let body = r#"{"username":"api@acme.example","password":"absorb-sandbox-password","privateKey":"absorb-sandbox-key"}"#;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let request =
        client.post(format!("{url}/{path}")).header("x-api-key", "absorb-sandbox-key").header("content-type", "application/json");
    let answer: serde_json::Value = serde_json::from_str(&request.body(body).send().await?.text().await?)?;
    let token = answer.as_str().or_else(|| answer["token"].as_str());
    Ok(token.ok_or_else(|| format!("no token: {answer}"))?.to_owned())
}

/// Five seconds of `wrk`, and what it says of reads a second and of answers that were no success.
fn told(name: &str, url: &str, headers: &[String]) -> Result<(), Failed> {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c16", "-d5s"]);
    for header in headers {
        wrk.args(["-H", header]);
    }
    let output = wrk.arg(url).output().map_err(|error| format!("wrk cannot be run: {error}; on Debian: apt-get install wrk"))?;
    let text = String::from_utf8(output.stdout)?;
    let line = |words: &str| text.lines().find(|line| line.contains(words)).map(str::trim);
    if let Some(bad) = line("Non-2xx") {
        return Err(format!("{name}: {bad}").into());
    }
    println!("{name}: {}", line("Requests/sec").ok_or_else(|| format!("wrk said: {text}"))?);
    Ok(())
}
