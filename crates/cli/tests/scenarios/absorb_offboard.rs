//! Guide of Absorb: offboard a terminated employee; the account is made inactive, never deleted, and nothing else of it changes.

use crate::world::{Setup, World, active_status};

#[test]
fn a_leaver_is_made_inactive_with_everything_kept() {
    let mut world = World::new(Setup::default());
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1997-12-01,\n");
    world.carry_out();
    let before = world.absorb_user("ada@acme.example").expect("she");
    world.at("1998-07-01T12:00:00Z");
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,terminated,1997-12-01,1998-06-15\n");
    let planned = world.carry_out();
    assert_eq!(planned.count("absorb", "leave"), 1);
    let after = world.absorb_user("ada@acme.example").expect("nothing is deleted");
    assert_eq!(after["activeStatus"], active_status(false));
    for member in ["id", "firstName", "departmentId", "externalId", "emailAddress"] {
        assert_eq!(before[member], after[member], "{member}");
    }
    assert_eq!(world.absorb.enrollments().len(), 1, "the enrolment is kept");
    world.check(&["--expect-complete"]);
}
