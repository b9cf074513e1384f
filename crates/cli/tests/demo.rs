//! `provost demo`: the whole story, and that a user can go on in its folder.

use std::process::{Command, Output};

fn provost(folder: &std::path::Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provost"))
        .current_dir(folder)
        .args(args)
        .env_remove("PROVOST_NOW")
        .output()
        .expect("provost starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_story_comes_out_and_goes_on_in_its_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let told = provost(dir.path(), &["demo"]);
    let (out, err) = (text(&told.stdout), text(&told.stderr));
    assert!(told.status.success(), "{out}\n{err}");
    assert!(out.contains("held: leavers_of_a_department"), "a guard trips: {out}");
    assert_eq!(out.matches("Nothing to do: both platforms are true to the roster.").count(), 2, "{out}");
    let folder = dir.path().join("provost-demo");
    let planned = provost(&folder, &["plan", "--format", "json"]);
    assert_eq!(planned.status.code(), Some(0), "{}{}", text(&planned.stdout), text(&planned.stderr));
    let explained = provost(&folder, &["explain", "10119"]);
    assert!(explained.status.success() && text(&explained.stdout).contains("Domenick Peltason"), "{}", text(&explained.stderr));
    let found = provost(&folder, &["findings"]);
    assert!(found.status.success() && text(&found.stdout).contains("circle"), "{}", text(&found.stderr));
    let again = provost(dir.path(), &["demo"]);
    assert_eq!(again.status.code(), Some(1), "an old folder is not overwritten");
    assert!(text(&again.stderr).contains("is there already"), "{}", text(&again.stderr));
}
