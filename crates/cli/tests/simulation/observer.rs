//! What must hold after every event, read from the sandboxes' ledgers, the journal and the plans as JSON.  It shares no code with planning.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use store::Store;

use crate::rig::{Exchange, on_the_spot};

const ADMIN: &str = "api@acme.example";

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) what: String,
}

/// A plan that was approved, and who may lose access by it.
struct Approved {
    plan: Value,
    may_lose: BTreeMap<&'static str, BTreeSet<String>>,
}

#[derive(Default)]
struct Seen {
    plans: BTreeMap<String, Approved>,
    /// Where each ledger was read to.
    read_to: BTreeMap<&'static str, u64>,
    /// Requests that arrived, by app.
    arrived: BTreeMap<&'static str, u64>,
    /// (app, call) → the steps that were under way when it left: digest of the plan, step.
    under_way: BTreeMap<(&'static str, u64), Vec<(String, Value)>>,
    /// Step → what it made.
    made: BTreeMap<String, String>,
    /// (app, person) → accounts that we made.
    accounts: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// (plan, step) of what was made.
    makings: BTreeSet<(String, String)>,
    /// (app, account) → changed by hand since we looked at it.
    touched: BTreeSet<(&'static str, String)>,
    /// Accounts that were changed by hand between a look and a write: the window that P5 states.
    pub(crate) in_window: BTreeSet<(&'static str, String)>,
    /// (app, account) → members that were last changed by hand.
    by_hand: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// Lines of ours, as the checker names them, that change besides what steps under way set only what was last changed by hand, within the
    /// window; or nothing but what was last changed by hand, which a step under way had set before it.
    over_hand: BTreeSet<(&'static str, String)>,
    /// (app, call) → writes that met an account which was changed by hand since we looked at it: what they would do may be done.
    met_hand: BTreeSet<(&'static str, u64)>,
    broken: Vec<Broken>,
    effects: u64,
    /// What the journal has as started and as nothing else, (digest of the plan, step), as long as nothing is committed.
    started: Option<Vec<(String, String)>>,
}

pub(crate) struct Observer {
    store: Store,
    ledgers: BTreeMap<&'static str, PathBuf>,
    seen: Mutex<Seen>,
}

impl Observer {
    pub(crate) fn new(store: Store, ledgers: BTreeMap<&'static str, PathBuf>) -> Self {
        Self { store, ledgers, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A plan is about to be carried out.
    pub(crate) fn approved(&self, digest: &str, plan: Value, may_lose: BTreeMap<&'static str, BTreeSet<String>>) {
        self.seen().plans.entry(digest.to_owned()).or_insert(Approved { plan, may_lose });
    }

    /// What is broken.
    pub(crate) fn broken(&self) -> Vec<Broken> {
        self.seen().broken.clone()
    }

    /// Effects that were looked at.
    pub(crate) fn effects(&self) -> u64 {
        self.seen().effects
    }

    /// Whether an account was ever changed by hand between a look of ours and a write.
    pub(crate) fn was_in_window(&self, app: &str, what: &str) -> bool {
        self.seen().in_window.iter().any(|(of, account)| *of == app && what.contains(account))
    }

    /// Whether a violation is about a line of ours that wrote over what was changed by hand, as P5 says may happen.
    pub(crate) fn wrote_over_hand(&self, app: &str, what: &str) -> bool {
        self.seen().over_hand.iter().any(|(of, line)| *of == app && what.starts_with(line))
    }

    /// Whether a violation is about a request of ours that met what somebody had just done by hand, as P5 says may happen.
    pub(crate) fn met_hand(&self, app: &str, what: &str) -> bool {
        self.seen().met_hand.iter().any(|(of, call)| *of == app && what.starts_with(&format!("request {call}:")))
    }

    /// A request is about to arrive.
    pub(crate) fn arrives(&self, exchange: &Exchange) {
        let writes = exchange.method != "GET" && !exchange.path.contains("authentic");
        // Only what is on disk counts, as another process sees it.
        let steps = if writes { self.started(exchange.app) } else { Vec::new() };
        if writes {
            // What was done by hand a moment ago was done before it.
            self.look();
        }
        let mut seen = self.seen();
        let call = seen.arrived.entry(exchange.app).or_default();
        *call += 1;
        let call = *call;
        if writes {
            seen.under_way.insert((exchange.app, call), steps);
            let mut named = exchange.path.split(['/', '?']).map(|id| (exchange.app, id.to_owned()));
            if named.any(|account| seen.touched.contains(&account)) {
                seen.met_hand.insert((exchange.app, call));
            }
        }
    }

    /// Something was committed: the journal is read again when the next request arrives.
    pub(crate) fn committed(&self) {
        self.seen().started = None;
    }

    /// The steps of unfinished runs that the journal has as started and as nothing else.
    fn started(&self, app: &str) -> Vec<(String, Value)> {
        if self.seen().started.is_none() {
            self.read_journal();
        }
        let seen = self.seen();
        let step = |(digest, id): &(String, String)| {
            let plan = &seen.plans.get(digest)?.plan;
            let step = plan["steps"].as_array()?.iter().find(|step| step["id"] == *id && step["app"] == app)?.clone();
            Some((digest.clone(), step))
        };
        seen.started.iter().flatten().filter_map(step).collect()
    }

    fn read_journal(&self) {
        let read = on_the_spot(async {
            let (mut started, mut found) = (Vec::new(), Vec::new());
            // The newest first: what an older one left open may be what this one does now.
            for run in self.store.unfinished_runs().await?.into_iter().rev() {
                for record in self.store.records(&run.id).await?.into_values() {
                    if record.state == model::StepState::Started {
                        started.push((run.digest.to_string(), record.step.to_string()));
                    } else if let Some(account) = record.receipt.account {
                        found.push((record.step.to_string(), account.to_string()));
                    }
                }
            }
            Ok::<_, store::StoreError>((started, found))
        });
        let (started, found) = read.expect("the journal is read");
        let mut seen = self.seen();
        // What a step found there, which another one had made, is what steps that need it mean.
        seen.made.extend(found);
        seen.started = Some(started);
    }

    /// What an answer shows of accounts was looked at.
    pub(crate) fn answered(&self, exchange: &Exchange, body: &[u8]) {
        if exchange.method == "GET" && !self.seen().touched.is_empty() {
            let text = String::from_utf8_lossy(body);
            self.seen().touched.retain(|(app, account)| {
                let shown = text.contains(&format!("\"id\":{account},")) || text.contains(&format!("\"{account}\""));
                *app != exchange.app || !shown
            });
        }
        self.look();
    }

    /// Reads what the ledgers have more, and judges it.
    pub(crate) fn look(&self) {
        for (app, path) in &self.ledgers {
            let from = self.seen().read_to.get(app).copied().unwrap_or(0);
            let mut file = std::fs::File::open(path).expect("a ledger is opened");
            if file.metadata().expect("a ledger is there").len() == from {
                continue;
            }
            let mut text = String::new();
            file.seek(SeekFrom::Start(from)).expect("a ledger is read on");
            file.read_to_string(&mut text).expect("a ledger is read");
            let mut seen = self.seen();
            seen.read_to.insert(app, from + text.len() as u64);
            for line in text.lines() {
                seen.judge(app, &serde_json::from_str(line).expect("a ledger is JSON lines"));
            }
        }
    }
}

/// The kind and id of a ledger's object.
fn object(line: &Value) -> (String, String) {
    let (kind, id) = line["object"].as_str().and_then(|object| object.split_once('/')).expect("an object has kind and id");
    (kind.to_owned(), id.to_owned())
}

/// Members that the vendor keeps by itself.
const KEPT_BY_VENDOR: [&str; 9] = [
    "updated_at",
    "archived_at",
    "archived_by_user_id",
    "dateEdited",
    "dateAdded",
    "activeStatus",
    "passwordsSet",
    "managing_ids",
    "manager_name",
];

impl Seen {
    fn breaks(&mut self, promise: &'static str, what: String) {
        self.broken.push(Broken { promise, what });
    }

    /// One line of a ledger.
    fn judge(&mut self, app: &'static str, line: &Value) {
        let (kind, id) = object(line);
        if line["method"] == "ADMIN" {
            if kind == "user" {
                let changed = with_access(line, changed(&line["before"], &line["after"]));
                self.by_hand.entry((app, id.clone())).or_default().extend(changed);
                self.touched.insert((app, id));
            }
            return;
        }
        self.effects += 1;
        let call = line["call"].as_u64().unwrap_or(0);
        let what = format!("{app} call {call} {} {} on {kind}/{id}", line["method"], line["path"]);
        let steps = self.under_way.get(&(app, call)).cloned().unwrap_or_default();
        if steps.is_empty() {
            self.breaks("P1 P9", format!("{what}: no approved step was journalled as started before"));
            return;
        }
        match kind.as_str() {
            "user" if line["before"].is_null() => self.made_account(app, &id, line, &steps, &what),
            "user" => self.changed_account(app, &id, line, &steps, &what),
            "enrollment" | "assignment" => self.enrolled(line, &steps, &what),
            "department" | "group" => self.made_structure(&kind, &id, line, &steps, &what),
            _ => self.breaks("P8", format!("{what}: nobody owns that")),
        }
    }

    /// Steps made something: several where an older run left open what this one does.
    fn made(&mut self, by: &[(String, Value)], id: &str, what: &str) {
        let mut free = false;
        for (digest, step) in by {
            let step = step["id"].as_str().unwrap_or_default().to_owned();
            self.made.insert(step.clone(), id.to_owned());
            if !free && self.makings.insert((digest.clone(), step)) {
                free = true;
            }
        }
        if !free {
            self.breaks("P9", format!("{what}: the step made it a second time"));
        }
    }

    fn made_account(&mut self, app: &'static str, id: &str, line: &Value, steps: &[(String, Value)], what: &str) {
        let (key, email) = if app == "lessonly" { ("ext_uid", "email") } else { ("externalId", "emailAddress") };
        let of = |member: &str, step: &Value| {
            let want = &step["set"][member]["after"];
            !want.is_null() && folded(want) == folded(&line["after"][member])
        };
        let by = steps.iter().filter(|(_, step)| step["verb"] == "create" && of(key, step) && of(email, step));
        let by: Vec<(String, Value)> = by.cloned().collect();
        let Some((_, step)) = by.first() else {
            self.breaks("P1", format!("{what}: no step under way makes this account"));
            return;
        };
        self.made(&by, id, what);
        let person = step["person"].as_str().unwrap_or_default().to_owned();
        let accounts = self.accounts.entry((app, person.clone())).or_default();
        accounts.insert(id.to_owned());
        if accounts.len() > 1 {
            self.breaks("P7", format!("{what}: {person} got a second account from us"));
        }
    }

    /// The id that a reference of a step stands for.
    fn resolved<'a>(&'a self, reference: &'a Value) -> Option<&'a str> {
        match reference {
            Value::String(id) => Some(id),
            other => self.made.get(other["created_by"].as_str()?).map(String::as_str),
        }
    }

    fn changed_account(&mut self, app: &'static str, id: &str, line: &Value, steps: &[(String, Value)], what: &str) {
        let (before, after) = (&line["before"], &line["after"]);
        if before["username"] == ADMIN || before["role"] == "admin" {
            self.breaks("P8", format!("{what}: the account is protected"));
        }
        // An account that we made and whose answer we never heard is completed by the step that made it.
        let about = |step: &Value| {
            self.resolved(&step["account"]).or_else(|| self.made.get(step["id"].as_str()?).map(String::as_str)) == Some(id)
        };
        let by: Vec<(String, Value)> = steps.iter().filter(|(_, step)| about(step)).cloned().collect();
        if by.is_empty() {
            self.breaks("P1", format!("{what}: no step under way is about this account"));
            return;
        }
        // What is carried out late was composed from what was there when it left, and what we look at meanwhile does not show it: for both
        // the window between look and write is open.
        let late = line["call"].as_u64() < self.arrived.get(app).copied();
        let in_window = late || self.touched.contains(&(app, id.to_owned()));
        if late {
            self.touched.insert((app, id.to_owned()));
        }
        if in_window {
            self.in_window.insert((app, id.to_owned()));
        }
        let (was, is) = (active(before), active(after));
        let verb = |wanted: &str| by.iter().find(|(_, step)| step["verb"] == wanted).cloned();
        if was && !is {
            match verb("leave") {
                None => self.breaks("P4", format!("{what}: access was lost, and no step under way takes it")),
                Some((digest, step)) => {
                    let person = step["person"].as_str().unwrap_or_default();
                    let may = self.plans.get(&digest).and_then(|plan| plan.may_lose.get(app)).is_some_and(|may| may.contains(person));
                    if !may {
                        self.breaks("P4", format!("{what}: {person} lost access, and the roster does not say so"));
                    }
                }
            }
        }
        if !was && is && verb("restore").is_none() {
            self.breaks("P1", format!("{what}: access was given, and no step under way gives it"));
        }
        let members = changed(before, after);
        self.note_hands((app, id), line, &members, &by, in_window);
        for member in &members {
            let (old, new) = (&before[member], &after[member]);
            if member == "group_ids" {
                self.groups(old, new, &by, in_window, what);
                continue;
            }
            let changes: Vec<Value> =
                by.iter().map(|(_, step)| step["set"][attribute(member)].clone()).filter(|change| !change.is_null()).collect();
            if changes.is_empty() {
                // The vendor's form is the whole record: what was written by hand in the window goes with it.
                if !in_window {
                    self.breaks("P8", format!("{what}: {member} {old} → {new}, which no step under way sets"));
                }
                continue;
            }
            let wants = |change: &Value| folded(new) == folded(&self.real(&change["after"]));
            let knew = |change: &Value| folded(old) == folded(&self.real(&change["before"]));
            let (wanted, known) = (changes.iter().any(wants), changes.iter().any(knew));
            if !wanted {
                self.breaks("P1", format!("{what}: {member} became {new}, which no step under way wants"));
            }
            // A step that makes an account completes what is there of it.
            let making = by.iter().any(|(_, step)| step["verb"] == "create");
            if !known && !in_window && !making {
                self.breaks("P5", format!("{what}: {member} was {old}, which the step did not know, and was overwritten"));
            }
        }
    }

    /// Notes where a line of ours writes over what was changed by hand, and that this is ours again.
    fn note_hands(
        &mut self,
        (app, id): (&'static str, &str),
        line: &Value,
        members: &BTreeSet<String>,
        by: &[(String, Value)],
        in_window: bool,
    ) {
        let members = with_access(line, members.clone());
        let hand = self.by_hand.entry((app, id.to_owned())).or_default();
        let set = |member: &String| by.iter().any(|(_, step)| !step["set"][attribute(member)].is_null());
        let over_hand = members.iter().any(|member| hand.contains(member))
            && members.iter().all(|member| hand.contains(member) || in_window && set(member));
        hand.retain(|member| !members.contains(member));
        if over_hand {
            let (kind, id) = object(line);
            self.over_hand.insert((app, format!("line {} ({kind}/{id})", line["seq"])));
        }
    }

    fn real(&self, value: &Value) -> Value {
        if value.is_object() { self.resolved(value).map_or(Value::Null, Value::from) } else { value.clone() }
    }

    fn groups(&mut self, old: &Value, new: &Value, by: &[(String, Value)], in_window: bool, what: &str) {
        let ids = |list: &Value| -> BTreeSet<String> { list.as_array().into_iter().flatten().map(Value::to_string).collect() };
        let named = |list: &str| -> BTreeSet<String> {
            let references = by.iter().flat_map(|(_, step)| step[list].as_array().into_iter().flatten());
            references.filter_map(|reference| self.resolved(reference).map(str::to_owned)).collect()
        };
        let (old, new) = (ids(old), ids(new));
        let gained: Vec<&String> = new.difference(&old).filter(|id| !named("add_groups").contains(*id)).collect();
        let lost: Vec<&String> = old.difference(&new).filter(|id| !named("remove_groups").contains(*id)).collect();
        if !(gained.is_empty() && lost.is_empty() || in_window) {
            self.breaks("P8", format!("{what}: groups {gained:?} gained and {lost:?} lost, and no step under way says so"));
        }
    }

    fn enrolled(&mut self, line: &Value, steps: &[(String, Value)], what: &str) {
        if !line["before"].is_null() {
            // What ends in the wake of a leaver.
            if !steps.iter().any(|(_, step)| step["verb"] == "leave") {
                self.breaks("P8", format!("{what}: an enrolment was changed"));
            }
            return;
        }
        let after = &line["after"];
        let member = |names: [&str; 3]| names.iter().map(|name| &after[*name]).find(|value| !value.is_null()).map(text);
        let (user, course) = (member(["userId", "user_id", "assignee_id"]), member(["courseId", "course_id", "assignable_id"]));
        let by = steps.iter().filter(|(_, step)| {
            let content = step["content"].as_str().map(|content| content.rsplit('/').next().unwrap_or(content).to_owned());
            step["verb"] == "enrol" && content == course && self.resolved(&step["account"]).map(str::to_owned) == user
        });
        let by: Vec<(String, Value)> = by.cloned().collect();
        if by.is_empty() {
            self.breaks("P1", format!("{what}: no step under way enrols there"));
        } else {
            self.made(&by, &object(line).1, what);
        }
    }

    fn made_structure(&mut self, kind: &str, id: &str, line: &Value, steps: &[(String, Value)], what: &str) {
        let by = steps.iter().filter(|(_, step)| {
            step["verb"] == format!("create_{kind}")
                && line["before"].is_null()
                && step["set"]["name"]["after"] == line["after"]["name"]
        });
        let by: Vec<(String, Value)> = by.cloned().collect();
        if by.is_empty() {
            self.breaks("P8", format!("{what}: no step under way makes or changes it"));
        } else {
            self.made(&by, id, what);
        }
    }
}

/// Members of an account that a line changed, but for those that the vendor keeps by itself.
fn changed(before: &Value, after: &Value) -> BTreeSet<String> {
    let members = before.as_object().into_iter().chain(after.as_object()).flat_map(serde_json::Map::keys);
    let differs = |member: &&String| folded(&before[*member]) != folded(&after[*member]) && !KEPT_BY_VENDOR.contains(&member.as_str());
    members.filter(differs).cloned().collect()
}

/// With whether the user can log in, where a line changed that: it is not among the members, for it is kept by the vendor in its own way.
fn with_access(line: &Value, mut members: BTreeSet<String>) -> BTreeSet<String> {
    if active(&line["before"]) != active(&line["after"]) {
        members.insert("access".to_owned());
    }
    members
}

/// The name that steps have for a member of an account.
fn attribute(member: &str) -> &str {
    member.strip_suffix("Id").filter(|name| matches!(*name, "department" | "supervisor")).unwrap_or(member)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As accounts are compared: without case and outer spaces; empty is nothing.
fn folded(value: &Value) -> String {
    if value.is_null() { String::new() } else { text(value).trim().to_lowercase() }
}

/// Whether a user of a ledger can log in.
fn active(user: &Value) -> bool {
    user["archived_at"].is_null() && !(user["activeStatus"] == "Inactive" || user["activeStatus"] == 1)
}

#[test]
fn what_was_changed_by_hand_excuses_the_line_that_writes_over_it_and_no_other() {
    let mut seen = Seen::default();
    let step =
        serde_json::json!({ "id": "s", "verb": "update", "account": "7", "set": { "jobTitle": { "before": "b", "after": "a" } } });
    let line = |seq: u64, method: &str, title: [&str; 2], phone: [&str; 2]| {
        let [before, after] = [0, 1].map(|at| serde_json::json!({ "jobTitle": title[at], "phone": phone[at] }));
        serde_json::json!({ "seq": seq, "call": seq, "method": method, "path": "/users", "object": "user/7", "before": before, "after": after })
    };
    let over_hand = |seen: &Seen, seq: u64| seen.over_hand.contains(&("absorb", format!("line {seq} (user/7)")));
    for call in 1..10 {
        seen.under_way.insert(("absorb", call), vec![("d".to_owned(), step.clone())]);
    }
    // It was done, somebody took it back, and it is done again; then nobody took it back.
    for (seq, method, excused) in [(1, "PUT", false), (2, "ADMIN", false), (3, "PUT", true), (4, "PUT", false)] {
        let title = if method == "ADMIN" { ["a", "b"] } else { ["b", "a"] };
        seen.judge("absorb", &line(seq, method, title, ["1", "1"]));
        assert_eq!(over_hand(&seen, seq), excused, "line {seq}");
    }
    // In the window the whole record is written: the telephone goes back with it; later on it has no excuse.
    seen.judge("absorb", &line(5, "ADMIN", ["b", "b"], ["1", "2"]));
    seen.judge("absorb", &line(6, "PUT", ["b", "a"], ["2", "1"]));
    assert!(over_hand(&seen, 6));
    assert_eq!(seen.broken, []);
    // Access that was given back by hand before we looked is taken again; then nobody gave it back.
    let leave = serde_json::json!({ "id": "t", "verb": "leave", "account": "8", "person": "p" });
    let may_lose = [("lessonly", ["p".to_owned()].into())].into();
    seen.plans.insert("d".to_owned(), Approved { plan: Value::Null, may_lose });
    let access = |seq: u64, method: &str, [before, after]: [Value; 2]| {
        serde_json::json!({ "seq": seq, "call": seq, "method": method, "path": "/users", "object": "user/8",
            "before": { "archived_at": before }, "after": { "archived_at": after } })
    };
    let archived = || Value::from("1998-01-01");
    for (seq, method, excused) in [(1, "PUT", false), (2, "ADMIN", false), (3, "PUT", true), (4, "PUT", false)] {
        seen.under_way.insert(("lessonly", seq), vec![("d".to_owned(), leave.clone())]);
        let change = if method == "ADMIN" { [archived(), Value::Null] } else { [Value::Null, archived()] };
        seen.judge("lessonly", &access(seq, method, change));
        assert_eq!(seen.over_hand.contains(&("lessonly", format!("line {seq} (user/8)"))), excused, "line {seq}");
    }
    assert_eq!(seen.broken, []);
    seen.touched.clear();
    seen.judge("absorb", &line(7, "PUT", ["b", "a"], ["1", "3"]));
    assert!(!over_hand(&seen, 7));
    assert_eq!(seen.broken.len(), 1, "{:?}", seen.broken);
}
