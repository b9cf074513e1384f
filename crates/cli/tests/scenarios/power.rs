//! Power and disk: whatever cannot be written is told with what to do, nothing half-written stands under a name, and once there is space a run
//! goes on: nothing lost, nothing twice (P9).

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::small::{Small, faulty};
use crate::world::{Said, Setup, Store, World};

/// So many people to begin with.
fn company(people: usize) -> (World, PathBuf) {
    let mut world = World::new(Setup::default());
    let file = planned(&mut world, people);
    (world, file)
}

/// A plan for so many people, approved.
fn planned(world: &mut World, people: usize) -> PathBuf {
    let row = |n| format!("{n},P{n},Person,p{n}@acme.example,Engineer,Development,,active,1997-12-01,\n");
    world.roster(&(1..=people).map(row).collect::<String>());
    let file = world.plan().open_file;
    assert_eq!(world.provost(&["approve", &file.display().to_string()]).code, 0);
    world.note_applied(&file);
    file
}

fn said(mut command: Command) -> Said {
    Said::of(&command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `cargo xtask test` installs what is missing")))
}

/// The binary, run by another program.
fn under(world: &World, words: &[String], args: &[&str]) -> Said {
    said(world.command_under(&words.iter().map(String::as_str).collect::<Vec<_>>(), args))
}

/// The store's file and its log.
fn store_files(world: &World) -> [PathBuf; 2] {
    [world.path("provost.db"), world.path("provost.db-wal")]
}

/// What goes on with the run, or begins it where that is not begun.
fn next_words(world: &World, file: &std::path::Path) -> Vec<String> {
    let runs = world.provost(&["runs", "--format", "json"]).json();
    match runs["runs"].as_array().map_or(0, Vec::len) {
        0 => vec!["apply".into(), file.display().to_string()],
        _ => vec!["resume".into(), "latest".into()],
    }
}

/// It failed in words that say what happened and what to do next.
fn told(said: &Said, what: &[&str]) {
    assert_eq!(said.code, 1, "{said:?}");
    assert!(!said.err.contains("panicked") && said.err.contains("error") && said.err.contains("next"), "{said:?}");
    for word in what {
        assert!(said.err.contains(word), "no {word:?} in {}", said.err);
    }
}

/// The run is finished, nothing is left to do, and the checker is content.
fn all_is_well(world: &mut World) {
    let report = world.keep_report();
    assert_eq!(report["state"], "finished", "{report}");
    assert!(world.plan().steps().is_empty(), "nothing is left to do");
    world.check(&["--expect-complete"]);
}

/// How far apart the faults of a sweep are: as many as fit, or all of them (`cargo xtask soak disk`).
fn stride(nth: usize) -> usize {
    if std::env::var_os("PROVOST_TEST_EVERY").is_some() { nth + 1 } else { nth + nth / 2 + 1 }
}

/// One run after the other through writes that fail, each a little further on; in the end the disk is well.
fn sweep(fault: &str, words: &[&str]) {
    let (mut world, file) = company(8);
    let (mut nth, mut stopped) = (1, 0);
    loop {
        let args = next_words(&world, &file);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let fault = fault.replace("NTH", &nth.to_string());
        let ended = under(&world, &faulty(&fault, &store_files(&world)), &args);
        if ended.code == 0 {
            break;
        }
        told(&ended, words);
        if world.provost(&["runs"]).out.contains("stopped") || !ended.err.contains("in the configuration says where") {
            assert!(ended.err.contains("provost resume"), "{}", ended.err);
        }
        stopped += 1;
        nth = stride(nth);
    }
    assert!(stopped >= 3, "it was stopped {stopped} times");
    all_is_well(&mut world);
}

#[test]
fn p09_the_disk_is_full_from_every_nth_store_write_on() {
    sweep("pwrite64:error=ENOSPC:when=NTH+", &["the disk that holds the store is full", "space"]);
}

#[test]
fn p09_every_nth_store_write_fails() {
    sweep("pwrite64:error=EIO:when=NTH+", &["the disk that holds the store fails", "provost resume"]);
}

#[test]
fn p09_every_nth_flush_of_the_store_fails() {
    sweep("fsync:error=EIO:when=NTH+", &["the disk that holds the store fails", "provost resume"]);
}

/// The disk is full for one write only: whatever was stopped by it goes on.
#[test]
fn p09_one_store_write_finds_the_disk_full() {
    let (mut world, file) = company(8);
    let mut nth = 1;
    while nth < 200 {
        let args = next_words(&world, &file);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let fault = format!("pwrite64:error=ENOSPC:when={nth}");
        let ended = under(&world, &faulty(&fault, &store_files(&world)), &args);
        if ended.code == 0 {
            break;
        }
        told(&ended, &["the disk that holds the store is full", "provost resume"]);
        nth = stride(nth);
    }
    world.provost(&["resume"]);
    all_is_well(&mut world);
}

/// A disk that is really full, again and again, under a store, its log and its index in memory.
#[test]
fn p09_a_small_disk_is_filled_under_a_run_again_and_again() {
    let mut world = World::new(Setup::default());
    let Some(small) = Small::at(&world.path("small"), 4096) else { return };
    world.reconfigure("store = \"provost.db\"", "store = \"small/provost.db\"");
    let file = planned(&mut world, 20);
    let mut stopped = 0;
    for but in [0, 4096, 16384, 65536, 131_072, 262_144, 1_048_576] {
        let args = next_words(&world, &file);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        small.fill(but);
        let ended = world.provost(&args);
        small.free();
        if ended.code == 0 {
            break;
        }
        told(&ended, &["disk", "space"]);
        stopped += 1;
    }
    assert!(stopped >= 2, "it was stopped {stopped} times");
    world.provost(&["resume"]);
    all_is_well(&mut world);
}

/// `ulimit -f`: the file of the store may not grow.
#[test]
fn p09_a_file_that_may_not_grow_is_told_and_never_ends_the_process() {
    let (mut world, file) = company(8);
    let mut stopped = 0;
    for most in [4_000, 40_000, 150_000, 400_000, 700_000, 1_000_000, 100_000_000] {
        let args = next_words(&world, &file);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ended = under(&world, &["prlimit".to_owned(), format!("--fsize={most}")], &args);
        if ended.code == 0 {
            break;
        }
        told(&ended, &["disk", "space"]);
        stopped += 1;
    }
    assert!(stopped >= 1, "it was never stopped");
    all_is_well(&mut world);
}

/// Plans, reports and what `init` makes: whole or not there at all.
#[test]
fn what_finds_no_space_is_not_there_by_half() {
    let mut world = World::new(Setup::default());
    let file = planned(&mut world, 40);
    let Some(small) = Small::at(&world.path("small"), 256) else { return };
    fs::write(world.path("small/old.json"), "what was there").expect("a file");
    small.fill(8192);
    for name in ["small/new.json", "small/old.json"] {
        let ended = world.provost(&["plan", "-o", name]);
        told(&ended, &[name, "No space left", "free space", "provost show"]);
    }
    assert_eq!(small.names(), ["ballast", "old.json"]);
    assert_eq!(world.read("small/old.json"), "what was there");
    told(&world.provost(&["plan", "-o", "/dev/full"]), &["/dev/full", "No space left"]);

    assert_eq!(world.provost(&["apply", &file.display().to_string()]).code, 0);
    let mut report = world.command(&["report", "latest", "--format", "json"]);
    report.stdout(File::create(world.path("small/report.json")).expect("a file"));
    small.fill(0);
    told(&said(report), &["standard output", "No space left", "free space", "provost report"]);

    small.fill(16384);
    told(
        &world.provost(&["init", "--people", "500", "--config", "small/new/provost.toml"]),
        &["roster.csv", "No space left", "free space"],
    );
    assert!(!world.path("small/new/roster.csv").exists(), "half a roster is none");
    small.fill(0);
    told(&world.provost(&["init", "--live", "--config", "small/key/provost.toml"]), &["small/key", "No space left"]);
    small.free();
    assert_eq!(world.provost(&["init", "--live", "--config", "small/key/provost.toml"]).code, 0);
    assert_eq!(world.read("small/key/provost.key").trim().len(), 64);
    all_is_well(&mut world);
}

/// Nobody was shown what nobody could read: standard output is full, or whoever reads hung up.
#[test]
fn what_cannot_be_shown_is_no_success() {
    let (mut world, file) = company(2);
    let file = file.display().to_string();
    for args in [vec!["plan"], vec!["show"], vec!["apply", &file], vec!["report"], vec!["runs", "--format", "json"], vec!["people"]] {
        let mut full = world.command(&args);
        full.stdout(File::options().write(true).open("/dev/full").expect("the device is there"));
        told(&said(full), &["standard output", "No space left", "is kept"]);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut hung_up = world.command(&args);
        hung_up.stdout(writer);
        let ended = said(hung_up);
        // What was applied by the first of the two is not applied again.
        told(&ended, if args[0] == "apply" { &["already"] } else { &["standard output", "hung up"] });
    }
    all_is_well(&mut world);
}

fn begun(world: &World, args: &[&str], writes: usize) -> Child {
    let from = world.written();
    let child = world.command(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("provost starts");
    while world.written() < from + writes {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Moves the store with what lies beside it.
fn moved(world: &World, from: &str, to: &str) {
    for ending in ["", "-wal", "-shm"] {
        fs::rename(world.path(&format!("{from}{ending}")), world.path(&format!("{to}{ending}"))).ok();
    }
}

/// A store that is moved away goes on to take writes that nobody would find: the run stops, and goes on where the store is back.
#[test]
fn p09_a_store_that_is_moved_or_replaced_under_a_run_stops_it() {
    let (mut world, file) = company(60);
    let mut args = vec!["apply".to_owned(), file.display().to_string()];
    for replaced in [false, true] {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let child = begun(&world, &words, 6);
        moved(&world, "provost.db", "away.db");
        if replaced {
            fs::write(world.path("provost.db"), "").expect("a file");
        }
        let ended = Said::of(&child.wait_with_output().expect("it ends"));
        let written = world.written();
        told(&ended, &["provost.db", "was removed or replaced", "put that back"]);
        assert!(written < 120, "it stopped in the middle: {written}");
        moved(&world, "away.db", "provost.db");
        args = vec!["resume".into(), "latest".into()];
    }
    assert_eq!(world.provost(&["resume", "latest"]).code, 0);
    all_is_well(&mut world);
}

/// The end of the store's log is gone after a kill: what it held is looked for, not done again.
#[test]
fn p09_a_log_that_lost_its_end_makes_nothing_twice() {
    let (mut world, file) = company(30);
    for keep in [90, 60, 30, 0] {
        let args = next_words(&world, &file);
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = begun(&world, &words, 8);
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
        let log = world.path("provost.db-wal");
        let len = fs::metadata(&log).expect("the log is there").len();
        File::options().write(true).open(&log).expect("it is there").set_len(len * keep / 100).expect("it can be cut");
    }
    let args = next_words(&world, &file);
    let ended = world.provost(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ended.code, 0, "{ended:?}");
    all_is_well(&mut world);
}

/// Pages of the store are damaged under a run that was cut off: told, and nothing is written to an app.
#[test]
fn p09_a_damaged_store_is_told_and_nothing_is_written_by_it() {
    let (mut world, file) = company(20);
    let mut child = begun(&world, &["apply", &file.display().to_string()], 8);
    child.kill().expect("it can be killed");
    child.wait().expect("it is gone");
    // All of it into the file.
    assert_eq!(world.provost(&["store", "backup", "kept.backup"]).code, 0);
    let (store, well) = (world.path("provost.db"), fs::read(world.path("provost.db")).expect("the store"));
    assert!(!world.path("provost.db-wal").exists(), "the log went into the file");
    let written = world.written();
    let mut damaged = well.clone();
    damaged[4096..].fill(0x5a);
    fs::write(&store, &damaged).expect("it can be damaged");
    told(&world.provost(&["resume"]), &["damaged", "backup"]);
    fs::write(&store, &well[..well.len() / 2]).expect("it can be cut");
    told(&world.provost(&["resume"]), &["damaged", "backup"]);
    assert_eq!(world.written(), written, "nothing was written to an app");
    fs::write(&store, well).expect("it can be mended");
    for ending in ["-wal", "-shm"] {
        fs::remove_file(world.path(&format!("provost.db{ending}"))).ok();
    }
    assert_eq!(world.provost(&["resume"]).code, 0);
    all_is_well(&mut world);
}

/// A disk that may only be read: said before anything is asked of an app.
#[test]
fn p09_a_disk_that_may_only_be_read_is_told() {
    let mut world = World::new(Setup::default());
    let Some(small) = Small::at(&world.path("small"), 4096) else { return };
    world.reconfigure("store = \"provost.db\"", "store = \"small/provost.db\"");
    let file = planned(&mut world, 3);
    let file = file.display().to_string();
    let written = world.written();
    small.read_only(true);
    for args in [vec!["plan"], vec!["apply", &file], vec!["show"]] {
        told(&world.provost(&args), &["written to"]);
    }
    told(&world.provost(&["plan", "-o", "small/plan.json"]), &["written to"]);
    small.read_only(false);
    assert_eq!(world.written(), written);
    assert_eq!(world.provost(&["apply", &file]).code, 0);
    all_is_well(&mut world);
}

/// The sandboxes' ledgers find no space: their writes fail with 500 and change nothing.  What nobody can know is handed to a person, and done
/// by the next plan: as its report says, which the checker needs, since both plans have the step.
#[test]
fn p09_full_ledgers_lose_and_double_nothing() {
    let Some((small, mut world)) = World::on_a_small_disk(Setup::default(), 4096) else { return };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let store = elsewhere.path().join("provost.db");
    world.reconfigure("store = \"provost.db\"", &format!("store = \"{}\"", store.display()));
    for (people, but) in [(40, 0), (60, 4096), (80, 12288)] {
        let file = planned(&mut world, people);
        let written = world.written();
        small.fill(but);
        let apply = ["apply", &file.display().to_string()];
        let child = world.command(&apply).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("provost starts");
        // Time to meet it; whenever the space comes back, the end is the same.
        std::thread::sleep(Duration::from_millis(700));
        // What the last pages still took; 20 or more people in two apps would be more.
        assert!(world.written() - written < 40, "the disk was full: {} were written", world.written() - written);
        small.free();
        let ended = Said::of(&child.wait_with_output().expect("it ends"));
        assert!(!ended.err.contains("panicked"), "{ended:?}");
        // The disk is mended, so nobody waits for an app that was left alone because of it, or for what was put aside.
        let apps = ["lessonly", "absorb"];
        apps.iter().for_each(|app| drop(world.provost(&["apps", app, "--release"])));
        world.provost(&["resume"]);
        let report = world.keep_report();
        assert_eq!(report["state"], "finished", "{report}");
        world.later();
        apps.iter().for_each(|app| drop(world.provost(&["apps", app, "--retry", "all"])));
        world.carry_out();
        world.keep_report();
    }
    assert!(world.plan().steps().is_empty(), "nothing is left to do");
    // Steps that were handed over stay skipped in their own run, so that not every plan is complete: the end is.
    world.check(&[]);
}

/// The disk of the database is full (a tablespace on a small disk): the run stops in words, and goes on when there is space.
#[test]
fn p09_a_database_without_space_stops_the_run() {
    let server = xtask::postgres::Cluster::start(false).unwrap_or_else(|said| panic!("{said}"));
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("small");
    let Some(small) = Small::at(&place, 24 * 1024) else { return };
    // The server is another user, who has to come there and own the place.
    let run = |program: &str, args: &[&str]| {
        let done = Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let (place, over) = (place.display().to_string(), folder.path().display().to_string());
    run("chmod", &["755", &over]);
    run("chown", &["postgres", &place]);
    let sql = [format!("CREATE TABLESPACE small LOCATION '{place}'"), "ALTER ROLE provost SET default_tablespace = small".to_owned()];
    sql.iter().for_each(|sql| run("psql", &["-q", "-d", &server.url(), "-c", sql]));
    let mut world = World::new(Setup { store: Store::At(format!("{}?schema=full", server.url()).leak()), ..Setup::default() });
    let file = planned(&mut world, 60);
    let mut stopped = 0;
    for but in [0, 8192, 65536, 262_144] {
        let args = next_words(&world, &file);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        small.fill(but);
        let ended = world.provost(&args);
        small.free();
        if ended.code == 0 {
            break;
        }
        told(&ended, &["the disk that holds the store is full", "space"]);
        stopped += 1;
    }
    assert!(stopped >= 1, "it was never stopped");
    world.provost(&["resume"]);
    all_is_well(&mut world);
}

/// PostgreSQL goes down in the middle of a run, twice: the run stops, and goes on when the server is back.
#[test]
fn p09_a_server_that_goes_down_stops_the_run() {
    let mut server = xtask::postgres::Cluster::start(false).unwrap_or_else(|said| panic!("{said}"));
    let mut world = World::new(Setup { store: Store::At(format!("{}?schema=power", server.url()).leak()), ..Setup::default() });
    let file = planned(&mut world, 60);
    let mut args = vec!["apply".to_owned(), file.display().to_string()];
    for _ in 0..2 {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let child = begun(&world, &words, 6);
        server.crash();
        let ended = Said::of(&child.wait_with_output().expect("it ends"));
        told(&ended, &["the connection to the store's database is lost", "server is up", "provost resume"]);
        told(&world.provost(&["resume"]), &["the server is up"]);
        server.start_again();
        args = vec!["resume".into(), "latest".into()];
    }
    assert_eq!(world.provost(&["resume", "latest"]).code, 0);
    all_is_well(&mut world);
}
