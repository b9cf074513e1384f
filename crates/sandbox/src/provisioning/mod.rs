//! SCIM as the sandboxes serve it: RFC 7643 and 7644 over the accounts that a vendor's REST shows or an application has, behind the same front.
//!
//! What the RFCs say is the `scim` crate's; who has which account is the vendor's [`Directory`].  Here is what lies between: the
//! credentials, what a tenant must have before it answers, the addresses, and answers as HTTP.

mod access;
pub(crate) mod lists;

use std::sync::Arc;

use axum::http::header::{ALLOW, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use scim::discovery::{ServiceProvider, schema_list, schemas};
use scim::{
    Error, Filter, ListRequest, ListResponse, Listing, Operand, Operation, Operator, Page, Request, ResourceType, ScimType, Service,
    View,
};
use serde_json::{Map, Value};

pub(crate) use self::access::{Needs, bearer, missing, unauthorized};
use crate::backend::{Backend, LedgerFailed, Objects};
use crate::call::Call;
use crate::ledger::Change;

/// Below this path SCIM is served.
pub(crate) const ROOT: &str = "/scim/v2";

/// A resource as `scim` holds it.
pub(crate) type Resource = Map<String, Value>;

/// Accounts and groups as SCIM resources, for one request.  Whatever is written comes as the whole resource that is wanted.
pub(crate) trait Directory {
    /// What the vendor holds.
    type State: Objects;

    /// The ids of all resources of a kind, in the order of its list; where `known` names an attribute that is looked up, of those
    /// that have its value at least.
    fn ids(&self, state: &Self::State, kind: &ResourceType, known: Option<Known<'_>>) -> Vec<String>;

    /// The resource of an id.
    fn get(&self, state: &Self::State, kind: &ResourceType, id: &str) -> Option<Resource>;

    /// Makes one, and gives it as it is then.
    fn create(&self, state: &Self::State, now: Timestamp, kind: &ResourceType, resource: Resource) -> Result<Made, Error>;

    /// Makes of the one with that id what is wanted, and gives it as it is then.
    fn replace(&self, state: &Self::State, now: Timestamp, kind: &ResourceType, id: &str, wanted: Resource) -> Result<Made, Error>;

    /// Takes one away; 405 where that is not possible.
    fn delete(&self, state: &Self::State, now: Timestamp, kind: &ResourceType, id: &str) -> Result<Vec<Change>, Error>;

    /// What is shown of a resource.
    fn show(&self, view: &View, _kind: &ResourceType, resource: &Resource) -> Resource {
        view.of(resource)
    }
}

/// What changes, and the resource as it is once that is done.
pub(crate) type Made = (Vec<Change>, Resource);

/// An attribute of which a filter knows the value: `userName eq "…"`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// As it prints: `userName`, `emails.value`.
    pub(crate) attribute: &'static str,
    pub(crate) text: &'a str,
}

/// Attributes that a directory may look up.
const LOOKED_UP: [&str; 5] = ["id", "userName", "externalId", "emails.value", "emails"];

/// What a server is: the kinds it serves, how literally it reads, and what it says of itself.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) service: Service,
    pub(crate) provider: ServiceProvider,
}

/// An answer that is not an error.
struct Answer {
    status: StatusCode,
    body: Option<Value>,
    location: Option<String>,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), location: None }
    }
}

impl Server {
    /// Answers one request that may be answered.
    pub(crate) fn answer<D: Directory>(&self, backend: &Backend<D::State>, call: &Call, directory: &D) -> Response {
        match self.carry_out(backend, call, directory) {
            Err(error) => refused(&error),
            Ok(answer) => {
                let mut response = said(answer.status, answer.body.as_ref());
                if let Some(location) = answer.location.and_then(|text| HeaderValue::try_from(text).ok()) {
                    response.headers_mut().insert(LOCATION, location);
                }
                response
            }
        }
    }

    fn carry_out<D: Directory>(&self, backend: &Backend<D::State>, call: &Call, directory: &D) -> Result<Answer, Error> {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        let request = Request { method: &call.method, path: below(path), query, body: &call.body };
        let base = base(call);
        let leniency = &self.service.leniency;
        match self.service.operation(&request)? {
            Operation::ServiceProviderConfig => Ok(Answer::ok(self.provider.to_json(&base))),
            Operation::ResourceTypes => {
                let kinds = self.service.kinds.iter().map(|kind| kind.as_ref());
                Ok(Answer::ok(scim::discovery::resource_type_list(kinds, &base)))
            }
            Operation::ResourceType(kind) => Ok(Answer::ok(kind.to_json(&base))),
            Operation::Schemas => Ok(Answer::ok(schema_list(self.kinds(), |schema| schema.to_json(&base)))),
            Operation::Schema(id) => {
                let known = schemas(self.kinds()).into_iter().find(|schema| schema.id.eq_ignore_ascii_case(&id));
                known.map(|schema| Answer::ok(schema.to_json(&base))).ok_or_else(|| Error::not_found(&format!("schema {id}")))
            }
            Operation::List(listing) => backend.read(|state| self.list(state, call, directory, &listing)),
            Operation::ListAll(request) => backend.read(|state| self.list_all(state, directory, &request)),
            Operation::Get { kind, id, view } => backend.read(|state| {
                let found = directory.get(state, &kind, &id).ok_or_else(|| unknown(&kind, &id))?;
                Ok(Answer::ok(Value::Object(directory.show(&view, &kind, &found))))
            }),
            Operation::Create { kind, resource, view } => {
                let made = backend.write(call, |state, now| directory.create(state, now, &kind, resource))?;
                let location = made.get("meta").and_then(|meta| meta.get("location")?.as_str()).map(str::to_owned);
                Ok(Answer { status: StatusCode::CREATED, body: Some(Value::Object(directory.show(&view, &kind, &made))), location })
            }
            Operation::Replace { kind, id, resource, view } => {
                self.change(backend, call, directory, (&kind, &id, &view), |old| kind.replace(old, resource))
            }
            Operation::Patch { kind, id, patch, view } => self.change(backend, call, directory, (&kind, &id, &view), |old| {
                let mut wanted = old.clone();
                patch.apply(&kind, &mut wanted, leniency)?;
                Ok(wanted)
            }),
            Operation::Delete { kind, id } => {
                backend.write(call, |state, now| {
                    directory.get(state, &kind, &id).ok_or_else(|| unknown(&kind, &id))?;
                    directory.delete(state, now, &kind, &id).map(|changes| (changes, ()))
                })?;
                Ok(Answer { status: StatusCode::NO_CONTENT, body: None, location: None })
            }
            Operation::Bulk(_) => Err(Error::new(501, "Bulk is not served here; send one request for each operation")),
        }
    }

    fn kinds(&self) -> impl Iterator<Item = &ResourceType> {
        self.service.kinds.iter().map(Arc::as_ref)
    }

    fn change<D: Directory>(
        &self,
        backend: &Backend<D::State>,
        call: &Call,
        directory: &D,
        (kind, id, view): (&ResourceType, &str, &View),
        wanted: impl FnOnce(&Resource) -> Result<Resource, Error>,
    ) -> Result<Answer, Error> {
        let made = backend.write(call, |state, now| {
            let old = directory.get(state, kind, id).ok_or_else(|| unknown(kind, id))?;
            directory.replace(state, now, kind, id, wanted(&old)?)
        })?;
        Ok(Answer::ok(Value::Object(directory.show(view, kind, &made))))
    }

    fn list<D: Directory>(&self, state: &D::State, call: &Call, directory: &D, listing: &Listing) -> Result<Answer, Error> {
        let Page::Index(start) = listing.page else {
            return Err(Error::bad(ScimType::InvalidCursor, "lists are paged by startIndex here, not by cursor"));
        };
        let count = listing.count.unwrap_or(self.provider.pagination.default_size).min(self.provider.max_results);
        let found = matching(state, directory, listing);
        let total = found.len();
        let moved = call.shuffle.as_ref().and_then(|shuffle| shuffle.rows(total, start - 1, count));
        let rows = moved.unwrap_or_else(|| (start - 1..total).take(count).collect());
        let resources = rows.into_iter().filter_map(|row| found.resource(row, |id| directory.get(state, &listing.kind, id)));
        let resources = resources.map(|resource| directory.show(&listing.view, &listing.kind, &resource)).collect();
        Ok(Answer::ok(ListResponse { total: Some(total), resources, start: Some(start), next: None, previous: None }.into_json()))
    }

    /// All kinds at once, one after the other (RFC 7644, section 3.4.2.1).
    fn list_all<D: Directory>(&self, state: &D::State, directory: &D, request: &ListRequest) -> Result<Answer, Error> {
        let start = request.start.unwrap_or(1);
        let count = request.count.unwrap_or(self.provider.pagination.default_size).min(self.provider.max_results);
        let mut all = Vec::new();
        for kind in &self.service.kinds {
            let listing = request.of_any(kind, &self.service.leniency)?;
            let found = matching(state, directory, &listing);
            let every = (0..found.len()).filter_map(|row| found.resource(row, |id| directory.get(state, kind, id)));
            all.extend(every.map(|resource| directory.show(&listing.view, kind, &resource)));
        }
        let total = all.len();
        let resources = all.into_iter().skip(start - 1).take(count).collect();
        Ok(Answer::ok(ListResponse { total: Some(total), resources, start: Some(start), next: None, previous: None }.into_json()))
    }
}

/// What a list holds: ids that are looked up for the page alone, or the resources where all had to be looked at.
enum Found {
    Ids(Vec<String>),
    Resources(Vec<Resource>),
}

impl Found {
    fn len(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.len(),
            Self::Resources(all) => all.len(),
        }
    }

    fn resource(&self, row: usize, get: impl FnOnce(&str) -> Option<Resource>) -> Option<Resource> {
        match self {
            Self::Ids(ids) => get(ids.get(row)?),
            Self::Resources(all) => all.get(row).cloned(),
        }
    }
}

fn matching<D: Directory>(state: &D::State, directory: &D, listing: &Listing) -> Found {
    let kind = &listing.kind;
    let ids = directory.ids(state, kind, listing.filter.as_ref().and_then(known));
    if listing.filter.is_none() && listing.sort.is_none() {
        return Found::Ids(ids);
    }
    let resources = ids.iter().filter_map(|id| directory.get(state, kind, id));
    let wanted = resources.filter(|resource| listing.filter.as_ref().is_none_or(|filter| filter.matches(resource)));
    let mut resources: Vec<Resource> = wanted.collect();
    if let Some(sort) = &listing.sort {
        let mut keyed: Vec<_> = resources.into_iter().map(|resource| (sort.key(&resource), resource)).collect();
        keyed.sort_by(|(a, _), (b, _)| sort.order(a, b));
        resources = keyed.into_iter().map(|(_, resource)| resource).collect();
    }
    Found::Resources(resources)
}

/// The first comparison that every match satisfies and that is looked up.
fn known(filter: &Filter) -> Option<Known<'_>> {
    filter.must().into_iter().find_map(|(path, comparison)| {
        let attribute = LOOKED_UP.into_iter().find(|name| path.is(name))?;
        match (&comparison.operator, &comparison.operand) {
            (Operator::Eq, Operand::Text { text, .. }) => Some(Known { attribute, text }),
            _ => None,
        }
    })
}

fn unknown(kind: &ResourceType, id: &str) -> Error {
    Error::not_found(&format!("{} {id}", kind.name))
}

/// The path below the base address.
fn below(path: &str) -> &str {
    path.get(ROOT.len()..).unwrap_or_default()
}

/// Whether a request's path is SCIM's.
pub(crate) fn is_here(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.get(..ROOT.len()).is_some_and(|root| root == ROOT) && (path.len() == ROOT.len() || path.as_bytes()[ROOT.len()] == b'/')
}

/// The base address as the client calls it.
pub(crate) fn base(call: &Call) -> String {
    match call.header(HOST.as_str()) {
        Some(host) if !host.is_empty() => format!("http://{host}{ROOT}"),
        _ => ROOT.to_owned(),
    }
}

/// An error as an answer.
pub(crate) fn refused(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = said(status, Some(&error.to_json()));
    if let Some(methods) = error.allow().and_then(|methods| HeaderValue::try_from(methods).ok()) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

/// A status and a document.
pub(crate) fn said(status: StatusCode, body: Option<&Value>) -> Response {
    match body {
        Some(body) => (status, [(CONTENT_TYPE, "application/scim+json")], body.to_string()).into_response(),
        None => status.into_response(),
    }
}

impl From<LedgerFailed> for Error {
    fn from(LedgerFailed(why): LedgerFailed) -> Self {
        Self::new(500, why)
    }
}
