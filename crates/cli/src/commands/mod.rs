//! One command a file: its arguments, what it does, what it prints.

pub(crate) mod completions;
pub(crate) mod init;
pub(crate) mod sandbox;

use crate::args::{Cli, Command};
use crate::faces::End;
use crate::failure::Failure;

/// Runs a command.
///
/// # Errors
/// A [`Failure`] that says what happened and what to do next.
pub(crate) async fn run(cli: Cli) -> Result<End, Failure> {
    let Cli { globals, command } = cli;
    match command {
        Command::Init(args) => init::run(&globals, &args),
        Command::Sandbox(args) => sandbox::run(&globals, args).await,
        Command::Completions(args) => completions::run(&args),
    }
}
