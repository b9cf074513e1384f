//! `provost token`: what lets identity providers and other programs in.

use clap::{Args, Subcommand};
use engine::EngineError;
use jiff::{SignedDuration, Timestamp};
use model::{Role, Secret, SourceName, Token};
use serde_json::{Value, json};

use crate::args::Globals;
use crate::config::seconds;
use crate::faces::{End, Face, Format, Table};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost token create --source okta                   a token for what [source.okta] pushes, shown once
  provost token create --source okta --expires 365d
  provost token create --name ci --role operator --expires 90d    a token for a program that uses the API
  provost token link                                   logs you in to the console of `provost serve`, once
  provost token list                                   whose there are, and when each was last used
  provost token rotate 3f9c21d0a7b4 --overlap 24h      a new one; the old one counts for another day
  provost token revoke 3f9c21d0a7b4                    end it now

A token is shown once and kept as a hash only.  Its public part, behind pvt_, is what list, rotate and revoke name it by.";

/// Tokens that let identity providers and other programs in: create, list, rotate, revoke
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and show it, once
    Create {
        /// For what this source pushes
        #[arg(long, value_name = "SOURCE", required_unless_present = "name", conflicts_with_all = ["name", "role"])]
        source: Option<String>,
        /// For a program that uses the API under this name
        #[arg(long, value_name = "NAME", requires = "role", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        name: Option<String>,
        /// What that program may do: viewer, operator, approver or admin
        #[arg(long, value_name = "ROLE", requires = "name")]
        role: Option<Role>,
        /// For how long it counts (90d); for ever when nothing is said
        #[arg(long, value_name = "TIME", value_parser = length)]
        expires: Option<i64>,
    },
    /// Make a link that logs its first user in to the console as an admin, once, within a quarter of an hour
    Link,
    /// Show the tokens there are, and when they were last used
    List,
    /// Make a token in the place of another
    Rotate {
        /// The public part of the old one
        #[arg(value_name = "TOKEN")]
        id: String,
        /// For how long the new one counts (90d); for ever when nothing is said
        #[arg(long, value_name = "TIME", value_parser = length)]
        expires: Option<i64>,
        /// For how long the old one goes on to count (24h); not at all when nothing is said
        #[arg(long, value_name = "TIME", value_parser = length)]
        overlap: Option<i64>,
    },
    /// End a token now
    Revoke {
        /// Its public part
        #[arg(value_name = "TOKEN")]
        id: String,
    },
}

pub(crate) async fn run(globals: &Globals, args: &TokenArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let (engine, now, by) = (&opened.engine, opened.clock.now(), owner::user());
    let lasts = |seconds: &Option<i64>| seconds.map(SignedDuration::from_secs);
    let done = match &args.command {
        TokenCommand::Create { source, name, role, expires } => {
            let made = match (source, name, role) {
                (_, Some(name), Some(role)) => engine.make_api_token(name, *role, lasts(expires), by).await,
                (source, ..) => engine.make_token(&SourceName::new(source.as_deref().unwrap_or_default()), lasts(expires), by).await,
            };
            made.map(|made| Done::Made(Box::new(made)))
        }
        TokenCommand::Rotate { id, expires, overlap } => {
            let overlap = lasts(overlap).unwrap_or(SignedDuration::ZERO);
            engine.rotate_token(public(id), lasts(expires), overlap, by).await.map(|made| Done::Made(Box::new(made)))
        }
        TokenCommand::Link => engine.make_link(by).await.map(|secret| Done::Link(console(&opened.serve), secret)),
        TokenCommand::List => engine.tokens().await.map(Done::Listed),
        TokenCommand::Revoke { id } => engine.revoke_token(public(id), &by).await.map(|token| Done::Listed(vec![token])),
    };
    opened.close().await;
    show(face, done.map_err(failed)?, now)
}

enum Done {
    Made(Box<(Token, Secret)>),
    Link(String, Secret),
    Listed(Vec<Token>),
}

/// The address of the console, where configuration says it.
fn console(options: &serve::Options) -> String {
    options.url.clone().unwrap_or_else(|| format!("http://{}", options.listen))
}

/// A link that logs its first user in.
pub(super) fn link(console: &str, secret: &Secret) -> String {
    format!("{console}/log-in?link={}", secret.expose())
}

fn show(face: Face, done: Done, now: Timestamp) -> Result<End, Failure> {
    match done {
        Done::Made(made) if face.format == Format::Json => {
            let (token, secret) = *made;
            let mut said = described(&token, now);
            said["token"] = secret.expose().into();
            face.json(&said);
        }
        Done::Made(made) => {
            // Alone on its line, so that it can be piped into where it is kept.
            face.text(made.1.expose());
            face.note("this is shown once and kept nowhere: put it where whoever uses it keeps it, as a bearer token");
        }
        Done::Link(console, secret) if face.format == Format::Json => face.json(&json!({ "link": link(&console, &secret) })),
        Done::Link(console, secret) => {
            face.text(&link(&console, &secret));
            face.note("this logs its first user in as an admin, once, within a quarter of an hour");
        }
        Done::Listed(tokens) => {
            let all: Vec<Value> = tokens.iter().map(|token| described(token, now)).collect();
            face.show(&json!({ "tokens": all }), || table(&tokens, now))?;
        }
    }
    Ok(End::Done)
}

fn described(token: &Token, now: Timestamp) -> Value {
    let Token { id, hash: _, purpose, subject, role, made, made_by, expires, used } = token;
    let mut said = json!({
        "id": id, "for": purpose, "made": made, "made_by": made_by.name, "expires": expires, "used": used,
        "counts": expires.is_none_or(|expires| now < expires),
    });
    match role {
        None => said["source"] = json!(subject),
        Some(role) => {
            said["name"] = json!(subject);
            said["role"] = json!(role);
        }
    }
    said
}

fn table(tokens: &[Token], now: Timestamp) -> String {
    if tokens.is_empty() {
        return "there is no token; `provost token create --source NAME` makes one for an identity provider, `--name NAME --role ROLE` one for a program".to_owned();
    }
    let mut table = Table::new(["TOKEN", "FOR", "MADE", "LAST USED", "COUNTS"]);
    for Token { id, purpose, subject, role, made, made_by, expires, used, .. } in tokens {
        let used = used.map_or_else(|| "never".to_owned(), |used| format!("{used:.0}"));
        let counts = match expires {
            None => "until it is revoked".to_owned(),
            Some(expires) if now < *expires => format!("until {expires:.0}"),
            Some(expires) => format!("ended {expires:.0}"),
        };
        let whose = match role {
            None => format!("source {subject}"),
            Some(role) => format!("{purpose}: {subject} ({role})"),
        };
        table.row([id.clone(), whose, format!("{made:.0} by {}", made_by.name), used, counts]);
    }
    table.lines()
}

/// The public part, also where all of a token is given.
fn public(given: &str) -> &str {
    let given = given.strip_prefix("pvt_").unwrap_or(given);
    given.split_once('_').map_or(given, |(id, _)| id)
}

fn failed(error: EngineError) -> Failure {
    let next = match &error {
        EngineError::NotPushed { .. } => "name a source that has kind = \"scim\" in the configuration (docs/scim.md)",
        EngineError::NoSuchToken { .. } => "`provost token list` shows the public parts of those there are",
        EngineError::TokenEnded { .. } => "make a new one: provost token create --source NAME",
        _ => return error.into(),
    };
    Failure::new(error.to_string(), next)
}

fn length(text: &str) -> Result<i64, String> {
    seconds(text).filter(|seconds| *seconds > 0).ok_or_else(|| "write a whole number and a unit: 90s, 24h, 90d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_named_by_its_public_part() {
        assert_eq!(public("3f9c21d0a7b4"), "3f9c21d0a7b4");
        assert_eq!(public("pvt_3f9c21d0a7b4_00ff"), "3f9c21d0a7b4");
    }
}
