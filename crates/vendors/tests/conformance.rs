//! Every connector of the registry, in every profile, through the one suite.

mod rigs;

use std::sync::Arc;

use async_trait::async_trait;
use connector::conformance::{Opened, Rig, suite};
use connector::{Cursor, Done, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Wire, Write};
use model::{Approved, Finding, Kind, Receipt, Step, Tenant};
use vendors::registry;

/// Profile and rig of every sandbox there is for a connector.
fn rigs_of(connector: &str) -> Vec<(&'static str, Box<dyn Rig>)> {
    match connector {
        "lessonly" => {
            vec![("guide", Box::new(rigs::lessonly::LessonlyRig("guide"))), ("vendor", Box::new(rigs::lessonly::LessonlyRig("vendor")))]
        }
        "absorb" => {
            vec![("guide", Box::new(rigs::absorb::AbsorbRig("guide"))), ("vendor", Box::new(rigs::absorb::AbsorbRig("vendor")))]
        }
        other => panic!("the connector {other} has no rig here: every entry of the registry goes through the suite"),
    }
}

async fn run(connector: &str) {
    for (profile, rig) in rigs_of(connector) {
        match suite(rig.as_ref()).await {
            Ok(passed) => println!("{connector}, {profile}: {}", passed.join(", ")),
            Err(why) => panic!("{connector}, {profile}: {why}"),
        }
    }
}

#[tokio::test]
async fn lessonly_conforms() {
    run("lessonly").await;
}

#[tokio::test]
async fn absorb_conforms() {
    run("absorb").await;
}

#[test]
fn every_entry_goes_through_the_suite() {
    let names: Vec<&str> = registry::entries().iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["absorb", "lessonly"], "a test above for every entry");
    for name in names {
        assert!(!rigs_of(name).is_empty());
    }
}

/// How a connector may be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    /// Leaves one account out of every full page.
    LosesOne,
    /// Finds somebody else.
    FindsAnother,
    /// Takes drift for done.
    HidesDrift,
    /// Says done for what it cannot do.
    SaysDone,
    /// Says refused where nobody knows.
    SaysRefused,
    /// Says that it wrote what was there already.
    ForgetsAlready,
}

/// Lessonly's connector with a fault of its own.
struct Faulty(Arc<dyn Target>, Wrong);

#[async_trait]
impl Source for Faulty {
    fn manifest(&self) -> &'static Manifest {
        self.0.manifest()
    }

    async fn log_in(&self, wire: &Wire, old: Option<&Session>) -> Result<Session, Fault> {
        self.0.log_in(wire, old).await
    }

    async fn probe(&self, wire: &Read) -> Result<Tenant, Fault> {
        self.0.probe(wire).await
    }

    async fn read(&self, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
        let mut page = self.0.read(wire, kind, after).await?;
        if self.1 == Wrong::LosesOne && page.records.len() == 50 {
            page.records.pop();
        }
        Ok(page)
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        match (self.1, kind, key.attribute.as_str()) {
            (Wrong::FindsAnother, Kind::Accounts, "email") => self.0.find(wire, kind, &Key::one("id", "101")).await,
            _ => self.0.find(wire, kind, key).await,
        }
    }
}

#[async_trait]
impl Target for Faulty {
    fn review(&self, step: &Step, tenant: &Tenant) -> Vec<Finding> {
        self.0.review(step, tenant)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        let done = |already| Ok(Done { already, receipt: Receipt { account: Some("101".into()), ..Receipt::default() } });
        let wrong = |outcome: Outcome| match (self.1, outcome) {
            (Wrong::HidesDrift, Err(Fault::Drift { .. })) => done(true),
            (Wrong::SaysDone, Err(Fault::Unsupported { .. })) => done(false),
            (Wrong::SaysRefused, Err(Fault::Unknown { why })) => Err(Fault::Refused { code: "500".to_owned(), detail: why }),
            (Wrong::ForgetsAlready, Ok(done)) => Ok(Done { already: false, ..done }),
            (_, outcome) => outcome,
        };
        self.0.apply(wire, steps).await.into_iter().map(wrong).collect()
    }
}

struct FaultyRig(Wrong);

#[async_trait]
impl Rig for FaultyRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let opened = rigs::lessonly::LessonlyRig("guide").open(people, limited).await;
        Opened { target: Arc::new(Faulty(opened.target, self.0)), ..opened }
    }
}

#[tokio::test]
async fn the_suite_finds_what_is_wrong() {
    for (wrong, check) in [
        (Wrong::LosesOne, "every_account_is_read_exactly_once"),
        (Wrong::FindsAnother, "accounts_are_found_by_every_key"),
        (Wrong::HidesDrift, "drift_is_refused"),
        (Wrong::SaysDone, "what_the_manifest_cannot_is_unsupported"),
        (Wrong::SaysRefused, "bad_answers_to_writes_have_the_right_faults"),
        (Wrong::ForgetsAlready, "what_is_created_is_found_with_its_values_and_not_created_twice"),
    ] {
        let found = suite(&FaultyRig(wrong)).await.expect_err("the suite let it pass");
        assert!(found.starts_with(check), "{wrong:?}: {found}");
    }
}
