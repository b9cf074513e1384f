//! Rows a second, written and read, on SQLite and on PostgreSQL in turn: `cargo xtask bench store`.
//!
//! Both flush to disk at every commit, on the same disk.  Prints the table that docs/benchmarks.md has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use model::*;
use provost_store::{Location, Store};
use xtask::postgres::Cluster;

type Failed = Box<dyn std::error::Error>;

/// Accounts of the reading, and people of the plan.
const PEOPLE: usize = 100_000;
const LINKS: usize = 100_000;
/// Calls that note a step at the same time, and how many each notes.
const WRITERS: u64 = 64;
const NOTES: u64 = 200;

/// What was measured: its name, how many rows, seconds.
type Figures = Vec<(&'static str, usize, f64)>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let dir = tempfile::tempdir_in("/tmp")?;
    let cluster = Cluster::start(true)?;
    let server = Location::parse(&format!("{}?schema=bench", cluster.url()), Path::new(""))?;
    let file = Location::File(dir.path().join("bench.db"));
    // What is measured second finds a warmer machine: each goes first once, and the better of two counts.
    let mut sqlite = measured(&file).await?;
    let mut postgres = measured(&server).await?;
    let again = Location::parse(&format!("{}?schema=again", cluster.url()), Path::new(""))?;
    better(&mut postgres, measured(&again).await?);
    better(&mut sqlite, measured(&Location::File(dir.path().join("again.db"))).await?);
    println!("| what | rows | SQLite, rows/s | PostgreSQL, rows/s | ratio |\n|---|---|---|---|---|");
    for ((what, rows, one), (_, _, other)) in sqlite.iter().zip(&postgres) {
        let speed = |seconds: &f64| *rows as f64 / seconds;
        println!("| {what} | {rows} | {:.0} | {:.0} | {:.2} |", speed(one), speed(other), speed(other) / speed(one));
    }
    Ok(())
}

fn better(figures: &mut Figures, others: Figures) {
    for (figure, other) in figures.iter_mut().zip(others) {
        figure.2 = figure.2.min(other.2);
    }
}

async fn measured(at: &Location) -> Result<Figures, Failed> {
    let store = Store::open(at).await?;
    let mut figures = Vec::new();
    let now: Timestamp = "2026-11-22T12:00:00Z".parse()?;
    let later: Timestamp = "2026-11-23T12:00:00Z".parse()?;

    let plan = plan(now);
    let digest = plan.digest();
    let steps = plan.steps.len();
    let asker = Actor { name: "bench".into(), proof: Proof::Authenticated };
    let proposal = Proposal { open: plan, held: Vec::new(), findings: Vec::new() };
    let begun = Instant::now();
    store.put_proposal(&proposal, &asker, now, later, &|_, _| b"[]".to_vec()).await?;
    figures.push(("a plan, written (steps)", steps, begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    store.plan(&digest, now).await?;
    figures.push(("a plan, read (steps)", steps, begun.elapsed().as_secs_f64()));

    let reading = reading(now);
    let begun = Instant::now();
    store.put_app_reading(&reading, b"").await?;
    figures.push(("a reading, written (accounts)", PEOPLE, begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    store.latest_app_reading(&reading.app).await?.ok_or("the reading is not there")?;
    figures.push(("a reading, read (accounts)", PEOPLE, begun.elapsed().as_secs_f64()));

    let links: Vec<Link> = (0..LINKS).map(|n| link(n, now)).collect();
    let begun = Instant::now();
    store.put_links(&links).await?;
    figures.push(("links, written at once", LINKS, begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    let known = store.links().await?;
    figures.push(("links, read", known.len(), begun.elapsed().as_secs_f64()));

    store.decide(Decision { id: "d".into(), digest, verdict: Verdict::Yes, by: asker, at: now, expires: later }).await?;
    let run = Run {
        id: RunId::new("r"),
        digest,
        decision: String::new(),
        state: RunState::Running,
        started: now,
        ended: None,
        stopped_by: String::new(),
    };
    store.take_decision(&digest, &run).await?;
    let epoch = store.lease(&AppName::new("academy"), "bench", now, jiff::SignedDuration::from_hours(1), |_| false).await?;
    let begun = Instant::now();
    let one_by_one = 300;
    for call in 0..one_by_one {
        store.journal().started(&run.id, &epoch, call, &[StepId::new(u128::from(call).to_be_bytes())], now).await?;
    }
    figures.push(("journal, one by one (a flush each)", usize::try_from(one_by_one)?, begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let (journal, run, epoch) = (store.journal().clone(), run.id.clone(), epoch.clone());
        writers.spawn(async move {
            for note in 0..NOTES {
                journal
                    .started(&run, &epoch, writer, &[StepId::new((u128::from(writer) << 64 | u128::from(note)).to_be_bytes())], now)
                    .await?;
            }
            Ok::<_, provost_store::StoreError>(())
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    figures.push(("journal, 64 at a time (committed in groups)", usize::try_from(WRITERS * NOTES)?, begun.elapsed().as_secs_f64()));
    let begun = Instant::now();
    let entries = store.entries(&run.id).await?;
    figures.push(("journal, read", entries.len(), begun.elapsed().as_secs_f64()));
    store.close().await;
    Ok(figures)
}

fn text(n: usize, what: &str) -> Value {
    Value::text(format!("{what}{n}@acme.example"))
}

fn plan(now: Timestamp) -> Plan {
    let step = |n: usize| {
        Step {
            id: StepId::default(),
            app: AppName::new("academy"),
            verb: Verb::Create,
            person: Some(PersonKey::new(format!("{n:07}"))),
            label: format!("Given{n} Family{n}").into(),
            account: None,
            set: Changes::from_iter(
                ["email", "name", "title", "department"].map(|name| (name, Change { before: Value::Null, after: text(n, name) })),
            ),
            add_groups: Few::new(),
            remove_groups: Few::new(),
            content: None,
            evidence: None,
            effects: [Effect::AccessGiven].into(),
            reason: "works here, and has no account".into(),
            needs: Few::new(),
        }
        .sealed()
    };
    Plan {
        version: PLAN_VERSION,
        organization: "Acme".into(),
        class: Class::Open,
        inputs: Inputs {
            policy: digest_of(&"policy"),
            readings: BTreeMap::new(),
            links: digest_of(&"links"),
            earlier: digest_of(&"earlier"),
            as_of: now,
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
        steps: (0..PEOPLE).map(step).collect(),
    }
}

fn link(n: usize, since: Timestamp) -> Link {
    Link {
        app: AppName::new("academy"),
        person: PersonKey::new(format!("{n:07}")),
        account: AccountId::new(format!("00000000-0000-4000-8000-{n:012}")),
        evidence: Evidence::Matched { rule: "externalId == person.key".into() },
        since,
    }
}

fn reading(now: Timestamp) -> AppReading {
    let account = |n: usize| Account {
        id: AccountId::new(format!("00000000-0000-4000-8000-{n:012}")),
        active: true,
        protected: None,
        attributes: ["username", "emailAddress", "firstName", "lastName", "externalId", "jobTitle", "department"]
            .into_iter()
            .map(|name| (name, text(n, name)))
            .collect(),
    };
    AppReading {
        app: AppName::new("academy"),
        fingerprint: Fingerprint::new("bench"),
        tenant: Tenant {
            profile: "bench".into(),
            sees_all: Some(true),
            sees: BTreeSet::new(),
            declared: BTreeSet::new(),
            clock_ahead_ms: 0,
            notes: Vec::new(),
        },
        digest: digest_of(&PEOPLE),
        certificate: Certificate {
            at: now,
            completeness: Completeness::Complete { proof: "counted".into() },
            count: PEOPLE as u64,
            watermark: None,
            increments: None,
        },
        accounts: (0..PEOPLE).map(account).collect(),
        groups: Vec::new(),
        departments: Vec::new(),
        content: Vec::new(),
        enrolments: Vec::new(),
        enrolments_of: BTreeSet::new(),
    }
}
