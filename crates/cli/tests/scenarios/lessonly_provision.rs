//! Guide of Lessonly: provision a new employee and assign to a group.

use crate::world::{Setup, World};

#[test]
fn an_employee_is_provisioned_with_role_and_group() {
    let mut world = World::new(Setup::default());
    let elsewhere =
        world.lessonly.create_user(serde_json::json!({ "name": "Guest Trainer", "email": "guest@partner.example" })).expect("a guest");
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,1997-12-01,\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,1990-01-01,\n",
    );
    let planned = world.carry_out();
    assert_eq!(planned.count("lessonly", "create"), 2);
    let ada = world.lessonly_user("ada@acme.example").expect("she is there");
    let groups = world.lessonly.groups();
    let development = groups.iter().find(|group| group["name"] == "Development").expect("the group");
    assert_eq!(ada["group_ids"], serde_json::json!([development["id"]]));
    assert_eq!((&ada["role"], &ada["ext_uid"], &ada["job_title"]), (&"learner".into(), &"1".into(), &"Engineer".into()));
    assert_eq!(world.lessonly_user("grace@acme.example").expect("she is there")["role"], "manager");
    let guest = world.lessonly_user("guest@partner.example").expect("the guest is still there");
    assert_eq!(guest["archived_at"], serde_json::Value::Null, "{elsewhere} is nobody's and stays as it is");
    let findings = world.provost(&["findings", "--format", "json"]);
    assert!(findings.out.contains("unmanaged"), "{findings:?}");
    world.check(&["--expect-complete"]);
}
