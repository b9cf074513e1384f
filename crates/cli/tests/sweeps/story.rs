//! The story that is swept over: the company's one plan from planning to an empty second plan, gone on with whatever happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use model::{Digest, RunId, RunState, StepState};
use sandbox::Limit;

use crate::company::{ENROL, ROSTER, base_of, fill_absorb, fill_lessonly, in_absorb, in_lessonly, policy};
use crate::rig::{Director, Lived, Setup, StoreAt, World, known_text};

pub(crate) const HEADER: &str =
    "employee_id,first_name,last_name,work_email,job_title,department,manager_id,status,hire_date,termination_date\n";
/// How often a person tries again before giving up.
const TRIES: usize = 60;
/// How long a person waits before that.
const BETWEEN: SignedDuration = SignedDuration::from_mins(1);

/// Where a story takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) profile: &'static str,
    pub(crate) store: StoreAt,
}

/// The company in a world of its own.
pub(crate) struct Story {
    pub(crate) world: World,
    /// For the checker: what was there.
    bases: Vec<String>,
}

impl Story {
    pub(crate) fn new(place: Place) -> Self {
        Self::with(place, "", "")
    }

    /// With faults at Lessonly and at Absorb, as `--faults` writes them.
    pub(crate) fn with(place: Place, at_lessonly: &str, at_absorb: &str) -> Self {
        let world = World::new(Setup {
            seed: 1,
            now: "1998-01-01T12:00:00Z".parse().expect("an instant"),
            profile: place.profile,
            config: policy(&known_text(ENROL)),
            store: place.store,
            faults: (at_lessonly.to_owned(), at_absorb.to_owned()),
            limit: Limit::Off,
            groups: ["Sales", "Development", "Customer Service"].map(str::to_owned).into(),
            rules: Vec::new(),
        });
        let lessonly = base_of(in_lessonly(&world.lessonly), &world.read("lessonly.ledger.jsonl"));
        let absorb = base_of(in_absorb(&world.absorb), &world.read("absorb.ledger.jsonl"));
        fill_lessonly(&world.lessonly);
        let course = fill_absorb(&world.absorb, place.profile);
        world.write("lessonly.base.jsonl", lessonly);
        world.write("absorb.base.jsonl", format!("{absorb}{course}\n"));
        world.roster(&format!("{HEADER}{ROSTER}"));
        let base = |app: &str| format!("{app}={}", world.path(&format!("{app}.base.jsonl")).display());
        let bases = vec!["--base".to_owned(), base("lessonly"), base("absorb")];
        Self { world, bases }
    }

    /// Plans, approves, carries out and plans again, until nothing is left to do; everything that fails is tried again, everything that
    /// was cut off is resumed.  How many steps were handed to a person, because nobody can tell whether they were done: what a new plan
    /// then has to do is done by it.
    ///
    /// # Errors
    /// In words: what is wrong in the end.
    pub(crate) fn told(&self, director: Arc<dyn Director>) -> Result<usize, String> {
        self.world.direct(director);
        let (mut handed, mut last) = (0, 1);
        while let Some((digest, steps)) = self.planned()? {
            // Nothing is left by a run that handed nothing over, and what one handed over the next one does.
            if last == 0 {
                return Err(format!("the next plan has {steps} steps, and nobody was told of any"));
            }
            last = self.carried_out(&digest)?;
            handed += last;
            if handed > steps + 100 {
                return Err(format!("{handed} steps were handed over, and there is no end to it"));
            }
        }
        let expect = if handed == 0 { vec!["--expect-complete".to_owned()] } else { Vec::new() };
        let found = self.world.checked(&[&self.bases[..], &expect, &self.last_words()?].concat());
        if found.is_empty() { Ok(handed) } else { Err(found.join("\n")) }
    }

    /// For the checker: the last word of all runs about each step.  A report lists what was not done, and a step that one run skipped
    /// another may have done.
    fn last_words(&self) -> Result<[String; 2], String> {
        let words = self.world.look(async |store| {
            let mut words = BTreeMap::new();
            for run in store.runs().await?.into_iter().rev() {
                for (step, record) in store.records(&run.id).await? {
                    words.insert(step, serde_json::json!({ "id": step, "state": record.state }));
                }
            }
            Ok::<_, store::StoreError>(words.into_values().collect::<Vec<_>>())
        });
        let words = words.map_err(|error| error.to_string())?;
        self.world.write("last-words.json", serde_json::Value::from(words).to_string());
        Ok(["--outcomes".to_owned(), self.world.path("last-words.json").display().to_string()])
    }

    /// What the checker finds, whatever was expected.
    pub(crate) fn judged(&self) -> Vec<String> {
        self.world.checked(&self.bases)
    }

    /// The open plan, and how many steps it has; none when there is nothing to do.
    fn planned(&self) -> Result<Option<(Digest, usize)>, String> {
        let mut said = String::new();
        for _ in 0..TRIES {
            match self.world.plan() {
                Lived::Done(Ok(proposed)) => {
                    let (open, held) = (proposed.proposal.open.steps.len(), proposed.digests.len() - 1);
                    if held > 0 {
                        return Err(format!("{held} plans are held"));
                    }
                    return Ok((open > 0).then(|| (proposed.digests[0], open)));
                }
                Lived::Done(Err(error)) => said = error.to_string(),
                Lived::Crashed => {}
            }
            self.world.pass(BETWEEN);
        }
        Err(format!("no plan comes about: {said}"))
    }

    /// Applies, and resumes until the run has finished; how many of its steps it handed to a person.
    fn carried_out(&self, digest: &Digest) -> Result<usize, String> {
        let mut said = String::new();
        for _ in 0..TRIES {
            let runs = self.world.look(async |store| store.runs().await).map_err(|error| error.to_string())?;
            let lived = match runs.iter().find(|run| run.digest == *digest) {
                Some(run) if run.state == RunState::Finished => {
                    self.world.keep_report(&run.id);
                    return self.handed(&run.id);
                }
                Some(run) => self.world.resume(&run.id),
                None => {
                    // Said once more, it is refused, and stands.
                    let _said_already = self.world.approve(digest);
                    self.world.execute(digest)
                }
            };
            match lived {
                Lived::Done(Ok(summary)) => said = summary.run.stopped_by,
                Lived::Done(Err(error)) => said = error.to_string(),
                Lived::Crashed => {}
            }
            self.world.pass(BETWEEN);
        }
        Err(format!("the run does not end: {said}"))
    }

    /// How many steps of a run wait for a person: unsettled, or skipped because of such a one.
    fn handed(&self, run: &RunId) -> Result<usize, String> {
        let records = self.world.look(async |store| store.records(run).await).map_err(|error| error.to_string())?;
        let open: Vec<_> = records.values().filter(|record| !record.state.is_done()).collect();
        let is_handed = |state: &StepState| matches!(state, StepState::Unsettled { .. } | StepState::Skipped { .. });
        match open.iter().find(|record| !is_handed(&record.state)) {
            Some(record) => Err(format!("a step of the run ended as {:?}", record.state)),
            None => Ok(open.len()),
        }
    }
}
