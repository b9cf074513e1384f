//! A person's word about one plan: I asked for it, yes, or no; with or without a signature.

use jiff::{SignedDuration, Timestamp};
use model::{Actor, Decision, Digest, Proof, Signature, Spoken, Statement, Verdict};
use store::StoredPlan;

use crate::{Engine, EngineError};

impl Engine {
    /// Keeps a decision about a plan.  A yes counts once, until the returned instant.
    ///
    /// # Errors
    /// The plan is not there to be decided (unknown, superseded, expired, decided, run, empty), or policy demands a second person and `by`
    /// is the one who asked, or not authenticated.
    pub async fn decide(&self, digest: &Digest, verdict: Verdict, by: Actor) -> Result<Timestamp, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let expires = self.counts_until(&stored, now);
        let decision = Decision { id: self.ports.ids.id(), digest: *digest, verdict, by, at: now, expires };
        self.keep_decision(stored, decision, now).await
    }

    /// What `by` has to sign to say this about a plan, or a standing approval, now, to the byte.
    ///
    /// # Errors
    /// There is no such plan or standing approval.
    pub async fn statement(&self, digest: &Digest, by: &str, spoken: Spoken) -> Result<Statement, EngineError> {
        if matches!(spoken, Spoken::Standing { .. }) {
            return Ok(self.standing_statement(&self.standing_named(&digest.to_string()).await?.0, by, spoken));
        }
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let expires = if spoken == Spoken::Ask { stored.summary.expires } else { self.counts_until(&stored, now) };
        Ok(Statement {
            at: whole(now),
            by: by.to_owned(),
            expires: whole(expires),
            organization: stored.plan.organization,
            plan: *digest,
            provost: Statement::FORM,
            verdict: spoken,
        })
    }

    /// Keeps what somebody signed: that they stand for having asked for a plan, a yes, a no, or a yes to a standing approval.  It counts until the returned instant.
    ///
    /// # Errors
    /// [`EngineError::Statement`] when the statement is of another organization or time; the signature is not its name's; as
    /// [`Engine::decide`].
    pub async fn say(&self, statement: &Statement, sshsig: &str) -> Result<Timestamp, EngineError> {
        let now = self.ports.clock.now();
        let Statement { at, by, expires, organization, plan: digest, provost: _, verdict } = statement;
        let signature = Signature { at: *at, expires: *expires, sshsig: sshsig.trim().to_owned() + "\n" };
        if matches!(verdict, Spoken::Standing { .. }) {
            return self.say_standing_signed(statement, signature).await;
        }
        let stored = self.store.plan(digest, now).await?;
        let wrong = |why: String| EngineError::Statement { digest: *digest, why };
        if *organization != stored.plan.organization {
            return Err(wrong(format!("it is about a plan of {organization:?}")));
        }
        if *at > now {
            return Err(wrong(format!("it was made at {at}, which is still to come")));
        }
        if *at < whole(stored.summary.created) {
            return Err(wrong(format!(
                "it was made at {at}, before the plan was proposed as it is now ({:.0})",
                stored.summary.created
            )));
        }
        let latest = if *verdict == Spoken::Ask { stored.summary.expires } else { self.counts_until(&stored, *at) };
        if *expires > latest {
            return Err(wrong(format!("it is to count until {expires}, and no longer than until {latest:.0} is allowed")));
        }
        let actor = Actor { name: by.clone(), proof: Proof::Signed(signature) };
        let refused = |refusal| EngineError::Refused { digest: *digest, refusal };
        let verdict = match verdict {
            Spoken::Ask => {
                actor.asked_rightly(&stored.plan.organization, *digest, self.keys()).map_err(refused)?;
                self.store.ask(digest, &actor, now).await?;
                return Ok(stored.summary.expires);
            }
            Spoken::Yes => Verdict::Yes,
            Spoken::No { reason } => Verdict::No { reason: reason.clone() },
            Spoken::Standing { .. } => return Err(wrong("it is about a standing approval".into())),
        };
        let decision = Decision { id: self.ports.ids.id(), digest: *digest, verdict, by: actor, at: *at, expires: *expires };
        decision.signed_rightly(&stored.plan.organization, self.keys()).map_err(refused)?;
        self.keep_decision(stored, decision, now).await
    }

    /// Keeps that somebody who is known stands for having asked for a plan, as [`Engine::say`] does for who signs; until when it can be decided.
    ///
    /// # Errors
    /// [`EngineError::Refused`] when `by` is only a name; the plan does not wait for a decision.
    pub async fn ask_for(&self, digest: &Digest, by: &Actor) -> Result<Timestamp, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        if !by.is_known() {
            let why = format!("{} is only a name: an asking that nobody stands for says nothing new", by.name);
            return Err(EngineError::Refused { digest: *digest, refusal: model::Refusal::Unasked { why } });
        }
        self.store.ask(digest, by, now).await?;
        Ok(stored.summary.expires)
    }

    async fn keep_decision(&self, stored: StoredPlan, decision: Decision, now: Timestamp) -> Result<Timestamp, EngineError> {
        let (digest, expires) = (decision.digest, decision.expires);
        if decision.verdict == Verdict::Yes && stored.summary.expires > now {
            decision
                .allows(&stored.plan, &stored.summary.asker, self.keys(), now, false)
                .map_err(|refusal| EngineError::Refused { digest, refusal })?;
        }
        self.store.decide_at(decision, now).await?;
        Ok(expires)
    }

    /// Until when a yes that is given at this instant counts.
    fn counts_until(&self, stored: &StoredPlan, at: Timestamp) -> Timestamp {
        let lifetime = SignedDuration::from_secs(self.setup.policy.policy().approval.expires);
        at.checked_add(lifetime).unwrap_or(stored.summary.expires).min(stored.summary.expires)
    }

    /// Leaves steps out of a plan that waits, with whatever needs them: two new plans take its place, both asked for by `asker`; gives what
    /// goes on and what was left out, if anything of that can stand alone.  Neither lasts longer than the old one.
    ///
    /// # Errors
    /// [`EngineError::NoSuchStep`], [`EngineError::AllLeftOut`]; the plan does not wait for a decision.
    pub async fn leave_out(&self, digest: &Digest, words: &[String], asker: &Actor) -> Result<Divided, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let named = |step: &model::Step, word: &str| {
            step.person.as_ref().is_some_and(|person| person.as_str() == word)
                || (word.len() >= 8 && step.id.to_string().starts_with(&word.to_ascii_lowercase()))
        };
        if let Some(word) = words.iter().find(|word| !stored.plan.steps.iter().any(|step| named(step, word))) {
            return Err(EngineError::NoSuchStep { digest: *digest, word: word.clone() });
        }
        let before = stored.plan.steps.len();
        let (kept, left) = plan::leave_out(stored.plan, |step| words.iter().any(|word| named(step, word)));
        if kept.steps.is_empty() {
            return Err(EngineError::AllLeftOut { digest: *digest });
        }
        let later = before - kept.steps.len() - left.as_ref().map_or(0, |left| left.steps.len());
        let plans: Vec<model::Plan> = std::iter::once(kept).chain(left).collect();
        let mut stands = self.store.divide(digest, &plans, asker, now).await?.into_iter();
        let kept = stands.next().ok_or(EngineError::AllLeftOut { digest: *digest })?;
        Ok(Divided { kept, left: stands.next(), later })
    }
}

/// What became of a plan of which steps were left out.
#[derive(Clone, Debug)]
pub struct Divided {
    /// What goes on.
    pub kept: store::PlanSummary,
    /// What was left out: held as `left_out`.
    pub left: Option<store::PlanSummary>,
    /// How many steps are in neither, because they need a step that goes on: the next planning proposes them again.
    pub later: usize,
}

/// Statements are of whole seconds.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
