//! What the tests of the store share: values of the model, small and valid.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::*;
use provost_store::{Epoch, Location, Store};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Nothing that guards count.
pub(crate) fn no_count(_: &Plan, _: &[Step]) -> Vec<u8> {
    b"[]".to_vec()
}

/// Where a store of a test is: a folder of its own, or a schema of its own.
pub(crate) struct Home {
    pub(crate) at: Location,
    pub(crate) dir: tempfile::TempDir,
}

impl Home {
    /// A file in a new folder.
    pub(crate) fn file() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { at: dir.path().join("store").into(), dir }
    }

    /// A schema that is not there yet.
    pub(crate) fn schema() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { at: Location::parse(&xtask::postgres::fresh(), dir.path()).unwrap(), dir }
    }

    /// Opens it, each time with connections of its own, as another process would.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.at).await.unwrap()
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn raw(&self, sql: impl SqlSafeStr) {
        match &self.at {
            Location::File(path) => {
                let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(path)).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            Location::Postgres(server) => {
                let options: PgConnectOptions = xtask::postgres::url().parse().unwrap();
                let mut connection = options.options([("search_path", server.schema())]).connect().await.unwrap();
                sqlx::query(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// Everything that is kept: the files, or the rows as a backup has them.
    pub(crate) async fn kept(&self, store: &Store) -> Vec<Vec<u8>> {
        if let Location::Postgres(_) = self.at {
            store.backup(&self.dir.path().join("all"), &mut |_, _, _| {}).await.unwrap();
        }
        let files = std::fs::read_dir(self.dir.path()).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// A new store of the engine that this suite is for.
pub(crate) async fn store() -> (Home, Store) {
    let home = crate::home();
    let store = home.open().await;
    (home, store)
}

pub(crate) fn actor(name: &str) -> Actor {
    Actor { name: name.into(), proof: Proof::Authenticated }
}

pub(crate) fn step_id(number: u64) -> StepId {
    StepId::new(u128::from(number).to_be_bytes())
}

pub(crate) fn step(person: &str) -> Step {
    Step {
        id: StepId::default(),
        app: AppName::new("academy"),
        verb: Verb::Create,
        person: Some(PersonKey::new(person)),
        label: person.into(),
        account: None,
        set: [("emailAddress", Change { before: Value::Null, after: Value::text(format!("{person}@x.example")) })].into(),
        add_groups: Few::new(),
        remove_groups: Few::new(),
        content: None,
        evidence: None,
        effects: [Effect::AccessGiven].into(),
        reason: "works here".into(),
        needs: Few::new(),
    }
    .sealed()
}

/// A plan with a step for each of these people; `salt` makes the digest another.
pub(crate) fn plan(salt: i64, people: &[&str]) -> Plan {
    Plan {
        version: PLAN_VERSION,
        organization: "Example".into(),
        class: Class::Open,
        inputs: Inputs {
            policy: digest_of(&"policy"),
            readings: BTreeMap::new(),
            links: digest_of(&"links"),
            earlier: digest_of(&"earlier"),
            as_of: at(salt),
            time_zones: "2026a".into(),
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
        steps: people.iter().map(|person| step(person)).collect(),
    }
}

pub(crate) fn proposal(open: Plan, held: Vec<Plan>) -> Proposal {
    Proposal { open, held, findings: Vec::new() }
}

pub(crate) fn yes(id: &str, digest: Digest, second: i64) -> Decision {
    Decision { id: id.into(), digest, verdict: Verdict::Yes, by: actor("bo"), at: at(second), expires: at(second + 3600) }
}

pub(crate) fn no(id: &str, digest: Digest, second: i64) -> Decision {
    Decision { verdict: Verdict::No { reason: "too many".into() }, ..yes(id, digest, second) }
}

pub(crate) fn run(id: &str, digest: Digest, second: i64) -> Run {
    Run {
        id: RunId::new(id),
        digest,
        decision: String::new(),
        state: RunState::Running,
        started: at(second),
        ended: None,
        stopped_by: String::new(),
    }
}

/// Keeps a plan, approves it and begins its run.
pub(crate) async fn running(store: &Store, plan: Plan, id: &str) -> Run {
    let digest = plan.digest();
    store.put_proposal(&proposal(plan, vec![]), &actor("al"), at(0), at(7200), &no_count).await.unwrap();
    store.decide(yes(&format!("decision of {id}"), digest, 1)).await.unwrap();
    let run = run(id, digest, 2);
    store.take_decision(&digest, &run).await.unwrap();
    run
}

pub(crate) async fn lease(store: &Store, app: &str, owner: &str, second: i64) -> Epoch {
    store.lease(&AppName::new(app), owner, at(second), hours(1), |_| false).await.unwrap()
}

pub(crate) fn record(step: &StepId, call: u64, state: StepState, second: i64) -> StepRecord {
    StepRecord { step: *step, call, state, receipt: Receipt::default(), at: at(second) }
}

pub(crate) fn link(app: &str, person: &str, account: &str) -> Link {
    Link {
        app: AppName::new(app),
        person: PersonKey::new(person),
        account: AccountId::new(account),
        evidence: Evidence::Matched { rule: "ext_uid == person.key".into() },
        since: at(5),
    }
}
