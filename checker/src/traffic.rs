//! C6 and C7: what the access logs and the raw lines tell: secrets, forbidden calls, and the requests by purpose.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::formula::{AbsorbReading, AbsorbRun, AbsorbWork, LessonlyReading, LessonlyWork, absorb, lessonly, tokens, total};
use crate::inputs::{Request, Step, Verb};
use crate::policy::Vendor;
use crate::replay::Part;
use crate::report::{Report, Traffic};
use crate::rules::{Case, Matched};

/// Path segments without the API's prefix, and the query.
fn taken_apart(path: &str) -> (Vec<&str>, Vec<(&str, &str)>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments = path.split('/').filter(|part| !part.is_empty() && !matches!(*part, "api" | "v1" | "v1.1" | "scim" | "v2"));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    (segments.collect(), query.collect())
}

fn is_log_in(request: &Request) -> bool {
    request.method == "POST" && matches!(taken_apart(&request.path).0.last(), Some(&"authentication" | &"authenticate"))
}

fn is_write(request: &Request) -> bool {
    !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS") && !is_log_in(request)
}

/// What a request was for.
fn purpose(request: &Request) -> &'static str {
    let (segments, query) = taken_apart(&request.path);
    let asks = |name: &str| query.iter().any(|(found, _)| found.eq_ignore_ascii_case(name));
    match request.status {
        _ if request.fault.is_some() => "fault",
        429 | 500.. | 0 => "fault",
        400.. => "refused",
        _ if is_log_in(request) => "log-in",
        _ if is_write(request) => "write",
        _ if matches!(segments.first(), Some(&"users" | &"Users")) && segments.len() > 1 => "look",
        _ if ["modifiedSince", "externalId", "username", "email"].iter().any(|name| asks(name)) => "look",
        _ if query.iter().any(|(name, _)| name.starts_with("filter")) => "look",
        // One user alone is asked for to see how the list is written.
        _ if segments == ["users"] && value(&query, "per_page") == Some("1") => "look",
        _ => "read",
    }
}

/// The request with which each complete walk over the accounts for planning began.  `lists` is what else a reading lists, after the
/// accounts, where policy asks for it.
pub fn walks(vendor: Vendor, requests: &[Request], lists: &[&str]) -> Vec<u64> {
    match vendor {
        Vendor::Lessonly => lessonly_walks(requests),
        Vendor::Absorb => absorb_walks(requests, lists),
        // How often one is read, and how few requests would do, depends on what it can: that is not judged.
        Vendor::Scim => Vec::new(),
    }
}

fn value<'a>(query: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    query.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
}

/// A walk of several pages is closed by a second look at page one; one that came in one answer needs none.
fn lessonly_walks(requests: &[Request]) -> Vec<u64> {
    let mut starts = Vec::new();
    let mut open = false;
    for request in requests {
        let (segments, query) = taken_apart(&request.path);
        if segments != ["users"] || request.method != "GET" || purpose(request) != "read" {
            continue;
        }
        match value(&query, "page") {
            None | Some("1") if open => open = false,
            None | Some("1") => starts.push(request.seq),
            Some(_) => open = true,
        }
    }
    starts
}

/// A walk that is followed by a write before anything else of a reading is the look before that write, and none for planning.
fn absorb_walks(requests: &[Request], lists: &[&str]) -> Vec<u64> {
    struct Walk {
        start: u64,
        several_pages: bool,
        looked_again: bool,
    }
    let mut starts = Vec::new();
    let mut open: Option<Walk> = None;
    for request in requests {
        if is_write(request) && purpose(request) != "fault" {
            open = None;
        }
        if request.method != "GET" || purpose(request) != "read" {
            continue;
        }
        let (segments, query) = taken_apart(&request.path);
        if segments == ["users"] && value(&query, "_limit") != Some("1") {
            let first = value(&query, "_offset").is_none_or(|offset| offset == "0");
            match &mut open {
                Some(walk) if !first => walk.several_pages = true,
                Some(walk) if walk.several_pages && !walk.looked_again => walk.looked_again = true,
                _ if first => {
                    open = Some(Walk { start: request.seq, several_pages: false, looked_again: false });
                    if lists.is_empty() {
                        starts.push(request.seq);
                    }
                }
                _ => {}
            }
        } else if let [list] = segments.as_slice()
            && lists.contains(list)
            && let Some(walk) = open.take()
        {
            starts.push(walk.start);
        }
    }
    starts
}

/// Judges an app's access log beside its ledger (C3, C5) and counts its requests (C7).
pub fn requests(
    case: &Case<'_>,
    requests: &[Request],
    matched: &Matched<'_>,
    readings: Option<u64>,
    asked: &[Asked],
    report: &mut Report,
) {
    let calls: BTreeSet<u64> = case.world.events.iter().map(|event| event.line.call).collect();
    let known: BTreeSet<u64> = requests.iter().map(|request| request.seq).collect();
    // Writes that got no clear answer and took effect: late, they may come between the look and the repeat of the very same.
    let mut unheard: BTreeSet<(&str, &str)> = BTreeSet::new();
    for request in requests {
        let what = format!("request {}: {} {}", request.seq, request.method, request.path);
        let same = (request.method.as_str(), request.path.as_str());
        let accepted = (200..300).contains(&request.status) && request.fault.is_none();
        if request.method == "DELETE" {
            report.violation("C5", "delete_tried", case.name, what);
        } else if is_write(request) && accepted && matched.jobs.is_empty() {
            report.violation("C5", "write_without_plan", case.name, what);
        } else if is_write(request) && !accepted && calls.contains(&request.seq) {
            unheard.insert(same);
        } else if is_write(request) && accepted && !unheard.remove(&same) && !calls.contains(&request.seq) {
            report.violation("C3", "idle_write", case.name, format!("{what} was accepted and changed nothing"));
        }
    }
    for event in case.world.events.iter().filter(|event| event.line.method != "ADMIN" && !known.contains(&event.line.call)) {
        let what = format!(
            "line {} ({}) belongs to request {}, which the access log has not",
            event.line.seq, event.line.object, event.line.call
        );
        report.violation("C5", "unlogged_write", case.name, what);
    }
    let mut traffic = Traffic::default();
    for request in requests {
        *traffic.requests.entry(purpose(request)).or_default() += 1;
    }
    traffic.counted = traffic.requests.iter().filter(|(purpose, _)| **purpose != "fault").map(|(_, number)| number).sum();
    let lists: Vec<&str> = [("departments", names_departments(case)), ("courses", names_courses(case))]
        .into_iter()
        .filter_map(|(list, named)| named.then_some(list))
        .collect();
    let mut starts = walks(case.policy.vendor, requests, &lists);
    if let Some(readings) = readings {
        // Readings that the log does not show were made when the last one was.
        starts.resize(usize::try_from(readings).unwrap_or(usize::MAX).min(1_000_000), starts.last().copied().unwrap_or(0));
    }
    traffic.readings = starts.len() as u64;
    traffic.parts = match case.policy.vendor {
        Vendor::Lessonly => lessonly(&lessonly_work(case, matched, &starts, requests)),
        Vendor::Absorb => absorb(&absorb_work(case, matched, &starts, requests, asked)),
        Vendor::Scim => Vec::new(),
    };
    traffic.least = total(&traffic.parts);
    traffic.ratio = if traffic.least == 0 { 0.0 } else { traffic.counted as f64 / traffic.least as f64 };
    report.traffic.insert(case.name.to_owned(), traffic);
}

/// Accounts in the app just before a request.
fn accounts_before(case: &Case<'_>, call: u64) -> u64 {
    let made = |later: bool| {
        case.world.events.iter().filter(|event| event.parts.contains(&Part::Made) && (!later || event.line.call >= call)).count()
    };
    let first = case.world.accounts.len() - made(false);
    (first + made(false) - made(true)) as u64
}

/// Steps of one verb that had an effect, by plan.
fn done(matched: &Matched<'_>, plan: Option<usize>, verbs: &[Verb]) -> u64 {
    let jobs = matched.jobs.iter().filter(|job| plan.is_none_or(|plan| job.plan == plan) && verbs.contains(&job.step.verb));
    jobs.filter(|job| !job.done.is_empty()).count() as u64
}

fn lessonly_work(case: &Case<'_>, matched: &Matched<'_>, starts: &[u64], requests: &[Request]) -> LessonlyWork {
    let kinds: BTreeSet<&str> = case.policy.enrol.iter().map(|rule| rule.kind).collect();
    let named: BTreeSet<(&str, &str)> = case.policy.enrol.iter().map(|rule| (rule.kind, rule.name.as_str())).collect();
    let reading = |start: &u64| {
        let assignments = named.iter().map(|(kind, name)| {
            let is_it = |id: &String| id.starts_with(kind) && case.name_of(&case.world.content, id).as_deref() == Some(*name);
            let all = case.world.enrolments.iter().filter(|(_, content)| is_it(content)).count() as u64;
            let later = case.world.events.iter().filter(|event| event.line.before.is_null() && event.line.call >= *start);
            let later =
                later.filter(|event| event.parts.iter().any(|part| matches!(part, Part::Enrolled(id) if is_it(id)))).count() as u64;
            all.saturating_sub(later)
        });
        LessonlyReading {
            accounts: accounts_before(case, *start),
            groups: case.policy.managed.len() as u64,
            kinds: kinds.len() as u64,
            assignments: assignments.collect(),
        }
    };
    let moved = |step: &Step| step.add_groups.len() + step.remove_groups.len() > 0;
    let regrouped =
        |verb: Verb| matched.jobs.iter().filter(move |job| job.step.verb == verb && moved(job.step) && !job.done.is_empty());
    LessonlyWork {
        // Only the vendor's reading knows pages of another size.
        vendor: requests.iter().any(|request| value(&taken_apart(&request.path).1, "per_page").is_some_and(|size| size != "1")),
        creates_into_groups: regrouped(Verb::Create).count() as u64,
        moves: regrouped(Verb::Update).count() as u64,
        only_moves: regrouped(Verb::Update).filter(|job| job.step.set.is_empty()).count() as u64,
        readings: starts.iter().map(reading).collect(),
        creates: done(matched, None, &[Verb::Create]),
        changes: done(matched, None, &[Verb::Update, Verb::Relate, Verb::Restore, Verb::Leave]),
        groups: done(matched, None, &[Verb::CreateGroup]),
        enrols: done(matched, None, &[Verb::Enrol]),
        links: runs(matched).into_iter().map(|plan| (links(matched, plan), accounts_at_start(case, matched, plan))).collect(),
    }
}

/// Plans that had an effect or took something over.
fn runs(matched: &Matched<'_>) -> BTreeSet<usize> {
    matched.jobs.iter().filter(|job| !job.done.is_empty() || job.step.verb == Verb::Link).map(|job| job.plan).collect()
}

/// Links of a plan: they have no effect to be counted by.
fn links(matched: &Matched<'_>, plan: usize) -> u64 {
    matched.jobs.iter().filter(|job| job.plan == plan && job.step.verb == Verb::Link).count() as u64
}

/// Accounts just before the first effect of a plan; all of them, where it had none.
fn accounts_at_start(case: &Case<'_>, matched: &Matched<'_>, plan: usize) -> u64 {
    let lines = matched.jobs.iter().filter(|job| job.plan == plan).flat_map(|job| job.done.values());
    let first = lines.min().and_then(|seq| case.world.events.iter().find(|event| event.line.seq == *seq));
    accounts_before(case, first.map_or(u64::MAX, |event| event.line.call))
}

/// Accounts about whose enrolments policy asks, from an instant on.
pub struct Asked {
    /// From then on, until the next.
    pub from: Timestamp,
    /// Their ids.
    pub accounts: BTreeSet<String>,
}

fn names_departments(case: &Case<'_>) -> bool {
    case.policy.vendor == Vendor::Absorb && case.policy.set.contains_key("department")
}

fn names_courses(case: &Case<'_>) -> bool {
    case.policy.vendor == Vendor::Absorb && !case.policy.enrol.is_empty()
}

fn absorb_work(case: &Case<'_>, matched: &Matched<'_>, starts: &[u64], requests: &[Request], asked: &[Asked]) -> AbsorbWork {
    let instant = |request: &Request| request.time.parse::<Timestamp>().ok();
    let (departments, courses) = (names_departments(case), names_courses(case));
    let reading = |start: &u64| {
        let at = requests.iter().find(|request| request.seq == *start).and_then(instant);
        // Before the first instant that is known, the first is as good as any.
        let then = asked.iter().rev().find(|asked| at.is_some_and(|at| asked.from <= at)).or(asked.first());
        let accounts = accounts_before(case, *start);
        let later: BTreeSet<&String> = case
            .world
            .events
            .iter()
            .filter(|event| event.parts.contains(&Part::Made) && event.line.call >= *start)
            .filter_map(|event| event.account.as_ref())
            .collect();
        let asked = then.map_or(0, |asked| asked.accounts.iter().filter(|id| !later.contains(id)).count() as u64);
        AbsorbReading { accounts, departments, courses, asked }
    };
    let run = |plan: usize| {
        let done = |verbs: &[Verb]| done(matched, Some(plan), verbs);
        AbsorbRun {
            accounts: accounts_at_start(case, matched, plan),
            departments: done(&[Verb::CreateDepartment]),
            creates: done(&[Verb::Create]),
            changes: done(&[Verb::Update, Verb::Restore]),
            relates: done(&[Verb::Relate]),
            leaves: done(&[Verb::Leave]),
            links: links(matched, plan),
            enrols: done(&[Verb::Enrol]),
        }
    };
    let authenticate = |accepted: bool| {
        let log_in = |request: &&Request| taken_apart(&request.path).0.last() == Some(&"authenticate");
        requests.iter().filter(log_in).any(|request| (request.status < 400) == accepted)
    };
    let scope = requests.iter().any(|request| taken_apart(&request.path).0.last() == Some(&"user-management-settings"));
    let vendor = authenticate(true) || scope;
    AbsorbWork {
        vendor,
        tried: !vendor && authenticate(false),
        tokens: tokens(requests.iter().filter_map(instant).map(Timestamp::as_second)),
        readings: starts.iter().map(reading).collect(),
        runs: runs(matched).into_iter().map(run).collect(),
    }
}

/// C6: no line holds a secret.
pub fn secrets<'a>(app: &str, lines: impl Iterator<Item = (u64, &'a str, [&'a Value; 2])>, report: &mut Report) {
    for (seq, path, objects) in lines {
        let (_, query) = taken_apart(path);
        let in_query = query.iter().any(|(name, value)| is_secret(name) && !value.is_empty());
        if in_query || objects.into_iter().any(holds_secret) {
            report.violation("C6", "secret_recorded", app, format!("line {seq} holds a password, a key or a token"));
        }
    }
}

fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    name == "passwd"
        || name == "authorization"
        || ["password", "apikey", "privatekey", "token", "secret"].iter().any(|word| name.ends_with(word))
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| {
            let told = value.as_str().is_some_and(|text| !text.is_empty() && text != "set");
            (is_secret(name) && told) || holds_secret(value)
        }),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[(&str, &str, u16)]) -> Vec<Request> {
        let request = |(at, (method, path, status)): (usize, &(&str, &str, u16))| Request {
            seq: at as u64 + 1,
            time: "1998-01-01T00:00:00Z".to_owned(),
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            status: *status,
            fault: None,
        };
        lines.iter().enumerate().map(request).collect()
    }

    #[test]
    fn purposes() {
        for (method, path, status, expected) in [
            ("POST", "/authentication", 200, "log-in"),
            ("POST", "/authentication", 401, "refused"),
            ("GET", "/api/v1/users?page=2", 200, "read"),
            ("GET", "/api/v1/users/12", 200, "look"),
            ("GET", "/users?externalId=7", 200, "look"),
            ("GET", "/users?_limit=1000&_offset=0&modifiedSince=1998-01-01", 200, "look"),
            ("GET", "/users/u1/enrollments", 200, "look"),
            ("GET", "/api/v1/users?page=1&per_page=1000&filter[email]=a%40b", 200, "look"),
            ("GET", "/api/v1/users?page=1&per_page=1", 200, "look"),
            ("GET", "/api/v1/users?page=1&per_page=1000", 200, "read"),
            ("POST", "/users/u1/enrollments/c1?reEnroll=true", 200, "write"),
            ("PUT", "/api/v1/users/12/archive", 200, "write"),
            ("POST", "/users/batch", 422, "refused"),
            ("GET", "/api/v1/groups/3", 200, "read"),
            ("GET", "/users", 429, "fault"),
            ("POST", "/users", 503, "fault"),
        ] {
            assert_eq!(purpose(&log(&[(method, path, status)])[0]), expected, "{method} {path} {status}");
        }
    }

    #[test]
    fn what_went_wrong_on_purpose_counts_as_a_fault() {
        let mut requests = log(&[("POST", "/users", 200)]);
        requests[0].fault = Some("html-before".to_owned());
        assert_eq!(purpose(&requests[0]), "fault");
    }

    #[test]
    fn walks_are_counted_once() {
        let page = |n: u32| format!("/api/v1/users?page={n}");
        let paths = [page(1), page(2), page(3), page(1), page(1), page(2), page(1)];
        let lines: Vec<(&str, &str, u16)> = paths.iter().map(|path| ("GET", path.as_str(), 200)).collect();
        // Two walks, each with its second look at page one.
        assert_eq!(walks(Vendor::Lessonly, &log(&lines), &[]), [1, 5]);
        // What came in one answer needs no second look.
        assert_eq!(walks(Vendor::Lessonly, &log(&[("GET", "/api/v1/users?page=1", 200); 2]), &[]), [1, 2]);
        let lines = [
            ("GET", "/users?_limit=1000&_offset=0", 200),
            ("GET", "/users?_limit=1000&_offset=1000", 200),
            ("GET", "/users?_limit=1000&_offset=0", 200),
            ("GET", "/departments?_limit=1000&_offset=0", 200),
            ("GET", "/courses?_limit=1000&_offset=0", 200),
            ("GET", "/users?_limit=1", 200),
            ("GET", "/users?_limit=1000&_offset=0&modifiedSince=1998-01-01", 200),
            ("GET", "/users?_limit=1000&_offset=0", 429),
            // The look before a batch.
            ("GET", "/users?_limit=1000&_offset=0", 200),
            ("GET", "/users?_limit=1000&_offset=1000", 200),
            ("POST", "/users/batch", 200),
            ("GET", "/users?_limit=1000&_offset=0", 200),
            ("GET", "/departments?_limit=1000&_offset=0", 200),
        ];
        assert_eq!(walks(Vendor::Absorb, &log(&lines), &["departments", "courses"]), [1, 12]);
        // Nothing tells a look from a reading where nothing else is read.
        assert_eq!(walks(Vendor::Absorb, &log(&lines), &[]), [1, 9, 12]);
    }
}
