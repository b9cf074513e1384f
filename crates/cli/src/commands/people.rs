//! `provost people`: everybody in the last reading of the roster, with their accounts.

use clap::Args;
use engine::PersonRow;
use model::Standing;
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost people
  provost people --left                 who left, and whether an account is still active
  provost people --format json";

/// List the people of the roster and their accounts
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct PeopleArgs {
    /// Only those who left
    #[arg(long)]
    left: bool,
}

pub(crate) async fn run(globals: &Globals, args: &PeopleArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let everybody = opened.engine.people().await?;
    opened.close().await;
    let people: Vec<&PersonRow> = everybody.iter().filter(|person| !args.left || person.standing == Standing::Left).collect();
    face.show(&json!({ "people": people }), || list(&people))?;
    Ok(End::Done)
}

fn list(people: &[&PersonRow]) -> String {
    let mut table = Table::new(["KEY", "NAME", "E-MAIL", "DEPARTMENT", "STATUS", "ACCOUNTS"]);
    for person in people {
        let standing = match person.standing {
            Standing::Active => "active",
            Standing::Left => "left",
            Standing::Unsaid => "listed",
        };
        let accounts = person.accounts.iter().map(|linked| {
            let active = match linked.active {
                Some(true) => "",
                Some(false) => " (inactive)",
                None => " (not seen)",
            };
            format!("{} {}{active}", linked.app, linked.account)
        });
        let accounts = accounts.collect::<Vec<_>>().join(", ");
        let (key, name) = (person.key.to_string(), person.name.clone());
        table.row([key, name, person.email.clone(), person.department.clone(), standing.into(), accounts]);
    }
    table.lines()
}
