//! Guide of Absorb: provision from HR with department, external id, supervisor and an onboarding enrolment.

use crate::world::{Setup, World};

#[test]
fn an_employee_is_provisioned_with_department_supervisor_and_course() {
    let mut world = World::new(Setup::default());
    world.roster(
        "1,Ada,Lovelace,ada@acme.example,Engineer,Development,2,active,1997-12-01,\n\
         2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,1990-01-01,\n",
    );
    let planned = world.carry_out();
    assert_eq!((planned.count("absorb", "create"), planned.count("absorb", "create_department")), (2, 2));
    assert_eq!(planned.count("absorb", "relate"), 1, "the supervisor is set in the second pass");
    let (ada, grace) = (world.absorb_user("ada@acme.example").expect("she"), world.absorb_user("grace@acme.example").expect("she"));
    let department =
        world.absorb.departments().into_iter().find(|department| department["name"] == "Development").expect("it was made");
    assert_eq!((&ada["externalId"], &ada["departmentId"], &ada["supervisorId"]), (&"1".into(), &department["id"], &grace["id"]));
    let enrolments = world.absorb.enrollments();
    let of = |user: &serde_json::Value| enrolments.iter().filter(|enrolment| enrolment["userId"] == user["id"]).count();
    assert_eq!((of(&ada), of(&grace)), (1, 0), "onboarding is for the first ninety days");
    world.check(&["--expect-complete"]);
}
