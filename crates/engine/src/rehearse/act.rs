//! One app's part of a rehearsal: stand-in, copy, run, look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connector::{Clock as _, Sleep as _};
use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use model::{Account, AccountId, Actor, Digest, Link, PersonKey, Plan, Proof, Proposal, RunState, SourceReading, Step, Verdict};
use plan::rehearsal::{Held, Pass, Rehearsed, judge, left};
use plan::{Given, fold};
use store::{SealKey, Store};

use super::time::StageTime;
use super::way::{CutOff, SeededRandom, Way};
use super::{Part, Rehearse, Scene, copy, least, opening, rehearsed};
use crate::named::For;
use crate::read::Reading;
use crate::{AppSetup, Ask, Engine, EngineError, Event, Facts, Ports, RunSummary, Setup, Silent, Watch};

/// How often a run that stopped by itself is gone on with.
const PATIENCE: u64 = 30;
/// How long one waits before that.
const PAUSE: Duration = Duration::from_secs(600);
/// By when everything that is late has happened.
const SETTLED: Duration = Duration::from_secs(3600);

/// One app's part.
pub(super) struct Act<'a> {
    pub(super) engine: &'a Engine,
    pub(super) how: Rehearse<'a>,
    pub(super) digest: Digest,
    pub(super) plan: &'a Plan,
    pub(super) part: Part<'a>,
    pub(super) roster: &'a SourceReading,
    pub(super) only: Option<&'a BTreeSet<PersonKey>>,
    pub(super) links: &'a [Link],
    pub(super) watch: &'a dyn Watch,
}

/// One carrying out: what it needs as long as it lasts.
struct Hall {
    store: Store,
    time: Arc<StageTime>,
    way: Arc<Way>,
    cast: super::Cast,
    random: Arc<SeededRandom>,
}

/// A reading of the stand-in, with its accounts as they came.
struct Looked {
    reading: Reading,
    raw: BTreeMap<String, serde_json::Value>,
}

impl Looked {
    fn held(&self) -> Held<'_> {
        Held { reading: &self.reading.reading, raw: &self.raw }
    }
}

impl Act<'_> {
    /// Both passes, and a note where something could not be compared.
    pub(super) async fn rehearse(&self) -> Result<(Rehearsed, Option<String>), EngineError> {
        let (clean, limit, note) = self.pass(false, None).await?;
        let faulty = if self.how.faulty {
            let random = SeededRandom::new(self.how.seed);
            let request = clean.requests / 3 + random.below(clean.requests / 3 + 1) + 1;
            let cut_off = CutOff { request, carried_out: random.below(2) == 0 };
            Some(self.pass(true, Some(cut_off)).await?.0)
        } else {
            None
        };
        let reading = &self.part.reading;
        let manifest = self.engine.app(&self.part.app)?.target.manifest();
        let rehearsed = Rehearsed {
            read: reading.certificate.until(),
            accounts: reading.accounts.len() as u64,
            limit,
            least: least(&self.part.steps, manifest),
            clean,
            faulty,
        };
        Ok((rehearsed, note))
    }

    async fn pass(&self, faulty: bool, cut_off: Option<CutOff>) -> Result<(Pass, String, Option<String>), EngineError> {
        let hall = self.hall(faulty).await?;
        let before = self.look(&hall, &self.part.reading.enrolments_of).await?;
        self.same(&before.reading)?;
        hall.cast.stand_in.misbehave(true);
        hall.way.begin(cut_off);
        let begun = hall.time.elapsed();
        let copy = copy(self.plan, &self.digest, &self.part);
        let mut pass = Pass::default();
        let watching = Passing { watch: self.watch, act: self, faulty };
        let run = self.perform(&hall, &copy, &watching, &mut pass).await?;
        let took = hall.time.elapsed().saturating_sub(begun);
        pass.millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        (pass.requests, pass.writes) = hall.way.counts();
        pass.faults = hall.cast.stand_in.faults();
        hall.cast.stand_in.misbehave(false);
        hall.time.sleep(SETTLED).await;
        if let Some(run) = run {
            let records: Vec<_> = hall.store.records(&run.id).await?.into_values().collect();
            let report = plan::report::report(&run, &copy, &records);
            pass.counts = report.counts.into_values().next().unwrap_or_default();
            pass.undone = report.open;
        }
        let after = self.look(&hall, &self.accounts_of_interest(&hall).await?).await?;
        let manifest = hall.cast.target.manifest();
        pass.deviations = judge(&self.part.app, manifest, &self.part.steps, before.held(), after.held());
        let again = self.plan_again(&hall, &after).await?;
        let note = if again.open.inputs.policy == self.plan.inputs.policy {
            pass.left = left(&self.part.steps, &again);
            None
        } else {
            Some(
                "the configuration is another than the plan was made with: whether planning again leaves nothing was not asked"
                    .to_owned(),
            )
        };
        pass.as_promised = pass.stopped_by.is_empty() && pass.undone.is_empty() && pass.deviations.is_empty() && pass.left.is_empty();
        hall.store.close().await;
        Ok((pass, hall.cast.limit, note))
    }

    /// A stand-in, and a store of its own with the links that the app has.
    async fn hall(&self, faulty: bool) -> Result<Hall, EngineError> {
        let Part { app, reading, raw, .. } = &self.part;
        let told = |why: String| EngineError::Stage { app: app.clone(), why };
        let at = opening(&self.part, self.roster);
        let cast = self.how.stage.set(Scene { app, reading, raw, at, faulty }).map_err(told)?;
        cast.stand_in.misbehave(false);
        let time = Arc::new(StageTime::at(at));
        let way = Arc::new(Way::new(Arc::clone(&cast.stand_in), Arc::clone(&time), &cast.base_url));
        let name = format!("{}-{}.db", self.engine.ports.ids.id(), if faulty { "faulty" } else { "clean" });
        let mut key = [0_u8; 32];
        self.engine.ports.random.fill(&mut key);
        let store = Store::open(self.how.scratch.join(name)).await?.sealed(SealKey::new(key));
        let links: Vec<Link> = self.links.iter().filter(|link| link.app == *app).cloned().collect();
        store.put_links(&links).await?;
        let random = Arc::new(SeededRandom::new(self.how.seed));
        Ok(Hall { store, time, way, cast, random })
    }

    /// An engine that knows the stand-in and nothing else.
    fn engine(&self, hall: &Hall) -> Engine {
        let tenant = rehearsed(&self.part.reading.fingerprint);
        let setup = AppSetup {
            target: Arc::clone(&hall.cast.target),
            base_url: hall.cast.base_url.clone(),
            fingerprint: tenant.clone(),
            home: tenant,
            profile: Some(self.part.reading.tenant.profile.clone()),
            full_every: 0,
            settle: hall.cast.settle,
            rate: hall.cast.rate,
            used: None,
        };
        let ports = Ports {
            clock: Arc::clone(&hall.time) as _,
            sleep: Arc::clone(&hall.time) as _,
            random: Arc::clone(&hall.random) as _,
            ids: Arc::clone(&self.engine.ports.ids),
            transport: Arc::clone(&hall.way) as _,
        };
        let setup = Setup {
            policy: self.engine.policy_again(),
            sources: BTreeMap::new(),
            pulled: BTreeMap::new(),
            apps: BTreeMap::from([(self.part.app.clone(), setup)]),
            owner: "rehearsal".to_owned(),
            // One process after the other: who had it before was cut off.
            owner_is_gone: |_| true,
        };
        Engine::new(hall.store.clone(), ports, setup)
    }

    /// Carries the copy out to its end, whatever stops it in between; the run, if one began.
    async fn perform(&self, hall: &Hall, copy: &Plan, watch: &dyn Watch, pass: &mut Pass) -> Result<Option<model::Run>, EngineError> {
        let now = hall.time.now();
        let by = Actor { name: "rehearsal".to_owned(), proof: Proof::Unauthenticated };
        let proposal = Proposal { open: copy.clone(), held: Vec::new(), findings: Vec::new() };
        let expires = now.checked_add(SignedDuration::from_hours(24 * 366)).unwrap_or(Timestamp::MAX);
        hall.store.put_proposal(&proposal, &by, now, expires, &|_, _| b"[]".to_vec()).await?;
        let digest = copy.digest();
        self.engine(hall).decide(&digest, Verdict::Yes, by).await?;
        let mut stops = 0;
        loop {
            let begun = hall.store.runs().await?.into_iter().next();
            if begun.is_some() {
                pass.resumed += 1;
            }
            let engine = self.engine(hall);
            let work = async {
                match &begun {
                    Some(run) => engine.resume(&run.id, watch).await,
                    None => engine.execute(&digest, watch).await,
                }
            };
            let ended = {
                let (work, cut) = (std::pin::pin!(work), std::pin::pin!(hall.way.is_cut.notified()));
                match select(work, cut).await {
                    Either::Left((ended, _)) => Some(ended),
                    Either::Right(_) => None,
                }
            };
            let why = match ended {
                None => {
                    pass.crashes += 1;
                    continue;
                }
                Some(Ok(RunSummary { run, .. })) if run.state == RunState::Finished => return Ok(Some(run)),
                Some(Ok(RunSummary { run, .. })) => run.stopped_by,
                Some(Err(error)) => error.to_string(),
            };
            stops += 1;
            if stops > PATIENCE {
                pass.stopped_by = why;
                return Ok(hall.store.runs().await?.into_iter().next());
            }
            // As a person would: a little later.
            hall.time.sleep(PAUSE).await;
        }
    }

    /// Reads everything of the stand-in, as a plan would, through the connector; of these accounts what they are enrolled in.
    async fn look(&self, hall: &Hall, enrolments_of: &BTreeSet<AccountId>) -> Result<Looked, EngineError> {
        let engine = self.engine(hall);
        let app = &self.part.app;
        let connection = engine.connect(app).await?;
        let ask = self.ask();
        let whom = For { ask: &ask, roster: self.roster, last_good: None };
        let read = async {
            let policy = engine.setup.policy.policy().apps.get(app);
            let policy = policy.ok_or_else(|| EngineError::NoSuchApp { app: app.clone(), known: Vec::new() })?;
            let mut reading = engine.read_app(&connection, policy, whom, &Silent).await?;
            if !enrolments_of.is_empty() {
                engine.read_enrolments(&connection, &mut reading, enrolments_of, &Silent).await?;
            }
            Ok(reading)
        };
        let reading = connection.or_close(read.await).await?;
        connection.close().await;
        let raw = raw_accounts(&reading.raw);
        Ok(Looked { reading, raw })
    }

    fn ask(&self) -> Ask {
        let asker = Actor { name: "rehearsal".to_owned(), proof: Proof::Unauthenticated };
        Ask { as_of: self.plan.inputs.as_of, only: None, full: true, asker }
    }

    /// Whose enrolments are looked at in the end: whose were read before, and those of whom a step enrols.
    async fn accounts_of_interest(&self, hall: &Hall) -> Result<BTreeSet<AccountId>, EngineError> {
        let mut accounts = self.part.reading.enrolments_of.clone();
        if hall.cast.target.manifest().enrolments == model::EnrolmentsBy::Content {
            return Ok(accounts);
        }
        let links = hall.store.links_of(&self.part.app).await?;
        let by_person: BTreeMap<&PersonKey, &AccountId> = links.iter().map(|link| (&link.person, &link.account)).collect();
        for step in self.part.steps.iter().filter(|step| step.verb == model::Verb::Enrol) {
            accounts.extend(account_of(step, &by_person));
        }
        Ok(accounts)
    }

    /// Whether the stand-in holds what was read of the app.
    fn same(&self, stands: &Reading) -> Result<(), EngineError> {
        let (app, read, stands) = (&self.part.app, &self.part.reading, &stands.reading);
        let other = |what: String| {
            let why =
                format!("{what}: what the app holds has a form that the stand-in does not know, or the configuration has changed");
            EngineError::Stage { app: app.clone(), why }
        };
        let there: BTreeMap<&AccountId, &Account> = stands.accounts.iter().map(|account| (&account.id, account)).collect();
        for account in &read.accounts {
            match there.get(&account.id) {
                None => return Err(other(format!("account {} was read, and there is no record of it", account.id))),
                Some(stands) if *stands != account => {
                    return Err(other(format!("account {} was read otherwise than the stand-in shows it", account.id)));
                }
                Some(_) => {}
            }
        }
        // Of the others the list was read and no record.
        let policy = self.engine.setup.policy.policy().apps.get(app).and_then(|policy| policy.groups.as_ref());
        let managed: BTreeSet<String> = policy.into_iter().flat_map(|groups| &groups.managed).map(|name| fold(name)).collect();
        let mut groups = read.groups.iter().filter(|group| group.writable && managed.contains(&fold(&group.name)));
        if let Some(group) = groups.find(|group| !stands.groups.contains(group)) {
            return Err(other(format!("group {} ({}) was read otherwise than the stand-in shows it", group.name, group.id)));
        }
        if let Some(one) = read.departments.iter().find(|one| !stands.departments.contains(one)) {
            return Err(other(format!("department {} ({}) was read otherwise than the stand-in shows it", one.name, one.id)));
        }
        if let Some(one) = read.content.iter().find(|one| !stands.content.contains(one)) {
            return Err(other(format!("{} ({}) was read otherwise than the stand-in shows it", one.name, one.id)));
        }
        Ok(())
    }

    /// Plans from how it ended.
    async fn plan_again(&self, hall: &Hall, after: &Looked) -> Result<Proposal, EngineError> {
        let engine = self.engine(hall);
        let apps = BTreeMap::from([(self.part.app.clone(), after.reading.reading.clone())]);
        let links = hall.store.links().await?;
        let facts = Facts {
            roster: self.roster.clone(),
            last_good: None,
            apps,
            links,
            earlier: Vec::new(),
            aside: Vec::new(),
            past: plan::Past::default(),
            told: Vec::new(),
        };
        let review = |step: &Step| engine.review(step, &facts);
        let ask = Ask { only: self.only.cloned(), ..self.ask() };
        let given = Given { policy: &self.engine.setup.policy, ..engine.given(&facts, &ask, &review) };
        Ok(plan::propose(&given))
    }
}

/// The account that a step is about, by its id or as its person's.
fn account_of(step: &Step, by_person: &BTreeMap<&PersonKey, &AccountId>) -> Option<AccountId> {
    match step.account.as_ref().and_then(model::Ref::id) {
        Some(id) => Some(AccountId::new(id)),
        None => step.person.as_ref().and_then(|person| by_person.get(person)).map(|account| (*account).clone()),
    }
}

/// The accounts of a reading as they came.
pub(crate) fn raw_accounts(lines: &[u8]) -> BTreeMap<String, serde_json::Value> {
    #[derive(serde::Deserialize)]
    struct Line {
        kind: String,
        id: String,
        raw: serde_json::Value,
    }
    let lines = lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
    lines.filter(|line| line.kind == "account").map(|line| (line.id, line.raw)).collect()
}

/// What a rehearsal tells while it is under way.
struct Passing<'a> {
    watch: &'a dyn Watch,
    act: &'a Act<'a>,
    faulty: bool,
}

impl Watch for Passing<'_> {
    fn event(&self, event: Event) {
        if let Event::StepsEnded { done, other, .. } = event {
            let (app, total) = (self.act.part.app.clone(), self.act.part.steps.len());
            self.watch.event(Event::Rehearsing { app, faulty: self.faulty, steps: done + other, total });
        }
    }

    fn stop_asked(&self) -> bool {
        self.watch.stop_asked()
    }
}
