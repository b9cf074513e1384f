//! Steps that were put aside are held, with what needs them, for as long as they say the same.

use model::{Alone, Aside, Class, FindingKind, Step, Verb};

use crate::world::{With, World, held, person, steps};

fn aside(step: &Step, how: Alone) -> Aside {
    let at = "1998-01-01T00:00:00Z".parse().unwrap();
    Aside {
        app: step.app.clone(),
        step: step.id,
        wants: (how == Alone::Drifted).then(|| Aside::wants(step)),
        verb: step.verb,
        person: step.person.clone(),
        label: step.label.to_string(),
        how,
        why: "422 no".into(),
        tries: 2,
        since: at,
        last: at,
        until: "1998-01-03T00:00:00Z".parse().unwrap(),
        run: model::RunId::new("r"),
    }
}

#[test]
fn p10_what_was_put_aside_is_held_with_what_needs_it_until_it_says_something_else() {
    let mut world = World::new(vec![person("1", "Ada"), person("2", "Bea")]).only_app("flat");
    let before = world.propose();
    assert_eq!((steps(&before.open), before.open.inputs.aside), (vec!["create 1".to_owned(), "create 2".to_owned()], None));
    world.aside = vec![aside(&before.open.steps[0], Alone::Refused)];
    let proposal = world.propose();
    assert_eq!(steps(&proposal.open), ["create 2"]);
    assert_eq!(steps(held(&proposal, plan::PUT_ASIDE)), ["create 1"]);
    assert!(proposal.open.inputs.aside.is_some() && proposal.open.inputs.aside == proposal.held[0].inputs.aside);
    let told: Vec<_> = proposal.findings.iter().filter(|finding| finding.kind == FindingKind::PutAside).collect();
    assert_eq!(told.len(), 1, "{:?}", proposal.findings);
    let what = "put aside until 1998-01-03T00:00:00Z: create of Ada Doe was refused 2 times, last at 1998-01-01T00:00:00Z (422 no)";
    assert!(told[0].what.starts_with(what) && told[0].next.ends_with("`provost apps flat --retry 1`"), "{told:?}");

    // The roster says something else of her: it is another step.
    world.people[0].attributes.insert("title", "Sales Manager".into());
    let changed = world.propose();
    assert_eq!(steps(&changed.open), ["create 1", "create 2"], "{:?}", changed.findings);
    assert!(changed.held.is_empty() && changed.findings.iter().all(|finding| finding.kind != FindingKind::PutAside));
}

#[test]
fn what_needs_a_step_that_was_put_aside_waits_with_it() {
    let mut world = World::new(vec![person("1", "Ada").with("department", "Nowhere")]).only_app("deep");
    world.app_policy("deep").create_departments = true;
    let before = world.propose();
    let made: Vec<&Step> = before.open.steps.iter().filter(|step| step.verb == Verb::CreateDepartment).collect();
    assert_eq!(made.len(), 1, "{:?} {:?}", steps(&before.open), before.findings);
    world.aside = vec![aside(made[0], Alone::Unsettled)];
    let proposal = world.propose();
    assert!(proposal.open.steps.is_empty(), "{:?}", steps(&proposal.open));
    assert_eq!(held(&proposal, plan::PUT_ASIDE).steps.len(), before.open.steps.len());
    let told = proposal.findings.iter().find(|finding| finding.kind == FindingKind::PutAside).unwrap();
    assert!(told.what.contains("wait") && told.next.contains("--retry all"), "{told:?}");
}

/// Whoever drifts finds something else each time: what was wanted tells that it is the same step.
#[test]
fn a_step_that_drifts_is_the_same_whatever_it_finds() {
    let mut world = World::new(vec![person("1", "Ada")]).only_app("flat");
    world.account("flat", "a", true, &[("email", "ada@acme.example"), ("ext_uid", "1"), ("name", "Ada D")]);
    world.link("flat", "1", "a");
    let first = world.propose().open.steps.remove(0);
    world.app("flat").accounts[0].attributes.insert("name", "A Doe".into());
    let second = world.propose().open.steps.remove(0);
    assert!(first.verb == Verb::Update && first.id != second.id);
    for (how, class) in [(Alone::Refused, Class::Open), (Alone::Drifted, Class::Held("put_aside".into()))] {
        world.aside = vec![aside(&first, how)];
        let proposal = world.propose();
        let of: Vec<&Class> = proposal.plans().filter(|plan| !plan.steps.is_empty()).map(|plan| &plan.class).collect();
        assert_eq!(of, [&class], "{how:?}");
    }
}

/// P4: where most of the accounts that are known are not seen, whatever the app says, nobody is made blindly.
#[test]
fn p04_an_app_that_shows_none_of_the_known_accounts_gets_no_new_ones() {
    let people: Vec<_> = (1..=20).map(|key| person(&key.to_string(), "Ada")).collect();
    for (seen, creates) in [(20, 1), (17, 1), (13, 0), (0, 0)] {
        let mut world = World::new(people.clone()).only_app("flat");
        world.people.push(person("99", "Zoe"));
        for key in 1..=20_u32 {
            let key = key.to_string();
            if key.parse::<u32>().unwrap() <= seen {
                world.account("flat", &format!("a{key}"), true, &[("ext_uid", &key), ("email", &format!("ada{key}@acme.example"))]);
            }
            world.link("flat", &key, &format!("a{key}"));
        }
        let proposal = world.propose();
        let made = proposal.open.steps.iter().filter(|step| step.verb == Verb::Create).count();
        assert_eq!(made, creates, "{seen} seen: {:?}", proposal.findings.first());
        let blind = proposal.findings.iter().any(|finding| finding.kind == FindingKind::BlindSpot);
        assert_eq!(blind, creates == 0, "{seen} seen: {:?}", proposal.findings);
    }
}
