//! What a request asks for: method, path, query and body as one typed operation (RFC 7644, section 3).

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::list::{ListRequest, Listing};
use crate::{Error, Leniency, Patch, ResourceType, ScimType, View};

/// A request, below the base address.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: &'a str,
    /// Below the base address, as it stands in the URI: `/Users/2819c223`.
    pub path: &'a str,
    /// What follows the question mark, as it stands in the URI; empty where there is none.
    pub query: &'a str,
    /// The body; empty where there is none.
    pub body: &'a [u8],
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// `GET /ServiceProviderConfig`.
    ServiceProviderConfig,
    /// `GET /ResourceTypes`.
    ResourceTypes,
    /// `GET /ResourceTypes/{name}`, of one that is served.
    ResourceType(Arc<ResourceType>),
    /// `GET /Schemas`.
    Schemas,
    /// `GET /Schemas/{urn}`; the caller knows whether there is one.
    Schema(String),
    /// `GET /Users?…` or `POST /Users/.search`.
    List(Box<Listing>),
    /// `GET /?…` or `POST /.search`: all resource types at once ([`ListRequest::of_any`] for each).
    ListAll(ListRequest),
    /// `GET /Users/{id}`.
    Get {
        /// Of what.
        kind: Arc<ResourceType>,
        /// Which.
        id: String,
        /// Which attributes.
        view: View,
    },
    /// `POST /Users`.
    Create {
        /// Of what.
        kind: Arc<ResourceType>,
        /// The resource, held against its schemas.
        resource: Map<String, Value>,
        /// Which attributes the answer has.
        view: View,
    },
    /// `PUT /Users/{id}`; [`ResourceType::replace`] makes the whole resource of it and the old one.
    Replace {
        /// Of what.
        kind: Arc<ResourceType>,
        /// Which.
        id: String,
        /// The resource, held against its schemas.
        resource: Map<String, Value>,
        /// Which attributes the answer has.
        view: View,
    },
    /// `PATCH /Users/{id}`.
    Patch {
        /// Of what.
        kind: Arc<ResourceType>,
        /// Which.
        id: String,
        /// What is changed.
        patch: Patch,
        /// Which attributes the answer has.
        view: View,
    },
    /// `DELETE /Users/{id}`.
    Delete {
        /// Of what.
        kind: Arc<ResourceType>,
        /// Which.
        id: String,
    },
    /// `POST /Bulk`, with its body; [`crate::Bulk`] reads it.
    Bulk(Value),
}

/// The endpoints of a server: which resource types, and how literally requests are taken. Made once.
#[derive(Clone, Debug)]
pub struct Service {
    /// What is served.
    pub kinds: Vec<Arc<ResourceType>>,
    /// How literally.
    pub leniency: Leniency,
}

impl Service {
    /// Reads a request.
    ///
    /// # Errors
    /// 404 for a path that is not served, 405 for a method that it does not have, 501 for `/Me`, 403 for a filter over discovery
    /// documents, `invalidSyntax` for a body that is no JSON, and what reading the parts of it gives.
    pub fn operation(&self, request: &Request<'_>) -> Result<Operation, Error> {
        let path = request.path.trim_matches('/');
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let first = self.endpoint(first);
        if let Some(kind) = self.kinds.iter().find(|kind| kind.endpoint.trim_start_matches('/') == first) {
            return match rest {
                None => self.collection(kind, request),
                Some(".search") => match request.method {
                    "POST" => self.search(request)?.of(kind, &self.leniency).map(|listing| Operation::List(Box::new(listing))),
                    _ => Err(not_allowed(request, "POST")),
                },
                Some(id) if !id.contains('/') => self.resource(kind, &decoded(id), request),
                Some(_) => Err(Error::not_found(request.path)),
            };
        }
        match (first, rest) {
            ("", None) => self.reading(request).and_then(|()| self.query(request)).map(Operation::ListAll),
            (".search", None) if request.method == "POST" => self.search(request).map(Operation::ListAll),
            (".search", None) => Err(not_allowed(request, "POST")),
            ("Bulk", None) if request.method == "POST" => json(request).map(Operation::Bulk),
            ("Bulk", None) => Err(not_allowed(request, "POST")),
            ("Me", _) => Err(Error::new(501, "/Me is not served; use the endpoint of the resource itself")),
            ("ServiceProviderConfig", None) => self.discovery(request).map(|()| Operation::ServiceProviderConfig),
            ("ResourceTypes", None) => self.discovery(request).map(|()| Operation::ResourceTypes),
            ("Schemas", None) => self.discovery(request).map(|()| Operation::Schemas),
            ("Schemas", Some(id)) if !id.contains('/') => self.discovery(request).map(|()| Operation::Schema(decoded(id))),
            ("ResourceTypes", Some(name)) => {
                self.discovery(request)?;
                let name = decoded(name);
                let found = self.kinds.iter().find(|kind| kind.name == name);
                found
                    .map(|kind| Operation::ResourceType(kind.clone()))
                    .ok_or_else(|| Error::not_found(&format!("resource type {name}")))
            }
            _ => Err(Error::not_found(request.path)),
        }
    }

    /// The endpoint as it is spelled here.
    fn endpoint<'e>(&'e self, given: &'e str) -> &'e str {
        let fixed = [".search", "Bulk", "Me", "ServiceProviderConfig", "ResourceTypes", "Schemas"];
        let mut all = self.kinds.iter().map(|kind| kind.endpoint.trim_start_matches('/')).chain(fixed);
        all.find(|known| self.leniency.loose_paths && known.eq_ignore_ascii_case(given)).unwrap_or(given)
    }

    fn collection(&self, kind: &Arc<ResourceType>, request: &Request<'_>) -> Result<Operation, Error> {
        match request.method {
            "GET" => self.query(request)?.of(kind, &self.leniency).map(|listing| Operation::List(Box::new(listing))),
            "POST" => Ok(Operation::Create {
                resource: kind.create(json(request)?, &self.leniency)?,
                view: self.view(kind, request)?,
                kind: kind.clone(),
            }),
            _ => Err(not_allowed(request, "GET and POST")),
        }
    }

    fn resource(&self, kind: &Arc<ResourceType>, id: &str, request: &Request<'_>) -> Result<Operation, Error> {
        let (kind, id) = (kind.clone(), id.to_owned());
        match request.method {
            "GET" => Ok(Operation::Get { view: self.view(&kind, request)?, kind, id }),
            "PUT" => Ok(Operation::Replace {
                resource: kind.create(json(request)?, &self.leniency)?,
                view: self.view(&kind, request)?,
                kind,
                id,
            }),
            "PATCH" => Ok(Operation::Patch {
                patch: Patch::parse(&kind, &json(request)?, &self.leniency)?,
                view: self.view(&kind, request)?,
                kind,
                id,
            }),
            "DELETE" => Ok(Operation::Delete { kind, id }),
            _ => Err(not_allowed(request, "GET, PUT, PATCH and DELETE")),
        }
    }

    fn reading(&self, request: &Request<'_>) -> Result<(), Error> {
        if request.method == "GET" { Ok(()) } else { Err(not_allowed(request, "GET")) }
    }

    fn discovery(&self, request: &Request<'_>) -> Result<(), Error> {
        self.reading(request)?;
        // RFC 7644, section 4: other parameters are passed over, a filter is refused, lest a client believe the answer was filtered.
        match self.query(request)?.filter {
            Some(_) => Err(Error::new(403, "discovery documents are not filtered")),
            None => Ok(()),
        }
    }

    fn query(&self, request: &Request<'_>) -> Result<ListRequest, Error> {
        ListRequest::from_query(request.query, &self.leniency)
    }

    fn search(&self, request: &Request<'_>) -> Result<ListRequest, Error> {
        ListRequest::from_search(&json(request)?, &self.leniency)
    }

    fn view(&self, kind: &ResourceType, request: &Request<'_>) -> Result<View, Error> {
        if request.query.is_empty() {
            return Ok(View::default_of(kind));
        }
        let asked = self.query(request)?;
        View::new(kind, &asked.attributes, &asked.excluded, &self.leniency)
    }
}

/// Where a resource is; `base` is the server's base address, without a slash at its end.
pub fn location(base: &str, kind: &ResourceType, id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let id: String = id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect();
    format!("{base}{}/{id}", kind.endpoint)
}

fn not_allowed(request: &Request<'_>, allowed: &str) -> Error {
    Error::new(405, format!("{} is not possible at {}; {allowed} is", request.method, request.path))
}

fn json(request: &Request<'_>) -> Result<Value, Error> {
    serde_json::from_slice(request.body).map_err(|why| match request.body.is_empty() {
        true => Error::bad(ScimType::InvalidSyntax, format!("{} {} needs a body", request.method, request.path)),
        false => Error::bad(ScimType::InvalidSyntax, format!("the body is no JSON: {why}")),
    })
}

/// A part of a path without its percent signs; a plus is a plus there.
fn decoded(part: &str) -> String {
    let bytes = part.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}
