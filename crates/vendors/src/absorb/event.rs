//! Webhooks: is it the portal that speaks, and of whom (A13; contract, section 6).
//!
//! Header, algorithm and member names are nowhere public: HMAC-SHA256 over the body in hexadecimal digits under `X-Absorb-Signature`, which
//! configuration can name otherwise; `eventType`, `timestamp`, `correlationId`, `userId`.  Of an event that nobody here knows only the key
//! and the time are kept.

use connector::{Fault, RawEvent, Scope, Signing, Told};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::Sha256;

use super::convert::is_uuid;
use super::wire::instant;

/// The header that carries the signature.
const SIGNATURE: &str = "x-absorb-signature";

/// Events about somebody's account; of the others, courses alone, nothing follows here.
const ABOUT_SOMEBODY: [&str; 5] = ["UserCreated", "CourseCompleted", "CourseEnrollmentCreated", "CompetencyGained", "SessionStarted"];

pub(super) fn decode(event: &RawEvent, signing: &Signing) -> Result<Vec<Told>, Fault> {
    let header = signing.header.as_deref().unwrap_or(SIGNATURE);
    let forged = |why: String| Fault::Denied { scope: Scope::Object(why) };
    let signature = event.header(header).ok_or_else(|| forged(format!("it has no header {header}")))?;
    let signature = bytes(signature.trim()).ok_or_else(|| forged(format!("its {header} is no signature")))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(signing.secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&event.body);
    // In constant time: how much of a guess is right cannot be measured.
    mac.verify_slice(&signature).map_err(|_| forged("its signature is not the portal's".to_owned()))?;

    let garbled = |detail: &str| Fault::Garbled { detail: format!("an event: {detail}") };
    let body: Json = serde_json::from_slice(&event.body).map_err(|error| garbled(&error.to_string()))?;
    let text = |member: &str| body[member].as_str().filter(|text| !text.is_empty());
    let name = text("eventType").ok_or_else(|| garbled("eventType is missing or no text"))?;
    let at = text("timestamp").and_then(instant).ok_or_else(|| garbled("timestamp is missing or no instant"))?;
    let key = text("correlationId").ok_or_else(|| garbled("correlationId is missing or no text"))?;
    let mut account = None;
    if ABOUT_SOMEBODY.contains(&name) {
        let id = text("userId").filter(|id| is_uuid(id)).ok_or_else(|| garbled("userId is missing or no id"))?;
        account = Some(id.to_lowercase());
    }
    Ok(vec![Told { event: name.to_owned(), account, at, key: format!("{name}/{key}") }])
}

/// The bytes of hexadecimal digits, in whichever case.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::Secret;

    const BODY: &str = r#"{"eventType":"UserCreated","timestamp":"2026-03-02T08:00:00Z","correlationId":"c1","userId":"9B1DEB4D-3B7D-4BAD-9BDD-2B0D7B3DCB6D"}"#;

    fn signing() -> Signing {
        Signing { secret: Secret::new("s3cret"), header: None }
    }

    fn signed(body: &str, secret: &str) -> RawEvent {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let digits = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
        RawEvent { headers: vec![("X-Absorb-Signature".into(), digits)], body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    #[test]
    fn a13_an_event_is_believed_when_the_portal_signed_it_and_not_else() {
        let told = decode(&signed(BODY, "s3cret"), &signing()).unwrap();
        let wanted = Told {
            event: "UserCreated".into(),
            account: Some("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d".into()),
            at: "2026-03-02T08:00:00Z".parse().unwrap(),
            key: "UserCreated/c1".into(),
        };
        assert_eq!(told, [wanted]);
        let mut touched = signed(BODY, "s3cret");
        touched.body = Bytes::from(BODY.replace("c1", "c2"));
        let mut unsigned = signed(BODY, "s3cret");
        unsigned.headers.clear();
        let mut cut = signed(BODY, "s3cret");
        cut.headers[0].1.truncate(20);
        for forged in [touched, unsigned, cut, signed(BODY, "another")] {
            assert!(matches!(decode(&forged, &signing()), Err(Fault::Denied { .. })));
        }
        let renamed = Signing { header: Some("X-Other".into()), ..signing() };
        assert!(matches!(decode(&signed(BODY, "s3cret"), &renamed), Err(Fault::Denied { .. })));
    }

    #[test]
    fn a13_what_is_signed_and_not_understood_is_not_guessed() {
        for body in ["", "[]", "{}", r#"{"eventType":"UserCreated","timestamp":"yesterday","correlationId":"c"}"#] {
            assert!(matches!(decode(&signed(body, "s3cret"), &signing()), Err(Fault::Garbled { .. })), "{body}");
        }
        let path = BODY.replace("9B1DEB4D-3B7D-4BAD-9BDD-2B0D7B3DCB6D", "../departments");
        assert!(matches!(decode(&signed(&path, "s3cret"), &signing()), Err(Fault::Garbled { .. })));
        let course = BODY.replace("UserCreated", "CourseCreated");
        assert_eq!(decode(&signed(&course, "s3cret"), &signing()).unwrap()[0].account, None);
    }
}
