//! `provost mcp`: the same use-cases for an assistant, over standard input and output.

use std::sync::Arc;

use clap::Args;
use serve::mcp::Assistant;

use crate::args::Globals;
use crate::faces::End;
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
An assistant's program starts this and speaks the Model Context Protocol with it.  It can look at everything, plan, and with that ask for
approval in your name; it cannot approve or carry out anything, and no standing approval covers what it asks for.

Examples:
  provost mcp --config /srv/provost/provost.toml       what to enter as the command of a server in the assistant's settings
  provost serve                                        the same over HTTP, at /mcp, with the API's tokens (docs/mcp.md)";

/// Let an assistant look and plan, over standard input and output; it never approves
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct McpArgs {}

pub(crate) async fn run(globals: &Globals, _: &McpArgs) -> Result<End, Failure> {
    globals.face().plain()?;
    let (engine, _, closing) = Opened::open(globals, Reach::Apps).await?.into_server();
    let spoken = Assistant::over_stdio(Arc::clone(&engine), owner::user().name).await;
    drop(engine);
    closing.close().await;
    spoken.map_err(|error| {
        let next = "an assistant's program has to start `provost mcp` and speak the Model Context Protocol with it";
        Failure::new(format!("the other side did not speak the protocol: {error}"), next)
    })?;
    Ok(End::Done)
}
