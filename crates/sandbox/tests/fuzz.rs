//! Requests that nobody should send, to the sandboxes in their profiles, over REST and over SCIM: each gets an answer below 500, and the
//! sandbox goes on.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use proptest::prelude::*;
use proptest::sample::select;
use sandbox::faults::Faults;
use sandbox::{Clock, Limit, Options, absorb, application, lessonly};
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn options() -> Options {
    let now = Clock::Fixed("2026-03-02T08:00:00Z".parse().expect("an instant"));
    Options { people: Some(12), seed: Some(7), limit: Limit::Off, now, ..Options::default() }
}

/// A sandbox behind its router, logged in.
struct Client {
    runtime: tokio::runtime::Runtime,
    router: Router,
    headers: Vec<(&'static str, String)>,
    /// An id of somebody.
    id: String,
}

impl Client {
    fn lessonly(vendor: bool) -> Self {
        let profile = if vendor { &lessonly::VENDOR } else { lessonly::Config::default().profile };
        let sandbox = lessonly::Sandbox::open(lessonly::Config { options: options(), profile, ..Default::default() }).expect("opens");
        let key = base64::engine::general_purpose::STANDARD.encode("acme:lessonly-sandbox-key");
        let id = sandbox.users()[3]["id"].to_string();
        Self { runtime: runtime(), router: sandbox.router(), headers: vec![("authorization", format!("Basic {key}"))], id }
    }

    fn absorb(vendor: bool) -> Self {
        let profile = if vendor { &absorb::VENDOR } else { absorb::Config::default().profile };
        let sandbox = absorb::Sandbox::open(absorb::Config { options: options(), profile, ..Default::default() }).expect("opens");
        let id = sandbox.users()[3]["id"].as_str().unwrap_or_default().to_owned();
        let key = ("x-api-key", "absorb-sandbox-key".to_owned());
        let mut client = Self { runtime: runtime(), router: sandbox.router(), headers: vec![key], id };
        let log_in =
            json!({ "username": "api@acme.example", "password": "absorb-sandbox-password", "privateKey": "absorb-sandbox-key" });
        let path = if vendor { "/authenticate" } else { "/authentication" };
        let (status, token) = client.ask("POST", path, "application/json", log_in.to_string().into_bytes());
        assert_eq!(status, 200, "{token}");
        let token: Value = serde_json::from_str(&token).expect("JSON");
        let token = token.as_str().or(token["token"].as_str()).expect("a token").to_owned();
        client.headers.push(("authorization", token));
        client
    }

    /// The SCIM doors: of Lessonly and Absorb in a profile, and of an application of nobody's.
    fn scim(which: usize) -> Self {
        let vendor = which % 2 == 1;
        let (router, token, id) = match which {
            0 | 1 => {
                let profile = if vendor { &lessonly::VENDOR } else { lessonly::Config::default().profile };
                let scim = lessonly::Scim::default().available();
                let config = lessonly::Config { options: options(), profile, scim, ..Default::default() };
                let sandbox = lessonly::Sandbox::open(config).expect("opens");
                (sandbox.router(), "lessonly-sandbox-scim-key", sandbox.users()[3]["id"].to_string())
            }
            2 | 3 => {
                let profile = if vendor { &absorb::VENDOR } else { absorb::Config::default().profile };
                let scim = absorb::Scim::default().available();
                let config = absorb::Config { options: options(), profile, scim, ..Default::default() };
                let sandbox = absorb::Sandbox::open(config).expect("opens");
                let id = sandbox.users()[3]["id"].as_str().unwrap_or_default().to_owned();
                (sandbox.router(), "absorb-sandbox-scim-token", id)
            }
            _ => {
                let options = Options { people: None, ..options() };
                let sandbox = application::Sandbox::open(application::Config { options, ..Default::default() }).expect("opens");
                let user = |n: usize| json!({ "schemas": [USER], "userName": format!("p{n}"), "active": true, "emails": [{ "value": "a@b" }] });
                let ids: Vec<String> = (0..12).map(|n| sandbox.put_user(user(n)).expect("is put")).collect();
                let group = json!({ "id": ids[3], "displayName": "All", "members": [{ "value": ids[3] }, { "value": ids[4] }] });
                sandbox.put_group(group).expect("is put");
                (sandbox.router(), "application-sandbox-token", ids[3].clone())
            }
        };
        Self { runtime: runtime(), router, headers: vec![("authorization", format!("Bearer {token}"))], id }
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path).header("content-type", kind);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        // What is no request cannot be sent.
        let Ok(request) = request.body(Body::from(body)) else { return (0, String::new()) };
        self.runtime.block_on(async {
            let answer = self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = answer.status().as_u16();
            let text = to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
            (status, String::from_utf8_lossy(&text).into_owned())
        })
    }

    /// It is answered, and not by a failure of the sandbox.
    fn take(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) {
        let (status, text) = self.ask(method, path, kind, body.clone());
        assert!(status < 500, "{method} {path} {}: {status} {text}", String::from_utf8_lossy(&body));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Filters by their grammar, with values that fit and values that do not.
fn filter() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "lastName",
        "LASTNAME",
        "id",
        "isLearner",
        "dateAdded",
        "customFields/decimal1",
        "nobody",
        "null",
        "true",
        "'it''s'",
        "'\u{0}é🦀'",
        "guid'a14c149a-2ce0-41d4-b532-02189ad3cb22'",
        "guid'x'",
        "datetime'1998-03-06T20:38:07Z'",
        "datetime'9999-99-99'",
        "datetime'-009999-01-01'",
        "1",
        "-1.5e308",
        "1e999",
        "99999999999999999999999",
        "15e-1f",
        "0x",
        "''",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(6, 40, 2, |inner| {
        let (a, b) = (inner.clone(), inner);
        prop_oneof![
            (a.clone(), select(vec!["eq", "ne", "gt", "GE", "lt", "le", "and", "or", "has"]), b.clone())
                .prop_map(|(a, by, b)| format!("{a} {by} {b}")),
            (select(vec!["substringof", "startswith", "endswith", "tolower", "length"]), a.clone(), b)
                .prop_map(|(name, a, b)| format!("{name}({a}, {b})")),
            a.clone().prop_map(|a| format!("tolower({a})")),
            a.clone().prop_map(|a| format!("not {a}")),
            a.prop_map(|a| format!("({a})")),
        ]
    })
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// JSON of any shape, with the members that the vendors know.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec!["", "a@b.example", "learner", "2024-02-30", "9999-12-31T23:59:59Z", "-009999-01-01", "é\u{0}", "true", "0"])
            .prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
    ];
    let names = [
        "id",
        "name",
        "email",
        "role",
        "ext_uid",
        "group_ids",
        "custom_user_field_data",
        "value",
        "remove",
        "archived_at",
        "username",
        "firstName",
        "lastName",
        "emailAddress",
        "departmentId",
        "externalId",
        "customFields",
        "decimal1",
        "datetime1",
        "activeStatus",
        "password",
        "dateHired",
        "roleIds",
        "supervisorId",
        "languageId",
        "members",
        "managers",
        "due_by",
        "reEnroll",
        "courseId",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(select(names.to_vec()), inner, 0..8)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// More cases in a soak (`cargo xtask soak fuzz`).
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: few.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}

const LESSONLY: &[&str] = &[
    "/users",
    "/users/{id}",
    "/users/{id}/archive",
    "/users/{id}/assignments",
    "/groups",
    "/groups/1",
    "/lessons",
    "/assignments/1",
    "/paths/1/assignments",
];
const ABSORB: &[&str] = &[
    "/users",
    "/users/{id}",
    "/users/batch",
    "/users/{id}/enrollments",
    "/departments",
    "/departments/{id}",
    "/courses",
    "/roles",
    "/users/upload",
    "/batch",
    "/authentication",
    "/authenticate",
    "/oauth/token",
    "/courses/{id}/enrollments",
    "/enrollments",
];
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const SCIM: &[&str] = &[
    "/Users",
    "/Users/{id}",
    "/Groups",
    "/Groups/{id}",
    "/.search",
    "/Users/.search",
    "/ServiceProviderConfig",
    "/Schemas",
    "/ResourceTypes/User",
    "",
    "/Users/%00%ff",
];
const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
const KINDS: &[&str] = &["application/json", "application/x-www-form-urlencoded", "text/plain", ""];

thread_local! {
    static CLIENTS: [Client; 4] = [Client::lessonly(false), Client::lessonly(true), Client::absorb(false), Client::absorb(true)];
}

thread_local! {
    static DOORS: [Client; 5] = std::array::from_fn(Client::scim);
}

/// Sends one request to each SCIM door, which still lists its users then.
fn at_every_door(place: usize, method: &str, query: &str, body: &[u8]) {
    DOORS.with(|clients| {
        for client in clients {
            let path = SCIM[place % SCIM.len()].replace("{id}", &client.id);
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            client.take(method, &format!("/scim/v2{path}{query}"), "application/scim+json", body.to_vec());
            let (status, list) = client.ask("GET", "/scim/v2/Users?count=100", "", Vec::new());
            let list: Value = serde_json::from_str(&list).unwrap_or_else(|error| panic!("{status}: {error}: {list}"));
            let names: Vec<String> = list["Resources"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|user| user["userName"].as_str().expect("a name").to_lowercase())
                .collect();
            let different: std::collections::BTreeSet<&String> = names.iter().collect();
            assert_eq!(different.len(), names.len(), "{method} {path} {}: {names:?}", String::from_utf8_lossy(body));
        }
    });
}

/// Paths and filters by their grammar, and not quite.
fn scim_path() -> impl Strategy<Value = String> {
    let names = [
        "userName",
        "USERNAME",
        "active",
        "emails",
        "emails.value",
        "name.givenName",
        "members",
        "groups",
        "meta.version",
        "id",
        "password",
        "nobody",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "manager.value",
        "schemas",
        "displayName",
        "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
        "addresses",
        "",
    ];
    let value =
        select(vec!["\"a@b\"", "true", "null", "1", "-1.5e308", "1e999", "\"\\u0000é🦀\"", "\"", "x", "\"2024-02-30T00:00:00Z\""]);
    let by = select(vec!["eq", "NE", "co", "sw", "ew", "gt", "le", "pr", "xx", "and"]);
    let leaf = (select(names.to_vec()), by, value).prop_map(|(name, by, value)| format!("{name} {by} {value}"));
    leaf.prop_recursive(4, 24, 2, move |inner| {
        prop_oneof![
            (inner.clone(), select(vec!["and", "OR", "eq"]), inner.clone()).prop_map(|(a, by, b)| format!("{a} {by} {b}")),
            (select(names.to_vec()), inner.clone(), select(vec!["", ".value", ".nobody", "[", "x"]))
                .prop_map(|(name, filter, rest)| format!("{name}[{filter}]{rest}")),
            inner.clone().prop_map(|filter| format!("not ({filter})")),
            inner.prop_map(|filter| format!("({filter}")),
            select(names.to_vec()).prop_map(str::to_owned),
        ]
    })
}

/// Bodies as identity providers send them, with values of any shape.
fn scim_body() -> impl Strategy<Value = Value> {
    let op = select(vec!["add", "Replace", "remove", "move", ""]);
    let path = proptest::option::of(scim_path());
    let operation =
        (op, path, proptest::option::of(scim_value())).prop_map(|(op, path, value)| json!({ "op": op, "path": path, "value": value }));
    prop_oneof![
        proptest::collection::vec(operation, 0..4)
            .prop_map(|all| json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": all })),
        scim_value().prop_map(|mut body| {
            if let Some(members) = body.as_object_mut() {
                members.insert("schemas".to_owned(), json!([USER]));
            }
            body
        }),
    ]
}

/// JSON of any shape, with the members that SCIM knows.
fn scim_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        select(vec!["", "p3", "P3", "a@b", "True", "work", "é\u{0}", "2024-02-30"]).prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    let names = [
        "userName",
        "externalId",
        "active",
        "name",
        "givenName",
        "familyName",
        "emails",
        "value",
        "type",
        "primary",
        "members",
        "displayName",
        "groups",
        "id",
        "meta",
        "password",
        "manager",
        "schemas",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "department",
        "emails.value",
        "roles",
        "filter",
        "startIndex",
        "count",
        "sortBy",
        "attributes",
    ];
    leaf.prop_recursive(4, 30, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(select(names.to_vec()), inner, 0..7)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Sends one request to each.
fn everywhere(place: usize, method: &str, query: &str, kind: &str, body: &[u8]) {
    CLIENTS.with(|clients| {
        for (at, client) in clients.iter().enumerate() {
            let (paths, bases) = if at < 2 { (LESSONLY, ["/api/v1", "/api/v1.1"]) } else { (ABSORB, ["", ""]) };
            let path = paths[place % paths.len()].replace("{id}", &client.id);
            let query = if query.is_empty() { String::new() } else { format!("?{query}") };
            for base in bases {
                client.take(method, &format!("{base}{path}{query}"), kind, body.to_vec());
            }
        }
    });
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_filter_is_read_or_refused(filter in filter(), sort in "[-,a-zA-Z]{0,20}") {
        everywhere(0, "GET", &format!("_filter={}&_sort={}", encoded(&filter), encoded(&sort)), "", b"");
    }

    #[test]
    fn any_text_as_a_filter_is_read_or_refused(filter in ".{0,60}", limit in ".{0,8}", since in ".{0,30}") {
        let query = format!("_filter={}&_limit={}&_offset={}&modifiedSince={}", encoded(&filter), encoded(&limit), encoded(&limit), encoded(&since));
        everywhere(0, "GET", &query, "", b"");
    }

    #[test]
    fn a_body_of_any_shape_is_answered(body in body(), place in 0..32_usize, method in select(METHODS), kind in select(KINDS)) {
        everywhere(place, method, "", kind, body.to_string().as_bytes());
    }

    #[test]
    fn bytes_and_forms_are_answered(
        body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..80), "[a-z_]{1,12}(\\[[a-z0-9]{0,3}\\]){0,3}=[ -~]{0,9}(&[a-z]{1,4}(\\[\\])?=.?){0,3}".prop_map(String::into_bytes)],
        place in 0..32_usize, method in select(METHODS), kind in select(KINDS), query in "[ -~]{0,30}",
    ) {
        everywhere(place, method, &encoded(&query), kind, &body);
    }

    #[test]
    fn a_scim_body_of_any_shape_is_answered(body in scim_body(), place in 0..64_usize, method in select(METHODS)) {
        at_every_door(place, method, "", body.to_string().as_bytes());
    }

    #[test]
    fn a_scim_list_of_any_kind_is_answered(filter in scim_path(), sort in scim_path(), start in ".{0,8}", place in 0..64_usize) {
        let (start, filter, sort) = (encoded(&start), encoded(&filter), encoded(&sort));
        at_every_door(place, "GET", &format!("filter={filter}&sortBy={sort}&startIndex={start}&count={start}&attributes={sort}"), b"");
    }

    #[test]
    fn a_specification_of_faults_is_read_or_refused(
        text in prop_oneof![
            ".{0,40}",
            proptest::collection::vec(("[a-z0-9-]{1,8}|429|reset-after|500-late|slow|moved", "(:.{0,6})?(@.{0,12})?([=#].{0,8})?"), 1..4)
                .prop_map(|rules| rules.into_iter().map(|(kind, rest)| kind + &rest).collect::<Vec<_>>().join(", ")),
            "(clock|seed|slow:|500-late:)=?[+-]?[0-9]{1,22}[smhd]?",
        ]
    ) {
        if let Err(why) = text.parse::<Faults>() {
            prop_assert!(!why.is_empty());
        }
    }
}

/// Filters and bodies that go deep are refused, not followed until the stack ends.
#[test]
fn deep_requests_are_refused() {
    for n in [90, 99, 2_000, 20_000] {
        for filter in [
            format!("{}isLearner{}", "(".repeat(n), ")".repeat(n)),
            format!("{}isLearner", "not ".repeat(n)),
            format!("{}lastName{} eq 'x'", "tolower(".repeat(n), ")".repeat(n)),
            format!("isLearner{}", " eq true".repeat(n)),
            format!("isLearner{}", " and isLearner".repeat(n)),
        ] {
            if filter.len() < 60_000 {
                everywhere(0, "GET", &format!("_filter={}", encoded(&filter)), "", b"");
            }
        }
        for body in [format!("{}{}", "[".repeat(n), "]".repeat(n)), format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n))] {
            everywhere(0, "POST", "", "application/json", body.as_bytes());
        }
    }
}
