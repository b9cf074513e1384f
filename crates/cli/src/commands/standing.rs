//! `provost standing`: decisions made ahead; they count once they are approved themselves.

use clap::{Args, Subcommand};
use engine::{StandingRow, StandingState};
use serde_json::json;

use super::signing::{Signed, SigningArgs};
use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost standing list                 what [[approval.standing]] says, and whether it counts
  provost standing approve 3f9c21d0     say yes to one, as it is written now
  provost standing approve 3f9c21d0 --key ~/.ssh/id_ed25519     signed: what counts where four eyes are wanted
  provost standing revoke 3f9c21d0      take that back: plans that it approved and nobody carried out are void";

/// Decisions made ahead: list, approve, revoke
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct StandingArgs {
    #[command(subcommand)]
    command: StandingCommand,
}

#[derive(Debug, Subcommand)]
enum StandingCommand {
    /// Show the standing approvals of the configuration and where they stand
    List,
    /// Say yes to a standing approval
    Approve {
        /// The first digits of its digest
        #[arg(value_name = "DIGEST")]
        digest: String,
        #[command(flatten)]
        signing: Box<SigningArgs>,
    },
    /// Take back the yes to a standing approval
    Revoke {
        /// The first digits of its digest
        #[arg(value_name = "DIGEST")]
        digest: String,
    },
}

pub(crate) async fn run(globals: &Globals, args: &StandingArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let engine = &opened.engine;
    let done = match &args.command {
        StandingCommand::List => engine.standing().await.map_err(Failure::from),
        StandingCommand::Approve { digest, signing } => match approve(&opened, digest, signing).await {
            Ok(Approval::Print(statement)) => {
                opened.close().await;
                face.bytes(&statement);
                return Ok(End::Waits);
            }
            Ok(Approval::Given(row)) => Ok(vec![*row]),
            Err(error) => Err(error),
        },
        StandingCommand::Revoke { digest } => {
            engine.say_standing(digest, false, owner::user()).await.map(|row| vec![row]).map_err(Failure::from)
        }
    };
    opened.close().await;
    let rows = done?;
    face.show(&json!({ "standing": rows }), || table(&rows))?;
    Ok(End::Done)
}

/// What came of saying yes.
enum Approval {
    Print(Vec<u8>),
    Given(Box<StandingRow>),
}

async fn approve(opened: &Opened, prefix: &str, signing: &SigningArgs) -> Result<Approval, Failure> {
    let engine = &opened.engine;
    let (row, spoken) = engine.standing_named(prefix).await?;
    match signing.say(engine, &opened.approvers, &row.digest, spoken).await? {
        Signed::Print(statement) => Ok(Approval::Print(statement)),
        Signed::Said(..) => Ok(Approval::Given(Box::new(engine.standing_named(&row.digest.to_string()).await?.0))),
        Signed::Not => Ok(Approval::Given(Box::new(engine.say_standing(&row.digest.to_string(), true, owner::user()).await?))),
    }
}

fn table(rows: &[StandingRow]) -> String {
    if rows.is_empty() {
        return "the configuration has no [[approval.standing]]".to_owned();
    }
    let mut table = Table::new(["STANDING", "SOURCE", "EFFECTS", "STEPS A DAY", "UNTIL", "STANDS"]);
    for StandingRow { digest, rule, state, why, by, at, used } in rows {
        let effects: Vec<&str> = rule.effects.iter().map(|effect| effect.word()).collect();
        let who = by.as_ref().zip(*at).map(|(by, at)| format!(" ({} at {at:.0})", by.name)).unwrap_or_default();
        let stands = match state {
            StandingState::InForce => format!("in force{who}"),
            StandingState::NeverApproved => "not approved as it is written now".to_owned(),
            StandingState::Revoked => format!("revoked{who}"),
            StandingState::Expired => "its last day is over".to_owned(),
            StandingState::Unsigned => format!("not in force{who}: {}", why.as_deref().unwrap_or_default()),
            StandingState::PolicyChanged => format!("the policy changed since it was approved{who}: approve it again"),
        };
        let count = format!("{used} of {}", rule.max);
        table.row([digest.short(), rule.source.to_string(), effects.join(", "), count, rule.until.to_string(), stands]);
    }
    table.lines()
}
