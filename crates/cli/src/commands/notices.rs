//! `provost notices`: what people were told, and what could not be delivered.

use clap::{Args, Subcommand};
use model::{Delivery, DeliveryState};
use serde_json::json;

use crate::args::Globals;
use crate::faces::{End, Table};
use crate::failure::Failure;
use crate::wiring::{Opened, Reach};

const AFTER: &str = "\
Examples:
  provost notices                       what was sent, what waits, what was put aside, and why
  provost notices send 019a3f           send one again, now

Who is told of what: [notice.NAME] (docs/notices.md).";

/// Show what people were told, and send again what could not be delivered
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct NoticesArgs {
    #[command(subcommand)]
    command: Option<NoticesCommand>,
}

#[derive(Debug, Subcommand)]
enum NoticesCommand {
    /// Send one again, now: the same content under the same id
    Send {
        /// Which: its id, or how that begins
        #[arg(value_name = "ID")]
        id: String,
    },
}

pub(crate) async fn run(globals: &Globals, args: &NoticesArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    match &args.command {
        None => {
            let deliveries = opened.engine.store().deliveries().await;
            opened.close().await;
            let deliveries = deliveries?;
            face.show(&json!({ "notices": deliveries }), || list(&deliveries))?;
            let aside = deliveries.iter().any(|delivery| delivery.state == DeliveryState::Aside);
            Ok(if aside { End::Waits } else { End::Done })
        }
        Some(NoticesCommand::Send { id }) => {
            let sent = opened.engine.send_notice_again(id).await;
            opened.close().await;
            let delivery = sent?;
            if delivery.state != DeliveryState::Sent {
                let next = match delivery.state {
                    DeliveryState::Aside => format!("mend that; `provost notices send {}` tries again", delivery.id),
                    _ => "mend that; it is tried again by itself, and `provost notices` shows when".to_owned(),
                };
                return Err(Failure::new(format!("notice {} to {} was not taken: {}", delivery.id, delivery.to, delivery.why), next));
            }
            face.show(&json!({ "notice": delivery }), || format!("sent {} to {}", delivery.id, delivery.to))?;
            Ok(End::Done)
        }
    }
}

fn list(deliveries: &[Delivery]) -> String {
    if deliveries.is_empty() {
        return "nobody was told of anything yet".to_owned();
    }
    let mut table = Table::new(["ID", "TO", "MADE", "STATE", "TRIES", "WHAT", ""]);
    for delivery in deliveries {
        let state = match delivery.state {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Sent => "sent",
            DeliveryState::Aside => "put aside",
        };
        let next = delivery.next.map(|next| format!("; next try {next:.0}")).unwrap_or_default();
        let why = if delivery.why.is_empty() { String::new() } else { format!("{}{next}", delivery.why) };
        table.row([
            delivery.id.clone(),
            delivery.to.clone(),
            format!("{:.0}", delivery.made),
            state.to_owned(),
            delivery.tries.to_string(),
            plan::notice::line(&delivery.notice),
            why,
        ]);
    }
    table.lines()
}
