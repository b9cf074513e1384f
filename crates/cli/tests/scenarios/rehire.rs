//! Somebody comes back: the same account in each app, restored, with what policy wants and without a second account (F06, L11).

use crate::world::{Setup, World, active_status};

#[test]
fn a_rehire_gets_the_old_accounts_back() {
    let mut world = World::new(Setup::default());
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1996-12-01,\n");
    world.carry_out();
    let (lessonly, absorb) =
        (world.lessonly_user("ada@acme.example").expect("she"), world.absorb_user("ada@acme.example").expect("she"));
    world.at("1998-03-01T12:00:00Z");
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,terminated,1996-12-01,1998-02-15\n");
    world.carry_out();
    world.at("1998-07-01T12:00:00Z");
    world.roster("1,Ada,Lovelace,ada@acme.example,Manager,Sales,,active,1998-06-15,\n");
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "restore"), planned.count("absorb", "restore")), (1, 1));
    assert_eq!((planned.count("lessonly", "create"), planned.count("absorb", "create")), (0, 0));
    assert_eq!(planned.count("absorb", "enrol"), 1, "the onboarding that policy wants is enrolled again");
    let (lessonly_after, absorb_after) =
        (world.lessonly_user("ada@acme.example").expect("she"), world.absorb_user("ada@acme.example").expect("she"));
    assert_eq!((&lessonly["id"], &absorb["id"]), (&lessonly_after["id"], &absorb_after["id"]));
    assert!(lessonly_after["archived_at"].is_null());
    assert_eq!((&absorb_after["activeStatus"], &absorb_after["jobTitle"]), (&active_status(true), &"Manager".into()));
    assert_eq!(world.absorb.users().iter().filter(|user| user["externalId"] == "1").count(), 1);
    world.check(&["--expect-complete"]);
}
