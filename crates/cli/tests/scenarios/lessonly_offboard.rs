//! Guide of Lessonly: offboard a departing employee; the history is kept.

use crate::world::{Setup, World};

#[test]
fn a_leaver_is_archived_with_history_kept() {
    let mut world = World::new(Setup::default());
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n");
    world.carry_out();
    let id = world.lessonly_user("ada@acme.example").expect("she")["id"].as_u64().expect("an id");
    let assignment = world.lessonly.assign(id, "Lesson", 1).expect("she gets a lesson");
    world.lessonly.complete(assignment, 90).expect("she passes");
    world.at("1998-07-01T12:00:00Z");
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,terminated,1990-12-01,1998-06-15\n");
    let planned = world.carry_out();
    assert_eq!(planned.count("lessonly", "leave"), 1);
    let user = world.lessonly_user("ada@acme.example").expect("nothing is deleted");
    assert!(user["archived_at"].is_string(), "{user}");
    assert_eq!(user["id"], id);
    assert_eq!(world.lessonly.assignments().iter().filter(|kept| kept["assignee_id"] == id).count(), 1, "the history is kept");
    world.check(&["--expect-complete"]);
}
