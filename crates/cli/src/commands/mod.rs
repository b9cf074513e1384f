//! One command a file: its arguments, what it does, what it prints.

pub(crate) mod apply;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connect;
pub(crate) mod decide;
pub(crate) mod demo;
mod every;
pub(crate) mod explain;
pub(crate) mod findings;
pub(crate) mod init;
pub(crate) mod mcp;
pub(crate) mod notices;
pub(crate) mod people;
mod pick;
pub(crate) mod plan;
pub(crate) mod rehearse;
pub(crate) mod report;
pub(crate) mod revert;
pub(crate) mod review;
pub(crate) mod runs;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod show;
mod signing;
pub(crate) mod split;
pub(crate) mod standing;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod triggers;

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
        Command::Demo(args) => demo::run(&globals, &args).await,
        Command::Init(args) => init::run(&globals, &args),
        Command::Sandbox(args) => sandbox::run(&globals, *args).await,
        Command::Check(args) => check::run(&globals, &args).await,
        Command::Connect(args) => connect::run(&globals, &args).await,
        Command::Plan(args) => plan::run(&globals, &args).await,
        Command::Show(args) => show::run(&globals, &args).await,
        Command::Rehearse(args) => rehearse::run(&globals, &args).await,
        Command::Approve(args) => decide::approve(&globals, &args).await,
        Command::Ask(args) => decide::ask(&globals, &args).await,
        Command::Split(args) => split::run(&globals, &args).await,
        Command::Reject(args) => decide::reject(&globals, &args).await,
        Command::Apply(args) => apply::apply(&globals, &args).await,
        Command::Resume(args) => apply::resume(&globals, &args).await,
        Command::Revert(args) => revert::run(&globals, &args).await,
        Command::Report(args) => report::run(&globals, &args).await,
        Command::Review(args) => review::run(&globals, &args).await,
        Command::People(args) => people::run(&globals, &args).await,
        Command::Explain(args) => explain::run(&globals, &args).await,
        Command::Findings(args) => findings::run(&globals, &args).await,
        Command::Runs(args) => runs::run(&globals, &args).await,
        Command::Triggers(args) => triggers::run(&globals, &args).await,
        Command::Apps(args) => apps::run(&globals, &args).await,
        Command::Audit(args) => audit::run(&globals, &args).await,
        Command::Standing(args) => standing::run(&globals, &args).await,
        Command::Notices(args) => notices::run(&globals, &args).await,
        Command::Serve(args) => serve::run(&globals, &args).await,
        Command::Mcp(args) => mcp::run(&globals, &args).await,
        Command::Token(args) => token::run(&globals, &args).await,
        Command::Store(args) => store::run(&globals, &args).await,
        Command::Completions(args) => completions::run(&args),
    }
}
