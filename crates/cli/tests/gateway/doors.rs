//! Who is let in, and what is said to everything that is no request of the protocol.

use serde_json::{Value, json};

use crate::desk::{self, Desk, user};

#[test]
fn whoever_shows_no_good_token_is_told_so_and_nothing_else() {
    let mut desk = Desk::new("strict");
    let shown = |desk: &Desk, value: &str| desk.send("GET", "/Users", &[("Authorization", value)], None);
    let token = desk.token.clone();
    let (id, secret) = token.strip_prefix("pvt_").unwrap().split_once('_').unwrap();
    let wrong = format!("Bearer pvt_{id}_{}", secret.replace(|c: char| c.is_ascii_digit(), "a"));
    for (value, told) in [
        ("", "a token is wanted"),
        ("Basic YTpi", "only bearer tokens"),
        ("Bearer nothing", "not known"),
        (wrong.as_str(), "not known"),
        (&format!("Bearer pvt_000000000000_{secret}"), "not known"),
    ] {
        let said = shown(&desk, value);
        said.is_error(401, None);
        assert!(said.body.contains(told), "{value}: {said:?}");
        assert_eq!(said.header("www-authenticate"), Some("Bearer realm=\"Provost SCIM\""));
    }
    assert_eq!(shown(&desk, &format!("bearer {token}")).status, 200, "the scheme's name is no name with case");

    // Rotated: both are good for a while, then the new one.
    let made = desk.run(&["token", "rotate", id, "--overlap", "1h", "--quiet"]);
    let next = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert!(made.status.success() && next.starts_with("pvt_") && next != token);
    assert_eq!((desk.get("/Users").status, shown(&desk, &format!("Bearer {next}")).status), (200, 200));
    assert!(desk.run(&["token", "revoke", &token]).status.success());
    assert_eq!(desk.get("/Users").status, 401, "at once, while the server runs");
    desk.token = next;
    assert_eq!(desk.get("/Users").status, 200);

    // Last use is known when the server has ended, and no token is anywhere.
    desk.stop();
    let listed: Value = serde_json::from_slice(&desk.run(&["token", "list", "--format", "json"]).stdout).unwrap();
    // Beside the one that would have let somebody into the console.
    let tokens: Vec<&Value> = listed["tokens"].as_array().unwrap().iter().filter(|token| token["for"] == "scim").collect();
    assert!(tokens.iter().all(|token| token["used"].is_string()) && tokens.len() == 2, "{listed}");
    assert_eq!((&tokens[0]["counts"], &tokens[1]["counts"]), (&json!(false), &json!(true)));
    for file in std::fs::read_dir(desk.folder.path()).unwrap() {
        let kept = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [secret, desk.token.rsplit_once('_').unwrap().1] {
            assert!(!kept.windows(secret.len()).any(|part| part == secret.as_bytes()), "P11");
        }
    }
    assert!(desk.run(&["audit", "verify"]).status.success());
}

#[test]
fn what_cannot_be_asked_is_refused_in_the_protocols_words() {
    let desk = Desk::new("strict");
    desk.get("/Nothing").is_error(404, None);
    desk.get("/Users/nobody").is_error(404, None);
    desk.get("/Me").is_error(501, None);
    desk.send("DELETE", "/Users/nobody", &[], None).is_error(404, None);
    desk.patch("/Users/nobody", &json!([{ "op": "replace", "path": "active", "value": false }])).is_error(404, None);
    let said = desk.send("PUT", "/Users", &[], Some(&user("a@x.example")));
    said.is_error(405, None);
    assert_eq!(said.header("allow"), Some("GET, POST"));
    let said = desk.send("POST", "/Schemas", &[], Some(&json!({})));
    said.is_error(405, None);
    assert_eq!(said.header("allow"), Some("GET"));
    desk.send("POST", "/Users", &[("Content-Type", "text/plain")], Some(&user("a@x.example"))).is_error(415, None);
    desk.post("/Users", &json!([])).is_error(400, Some("invalidSyntax"));
    desk.post("/Users", &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"] })).is_error(400, Some("invalidValue"));
    let bearer = ("Authorization", format!("Bearer {}", desk.token));
    let kind = ("Content-Type", "application/json".to_owned());
    desk.raw("POST", "/Users", &[bearer.clone(), kind.clone()], b"{\"userName\":").is_error(400, Some("invalidSyntax"));
    desk.raw("POST", "/Users", &[bearer, kind], &vec![b' '; (16 << 20) + 1]).is_error(413, None);
    desk.get("/Users?filter=userName%20is%20%22a%22").is_error(400, Some("invalidFilter"));
    desk.get("/Schemas?filter=id%20pr").is_error(403, None);
    let nul = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a\u{0}b" });
    desk.post("/Users", &nul).is_error(400, Some("invalidValue"));
    let head = desk.send("HEAD", "/ServiceProviderConfig", &[], None);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(desk.get("/Users?count=0").json()["totalResults"], 0, "nothing of it was kept");
}

#[test]
fn the_gateway_says_what_it_is() {
    let desk = Desk::new("strict");
    let config = desk.get("/ServiceProviderConfig").json();
    for able in ["patch", "bulk", "filter", "sort", "etag"] {
        assert_eq!(config[able]["supported"], true, "{able}");
    }
    assert_eq!(config["changePassword"]["supported"], false);
    let types = desk.get("/ResourceTypes").json();
    assert_eq!(types["totalResults"], 2);
    let kind = desk.get("/ResourceTypes/User").json();
    assert_eq!((&kind["name"], &kind["endpoint"]), (&json!("User"), &json!("/Users")));
    assert_eq!(kind["meta"]["location"], json!(format!("{}/ResourceTypes/User", desk.url)));
    for schema in desk.get("/Schemas").json()["Resources"].as_array().unwrap() {
        let one = desk.get(&format!("/Schemas/{}", schema["id"].as_str().unwrap())).json();
        assert_eq!(&one, schema);
    }
}

#[test]
fn it_does_not_listen_in_clear_to_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let config = desk::CONFIG.replace("127.0.0.1:0", "0.0.0.0:0");
    std::fs::write(folder.path().join("key"), "nobody's").unwrap();
    std::fs::write(folder.path().join("provost.toml"), config).unwrap();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_provost")).current_dir(folder.path()).arg("serve").output().unwrap();
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(1), "{told}");
    assert!(told.contains("in clear") && told.contains("TLS"), "{told}");
}

#[test]
fn too_much_is_told_with_when_to_come_again() {
    let config = std::fs::read_to_string(Desk::new("okta").folder.path().join("provost.toml")).unwrap();
    let desk = Desk::with(&config.replace("[serve]", "[serve]\nlimit = 1"));
    let said: Vec<_> = (0..5).map(|_| desk.get("/ServiceProviderConfig")).collect();
    assert_eq!(said[0].status, 200);
    let refused = said.iter().find(|said| said.status == 429).expect("five at once are more than two and one a second");
    refused.is_error(429, None);
    assert_eq!(refused.header("retry-after"), Some("1"));
}

/// A pipe takes 64 KiB until somebody reads; whoever does not holds nobody up.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let mut desk = Desk::with(&desk::CONFIG.replacen("[serve]\n", "[serve]\nlimit = 0\n", 1));
    desk.again_unread();
    for _ in 0..2000 {
        assert_eq!(desk.get("/Users?count=0").status, 200);
    }
    desk.stop();
}
