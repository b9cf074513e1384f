//! `provost approve`, `reject` and `ask`: a person's yes, no, or that it was they who asked, about one digest.

use clap::Args;
use engine::Divided;
use model::{Digest, Spoken, Verdict};
use serde_json::json;

use super::pick;
use super::signing::{Signed, SigningArgs};
use super::split::{divided_json, divided_text};
use crate::args::Globals;
use crate::faces::{End, Face};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

const APPROVE_AFTER: &str = "\
Examples:
  provost approve open                 the open plan of the last planning
  provost approve 3f9c21d0             by the first digits of its digest
  provost approve plan.json
  provost approve held-access_lost     release what a guard held back
  provost approve open --key ~/.ssh/id_ed25519              signed: what counts where four eyes are wanted
  provost approve open --leave-out E00059                   all but this person
  provost approve open --print-statement --as bob > yes     to be signed elsewhere: ssh-keygen -Y sign -f KEY -n provost yes
  provost approve open --signature yes.sig

A yes is for exactly these bytes, is used once, and expires.";

const REJECT_AFTER: &str = "\
Examples:
  provost reject held-access_lost --reason \"the export lacks the Berlin office\"";

const ASK_AFTER: &str = "\
Where policy wants four eyes, whoever asked for a plan has to be known as surely as whoever approves it.  `provost plan --key FILE` does
this in one go; for a plan that is there, from a schedule say:

Examples:
  provost ask held-access_lost --key ~/.ssh/id_ed25519
  provost ask open --print-statement --as alice > asking    then: ssh-keygen -Y sign -f KEY -n provost asking
  provost ask open --signature asking.sig";

/// Say yes to plans
#[derive(Debug, Args)]
#[command(after_help = APPROVE_AFTER)]
pub(crate) struct ApproveArgs {
    #[arg(required = true, value_name = "PLAN", help = pick::PLAN_HELP)]
    plans: Vec<String>,
    /// Leave this person's steps out (by key), or this step (8 digits of its id or more); may be given again
    #[arg(long, value_name = "PERSON|STEP", conflicts_with_all = ["signature", "print_statement"])]
    leave_out: Vec<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Say no to a plan
#[derive(Debug, Args)]
#[command(after_help = REJECT_AFTER)]
pub(crate) struct RejectArgs {
    #[arg(value_name = "PLAN", help = pick::PLAN_HELP)]
    plan: String,
    /// Why, for whoever asked
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Stand for having asked for plans, with a signature
#[derive(Debug, Args)]
#[command(after_help = ASK_AFTER)]
pub(crate) struct AskArgs {
    #[arg(required = true, value_name = "PLAN", help = pick::PLAN_HELP)]
    plans: Vec<String>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Says yes to each plan; all are found before the first is decided.
///
/// # Errors
/// A [`Failure`]; plans approved before it stay approved, and are told.
pub(crate) async fn approve(globals: &Globals, args: &ApproveArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let (store, now) = (opened.engine.store(), opened.clock.now());
    one(&args.plans, args.signing.elsewhere() || !args.leave_out.is_empty())?;
    let mut plans = Vec::new();
    for word in &args.plans {
        plans.push(pick::plan(store, word, now).await?);
    }
    let mut divided: Option<Divided> = None;
    let mut chosen: Vec<(Digest, u64)> = plans.iter().map(|stored| (stored.summary.digest, stored.summary.steps)).collect();
    if let (Some(stored), false) = (plans.first(), args.leave_out.is_empty()) {
        if stored.plan.four_eyes {
            let what = "whoever leaves steps out asks for the plans that come of it, and this plan needs another person's yes";
            let next = format!("provost split {} --leave-out … --key FILE; then somebody else approves", args.plans[0]);
            return Err(Failure::new(what, next));
        }
        let made = opened.engine.leave_out(&stored.summary.digest, &args.leave_out, &owner::user()).await?;
        chosen = vec![(made.kept.digest, made.kept.steps)];
        divided = Some(made);
    }
    let mut approved = Vec::new();
    let mut failed = None;
    for (digest, steps) in chosen {
        let said = match args.signing.say(&opened.engine, &opened.approvers, &digest, Spoken::Yes).await {
            Ok(Signed::Print(statement)) => {
                face.bytes(&statement);
                opened.close().await;
                return Ok(End::Waits);
            }
            Ok(Signed::Said(name, until)) => Ok((until, Some(name))),
            Ok(Signed::Not) => {
                let decided = opened.engine.decide(&digest, Verdict::Yes, owner::user()).await;
                decided.map(|until| (until, None)).map_err(Failure::from)
            }
            Err(error) => Err(error),
        };
        match said {
            Ok((expires, by)) => approved.push((digest, steps, expires, by)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let audit = opened.engine.store().audit_head().await?;
    opened.close().await;
    if !approved.is_empty() {
        let rows: Vec<_> = approved
            .iter()
            .map(|(digest, steps, expires, by)| {
                let mut row = json!({ "digest": digest, "steps": steps, "expires": expires });
                if let Some(by) = by {
                    row["signed_by"] = json!(by);
                }
                row
            })
            .collect();
        let mut value = json!({ "approved": rows, "audit": audit });
        if let Some(divided) = &divided {
            value["split"] = divided_json(divided);
        }
        face.show(&value, || {
            let mut text = divided.as_ref().map(divided_text).unwrap_or_default();
            for (digest, steps, expires, by) in &approved {
                let short = digest.short();
                let by = by.as_ref().map(|by| format!(", signed by {by}")).unwrap_or_default();
                text.push_str(&format!("approved plan {short} ({steps} steps){by}, until {expires}\nnext: provost apply {short}\n"));
            }
            text
        })?;
        super::audit::note(face, audit);
    }
    failed.map_or(Ok(End::Done), Err)
}

/// Says no to a plan.
///
/// # Errors
/// A [`Failure`]; nothing was decided then.
pub(crate) async fn reject(globals: &Globals, args: &RejectArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    let reason = args.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(Failure::new("a no needs its reason", "--reason \"…\", for whoever asked"));
    }
    let opened = Opened::open(globals, Reach::Store).await?;
    let digest = pick::plan(opened.engine.store(), &args.plan, opened.clock.now()).await?.summary.digest;
    let spoken = Spoken::No { reason: reason.clone() };
    match args.signing.say(&opened.engine, &opened.approvers, &digest, spoken).await? {
        Signed::Print(statement) => {
            opened.close().await;
            face.bytes(&statement);
            return Ok(End::Waits);
        }
        Signed::Said(..) => {}
        Signed::Not => drop(opened.engine.decide(&digest, Verdict::No { reason }, owner::user()).await?),
    }
    let audit = opened.engine.store().audit_head().await?;
    opened.close().await;
    face.show(&json!({ "rejected": digest, "audit": audit }), || format!("rejected plan {}", digest.short()))?;
    super::audit::note(face, audit);
    Ok(End::Done)
}

/// Stands for having asked for each plan.
///
/// # Errors
/// A [`Failure`]; plans asked for before it stay so.
pub(crate) async fn ask(globals: &Globals, args: &AskArgs) -> Result<End, Failure> {
    let face = globals.face();
    face.plain()?;
    if args.signing.none() {
        let next = "--key FILE, or --print-statement --as NAME and then --signature FILE";
        return Err(Failure::new("an asking that nobody signs says nothing new", next));
    }
    one(&args.plans, args.signing.elsewhere())?;
    let opened = Opened::open(globals, Reach::Store).await?;
    let mut asked = Vec::new();
    for word in &args.plans {
        let plan = pick::plan(opened.engine.store(), word, opened.clock.now()).await?.summary;
        match args.signing.say(&opened.engine, &opened.approvers, &plan.digest, Spoken::Ask).await? {
            Signed::Print(statement) => {
                opened.close().await;
                face.bytes(&statement);
                return Ok(End::Waits);
            }
            Signed::Said(name, until) => asked.push((plan.digest, name, until)),
            Signed::Not => {}
        }
    }
    opened.close().await;
    told(face, &asked)?;
    Ok(End::Waits)
}

fn told(face: Face, asked: &[(Digest, String, jiff::Timestamp)]) -> Result<(), Failure> {
    let rows: Vec<_> = asked.iter().map(|(digest, by, until)| json!({ "digest": digest, "by": by, "expires": until })).collect();
    face.show(&json!({ "asked": rows }), || {
        asked
            .iter()
            .map(|(digest, by, until)| format!("{by} asked for plan {}, until {until:.0}: somebody else approves\n", digest.short()))
            .collect()
    })
}

/// What is signed elsewhere, or split, is one plan.
fn one(plans: &[String], only: bool) -> Result<(), Failure> {
    if only && plans.len() > 1 {
        return Err(Failure::new("this is about one plan at a time", "name one plan"));
    }
    Ok(())
}
