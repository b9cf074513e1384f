//! Decisions: two people and four eyes from the command line, signatures made and checked by ssh-keygen, replays, leaving somebody out.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::world::{Said, Setup, World};

const ROWS: &str = "10001,Ann,Berg,ann@acme.example,Engineer,Sales,,active,1990-01-01,
10002,Cem,Demir,cem@acme.example,Engineer,Sales,,active,1990-01-01,
";

/// Alice, Bob and Carol may sign; whatever gives access needs two of them.
const APPROVAL: &str = r#"
[approval]
expires = "24h"
four_eyes = ["access_given"]
allowed_signers = "signers"
[approval.approvers]
alice = { file = "alice.pub" }
bob = { file = "bob.pub" }
"#;

/// A world with everybody's key in its folder; Mallory's is known to nobody.
fn world(approval: &'static str) -> World {
    let mut world = World::new(Setup { more: approval, ..Setup::default() });
    for name in ["alice", "bob", "carol", "mallory"] {
        keygen(&world, &["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name], "");
    }
    let signers = format!("carol namespaces=\"provost\" {}", world.read("carol.pub"));
    world.write("signers", &signers);
    world.roster(ROWS);
    world
}

/// Runs ssh-keygen in the world's folder; gives what it printed.
fn keygen(world: &World, args: &[&str], input: &str) -> String {
    world.write(".input", input);
    let input = fs::File::open(world.path(".input")).expect("it was just written");
    let done = Command::new("ssh-keygen").current_dir(world.path("")).args(args).stdin(Stdio::from(input)).output();
    let done = done.expect("ssh-keygen is there");
    assert!(done.status.success(), "ssh-keygen {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn refused(said: &Said, why: &str) {
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(why), "not {why:?}: {}", said.err);
}

fn fine(said: Said) -> Said {
    assert_eq!(said.code, 0, "{said:?}");
    said
}

/// The trail is whole, and tells of these.
fn told(world: &World, filter: &[&str], whats: &[&str]) -> Vec<Value> {
    fine(world.provost(&["audit", "verify"]));
    let list = world.provost(&[&["audit", "list", "--format", "json"], filter].concat()).json();
    let entries = list["entries"].as_array().expect("a list").clone();
    assert_eq!(entries.iter().map(|entry| entry["what"].as_str().unwrap()).collect::<Vec<_>>(), whats);
    entries
}

#[test]
fn p3_two_people_release_what_needs_four_eyes() {
    let mut world = world(APPROVAL);
    let planned = world.plan();
    world.later();
    let before = world.written();
    assert_eq!(planned.open["four_eyes"], true);
    refused(&world.provost(&["approve", "open", "--key", "bob"]), "the asking is neither authenticated nor signed");
    refused(&world.provost(&["ask", "open"]), "nobody signs");
    assert_eq!(world.provost(&["ask", "open", "--key", "alice"]).code, 2);

    refused(&world.provost(&["approve", "open"]), "the decision is neither authenticated nor signed");
    refused(&world.provost(&["apply", "open", "--yes"]), "the decision is neither authenticated nor signed");
    refused(&world.provost(&["approve", "open", "--key", "alice"]), "alice asked for it and approved it");
    refused(&world.provost(&["approve", "open", "--key", "mallory"]), "is nobody's in [approval.approvers]");
    // Calling oneself by another's name makes nobody another.
    world.env("USER", Some("bob"));
    refused(&world.provost(&["approve", "open"]), "bob is only a name");
    world.env_as_it_was("USER");

    // Keys that prove nothing, and files that are none.
    refused(&world.provost(&["approve", "open", "--key", "bob.pub"]), "is a public key");
    refused(&world.provost(&["approve", "open", "--key", "roster.csv"]), "can be read by others");
    refused(&world.provost(&["approve", "open", "--key", "nothing"]), "cannot read nothing");
    fs::copy(world.path("bob"), world.path("locked")).unwrap();
    keygen(&world, &["-q", "-p", "-P", "", "-N", "long enough", "-f", "locked"], "");
    let locked = world.provost(&["approve", "open", "--key", "locked"]);
    refused(&locked, "is protected by a passphrase");
    assert!(locked.err.contains("ssh-keygen -Y sign -f locked -n provost"), "{}", locked.err);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(world.path("locked"), fs::Permissions::from_mode(0o640)).unwrap();
        refused(&world.provost(&["approve", "open", "--key", "locked"]), "can be read by others than its owner (mode 640)");
    }

    assert_eq!(world.written(), before, "nothing was written to an app");
    let approved = fine(world.provost(&["approve", "open", "--key", "bob", "--format", "json"])).json();
    assert_eq!(approved["approved"][0]["signed_by"], "bob");
    let plan = planned.open_file.display().to_string();
    fine(world.provost(&["apply", &plan]));
    world.note_applied(&planned.open_file);
    assert!(world.lessonly_user("ann@acme.example").is_some());

    // A yes is used once: neither it nor its maker makes it two.
    refused(&world.provost(&["apply", &plan]), "was already applied");
    refused(&world.provost(&["approve", &plan, "--key", "bob"]), "was already applied");
    let short = planned.open_file.display().to_string();
    let digest = world.provost(&["show", &short, "--format", "json"]).json()["digest"].as_str().unwrap().to_owned();
    let entries = told(&world, &["--subject", &digest[..12]], &["planned", "asked", "approved"]);
    assert_eq!((&entries[1]["actor"]["name"], &entries[2]["actor"]["name"]), (&"alice".into(), &"bob".into()));
    // The head that a command printed is in the trail; one that was never there is not.
    let head = approved["audit"]["hash"].as_str().unwrap();
    fine(world.provost(&["audit", "verify", "--head", head]));
    refused(&world.provost(&["audit", "verify", "--head", &digest]), "kept elsewhere");
    world.check(&[]);
}

#[test]
fn p3_ssh_keygen_signs_for_us_and_verifies_us() {
    let mut world = world(APPROVAL);
    fine_or_waits(&world.provost(&["plan", "--key", "alice"]));
    world.later();
    let statement = world.provost(&["approve", "open", "--print-statement", "--as", "bob"]);
    assert_eq!(statement.code, 2, "{statement:?}");
    world.write("yes", &statement.out);
    refused(&world.provost(&["approve", "open", "--print-statement", "--as", "eve"]), "does not name eve");
    let sign = |world: &World, key: &str, purpose: &str| {
        fs::remove_file(world.path("yes.sig")).ok();
        keygen(world, &["-q", "-Y", "sign", "-f", key, "-n", purpose, "yes"], "");
    };
    sign(&world, "carol", "provost");
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig"]), "made with a key of carol");
    sign(&world, "mallory", "provost");
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig"]), "does not list for bob");
    sign(&world, "bob", "git");
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig"]), "for the purpose \"git\"");
    sign(&world, "bob", "provost");
    // Another expiry than what was signed; the asking's statement for a yes; not as it was printed.
    world.write("longer", &statement.out.replace("1998-01-02T12", "1998-01-02T11"));
    refused(
        &world.provost(&["approve", "open", "--signature", "yes.sig", "--statement", "longer"]),
        "something else than this statement",
    );
    world.write("longer", &statement.out.replace("1998-01-02T12", "1999-01-02T12"));
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig", "--statement", "longer"]), "no longer than until");
    world.write("longer", &statement.out.replace("{\"at\"", "{ \"at\""));
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig", "--statement", "longer"]), "reformatted");
    refused(&world.provost(&["ask", "open", "--signature", "yes.sig"]), "says Yes, which is something else");
    world.write("yes.sig.txt", "no signature");
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig.txt", "--statement", "yes"]), "no SSH signature");
    fine(world.provost(&["approve", "open", "--signature", "yes.sig"]));

    // Outside, with nothing of ours: what is kept is verified by ssh-keygen.
    let export = fine(world.provost(&["audit", "export", "--what", "approved"])).out;
    let entry: Value = serde_json::from_str(export.lines().next().expect("one line")).unwrap();
    let signature = &entry["actor"]["proof"]["signed"];
    world.write("kept.sig", signature["sshsig"].as_str().unwrap());
    world.write("allowed", &format!("bob namespaces=\"provost\" {}", world.read("bob.pub")));
    let verified = keygen(&world, &["-Y", "verify", "-f", "allowed", "-I", "bob", "-n", "provost", "-s", "kept.sig"], &statement.out);
    assert!(verified.contains("Good \"provost\" signature for bob"), "{verified}");
    // Ours as well.
    world.later();
    world.roster(&format!("{ROWS}10003,Eda,Fay,eda@acme.example,Engineer,Sales,,active,1990-01-01,\n"));
    fine_or_waits(&world.provost(&["plan", "--key", "bob"]));
    world.later();
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig"]), "is about plan");
    let printed = world.provost(&["approve", "open", "--print-statement", "--as", "carol"]).out;
    fine(world.provost(&["approve", "open", "--key", "carol"]));
    let export = fine(world.provost(&["audit", "export", "--what", "approved", "--actor", "carol"])).out;
    let entry: Value = serde_json::from_str(export.lines().next().expect("one line")).unwrap();
    world.write("kept.sig", entry["actor"]["proof"]["signed"]["sshsig"].as_str().unwrap());
    keygen(&world, &["-Y", "verify", "-f", "signers", "-I", "carol", "-n", "provost", "-s", "kept.sig"], &printed);
}

fn fine_or_waits(said: &Said) {
    assert!(said.code == 0 || said.code == 2, "{said:?}");
}

/// Whose key was taken out of the configuration has said nothing any more; an expired yes is none.
#[test]
fn p3_a_yes_of_somebody_who_was_removed_or_that_expired_is_not_used() {
    let mut world = world(APPROVAL);
    fine_or_waits(&world.provost(&["plan", "--key", "alice"]));
    world.later();
    let before = world.written();
    fine(world.provost(&["approve", "open", "--key", "bob"]));
    world.reconfigure("bob = { file = \"bob.pub\" }", "bob = { file = \"mallory.pub\" }");
    refused(&world.provost(&["apply", "open"]), "which [approval.approvers] does not list for bob, or not any more");
    world.reconfigure("bob = { file = \"mallory.pub\" }\n", "");
    refused(&world.provost(&["apply", "open"]), "does not name bob, or not any more");
    world.reconfigure("alice = { file = \"alice.pub\" }", "bob = { file = \"bob.pub\" }");
    refused(&world.provost(&["apply", "open"]), "does not name alice, or not any more");
    world.reconfigure("[approval.approvers]", "[approval.approvers]\nalice = { file = \"alice.pub\" }");
    let begun = world.now;
    world.at("1998-01-02T14:00:00Z");
    refused(&world.provost(&["apply", "open"]), "expired");
    refused(&world.provost(&["approve", "open", "--key", "bob"]), "expired");
    assert_eq!(world.written(), before, "nothing was written to an app");
    world.at(&begun.to_string());
    fine(world.provost(&["apply", "open"]));
    told(&world, &["--what", "run_started", "--what", "run_finished"], &["run_started", "run_finished"]);
}

/// A plan without four eyes: somebody is left out, the rest goes on; what was left out waits as a plan of its own.
#[test]
fn p3_leaving_somebody_out_makes_two_plans_of_one() {
    let mut world = world("");
    let planned = world.plan();
    let steps = planned.steps().len();
    let plan = planned.open_file.display().to_string();
    refused(&world.provost(&["split", &plan, "--leave-out", "nobody"]), "nobody with the key nobody");
    refused(
        &world.provost(&[
            "split",
            &plan,
            "--leave-out",
            "10001",
            "--leave-out",
            "10002",
            "--leave-out",
            &id_of(&planned.open, "create_department"),
        ]),
        "everything",
    );
    let said = fine(world.provost(&["approve", &plan, "--leave-out", "10002", "--format", "json"])).json();
    let (kept, left) = (&said["split"]["kept"], &said["split"]["left_out"]);
    assert_eq!(left["class"], serde_json::json!({ "held": "left_out" }));
    let count = |plan: &Value| plan["steps"].as_u64().unwrap() + said["split"]["later"].as_u64().unwrap();
    assert_eq!(kept["steps"].as_u64().unwrap() + count(left), steps as u64);
    refused(&world.provost(&["approve", &plan]), "was superseded");
    fine(world.provost(&["apply", kept["digest"].as_str().unwrap()]));
    assert!(world.absorb_user("ann@acme.example").is_some() && world.absorb_user("cem@acme.example").is_none());
    assert!(world.lessonly_user("cem@acme.example").is_none());
    fine(world.provost(&["apply", "held-left_out", "--yes"]));
    world.carry_out();
    assert!(world.absorb_user("cem@acme.example").is_some() && world.lessonly_user("cem@acme.example").is_some());
    fine(world.provost(&["audit", "verify"]));
}

fn id_of(plan: &Value, verb: &str) -> String {
    let step = crate::world::steps(plan).iter().find(|step| step["verb"] == verb).expect("there is such a step");
    step["id"].as_str().unwrap().to_owned()
}

/// Where four eyes are wanted, a yes ahead is signed too; it counts as long as its signature does, and is not given again by whoever has the file.
#[test]
fn p3_a_standing_approval_is_signed_where_four_eyes_are_wanted() {
    let mut world = world(
        r#"
[approval]
four_eyes = ["access_lost"]
[approval.approvers]
alice = { file = "alice.pub" }
bob = { file = "bob.pub" }
[[approval.standing]]
source = "hr"
effects = ["record_changed"]
max = 4
until = "1998-12-31"
"#,
    );
    let first = world.plan().open_file;
    world.apply(&first);
    let state = |world: &World| world.provost(&["standing", "list", "--format", "json"]).json()["standing"][0].clone();
    let digest = state(&world)["digest"].as_str().expect("a digest").to_owned();
    let approve = |world: &World, more: &[&str]| world.provost(&[&["standing", "approve", &digest[..8]], more].concat());
    let titled = |world: &mut World, title: &str| {
        world.later();
        world.roster(&ROWS.replace("Engineer", title));
    };
    titled(&mut world, "Architect");
    let nobody = approve(&world, &[]);
    refused(&nobody, "is only a name");
    assert!(nobody.err.contains("provost standing approve") && nobody.err.contains("--key FILE"), "{}", nobody.err);
    refused(&approve(&world, &["--key", "mallory"]), "is nobody's in [approval.approvers]");
    assert_eq!(state(&world)["state"], "never_approved");
    fine(approve(&world, &["--key", "alice"]));
    assert_eq!((&state(&world)["state"], &state(&world)["by"]["name"]), (&"in_force".into(), &"alice".into()));

    // Whoever is not listed any more has said nothing.
    world.reconfigure("alice = { file", "# alice = { file");
    let gone = state(&world);
    assert_eq!(gone["state"], "unsigned");
    assert!(gone["why"].as_str().expect("why").contains("does not name alice, or not any more"), "{gone}");
    assert_eq!(world.provost(&["plan", "--apply"]).code, 2, "it waits for a person");
    world.reconfigure("# alice = { file", "alice = { file");
    world.later();
    assert_eq!(world.provost(&["plan", "--apply", "-o", "ahead.json"]).code, 0);
    world.note_applied(&world.path("ahead.json"));
    world.keep_report();

    // Signed elsewhere; anybody takes it back; the same signature does not give it again.
    let statement = approve(&world, &["--print-statement", "--as", "bob"]);
    assert_eq!(statement.code, 2, "{statement:?}");
    world.write("yes", &statement.out);
    keygen(&world, &["-q", "-Y", "sign", "-f", "bob", "-n", "provost", "yes"], "");
    refused(&world.provost(&["approve", "open", "--signature", "yes.sig"]), "name what it is about");
    fine(world.provost(&["standing", "revoke", &digest[..8]]));
    refused(&approve(&world, &["--signature", "yes.sig"]), "not newer than the newest word about this standing approval");
    world.later();
    world.write("yes", &approve(&world, &["--print-statement", "--as", "bob"]).out);
    std::fs::remove_file(world.path("yes.sig")).expect("it is there");
    keygen(&world, &["-q", "-Y", "sign", "-f", "bob", "-n", "provost", "yes"], "");
    fine(approve(&world, &["--signature", "yes.sig"]));
    fine(world.provost(&["standing", "revoke", &digest[..8]]));
    world.later();
    refused(&approve(&world, &["--signature", "yes.sig"]), "not newer than");
    assert_eq!(state(&world)["state"], "revoked");
    fine(world.provost(&["audit", "verify"]));
    titled(&mut world, "Builder");
    assert_eq!(world.provost(&["plan", "--apply"]).code, 2);
    world.later();
    let waits = world.plan();
    assert_eq!((waits.said.code, waits.steps().len()), (2, 4));
    world.apply(&waits.open_file);
    world.check(&["--expect-complete"]);
}
