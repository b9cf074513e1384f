//! `provost serve`: the server, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::Engine;
use jiff::SignedDuration;
use serde_json::json;
use serve::{ServeError, Server};

use super::token::link;
use crate::args::Globals;
use crate::faces::{End, Face, Format};
use crate::failure::Failure;
use crate::owner;
use crate::stops::Stops;
use crate::wiring::{Opened, Reach};

/// How often it is looked for what people are to be told of.
const EVERY: Duration = Duration::from_secs(1);
/// What is younger may be decided in the same breath.
const REST: SignedDuration = SignedDuration::from_secs(3);

const AFTER: &str = "\
Examples:
  provost serve                           listen where [serve] says, 127.0.0.1:8460 when it says nothing
  provost serve --listen 127.0.0.1:0      on a free port, which is printed
  provost token create --source okta      what the identity provider has to show, beside the address

Identity providers push to ADDRESS/scim/v2 (docs/scim.md), apps tell of events at ADDRESS/hooks/APP (docs/events.md).  Control-C stops it: requests under way are answered, a run is left resumable.";

/// Listen for what identity providers push
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ServeArgs {
    /// Where to listen, instead of what [serve] says
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(crate) async fn run(globals: &Globals, args: &ServeArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let mut stops = Stops::listen()?;
    let opened = Opened::open(globals, Reach::Apps).await?.hearing()?;
    let mut options = opened.serve.clone();
    if let Some(listen) = args.listen {
        options.listen = listen;
    }
    let heard: Vec<String> = opened.engine.heard_apps().map(ToString::to_string).collect();
    let sources: Vec<String> = opened.engine.pushed_sources().map(ToString::to_string).collect();
    let url = options.url.clone();
    // Nobody has logged in yet: the first one is let in by a link.
    let first = opened.engine.tokens().await?.iter().all(|token| token.role.is_none());
    let telling = opened.engine.tells();
    let (engine, dialects, closing) = opened.into_server();
    let shared = Arc::clone(&engine);
    let notes = Arc::new(move |note: String| face.note(&note));
    let running = match Server::new(engine, dialects, notes).start(options).await {
        Ok(running) => running,
        Err(error) => {
            closing.close().await;
            return Err(failed(&error));
        }
    };
    let console = url.clone().unwrap_or_else(|| format!("http://{}", running.address));
    let base = url.map_or_else(|| running.scim_url(), |url| format!("{url}{}", serve::scim::BASE));
    if face.format == Format::Json {
        face.json(
            &json!({ "listen": running.address.to_string(), "console": console, "scim": base, "sources": sources, "hooks": heard }),
        );
    } else {
        face.text(&format!("listens on {}; identity providers push to {base}; the console is {console}/", running.address));
    }
    for app in &heard {
        face.note(&format!("events of {app} are taken at {console}/hooks/{app}"));
    }
    if first {
        let secret = shared.make_link(owner::user()).await?;
        face.note(&format!("to log in to the console, once, within a quarter of an hour: {}", link(&console, &secret)));
    }
    if sources.is_empty() {
        face.note("no source has kind = \"scim\": nobody can push anything yet (docs/scim.md)");
    }
    let teller = telling.then(|| tokio::spawn(tell(Arc::clone(&shared), face)));
    drop(shared);
    face.note("control-C stops it");
    stops.next().await;
    if let Some(teller) = teller {
        // Whoever is being told is told again, with the same id, when there is a server again.
        teller.abort();
        teller.await.ok();
    }
    face.note("stopping: what is under way is answered first");
    let stopped = running.stop().await;
    closing.close().await;
    stopped?;
    face.note("stopped");
    Ok(End::Done)
}

/// Looks every second for what people are to be told of, and for what is to be tried again.
async fn tell(engine: Arc<Engine>, face: Face) {
    let mut told = String::new();
    loop {
        let made = engine.make_notices(REST).await;
        let sent = match made {
            Ok(_) => engine.send_notices().await,
            Err(error) => Err(error),
        };
        // The same trouble is told once.
        let trouble = sent.err().map(|error| error.to_string()).unwrap_or_default();
        if !trouble.is_empty() && trouble != told {
            face.note(&format!("notices are still to be sent: {trouble}"));
        }
        told = trouble;
        tokio::time::sleep(EVERY).await;
    }
}

fn failed(error: &ServeError) -> Failure {
    let next = match error {
        ServeError::Clear { .. } => {
            "listen on 127.0.0.1 and let a proxy with TLS stand in front; where that is on another machine, say so: [serve] url = \"https://…\""
        }
        ServeError::Listen { .. } => "another program may listen there: name another port with --listen, or in [serve]",
    };
    Failure::new(error.to_string(), next)
}
