//! Values, names of departments and groups, unique values, supervisors, enrolments.

use model::{Effect, EnrolmentState, FindingKind, On, Value, Verb};

use crate::world::{With, World, expr, held, kinds, left, person, set, steps};

#[test]
fn unknown_names_are_said_with_the_nearest_and_hold_the_person() {
    let mut world = World::new(vec![person("1", "Ada").with("department", "Slaes"), person("2", "Bea")]).only_app("deep");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(kinds(&proposal), ["UnknownReference 1"]);
    assert!(proposal.findings[0].what.contains("nearest: \"Sales\""), "{:?}", proposal.findings);
    world.app_policy("deep").create_departments = true;
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["createdepartment Slaes", "create 1", "create 2"]);
    assert_eq!(proposal.open.steps[0].effects, [Effect::StructureCreated].into());
    assert!(matches!(proposal.open.steps[1].set["department"].after, Value::CreatedBy(_)));
    assert!(world.settle().open.steps.is_empty());
}

#[test]
fn two_departments_of_one_name_are_an_objection() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("deep");
    world.app("deep").departments[1].name = "SALES".into();
    assert_eq!(kinds(&world.propose()), ["Objection 1"]);
}

#[test]
fn groups_are_made_only_where_policy_says() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea")]).only_app("flat");
    world.app("flat").groups.remove(0);
    assert_eq!(kinds(&world.propose()), ["UnknownReference 1", "UnknownReference 2"]);
    world.app_policy("flat").groups.as_mut().unwrap().create = true;
    assert_eq!(steps(&world.propose().open), ["creategroup Sales", "create 1", "create 2"]);
    assert!(world.settle().open.steps.is_empty());
}

#[test]
fn l18_refused_characters_are_found_while_planning() {
    for (name, what) in [("A@a", "'@'"), (" Ada", "begins with a space"), ("A\u{7}a", "'\\u{7}'")] {
        let mut world = World::new(vec![person("1", "Ada").with("given_name", name)]).only_app("flat");
        let proposal = world.propose();
        assert_eq!(kinds(&proposal), ["Objection 1"], "{name:?}");
        assert!(proposal.findings[0].what.contains(what), "{:?}", proposal.findings);
        assert!(proposal.open.steps.is_empty());
    }
}

#[test]
fn required_and_ill_shaped_values_are_objections() {
    let mut world = World::new(vec![person("1", "Ada").with("email", "")]).only_app("flat");
    assert_eq!(kinds(&world.propose()), ["Objection 1"]);
    let mut world = World::new(vec![person("1", "Ada").with("day", "01/02/1998")]).only_app("flat");
    world.app_policy("flat").set.insert("hire_date".into(), set("person.day"));
    assert_eq!(kinds(&world.propose()), ["Objection 1"]);
    world.people[0].attributes.insert("day", "1998-01-02".into());
    assert_eq!(world.propose().open.steps[0].set["hire_date"].after, "1998-01-02".into());
}

#[test]
fn an_expression_that_fails_holds_its_person_only() {
    let mut world = World::new(vec![person("1", "Ada").with("level", "x"), person("2", "Bea").with("level", "3")]).only_app("flat");
    world.app_policy("flat").set.insert("job_title".into(), set("string(int(person.level) + 1)"));
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(kinds(&proposal), ["Objection 1"]);
    assert!(proposal.findings[0].what.contains("int(person.level)"), "{:?}", proposal.findings);
}

#[test]
fn a11_a_value_that_another_account_has_is_an_objection() {
    let mut world = World::new(vec![left(person("1", "Ada")), person("2", "Ada")]).only_app("flat");
    world.account("flat", "a", false, &[("email", "Ada@acme.example"), ("ext_uid", "1"), ("name", "Ada Doe")]);
    world.link("flat", "1", "a");
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["Objection 2"]);
    assert!(proposal.findings[0].what.contains("inactive account a of 1"), "{:?}", proposal.findings);

    let mut world = World::new(vec![person("1", "Ada"), person("2", "Ada")]).only_app("flat");
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty(), "two joiners want one e-mail: neither gets it");
    assert_eq!(kinds(&proposal), ["Objection 1", "Objection 2"]);
    assert!(proposal.findings[0].what.contains("1, 2"));
}

/// Three linked accounts of people 1, 2, 3 with the e-mails a, b, c.
fn three() -> World {
    let mut world = World::new(vec![person("1", "A"), person("2", "B"), person("3", "C")]).only_app("flat");
    let rest = world.settle();
    assert!(rest.open.steps.is_empty());
    world
}

#[test]
fn a_chain_of_renames_runs_from_its_free_end() {
    let mut world = three();
    for (at, email) in ["b@acme.example", "c@acme.example", "d@acme.example"].iter().enumerate() {
        world.people[at].attributes.insert("email", (*email).into());
    }
    world.people.push(person("0", "Joiner").with("email", "a@acme.example"));
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["update 3", "update 2", "update 1", "create 0"]);
    let rest = world.settle();
    assert!(rest.open.steps.is_empty(), "{rest:?}");
}

#[test]
fn a_circle_of_renames_is_an_objection() {
    let mut world = three();
    for (at, email) in ["b@acme.example", "a@acme.example", "a@acme.example"].iter().enumerate().take(2) {
        world.people[at].attributes.insert("email", (*email).into());
    }
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["Objection 1", "Objection 2"]);
}

#[test]
fn what_waits_for_an_objection_is_an_objection() {
    let mut world = three();
    world.people[0].attributes.insert("email", "b@acme.example".into());
    let gone = world.people[1].clone().with("email", "d@acme.example").with("given_name", "!");
    world.people[1] = gone;
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["Objection 1", "Objection 2"], "{:?}", proposal.findings);
}

#[test]
fn l16_roles_go_up_and_down_as_effects() {
    let mut world = World::new(vec![person("1", "Ada").with("title", "Manager")]).only_app("flat");
    assert!(!world.propose().open.steps[0].effects.contains(&Effect::RoleRaised), "a new account had no role before");
    world.settle();
    world.people[0].attributes.insert("title", "Clerk".into());
    let proposal = world.propose();
    let plan = held(&proposal, "role_lowered");
    assert!(plan.steps[0].effects.contains(&Effect::RoleLowered));
    assert!(proposal.open.steps.is_empty());
    world.app("flat").accounts[0].attributes.insert("role", "custom".into());
    let effects = &held(&world.propose(), "role_lowered").steps[0].effects.clone();
    assert!(effects.contains(&Effect::RoleRaised) && effects.contains(&Effect::RoleLowered), "from a role without rank, either may be");
    world.app_policy("flat").set.insert("role".into(), set("'boss'"));
    assert_eq!(kinds(&world.propose()), ["Objection 1"]);
}

#[test]
fn supervisors_that_are_not_there_are_findings_and_stop_nothing() {
    let people = vec![
        person("1", "Ada").with("manager", "404"),
        person("2", "Bea").with("manager", "3"),
        left(person("3", "Cid")),
        person("4", "Dan").with("manager", "4"),
    ];
    let mut world = World::new(people).only_app("deep");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 1", "create 2", "create 4"]);
    assert_eq!(kinds(&proposal), ["Cycle 4", "UnknownReference 1", "UnknownReference 2"]);
    assert!(proposal.open.steps.iter().all(|step| !step.set.contains_key("supervisor")));
    world.settle();
    world.app("deep").accounts[0].attributes.insert("supervisor", "x".into());
    assert!(world.propose().open.steps.is_empty(), "what cannot be told is left alone");
    world.people[0].attributes.remove("manager");
    let proposal = world.propose();
    assert_eq!(proposal.open.steps[0].set["supervisor"].after, Value::Null, "no supervisor is something that policy says");
}

#[test]
fn mutual_supervisors_are_set_in_the_second_pass_and_found() {
    let mut world = World::new(vec![person("1", "Ada").with("manager", "2"), person("2", "Bea").with("manager", "1")]).only_app("deep");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 1", "create 2", "relate 1", "relate 2"]);
    assert_eq!(kinds(&proposal), ["Cycle 1"]);
    assert!(world.settle().open.steps.is_empty());
    let reports: Vec<&Value> = world.apps["deep"].accounts.iter().map(|account| &account.attributes["supervisor"]).collect();
    assert_eq!(reports.len(), 2);
}

#[test]
fn a_supervisor_whose_adoption_waits_holds_the_relation_not_the_account() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea").with("manager", "1")]).only_app("deep");
    world.account("deep", "a", true, &[("username", "ada@acme.example"), ("emailAddress", "ada@acme.example")]);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(
        steps(held(&proposal, "adopt")),
        ["link 1", "update 1"],
        "the relation names a step of the open plan: it comes with the next plan"
    );
    world.apply(&proposal.open);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(steps(held(&proposal, "adopt")), ["link 1", "update 1", "relate 2"]);
    world.settle();
    assert_eq!(world.apps["deep"].accounts[1].attributes["supervisor"], "a".into());
}

#[test]
fn enrolments_are_asked_for_and_begun_once() {
    let mut fresh = person("1", "Ada");
    fresh.starts = Some(jiff::civil::date(1998, 6, 20));
    let mut world = World::new(vec![fresh]).only_app("deep");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 1", "enrol 1"]);
    assert_eq!(proposal.open.names["deep"].get("c1").map(String::as_str), Some("Welcome"));
    world.apply(&proposal.open);
    let account = world.apps["deep"].accounts[0].id.clone();
    let wanted = world.given(|given| {
        let mut given = *given;
        let mut apps = given.apps.clone();
        apps.get_mut("deep").unwrap().enrolments_of.clear();
        given.apps = &apps;
        plan::enrolments_to_read(&given)
    });
    assert_eq!(wanted["deep"], [account].into());
    assert!(world.propose().open.steps.is_empty());
    world.app("deep").enrolments[0].state = EnrolmentState::Ended;
    assert_eq!(steps(&world.propose().open), ["enrol 1"]);
    world.app_policy("deep").enrol[0].content = "Welcom".into();
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(proposal.findings[0].kind, FindingKind::UnknownReference);
    assert!(proposal.findings[0].what.contains("\"Welcome\""));
}

#[test]
fn values_on_create_are_never_changed_afterwards() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("deep");
    world.settle();
    world.people[0].attributes.insert("email", "new@acme.example".into());
    let proposal = world.propose();
    assert_eq!(proposal.open.steps[0].set.keys().collect::<Vec<_>>(), ["emailAddress"]);
    assert_eq!(world.policy.apps["deep"].set["username"].on, On::Create);
}

#[test]
fn l13_custom_fields_count_only_where_declared() {
    let mut world = World::new(vec![person("1", "Ada").with("color", "red")]).only_app("flat");
    world.app_policy("flat").set.insert("custom.colour".into(), set("person.color"));
    world.app("flat").tenant.declared.insert("color".into());
    let proposal = world.propose();
    assert!(!proposal.open.steps[0].set.contains_key("custom.colour"));
    assert_eq!(kinds(&proposal), ["Objection"]);
    assert!(proposal.findings[0].what.contains("color"), "{:?}", proposal.findings);
    world.app("flat").tenant.declared.insert("colour".into());
    assert_eq!(world.propose().open.steps[0].set["custom.colour"].after, "red".into());
}

#[test]
fn what_an_app_cannot_do_is_an_objection() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("deep");
    world.app_policy("deep").matching[0].expr = expr("person.key");
    assert!(world.propose().open.steps.iter().all(|step| step.verb != Verb::CreateGroup));
}

#[test]
fn what_the_vendor_would_refuse_takes_its_person_out_and_nobody_else() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea")]).only_app("flat");
    let refused = |step: &model::Step| -> Vec<model::Finding> {
        let ada = step.person.as_ref().filter(|person| person.as_str() == "1");
        ada.map(|person| model::Finding::new(FindingKind::Objection, "no").about(person)).into_iter().collect()
    };
    let proposal = world.given(|given| plan::propose(&plan::Given { review: &refused, ..*given }));
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(kinds(&proposal), ["Objection 1"]);
}
