//! A person's yes or no to one digest, and what only a yes can make (P1, P3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Class, Digest, Plan, Ref, Signature, Signatures, Spoken, Statement, Step, StepId, Value};

/// How we know who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The name of the account on this machine; does not count where policy demands four eyes.
    Unauthenticated,
    /// Logged in.
    Authenticated,
    /// An assistant asked in somebody's name: it may ask and never decides.  No face of this version speaks for one; what it must never do
    /// is held here before any does.
    Assistant,
    /// A standing approval that was itself approved, named by its digest.
    Standing,
    /// Signed with a key; counts as long as configuration lists that key for that name.
    Signed(Signature),
}

/// Who asked or decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The name.
    pub name: String,
    /// How we know.
    pub proof: Proof,
}

/// Yes or no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Go on.
    Yes,
    /// Do not, and why.
    No {
        /// Why.
        reason: String,
    },
}

/// A person's yes or no to one digest; a yes is used once and expires.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The decision's own id: a UUID v7.
    pub id: String,
    /// To which plan.
    pub digest: Digest,
    /// Yes or no.
    pub verdict: Verdict,
    /// Whose.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Until when a yes counts.
    pub expires: Timestamp,
}

impl Decision {
    /// Whether this decision says yes to this very plan, asked for by `asker`, at `now`.  Signatures are checked against the keys that
    /// `keys` knows now.
    ///
    /// # Errors
    /// A [`Refusal`] when the decision is a no, about other bytes, expired (unless `resuming` what it already started), signed with what
    /// is no signature of its name, or by the asker, or by somebody who is only a name, where four eyes are demanded.
    pub fn allows(&self, plan: &Plan, asker: &Actor, keys: &dyn Signatures, now: Timestamp, resuming: bool) -> Result<(), Refusal> {
        let digest = plan.digest();
        if self.digest != digest {
            return Err(Refusal::OtherPlan { decided: self.digest, plan: digest });
        }
        if let Verdict::No { reason } = &self.verdict {
            return Err(Refusal::Rejected { by: self.by.name.clone(), reason: reason.clone() });
        }
        if now >= self.expires && !resuming {
            return Err(Refusal::Expired { expires: self.expires });
        }
        if self.by.proof == Proof::Assistant {
            return Err(Refusal::NotByThem { why: "an assistant may ask, and never decides".into() });
        }
        if self.by.proof == Proof::Standing && (plan.class != Class::Open || asker.proof == Proof::Assistant) {
            let why = "a standing approval is never for what is held, nor for what an assistant asked for";
            return Err(Refusal::NotByThem { why: why.into() });
        }
        self.signed_rightly(&plan.organization, keys)?;
        if plan.four_eyes {
            if self.by.name == asker.name {
                return Err(Refusal::FourEyes { why: format!("{} asked for it and approved it", asker.name) });
            }
            if !asker.is_known() {
                let why = format!("{}, who asked for it, is only a name: the asking is neither authenticated nor signed", asker.name);
                return Err(Refusal::Unasked { why });
            }
            if !self.by.is_known() {
                let why = format!("{} is only a name: the decision is neither authenticated nor signed", self.by.name);
                return Err(Refusal::FourEyes { why });
            }
            asker.asked_rightly(&plan.organization, digest, keys)?;
        }
        Ok(())
    }

    /// Whether a signature that this decision carries is its name's, under exactly this decision.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn signed_rightly(&self, organization: &str, keys: &dyn Signatures) -> Result<(), Refusal> {
        let Proof::Signed(signature) = &self.by.proof else { return Ok(()) };
        if signature.at != self.at || signature.expires != self.expires {
            return Err(Refusal::Signature { by: self.by.name.clone(), why: "it was given for other times".into() });
        }
        let spoken = match &self.verdict {
            Verdict::Yes => Spoken::Yes,
            Verdict::No { reason } => Spoken::No { reason: reason.clone() },
        };
        signature.checked(&self.by.name, organization, self.digest, spoken, keys)
    }
}

impl Actor {
    /// Whether a signature under the asking for a plan is this actor's.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn asked_rightly(&self, organization: &str, plan: Digest, keys: &dyn Signatures) -> Result<(), Refusal> {
        let Proof::Signed(signature) = &self.proof else { return Ok(()) };
        signature.checked(&self.name, organization, plan, Spoken::Ask, keys)
    }

    /// Whether a signature under the yes to a standing approval is this actor's: to this rule, for a policy that wishes for this.
    ///
    /// # Errors
    /// [`Refusal::Signature`].
    pub fn stands_for(&self, organization: &str, rule: Digest, policy: Digest, keys: &dyn Signatures) -> Result<(), Refusal> {
        let Proof::Signed(signature) = &self.proof else { return Ok(()) };
        signature.checked(&self.name, organization, rule, Spoken::Standing { policy }, keys)
    }

    /// Whether this is more than a name: logged in, or signed.
    pub fn is_known(&self) -> bool {
        matches!(self.proof, Proof::Authenticated | Proof::Signed(_))
    }
}

impl Signature {
    fn checked(&self, by: &str, organization: &str, plan: Digest, spoken: Spoken, keys: &dyn Signatures) -> Result<(), Refusal> {
        let statement = Statement {
            at: self.at,
            by: by.to_owned(),
            expires: self.expires,
            organization: organization.to_owned(),
            plan,
            provost: Statement::FORM,
            verdict: spoken,
        };
        keys.check(&statement, self).map_err(|why| Refusal::Signature { by: by.to_owned(), why })
    }
}

/// Why a decision does not make a plan approved.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was about another plan: the plan was changed, or it is another one.
    #[error("the decision is about plan {decided}, this plan is {plan}")]
    OtherPlan {
        /// What was decided about.
        decided: Digest,
        /// What was given.
        plan: Digest,
    },
    /// It was a no.
    #[error("the plan was rejected by {by}: {reason}")]
    Rejected {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// It was a yes, too long ago.
    #[error("the approval expired at {expires}")]
    Expired {
        /// When.
        expires: Timestamp,
    },
    /// Whoever said yes may not say it about this plan.
    #[error("a person has to say yes to this plan: {why}")]
    NotByThem {
        /// Why.
        why: String,
    },
    /// A signature is not what it says, or not any more.
    #[error("the signature of {by} does not count: {why}")]
    Signature {
        /// Whose it says it is.
        by: String,
        /// Why not.
        why: String,
    },
    /// Policy wants two people, and whoever asked is only a name.
    #[error("this plan needs two people: {why}")]
    Unasked {
        /// What is lacking.
        why: String,
    },
    /// Policy wants two people, and one asked and approved, or the approver is not authenticated.
    #[error("this plan needs a second person: {why}")]
    FourEyes {
        /// What is lacking.
        why: String,
    },
}

/// Something a person said yes to.  Neither `Clone` nor `Deserialize`: it is made only by consuming a [`Decision`] about the same
/// digest, and each is used up by what it allows (P1).
///
/// ```compile_fail
/// # use provost_model as model;
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<model::Approved<model::Plan>>();
/// ```
///
/// ```compile_fail
/// # use provost_model as model;
/// fn from_file<T: serde::de::DeserializeOwned>() {}
/// from_file::<model::Approved<model::Plan>>();
/// ```
///
/// ```compile_fail
/// # use provost_model as model;
/// fn from_nothing(plan: model::Plan) -> model::Approved<model::Plan> { model::Approved { inner: plan } }
/// ```
///
/// What the three above would do is fine for a type that may:
///
/// ```
/// # use provost_model as model;
/// fn needs_clone<T: Clone>() {}
/// fn from_file<T: serde::de::DeserializeOwned>() {}
/// needs_clone::<model::Plan>();
/// from_file::<model::Plan>();
/// ```
#[derive(Debug)]
pub struct Approved<T> {
    inner: T,
}

impl<T> Approved<T> {
    /// What was approved.
    pub fn get(&self) -> &T {
        &self.inner
    }
}

impl Approved<Plan> {
    /// Uses up a decision about this very plan.  `asker` is who asked for the plan, `keys` whose signatures
    /// count now; `now` must be before the expiry unless the yes was already used by a run that is being resumed (`resuming`).
    ///
    /// # Errors
    /// As [`Decision::allows`].
    pub fn consume(
        decision: Decision,
        plan: Plan,
        asker: &Actor,
        keys: &dyn Signatures,
        now: Timestamp,
        resuming: bool,
    ) -> Result<Self, Refusal> {
        decision.allows(&plan, asker, keys, now, resuming)?;
        Ok(Self { inner: plan })
    }

    /// The steps, each approved as part of the plan, in the order of running.
    pub fn into_steps(self) -> Vec<Approved<Step>> {
        self.inner.steps.into_iter().map(|inner| Approved { inner }).collect()
    }
}

impl Approved<Step> {
    /// Puts the id that an earlier step made in the places that name that step.  Nothing else of an approved step can change.
    pub fn resolve(&mut self, made_by: &StepId, id: &str) {
        let step = &mut self.inner;
        let made = Ref::CreatedBy { created_by: *made_by };
        if step.account.as_ref() == Some(&made) {
            step.account = Some(Ref::Id(id.into()));
        }
        if step.add_groups.remove(&made) {
            step.add_groups.insert(Ref::Id(id.into()));
        }
        for change in step.set.values_mut() {
            if matches!(&change.after, Value::CreatedBy(step) if step == made_by) {
                change.after = Value::Text(id.into());
            }
        }
    }
}
