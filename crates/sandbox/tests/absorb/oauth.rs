//! OAuth 2.0 as a person's browser and a client's server meet it, in both profiles (contract `vendors/absorb.md` 2; RFC 6749).

use crate::client::{ALL, Answer, Client, HALF, at, config, open, vendor};
use sandbox::absorb::{Config, OauthClient, Sandbox};
use serde_json::json;

const BACK: &str = "http://127.0.0.1:49152/callback";

/// Two clients, one of which is registered somewhere else.
fn with_clients(config: Config) -> Config {
    let client = |id: &str, uris: &[&str]| OauthClient {
        client_id: id.to_owned(),
        client_secret: format!("{id}-secret").into(),
        redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
    };
    Config { clients: vec![client("sync", &["http://127.0.0.1/callback"]), client("other", &["https://other.example/back"])], ..config }
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The link to the page, with some parameters changed or, when empty, left out.
fn link(changes: &[(&str, &str)]) -> String {
    let mut pairs =
        vec![("client_id", "sync"), ("redirect_uri", BACK), ("response_type", "code"), ("scope", "admin.v1"), ("state", "s 1&2")];
    for (name, value) in changes {
        pairs.retain(|(known, _)| known != name);
        pairs.extend((!value.is_empty()).then_some((*name, *value)));
    }
    format!("/oauth/authorize?{}", form(&pairs))
}

async fn look(client: &Client, changes: &[(&str, &str)]) -> Answer {
    client.call("GET", &link(changes), &[], None).await
}

/// Fills in the page and presses a button.
async fn press(client: &Client, decision: &str, more: &[(&str, &str)]) -> Answer {
    let mut pairs =
        vec![("client_id", "sync"), ("redirect_uri", BACK), ("response_type", "code"), ("scope", "admin.v1"), ("state", "s 1&2")];
    pairs.push(("decision", decision));
    for (name, value) in more {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.call("POST", "/oauth/authorize", &headers, Some(form(&pairs))).await
}

/// The parameters of the redirect.
fn sent_back(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 302, "{}", answer.text);
    let uri = answer.headers["location"].to_str().expect("text");
    let query = uri.strip_prefix(BACK).and_then(|rest| rest.strip_prefix('?')).expect("the address that was asked for");
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn value(pairs: &[(String, String)], name: &str) -> String {
    pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

async fn code(client: &Client, username: &str) -> String {
    let pairs = sent_back(&press(client, "allow", &[("username", username), ("password", "pw")]).await);
    assert_eq!(value(&pairs, "state"), "s 1&2");
    value(&pairs, "code")
}

async fn token(client: &Client, pairs: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", "sync"), ("client_secret", "sync-secret")];
    for (name, value) in pairs {
        all.retain(|(known, _)| known != name);
        all.push((name, value));
    }
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.call("POST", "/oauth/token", &headers, Some(form(&all))).await
}

async fn exchange(client: &Client, code: &str) -> Answer {
    token(client, &[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)]).await
}

async fn refresh(client: &Client, refresh: &str) -> Answer {
    token(client, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await
}

fn text<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.body[name].as_str().unwrap_or_default()
}

async fn status(client: &Client, token: &str) -> u16 {
    client.with(Some("key"), Some(&format!("Bearer {token}")), "GET", "/users", None).await.status
}

#[tokio::test]
async fn a_yes_gives_tokens_that_work_in_both_profiles() {
    for config in [with_clients(config(60)), with_clients(vendor(60))] {
        let sandbox = open(config);
        let client = Client::new(&sandbox);
        let shown = look(&client, &[]).await;
        assert_eq!((shown.status, shown.headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
        let got = exchange(&client, &code(&client, HALF).await).await;
        assert_eq!(got.status, 200, "{}", got.text);
        assert_eq!((text(&got, "token_type"), &got.body["expires_in"], text(&got, "scope")), ("Bearer", &json!(14400), "admin.v1"));
        assert!(got.headers["cache-control"] == "no-store" && got.headers["pragma"] == "no-cache");
        let access = text(&got, "access_token");
        assert_eq!(status(&client, access).await, 200);
        let seen = client.with(Some("key"), Some(&format!("Bearer {access}")), "GET", "/users", None).await;
        assert!(seen.body["totalItems"].as_u64() < Some(60), "the scope is that of the admin who said yes");
        assert_eq!(client.with(None, Some(access), "GET", "/users", None).await.code(), "apiKey", "the portal's key is needed too");
    }
}

#[tokio::test]
async fn oauth_tokens_are_outside_the_one_token_rule() {
    let sandbox = open(with_clients(vendor(0)));
    let client = Client::new(&sandbox);
    let first = exchange(&client, &code(&client, ALL).await).await;
    let logged_in = client.authenticate(ALL).await;
    let second = exchange(&client, &code(&client, ALL).await).await;
    let third = refresh(&client, text(&second, "refresh_token")).await;
    for answer in [&first, &second, &third] {
        assert_eq!(status(&client, text(answer, "access_token")).await, 200);
    }
    assert_eq!(logged_in.get("/users").await.status, 200, "nor do they end the token of the token call");
}

#[tokio::test]
async fn access_lasts_four_hours_refresh_a_year_and_a_code_five_minutes() {
    let sandbox = open(with_clients(config(0)));
    let client = Client::new(&sandbox);
    let (used, late) = (code(&client, ALL).await, code(&client, ALL).await);
    sandbox.clock().set(at("2026-03-02T08:04:59Z"));
    let got = exchange(&client, &used).await;
    assert_eq!(got.status, 200);
    sandbox.clock().set(at("2026-03-02T08:05:00Z"));
    let answer = exchange(&client, &late).await;
    assert_eq!((answer.status, text(&answer, "error")), (400, "invalid_grant"));
    sandbox.clock().set(at("2026-03-02T12:04:58Z"));
    assert_eq!(status(&client, text(&got, "access_token")).await, 200);
    sandbox.clock().set(at("2026-03-02T12:04:59Z"));
    assert_eq!(status(&client, text(&got, "access_token")).await, 401);
    sandbox.clock().set(at("2027-03-02T08:04:58Z"));
    let again = refresh(&client, text(&got, "refresh_token")).await;
    assert_eq!((again.status, text(&again, "refresh_token")), (200, text(&got, "refresh_token")), "it stays as it is");
    assert_eq!(status(&client, text(&again, "access_token")).await, 200);
    sandbox.clock().set(at("2027-03-02T08:04:59Z"));
    assert_eq!(text(&refresh(&client, text(&got, "refresh_token")).await, "error"), "invalid_grant");
}

#[tokio::test]
async fn a_code_is_used_once_and_a_second_use_revokes_what_it_gave() {
    let sandbox = open(with_clients(config(0)));
    let client = Client::new(&sandbox);
    let (once, own) = (code(&client, ALL).await, code(&client, ALL).await);
    // What fails leaves the code as it is.
    for wrong in
        [&[("redirect_uri", "http://127.0.0.1:49153/callback")][..], &[("client_id", "other"), ("client_secret", "other-secret")]]
    {
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", once.as_str()), ("redirect_uri", BACK)];
        pairs.retain(|(name, _)| *name != wrong[0].0);
        pairs.extend(wrong);
        let answer = token(&client, &pairs).await;
        assert_eq!((answer.status, text(&answer, "error")), (400, "invalid_grant"));
    }
    let got = exchange(&client, &once).await;
    let untouched = exchange(&client, &own).await;
    let more = refresh(&client, text(&got, "refresh_token")).await;
    let again = exchange(&client, &once).await;
    assert_eq!((again.status, text(&again, "error")), (400, "invalid_grant"));
    for answer in [&got, &more] {
        assert_eq!(status(&client, text(answer, "access_token")).await, 401);
        assert_eq!(text(&refresh(&client, text(answer, "refresh_token")).await, "error"), "invalid_grant");
    }
    assert_eq!(status(&client, text(&untouched, "access_token")).await, 200);
}

#[tokio::test]
async fn a_no_and_a_wrong_link_are_told_to_the_client_with_its_state() {
    let sandbox = open(with_clients(vendor(0)));
    let client = Client::new(&sandbox);
    let denied = sent_back(&press(&client, "deny", &[]).await);
    assert_eq!(
        (value(&denied, "error"), value(&denied, "state"), value(&denied, "code")),
        ("access_denied".into(), "s 1&2".into(), String::new())
    );
    for (change, error) in [
        (("response_type", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", ""), "invalid_scope"),
        (("scope", "admin.v1 openid"), "invalid_scope"),
        (("scope", "learner.v1"), "invalid_scope"),
    ] {
        let pairs = sent_back(&look(&client, &[change]).await);
        assert_eq!((value(&pairs, "error").as_str(), value(&pairs, "state").as_str()), (error, "s 1&2"), "{change:?}");
        assert!(!value(&pairs, "error_description").is_empty());
        assert_eq!(value(&sent_back(&press(&client, "allow", &[change, ("username", ALL), ("password", "pw")]).await), "error"), error);
    }
    let twice = client.call("GET", &format!("{}&scope=admin.v1", link(&[])), &[], None).await;
    assert_eq!(value(&sent_back(&twice), "error"), "invalid_request");
    let pairs = sent_back(&press(&client, "deny", &[("state", "")]).await);
    assert!(pairs.iter().all(|(name, _)| name != "state"), "none was sent");
}

#[tokio::test]
async fn nobody_is_sent_where_the_client_is_not_registered() {
    let sandbox = open(with_clients(vendor(0)));
    let client = Client::new(&sandbox);
    for change in [
        ("client_id", ""),
        ("client_id", "nobody"),
        ("client_id", "other"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "http://127.0.0.1:1@evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:1/elsewhere"),
        ("redirect_uri", "javascript:alert(1)"),
    ] {
        for answer in [look(&client, &[change]).await, press(&client, "allow", &[change, ("username", ALL), ("password", "pw")]).await]
        {
            assert_eq!((answer.status, answer.headers.get("location")), (400, None), "{change:?}");
            assert!(answer.text.contains("This link cannot be used"), "{}", answer.text);
        }
    }
    let twice = client.call("GET", &format!("{}&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback", link(&[])), &[], None).await;
    assert_eq!((twice.status, twice.headers.get("location")), (400, None));
    assert_eq!(look(&client, &[("redirect_uri", "http://127.0.0.1/callback")]).await.status, 200);
}

#[tokio::test]
async fn the_page_asks_again_escapes_everything_and_needs_no_script() {
    let mut config = with_clients(config(0));
    config.clients[0].client_id = "a\"><script>x()</script>".to_owned();
    config.portal = "<b>Acme</b>".to_owned();
    let sandbox = open(config);
    let client = Client::new(&sandbox);
    let id = ("client_id", "a\"><script>x()</script>");
    let shown = look(&client, &[id, ("state", "\"'><img src=x onerror=y()>")]).await;
    assert_eq!(shown.status, 200);
    let wrong = press(&client, "allow", &[id, ("username", "<i>\"me"), ("password", "guess")]).await;
    assert_eq!((wrong.status, wrong.text.contains("role=\"alert\"")), (403, true));
    assert!(!wrong.text.contains("guess"), "the password is not in the page");
    let undecided = press(&client, "", &[id]).await;
    assert_eq!(undecided.status, 400);
    for page in [&shown, &wrong, &undecided] {
        for raw in ["<script", "<img", "<i>", "<b>", "onerror=y()>\""] {
            assert!(!page.text.contains(raw), "{raw}: {}", page.text);
        }
        for (name, part) in
            [("content-security-policy", "default-src 'none'"), ("x-frame-options", "DENY"), ("cache-control", "no-store")]
        {
            assert!(page.headers[name].to_str().unwrap().contains(part), "{name}");
        }
        for part in [
            "<html lang=\"en\">",
            "<label for=\"username\">",
            "<label for=\"password\">",
            "autocomplete=\"current-password\"",
            "method=\"post\"",
        ] {
            assert!(page.text.contains(part), "{part}");
        }
    }
    assert_eq!(client.call("PUT", "/oauth/authorize", &[], None).await.status, 405);
}

#[tokio::test]
async fn the_token_call_takes_forms_and_json_and_refuses_as_the_rfc_says() {
    let sandbox = open(with_clients(vendor(0)));
    let client = Client::new(&sandbox);
    let json_type = ("Content-Type", "application/json; charset=utf-8");
    let body = |code: &str| {
        json!({"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "sync",
        "client_secret": "sync-secret", "nonce": null})
    };
    let by_json = client.call("POST", "/oauth/token/", &[json_type], Some(body(&code(&client, ALL).await).to_string())).await;
    assert_eq!(by_json.status, 200, "{}", by_json.text);

    let form_type = ("content-type", "application/x-www-form-urlencoded");
    let basic = |text: &str| {
        use base64::Engine;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let refresh_form = form(&[("grant_type", "refresh_token"), ("refresh_token", text(&by_json, "refresh_token"))]);
    let post = async |authorization: &str, more: &str| {
        let headers = [form_type, ("authorization", authorization)];
        client.call("POST", "/oauth/token", &headers, Some(format!("{refresh_form}{more}"))).await
    };
    assert_eq!(post(&basic("sync:sync-secret"), "").await.status, 200);
    assert_eq!(post(&basic("sync:sync%2Dsecret"), "&client_id=sync&client_secret=sync-secret").await.status, 200);
    assert_eq!(text(&post(&basic("sync:sync-secret"), "&client_id=other").await, "error"), "invalid_request");
    for wrong in [basic("sync:guess"), basic("nobody:sync-secret"), basic("sync"), "Basic ???".to_owned(), "Bearer x".to_owned()] {
        let answer = post(&wrong, "").await;
        assert_eq!((answer.status, text(&answer, "error")), (401, "invalid_client"), "{wrong}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Basic"));
    }

    let refresh_token = text(&by_json, "refresh_token");
    for (pairs, error) in [
        (&[][..], "invalid_request"),
        (&[("grant_type", "password")], "unsupported_grant_type"),
        (&[("grant_type", "client_credentials")], "unsupported_grant_type"),
        (&[("grant_type", "authorization_code"), ("redirect_uri", BACK)], "invalid_request"),
        (&[("grant_type", "authorization_code"), ("code", "x")], "invalid_request"),
        (&[("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", BACK)], "invalid_grant"),
        (&[("grant_type", "refresh_token")], "invalid_request"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], "invalid_grant"),
        (&[("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("scope", "all")], "invalid_scope"),
    ] {
        let answer = token(&client, pairs).await;
        assert_eq!((answer.status, text(&answer, "error")), (400, error), "{pairs:?} {}", answer.text);
        assert!(!text(&answer, "error_description").is_empty());
    }
    let answer = token(&client, &[("client_secret", "")]).await;
    assert_eq!((answer.status, text(&answer, "error")), (401, "invalid_client"));
    for (kind, body) in [(json_type, "[]"), (json_type, "{\"code\": 7}"), (form_type, "grant_type=a&grant_type=b")] {
        assert_eq!(
            text(&client.call("POST", "/oauth/token", &[kind], Some(body.to_owned())).await, "error"),
            "invalid_request",
            "{body}"
        );
    }
    assert_eq!(client.call("GET", "/oauth/token", &[], None).await.status, 405);
}

#[tokio::test]
async fn a18_an_inactive_admin_neither_allows_nor_renews() {
    let sandbox = open(with_clients(vendor(0)));
    let client = Client::new(&sandbox);
    let (got, unused) = (exchange(&client, &code(&client, ALL).await).await, code(&client, ALL).await);
    sandbox.put_user(json!({"username": ALL, "activeStatus": 1})).expect("a known user");
    assert_eq!(press(&client, "allow", &[("username", ALL), ("password", "pw")]).await.status, 403);
    assert_eq!(text(&exchange(&client, &unused).await, "error"), "invalid_grant");
    assert_eq!(text(&refresh(&client, text(&got, "refresh_token")).await, "error"), "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_outlives_a_restart_and_no_secret_is_in_the_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let with_data = || {
        let mut config = with_clients(config(0));
        config.options.data = Some(dir.path().join("data"));
        config.options.ledger = Some(dir.path().join("ledger.jsonl"));
        config
    };
    let (kept, revoked) = {
        let sandbox = open(with_data());
        let client = Client::new(&sandbox);
        let once = code(&client, ALL).await;
        let revoked = exchange(&client, &once).await;
        assert_eq!(exchange(&client, &once).await.status, 400);
        (exchange(&client, &code(&client, HALF).await).await, revoked)
    };
    // A process that was killed while it wrote.
    let path = dir.path().join("data/grants.jsonl");
    let whole = std::fs::read_to_string(&path).expect("the grants");
    std::fs::write(&path, format!("{whole}{{\"grant\":3,\"cli")).expect("a torn line");
    let sandbox = open(with_data());
    assert!(sandbox.notes().iter().any(|note| note.contains("grants.jsonl")), "{:?}", sandbox.notes());
    let client = Client::new(&sandbox);
    assert_eq!(status(&client, text(&kept, "access_token")).await, 401, "access tokens end with the process");
    let again = refresh(&client, text(&kept, "refresh_token")).await;
    assert_eq!(status(&client, text(&again, "access_token")).await, 200);
    assert_eq!(text(&refresh(&client, text(&revoked, "refresh_token")).await, "error"), "invalid_grant");
    for secret in [text(&kept, "refresh_token"), text(&kept, "access_token"), "sync-secret", "\"pw\""] {
        assert!(!whole.contains(secret));
        assert!(!format!("{sandbox:?}").contains(secret));
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("ledger.jsonl")).expect("a ledger"), "", "a grant changes no object");
    drop((client, sandbox));
    std::fs::write(&path, "{\"grant\": 7}\n").expect("a wrong line");
    assert!(Sandbox::open(with_data()).expect_err("not a line of this file").to_string().contains("grants.jsonl"));
}

#[tokio::test]
async fn the_well_known_client_may_use_any_port_and_path_on_loopback_and_ids_are_unique() {
    let known = Config::default();
    let sandbox = open(known.clone());
    let client = Client::new(&sandbox);
    for uri in ["http://127.0.0.1:5/x", "http://localhost/y?z=1", "http://[::1]:7"] {
        assert_eq!(look(&client, &[("client_id", "absorb-sandbox-client"), ("redirect_uri", uri)]).await.status, 200, "{uri}");
    }
    for change in [0, 1, 2] {
        let mut config = known.clone();
        match change {
            0 => config.clients.push(config.clients[0].clone()),
            1 => config.clients[0].client_id.clear(),
            _ => config.clients[0].client_secret = "".into(),
        }
        assert!(Sandbox::open(config).expect_err("it cannot be used").to_string().contains("OAuth client"));
    }
    let shown = format!("{known:?}");
    assert!(!shown.contains("client-secret"), "{shown}");
}
