//! Mistakes in the policy are found before anything is planned, with their place.

use model::{By, Effect, GuardRule, Policy};

use crate::world::{compile, expr, policy, set};

fn errors(change: impl FnOnce(&mut Policy)) -> Vec<plan::PolicyError> {
    let mut policy = policy();
    change(&mut policy);
    compile(policy).map(|_| ()).unwrap_err()
}

#[test]
fn the_sample_compiles_and_says_what_it_reads() {
    let compiled = compile(policy()).unwrap();
    let reads: Vec<String> = compiled.reads().into_iter().collect();
    assert_eq!(reads, ["department", "email", "family_name", "given_name", "manager", "title"]);
}

#[test]
fn each_mistake_has_its_place_and_its_help() {
    let found = errors(|policy| {
        policy.apps.get_mut("flat").unwrap().set.insert("jobtitle".into(), set("person.title"));
    });
    assert_eq!(found[0].span, 10..20);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `job_title`?"));

    let found = errors(|policy| policy.apps.get_mut("flat").unwrap().who = expr("person.title"));
    assert!(found[0].message.contains("accounts.who must give true or false"), "{found:?}");

    let found = errors(|policy| policy.apps.get_mut("flat").unwrap().who = expr("person.active &&"));
    assert!(found[0].message.contains("accounts.who"), "{found:?}");

    let found = errors(|policy| policy.apps.get_mut("flat").unwrap().create_departments = true);
    assert!(found[0].message.contains("departments.create"), "{found:?}");

    let found = errors(|policy| policy.organization.time_zone = "Chicago".into());
    assert!(found[0].message.contains("time zone"), "{found:?}");

    let found = errors(|policy| {
        let rule = GuardRule { effect: Effect::AccessLost, by: By::Group, exempt: 0, max: Some(1), percent_milli: None, window: 1 };
        policy.guards.insert("x".into(), rule);
    });
    assert!(found[0].message.contains("by group"), "{found:?}");

    let found = errors(|policy| {
        let flat = policy.apps.get_mut("flat").unwrap();
        flat.who = expr("1");
        flat.matching[0].attribute = "extuid".into();
    });
    assert_eq!(found.len(), 2, "all mistakes at once: {found:?}");
}
