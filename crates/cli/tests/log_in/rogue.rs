//! A provider of our own that says whatever it is told to: its own keys, its own tokens, and what a library of ours has no part in.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::SECRET;

/// A key pair, and what it is called.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(crate) fn new(id: &'static str) -> Self {
        let chance = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chance).expect("a key can be made");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &chance).expect("and read");
        Self { id, pair }
    }

    /// The public half, as the provider publishes it.
    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": part(&point[1..33]), "y": part(&point[33..]) })
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let text = unsigned(&json!({ "alg": "ES256", "typ": "JWT", "kid": self.id }), claims);
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).expect("it can sign");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// A token that takes the public half for a password.
    pub(crate) fn confuse(&self, claims: &Value, secret: &[u8]) -> String {
        let text = unsigned(&json!({ "alg": "HS256", "typ": "JWT", "kid": self.id }), claims);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// The public half in bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }
}

/// Header and claims, without a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// What it publishes and what it gives for the next code.
#[derive(Default)]
pub(crate) struct Says {
    /// Its public keys.
    keys: Vec<Value>,
    /// The challenge that the code was asked for with.
    challenge: String,
    /// The ID token.
    token: String,
    /// What it tells of the person.
    told: Value,
    /// Whether it is away.
    away: bool,
    /// How often its keys were asked for.
    asked: u32,
}

/// The provider.
pub(crate) struct Rogue {
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
}

impl Rogue {
    pub(crate) fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Arc::new(Mutex::new(Says::default()));
        let rogue = Self { issuer: issuer.clone(), says: Arc::clone(&says) };
        rogue.publish(keys);
        // It ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &issuer, &mut says.lock().expect("nobody failed"));
            }
        });
        rogue
    }

    /// Its keys from now on.
    pub(crate) fn publish(&self, keys: &[&Key]) {
        self.says.lock().expect("nobody failed").keys = keys.iter().map(|key| key.public()).collect();
    }

    /// What the next code gives, and what is told of the person.
    pub(crate) fn give(&self, challenge: &str, token: String, told: Value) {
        let mut says = self.says.lock().expect("nobody failed");
        (says.challenge, says.token, says.told) = (challenge.to_owned(), token, told);
    }

    /// Whether it answers at all.
    pub(crate) fn away(&self, away: bool) {
        self.says.lock().expect("nobody failed").away = away;
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> u32 {
        self.says.lock().expect("nobody failed").asked
    }
}

fn answer(mut stream: TcpStream, issuer: &str, says: &mut Says) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second hold"));
    let (mut first, mut length, mut shown) = (String::new(), 0, String::new());
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).expect("headers") == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').expect("a header");
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().expect("a length"),
            "authorization" => shown = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    let path = first.split(' ').nth(1).unwrap_or_default();
    let (status, said) = match path {
        _ if says.away => ("503 Service Unavailable", json!({})),
        "/.well-known/openid-configuration" => ("200 OK", published(issuer)),
        "/keys" => {
            says.asked += 1;
            ("200 OK", json!({ "keys": says.keys }))
        }
        "/token" => given(says, &shown, &body),
        "/me" if shown == "Bearer an-access-token" => ("200 OK", says.told.clone()),
        _ => ("404 Not Found", json!({ "error": "nothing here" })),
    };
    let said = said.to_string();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", said.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(said.as_bytes())).expect("it is read");
}

fn published(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"), "userinfo_endpoint": format!("{issuer}/me"), "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // It says itself that it would take them: that changes nothing.
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    })
}

/// One code gives one answer, to who has the secret and knows what the challenge was made from.
fn given(says: &mut Says, shown: &str, body: &[u8]) -> (&'static str, Value) {
    let refused = |why: &str| ("400 Bad Request", json!({ "error": why, "error_description": "the-code-itself" }));
    if shown != format!("Basic {}", STANDARD.encode(format!("provost:{SECRET}"))) {
        return ("401 Unauthorized", json!({ "error": "invalid_client" }));
    }
    let members: std::collections::BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let verifier = members.get("code_verifier").map(String::as_str).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let right = members.get("grant_type").map(String::as_str) == Some("authorization_code")
        && members.get("redirect_uri").is_some_and(|uri| uri.ends_with("/log-in/back"));
    if !right || says.token.is_empty() || challenge != says.challenge {
        return refused("invalid_grant");
    }
    let token = std::mem::take(&mut says.token);
    ("200 OK", json!({ "access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60, "id_token": token }))
}
