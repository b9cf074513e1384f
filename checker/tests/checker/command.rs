//! The program itself: what it prints, and its exit codes.

use std::process::{Command, Output};

use crate::scene::{AS_OF, Scene, absorb, lessonly};

fn run(args: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provost-checker")).args(args).output().unwrap()
}

fn check(scene: &Scene, more: &[&str]) -> (Option<i32>, String) {
    let (_dir, args) = scene.write();
    let app = &args.apps[0];
    let shown = |path: &std::path::Path| path.display().to_string();
    let mut line = vec!["--config".to_owned(), shown(&args.config), "--roster".to_owned(), shown(&args.roster)];
    line.extend(["--as-of".to_owned(), AS_OF.to_owned(), "--plans".to_owned(), shown(&args.plans[0])]);
    let access = app.access.as_deref().unwrap();
    line.extend(["--app".to_owned(), format!("{}={},{}", app.name, shown(&app.ledger), shown(access))]);
    line.extend(["--base".to_owned(), format!("{}={}", app.name, shown(&args.bases[&app.name]))]);
    line.extend(more.iter().map(|word| (*word).to_owned()));
    let output = run(&line);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn exit_codes_and_both_formats() {
    let (code, text) = check(&lessonly(), &["--formula"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ratio 1.000") && text.contains("reading: pages of users"), "{text}");
    let mut wrong = absorb();
    wrong.steps.retain(|step| step["id"] != "#leave");
    let (code, text) = check(&wrong, &[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("C1 unexplained: absorb: line 7 (user/u2): was made inactive") && text.contains("1 violations"), "{text}");
    let (code, text) = check(&wrong, &["--format", "json", "--expect-complete"]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, report["violations"][0]["name"].as_str()), (Some(1), Some("unexplained")));
    assert_eq!(report["compared"]["absorb"]["people"], 5);
}

#[test]
fn what_cannot_be_used_is_two() {
    for args in [&["--nonsense"][..], &[], &["--config", "/nowhere", "--roster", "/nowhere", "--as-of", "x", "--app", "a=b"]] {
        let output = run(&args.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("provost-checker: "));
    }
    let help = run(&["--help".to_owned()]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("--expect-complete"));
}
