//! Every connector of the registry, in every profile, through the one suite.

mod rigs;

use std::sync::Arc;

use async_trait::async_trait;
use connector::conformance::{Opened, Rig, suite, survives};
use connector::{Cursor, Done, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Wire, Write};
use model::{Approved, Finding, Kind, Receipt, Step, Tenant};
use vendors::registry;

/// The rig of a connector's sandbox, in a profile, with faults.
fn rig(connector: &str, profile: &'static str, faults: &'static str) -> Box<dyn Rig> {
    match connector {
        "lessonly" => Box::new(rigs::lessonly::LessonlyRig(profile, faults)),
        "absorb" => Box::new(rigs::absorb::AbsorbRig(profile, faults)),
        other => panic!("the connector {other} has no rig here: every entry of the registry goes through the suite"),
    }
}

/// The profiles that a connector's sandbox has: each goes through the suite, whether the connector knows it or not.
fn profiles(connector: &str) -> Vec<&'static str> {
    match connector {
        "lessonly" => sandbox::lessonly::PROFILES.iter().map(|profile| profile.name).collect(),
        "absorb" => sandbox::absorb::PROFILES.iter().map(|profile| profile.name).collect(),
        other => panic!("the connector {other} has no sandbox"),
    }
}

/// SCIM is no vendor's: it is held against many servers, in `scim.rs`.
fn has_own_sandbox(connector: &str) -> bool {
    connector != "scim"
}

async fn run(connector: &str) {
    for profile in profiles(connector) {
        match suite(rig(connector, profile, "").as_ref()).await {
            Ok(passed) => println!("{connector}, {profile}: {}", passed.join(", ")),
            Err(why) => panic!("{connector}, {profile}: {why}"),
        }
    }
}

/// Each kind alone, far more often than anywhere, and then all together.
const FAULTS: [&str; 18] = [
    "429=30%, seed=1",
    "throttle=30%, seed=2",
    "500-before=30%, seed=3",
    "503-after=30%, seed=4",
    "504-late=30%, seed=5",
    "reset-before=30%, seed=6",
    "reset-after=30%, seed=7",
    "reset-late=30%, seed=8",
    "html-before=30%, seed=9",
    "html-after=30%, seed=10",
    "html-after:502=30%, seed=11",
    "redirect=30%, seed=12",
    "redirect:same=30%, seed=13",
    "slow:1ms=30%, seed=14",
    "truncated=30%, seed=15",
    "garbled=30%, seed=16",
    "clock=-90s, 503-before=10%, seed=17",
    "429=5%, throttle=5%, 500-before=5%, 503-after=5%, 504-late=5%, reset-before=5%, reset-after=5%, reset-late=5%, html-before=5%, \
     html-after:502=5%, redirect=5%, slow:1ms=5%, truncated=5%, garbled=5%, clock=+90s, seed=18",
];

async fn survive(connector: &str, further: &[&'static str]) {
    let mut wrong = Vec::new();
    for profile in profiles(connector) {
        for faults in FAULTS.iter().chain(further) {
            if let Err(why) = survives(rig(connector, profile, faults).as_ref(), 12).await {
                wrong.push(format!("{connector}, {profile}, {faults}: {why}"));
            }
        }
        // Records move between pages: there have to be some.
        let entry = registry::entry(connector).expect("it is in the registry");
        let people = entry.manifest.page(profile) * 2 + 20;
        if let Err(why) = survives(rig(connector, profile, "moved=100%, seed=19").as_ref(), people).await {
            wrong.push(format!("{connector}, {profile}, moved: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn lessonly_tells_the_truth_under_faults() {
    survive("lessonly", &[]).await;
}

#[tokio::test]
async fn absorb_tells_the_truth_under_faults() {
    survive("absorb", &["rival=20%, seed=20"]).await;
}

#[test]
fn every_profile_of_a_sandbox_is_the_connector_s_too() {
    for entry in registry::entries().iter().filter(|entry| has_own_sandbox(entry.name)) {
        let (mut ours, mut theirs) = (entry.profiles.to_vec(), profiles(entry.name));
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{}: profiles of the connector and of its sandbox", entry.name);
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
    assert_eq!(names, ["absorb", "lessonly", "scim"], "a test for every entry: above, and for `scim` in scim.rs");
    for name in names.into_iter().filter(|name| has_own_sandbox(name)) {
        assert!(!profiles(name).is_empty());
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
    /// Says done where nobody knows.
    HopesForTheBest,
    /// Says that nothing happened where nobody knows.
    RulesOut,
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
            (Wrong::HopesForTheBest, Err(Fault::Unknown { .. })) => done(false),
            (Wrong::RulesOut, Err(Fault::Unknown { why })) => Err(Fault::Wait { after: None, why }),
            (Wrong::ForgetsAlready, Ok(done)) => Ok(Done { already: false, ..done }),
            (_, outcome) => outcome,
        };
        self.0.apply(wire, steps).await.into_iter().map(wrong).collect()
    }
}

struct FaultyRig(Wrong, &'static str);

#[async_trait]
impl Rig for FaultyRig {
    async fn open(&self, people: usize, limited: bool) -> Opened {
        let opened = rigs::lessonly::LessonlyRig("guide", self.1).open(people, limited).await;
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
        let found = suite(&FaultyRig(wrong, "")).await.expect_err("the suite let it pass");
        assert!(found.starts_with(check), "{wrong:?}: {found}");
    }
}

#[tokio::test]
async fn the_suite_under_faults_finds_what_is_wrong() {
    for (wrong, faults, people, told) in [
        (Wrong::LosesOne, "503-before=5%", 120, "is complete by its proof, and there are"),
        (Wrong::SaysRefused, "503-after=50%", 12, "is told as Refused"),
        (Wrong::HopesForTheBest, "reset-before=50%", 12, "is told as done, and the ledger has nothing"),
        (Wrong::RulesOut, "reset-after=50%", 12, "and the ledger grew by"),
    ] {
        let found = survives(&FaultyRig(wrong, faults), people).await.expect_err("the suite let it pass");
        assert!(found.contains(told), "{wrong:?}: {found}");
    }
}
