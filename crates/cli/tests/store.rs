//! The store on PostgreSQL from outside, and `provost store`: the same story on both databases, and moving between them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    /// A folder as `init` makes it, with a small company; its store is where `store` says.
    fn made(store: &str) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder for the test"));
        folder.says(&["init", "--sandbox", "--people", "20"], 0);
        folder.store(store);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Names another store in the configuration.
    fn store(&self, store: &str) {
        let file = self.path("provost.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration is there");
        let lines =
            text.lines().map(|line| if line.starts_with("store = ") { format!("store = \"{store}\"") } else { line.to_owned() });
        let changed: String = lines.map(|line| line + "\n").collect();
        assert!(changed.contains(store), "no line `store = `:\n{text}");
        std::fs::write(&file, changed).expect("the configuration can be written");
    }

    /// Runs and expects this exit code; gives standard output and standard error.
    fn says(&self, args: &[&str], code: i32) -> (String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provost"));
        for variable in ["PROVOST_NOW", "PROVOST_KEY", "LESSONLY_API_KEY", "ABSORB_API_KEY", "ABSORB_USERNAME", "ABSORB_PASSWORD"] {
            command.env_remove(variable);
        }
        let output = command.current_dir(self.0.path()).env("USER", "tester").args(args).output().expect("the binary runs");
        let (out, err) = (String::from_utf8(output.stdout).expect("UTF-8"), String::from_utf8(output.stderr).expect("UTF-8"));
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, args: &[&str], code: i32) -> Value {
        let (out, err) = self.says(&[args, &["--format", "json", "--quiet"]].concat(), code);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}\n{out}\n{err}"))
    }

    /// Plans and carries out; gives how many steps there were.
    fn first_load(&self) -> u64 {
        let planned = self.json(&["plan"], 2);
        let steps = planned["plans"][0]["steps"].as_u64().expect("a number of steps");
        self.says(&["apply", "open", "--yes"], 0);
        steps
    }
}

/// Everything that `report` and `runs` say of the newest run.
fn told(folder: &Folder) -> (Value, Value) {
    (folder.json(&["report"], 0), folder.json(&["people"], 0))
}

/// Plan, approve, apply, report on PostgreSQL; a second plan finds nothing to do (P10).
#[test]
fn p10_the_whole_story_on_postgresql() {
    let folder = Folder::made(&xtask::postgres::fresh());
    assert!(folder.first_load() > 40);
    let again = folder.json(&["plan"], 0);
    assert_eq!(again["plans"][0]["steps"], 0, "{again}");
    assert!(!folder.path("provost.db").exists(), "nothing is kept in a file");
    assert!(folder.path("provost.key").exists());
    let (out, _) = folder.says(&["runs"], 0);
    assert!(out.contains("finished"), "{out}");
}

/// From a file to PostgreSQL and back to another file: the same counts and digest, the same answers, and work goes on.
#[test]
fn a_store_moves_to_postgresql_and_back() {
    let folder = Folder::made("provost.db");
    folder.first_load();
    let before = told(&folder);
    let server = xtask::postgres::fresh();
    let moved = folder.json(&["store", "copy", "--to", &server], 0);
    assert!(moved["copied"]["rows"]["journal"].as_u64().expect("a count") > 40, "{moved}");
    let (_, refused) = folder.says(&["store", "copy", "--to", &server], 1);
    assert!(refused.contains("is not empty") && refused.contains("in journal"), "{refused}");
    let (_, itself) = folder.says(&["store", "copy", "--to", "mysql://x/y"], 1);
    assert!(itself.contains("mysql://") && itself.contains("postgres://user@host/database"), "{itself}");

    folder.store(&server);
    assert_eq!(told(&folder), before);
    let (out, _) = folder.says(&["store", "copy", "--to", "back.db"], 0);
    assert!(out.contains("read back and the same") && out.contains("work with one of the two only"), "{out}");
    folder.store("back.db");
    // The key's file goes by the store's name where that is a file.
    std::fs::copy(folder.path("provost.key"), folder.path("back.key")).expect("the key can be copied");
    assert_eq!(told(&folder), before);
    assert_eq!(folder.json(&["plan"], 0)["plans"][0]["steps"], 0);
}

#[test]
fn a_backup_is_made_on_one_database_and_restored_on_the_other() {
    let server = xtask::postgres::fresh();
    let folder = Folder::made(&server);
    folder.first_load();
    let before = told(&folder);
    let (out, _) = folder.says(&["store", "backup", "acme.backup"], 0);
    assert!(out.contains("provost.key elsewhere") && out.contains("SHA-256"), "{out}");
    let (_, refused) = folder.says(&["store", "backup", "acme.backup"], 1);
    assert!(refused.contains("is there already"), "{refused}");

    folder.store("provost.db");
    let restored = folder.json(&["store", "restore", "acme.backup"], 0);
    assert_eq!(restored["restored"]["approvals_ended"], 0, "{restored}");
    assert_eq!(told(&folder), before);
    let (_, refused) = folder.says(&["store", "restore", "acme.backup"], 1);
    assert!(refused.contains("is not empty") && refused.contains("--replace"), "{refused}");
    let (out, err) = folder.says(&["store", "restore", "acme.backup", "--replace"], 0);
    assert!(out.contains("replaced: ") && err.contains("to be replaced"), "{out}{err}");
    assert_eq!(told(&folder), before);

    damage(&folder.path("acme.backup"));
    let (_, refused) = folder.says(&["store", "restore", "acme.backup", "--replace"], 1);
    assert!(refused.contains("is damaged") && refused.contains("nothing was changed"), "{refused}");
    assert_eq!(told(&folder), before);
}

fn damage(file: &Path) {
    let mut bytes = std::fs::read(file).expect("the backup is there");
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).for_each(|byte| *byte ^= 0x5a);
    std::fs::write(file, bytes).expect("the backup can be written");
}

/// P11: a password in an address is refused on the command line and in the file, and said nowhere.
#[test]
fn p11_a_password_in_an_address_is_not_shown() {
    let folder = Folder::made("provost.db");
    let (out, err) = folder.says(&["store", "copy", "--to", "postgres://bo:hunter2@127.0.0.1/hr"], 1);
    assert!(err.contains("PGPASSWORD") && !format!("{out}{err}").contains("hunter2"), "{out}{err}");
    folder.store("postgres://bo:hunter2@127.0.0.1/hr");
    let (out, err) = folder.says(&["plan"], 1);
    assert!(err.contains("PGPASSWORD") && err.contains("provost.toml") && !format!("{out}{err}").contains("hunter2"), "{out}{err}");
    folder.store("postgres://bo@127.0.0.1:1/hr");
    let (_, err) = folder.says(&["plan"], 1);
    assert!(err.contains("the server is up") && err.contains("`store` in provost.toml"), "{err}");
}
