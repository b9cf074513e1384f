//! Whose account is whose; adoption; protection; what cannot be seen.

use model::{Adopt, Completeness, FindingKind, Verb};

use crate::world::{World, held, kinds, left, person, steps};

#[test]
fn f06_inactive_accounts_are_found_and_restored_not_doubled() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.account("flat", "a", false, &[("name", "Ada Doe"), ("email", "ADA@acme.example"), ("ext_uid", "1")]);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty(), "adopting waits for a person, and what needs it waits too");
    assert_eq!(steps(held(&proposal, "adopt")), ["link 1", "restore 1", "update 1"]);
    assert_eq!(held(&proposal, "adopt").steps[0].evidence.as_deref(), Some("ext_uid == person.key"));
    let update = &held(&proposal, "adopt").steps[2];
    assert!(!update.set.contains_key("email"), "another case of the e-mail is the same e-mail: {update:?}");
    let rest = world.settle();
    assert!(rest.open.steps.is_empty() && rest.held.is_empty(), "{rest:?}");
    assert_eq!(world.apps["flat"].accounts.len(), 1);
}

#[test]
fn f08_adopting_is_a_step_as_policy_says() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example")]);
    world.app_policy("flat").adopt = Adopt::Link;
    assert_eq!(steps(&world.propose().open), ["link 1", "update 1"]);
    world.app_policy("flat").adopt = Adopt::Never;
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty());
    assert_eq!(kinds(&proposal), ["Adoptable 1"]);
}

#[test]
fn a_link_decides_whatever_the_attributes_say() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "bea@acme.example"), ("ext_uid", "1")]);
    world.link("flat", "2", "a");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 1", "update 2"], "{:?}", proposal.findings);
}

#[test]
fn several_accounts_for_one_person_are_a_finding_unless_a_link_decides() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example")]);
    world.account("flat", "b", false, &[("email", "Ada@Acme.example")]);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty());
    assert_eq!(kinds(&proposal), ["Duplicate 1"]);
    assert!(proposal.findings[0].what.contains("a, b"), "{:?}", proposal.findings);
    world.link("flat", "1", "a");
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["update 1"]);
    assert_eq!(kinds(&proposal), ["Duplicate 1"], "the other one is still worth a look");
}

#[test]
fn one_account_for_several_people_is_nobodys() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Ada")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example")]);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty());
    assert_eq!(kinds(&proposal), ["Ambiguous 1", "Ambiguous 2"]);
}

#[test]
fn an_account_with_another_key_is_evidence_against_the_e_mail() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example"), ("ext_uid", "77")]);
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty());
    assert_eq!(kinds(&proposal), ["Ambiguous 1"]);
}

#[test]
fn blank_never_matches_blank() {
    let mut world = World::new(vec![crate::world::With::with(person("1", "Ada"), "email", "")]).only_app("deep");
    world.account("deep", "a", true, &[("username", "service")]);
    let proposal = world.propose();
    assert_eq!(kinds(&proposal), ["Unmanaged", "Objection 1"], "a username is required, and the account without an e-mail is not hers");
}

#[test]
fn f09_protected_accounts_are_never_touched() {
    let mut world = World::new(vec![left(person("1", "Ada")), person("2", "Bea")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example"), ("ext_uid", "1")]);
    world.account("flat", "b", true, &[("email", "bea@acme.example"), ("ext_uid", "2")]);
    world.account("flat", "c", true, &[("email", "admin@acme.example")]);
    world.link("flat", "1", "a");
    world.app("flat").accounts[0].protected = Some("role admin".into());
    world.app_policy("flat").protect = ["BEA@acme.example".into(), "admin@acme.example".into()].into();
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty() && proposal.held.is_empty(), "{proposal:?}");
    assert_eq!(kinds(&proposal), ["Protected 1", "Protected 2"]);
}

#[test]
fn an_account_that_matches_nobody_is_a_finding() {
    let mut world = World::new(vec![]).only_app("flat");
    world.account("flat", "a", true, &[("email", "who@acme.example")]);
    world.account("flat", "b", false, &[("email", "old@acme.example")]);
    let proposal = world.propose();
    assert_eq!(proposal.findings.len(), 1);
    assert_eq!((proposal.findings[0].kind, proposal.findings[0].account.as_ref().unwrap().as_str()), (FindingKind::Unmanaged, "a"));
}

#[test]
fn the_unlinked_account_of_a_leaver_is_adopted_and_archived() {
    let mut world = World::new(vec![left(person("1", "Ada")), left(person("2", "Bea"))]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example")]);
    world.account("flat", "b", false, &[("email", "bea@acme.example")]);
    let proposal = world.propose();
    assert_eq!(steps(held(&proposal, "adopt")), ["link 1", "leave 1"]);
    assert!(proposal.open.steps.is_empty());
}

#[test]
fn a04_nobody_is_created_where_the_app_may_hide_accounts() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea"), left(person("3", "Cid"))]).only_app("deep");
    world.account("deep", "b", true, &[("username", "bea@acme.example"), ("externalId", "2")]);
    world.account("deep", "c", true, &[("username", "cid@acme.example"), ("externalId", "3")]);
    world.link("deep", "2", "b");
    world.link("deep", "3", "c");
    world.app_policy("deep").scope_all = false;
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["update 2", "leave 3"], "those who are seen are served");
    assert_eq!(kinds(&proposal), ["BlindSpot", "Hidden 1"]);

    world.app("deep").tenant.sees_all = Some(true);
    assert_eq!(steps(&world.propose().open), ["create 1", "update 2", "leave 3"]);

    world.app("deep").accounts.remove(0);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["leave 3"], "a linked account that is not seen contradicts the claim");
    assert_eq!(kinds(&proposal), ["BlindSpot", "Hidden 1", "Hidden 2"]);
}

#[test]
fn nobody_is_created_on_half_a_reading_or_an_old_one() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.app("flat").certificate.completeness = Completeness::Partial { why: "page 3 failed".into() };
    assert_eq!(kinds(&world.propose()), ["BlindSpot", "Hidden 1"]);
    world.app("flat").certificate.completeness = crate::world::complete();
    world.app("flat").certificate.at = "1998-06-01T00:00:00Z".parse().unwrap();
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty());
    assert_eq!(kinds(&proposal), ["BlindSpot", "Hidden 1"]);
}

#[test]
fn a_vanished_account_is_a_finding_and_no_second_one_is_made() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.link("flat", "1", "gone");
    let proposal = world.propose();
    assert!(proposal.open.steps.iter().all(|step| step.verb != Verb::Create));
    assert_eq!(kinds(&proposal), ["Hidden 1"]);
}

#[test]
fn with_adopt_link_a_sure_match_settles_what_was_unsure_because_of_it() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Ada")]).only_app("deep");
    world.app_policy("deep").adopt = Adopt::Link;
    world.account("deep", "a", true, &[("username", "x"), ("emailAddress", "ada@acme.example"), ("externalId", "1")]);
    world.account("deep", "b", true, &[("username", "y"), ("emailAddress", "ada@acme.example")]);
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["link 1", "link 2", "update 1", "update 2"], "{:?}", proposal.findings);
}
