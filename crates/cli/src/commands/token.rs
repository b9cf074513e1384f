//! `provost token`: what lets an identity provider in.

use clap::{Args, Subcommand};
use engine::EngineError;
use jiff::{SignedDuration, Timestamp};
use model::{Secret, SourceName, Token};
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
  provost token list                                   whose there are, and when each was last used
  provost token rotate 3f9c21d0a7b4 --overlap 24h      a new one; the old one counts for another day
  provost token revoke 3f9c21d0a7b4                    end it now

A token is shown once and kept as a hash only.  Its public part, behind pvt_, is what list, rotate and revoke name it by.";

/// Tokens that let identity providers in: create, list, rotate, revoke
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
        #[arg(long, value_name = "SOURCE")]
        source: String,
        /// For how long it counts (90d); for ever when nothing is said
        #[arg(long, value_name = "TIME", value_parser = length)]
        expires: Option<i64>,
    },
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
        TokenCommand::Create { source, expires } => {
            engine.make_token(&SourceName::new(source.as_str()), lasts(expires), by).await.map(|made| Done::Made(Box::new(made)))
        }
        TokenCommand::Rotate { id, expires, overlap } => {
            let overlap = lasts(overlap).unwrap_or(SignedDuration::ZERO);
            engine.rotate_token(public(id), lasts(expires), overlap, by).await.map(|made| Done::Made(Box::new(made)))
        }
        TokenCommand::List => engine.tokens().await.map(Done::Listed),
        TokenCommand::Revoke { id } => engine.revoke_token(public(id), &by).await.map(|token| Done::Listed(vec![token])),
    };
    opened.close().await;
    show(face, done.map_err(failed)?, now)
}

enum Done {
    Made(Box<(Token, Secret)>),
    Listed(Vec<Token>),
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
            face.note("this is shown once and kept nowhere: put it where the identity provider keeps it, as a bearer token");
        }
        Done::Listed(tokens) => {
            let all: Vec<Value> = tokens.iter().map(|token| described(token, now)).collect();
            face.show(&json!({ "tokens": all }), || table(&tokens, now))?;
        }
    }
    Ok(End::Done)
}

fn described(token: &Token, now: Timestamp) -> Value {
    let Token { id, hash: _, purpose, subject, made, made_by, expires, used } = token;
    json!({
        "id": id, "for": purpose, "source": subject, "made": made, "made_by": made_by.name, "expires": expires, "used": used,
        "counts": expires.is_none_or(|expires| now < expires),
    })
}

fn table(tokens: &[Token], now: Timestamp) -> String {
    if tokens.is_empty() {
        return "there is no token; `provost token create --source NAME` makes one".to_owned();
    }
    let mut table = Table::new(["TOKEN", "SOURCE", "MADE", "LAST USED", "COUNTS"]);
    for Token { id, subject, made, made_by, expires, used, .. } in tokens {
        let used = used.map_or_else(|| "never".to_owned(), |used| format!("{used:.0}"));
        let counts = match expires {
            None => "until it is revoked".to_owned(),
            Some(expires) if now < *expires => format!("until {expires:.0}"),
            Some(expires) => format!("ended {expires:.0}"),
        };
        table.row([id.clone(), subject.clone(), format!("{made:.0} by {}", made_by.name), used, counts]);
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
