//! `provost`: keeps the accounts on learning platforms true to the roster.  This is the composition root and the command line; the
//! rules are elsewhere.
//!
//! It is a library so that tests can have the composition root without the command line: [`assemble`] makes of a configuration what an
//! engine needs, and whoever calls it fills ports and store by himself.

mod args;
mod commands;
mod config;
mod faces;
mod failure;
mod logs;
mod owner;
mod ports;
mod sandboxes;
mod stage;
mod stops;
mod traces;
mod whole;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use faces::End;
pub use wiring::assemble;

/// The command line, from its words to the exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody to tell when the terminal is gone; help and version are no errors.
            if !error.use_stderr() {
                error.print().ok();
                return ExitCode::SUCCESS;
            }
            match json_was_asked_for(std::env::args_os().skip(1)) {
                true => faces::Face::new(faces::Format::Json, true).failure(&misused(&error)),
                false => drop(error.print()),
            }
            return ExitCode::from(1);
        }
    };
    let face = cli.globals.face();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            face.failure(&failure::Failure::new(
                format!("cannot start: {error}"),
                "the system has no threads or files left; close something",
            ));
            return ExitCode::from(1);
        }
    };
    let ended = runtime.block_on(async {
        stops::outlive_limits();
        commands::run(cli).await
    });
    // What nobody got to read was not shown, however well it went.
    match ended.and_then(|end| faces::unshown().map_or(Ok(end), Err)) {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Waits) => ExitCode::from(2),
        Err(failure) => {
            face.failure(&failure);
            ExitCode::from(1)
        }
    }
}

/// Whether words that are no command ask for JSON all the same.
fn json_was_asked_for(words: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let words: Vec<_> = words.collect();
    words.iter().any(|word| word == "--format=json") || words.windows(2).any(|two| two[0] == "--format" && two[1] == "json")
}

/// What is wrong with the words of a command, as any other failure: without the usage, which is for people.
fn misused(error: &clap::Error) -> failure::Failure {
    let text = error.render().to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or_default().split("\n\nFor more").next().unwrap_or_default();
    let what = told.trim().trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ");
    failure::Failure::new(what, "`provost COMMAND --help` shows what it takes")
}
