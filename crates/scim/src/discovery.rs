//! What a server says of itself (RFC 7643, sections 5 to 7; RFC 7644, section 4; RFC 9865, section 4).

use serde_json::{Map, Value, json};

use crate::schema::{self, Schema};
use crate::{ListResponse, ResourceType, urn};

/// What a server can do, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceProvider {
    /// Where its documentation is.
    pub documentation: Option<String>,
    /// PATCH.
    pub patch: bool,
    /// Bulk, with its limits.
    pub bulk: Option<BulkLimits>,
    /// Filters.
    pub filter: bool,
    /// Results of one answer at most.
    pub max_results: usize,
    /// Changing passwords.
    pub change_password: bool,
    /// Sorting.
    pub sort: bool,
    /// Entity tags.
    pub etag: bool,
    /// Paging.
    pub pagination: Pagination,
    /// How clients say who they are.
    pub authentication: Vec<Authentication>,
}

/// The limits of Bulk requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkLimits {
    /// Operations of one request at most.
    pub operations: usize,
    /// Bytes of one request at most.
    pub bytes: usize,
}

/// How lists are paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pagination {
    /// By cursor.
    pub cursor: bool,
    /// By index.
    pub index: bool,
    /// Results of a page where a request says nothing.
    pub default_size: usize,
    /// For how many seconds a cursor is good; `None` for as long as the data is there.
    pub cursor_seconds: Option<u64>,
}

/// One way to say who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// `oauthbearertoken`, `httpbasic`, …
    pub kind: String,
    /// Its common name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Where it is specified.
    pub spec: Option<String>,
}

impl Authentication {
    /// A bearer token.
    pub fn bearer() -> Self {
        Self {
            kind: "oauthbearertoken".into(),
            name: "OAuth Bearer Token".into(),
            description: "A bearer token in the Authorization header".into(),
            spec: Some("https://www.rfc-editor.org/info/rfc6750".into()),
        }
    }

    /// A name and a password.
    pub fn basic() -> Self {
        Self {
            kind: "httpbasic".into(),
            name: "HTTP Basic".into(),
            description: "A name and a password in the Authorization header".into(),
            spec: Some("https://www.rfc-editor.org/info/rfc7617".into()),
        }
    }
}

impl ServiceProvider {
    /// The document at `/ServiceProviderConfig`; `base` is the server's base address, without a slash at its end.
    pub fn to_json(&self, base: &str) -> Value {
        let bulk = self.bulk.unwrap_or(BulkLimits { operations: 0, bytes: 0 });
        let schemes: Vec<Value> = self
            .authentication
            .iter()
            .enumerate()
            .map(|(at, one)| {
                let mut scheme = json!({"type": one.kind, "name": one.name, "description": one.description, "primary": at == 0});
                if let Some(spec) = &one.spec {
                    scheme["specUri"] = spec.as_str().into();
                }
                scheme
            })
            .collect();
        let mut pagination = json!({
            "cursor": self.pagination.cursor,
            "index": self.pagination.index,
            "defaultPaginationMethod": if self.pagination.index { "index" } else { "cursor" },
            "defaultPageSize": self.pagination.default_size,
            "maxPageSize": self.max_results,
        });
        if let Some(seconds) = self.pagination.cursor_seconds {
            pagination["cursorTimeout"] = seconds.into();
        }
        let mut document = json!({
            "schemas": [urn::SERVICE_PROVIDER_CONFIG],
            "patch": {"supported": self.patch},
            "bulk": {"supported": self.bulk.is_some(), "maxOperations": bulk.operations, "maxPayloadSize": bulk.bytes},
            "filter": {"supported": self.filter, "maxResults": self.max_results},
            "changePassword": {"supported": self.change_password},
            "sort": {"supported": self.sort},
            "etag": {"supported": self.etag},
            "pagination": pagination,
            "authenticationSchemes": schemes,
            "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
        });
        if let Some(documentation) = &self.documentation {
            document["documentationUri"] = documentation.as_str().into();
        }
        document
    }
}

/// The schemas that `/Schemas` lists: those of the resource types, and those of the discovery documents themselves.
pub fn schemas<'a>(kinds: impl IntoIterator<Item = &'a ResourceType>) -> Vec<&'a Schema> {
    let mut all: Vec<&Schema> = Vec::new();
    let own = [schema::service_provider_config(), schema::resource_type(), schema::schema()];
    let kinds = kinds.into_iter().flat_map(ResourceType::schemas).chain(own);
    for schema in kinds {
        if !all.iter().any(|known| known.id == schema.id) {
            all.push(schema);
        }
    }
    all
}

/// The document at `/Schemas`, with each as it is told ([`Schema::to_json`]).
pub fn schema_list<'a>(kinds: impl IntoIterator<Item = &'a ResourceType>, told: impl Fn(&Schema) -> Value) -> Value {
    list(schemas(kinds).into_iter().map(told))
}

/// The document at `/ResourceTypes`.
pub fn resource_type_list<'a>(kinds: impl IntoIterator<Item = &'a ResourceType>, base: &str) -> Value {
    list(kinds.into_iter().map(|kind| kind.to_json(base)))
}

fn list(documents: impl Iterator<Item = Value>) -> Value {
    let resources: Vec<Map<String, Value>> = documents
        .filter_map(|document| match document {
            Value::Object(document) => Some(document),
            _ => None,
        })
        .collect();
    ListResponse::all(resources).into_json()
}
