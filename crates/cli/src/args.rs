//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::commands;
use crate::faces::{Face, Format};

const AFTER: &str = "\
Examples:
  provost demo                      the whole story in one command, nothing else needed
  provost init --sandbox            a folder to try everything in, no account needed
  provost check                     are addresses, credentials and rights as they should be?
  provost plan                      what has to change, and why
  provost rehearse open             carry it out where nobody is, faults and all
  provost approve open              say yes to the open plan
  provost apply open                carry it out

Exit codes: 0 done, 1 failed, 2 something waits for a person.";

/// Keeps the accounts on learning platforms true to the roster.
#[derive(Debug, Parser)]
#[command(name = "provost", version, about, after_help = AFTER, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Globals {
    /// The configuration [default: provost.toml in this folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to print; markdown and html for plans and reports, csv for reports
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
    /// No notes and no progress, only results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Let the clock start at this instant (for demonstrations)
    #[arg(long, global = true, hide = true, env = "PROVOST_NOW", hide_env_values = true, value_name = "TIME")]
    pub(crate) now: Option<Timestamp>,
}

impl Globals {
    /// Where and how to print.
    pub(crate) fn face(&self) -> Face {
        Face::new(self.format, self.quiet)
    }
}

/// The commands, in the order of use.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(commands::demo::DemoArgs),
    Init(commands::init::InitArgs),
    Sandbox(Box<commands::sandbox::SandboxArgs>),
    Connect(commands::connect::ConnectArgs),
    Check(commands::check::CheckArgs),
    Plan(commands::plan::PlanArgs),
    Show(commands::show::ShowArgs),
    Rehearse(commands::rehearse::RehearseArgs),
    Ask(commands::decide::AskArgs),
    Split(commands::split::SplitArgs),
    Approve(commands::decide::ApproveArgs),
    Reject(commands::decide::RejectArgs),
    Apply(commands::apply::ApplyArgs),
    Resume(commands::apply::ResumeArgs),
    Revert(commands::revert::RevertArgs),
    Report(commands::report::ReportArgs),
    Review(commands::review::ReviewArgs),
    People(commands::people::PeopleArgs),
    Explain(commands::explain::ExplainArgs),
    Findings(commands::findings::FindingsArgs),
    Runs(commands::runs::RunsArgs),
    Triggers(commands::triggers::TriggersArgs),
    Apps(commands::apps::AppsArgs),
    Audit(commands::audit::AuditArgs),
    Standing(commands::standing::StandingArgs),
    Notices(commands::notices::NoticesArgs),
    Serve(commands::serve::ServeArgs),
    Mcp(commands::mcp::McpArgs),
    Token(commands::token::TokenArgs),
    Store(commands::store::StoreArgs),
    Completions(commands::completions::CompletionsArgs),
}
