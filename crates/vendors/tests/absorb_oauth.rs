//! The other way in: a person's consent, a code, and what goes on from there.  The portal's answers are written down here.

mod absorb_portal;

use std::sync::{Arc, Mutex};

use absorb_portal::{API_KEY, Mischief, Portal, profiles};
use connector::{Fault, Scope, Session, Wire};
use jiff::SignedDuration;
use model::{Kind, Secret};
use serde_json::{Value as Json, json};
use vendors::registry::Settings;

const SECRET: &str = "s3cret/of+the client";
const CODE: &str = "c0de/with+signs";

fn settings(portal: &Portal) -> Settings {
    let credentials = [("client_id", "provost"), ("client_secret", SECRET), ("api_key", API_KEY)];
    let credentials = credentials.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
    let options = [("portal", "https://acme.myabsorb.example/"), ("admin", "API@acme.example")];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Settings { credentials, options, ..portal.settings() }
}

/// From now on `/oauth/token` answers so; what it was sent is kept.
fn token_answers(portal: &Portal, status: u16, body: &Json) -> Arc<Mutex<Vec<String>>> {
    let (body, seen) = (body.to_string(), Arc::new(Mutex::new(Vec::new())));
    let sent = Arc::clone(&seen);
    portal.trick(move |request| {
        let asked = request.uri().path() == "/oauth/token";
        asked.then(|| {
            assert_eq!(request.uri().host(), Some("acme.myabsorb.example"));
            assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
            assert!(!request.headers().contains_key("x-api-key"), "the Private Key is for the API alone");
            sent.lock().unwrap().push(String::from_utf8(request.body().to_vec()).unwrap());
            Mischief::Answer(status, body.clone())
        })
    });
    seen
}

/// A session that a refresh token goes on from.
fn old(refresh: &str, profile: &str) -> Session {
    let session = Session { profile: profile.to_owned(), headers: Vec::new(), expires: None, refresh: None };
    Session { refresh: Some(Secret::new(refresh)), ..session }
}

async fn redeem(portal: &Portal, wire: &Wire) -> Result<Session, Fault> {
    portal.target(settings(portal)).redeem(wire, &Secret::new(CODE), "http://127.0.0.1:7000/").await
}

#[tokio::test]
async fn a_person_allows_it_and_the_code_becomes_a_session_that_is_renewed() {
    for profile in profiles() {
        let portal = Portal::open(profile, 5, |_| {});
        let target = portal.target(settings(&portal));
        let asked = target.consent("http://127.0.0.1:7000/", "st&te").expect("this is the way");
        assert_eq!(
            asked,
            "https://acme.myabsorb.example/oauth/authorize?client_id=provost&redirect_uri=http%3A%2F%2F127.0.0.1%3A7000%2F\
             &response_type=code&scope=admin.v1&state=st%26te"
        );
        assert_eq!(portal.target(portal.settings()).consent("http://127.0.0.1:7000/", "x"), None);
        let (wire, clock) = portal.wire();
        let nobody = target.log_in(&wire, None).await;
        assert!(
            matches!(&nobody, Err(Fault::Denied { scope: Scope::Consent(what) }) if what.contains("nobody has allowed")),
            "{nobody:?}"
        );

        // The token that the sandbox gave for a password stands for the one that consent gives: the profile is told by a look.
        let token = portal.token().await;
        let seen = token_answers(
            &portal,
            200,
            &json!({"access_token": token, "refresh_token": "r1", "expires_in": 14400, "token_type": "bearer"}),
        );
        let session = redeem(&portal, &wire).await.unwrap();
        assert_eq!((session.profile.as_str(), session.refresh.as_ref().unwrap().expose()), (profile, "r1"));
        let left = session.expires.unwrap().duration_since(connector::Clock::now(&*clock));
        assert!(left > SignedDuration::from_mins(239) && left <= SignedDuration::from_mins(240), "{left}");
        let body = seen.lock().unwrap().remove(0);
        for part in [
            "grant_type=authorization_code",
            "code=c0de%2Fwith%2Bsigns",
            "redirect_uri=http%3A%2F%2F127",
            "client_id=provost",
            "client_secret=s3cret",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
        let read = connector::Read::new(wire.clone(), session.clone());
        let tenant = target.probe(&read).await.unwrap();
        assert_eq!(tenant.profile, profile);
        let page = target.read(&read, Kind::Accounts, None).await.unwrap();
        let own = page.records.iter().find(|record| record.raw["username"] == "api@acme.example").unwrap();
        assert!(matches!(&own.body, connector::Body::Account(own) if own.protected.as_deref() == Some("the API's own account")));

        // Renewed, the profile is known; a new refresh token counts from then on, and without one the old one does.
        portal.requests();
        let seen = token_answers(&portal, 200, &json!({"access_token": "a2", "refresh_token": "r2", "expires_in": 60}));
        let next = target.log_in(&wire, Some(&session)).await.unwrap();
        assert_eq!((next.refresh.as_ref().unwrap().expose(), next.profile.as_str()), ("r2", profile));
        assert!(seen.lock().unwrap()[0].contains("grant_type=refresh_token&refresh_token=r1"));
        token_answers(&portal, 200, &json!({"access_token": "a3"}));
        let next = target.log_in(&wire, Some(&next)).await.unwrap();
        assert_eq!(next.refresh.as_ref().unwrap().expose(), "r2");
        assert_eq!(portal.requests().len(), 2, "one request each");
    }
}

#[tokio::test]
async fn what_the_portal_refuses_is_told_by_what_is_to_be_done() {
    let portal = Portal::open("vendor", 0, |_| {});
    let target = portal.target(settings(&portal));
    let (wire, _) = portal.wire();
    let refused = json!({"error": "invalid_grant", "error_description": "expired"});
    token_answers(&portal, 400, &refused);
    for fault in [redeem(&portal, &wire).await.unwrap_err(), target.log_in(&wire, Some(&old("refresh-1", "vendor"))).await.unwrap_err()]
    {
        assert!(
            matches!(&fault, Fault::Denied { scope: Scope::Consent(what) } if what.contains("invalid_grant: expired")),
            "{fault:?}"
        );
    }
    token_answers(&portal, 401, &json!({"error": "invalid_client"}));
    let fault = redeem(&portal, &wire).await.unwrap_err();
    assert!(matches!(&fault, Fault::Denied { scope: Scope::Credentials(what) } if what.contains("client_secret")), "{fault:?}");
    for (status, word) in [(404, "portal"), (302, "redirect")] {
        token_answers(&portal, status, &json!({}));
        let fault = redeem(&portal, &wire).await.unwrap_err();
        assert!(matches!(&fault, Fault::Unreachable { detail } if detail.contains(word)), "{fault:?}");
    }
    token_answers(&portal, 503, &json!({}));
    assert!(matches!(redeem(&portal, &wire).await, Err(Fault::Wait { .. })));
    for body in [
        json!({"refresh_token": "r"}),
        json!({"access_token": "a"}),
        json!({"access_token": "a", "refresh_token": "r", "expires_in": "soon"}),
    ] {
        token_answers(&portal, 200, &body);
        let fault = redeem(&portal, &wire).await.unwrap_err();
        assert!(matches!(&fault, Fault::Garbled { .. }), "{body}: {fault:?}");
    }
    // A code counts once: where its answer is lost, a person has to allow it again; a refresh may be asked for again.
    portal.trick(|_| Some(Mischief::Lost));
    assert!(matches!(redeem(&portal, &wire).await, Err(Fault::Denied { scope: Scope::Consent(_) })));
    assert!(matches!(target.log_in(&wire, Some(&old("refresh-1", "vendor"))).await, Err(Fault::Wait { .. })));
}

#[tokio::test]
async fn p11_neither_code_nor_token_nor_secret_is_in_any_error() {
    let portal = Portal::open("vendor", 0, |_| {});
    let target = portal.target(settings(&portal));
    let (wire, _) = portal.wire();
    let (mut told, refresh) = (Vec::new(), "refresh/t0ken+x");
    // A portal that says back all that it was sent, as it came and decoded.
    for status in [200, 302, 400, 401, 403, 404, 422, 429, 500] {
        for error in ["invalid_grant", "invalid_client", "other"] {
            portal.trick(move |request| {
                let sent = String::from_utf8_lossy(request.body()).into_owned();
                let plain: String = form_urlencoded::parse(request.body()).map(|(name, value)| format!("{name}={value} ")).collect();
                let said = format!("{sent} {plain}");
                Some(Mischief::Answer(status, json!({"error": error, "error_description": said, "message": said}).to_string()))
            });
            told.push(format!("{:?}", redeem(&portal, &wire).await));
            told.push(redeem(&portal, &wire).await.map_or_else(|fault| fault.to_string(), |_| String::new()));
            told.push(format!("{:?}", target.log_in(&wire, Some(&old(refresh, "vendor"))).await));
        }
    }
    portal.trick(|_| Some(Mischief::Lost));
    told.push(format!("{:?}", redeem(&portal, &wire).await));
    // A token that is given, and taken by nobody.
    token_answers(&portal, 200, &json!({"access_token": "acc3ss", "refresh_token": refresh}));
    told.push(format!("{:?}", redeem(&portal, &wire).await));
    assert!(told.last().unwrap().contains("api_key"), "{told:?}");
    for said in &told {
        for secret in [SECRET, CODE, refresh, "acc3ss", API_KEY, "s3cret%2Fof", "c0de%2Fwith", "refresh%2Ft0ken"] {
            assert!(!said.contains(secret), "{secret} is in {said}");
        }
    }
}

#[test]
fn the_two_ways_are_not_mixed() {
    let portal = Portal::open("guide", 0, |_| {});
    let build = |change: &dyn Fn(&mut Settings)| {
        let mut settings = settings(&portal);
        change(&mut settings);
        (vendors::registry::entry("absorb").unwrap().build)(settings).err().map(|error| error.to_string())
    };
    assert_eq!(build(&|_| {}), None);
    let both = build(&|settings| drop(settings.credentials.insert("password".to_owned(), Secret::new("x")))).unwrap();
    assert!(both.contains("two ways") && both.contains("client_id, client_secret, api_key"), "{both}");
    assert!(build(&|settings| drop(settings.credentials.remove("client_secret"))).unwrap().starts_with("client_secret is missing"));
    assert!(build(&|settings| drop(settings.options.remove("portal"))).unwrap().starts_with("portal is missing"));
    let local = |settings: &mut Settings| {
        settings.options.remove("portal");
        settings.base_url = "http://127.0.0.1:8702".to_owned();
    };
    assert_eq!(build(&local), None, "a sandbox has both at one address");
    let clear = build(&|settings| drop(settings.options.insert("portal".to_owned(), "http://acme.example".to_owned()))).unwrap();
    assert!(clear.starts_with("portal") && clear.contains("in the clear"), "{clear}");
    let password = Settings { options: settings(&portal).options, ..portal.settings() };
    let wrong = (vendors::registry::entry("absorb").unwrap().build)(password).err().unwrap().to_string();
    assert!(wrong.contains("client_id"), "{wrong}");
}
