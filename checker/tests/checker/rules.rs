//! Every rule with a case that it must let pass and one that it must catch: the checker's negative controls.

use crate::scene::{AS_OF, Scene, absorb, absorb_user, lessonly, lessonly_user, with};
use serde_json::{Value, json};

#[test]
fn clean_cases_are_clean() {
    for scene in [lessonly(), absorb()] {
        let report = scene.judge().unwrap();
        assert_eq!(report.violations, [], "{}", scene.app);
        assert_eq!(report.notes, Vec::<String>::new(), "{}", scene.app);
        let compared = &report.compared[scene.app];
        assert_eq!((compared["people"], compared["steps"] as usize), (5, scene.steps.len()));
        assert!(report.text(true).ends_with("clean\n"));
    }
}

/// One plan left a step out, and a later one says the same in other words: the one that was done explains the line.
#[test]
fn of_two_steps_that_say_the_same_the_one_that_was_not_left_out_counts() {
    let mut scene = lessonly();
    let leave = scene.steps.iter().position(|step| step["id"] == "#leave").expect("the scene has a leaver");
    let mut left_out = scene.steps[leave].clone();
    left_out["id"] = json!("#left-out");
    left_out["label"] = json!("the same, and skipped");
    scene.steps.insert(leave, left_out);
    scene.outcomes = json!([{"id": "#left-out", "state": {"skipped": {"because": "x"}}}]);
    assert_eq!(scene.judge().unwrap().violations, []);
}

/// A write whose answer was lost may take effect between the look and its repeat, which then changes nothing; a third one would be idle.
#[test]
fn the_repeat_of_a_write_that_came_late_is_not_idle() {
    let mut scene = lessonly();
    let lost = scene.access.iter_mut().rev().find(|request| request["method"] == "PUT" && request["path"] == "/api/v1/users/101");
    lost.expect("the scene has a change of Ann's")["status"] = json!(502);
    scene.call("PUT", "/api/v1/users/101", 200, None);
    assert_eq!(scene.judge().unwrap().violations, []);
    scene.call("PUT", "/api/v1/users/101", 200, None);
    assert_eq!(scene.violations(), ["C3 idle_write"]);
}

#[test]
fn requests_beside_the_formula() {
    let report = lessonly().judge().unwrap();
    // 6 to read, 1 create, 3 changes by 2, 1 enrolment by 2: what the scene does.
    assert_eq!((report.traffic["lessonly"].readings, report.traffic["lessonly"].least, report.traffic["lessonly"].ratio), (1, 15, 1.0));
    // 1 log-in, 3 to read (Cid, whom the rule asks about, had no account), 2 for the department, 1 look, 4 batches with a look each,
    // 2 to enrol.
    let report = absorb().judge().unwrap();
    assert_eq!((report.traffic["absorb"].readings, report.traffic["absorb"].least, report.traffic["absorb"].ratio), (1, 17, 1.0));
    let mut wasteful = lessonly();
    for _ in 0..15 {
        wasteful.call("GET", "/api/v1/users/101", 200, None);
    }
    wasteful.call("GET", "/api/v1/users/101", 429, None);
    wasteful.call("GET", "/api/v1/users/101", 500, None);
    wasteful.max_ratio = Some(1.1);
    assert_eq!(wasteful.violations(), ["C7 too_many_requests"]);
    let report = wasteful.judge().unwrap();
    assert_eq!((report.traffic["lessonly"].ratio, report.traffic["lessonly"].requests["fault"]), (2.0, 2));
}

/// What is broken, and the violations that must be found, all of them.
type Case = (&'static str, fn(&mut Scene), &'static [&'static str]);

fn all_caught(clean: fn() -> Scene, cases: &[Case]) {
    for (name, break_it, expected) in cases {
        let mut scene = clean();
        break_it(&mut scene);
        let report = scene.judge().unwrap();
        let mut found = scene.violations();
        found.sort();
        assert_eq!(found, *expected, "{name}: {:#?}", report.violations);
    }
}

/// Puts one more change of Ann's at Lessonly.
fn ann_again(scene: &mut Scene, members: Value) {
    let before = scene.ledger.iter().rev().find(|line| line["object"] == "user/101").unwrap()["after"].clone();
    let after = with(&before, members);
    scene.call("PUT", "/api/v1/users/101", 200, Some(("user/101", before, after)));
}

#[test]
fn c1_every_effect_has_its_step() {
    all_caught(
        lessonly,
        &[
            ("a step is missing", |scene| scene.steps.retain(|step| step["id"] != "#leave"), &["C1 unexplained"]),
            (
                "a create is missing",
                |scene| scene.steps.retain(|step| step["id"] != "#create" && step["id"] != "#enrol"),
                &["C1 unexplained"],
            ),
            (
                "another value",
                |scene| scene.step("update")["set"]["job_title"]["after"] = json!("Chief"),
                &["C1 unexplained", "C2 no_effect"],
            ),
            ("a member more", |scene| scene.ledger[2]["after"]["name"] = json!("Anna"), &["C1 unexplained", "C4 wrong_value"]),
            ("another group", |scene| scene.ledger[1]["after"]["group_ids"] = json!([2, 3]), &["C1 unexplained", "C4 wrong_groups"]),
            (
                "another lesson",
                |scene| scene.ledger[3]["after"]["assignable_id"] = json!(8),
                &["C1 unexplained", "C2 no_effect", "C4 missing_enrolment", "C4 unowned_changed"],
            ),
            ("drift", |scene| scene.step("update")["set"]["job_title"]["before"] = json!("Cook"), &["C1 drift_overwritten"]),
            (
                "two steps in one write",
                |scene| {
                    let mut other = scene.step("update").clone();
                    other["id"] = json!("other");
                    other["set"] = json!({});
                    other["add_groups"] = json!(["2"]);
                    other["remove_groups"] = json!([]);
                    scene.step("update")["add_groups"] = json!([]);
                    scene.steps.push(other);
                },
                &["C1 several_steps"],
            ),
            ("a plan with a space more", |scene| scene.after_plan = " ", &["C1 plan_not_canonical"]),
            (
                "a step whose id is not its hash",
                |scene| scene.first_id = Some("0123456789abcdef0123456789abcdef"),
                &["C1 step_id_wrong"],
            ),
            ("nobody said yes", |scene| scene.decisions[0]["verdict"] = json!("no"), &["C1 plan_not_approved"]),
        ],
    );
    all_caught(
        absorb,
        &[
            ("another department", |scene| scene.ledger[1]["after"]["departmentId"] = json!("d1"), &["C2 no_effect", "C4 wrong_value"]),
            (
                "another supervisor",
                |scene| scene.ledger[4]["after"]["supervisorId"] = json!("u2"),
                &["C1 unexplained", "C2 no_effect", "C4 wrong_value"],
            ),
            (
                "an undeclared department",
                |scene| scene.ledger[0]["after"]["name"] = json!("Den"),
                &["C1 unexplained", "C2 no_effect", "C4 wrong_value"],
            ),
            (
                "a password set again",
                |scene| {
                    let before = scene.ledger[4]["after"].clone();
                    let after = with(&before, json!({"passwordsSet": 2}));
                    scene.call("PUT", "/users/u5", 200, Some(("user/u5", before, after)));
                },
                &["C1 unexplained", "C4 unowned_changed"],
            ),
        ],
    );
}

#[test]
fn c1_a_change_by_hand_is_not_ours() {
    let mut scene = lessonly();
    let before = scene.base.iter().find(|object| object["object"] == "user/109").unwrap()["state"].clone();
    let after = with(&before, json!({"location": "Rome"}));
    scene.line(0, "ADMIN", "by hand", "user/109", before, after);
    assert_eq!(scene.violations(), [""; 0]);
}

#[test]
fn c2_every_step_has_its_effect() {
    all_caught(
        lessonly,
        &[
            (
                "nobody left",
                |scene| {
                    scene.ledger.pop();
                    scene.access.pop();
                },
                &["C2 no_effect", "C4 leaver_active"],
            ),
            (
                "the report says it drifted",
                |scene| {
                    scene.ledger.pop();
                    scene.access.pop();
                    scene.outcomes = json!({"steps": [{"step": "#leave", "state": {"drifted": {"found": "x"}}}]});
                    scene.except.push("2".to_owned());
                },
                &[],
            ),
            (
                "it drifted and nothing may",
                |scene| {
                    scene.ledger.pop();
                    scene.access.pop();
                    scene.outcomes = json!({"steps": [{"step": "#leave", "state": "failed"}]});
                    scene.except.push("2".to_owned());
                    scene.expect_complete = true;
                },
                &["C2 not_complete"],
            ),
            (
                "the report says skipped, and it was done",
                |scene| {
                    scene.outcomes = json!([{"id": "#leave", "state": {"skipped": {"because": "x"}}}]);
                },
                &["C2 reported_undone"],
            ),
            (
                "it was so already",
                |scene| {
                    let mut other = scene.step("leave").clone();
                    other["id"] = json!("other");
                    other["account"] = json!("104");
                    other["person"] = json!("4");
                    scene.steps.insert(0, other);
                },
                &[],
            ),
        ],
    );
}

#[test]
fn c3_nothing_twice() {
    all_caught(
        lessonly,
        &[
            (
                "the same account made twice",
                |scene| {
                    let twin = with(&lessonly_user(111, "3", "Cid", "Clerk", &[2]), json!({"email": "cid2@x"}));
                    scene.call("POST", "/api/v1/users", 201, Some(("user/111", Value::Null, twin)));
                },
                &["C1 unexplained", "C3 made_twice"],
            ),
            (
                "two steps make one person's account",
                |scene| {
                    let mut other = scene.step("create").clone();
                    other["id"] = json!("other");
                    other["set"]["email"]["after"] = json!("cid2@x");
                    scene.steps.push(other);
                    let twin = with(&lessonly_user(111, "3", "Cid", "Clerk", &[2]), json!({"email": "cid2@x"}));
                    scene.call("POST", "/api/v1/users", 201, Some(("user/111", Value::Null, twin)));
                },
                &["C3 two_accounts"],
            ),
            (
                "the same write again",
                |scene| {
                    ann_again(scene, json!({"job_title": "Clerk"}));
                    scene.ledger.last_mut().unwrap()["method"] = json!("ADMIN");
                    ann_again(scene, json!({"job_title": "Manager"}));
                },
                &["C3 done_twice"],
            ),
            (
                "a write of nothing",
                |scene| ann_again(scene, json!({"updated_at": "1999-01-01T00:00:00Z"})),
                &["C3 write_without_change"],
            ),
            ("a write that changed nothing", |scene| scene.call("PUT", "/api/v1/users/101", 200, None), &["C3 idle_write"]),
            (
                "one yes for two runs",
                |scene| scene.decisions.push(json!({"digest": "DIGEST", "verdict": "yes", "run": "r2"})),
                &["C3 decision_used_twice"],
            ),
        ],
    );
    all_caught(
        absorb,
        &[
            (
                "a department twice",
                |scene| {
                    scene.call("POST", "/departments", 201, Some(("department/d3", Value::Null, json!({"id": "d3", "name": "Dev"}))));
                },
                &["C3 done_twice", "C3 made_twice"],
            ),
            (
                "an enrolment twice",
                |scene| {
                    let again = json!({"id": "e3", "userId": "u5", "courseId": "c1", "status": 0, "isActive": true});
                    scene.call("POST", "/enrollments", 201, Some(("enrollment/e3", Value::Null, again)));
                },
                &["C3 done_twice"],
            ),
        ],
    );
}

#[test]
fn c4_the_end_is_what_roster_and_policy_say() {
    all_caught(
        lessonly,
        &[
            (
                "a joiner forgotten",
                |scene| scene.roster.push_str("6,Fay,fay@x,Clerk,Sales,1,active,1998-01-01,\n"),
                &["C4 missing_account"],
            ),
            (
                "a leaver forgotten",
                |scene| {
                    scene.roster = scene.roster.replace(
                        "4,Dee,dee@x,Clerk,Dev,1,active,1991-01-01,",
                        "4,Dee,dee@x,Clerk,Dev,1,terminated,1991-01-01,1998-06-30",
                    )
                },
                &["C4 leaver_active"],
            ),
            (
                "last days count",
                |scene| scene.roster = scene.roster.replace("active,1991-01-01,\n", "terminated,1991-01-01,1998-06-30\n"),
                &["C4 leaver_active"],
            ),
            (
                "active with a last day that is over: nobody may guess, the person is held",
                |scene| scene.roster = scene.roster.replace("active,1991-01-01,\n", "active,1991-01-01,1998-06-30\n"),
                &[],
            ),
            (
                "a mover forgotten",
                |scene| scene.roster = scene.roster.replace("Clerk,Dev,1", "Cook,Sales,1"),
                &["C4 wrong_groups", "C4 wrong_value"],
            ),
            (
                "still archived",
                |scene| {
                    scene.steps.retain(|step| step["id"] != "#restore");
                    scene.ledger.remove(0);
                    scene.access.remove(7);
                    for line in scene.access.iter_mut().skip(7) {
                        line["seq"] = json!(line["seq"].as_u64().unwrap());
                    }
                },
                &["C4 inactive_account"],
            ),
            (
                "too early",
                |scene| scene.roster = scene.roster.replace("1998-06-01", "1998-08-01"),
                &["C4 too_early", "C4 unwanted_enrolment"],
            ),
            (
                "an enrolment nobody asked for",
                |scene| scene.roster = scene.roster.replace("1998-06-01", "1998-01-01"),
                &["C4 unwanted_enrolment"],
            ),
            (
                "an unmanaged group lost",
                |scene| {
                    scene.step("update")["remove_groups"] = json!(["3", "9"]);
                    scene.ledger[2]["after"]["group_ids"] = json!([2]);
                },
                &["C4 unowned_changed"],
            ),
            (
                "an unowned field",
                |scene| {
                    scene.step("update")["set"]["location"] = json!({"before": null, "after": "Rome"});
                    scene.ledger[2]["after"]["location"] = json!("Rome");
                },
                &["C4 unowned_changed"],
            ),
            (
                "held people are left out",
                |scene| {
                    scene.roster = scene.roster.replace("4,Dee,dee@x,Clerk", "4,Dee,dee@x,Cook");
                    scene
                        .held
                        .push(json!({"id": "h", "app": "lessonly", "verb": "update", "person": "4", "label": "Dee", "account": "104",
                "set": {"job_title": {"before": "Clerk", "after": "Cook"}}, "effects": [], "reason": ""}));
                },
                &[],
            ),
        ],
    );
    all_caught(
        absorb,
        &[
            (
                "the wrong supervisor",
                |scene| scene.roster = scene.roster.replace("4,Dee,dee@x,Clerk,Dev,1", "4,Dee,dee@x,Clerk,Dev,3"),
                &["C4 wrong_value"],
            ),
            (
                "who has left may stay or go",
                |scene| scene.roster = scene.roster.replace("4,Dee,dee@x,Clerk,Dev,1", "4,Dee,dee@x,Clerk,Dev,2"),
                &[],
            ),
            (
                "a user name given at birth",
                |scene| {
                    scene.step("create")["set"]["username"]["after"] = json!("other@x");
                    scene.ledger[3]["after"]["username"] = json!("other@x");
                    scene.ledger[4]["before"]["username"] = json!("other@x");
                    scene.ledger[4]["after"]["username"] = json!("other@x");
                },
                &["C4 wrong_value"],
            ),
            (
                "a missing row is a leaver",
                |scene| {
                    scene.config = scene.config.replace("key = 'id'", "key = 'id'\nabsent = 'leave'");
                    scene.roster = scene.roster.replace("4,Dee,dee@x,Clerk,Dev,1,active,1991-01-01,\n", "");
                },
                &["C4 leaver_active"],
            ),
        ],
    );
}

#[test]
fn c5_what_no_plan_may_do() {
    all_caught(
        lessonly,
        &[
            (
                "a protected account",
                |scene| {
                    let before = scene.base.iter().find(|object| object["object"] == "user/109").unwrap()["state"].clone();
                    let after = with(&before, json!({"archived_at": AS_OF}));
                    scene.call("PUT", "/api/v1/users/109/archive", 200, Some(("user/109", before, after)));
                    scene.steps.push(json!({"id": "bad", "app": "lessonly", "verb": "leave", "label": "Boss", "account": "109", "effects": [], "reason": ""}));
                },
                &["C5 protected_touched"],
            ),
            ("a delete", |scene| scene.call("DELETE", "/api/v1/users/101", 405, None), &["C5 delete_tried"]),
            (
                "a line without a request",
                |scene| {
                    let last = scene.access.len() - 1;
                    scene.access.remove(last);
                },
                &["C5 unlogged_write"],
            ),
            (
                "no plan at all",
                |scene| {
                    scene.steps.clear();
                    scene.ledger.clear();
                },
                &[
                    "C4 inactive_account",
                    "C4 leaver_active",
                    "C4 missing_account",
                    "C4 wrong_groups",
                    "C4 wrong_value",
                    "C5 write_without_plan",
                ],
            ),
        ],
    );
    all_caught(
        absorb,
        &[(
            "an admin",
            |scene| {
                let before = absorb_user("u9", "", "Admin", "d1", None);
                let before = with(&before, json!({"isAdmin": true}));
                let after = with(&before, json!({"firstName": "Root"}));
                scene.call("PUT", "/users/u9", 200, Some(("user/u9", before, after)));
            },
            &["C1 unexplained", "C5 protected_touched"],
        )],
    );
}

#[test]
fn c6_no_secret_is_recorded() {
    all_caught(
        absorb,
        &[
            (
                "a password",
                |scene| scene.ledger[4]["after"]["password"] = json!("hunter2"),
                &["C1 unexplained", "C4 unowned_changed", "C6 secret_recorded"],
            ),
            ("a token in a query", |scene| scene.call("GET", "/users?token=abc&_limit=1", 401, None), &["C6 secret_recorded"]),
        ],
    );
    let mut scene = absorb();
    scene.ledger[4]["after"]["customFields"] = json!({"string1": ""});
    assert_eq!(scene.violations(), [""; 0]);
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut torn = lessonly();
    torn.ledger[2]["seq"] = json!(1);
    assert!(torn.judge().unwrap_err().contains("follows"));
    let mut torn = absorb();
    torn.ledger[4]["before"]["firstName"] = json!("Sid");
    assert!(torn.judge().unwrap_err().contains("something else before"));
    let mut torn = lessonly();
    torn.ledger[0]["object"] = json!("planet/1");
    assert!(torn.judge().unwrap_err().contains("planet"));
    let mut torn = lessonly();
    torn.config = torn.config.replace("'person.given'", "'person.given +'");
    assert!(torn.judge().unwrap_err().contains("[app.lessonly.set] name"));
    let mut torn = lessonly();
    torn.app = "moodle";
    assert!(torn.judge().unwrap_err().contains("no such app"));
    let mut torn = lessonly();
    torn.ledger.push(json!({"seq": 9}));
    assert!(torn.judge().unwrap_err().contains("ledger.jsonl:6"));
}

/// Judges a scene after whose plan its run r1 was taken back by these steps (ids are made here).
fn judged_with_undo(scene: &Scene, steps: &[Value]) -> Vec<String> {
    let (dir, mut args) = scene.write();
    let digest = provost_checker::inputs::sha256(&std::fs::read(dir.path().join("plan.json")).unwrap());
    let sealed: Vec<Value> = steps
        .iter()
        .map(|step| {
            let bytes = serde_json_canonicalizer::to_vec(&with(step, json!({"id": ""}))).unwrap();
            with(step, json!({"id": provost_checker::inputs::sha256(&bytes)[..32]}))
        })
        .collect();
    let plan = json!({
        "version": 1, "organization": "Acme", "class": "open", "inputs": {"as_of": "1998-07-01T13:00:00Z", "reverts": "r1"}, "guards": [],
        "four_eyes": false, "names": {}, "steps": sealed,
    });
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    args.plans.push(put("undo.json", &serde_json_canonicalizer::to_vec(&plan).unwrap()));
    args.outcomes.push(put("report.json", json!({"run": "r1", "plan": digest}).to_string().as_bytes()));
    args.decisions = None;
    let report = provost_checker::judge(&args).unwrap();
    report.violations.iter().map(|violation| format!("{} {}", violation.rule, violation.name)).collect()
}

#[test]
fn c8_an_undo_takes_back_what_was_done_and_nothing_else() {
    let restore =
        json!({"app": "lessonly", "verb": "restore", "person": "2", "label": "Bob", "account": "102", "effects": [], "reason": ""});
    let title = |after: &str| {
        json!({"app": "lessonly", "verb": "update", "person": "1", "label": "Ann", "account": "101", "effects": [], "reason": "",
            "set": {"job_title": {"before": "Manager", "after": after}}})
    };
    let bob_comes_back = |scene: &mut Scene| {
        let before = scene.ledger.iter().rev().find(|line| line["object"] == "user/102").unwrap()["after"].clone();
        let after = with(&before, json!({"archived_at": null}));
        scene.call("PUT", "/api/v1/users/102/restore", 200, Some(("user/102", before, after)));
    };
    let mut clean = lessonly();
    bob_comes_back(&mut clean);
    ann_again(&mut clean, json!({"job_title": "Clerk"}));
    assert_eq!(judged_with_undo(&clean, &[restore.clone(), title("Clerk")]), [""; 0]);
    let mut wrong = lessonly();
    ann_again(&mut wrong, json!({"job_title": "Boss"}));
    assert_eq!(judged_with_undo(&wrong, &[title("Boss")]), ["C8 not_as_before"]);
    let mut beside = lessonly();
    let dee = beside.ledger.iter().rev().find(|line| line["object"] == "user/104").unwrap()["after"].clone();
    let after = with(&dee, json!({"job_title": "Boss"}));
    beside.call("PUT", "/api/v1/users/104", 200, Some(("user/104", dee, after)));
    let step = json!({"app": "lessonly", "verb": "update", "person": "4", "label": "Dee", "account": "104", "effects": [], "reason": "",
        "set": {"job_title": {"before": "Clerk", "after": "Boss"}}});
    assert_eq!(judged_with_undo(&beside, &[step]), ["C8 undoes_what_was_not_done"]);
}
