//! Who may what: the golden matrix, walked; and what is said to everything that is no request of ours.

use serde_json::{Value, json};

use crate::house::{House, ROLES};

/// Who may use which route: `METHOD PATH LEAST`, all faces.
const MATRIX: &str = include_str!("matrix.txt");

/// Each role, and nobody, asks each route, and gets what the file says; a route that is not in the file fails.
#[test]
fn every_role_gets_at_every_route_what_the_matrix_says() {
    let source = "[source.okta]\nrole = \"idp\"\nkind = \"scim\"\njoin = \"person.email == record.userName\"";
    let mut house = House::new(5, source);
    let made = house.run(&["token", "create", "--source", "okta", "--quiet"]);
    house.tokens.insert("okta", String::from_utf8_lossy(&made.stdout).trim().to_owned());
    let table = house.get("viewer", "/api/v1/routes").json();
    let mut served: Vec<String> = table["items"].as_array().expect("routes").iter().map(line).collect();
    served.sort();
    let rows: Vec<&str> = MATRIX.lines().filter(|row| !row.is_empty() && !row.starts_with('#')).collect();
    let mut told: Vec<&str> = rows.iter().copied().filter(|row| !row.ends_with(" source") && !row.ends_with(" signed")).collect();
    told.sort_unstable();
    assert_eq!(served, told, "what is served, and what crates/cli/tests/api/matrix.txt says");
    for row in rows {
        let [method, path, least] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}: METHOD PATH LEAST") };
        for role in std::iter::once("nobody").chain(ROLES) {
            let place = path.replace("{digest}", &"0".repeat(64)).replace(['{', '}'], "");
            let body = (method == "POST").then(|| json!({ "not": "a member" }));
            let said = house.send(role, method, &place, &[], body.as_ref());
            let allowed = match least {
                "anyone" => true,
                // A token of the API is none of a source, and signs nothing.
                "source" | "signed" => false,
                least => ROLES.iter().position(|one| *one == role) >= Some(ROLES.iter().position(|one| *one == least).expect("a role")),
            };
            let refused: &[u16] = match (role, least) {
                // There is no such app, or nothing is signed.
                (_, "signed") => &[401, 404],
                ("nobody", _) | (_, "source") => &[401, 303, 403],
                _ => &[403],
            };
            // Forms are for pages of this server: who comes from elsewhere is refused by that, known or not.
            let elsewhere = said.status == 403 && said.body.contains("page of this server") && least == "anyone";
            let let_in = ![401, 403].contains(&said.status) && (said.status != 303 || method != "GET");
            let right = if allowed { let_in || elsewhere } else { refused.contains(&said.status) };
            assert!(right, "{row}: {role} got {said:?}");
        }
        // An identity provider's token opens the gateway and nothing else.
        let said = house.send("okta", method, &path.replace(['{', '}'], ""), &[], None);
        let refused =
            [401, 403].contains(&said.status) || (least == "signed" && said.status == 404) || (said.status == 303 && method == "GET");
        let right = if least == "source" { !refused } else { least == "anyone" || refused };
        assert!(right, "{row}: a source got {said:?}");
    }
}

fn line(route: &Value) -> String {
    let text = |name: &str| route[name].as_str().expect("text").to_owned();
    format!("{} {} {}", text("method"), text("path"), text("takes"))
}

#[test]
fn whatever_is_wrong_is_told_as_a_problem() {
    let house = House::new(5, "");
    house.get("nobody", "/api/v1/me").is_problem(401, "not-known", "a token is wanted");
    assert_eq!(house.get("nobody", "/api/v1/me").header("www-authenticate"), Some("Bearer realm=\"Provost\""));
    let bad = [("Authorization", "Bearer pvt_000000000000_00")];
    house.send("nobody", "GET", "/api/v1/me", &bad, None).is_problem(401, "not-known", "counts no more");
    house.post("viewer", "/api/v1/plans", &json!({})).is_problem(403, "not-allowed", "viewer is viewer; this takes operator");
    house.get("admin", "/api/v1/nothing").is_problem(404, "not-there", "/api/v1/nothing");
    house.get("nobody", "/api").is_problem(404, "not-there", "nothing at /api");
    let said = house.send("admin", "PUT", "/api/v1/plans", &[], Some(&json!({})));
    said.is_problem(405, "other-method", "PUT");
    assert_eq!(said.header("allow"), Some("GET,HEAD,POST"));
    house.send("admin", "POST", "/api/v1/plans", &[("Content-Type", "text/plain")], Some(&json!({}))).is_problem(
        415,
        "other-type",
        "text/plain",
    );
    let bearer = ("Authorization", format!("Bearer {}", house.tokens["admin"]));
    let kind = ("Content-Type", "application/json".to_owned());
    let raw = |body: &[u8]| house.raw("POST", "/api/v1/plans", &[bearer.clone(), kind.clone()], body);
    raw(b"{\"people\":").is_problem(400, "not-understood", "");
    raw(&vec![b' '; (1 << 20) + 1]).is_problem(413, "too-large", "1048576");
    house.post("admin", "/api/v1/plans", &json!({ "who": [] })).is_problem(422, "not-valid", "unknown field `who`");
    house.post("admin", "/api/v1/plans", &json!({ "people": [7] })).is_problem(422, "not-valid", "people[0]");
    house.post("admin", "/api/v1/plans", &json!({ "people": [] })).is_problem(422, "not-valid", "nobody is named");
    house.get("viewer", "/api/v1/people?limit=0").is_problem(400, "not-understood", "limit");
    house.get("viewer", "/api/v1/people?cursor=next").is_problem(400, "not-understood", "cursor");
    house.get("viewer", "/api/v1/people?sort=name").is_problem(400, "not-understood", "sort");
    house.get("viewer", "/api/v1/audit-entries?since=yesterday").is_problem(400, "not-understood", "yesterday");
    house.get("viewer", "/api/v1/audit-entries?what=nothing").is_problem(400, "not-understood", "nothing");
    house.get("viewer", "/api/v1/plans/abc").is_problem(404, "not-there", "abc");
    house.get("viewer", "/api/v1/runs/%00").is_problem(404, "not-there", "no run");
    house.get("viewer", "/api/v1/people/%ff").is_problem(404, "not-there", "");
    house.get("viewer", "/api/v1/people").is_problem(409, "nothing-read", "has not been read yet");
    let key = |key: &str| house.send("admin", "POST", "/api/v1/plans", &[("Idempotency-Key", key)], Some(&json!({})));
    key("with a space").is_problem(400, "not-understood", "Idempotency-Key");
    key(&"k".repeat(256)).is_problem(400, "not-understood", "Idempotency-Key");
}

#[test]
fn too_much_is_told_with_when_to_come_again() {
    let house = House::new(5, "[serve]\nlimit = 1");
    let said: Vec<_> = (0..6).map(|_| house.get("viewer", "/api/v1/me")).collect();
    assert_eq!(said[0].status, 200);
    let refused = said.iter().find(|said| said.status == 429).expect("six at once are more than two and one a second");
    refused.is_problem(429, "too-many", "again in 1 s");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(house.get("admin", "/api/v1/me").status, 200, "another caller has a measure of their own");
}

/// Nothing of the page comes from elsewhere, and nothing on it is a script.
#[test]
fn the_document_can_be_read_without_a_script() {
    let house = House::new(5, "");
    let page = house.get("nobody", "/api/docs");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    assert!(!page.body.contains("<script") && !page.body.contains("style=") && !page.body.contains("://"), "{}", page.body);
    let document = house.get("nobody", "/api/openapi.json").json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        assert!(page.body.contains(path.as_str()), "{path}");
        for (method, said) in item.as_object().expect("methods") {
            assert!(page.body.replace("&#39;", "'").contains(said["summary"].as_str().expect("a summary")), "{method} {path}");
            assert!(said["x-role"].is_string() && said["responses"]["401"].is_object(), "{method} {path}");
        }
    }
    // The document and the table are one: each endpoint with its role, none more.
    let table = house.get("viewer", "/api/v1/routes").json();
    for route in table["items"]
        .as_array()
        .expect("routes")
        .iter()
        .filter(|route| route["path"].as_str().is_some_and(|path| path.starts_with("/api/v1/")))
    {
        let method = route["method"].as_str().expect("a method").to_ascii_lowercase();
        assert_eq!(document["paths"][route["path"].as_str().expect("a path")][&method]["x-role"], route["takes"], "{route}");
    }
}
