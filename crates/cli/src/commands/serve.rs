//! `provost serve`: the server, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use engine::Engine;
use jiff::SignedDuration;
use serde_json::json;
use serve::{ServeError, Server};
use tracing::level_filters::LevelFilter;

use super::token::link;
use crate::args::Globals;
use crate::config::OidcConnection;
use crate::faces::{End, Format};
use crate::failure::Failure;
use crate::logs::{self, Form};
use crate::owner;
use crate::stops::Stops;
use crate::traces::Traces;
use crate::wiring::{Opened, Reach};

/// How often it is looked for what people are to be told of.
const EVERY: Duration = Duration::from_secs(1);
/// What is younger may be decided in the same breath.
const REST: SignedDuration = SignedDuration::from_secs(3);

const AFTER: &str = "\
Examples:
  provost serve                           listen where [serve] says, 127.0.0.1:8460 when it says nothing
  provost serve --listen 127.0.0.1:0      on a free port, which is printed
  provost serve --log json                one JSON object a line on standard error, for whatever collects logs
  provost token create --source okta      what the identity provider has to show, beside the address

Identity providers push to ADDRESS/scim/v2 (docs/scim.md), apps tell of events at ADDRESS/hooks/APP (docs/events.md).  Control-C stops it: requests under way are answered, a run is left resumable; a second one ends it at once.";

/// Listen for what identity providers push
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct ServeArgs {
    /// Where to listen, instead of what [serve] says
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// How the log on standard error is written
    #[arg(long, value_enum, default_value_t, value_name = "FORM", env = "PROVOST_LOG")]
    log: Form,
    /// How much is logged: error, warn, info, debug or off; debug has every request, and steps by their ids [default: info]
    #[arg(long, value_name = "LEVEL", env = "PROVOST_LOG_LEVEL")]
    log_level: Option<LevelFilter>,
}

pub(crate) async fn run(globals: &Globals, args: &ServeArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let usual = if face.quiet { LevelFilter::OFF } else { LevelFilter::INFO };
    let traces = Traces::begin()?;
    let log = logs::begin(args.log, args.log_level.unwrap_or(usual), traces.as_ref());
    let mut stops = Stops::listen()?;
    let opened = Opened::open(globals, Reach::Apps).await?.hearing()?;
    let mut options = opened.serve.clone();
    if let Some(listen) = args.listen {
        options.listen = listen;
    }
    let oidc = match opened.oidc.as_ref().map(OidcConnection::resolve).transpose() {
        Ok(oidc) => oidc,
        Err(failure) => {
            opened.close().await;
            return Err(failure);
        }
    };
    let issuer = oidc.as_ref().map(|oidc| oidc.issuer.clone());
    let heard: Vec<String> = opened.engine.heard_apps().map(ToString::to_string).collect();
    let sources: Vec<String> = opened.engine.pushed_sources().map(ToString::to_string).collect();
    let url = options.url.clone();
    // Nobody has logged in yet: the first one is let in by a link.
    let first = opened.engine.tokens().await?.iter().all(|token| token.role.is_none());
    let telling = opened.engine.tells();
    let (engine, dialects, closing) = opened.into_server();
    let shared = Arc::clone(&engine);
    let notes = Arc::new(|note: String| tracing::warn!("{note}"));
    let running = match Server::new(engine, dialects, notes).logging_in_through(oidc).start(options).await {
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
        tracing::info!("events of {app} are taken at {console}/hooks/{app}");
    }
    if let Some(apart) = running.metrics {
        tracing::info!("health, readiness and numbers are told at http://{apart}");
    }
    if let Some(issuer) = issuer {
        tracing::info!("people log in through {issuer}; it sends them back to {console}{}", serve::BACK);
    }
    if first && args.log == Form::Json {
        // Whatever collects the log is nobody to be let in.
        tracing::info!("nobody has logged in yet: `provost token link` makes a link");
    } else if first {
        let secret = shared.make_link(owner::user()).await?;
        face.note(&format!("to log in to the console, once, within a quarter of an hour: {}", link(&console, &secret)));
    }
    if sources.is_empty() {
        tracing::info!("no source has kind = \"scim\": nobody can push anything yet (docs/scim.md)");
    }
    let teller = telling.then(|| tokio::spawn(tell(Arc::clone(&shared))));
    drop(shared);
    tracing::info!("control-C stops it");
    stops.next().await;
    if let Some(teller) = teller {
        // Whoever is being told is told again, with the same id, when there is a server again.
        teller.abort();
        teller.await.ok();
    }
    tracing::info!("stopping: what is under way is answered first; once more ends it at once");
    let stopped = tokio::select! {
        stopped = running.stop() => stopped,
        () = stops.next() => {
            tracing::warn!("ended at once: what was under way is cut off; `provost resume` goes on with a run");
            // Nothing is waited for but the log, whatever is being computed: what counts is on disk.
            drop(log);
            std::process::exit(1);
        }
    };
    closing.close().await;
    if stopped? {
        tracing::warn!("what took too long to stop was cut off; `provost resume` goes on with a run");
    }
    if log.lost() > 0 {
        tracing::warn!("{} lines of this log were left out: whoever reads it was too slow", log.lost());
    }
    tracing::info!("stopped");
    if let Some(traces) = traces {
        traces.end().await;
    }
    Ok(End::Done)
}

/// Looks every second for what people are to be told of, and for what is to be tried again.
async fn tell(engine: Arc<Engine>) {
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
            tracing::warn!("notices are still to be sent: {trouble}");
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
        ServeError::Open { .. } => "name an address of this machine; from elsewhere /metrics takes a viewer's token",
        ServeError::Listen { .. } => "another program may listen there: name another port with --listen, or in [serve]",
    };
    Failure::new(error.to_string(), next)
}
