//! Benchmark: a first plan of many people in both apps, rehearsed: how long it takes, how many requests, how long they say it would take.
//!
//! `cargo build --release -p provost-cli && cargo run --release -p provost-cli --example rehearse -- 1000`
//!
//! `provost init --sandbox` makes the folder, `provost plan` the plan; what is measured is `provost rehearse`, from its start to its end.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use serde_json::Value;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people] = arguments.as_slice() else { return Err("usage: rehearse PEOPLE".into()) };
    let dir = tempfile::tempdir()?;
    succeeded(&provost(dir.path(), &["init", "--sandbox", "--people", people])?)?;
    let planned = provost(dir.path(), &["plan", "--quiet"])?;
    if planned.status.code() == Some(1) {
        return Err(String::from_utf8_lossy(&planned.stderr).into_owned().into());
    }
    let begun = Instant::now();
    let rehearsed = provost(dir.path(), &["rehearse", "open", "--format", "json", "--quiet"])?;
    let took = begun.elapsed();
    succeeded(&rehearsed)?;
    let rehearsal: Value = serde_json::from_slice(&rehearsed.stdout)?;
    println!(
        "{people} people, {} steps, rehearsed in {:.1} s: as promised {}",
        rehearsal["steps"],
        took.as_secs_f64(),
        rehearsal["as_promised"]
    );
    for (app, of) in rehearsal["apps"].as_object().into_iter().flatten() {
        for pass in ["clean", "faulty"] {
            let pass_of = &of[pass];
            let minutes = pass_of["millis"].as_f64().unwrap_or_default() / 60_000.0;
            let faults: u64 = pass_of["faults"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
            println!(
                "{app}, {pass}: {} requests (at least {}), {minutes:.1} minutes there, {faults} faults, gone on with {} times",
                pass_of["requests"], of["least"], pass_of["resumed"]
            );
        }
    }
    Ok(())
}

fn provost(dir: &Path, args: &[&str]) -> Result<Output, Failed> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("the example is in no folder")?;
    let binary: PathBuf = folder.join("provost");
    Ok(Command::new(binary).current_dir(dir).args(args).output()?)
}

fn succeeded(output: &Output) -> Result<(), Failed> {
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}
