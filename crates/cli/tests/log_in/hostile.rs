//! Every lie is refused with a page that says what it is, without a log-in, and with one line for whoever runs the server.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::rogue::{Key, Rogue, unsigned};
use crate::world::{Said, World};

const ROLES: &str =
    "role_claim = \"groups\"\n[serve.oidc.roles]\nbosses = \"approver\"\n[serve.oidc.people]\n\"amy@acme.example\" = \"admin\"";

/// A log-in that was begun: what went to the provider, and what the browser has.
struct Begun {
    asked: BTreeMap<String, String>,
    cookie: String,
}

fn begin(world: &World) -> Begun {
    let said = world.get("/log-in/provider", "");
    assert_eq!(said.status, 303, "{said:?}");
    let (page, query) = said.location().split_once('?').expect("a question");
    assert!(page.ends_with("/authorize"), "{page}");
    let asked: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    assert_eq!((asked["client_id"].as_str(), asked["scope"].as_str()), ("provost", "openid email profile"));
    assert_eq!(asked["redirect_uri"], format!("{}/log-in/back", world.url));
    let set = said.all("set-cookie").join("\n");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Max-Age=600"), "{set}");
    let cookie = said.cookie("provost-begun").expect("the browser is known again");
    assert!(asked["state"].len() >= 43 && asked["nonce"].len() >= 43 && ![&asked["state"], &asked["nonce"]].contains(&&cookie));
    Begun { asked, cookie: format!("provost-begun={cookie}") }
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()).expect("before the end")
}

/// What an honest token says of Amy.
fn amy(rogue: &Rogue, begun: &Begun) -> Value {
    json!({
        "iss": rogue.issuer, "aud": "provost", "sub": "u-amy", "nonce": begun.asked["nonce"], "iat": now(), "exp": now() + 300,
        "email": "amy@acme.example", "email_verified": true, "groups": ["bosses"],
    })
}

/// Back with a code.
fn back(world: &World, begun: &Begun) -> Said {
    world.get(&format!("/log-in/back?code=the-code-itself&state={}", begun.asked["state"]), &begun.cookie)
}

fn refused(said: &Said, status: u16, told: &str) {
    assert_eq!(said.status, status, "{told}: {said:?}");
    assert!(said.body.contains(told), "{told}: {said:?}");
    assert_eq!(said.cookie("provost"), None, "{told}: nobody is logged in");
    for secret in ["the-code-itself", "an-access-token", "eyJ", crate::world::SECRET] {
        assert!(!said.body.contains(secret) && !said.headers.contains(secret), "{secret}: {said:?}");
    }
}

/// The page that a log-in opens.
fn overview(world: &World, said: &Said) -> Said {
    assert_eq!((said.status, said.location()), (303, "/"), "{said:?}");
    world.get("/", &format!("provost={}", said.cookie("provost").expect("a log-in")))
}

#[test]
fn every_lie_is_refused_and_says_which() {
    let (key, stranger) = (Key::new("one"), Key::new("one"));
    let rogue = Rogue::start(&[&key]);
    let world = World::open(&rogue.issuer, ROLES, "");
    let with = |begun: &Begun, change: &dyn Fn(&mut Value)| {
        let mut claims = amy(&rogue, begun);
        change(&mut claims);
        claims
    };
    let signed = |change: &dyn Fn(&mut Value)| {
        let begun = begin(&world);
        rogue.give(&begun.asked["code_challenge"], key.sign(&with(&begun, change)), json!({ "sub": "u-amy" }));
        back(&world, &begun)
    };
    let forged = |token: &dyn Fn(&Value) -> String| {
        let begun = begin(&world);
        rogue.give(&begun.asked["code_challenge"], token(&amy(&rogue, &begun)), json!({ "sub": "u-amy" }));
        back(&world, &begun)
    };

    // The honest answer is taken, so that the lies below are refused for what they are.
    let honest = signed(&|_| {});
    assert!(overview(&world, &honest).body.contains("amy@acme.example, admin"));

    let mut lies = 0;
    let mut lie = |said: &Said, status: u16, told: &str| {
        refused(said, status, told);
        lies += 1;
    };
    lie(&signed(&|claims| claims["iss"] = json!("https://login.other.example")), 403, "of another issuer");
    lie(&signed(&|claims| claims["aud"] = json!("other")), 403, "for another application");
    lie(&signed(&|claims| claims["aud"] = json!(["provost", "other"])), 403, "for another application");
    lie(&signed(&|claims| claims["azp"] = json!("other")), 403, "for another application (its azp)");
    lie(&signed(&|claims| claims["nonce"] = json!("other")), 403, "answers another log-in");
    lie(&signed(&|claims| drop(claims.as_object_mut().expect("claims").remove("nonce"))), 403, "answers another log-in");
    lie(&signed(&|claims| claims["exp"] = json!(now() - 120)), 403, "is expired");
    lie(&signed(&|claims| claims["iat"] = json!(now() + 240)), 403, "from a time to come");
    lie(&signed(&|claims| claims["sub"] = json!("")), 403, "names nobody");
    lie(&forged(&|claims| format!("{}.", unsigned(&json!({ "alg": "none" }), claims))), 403, "is not signed");
    lie(&forged(&|claims| key.confuse(claims, &key.bytes())), 403, "signed in a way that does not count");
    lie(&forged(&|claims| key.confuse(claims, crate::world::SECRET.as_bytes())), 403, "signed in a way that does not count");
    lie(&forged(&|claims| stranger.sign(claims)), 403, "signature of the ID token is wrong");
    lie(&forged(&|claims| Key::new("two").sign(claims)), 403, "with none of the provider&#39;s keys");
    lie(&forged(&|_| "no token".to_owned()), 403, "cannot be read");
    let unnamed = |claims: &mut Value| drop(claims.as_object_mut().expect("claims").remove("groups"));
    let begun = begin(&world);
    rogue.give(&begun.asked["code_challenge"], key.sign(&with(&begun, &unnamed)), json!({ "sub": "u-bob", "groups": ["bosses"] }));
    lie(&back(&world, &begun), 403, "is another person&#39;s");

    // A code that was used, a call-back that was used, and what was never begun, or elsewhere.
    let begun = begin(&world);
    rogue.give(&begun.asked["code_challenge"], key.sign(&amy(&rogue, &begun)), json!({}));
    overview(&world, &back(&world, &begun));
    lie(&back(&world, &begun), 400, "was answered before");
    let other = begin(&world);
    lie(&back(&world, &other), 403, "nothing for this code (invalid_grant)");
    let other = begin(&world);
    rogue.give(&begun.asked["code_challenge"], key.sign(&amy(&rogue, &other)), json!({}));
    lie(&back(&world, &other), 403, "nothing for this code (invalid_grant)");
    let (mine, theirs) = (begin(&world), begin(&world));
    lie(&back(&world, &Begun { asked: theirs.asked, cookie: mine.cookie.clone() }), 400, "in another browser");
    lie(&back(&world, &Begun { asked: mine.asked, cookie: String::new() }), 400, "in another browser");
    lie(&world.get("/log-in/back?code=the-code-itself&state=guessed", &mine.cookie), 400, "no log-in that was begun here");
    lie(&world.get("/log-in/back?code=the-code-itself", &mine.cookie), 400, "(no state)");
    lie(&world.get("/log-in/back?state=a&state=b", &mine.cookie), 400, "(no state)");
    let answer = |more: &str| {
        let begun = begin(&world);
        world.get(&format!("/log-in/back?state={}&{more}", begun.asked["state"]), &begun.cookie)
    };
    lie(&answer("error=access_denied&error_description=Call+us"), 403, "the provider said no: access_denied");
    lie(&answer("error=%3Cb%3ECall+us"), 403, "without a word that can be shown");
    lie(&answer("code="), 403, "has no code in it");
    lie(&answer("code=the-code-itself&iss=https%3A%2F%2Flogin.other.example"), 403, "another provider answered");

    let noted = world.stop();
    assert_eq!(noted.matches("a log-in through").count(), lies, "one line each: {noted}");
    for secret in ["the-code-itself", "an-access-token", "eyJ", crate::world::SECRET] {
        assert!(!noted.contains(secret), "{secret}: {noted}");
    }
}

#[test]
fn keys_change_and_providers_go_away() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let rogue = Rogue::start(&[&old]);
    rogue.away(true);
    let world = World::open(&rogue.issuer, ROLES, "");
    refused(&world.get("/log-in/provider", ""), 502, "HTTP 503");
    assert_eq!(world.get("/log-in", "").status, 200, "a link logs in all the same");
    rogue.away(false);
    let by = |key: &Key| {
        let begun = begin(&world);
        rogue.give(&begun.asked["code_challenge"], key.sign(&amy(&rogue, &begun)), json!({}));
        back(&world, &begun)
    };
    overview(&world, &by(&old));
    overview(&world, &by(&old));
    assert_eq!(rogue.asked(), 1, "what it publishes is not asked for at each log-in");
    rogue.publish(&[&new]);
    overview(&world, &by(&new));
    assert_eq!(rogue.asked(), 2);
    refused(&by(&old), 403, "with none of the provider&#39;s keys");
    let begun = begin(&world);
    rogue.away(true);
    refused(&back(&world, &begun), 403, "cannot be read");
}

#[test]
fn nobody_has_a_role_by_default() {
    let key = Key::new("one");
    let rogue = Rogue::start(&[&key]);
    let world = World::open(&rogue.issuer, ROLES, "");
    let as_whom = |sub: &str, email: Option<(&str, bool)>, groups: &Value, told: Value| {
        let begun = begin(&world);
        let mut claims = amy(&rogue, &begun);
        let claims = claims.as_object_mut().expect("claims");
        claims.retain(|name, _| !name.starts_with("email") && name != "groups");
        claims.insert("sub".to_owned(), json!(sub));
        if let Some((email, verified)) = email {
            claims.extend([("email".to_owned(), json!(email)), ("email_verified".to_owned(), json!(verified))]);
        }
        if !groups.is_null() {
            claims.insert("groups".to_owned(), groups.clone());
        }
        rogue.give(&begun.asked["code_challenge"], key.sign(&json!(claims)), told);
        back(&world, &begun)
    };
    let sees = |said: &Said, told: &str| {
        let page = overview(&world, said);
        assert!(page.body.contains(told), "{told}: {page:?}");
    };
    let bob = as_whom("u-bob", Some(("bob@acme.example", true)), &json!(["others"]), json!({}));
    refused(&bob, 403, "bob@acme.example is known, but has no role here");
    assert!(bob.body.contains(&format!("{}#u-bob", rogue.issuer)), "{bob:?}");
    let liar = as_whom("u-eve", Some(("amy@acme.example", false)), &json!([]), json!({}));
    refused(&liar, 403, "amy@acme.example (not verified) is known, but has no role here");
    sees(&as_whom("u-bob", Some(("bob@acme.example", true)), &json!(["bosses"]), json!({})), "bob@acme.example, approver");
    // Some providers tell less in the token, and the rest to who asks.
    let told = json!({ "sub": "u-cleo", "email": "cleo@acme.example", "email_verified": true, "groups": ["bosses"] });
    sees(&as_whom("u-cleo", None, &Value::Null, told), "cleo@acme.example, approver");

    // What stands in the trail is the name that is nobody else's.
    let output =
        crate::world::provost(world.folder.path()).args(["audit", "list", "--format", "json"]).output().expect("the binary runs");
    let trail = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(trail.contains(&format!("{}#u-cleo", rogue.issuer)) && trail.contains("cleo@acme.example"), "{trail}");

    // `check` asks the provider as well.
    let check = || crate::world::provost(world.folder.path()).arg("check").output().expect("the binary runs");
    let said = String::from_utf8(check().stdout).expect("UTF-8");
    assert!(said.contains(&format!("log-in: ready\n  provider   {}", rogue.issuer)), "{said}");
    rogue.away(true);
    let said = check();
    let told = String::from_utf8([said.stdout, said.stderr].concat()).expect("UTF-8");
    assert!(said.status.code() == Some(1) && told.contains("log-in: NOT READY") && told.contains("not ready: log-in"), "{told}");
}
