//! A connector, logged in, with its wires; and steps that are approved in the regular way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _};
use model::{
    Account, Actor, AppName, Approved, Attributes, Change, Changes, Class, Content, Decision, Effects, EnrolmentState, EnrolmentsBy,
    Few, Inputs, Kind, PLAN_VERSION, Plan, Proof, Ref, Step, StepId, Support, Value, Verb, Verdict, digest_of,
};

use super::{CountingRandom, FaultyTransport, Hand, Opened, Rig, SkippingClock};
use crate::{Body, Done, Fault, Key, Outcome, Pace, Read, Record, Scope, Session, Target, Transport, Wire, Write};

/// The connector, its wires, and the sandbox from the back.
pub struct Bench {
    /// The connector.
    pub target: Arc<dyn Target>,
    /// The same with wrong credentials.
    pub wrong: Vec<(&'static str, Arc<dyn Target>)>,
    /// The way to the sandbox, which can be made to fail.
    pub transport: Arc<FaultyTransport>,
    /// Before the log-in.
    pub wire: Wire,
    /// To read.
    pub read: Read,
    /// To write.
    pub write: Write,
    /// The sandbox from the back.
    pub hand: Arc<dyn Hand>,
}

impl Bench {
    /// Opens a fresh sandbox and logs in.
    ///
    /// # Errors
    /// The log-in failed.
    pub async fn open(rig: &dyn Rig, people: usize, limited: bool) -> Result<Self, String> {
        Self::over(rig.open(people, limited).await).await
    }

    /// Logs in to a sandbox that is open.
    ///
    /// # Errors
    /// The log-in failed.
    pub async fn over(opened: Opened) -> Result<Self, String> {
        let Opened { target, wrong, transport, base, hand } = opened;
        let transport = Arc::new(FaultyTransport::new(transport));
        let wire = wire(Arc::clone(&transport) as Arc<dyn Transport>, &base);
        let session = target.log_in(&wire, None).await.map_err(|fault| format!("log-in: {fault}"))?;
        let read = Read::new(wire.clone(), session);
        Ok(Self { target, wrong, transport, wire, write: Write::new(read.clone()), read, hand })
    }

    /// Logs in to a sandbox that may fail, as often as it takes.
    ///
    /// # Errors
    /// The log-in failed for good.
    pub(super) async fn patient(opened: Opened) -> Result<Self, String> {
        let Opened { target, wrong, transport, base, hand } = opened;
        let transport = Arc::new(FaultyTransport::new(transport));
        let wire = wire(Arc::clone(&transport) as Arc<dyn Transport>, &base);
        let session = Session { profile: String::new(), headers: Vec::new(), expires: None, refresh: None };
        let read = Read::new(wire.clone(), session);
        let mut bench = Self { target, wrong, transport, wire, write: Write::new(read.clone()), read, hand };
        bench.log_in().await?;
        Ok(bench)
    }

    /// Logs in again, as often as it takes.
    ///
    /// # Errors
    /// The log-in failed for good.
    pub(super) async fn log_in(&mut self) -> Result<(), String> {
        for _ in 0..100 {
            match self.target.log_in(&self.wire, None).await {
                Ok(session) => {
                    self.read = Read::new(self.wire.clone(), session);
                    self.write = Write::new(self.read.clone());
                    return Ok(());
                }
                Err(
                    Fault::Wait { .. }
                    | Fault::Unknown { .. }
                    | Fault::Garbled { .. }
                    | Fault::Unreachable { .. }
                    | Fault::Denied { scope: Scope::Session },
                ) => {}
                Err(fault) => return Err(format!("the log-in, with the right credentials, is told as {fault:?}")),
            }
        }
        Err("no log-in in 100 tries".to_owned())
    }

    /// Carries out one step.
    pub async fn apply(&self, step: Step) -> Outcome {
        let mut outcomes = self.apply_all(vec![step]).await;
        if outcomes.len() == 1 {
            return outcomes.remove(0);
        }
        Err(Fault::Garbled { detail: format!("one step had {} outcomes", outcomes.len()) })
    }

    /// Carries out steps of one verb, at most a batch.
    pub async fn apply_all(&self, steps: Vec<Step>) -> Vec<Outcome> {
        self.target.apply(&self.write, &approve(steps)).await
    }

    /// Carries out a step that has to be done, and by a write if `written`.
    ///
    /// # Errors
    /// It was not, or not so.
    pub async fn done(&self, step: Step, written: bool) -> Result<Done, String> {
        let before = self.hand.writes();
        let text = format!("{:?} of {}", step.verb, step.label);
        let done = self.apply(step).await.map_err(|fault| format!("{text}: {fault}"))?;
        let wrote = self.hand.writes() > before;
        if done.already == written || wrote != written {
            return Err(format!("{text}: already = {}, and the ledger {}", done.already, if wrote { "grew" } else { "did not grow" }));
        }
        if done.receipt.account.is_none() || (done.receipt.after.is_none() && written) {
            return Err(format!("{text}: the receipt lacks the id or the record: {:?}", done.receipt));
        }
        Ok(done)
    }

    /// Everything of a kind, page after page.
    ///
    /// # Errors
    /// A fault, or pages without end.
    pub async fn everything(&self, kind: Kind) -> Result<Vec<Record>, String> {
        let mut records = Vec::new();
        let mut after = None;
        for _ in 0..1000 {
            let page = self.target.read(&self.read, kind, after).await.map_err(|fault| format!("read {kind:?}: {fault}"))?;
            records.extend(page.records);
            match page.next {
                None => return Ok(records),
                next => after = next,
            }
        }
        Err(format!("{kind:?} have no last page"))
    }

    /// What is found of a kind by one value.
    ///
    /// # Errors
    /// A fault.
    pub async fn find(&self, kind: Kind, attribute: &str, value: &str) -> Result<Vec<Record>, String> {
        let found = self.target.find(&self.read, kind, &Key::one(attribute, value)).await;
        found.map_err(|fault| format!("find {kind:?} by {attribute} = {value}: {fault}"))
    }

    /// The account with this id.
    ///
    /// # Errors
    /// None or several.
    pub async fn account(&self, id: &str) -> Result<Account, String> {
        let found = self.find(Kind::Accounts, "id", id).await?;
        match found.as_slice() {
            [Record { body: Body::Account(account), .. }] if account.id.as_str() == id => Ok(account.clone()),
            other => Err(format!("account {id} is found as {other:?}")),
        }
    }

    /// Some active account that plans may touch; another for every `nth`.
    ///
    /// # Errors
    /// There is none.
    pub async fn someone(&self, nth: usize) -> Result<Account, String> {
        let accounts = self.everything(Kind::Accounts).await?.into_iter().filter_map(|record| match record.body {
            Body::Account(account) if account.active && account.protected.is_none() => Some(account),
            _ => None,
        });
        let id = accounts.map(|account| account.id).collect::<BTreeSet<_>>().into_iter().nth(nth).ok_or("too few accounts")?;
        self.account(id.as_str()).await
    }

    /// All content.
    ///
    /// # Errors
    /// A fault.
    pub async fn content(&self) -> Result<Vec<Content>, String> {
        let records = self.everything(Kind::Content).await?;
        Ok(records
            .into_iter()
            .filter_map(|record| if let Body::Content(content) = record.body { Some(content) } else { None })
            .collect())
    }

    /// Where an account stands in some content, each record of it, read as the manifest says.
    ///
    /// # Errors
    /// A fault.
    pub async fn enrolments(&self, account: &str, content: &str) -> Result<Vec<EnrolmentState>, String> {
        let found = match self.target.manifest().enrolments {
            EnrolmentsBy::Account => self.find(Kind::Enrolments, "account", account).await?,
            EnrolmentsBy::Content => self.find(Kind::Enrolments, "content", content).await?,
        };
        let of_pair = found.into_iter().filter_map(|record| match record.body {
            Body::Enrolment(one) if one.account.as_str() == account && one.content == content => Some(one.state),
            _ => None,
        });
        Ok(of_pair.collect())
    }

    /// What tells one account from another here, the key before all else; an app cannot find what it does not keep, and the hand's values say
    /// what it keeps.
    pub fn telling(&self) -> impl Iterator<Item = &'static str> {
        let (manifest, kept) = (self.target.manifest(), self.hand.values(1));
        let unique = manifest.attributes.iter().filter(|attribute| attribute.unique).map(|attribute| attribute.name);
        let unique = unique.filter(|name| Some(*name) != manifest.key_attribute);
        manifest.key_attribute.into_iter().chain(unique).filter(move |name| kept.contains_key(name))
    }

    /// Whether the manifest says that the verb can be done.
    pub fn can(&self, verb: Verb) -> bool {
        self.target.manifest().support(verb) == Support::Can
    }

    /// Whether the manifest says that the kind can be read.
    pub fn reads(&self, kind: Kind) -> bool {
        self.target.manifest().kinds.contains(&kind)
    }

    /// A step that makes an account with values by number.
    pub fn create(&self, number: usize) -> Step {
        let mut create = step(Verb::Create, None);
        create.set = changes(&Attributes::new(), &self.hand.values(number));
        create
    }

    /// A step that sets the plain attribute.
    pub fn set_plain(&self, account: &Account, before: &Value, after: &str) -> Step {
        let mut update = step(Verb::Update, Some(account.id.as_str()));
        update.set.insert(self.hand.plain().to_owned(), Change { before: before.clone(), after: Value::text(after) });
        update
    }
}

/// A wire whose pace takes no time.
pub(super) fn wire(transport: Arc<dyn Transport>, base: &str) -> Wire {
    let clock = Arc::new(SkippingClock::default());
    let pace = Arc::new(Pace::new(None, Arc::clone(&clock) as _, Arc::clone(&clock) as _));
    Wire::new(transport, clock, Arc::new(CountingRandom::default()), pace, base)
}

/// Every value of `after` that is not so before.
pub(super) fn changes(before: &Attributes, after: &Attributes) -> Changes {
    let changed = after.iter().map(|(name, after)| {
        let before = before.get(name).cloned().unwrap_or_default();
        (name.clone(), Change { before, after: after.clone() })
    });
    changed.filter(|(_, change)| change.before != change.after).collect()
}

/// A step that does nothing yet.
pub fn step(verb: Verb, account: Option<&str>) -> Step {
    Step {
        id: StepId::default(),
        app: AppName::new("app"),
        verb,
        person: None,
        label: account.unwrap_or("somebody new").into(),
        account: account.map(|id| Ref::Id(id.into())),
        set: Changes::new(),
        add_groups: Few::new(),
        remove_groups: Few::new(),
        content: None,
        evidence: None,
        effects: Effects::new(),
        reason: "the conformance suite asks for it".into(),
        needs: Few::new(),
    }
}

/// Approves steps: a plan, a person's yes to its digest, and the using up of that.
pub fn approve(steps: Vec<Step>) -> Vec<Approved<Step>> {
    let now = Timestamp::UNIX_EPOCH;
    let plan = Plan {
        version: PLAN_VERSION,
        organization: "Conformance".to_owned(),
        class: Class::Open,
        inputs: Inputs {
            policy: digest_of(&"policy"),
            readings: BTreeMap::new(),
            links: digest_of(&"links"),
            earlier: digest_of(&"earlier"),
            as_of: now,
            time_zones: "none".to_owned(),
            tenants: BTreeMap::new(),
            only: Vec::new(),
            first: Vec::new(),
            standing: None,
            reverts: None,
            aside: None,
        },
        guards: Vec::new(),
        four_eyes: false,
        names: BTreeMap::new(),
        steps: steps.into_iter().map(Step::sealed).collect(),
    };
    let by = Actor { name: "suite".to_owned(), proof: Proof::Unauthenticated };
    let decision = Decision {
        id: "00000000-0000-7000-8000-000000000000".to_owned(),
        digest: plan.digest(),
        verdict: Verdict::Yes,
        by: by.clone(),
        at: now,
        expires: now.saturating_add(1.hour()).unwrap_or(Timestamp::MAX),
    };
    let approved =
        Approved::consume(decision, plan, &by, &model::Nobody, now, false).expect("the decision is a yes to this plan, made now");
    approved.into_steps()
}
