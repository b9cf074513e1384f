//! Absorb's SCIM endpoint, `/scim/v2`, the same in both readings (contract, section 7): users and groups behind which the accounts and
//! groups of the REST API stand.
//!
//! What a user's members hold is shown through both doors; what only SCIM can say is kept beside the account and is in the ledger as
//! `scim`.  CHOSEN, where the contract is silent:
//!
//! - Who has the token sees everyone: the scope of an admin does not bind it.
//! - `DELETE` of a user makes the account inactive; SCIM shows it no more, REST does.  When REST makes it active SCIM shows it again, and a
//!   `POST` with its user name is that account again, active, 201.
//! - `department` names a department: the account moves there, with the enrolment rules.  A name that no department has is only
//!   remembered, and the account is in the portal's own department, which SCIM calls none.
//! - `manager` is an account's id; one that is nobody's is only remembered.
//! - Where `active` is left out, a new account is active, and another stays as it was.
//! - `DELETE` of a group takes it out of both doors.  A member who is nobody is only remembered.

mod groups;
mod users;

use std::sync::{Arc, LazyLock};

use axum::response::Response;
use jiff::Timestamp;
use scim::discovery::{Authentication, Pagination, ServiceProvider};
use scim::schema::{self, Attribute};
use scim::{Error, Extension, ResourceType, ScimType, Service};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Portal;
use super::edit::{Edit, Scope, View};
use super::state::State;
use super::wire::{Refusal, fold};
use crate::call::Call;
use crate::ledger::Change;
use crate::provisioning::{Directory, Known, Made, Needs, Resource, Server, base, bearer, missing, unauthorized};

/// SCIM as an add-on: its token, and what the portal has of what it needs.  Where something is missing, 403 says what.
#[derive(Debug, Clone)]
pub struct Scim {
    /// The bearer token, another than any of REST.
    pub token: SecretString,
    /// The Enterprise plan, with the add-on.
    pub enterprise: bool,
    /// SSO is configured.
    pub sso: bool,
    /// The "Absorb 5 New Learner Experience".
    pub new_experience: bool,
}

impl Default for Scim {
    /// The token `absorb-sandbox-scim-token`, and nothing of what SCIM needs.
    fn default() -> Self {
        Self { token: "absorb-sandbox-scim-token".into(), enterprise: false, sso: false, new_experience: false }
    }
}

impl Scim {
    /// The same token with all that SCIM needs.
    pub fn available(self) -> Self {
        Self { enterprise: true, sso: true, new_experience: true, ..self }
    }

    fn needs(&self) -> [Needs; 3] {
        [
            Needs { there: self.enterprise, what: "the Enterprise plan", option: "--enterprise" },
            Needs { there: self.sso, what: "SSO", option: "--sso" },
            Needs { there: self.new_experience, what: "the Absorb 5 New Learner Experience", option: "--new-learner-experience" },
        ]
    }
}

/// Users: as the RFC has them, but the name is required, its first and its last part.
static USER: LazyLock<Arc<ResourceType>> = LazyLock::new(|| {
    let required = |name: &str, sub: &Arc<Attribute>| match name {
        "givenName" | "familyName" => Arc::new(Attribute::clone(sub).required()),
        _ => Arc::clone(sub),
    };
    let name = |attribute: Attribute| {
        let sub = attribute.sub.iter().map(|sub| required(&sub.name, sub)).collect();
        Attribute { sub, ..attribute.required() }
    };
    Arc::new(ResourceType {
        name: "User".to_owned(),
        description: "User Account".to_owned(),
        endpoint: "/Users".to_owned(),
        schema: Arc::new(schema::Schema::clone(schema::user()).with("name", name)),
        extensions: vec![Extension { schema: schema::enterprise_user().clone(), required: false }],
    })
});

/// The two readings' servers differ in nothing but how literally they read, which is the profile's.
pub(super) fn server(profile: &super::Profile) -> Server {
    Server {
        service: Service { kinds: vec![USER.clone(), ResourceType::group()], leniency: profile.scim.clone() },
        provider: ServiceProvider {
            documentation: None,
            patch: true,
            bulk: None,
            filter: true,
            max_results: profile.limit_max,
            change_password: true,
            sort: true,
            etag: false,
            pagination: Pagination { cursor: false, index: true, default_size: 100, cursor_seconds: None },
            authentication: vec![Authentication::bearer()],
        },
    }
}

impl Portal {
    /// Answers a request below `/scim/v2`.
    pub(super) fn provision(&self, call: &Call) -> Response {
        if call.header("authorization").and_then(bearer) != Some(self.scim.token.expose_secret()) {
            return unauthorized(
                "Bearer realm=\"SCIM\"",
                "the bearer token of SCIM is missing or wrong; it is another than those of REST",
            );
        }
        if let Some(response) = missing(&self.scim.needs()) {
            return response;
        }
        self.server.answer(&self.backend, call, &Accounts { portal: self, base: base(call) })
    }
}

/// The portal's users and groups for one request.
struct Accounts<'a> {
    portal: &'a Portal,
    /// The base address as the client calls it.
    base: String,
}

impl Accounts<'_> {
    fn edit<'s>(&'s self, state: &'s State, now: Timestamp) -> Edit<'s> {
        Edit::new(View { state, profile: self.portal.profile, scope: Scope::All }, now, &self.portal.rules)
    }

    /// `meta` of a resource.
    fn meta(&self, kind: &str, endpoint: &str, id: Uuid, dates: (Option<&str>, Option<&str>)) -> Value {
        let utc = |date: &str| format!("{date}Z");
        json!({
            "resourceType": kind,
            "created": dates.0.map(utc),
            "lastModified": dates.1.map(utc),
            "location": format!("{}{endpoint}/{id}", self.base),
        })
    }
}

fn is_user(kind: &ResourceType) -> bool {
    kind.name == USER.name
}

fn parse(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id).ok()
}

impl Directory for Accounts<'_> {
    type State = State;

    fn ids(&self, state: &State, kind: &ResourceType, known: Option<Known<'_>>) -> Vec<String> {
        if is_user(kind) { self.user_ids(state, known) } else { self.group_ids(state) }
    }

    fn get(&self, state: &State, kind: &ResourceType, id: &str) -> Option<Resource> {
        let id = parse(id)?;
        match is_user(kind) {
            true => self.shown_user(state, id).map(|user| self.user(state, user)),
            false => state.group(id).map(|group| self.group(state, group)),
        }
    }

    fn create(&self, state: &State, now: Timestamp, kind: &ResourceType, resource: Resource) -> Result<Made, Error> {
        let mut edit = self.edit(state, now);
        let made = match is_user(kind) {
            true => self.make_user(&mut edit, resource)?,
            false => self.make_group(&mut edit, &resource)?,
        };
        Ok((edit.changes(), made))
    }

    fn replace(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str, wanted: Resource) -> Result<Made, Error> {
        let mut edit = self.edit(state, now);
        let gone = || Error::not_found(&format!("{} {id}", kind.name));
        let id = parse(id).ok_or_else(gone)?;
        let made = match is_user(kind) {
            true => self.change_user(&mut edit, self.shown_user(state, id).ok_or_else(gone)?, wanted)?,
            false => self.change_group(&mut edit, state.group(id).ok_or_else(gone)?, &wanted)?,
        };
        Ok((edit.changes(), made))
    }

    fn delete(&self, state: &State, now: Timestamp, kind: &ResourceType, id: &str) -> Result<Vec<Change>, Error> {
        let mut edit = self.edit(state, now);
        let gone = || Error::not_found(&format!("{} {id}", kind.name));
        let id = parse(id).ok_or_else(gone)?;
        match is_user(kind) {
            true => self.delete_user(&mut edit, self.shown_user(state, id).ok_or_else(gone)?)?,
            false => {
                let mut group = state.group(id).ok_or_else(gone)?.clone();
                group.deleted = true;
                group.date_edited.clone_from(&edit.now);
                edit.save_group(group);
            }
        }
        Ok(edit.changes())
    }
}

/// A refusal of the portal's own rules as SCIM says it.
fn refused(refusal: Refusal) -> Error {
    let taken = refusal.validations.iter().any(|one| one.field == "username" && one.message == "is taken");
    match (taken, refusal.status.as_u16()) {
        (true, _) => Error { status: 409, scim_type: Some(ScimType::Uniqueness), detail: "userName is taken".to_owned() },
        (false, 400 | 422) => Error::bad(ScimType::InvalidValue, refusal.message),
        (false, status) => Error::new(status, refusal.message),
    }
}

/// Whether two names are the same to the portal.
fn same(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
}
