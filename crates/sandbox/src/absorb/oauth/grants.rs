//! What admins have allowed: codes and access tokens in memory, and the refresh tokens, which live for a year, in the data
//! folder too.
//!
//! Of every code and token only its SHA-256 is held, here and in `grants.jsonl`, whose lines say what became of a grant: the
//! last one of a grant counts.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::Error;
use crate::jsonl::Jsonl;

/// How long a code may be exchanged (CHOSEN).
const CODE: SignedDuration = SignedDuration::from_mins(5);
/// How long an access token lives.
pub(super) const ACCESS: SignedDuration = SignedDuration::from_hours(4);
/// How long a refresh token lives.
const REFRESH: SignedDuration = SignedDuration::from_hours(365 * 24);

/// One line of `grants.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Grant {
    /// 1, 2, 3, …
    grant: usize,
    /// The client's id.
    client: String,
    /// The admin's user name.
    admin: String,
    /// SHA-256 of the refresh token, in hex.
    refresh: String,
    expires: Timestamp,
    revoked: bool,
}

#[derive(Debug)]
struct Code {
    client: String,
    admin: String,
    redirect_uri: String,
    expires: Timestamp,
    /// The grant made of it, once it was exchanged.
    grant: Option<usize>,
}

#[derive(Debug)]
struct Access {
    grant: usize,
    expires: Timestamp,
}

/// What a client got.
pub(super) struct Taken {
    pub(super) access: String,
    pub(super) refresh: String,
}

/// Why a client gets nothing.
pub(super) enum Refused {
    /// The code or refresh token is not, no more, or not its own.
    Invalid(&'static str),
    /// `grants.jsonl` cannot be written.
    File(String),
}

/// All codes, grants and tokens.
#[derive(Debug, Default)]
pub(in crate::absorb) struct Grants {
    codes: HashMap<String, Code>,
    access: HashMap<String, Access>,
    /// By number, from 1.
    grants: Vec<Grant>,
    file: Option<Jsonl>,
}

impl Grants {
    /// Reads what the data folder, if there is one, holds.
    pub(in crate::absorb) fn open(data: Option<&Path>, notes: &mut Vec<String>) -> Result<Self, Error> {
        let Some(data) = data else { return Ok(Self::default()) };
        let mut grants: Vec<Grant> = Vec::new();
        let file = Jsonl::open(&data.join("grants.jsonl"), notes, |grant: Grant| {
            match grant.grant {
                known if (1..=grants.len()).contains(&known) => grants[known - 1] = grant,
                next if next == grants.len() + 1 => grants.push(grant),
                other => return Err(format!("grant {other} follows {}", grants.len())),
            }
            Ok(())
        })?;
        Ok(Self { grants, file: Some(file), ..Self::default() })
    }

    /// A code for what an admin has just allowed.
    pub(super) fn allow(&mut self, client: &str, admin: &str, redirect_uri: &str, now: Timestamp) -> String {
        self.codes.retain(|_, code| code.grant.is_some() || now < code.expires);
        let text = secret();
        let code = Code {
            client: client.to_owned(),
            admin: admin.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            expires: after(now, CODE),
            grant: None,
        };
        self.codes.insert(digest(&text), code);
        text
    }

    /// Exchanges a code, once.  A second try ends what the first one gave (RFC 6749, 4.1.2).
    pub(super) fn exchange(
        &mut self,
        client: &str,
        code: &str,
        redirect_uri: &str,
        now: Timestamp,
        usable: impl Fn(&str) -> bool,
    ) -> Result<Taken, Refused> {
        let key = digest(code);
        let held = self.codes.get(&key).filter(|held| held.client == client).ok_or(Refused::Invalid("the code is not known"))?;
        if let Some(grant) = held.grant {
            self.revoke(grant)?;
            return Err(Refused::Invalid("the code was used before; what it gave is revoked"));
        }
        if now >= held.expires {
            return Err(Refused::Invalid("the code has expired"));
        }
        if held.redirect_uri != redirect_uri {
            return Err(Refused::Invalid("redirect_uri is not the one that the code was asked for with"));
        }
        if !usable(&held.admin) {
            return Err(Refused::Invalid("the admin's account is not active"));
        }
        let refresh = secret();
        let grant = Grant {
            grant: self.grants.len() + 1,
            client: client.to_owned(),
            admin: held.admin.clone(),
            refresh: digest(&refresh),
            expires: after(now, REFRESH),
            revoked: false,
        };
        self.write(&grant)?;
        let number = grant.grant;
        self.grants.push(grant);
        if let Some(held) = self.codes.get_mut(&key) {
            held.grant = Some(number);
        }
        Ok(Taken { access: self.give(number, now), refresh })
    }

    /// A new access token for a refresh token, which stays as it is (CHOSEN).
    pub(super) fn refresh(
        &mut self,
        client: &str,
        token: &str,
        now: Timestamp,
        usable: impl Fn(&str) -> bool,
    ) -> Result<Taken, Refused> {
        let key = digest(token);
        let held = self.grants.iter().find(|grant| grant.refresh == key && grant.client == client);
        let held = held.ok_or(Refused::Invalid("the refresh token is not known"))?;
        if held.revoked {
            return Err(Refused::Invalid("the refresh token is revoked"));
        }
        if now >= held.expires {
            return Err(Refused::Invalid("the refresh token has expired"));
        }
        if !usable(&held.admin) {
            return Err(Refused::Invalid("the admin's account is not active"));
        }
        let number = held.grant;
        Ok(Taken { access: self.give(number, now), refresh: token.to_owned() })
    }

    /// The user name of the admin who allowed a live access token.
    pub(in crate::absorb) fn admin_of(&self, token: &str, now: Timestamp) -> Option<&str> {
        let access = self.access.get(&digest(token)).filter(|access| now < access.expires)?;
        self.grants.get(access.grant - 1).filter(|grant| !grant.revoked).map(|grant| grant.admin.as_str())
    }

    fn give(&mut self, grant: usize, now: Timestamp) -> String {
        self.access.retain(|_, access| now < access.expires);
        let text = secret();
        self.access.insert(digest(&text), Access { grant, expires: after(now, ACCESS) });
        text
    }

    fn revoke(&mut self, number: usize) -> Result<(), Refused> {
        let grant = Grant { revoked: true, ..self.grants[number - 1].clone() };
        self.write(&grant)?;
        self.grants[number - 1] = grant;
        Ok(())
    }

    fn write(&mut self, grant: &Grant) -> Result<(), Refused> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(grant).expect("texts, a number and a time can be written as JSON");
        line.push(b'\n');
        file.append(&line).map_err(|error| Refused::File(error.to_string()))
    }
}

/// A text that nobody can guess: 148 random bits.
fn secret() -> String {
    digest(&format!("{}/{}", Uuid::now_v7(), Uuid::now_v7()))
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The end of the calendar is the latest there is.
fn after(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
