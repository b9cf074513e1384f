//! Standing approvals: decisions made ahead, which count once they were approved themselves, and only as far as they go.

use jiff::{SignedDuration, Timestamp};
use model::{Actor, Decision, Digest, Proof, Refusal, Signature, Spoken, StandingApproval, Statement, Verdict};
use plan::Standing;
use serde::Serialize;
use store::{PlanStatus, PlanSummary, StandingLimit, StandingWord};

use crate::decide::whole;
use crate::{Ask, Engine, EngineError, Proposed, RunSummary, Watch};

/// How far the instant that is planned for may be from now.
const NOW: i64 = 300;

/// Where a standing approval of the configuration stands.
#[derive(Clone, Debug, Serialize)]
pub struct StandingRow {
    /// What it is known by.
    pub digest: Digest,
    /// As configured.
    pub rule: StandingApproval,
    /// `in_force`, `never_approved`, `revoked`, `expired`, `policy_changed` since it was approved, or `unsigned`.
    pub state: StandingState,
    /// Where it is `unsigned`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who said the newest word about it.
    pub by: Option<Actor>,
    /// When.
    pub at: Option<Timestamp>,
    /// Steps that it stands for now.
    pub used: u64,
}

/// Whether a standing approval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StandingState {
    /// It does.
    InForce,
    /// Nobody approved it as it is written now.
    NeverApproved,
    /// The yes was taken back.
    Revoked,
    /// Its last day is over.
    Expired,
    /// What the policy wishes for is another since it was approved.
    PolicyChanged,
    /// Four eyes are wanted, and whoever approved it is only a name; or their signature does not count any more.
    Unsigned,
}

impl Engine {
    /// The standing approvals of the configuration, and where they stand.
    ///
    /// # Errors
    /// The store fails.
    pub async fn standing(&self) -> Result<Vec<StandingRow>, EngineError> {
        let now = self.ports.clock.now();
        let policy = self.setup.policy.policy();
        let wishes = policy.digest_of_wishes();
        let mut rows: Vec<StandingRow> = Vec::new();
        for rule in &policy.approval.standing {
            let digest = rule.digest();
            if rows.iter().any(|row| row.digest == digest) {
                continue;
            }
            let word = self.store.standing(&digest).await?;
            let unsigned = word.as_ref().and_then(|word| self.unsigned(&word.by, &digest, word.policy).err());
            let state = match &word {
                _ if self.setup.policy.ends(rule.until) <= now => StandingState::Expired,
                None => StandingState::NeverApproved,
                Some(word) if !word.approved => StandingState::Revoked,
                Some(word) if word.policy != wishes => StandingState::PolicyChanged,
                Some(_) if unsigned.is_some() => StandingState::Unsigned,
                Some(_) => StandingState::InForce,
            };
            let why = unsigned.filter(|_| state == StandingState::Unsigned);
            let used = self.store.standing_used(&digest, since(now), now).await?;
            let (by, at) = word.map(|word| (word.by, word.at)).unzip();
            rows.push(StandingRow { digest, rule: rule.clone(), state, why, by, at, used });
        }
        Ok(rows)
    }

    /// Whether the yes of `by` to a standing approval counts as far as it goes by who they are: signed rightly if it is signed, and signed
    /// where four eyes are wanted.
    fn unsigned(&self, by: &Actor, rule: &Digest, policy: Digest) -> Result<(), String> {
        let now = self.setup.policy.policy();
        if !now.approval.four_eyes.is_empty() && !by.is_known() {
            return Err(format!("four eyes are wanted, and {} is only a name", by.name));
        }
        by.stands_for(&now.organization.name, *rule, policy, self.keys()).map_err(|refusal| refusal.to_string())
    }

    /// The standing approval of the configuration whose digest begins so, and what a yes to it says now.
    ///
    /// # Errors
    /// [`EngineError::NoStanding`]: the beginning of a digest fits none of the configuration, or several.
    pub async fn standing_named(&self, prefix: &str) -> Result<(StandingRow, Spoken), EngineError> {
        let low = prefix.to_ascii_lowercase();
        let mut fits = self.standing().await?.into_iter().filter(|row| low.len() >= 4 && row.digest.to_string().starts_with(&low));
        let (Some(row), None) = (fits.next(), fits.next()) else {
            return Err(EngineError::NoStanding { prefix: prefix.to_owned() });
        };
        Ok((row, Spoken::Standing { policy: self.setup.policy.policy().digest_of_wishes() }))
    }

    /// Says yes to a standing approval of the configuration, as it is written now, or takes that back.
    ///
    /// # Errors
    /// [`EngineError::NoStanding`]; an assistant asks; a yes, where four eyes are wanted, by somebody who is only a name.
    pub async fn say_standing(&self, prefix: &str, approved: bool, by: Actor) -> Result<StandingRow, EngineError> {
        let (row, _) = self.standing_named(prefix).await?;
        let policy = self.setup.policy.policy().digest_of_wishes();
        self.keep_standing(row, StandingWord { approved, policy, by, at: self.ports.clock.now() }).await
    }

    /// What `by` has to sign to say yes to a standing approval now.
    pub(crate) fn standing_statement(&self, row: &StandingRow, by: &str, spoken: Spoken) -> Statement {
        Statement {
            at: whole(self.ports.clock.now()),
            by: by.to_owned(),
            expires: whole(self.setup.policy.ends(row.rule.until)),
            organization: self.setup.policy.policy().organization.name.clone(),
            plan: row.digest,
            provost: Statement::FORM,
            verdict: spoken,
        }
    }

    /// Keeps a signed yes to a standing approval; until when it counts.
    ///
    /// # Errors
    /// [`EngineError::NoStanding`]; [`EngineError::Statement`] when the statement is of another time or policy than now, or as old as a word
    /// that is kept already; the signature is not its name's.
    pub(crate) async fn say_standing_signed(&self, statement: &Statement, signature: Signature) -> Result<Timestamp, EngineError> {
        let now = self.ports.clock.now();
        let (row, spoken) = self.standing_named(&statement.plan.to_string()).await?;
        let wrong = |why: &str| EngineError::Statement { digest: statement.plan, why: why.to_owned() };
        let ends = whole(self.setup.policy.ends(row.rule.until));
        if spoken != statement.verdict {
            return Err(wrong("it is about another policy than the configuration's: print the statement again"));
        }
        if statement.at > now {
            return Err(wrong("its time is still to come"));
        }
        if statement.expires != ends {
            return Err(wrong("it is to count until another day than the standing approval does: print the statement again"));
        }
        // A yes that was taken back is not given again by whoever still has the file.
        let revoked = row.state == StandingState::Revoked;
        if row.at.is_some_and(|at| statement.at < whole(at) || (revoked && statement.at == whole(at))) {
            return Err(wrong("it is not newer than the newest word about this standing approval: print the statement again"));
        }
        let by = Actor { name: statement.by.clone(), proof: Proof::Signed(signature) };
        let Spoken::Standing { policy } = spoken else { return Err(wrong("it is about a plan")) };
        self.keep_standing(row, StandingWord { approved: true, policy, by, at: now }).await?;
        Ok(ends)
    }

    async fn keep_standing(&self, row: StandingRow, word: StandingWord) -> Result<StandingRow, EngineError> {
        let digest = row.digest;
        if word.by.proof == Proof::Assistant {
            let refusal = Refusal::NotByThem { why: "an assistant may ask, and never decides".into() };
            return Err(EngineError::Refused { digest, refusal });
        }
        // Whoever it is, a yes can be taken back: nothing is done by that.
        if word.approved {
            self.unsigned(&word.by, &digest, word.policy).map_err(|why| EngineError::StandingUnsigned { digest, why })?;
        }
        let rule = serde_json::to_string(&row.rule).expect("a rule has text keys and can be written as JSON");
        self.store.say_standing(&digest, &rule, &word).await?;
        let rows = self.standing().await?;
        rows.into_iter().find(|now| now.digest == digest).ok_or_else(|| EngineError::NoStanding { prefix: digest.to_string() })
    }

    /// The standing approvals that may approve what is planned now: never for an assistant, nor for another time than now.
    pub(crate) async fn in_force(&self, ask: &Ask) -> Result<Vec<Standing>, EngineError> {
        let now = self.ports.clock.now();
        if ask.asker.proof == Proof::Assistant || (ask.as_of.as_second() - now.as_second()).abs() > NOW {
            return Ok(Vec::new());
        }
        let rows = self.standing().await?.into_iter().filter(|row| row.state == StandingState::InForce);
        Ok(rows.map(|row| Standing { digest: row.digest, left: row.rule.max.saturating_sub(row.used), rule: row.rule }).collect())
    }

    /// Carries out the open plan of a planning, if a standing approval said yes to it.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn execute_ahead(&self, proposed: &Proposed, watch: &dyn Watch) -> Result<Option<RunSummary>, EngineError> {
        let Some(open) = proposed.stands.first().filter(|open| open.status == PlanStatus::Approved) else { return Ok(None) };
        match self.store.decided(&open.digest).await? {
            Some(decided) if decided.decision.by.proof == Proof::Standing => self.execute(&open.digest, watch).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Approves an open plan that was cut for a standing approval, if that still has room for it; the plan as it then stands.
    pub(crate) async fn approve_ahead(&self, plan: PlanSummary, standing: Option<Digest>) -> Result<PlanSummary, EngineError> {
        let Some(standing) = standing.filter(|_| plan.status == PlanStatus::Pending && plan.steps > 0) else { return Ok(plan) };
        let row = self.standing().await?.into_iter().find(|row| row.digest == standing && row.state == StandingState::InForce);
        let Some(row) = row else { return Ok(plan) };
        let now = self.ports.clock.now();
        let stored = self.store.plan(&plan.digest, now).await?;
        let lifetime = SignedDuration::from_secs(self.setup.policy.policy().approval.expires);
        let expires = now.checked_add(lifetime).unwrap_or(plan.expires).min(plan.expires).min(self.setup.policy.ends(row.rule.until));
        let who = row.by.map(|by| by.name).unwrap_or_default();
        let by = Actor { name: format!("standing approval {} of {who}", standing.short()), proof: Proof::Standing };
        let decision = Decision { id: self.ports.ids.id(), digest: plan.digest, verdict: Verdict::Yes, by, at: now, expires };
        decision
            .allows(&stored.plan, &stored.summary.asker, self.keys(), now, false)
            .map_err(|refusal| EngineError::Refused { digest: plan.digest, refusal })?;
        let limit = StandingLimit { digest: standing, max: row.rule.max, since: since(now) };
        self.store.decide_standing(decision, limit).await?;
        Ok(self.store.plan(&plan.digest, now).await?.summary)
    }
}

/// From when on what a standing approval approved is counted.
fn since(now: Timestamp) -> Timestamp {
    now.checked_sub(SignedDuration::from_secs(StandingApproval::WINDOW)).unwrap_or(Timestamp::MIN)
}
