//! Every connector of the registry, in every profile, through the one suite.

mod rigs;

use connector::conformance::{Rig, suite};
use provost_vendors::registry;

/// Profile and rig of every sandbox there is for a connector.
fn rigs_of(connector: &str) -> Vec<(&'static str, Box<dyn Rig>)> {
    match connector {
        "lessonly" => vec![("guide", Box::new(rigs::lessonly::LessonlyRig))],
        "absorb" => vec![("guide", Box::new(rigs::absorb::AbsorbRig))],
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
