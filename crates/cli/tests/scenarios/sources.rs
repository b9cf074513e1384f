//! Several sources, joined: who works here from HR, where they sit from facilities, each attribute from the source that policy names first.

use crate::world::{Setup, World};

const PEOPLE: &str = "1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1997-12-01,\n\
                      2,Bob,Ross,bob@acme.example,Clerk,Sales,,active,1997-12-01,\n";

/// Facilities' list, by e-mail; it has titles too, which nobody asked for.
const DESKS: &str = "desk,mail,location,title\nD1,ADA@acme.example,Rome,Countess\nD2,bob@acme.example,Oslo,Painter\n";

fn world() -> World {
    let mut world = World::new(Setup {
        more: r#"
[source.desks]
role = "attributes"
kind = "file"
path = "desks.csv"
key = "desk"
join = "person.email == record.mail"

[precedence]
title = ["hr"]
"#,
        ..Setup::default()
    });
    world.reconfigure("job_title = 'person.title'", "job_title = 'person.title'\nlocation = 'person.location'");
    world.roster(PEOPLE);
    world.write("desks.csv", DESKS);
    world
}

#[test]
fn p4_what_two_sources_say_is_joined_and_a_record_that_is_gone_takes_nothing_away() {
    let mut world = world();
    world.carry_out();
    let ada = world.lessonly_user("ada@acme.example").expect("she has an account");
    assert_eq!((ada["location"].as_str(), ada["job_title"].as_str()), (Some("Rome"), Some("Engineer")));

    // Her record is gone: nothing is done about her, and Bob's move goes on.
    world.later();
    world.write("desks.csv", "desk,mail,location,title\nD2,bob@acme.example,Bergen,Painter\n");
    let planned = world.plan();
    assert_eq!(planned.steps().len(), 1, "Bob moves: {:?}", planned.steps());
    let findings = world.provost(&["findings", "--format", "json"]).out;
    assert!(findings.contains("source desks has no record"), "{findings}");
    world.apply(&planned.open_file.clone());
    assert_eq!(world.lessonly_user("ada@acme.example").expect("still there")["location"], "Rome");
    assert_eq!(world.lessonly_user("bob@acme.example").expect("still there")["location"], "Bergen");

    // That she left needs no other source.
    world.later();
    world.roster(&PEOPLE.replace("active,1997-12-01,\n2", "terminated,1997-12-01,1998-01-01\n2"));
    world.at("1998-02-01T12:00:00Z");
    let planned = world.plan();
    assert_eq!((planned.count("lessonly", "leave"), planned.count("absorb", "leave")), (1, 1), "{:?}", planned.said);

    world.reconfigure("person.email == record.mail", "person.email == record.e_mail");
    let unknown = world.provost(&["plan"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("source desks has no field \"e_mail\"") && unknown.err.contains("mail"), "{}", unknown.err);
}
