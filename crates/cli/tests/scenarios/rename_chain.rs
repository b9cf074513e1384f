//! A joiner takes an e-mail address that a rename frees in the same plan: the order of running is what makes it possible.

use crate::world::{Setup, World};

#[test]
fn a_freed_address_is_given_on_in_one_plan() {
    let mut world = World::new(Setup::default());
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n");
    world.carry_out();
    let old = world.lessonly_user("ada@acme.example").expect("she")["id"].clone();
    world.at("1998-07-01T12:00:00Z");
    // User names stay with whom they were made for, so the second Ada has another one in the app where they are.
    world.reconfigure(
        "username = { value = 'person.email', on = \"create\" }",
        "username = { value = 'person.key + \"@acme.example\"', on = \"create\" }",
    );
    world.roster(
        "1,Ada,King,ada.king@acme.example,Engineer,Development,,active,1990-12-01,\n\
         2,Ada,Byron,ada@acme.example,Engineer,Sales,,active,1998-06-01,\n",
    );
    let planned = world.carry_out();
    assert_eq!((planned.count("lessonly", "update"), planned.count("lessonly", "create")), (1, 1), "{}", planned.said.out);
    assert_eq!(world.lessonly_user("ada.king@acme.example").expect("the first Ada")["id"], old, "a rename is no leave and join (F07)");
    assert_eq!(world.lessonly_user("ada@acme.example").expect("the second Ada")["ext_uid"], "2");
    world.check(&["--expect-complete"]);
}
