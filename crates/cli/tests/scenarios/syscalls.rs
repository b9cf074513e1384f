//! What is acknowledged is on disk: the order of the system calls of the real binary, and what a power cut would leave of its store.
//! Both once as the product is, and once with the journal's sync turned off, which both must notice.
//!
//! The calls are told by strace (Debian's package of that name; `cargo xtask test` installs it).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::every_verb::company;
use crate::kill::go_on;
use crate::world::{Setup, World};

/// Calls that change a file or send something.
const CALLS: &str = "trace=pwrite64,write,writev,sendto,sendmsg,ftruncate,fsync,fdatasync";
const VARIABLE: &str = "PROVOST_SABOTAGE";

/// What the words for strace are: all threads, files by name, what is written as hexadecimal digits.
fn strace(log: &str, bytes: &'static str) -> Vec<String> {
    ["strace", "-f", "-qq", "-y", "-xx", "-s", bytes, "-e", CALLS, "-o", log].map(str::to_owned).to_vec()
}

/// One system call as it was told.
#[derive(Debug)]
struct Call {
    name: String,
    /// The file behind its first argument.
    file: String,
    /// All of its arguments, as printed.
    arguments: String,
    /// Its place among the beginnings of calls and their ends.
    begun: usize,
    ended: Option<usize>,
}

impl Call {
    /// Of the text after the process number: `name(3<file>, …) = 0`, or without its end.
    fn of(text: &str, begun: usize) -> Option<Self> {
        let (name, arguments) = text.split_once('(')?;
        let file = arguments.split_once('<').map_or("", |(_, rest)| rest);
        // A name is printed in hexadecimal digits too.
        let file = file.split_once('>').map_or(file, |(file, _)| file);
        let file = if file.contains("\\x") { String::from_utf8_lossy(&bytes(file)).into_owned() } else { file.to_owned() };
        Some(Self { name: name.to_owned(), file, arguments: arguments.to_owned(), begun, ended: None })
    }

    /// What is written, and where in the file.
    fn written(&self) -> (Vec<u8>, u64) {
        assert!(!self.arguments.contains("\"..."), "strace cut what was written: {}", &self.arguments[..80]);
        (bytes(self.arguments.split('"').nth(1).unwrap_or_default()), self.number())
    }

    /// Its last argument.
    fn number(&self) -> u64 {
        let last = self.arguments.rsplit_once(", ").map_or("", |(_, last)| last);
        let digits: String = last.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("{} ends in no number", &last[..last.len().min(80)]))
    }

    /// The first bytes of what is sent, as text.
    fn sent(&self) -> String {
        String::from_utf8_lossy(&bytes(self.arguments.split('"').nth(1).unwrap_or_default())).into_owned()
    }
}

/// `\x41\x42` as bytes.
fn bytes(hex: &str) -> Vec<u8> {
    hex.split("\\x").skip(1).filter_map(|two| u8::from_str_radix(two.get(..2)?, 16).ok()).collect()
}

/// The calls of a log, by their beginnings.
fn calls(log: &Path) -> Vec<Call> {
    let (mut calls, mut open): (Vec<Call>, BTreeMap<String, usize>) = (Vec::new(), BTreeMap::new());
    let text = fs::read_to_string(log).expect("strace wrote a log");
    for (place, line) in text.lines().enumerate() {
        let Some((process, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if rest.starts_with("<... ") {
            if let Some(call) = open.remove(process) {
                // Killed in the middle of it, it has no result.
                calls[call].ended = rest.contains("= ").then_some(place);
            }
        } else if let Some(call) = Call::of(rest, place) {
            let ended = !rest.ends_with("<unfinished ...>");
            if !ended {
                open.insert(process.to_owned(), calls.len());
            }
            calls.push(Call { ended: ended.then_some(place), ..call });
        }
    }
    assert!(!calls.is_empty(), "strace told nothing; is tracing permitted here?\n{}", &text[..text.len().min(500)]);
    calls
}

fn is_sync(call: &Call) -> bool {
    matches!(call.name.as_str(), "fsync" | "fdatasync")
}

/// Whether it is a request that may change something at an app; logging in does not.
fn may_write(call: &Call) -> bool {
    let sent = call.sent();
    let is_request = ["POST ", "PUT "].iter().any(|method| sent.starts_with(method));
    is_request && !sent.contains(" /authenticat")
}

/// What is wrong with the order of the calls: a request that may write must leave when all of the journal is on disk, and after a sync
/// of its own.
fn out_of_order(calls: &[Call]) -> Vec<String> {
    let (mut wrong, mut since) = (Vec::new(), 0);
    for request in calls.iter().filter(|call| may_write(call)) {
        let of_journal = |call: &&Call| call.file.ends_with("provost.db-wal") && call.begun < request.begun;
        let written = calls.iter().filter(of_journal).filter(|call| call.name == "pwrite64").map(|call| call.begun).max();
        let synced = calls.iter().filter(of_journal).filter(|call| is_sync(call));
        let synced = synced.filter(|call| call.ended.is_some_and(|ended| ended < request.begun)).map(|call| call.begun).max();
        let what: String = request.sent().chars().take(60).collect();
        match (written, synced) {
            (_, None) => wrong.push(format!("{what:?} left before anything was synced")),
            (Some(written), Some(synced)) if written > synced => wrong.push(format!("{what:?} left before the journal was synced")),
            // What sets the groups of an account goes with the call that sets its values.
            (_, Some(synced)) if synced <= since && !what.contains("/groups ") => {
                wrong.push(format!("{what:?} left without a sync of its own"))
            }
            _ => {}
        }
        since = request.begun;
    }
    wrong
}

/// A world with one app only, where calls go out one after the other, under strace: what is wrong with the order, and how many requests
/// there were.
fn order_of(app: &str, sabotage: &str) -> (Vec<String>, usize) {
    let mut world = World::new(Setup::default());
    let text = world.read("provost.toml");
    let (head, rest) = text.split_once("[app.lessonly]").expect("the configuration has Lessonly");
    let (lessonly, absorb) = rest.split_once("[app.absorb]").expect("and Absorb");
    let app = if app == "lessonly" { format!("[app.lessonly]{lessonly}") } else { format!("[app.absorb]{absorb}") };
    world.write("provost.toml", &format!("{head}{app}"));
    // Of one person, whose steps go out one after the other: where several calls are under way they share a sync.
    world.roster("1,Ada,Lovelace,ada@acme.example,Manager,Sales,,active,1997-12-28,\n");
    let planned = world.plan();
    assert!(!planned.steps().is_empty(), "{:?}", planned.said);
    let log = world.path("strace.log").display().to_string();
    let words = strace(&log, "64");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = world.command_under(&words, &["apply", &planned.open_file.display().to_string(), "--yes"]);
    let output = command.env(VARIABLE, sabotage).output().unwrap_or_else(no_strace);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let calls = calls(Path::new(&log));
    (out_of_order(&calls), calls.iter().filter(|call| may_write(call)).count())
}

fn no_strace<T>(error: std::io::Error) -> T {
    panic!("strace cannot be run ({error}): `cargo xtask test` installs it (Debian's package `strace`)")
}

#[test]
fn p09_the_journal_is_synced_before_any_request_that_may_write_leaves() {
    for (app, least) in [("lessonly", 1), ("absorb", 3)] {
        let (wrong, requests) = order_of(app, "");
        assert!(requests >= least, "{app}: {requests} requests may write");
        assert_eq!(wrong, [] as [String; 0], "{app}");
        let (wrong, requests) = order_of(app, "sync-off");
        assert_eq!(wrong.len(), requests, "{app}: without the sync every request leaves too early: {wrong:?}");
    }
}

/// Puts a store's files back as they were at the last sync of each: what a power cut may leave of them.
fn cut_to_what_was_synced(before: &BTreeMap<String, Vec<u8>>, calls: &[Call], store: &Path) {
    for ending in ["", "-wal"] {
        let path = format!("{}{ending}", store.display());
        let of_file = |call: &&Call| call.file == path;
        let synced = calls.iter().filter(of_file).filter(|call| is_sync(call) && call.ended.is_some()).map(|call| call.begun).max();
        let mut image = before.get(ending).cloned().unwrap_or_default();
        for call in calls.iter().filter(of_file).filter(|call| synced.is_some_and(|synced| call.begun < synced)) {
            match call.name.as_str() {
                "pwrite64" => {
                    let (data, place) = call.written();
                    let place = usize::try_from(place).expect("a small file");
                    image.resize(image.len().max(place + data.len()), 0);
                    image[place..place + data.len()].copy_from_slice(&data);
                }
                "ftruncate" => {
                    image.resize(usize::try_from(call.number()).expect("a small file"), 0);
                }
                _ => {}
            }
        }
        if image.is_empty() {
            fs::remove_file(&path).ok();
        } else {
            fs::write(&path, image).expect("the image is written");
        }
    }
    fs::remove_file(format!("{}-shm", store.display())).ok();
}

/// The power is cut when a group was asked for, whose making shows only seconds later; the store is what was synced.  What the checker
/// finds in the end.
fn after_a_power_cut(sabotage: &str) -> BTreeSet<String> {
    let (mut world, bases) = company(Setup { faults: ("reset-late:6s@POST /groups#1", ""), settle: "30s", ..Setup::default() });
    let planned = world.plan();
    let file = planned.open_file.display().to_string();
    assert_eq!(world.provost(&["approve", &file]).code, 0);
    let store = fs::canonicalize(world.path("provost.db")).expect("the store is there");
    let read = |ending: &str| fs::read(format!("{}{ending}", store.display())).ok().map(|bytes| (ending.to_owned(), bytes));
    let before: BTreeMap<String, Vec<u8>> = ["", "-wal"].into_iter().filter_map(read).collect();
    let log = world.path("strace.log").display().to_string();
    let words = strace(&log, "100000");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = world.command_under(&words, &["apply", &file]);
    let mut traced = command.env(VARIABLE, sabotage).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap_or_else(no_strace);
    let since = Instant::now();
    let asked = || world.read("lessonly.access.jsonl").lines().any(|line| line.contains("POST") && line.contains("/groups"));
    while !asked() {
        assert!(since.elapsed() < Duration::from_secs(60), "the group is not asked for");
        assert!(traced.try_wait().expect("the child can be asked").is_none(), "the run ended by itself; is tracing permitted here?");
        std::thread::sleep(Duration::from_millis(1));
    }
    let process = fs::read_to_string(&log).expect("a log").split_whitespace().next().expect("a process").to_owned();
    assert!(Command::new("kill").args(["-9", &process]).status().expect("kill runs").success(), "{process} is killed");
    traced.wait().expect("strace ends with it");
    cut_to_what_was_synced(&before, &calls(Path::new(&log)), &store);
    go_on(&mut world, &file, sabotage);
    world.note_applied(&planned.open_file);
    world.keep_report();
    // What is late shows.
    while since.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_millis(100));
    }
    world.plan();
    world.judged(&bases.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn p09_after_a_power_cut_what_was_synced_is_enough_to_go_on() {
    assert_eq!(after_a_power_cut(""), BTreeSet::new());
    let found = after_a_power_cut("sync-off");
    assert!(found.contains("made_twice"), "without the sync the group is made twice: {found:?}");
}
