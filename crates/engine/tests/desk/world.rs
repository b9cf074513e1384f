//! A roster, a policy, a store and the app: what one organization has.  Each engine is a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use connector::{Clock, Manifest};
use jiff::SignedDuration;
use model::*;
use plan::Compiled;
use provost_engine::{AppSetup, Ask, Engine, Event, FileSource, Ports, Proposed, RunSummary, Setup, Silent, Watch};
use store::{SealKey, Store};
use tempfile::TempDir;

use crate::connector::{DATED, Desk};
use crate::server::{Counting, Server, Time};

pub(crate) struct World {
    dir: TempDir,
    pub(crate) time: Arc<Time>,
    pub(crate) server: Arc<Server>,
    ids: Arc<Counting>,
    pub(crate) manifest: &'static Manifest,
    pub(crate) policy: Policy,
    pub(crate) full_every: i64,
    /// Whether the people come by what is pushed, not by a file.
    pub(crate) pushed: bool,
}

fn expr(text: &str) -> Expr {
    Expr { text: text.into(), span: 0..0 }
}

fn set(value: &str) -> SetRule {
    SetRule { value: expr(value), on: On::Always, lower: Lower::Free }
}

pub(crate) fn app() -> AppName {
    AppName::new("desk")
}

fn policy() -> Policy {
    let source = SourcePolicy {
        role: SourceRole::Employment,
        kind: "file".into(),
        key: "key".into(),
        join: None,
        absent_leaves: false,
        shrink: Shrink { max: 20, percent_milli: 50_000 },
        columns: BTreeMap::new(),
        active_words: ["active".into()].into(),
        left_words: ["left".into()].into(),
        idp: None,
    };
    let desk = AppPolicy {
        connector: "desk".into(),
        who: expr("person.active"),
        matching: vec![
            MatchRule { attribute: "key".into(), expr: expr("person.key") },
            MatchRule { attribute: "email".into(), expr: expr("person.email") },
        ],
        adopt: Adopt::Link,
        leave: true,
        before_start: 0,
        protect: BTreeSet::new(),
        set: BTreeMap::from([
            ("email".into(), set("person.email")),
            ("key".into(), set("person.key")),
            ("title".into(), set("person.title")),
        ]),
        groups: None,
        create_departments: false,
        enrol: Vec::new(),
        scope_all: true,
        declared: BTreeSet::new(),
        also_provisioned_by: None,
        max_age: 86_400,
    };
    Policy {
        organization: Organization { name: "Acme".into(), time_zone: "UTC".into() },
        precedence: BTreeMap::new(),
        sources: BTreeMap::from([("hr".into(), source)]),
        apps: BTreeMap::from([(app(), desk)]),
        guards: BTreeMap::new(),
        freezes: Vec::new(),
        approval: Approval { expires: 86_400, four_eyes: BTreeSet::new(), standing: Vec::new() },
    }
}

/// What a row of the roster says: key, title, status.
pub(crate) type Person = (String, String, &'static str);

impl World {
    pub(crate) fn new() -> Self {
        let time = Time::at("2026-03-02T08:00:00Z");
        let server = Server::new(&time);
        let dir = tempfile::tempdir().expect("a folder");
        let world =
            Self { dir, time, server, ids: Arc::default(), manifest: &DATED, policy: policy(), full_every: 86_400, pushed: false };
        world.people(20);
        world
    }

    /// The roster: so many people, all at work.
    pub(crate) fn people(&self, count: usize) {
        self.roster(&(1..=count).map(|key| (key.to_string(), "Clerk".to_owned(), "active")).collect::<Vec<_>>());
    }

    pub(crate) fn roster(&self, people: &[Person]) {
        let rows = people.iter().map(|(key, title, status)| format!("{key},p{key}@acme.example,{title},{status}\n"));
        let text = format!("key,email,title,status\n{}", rows.collect::<String>());
        std::fs::write(self.dir.path().join("roster.csv"), text).expect("written");
    }

    /// An engine, as a new process would have one.
    pub(crate) async fn engine(&self) -> Engine {
        let store = Store::open(self.dir.path().join("store.db")).await.expect("a store").sealed(SealKey::new([7; 32]));
        self.engine_on(store, "here/1/x")
    }

    /// The same over a store, by another name.
    pub(crate) fn engine_on(&self, store: Store, owner: &str) -> Engine {
        let manifests = BTreeMap::from([(app(), self.manifest)]);
        let policy = Compiled::new(self.policy.clone(), &manifests).expect("a policy");
        let setup = AppSetup {
            target: Arc::new(Desk(self.manifest)),
            base_url: "http://127.0.0.1:9".into(),
            fingerprint: Fingerprint::new("desk"),
            home: Fingerprint::new("desk"),
            profile: None,
            full_every: self.full_every,
            settle: std::time::Duration::from_secs(30),
            rate: Some(RateLimit { per_second: 1_000_000, burst: 1_000_000 }),
            used: None,
        };
        let file = FileSource { path: self.dir.path().join("roster.csv"), ..FileSource::default() };
        let ports = Ports {
            clock: Arc::clone(&self.time) as _,
            sleep: Arc::clone(&self.time) as _,
            random: Arc::clone(&self.ids) as _,
            ids: Arc::clone(&self.ids) as _,
            transport: Arc::clone(&self.server) as _,
        };
        let files = [(SourceName::new("hr"), file)].into_iter().filter(|_| !self.pushed).collect();
        let (sources, apps) = (files, BTreeMap::from([(app(), setup)]));
        Engine::new(
            store,
            ports,
            Setup { policy, sources, pulled: BTreeMap::new(), apps, owner: owner.into(), owner_is_gone: |_| false },
        )
    }

    pub(crate) fn ask(&self) -> Ask {
        let asker = Actor { name: "ada".into(), proof: Proof::Unauthenticated };
        Ask { as_of: self.time.now(), only: None, full: false, asker }
    }

    pub(crate) async fn plan(&self, engine: &Engine) -> Proposed {
        engine.propose(self.ask(), &Silent).await.expect("a proposal")
    }

    /// Says yes to a plan and carries it out.
    pub(crate) async fn carry_out(&self, engine: &Engine, digest: &Digest) -> RunSummary {
        let by = Actor { name: "ada".into(), proof: Proof::Unauthenticated };
        engine.decide(digest, Verdict::Yes, by).await.expect("a decision");
        engine.execute(digest, &Silent).await.expect("a run")
    }

    /// Everybody has their account.
    pub(crate) async fn provisioned() -> (Self, Engine) {
        let world = Self::new();
        let engine = world.engine().await;
        let digest = world.plan(&engine).await.digests[0];
        let ended = world.carry_out(&engine, &digest).await;
        assert_eq!((ended.done, ended.left), (20, 0), "{ended:?}");
        world.time.pass(SignedDuration::from_mins(5));
        (world, engine)
    }
}

/// Keeps what it hears.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Event>>);

impl Watch for Heard {
    fn event(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl Heard {
    /// Since when apps were in quarantine that came out of it.
    pub(crate) fn recovered(&self) -> Vec<jiff::Timestamp> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |event: &Event| match event {
            Event::Recovered { since, .. } => Some(*since),
            _ => None,
        };
        held.iter().filter_map(since).collect()
    }

    /// Why an app was read as for everybody though some people only were named.
    pub(crate) fn not_narrowed(&self) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let why = |event: &Event| match event {
            Event::NotNarrowed { why, .. } => Some(why.clone()),
            _ => None,
        };
        held.iter().filter_map(why).collect()
    }

    /// The certificates that were told, in words.
    pub(crate) fn certificates(&self) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter()
            .filter_map(|event| match event {
                Event::Read { subject, certificate } if subject.starts_with("app.") => Some(certificate.clone()),
                _ => None,
            })
            .collect()
    }
}
