//! One app's part of a run: phase after phase, call after call.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use connector::{Done, Fault, Outcome, Scope};
use futures_util::stream::{FuturesUnordered, StreamExt};
use model::{Approved, Evidence, Link, Receipt, Run, Step, StepId, StepRecord, StepState, Verb};

use store::StoreError;
use tracing::Instrument as _;

use super::settle;
use crate::connection::Connection;
use crate::{Engine, EngineError, Event, Watch};

/// How often one step is tried when its outcome stays unknown.
const SETTLES: u32 = 5;

/// One app's part of a run.
pub(super) struct Lane<'a> {
    pub(super) engine: &'a Engine,
    pub(super) connection: &'a Connection,
    pub(super) watch: &'a dyn Watch,
    run: &'a Run,
    steps: Vec<Approved<Step>>,
    /// Steps that were journalled as started and have no outcome.
    unknown: BTreeSet<StepId>,
    /// What is known of steps that ended, in this run or before it was cut off.
    ended: BTreeMap<StepId, (StepState, Option<String>)>,
    next_call: u64,
}

/// What came of one call.
struct Called {
    ended: Vec<(Approved<Step>, StepRecord)>,
    stop: Option<EngineError>,
}

impl<'a> Lane<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        connection: &'a Connection,
        run: &'a Run,
        steps: Vec<Approved<Step>>,
        records: &BTreeMap<StepId, StepRecord>,
        watch: &'a dyn Watch,
    ) -> Self {
        let mut unknown = BTreeSet::new();
        let mut ended = BTreeMap::new();
        for record in records.values() {
            if record.state == StepState::Started {
                unknown.insert(record.step);
            } else {
                ended.insert(record.step, (record.state.clone(), made_id(&record.receipt)));
            }
        }
        let next_call = records.values().map(|record| record.call).max().unwrap_or(0) + 1;
        Self { engine, connection, watch, run, steps, unknown, ended, next_call }
    }

    /// Runs every phase.  An error is a stop: what was journalled stays, `resume` goes on.
    pub(super) async fn drive(mut self) -> Result<(), EngineError> {
        // A step runs in the phase of its verb, or in a later one that something it needs runs in: a create may wait for an update that
        // frees an e-mail.
        let mut phase_of: BTreeMap<StepId, Verb> = BTreeMap::new();
        let mut phases: BTreeMap<Verb, Vec<Approved<Step>>> = BTreeMap::new();
        for approved in std::mem::take(&mut self.steps) {
            let step = approved.get();
            let needed = step.needs.iter().filter_map(|need| phase_of.get(need).copied()).max();
            let phase = needed.map_or(step.verb, |needed| needed.max(step.verb));
            phase_of.insert(step.id, phase);
            if !self.ended.contains_key(&step.id) {
                phases.entry(phase).or_default().push(approved);
            }
        }
        if let Some(creates) = phases.get_mut(&Verb::Create) {
            let steps = std::mem::take(creates);
            *creates = self.not_made_yet(steps).await?;
        }
        for steps in phases.into_values() {
            self.phase(steps).await?;
        }
        Ok(())
    }

    /// The creates that make nobody a second account (P7): their people have none here yet, or one that the app would refuse a second one
    /// beside.  While a run was stopped another may have made it, and a changed address freed the old one.
    async fn not_made_yet(&mut self, steps: Vec<Approved<Step>>) -> Result<Vec<Approved<Step>>, EngineError> {
        let links = self.engine.store.links_of(&self.connection.app).await?;
        let of: BTreeMap<_, _> = links.into_iter().map(|link| (link.person, link.account)).collect();
        let account = |step: &Approved<Step>| step.get().person.as_ref().and_then(|person| of.get(person));
        let (linked, mut left): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| account(step).is_some());
        let taken = settle::taken(self.connection, self.watch, &linked, linked.iter().filter_map(account)).await?;
        let mut ended = Vec::new();
        for (step, taken) in linked.into_iter().zip(taken) {
            if taken {
                left.push(step);
                continue;
            }
            let account = account(&step).expect("it is one of those that are linked");
            let found = format!("another run made or took over account {account} for this person, and it is not what this plan wanted");
            let record = self.record(&step, 0, StepState::Drifted { found }, Receipt::default());
            ended.push((step, record));
        }
        self.journal(ended).await?;
        Ok(left)
    }

    /// Runs the steps of one phase: those whose needs are met, then those that these met, until none is left.
    async fn phase(&mut self, waiting: Vec<Approved<Step>>) -> Result<(), EngineError> {
        let (mut waiting, unknown): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|step| !self.unknown.contains(&step.get().id));
        if !unknown.is_empty() {
            waiting.extend(self.settle_unknown(unknown).await?);
        }
        while !waiting.is_empty() {
            let mut ready = Vec::new();
            let mut later = Vec::new();
            let here: BTreeSet<StepId> = waiting.iter().map(|step| step.get().id).collect();
            for mut step in waiting {
                match self.fitness(step.get(), &here) {
                    Fitness::Ready => {
                        self.resolve(&mut step);
                        ready.push(step);
                    }
                    Fitness::Later => later.push(step),
                    Fitness::Never(because) => self.skip(step, because).await?,
                }
            }
            if ready.is_empty() && !later.is_empty() {
                // Steps that need each other: a plan never has them, and if one does, they end as skipped.
                for step in later {
                    let because = step.get().needs.iter().next().cloned().unwrap_or_else(|| step.get().id);
                    self.skip(step, because).await?;
                }
                return Ok(());
            }
            let mut by_verb: BTreeMap<Verb, Vec<Approved<Step>>> = BTreeMap::new();
            for step in ready {
                by_verb.entry(step.get().verb).or_default().push(step);
            }
            for (verb, steps) in by_verb {
                self.calls(verb, steps).await?;
            }
            waiting = later;
        }
        Ok(())
    }

    fn fitness(&self, step: &Step, here: &BTreeSet<StepId>) -> Fitness {
        for need in &step.needs {
            match self.ended.get(need) {
                Some((state, _)) if state.is_done() => {}
                Some(_) => return Fitness::Never(*need),
                None if here.contains(need) => return Fitness::Later,
                None => return Fitness::Never(*need),
            }
        }
        Fitness::Ready
    }

    fn resolve(&self, step: &mut Approved<Step>) {
        for need in step.get().needs.clone() {
            if let Some((_, Some(id))) = self.ended.get(&need) {
                step.resolve(&need, id);
            }
        }
    }

    async fn skip(&mut self, step: Approved<Step>, because: StepId) -> Result<(), EngineError> {
        let record = self.record(&step, 0, StepState::Skipped { because }, Receipt::default());
        self.journal(vec![(step, record)]).await
    }

    /// Sends the steps out in calls, as many at once as the app may get.
    async fn calls(&mut self, verb: Verb, ready: Vec<Approved<Step>>) -> Result<(), EngineError> {
        let manifest = self.connection.target.manifest();
        let batch = manifest.batch(verb).max(1);
        // Batches look before and after: one at a time, so that one look serves both.
        let at_once = if batch > 1 { 1 } else { manifest.concurrency.max(1) };
        let mut queue: VecDeque<Vec<Approved<Step>>> = VecDeque::new();
        let mut ready = ready.into_iter().peekable();
        while ready.peek().is_some() {
            queue.push_back(ready.by_ref().take(batch).collect());
        }
        let mut stop = None;
        let (engine, connection, run, watch) = (self.engine, self.connection, self.run, self.watch);
        let mut under_way = FuturesUnordered::new();
        loop {
            while stop.is_none() && under_way.len() < at_once {
                if self.watch.stop_asked() {
                    stop = Some(self.connection.fault(Fault::Wait { after: None, why: "stopped on request".into() }));
                    break;
                }
                let Some(steps) = queue.pop_front() else { break };
                let call = self.next_call;
                self.next_call += 1;
                // What came of a call is noted by the call itself: while one waits for the disk the others go on, and share its commit.
                let within = tracing::debug_span!("call", app = %connection.app, call, verb = ?verb, steps = steps.len());
                let called = async move {
                    let Called { ended, stop } = call_out(engine, connection, run, watch, call, steps).await;
                    (note(engine, connection, run, ended).await, stop)
                };
                under_way.push(called.instrument(within));
            }
            let Some((noted, stopped)) = under_way.next().await else { break };
            let records = noted?;
            let done = records.iter().filter(|record| record.state.is_done()).count();
            let other = records.len() - done;
            self.remember(records);
            self.watch.event(Event::StepsEnded { app: self.connection.app.clone(), done, other });
            if stop.is_none() {
                stop = stopped;
            }
            self.connection.keep().await?;
        }
        stop.map_or(Ok(()), Err)
    }

    /// Steps that a run before us started and never heard of: looks, and gives back those that are to be done again.
    async fn settle_unknown(&mut self, mut steps: Vec<Approved<Step>>) -> Result<Vec<Approved<Step>>, EngineError> {
        for step in &mut steps {
            self.resolve(step);
        }
        let found = settle::settle(self.engine, self.connection, self.watch, &steps, self.engine.ports.clock.elapsed()).await?;
        let mut repeat = Vec::new();
        let call = self.next_call;
        self.next_call += 1;
        let mut ended = Vec::new();
        for (step, settled) in steps.into_iter().zip(found) {
            match settled {
                // Every verb but this looks by id or name before it writes: doing it again is looking first.  And a process that is dead
                // sends nothing any more: what it did send has shown itself by now.
                _ if step.get().verb != Verb::Create => repeat.push(step),
                settle::Settled::Done(receipt) => {
                    let record = self.record(&step, call, StepState::Done, receipt);
                    ended.push((step, record));
                }
                settle::Settled::Handed(detail) => {
                    let record = self.record(&step, call, StepState::Unsettled { detail }, Receipt::default());
                    ended.push((step, record));
                }
                settle::Settled::Repeat { .. } => repeat.push(step),
            }
        }
        let done = ended.len();
        self.journal(ended).await?;
        self.watch.event(Event::StepsEnded { app: self.connection.app.clone(), done, other: 0 });
        Ok(repeat)
    }

    fn record(&self, step: &Approved<Step>, call: u64, state: StepState, receipt: Receipt) -> StepRecord {
        StepRecord { step: step.get().id, call, state, receipt, at: self.engine.ports.clock.now() }
    }

    /// Notes what became of steps, and remembers it.
    async fn journal(&mut self, ended: Vec<(Approved<Step>, StepRecord)>) -> Result<(), EngineError> {
        let records = note(self.engine, self.connection, self.run, ended).await?;
        self.remember(records);
        Ok(())
    }

    fn remember(&mut self, records: Vec<StepRecord>) {
        for record in records {
            self.ended.insert(record.step, (record.state, made_id(&record.receipt)));
        }
    }
}

/// One durable commit: outcomes, and the links they make.
async fn note(
    engine: &Engine,
    connection: &Connection,
    run: &Run,
    ended: Vec<(Approved<Step>, StepRecord)>,
) -> Result<Vec<StepRecord>, EngineError> {
    let mut links: Vec<Link> = ended.iter().filter_map(|(step, record)| link(step.get(), record)).collect();
    let records: Vec<StepRecord> = ended.into_iter().map(|(_, record)| record).collect();
    let journal = engine.store.journal();
    while !records.is_empty() {
        match journal.outcomes(&run.id, &connection.epoch, &records, &links).await {
            // The app says one thing and our links another: what was done is kept, with every other link; the next plan correlates
            // anew and tells.
            Err(StoreError::LinkConflict { person, account, .. }) => {
                let before = links.len();
                links.retain(|link| link.person.as_str() != person || link.account.as_str() != account);
                if links.len() == before {
                    links.clear();
                }
            }
            written => {
                written?;
                break;
            }
        }
    }
    engine.meter.steps(&connection.app, &records);
    for record in &records {
        let outcome = crate::meter::outcome(&record.state).unwrap_or_default();
        tracing::debug!(app = %connection.app, step = %record.step, call = record.call, outcome, "step");
    }
    Ok(records)
}

/// The link that a step makes, if it does.
fn link(step: &Step, record: &StepRecord) -> Option<Link> {
    let evidence = match step.verb {
        Verb::Create => Evidence::Created,
        Verb::Link => Evidence::Matched { rule: step.evidence.clone().unwrap_or_default().into() },
        _ => return None,
    };
    // An account that we made is the person's, also where it did not become what was wanted.
    let made = step.verb == Verb::Create && matches!(record.state, StepState::Drifted { .. });
    if !(record.state.is_done() || made) {
        return None;
    }
    let (person, account) = (step.person.clone()?, record.receipt.account.clone()?);
    Some(Link { app: step.app.clone(), person, account, evidence, since: record.at })
}

enum Fitness {
    Ready,
    Later,
    Never(StepId),
}

fn made_id(receipt: &Receipt) -> Option<String> {
    receipt.account.as_ref().map(|account| account.as_str().to_owned())
}

/// Journals a call as started, carries it out until every step has an outcome or the connection fails, and says what became of each.
async fn call_out(
    engine: &Engine,
    connection: &Connection,
    run: &Run,
    watch: &dyn Watch,
    call: u64,
    mut steps: Vec<Approved<Step>>,
) -> Called {
    let mut called = Called { ended: Vec::new(), stop: None };
    let ids: Vec<StepId> = steps.iter().map(|step| step.get().id).collect();
    if let Err(error) = engine.store.journal().started(&run.id, &connection.epoch, call, &ids, engine.ports.clock.now()).await {
        called.stop = Some(error.into());
        return called;
    }
    let mut end = |step: Approved<Step>, state: StepState, receipt: Receipt| {
        let record = StepRecord { step: step.get().id, call, state, receipt, at: engine.ports.clock.now() };
        called.ended.push((step, record));
    };
    let (mut waits, mut settles) = (0, 0);
    while !steps.is_empty() {
        // A wait may have outlived our turn (the app may ask for an hour): then somebody else does these steps by now.
        if let Err(error) = connection.keep().await {
            called.stop = Some(error);
            break;
        }
        let used = match connection.session().await {
            Ok(session) => session,
            Err(error) => {
                called.stop = Some(error);
                break;
            }
        };
        let wire = connection.write(used.clone());
        let outcomes: Vec<Outcome> = connection.target.apply(&wire, &steps).await;
        let since = engine.ports.clock.elapsed();
        let heard = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let too_much = heard.map(|fault| connection.heard(fault, || wire.read().last())).find_map(Result::err);
        let (mut again, mut wait, mut unknown, mut session) = (Vec::new(), None, false, false);
        let mut otherwise = Vec::new();
        for (step, outcome) in steps.into_iter().zip(outcomes) {
            match outcome {
                Ok(Done { already, receipt }) => {
                    // Taking over writes nothing to the app: finding it there is doing it.
                    let found = already && step.get().verb != Verb::Link;
                    end(step, if found { StepState::AlreadyDone } else { StepState::Done }, receipt);
                }
                Err(Fault::Wait { after, why }) => {
                    wait = Some((after, why));
                    again.push(step);
                }
                Err(Fault::Unknown { .. }) => {
                    unknown = true;
                    again.push(step);
                }
                Err(Fault::Denied { scope: Scope::Session }) => {
                    session = true;
                    again.push(step);
                }
                Err(Fault::Drift { found }) if step.get().verb == Verb::Create => otherwise.push((step, found)),
                Err(Fault::Drift { found }) => end(step, StepState::Drifted { found }, Receipt::default()),
                Err(Fault::Refused { code, detail }) => end(step, StepState::Failed { code, detail }, Receipt::default()),
                Err(Fault::Denied { scope: Scope::Object(detail) }) => {
                    end(step, StepState::Failed { code: "denied".into(), detail }, Receipt::default());
                }
                Err(Fault::Unsupported { what }) => {
                    end(step, StepState::Failed { code: "unsupported".into(), detail: what }, Receipt::default())
                }
                // What concerns the whole connection stops the run; the step stays `started`, and resume looks.
                Err(
                    fault @ (Fault::Garbled { .. }
                    | Fault::Unreachable { .. }
                    | Fault::Denied { scope: Scope::Credentials(_) | Scope::Consent(_) }),
                ) => {
                    called.stop.get_or_insert_with(|| connection.fault(fault));
                }
            }
        }
        for (step, found, receipt) in made_otherwise(connection, watch, otherwise).await {
            end(step, StepState::Drifted { found }, receipt);
        }
        // What has no outcome stays `started`, and resume looks.
        called.stop = called.stop.or(too_much);
        if called.stop.is_some() {
            break;
        }
        if session && let Err(error) = connection.renew_session(&used).await {
            called.stop = Some(error);
            break;
        }
        if unknown {
            settles += 1;
            if settles > SETTLES {
                for step in again {
                    let detail = format!("no clear answer after {SETTLES} looks; see what the app holds for {}", step.get().label);
                    end(step, StepState::Unsettled { detail }, Receipt::default());
                }
                break;
            }
            again = match settle_in_call(engine, connection, watch, again, since, &mut end).await {
                Ok(again) => again,
                Err(error) => {
                    called.stop = Some(error);
                    break;
                }
            };
        } else if let Some((after, why)) = wait {
            if !Connection::patience_left(waits) {
                called.stop = Some(connection.fault(Fault::Wait { after, why }));
                break;
            }
            connection.wait(watch, waits, after, &why).await;
            waits += 1;
        }
        steps = again;
    }
    called
}

/// Creates whose account is there and not as it was wanted: which account that is, so that it is known as the person's (P7).
async fn made_otherwise(
    connection: &Connection,
    watch: &dyn Watch,
    creates: Vec<(Approved<Step>, String)>,
) -> Vec<(Approved<Step>, String, Receipt)> {
    if creates.is_empty() {
        return Vec::new();
    }
    let (steps, found): (Vec<_>, Vec<_>) = creates.into_iter().unzip();
    // When the look fails, the next reading finds the account by what policy matches.
    let looked_for: Vec<&Step> = steps.iter().map(Approved::get).collect();
    let seen = settle::creates(connection, watch, &looked_for).await.unwrap_or_default();
    let receipts = seen.into_iter().map(|settled| match settled {
        settle::Settled::Done(receipt) => receipt,
        settle::Settled::Repeat { .. } | settle::Settled::Handed(_) => Receipt::default(),
    });
    let receipts = receipts.chain(std::iter::repeat_with(Receipt::default));
    steps.into_iter().zip(found).zip(receipts).map(|((step, found), receipt)| (step, found, receipt)).collect()
}

/// Within a call: looks for what steps with an unknown outcome did; gives back those that are to be done again.
async fn settle_in_call(
    engine: &Engine,
    connection: &Connection,
    watch: &dyn Watch,
    steps: Vec<Approved<Step>>,
    since: Duration,
    end: &mut impl FnMut(Approved<Step>, StepState, Receipt),
) -> Result<Vec<Approved<Step>>, EngineError> {
    let found = settle::settle(engine, connection, watch, &steps, since).await?;
    let mut again = Vec::new();
    for (step, settled) in steps.into_iter().zip(found) {
        match settled {
            settle::Settled::Done(receipt) => end(step, StepState::Done, receipt),
            settle::Settled::Handed(detail) => end(step, StepState::Unsettled { detail }, Receipt::default()),
            settle::Settled::Repeat { .. } => again.push(step),
        }
    }
    Ok(again)
}
