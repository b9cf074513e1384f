//! Every step twice: what was done already is seen, and nothing is done a second time.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{Cursor, Fault, Key, Manifest, Outcome, Page, Read, Record, Session, Source, Target, Watermark, Wire, Write};
use model::{Approved, Finding, Kind, Secret, Step, Tenant};

use crate::rig::StoreAt;
use crate::saboteur::Saboteur;
use crate::story::{Place, Story};

/// A connector whose every call is made twice.
struct Twice(Arc<dyn Target>);

#[async_trait]
impl Source for Twice {
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
        self.0.read(wire, kind, after).await
    }

    async fn changed(&self, wire: &Read, kind: Kind, since: &Watermark, after: Option<Cursor>) -> Result<Page, Fault> {
        self.0.changed(wire, kind, since, after).await
    }

    fn consent(&self, redirect: &str, state: &str) -> Option<String> {
        self.0.consent(redirect, state)
    }

    async fn redeem(&self, wire: &Wire, code: &Secret, redirect: &str) -> Result<Session, Fault> {
        self.0.redeem(wire, code, redirect).await
    }

    async fn find(&self, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
        self.0.find(wire, kind, key).await
    }
}

#[async_trait]
impl Target for Twice {
    fn review(&self, step: &Step, tenant: &Tenant) -> Vec<Finding> {
        self.0.review(step, tenant)
    }

    async fn apply(&self, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
        let first = self.0.apply(wire, steps).await;
        let second = self.0.apply(wire, steps).await;
        for (step, (first, second)) in steps.iter().zip(first.iter().zip(&second)) {
            let twice = format!("{:?} in {} was {first:?}, and then {second:?}", step.get().verb, step.get().app);
            assert!(first.is_ok() && second.as_ref().is_ok_and(|done| done.already), "{twice}");
        }
        first
    }
}

#[test]
fn p09_every_step_done_twice_is_done_once() {
    for profile in ["guide", "vendor"] {
        let story = Story::new(Place { profile, store: StoreAt::File });
        story.world.put_around(|target| Arc::new(Twice(target)));
        story.told(Arc::new(Saboteur::default())).unwrap_or_else(|wrong| panic!("{profile}: {wrong}"));
    }
}
