//! Guide of Absorb: profile sync on attribute change.  What policy does not own survives a PUT that clears what it leaves out (A06).

use crate::world::{Setup, World};

#[test]
fn a_mover_changes_what_policy_owns_and_nothing_else() {
    let mut world = World::new(Setup::default());
    world.roster("1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n");
    world.carry_out();
    let ada = world.absorb_user("ada@acme.example").expect("she");
    let mut by_hand = ada.clone();
    by_hand["phone"] = "555-0100".into();
    world.absorb.put_user(by_hand).expect("the admin adds a phone number");
    let team = world.lessonly.create_group("Book club").expect("a group that is not ours");
    let user = world.lessonly_user("ada@acme.example").expect("she");
    let mut groups = user["group_ids"].as_array().expect("groups").clone();
    groups.push(team.into());
    world.lessonly.update_user(user["id"].as_u64().expect("an id"), serde_json::json!({ "group_ids": groups })).expect("she joins it");
    world.at("1998-07-01T12:00:00Z");
    world.roster("1,Ada,King,ada@acme.example,Senior Engineer,Sales,,active,1990-12-01,\n");
    let planned = world.carry_out();
    assert_eq!((planned.count("absorb", "update"), planned.count("lessonly", "update")), (1, 1));
    let after = world.absorb_user("ada@acme.example").expect("she");
    assert_eq!(
        (&after["lastName"], &after["jobTitle"], &after["phone"]),
        (&"King".into(), &"Senior Engineer".into(), &"555-0100".into())
    );
    let user = world.lessonly_user("ada@acme.example").expect("she");
    let names: Vec<_> = world
        .lessonly
        .groups()
        .into_iter()
        .filter(|group| user["group_ids"].as_array().expect("groups").contains(&group["id"]))
        .map(|group| group["name"].clone())
        .collect();
    assert!(
        names.contains(&"Book club".into()) && names.contains(&"Sales".into()) && !names.contains(&"Development".into()),
        "{names:?}"
    );
    world.check(&["--expect-complete"]);
}
