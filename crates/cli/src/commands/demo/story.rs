//! The story itself: what happens, what is told, and what must come out.

use std::io::IsTerminal;
use std::path::Path;

use engine::{Ask, Proposed, RunSummary};
use jiff::Timestamp;
use model::{Digest, Effect, FindingKind, Plan, RunState, Verb, Verdict};
use plan::render::{self, Document};
use serde_json::json;

use super::{DAYS, FORMER, Platforms, write};
use crate::args::Globals;
use crate::faces::{Face, Format, Progress};
use crate::failure::Failure;
use crate::owner;
use crate::wiring::{Opened, Reach};

/// Steps of each kind that a plan shows here.
const SHOWN: usize = 3;
/// People and leavers of the bundled rosters: what must come out.
const ACTIVE: usize = 870;
const HELD_LEAVERS: usize = 6;
const OTHER_LEAVERS: usize = 7;

/// The teller: prints a chapter, does it, and says when something is not as it should be.
struct Teller<'a> {
    globals: Globals,
    face: Face,
    platforms: &'a Platforms,
    dir: &'a Path,
    as_of: Timestamp,
}

/// Plays the whole story.
///
/// # Errors
/// A [`Failure`] that says which part did not come out as it should.
pub(super) async fn tell(globals: &Globals, dir: &Path, platforms: &Platforms) -> Result<(), Failure> {
    let mut globals = globals.clone();
    globals.config = Some(dir.join(crate::config::FILE));
    let mut teller = Teller { face: globals.face(), globals, platforms, dir, as_of: Timestamp::UNIX_EPOCH };
    teller.first_day().await?;
    teller.half_a_year_later().await?;
    let folder = dir.display();
    teller.say(&format!(
        "\nThat was the whole story.  It goes on in {folder}:\n  cd {folder}\n  provost plan             nothing is left to do; edit roster.csv and plan again\n  provost explain {}    somebody who left in 1997 and came back\n  provost findings         what a person should look at\n  provost runs             what was done, and when",
        FORMER.0
    ));
    if teller.face.format == Format::Json {
        teller.face.json(&json!({ "story": "as it should be", "folder": folder.to_string() }));
    }
    Ok(())
}

impl Teller<'_> {
    fn say(&self, text: &str) {
        if self.face.format == Format::Text {
            self.face.text(text);
        }
    }

    fn chapter(&self, title: &str) {
        self.say(&format!("\n── {title} {}", "─".repeat(100_usize.saturating_sub(title.chars().count()))));
    }

    fn day(&mut self, day: usize) -> Result<(), Failure> {
        let (instant, roster) = DAYS[day];
        self.as_of = instant.parse().expect("the story's days are instants");
        self.globals.now = Some(self.as_of);
        self.platforms.set_clock(self.as_of);
        write(&self.dir.join("roster.csv"), roster)
    }

    async fn first_day(&mut self) -> Result<(), Failure> {
        self.day(0)?;
        self.chapter("1 January 1998: two empty platforms, 966 rows of an HR export");
        let proposed = self.plan().await?;
        let open = &proposed.proposal.open;
        expect(count(open, "lessonly", Verb::Create) == ACTIVE, "every active person gets an account on Lessonly")?;
        expect(count(open, "absorb", Verb::Create) == ACTIVE, "every active person gets an account on Absorb")?;
        expect(proposed.proposal.held.is_empty(), "nothing is held on the first day")?;
        self.carry_out(proposed.digests[0], open).await?;
        self.nothing_left().await
    }

    async fn half_a_year_later(&mut self) -> Result<(), Failure> {
        self.day(1)?;
        self.chapter("1 July 1998: joiners, movers, leavers, somebody who comes back");
        let proposed = self.plan().await?;
        let open = &proposed.proposal.open;
        let [held] = proposed.proposal.held.as_slice() else {
            return expect(false, "one plan is held: the leavers of Customer Service");
        };
        for app in ["lessonly", "absorb"] {
            expect(count(open, app, Verb::Leave) == OTHER_LEAVERS, "the other leavers go on")?;
            expect(count(held, app, Verb::Leave) == HELD_LEAVERS, "the department's leavers are held")?;
            expect(count(open, app, Verb::Restore) == 1, "who comes back gets the old account back")?;
            expect(count(open, app, Verb::Create) > 0 && count(open, app, Verb::Update) > 0, "there are joiners and movers")?;
        }
        self.carry_out(proposed.digests[0], open).await?;
        self.chapter("The held plan: somebody looked at the names and says yes");
        self.carry_out(proposed.digests[1], held).await?;
        self.nothing_left().await
    }

    async fn plan(&self) -> Result<Proposed, Failure> {
        let proposed = self.propose().await?;
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        self.say(&render::text(Document::from(&proposed.proposal).at_most(SHOWN), colour));
        Ok(proposed)
    }

    async fn propose(&self) -> Result<Proposed, Failure> {
        let opened = Opened::open(&self.globals, Reach::Apps).await?;
        let progress = Progress::new(self.face);
        let ask = Ask { as_of: self.as_of, only: None, full: false, asker: owner::user() };
        let proposed = opened.engine.propose(ask, &progress).await;
        progress.end();
        opened.close().await;
        Ok(proposed?)
    }

    /// Approves and applies a plan, and says what came of it.
    async fn carry_out(&self, digest: Digest, plan: &Plan) -> Result<(), Failure> {
        self.say(&format!("$ provost approve {}\n$ provost apply {}", digest.short(), digest.short()));
        let opened = Opened::open(&self.globals, Reach::Apps).await?;
        let progress = Progress::new(self.face);
        let done: Result<(RunSummary, String), Failure> = async {
            opened.engine.decide(&digest, Verdict::Yes, owner::user()).await?;
            let summary = opened.engine.execute(&digest, &progress).await?;
            let report = opened.engine.report(&summary.run.id).await?;
            Ok((summary, report.text(false)))
        }
        .await;
        progress.end();
        opened.close().await;
        let (summary, report) = done?;
        self.say(&report);
        let (finished, steps) = (summary.run.state == RunState::Finished, plan.steps.len());
        expect(finished && summary.done == steps, &format!("all {steps} steps are done"))
    }

    /// Plans again: nothing may be left.
    async fn nothing_left(&self) -> Result<(), Failure> {
        let proposed = self.propose().await?;
        let plans: Vec<&Plan> = proposed.proposal.plans().collect();
        expect(plans.iter().all(|plan| plan.steps.is_empty()), "planning again finds nothing to do")?;
        let lost = |plan: &&Plan| plan.steps.iter().any(|step| step.effects.contains(&Effect::AccessLost));
        expect(!plans.iter().any(lost), "nobody else loses anything")?;
        expect(!proposed.proposal.findings.iter().any(|finding| finding.kind == FindingKind::Duplicate), "nobody has two accounts")?;
        self.say("$ provost plan\nNothing to do: both platforms are true to the roster.");
        Ok(())
    }
}

fn count(plan: &Plan, app: &str, verb: Verb) -> usize {
    plan.steps.iter().filter(|step| step.app.as_str() == app && step.verb == verb).count()
}

fn expect(holds: bool, what: &str) -> Result<(), Failure> {
    if holds {
        return Ok(());
    }
    Err(Failure::new(format!("the story did not come out as it should: {what}"), "the folder is left as it is; please report this"))
}
