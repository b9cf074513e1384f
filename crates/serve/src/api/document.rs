//! The document: OpenAPI 3.1, made from the endpoints.

use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::endpoint::{Endpoint, Good};
use super::problem::Problem;

/// The groups, in the order in which they are shown.
const TAGS: [(&str, &str); 9] = [
    ("people", "Who is in the roster, what they have, and what would change."),
    ("findings", "What a human should know."),
    ("apps", "The configured apps: what was read of them, and how they behave."),
    ("plans", "What has to change and why; a plan is known by its digest."),
    ("runs", "The carrying out of approved plans."),
    ("jobs", "What this server does for somebody just now, or did lately."),
    ("standing-approvals", "Decisions made ahead."),
    ("audit", "What happened, by whom."),
    ("access", "Who may: oneself, tokens, and which route takes which role."),
];
const ABOUT: &str = "What `provost` does on a command line, over HTTP.  Every error is a problem document (RFC 9457) that says what happened \
and what to do next.  Lists come by pages: follow `next` as it is; a page stays where it is while things are added.  Every POST and DELETE may \
carry `Idempotency-Key`, a name that its caller makes up: the same request with the same key is done once, and answered the same for 24 hours.  \
Answers to GET carry an `ETag`: with it in `If-None-Match` nothing is sent again that did not change.  Members that are not known here are \
refused in requests, and may come to be in answers: ignore what you do not know.";

/// The whole document.
pub(super) fn document(endpoints: &[Endpoint]) -> Value {
    let path_of = |settings: &mut SchemaSettings| settings.definitions_path = "/components/schemas".into();
    // As they are read: what may be left out may be left out, in answers too.
    let mut schemas = SchemaSettings::draft2020_12().with(path_of).for_deserialize().into_generator();
    let problem = schemas.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints {
        let item = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        item[endpoint.method.as_str().to_ascii_lowercase()] = operation(endpoint, &mut schemas, &problem);
    }
    let schemas = schemas.take_definitions(true);
    let tags: Vec<Value> = TAGS.iter().map(|(name, what)| json!({ "name": name, "description": what })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Provost",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Keeps the accounts on learning platforms true to the roster.",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API token: `provost token create --name NAME --role ROLE`.  It has one of the roles viewer, operator, approver, admin; each may do what the one before may.",
            } },
            "schemas": schemas,
        },
    })
}

/// The document, for programs.
pub(super) fn answer(text: &str) -> Response {
    ([(CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator, problem: &Schema) -> Value {
    let Endpoint { method, path, role, about } = endpoint;
    let more = if about.more.is_empty() { String::new() } else { format!("{}  ", about.more) };
    let mut parameters = path_parameters(path);
    parameters.extend(about.query.into_iter().flat_map(|shape| query_parameters(shape(schemas))));
    parameters.extend(header_parameters(method, about.held, about.good.kind));
    let mut said = json!({
        "operationId": about.id,
        "tags": [about.tag],
        "summary": about.summary,
        "description": format!("{more}Takes the role {role}, or one that may do more."),
        "x-role": role,
        "responses": responses(endpoint, schemas, problem),
    });
    if !parameters.is_empty() {
        said["parameters"] = parameters.into();
    }
    if let Some(shape) = about.body {
        said["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": shape(schemas) } } });
    }
    said
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (what, schema) = match name {
            "digest" => (
                "A plan's, or a standing approval's, digest: all of its 64 digits.",
                json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
            ),
            "run" => ("A run's id.", json!({ "type": "string", "format": "uuid" })),
            "job" => ("A job's id.", json!({ "type": "string", "format": "uuid" })),
            "token" => ("A token's public part.", json!({ "type": "string", "pattern": "^[0-9a-f]{12}$" })),
            "app" => ("An app's name in the configuration.", json!({ "type": "string", "minLength": 1 })),
            _ => (
                "A person's key; an e-mail or a whole name does where it is one person's.",
                json!({ "type": "string", "minLength": 1 }),
            ),
        };
        json!({ "name": name, "in": "path", "required": true, "description": what, "schema": schema })
    };
    names.map(parameter).collect()
}

/// The members of an object, each as a parameter.
fn query_parameters(mut object: Schema) -> Vec<Value> {
    let members = object.ensure_object();
    let required: Vec<Value> = members.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = members.remove("properties") else { return Vec::new() };
    let parameter = |(name, mut schema): (String, Value)| {
        let what = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
        let required = required.iter().any(|wanted| wanted == name.as_str());
        json!({ "name": name, "in": "query", "required": required, "description": what, "schema": without_null(schema) })
    };
    properties.into_iter().map(parameter).collect()
}

/// What is left out behind `?` is not null, it is not there.
fn without_null(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array().map(|kinds| kinds.iter().filter(|kind| *kind != "null").cloned().collect::<Vec<_>>())
        && let [one] = kinds.as_slice()
    {
        schema["type"] = one.clone();
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.retain(|word| !word.is_null());
        }
    }
    if let Some(any) = schema["anyOf"].as_array()
        && let Some(one) = any.iter().find(|one| one["type"] != "null").cloned()
    {
        return one;
    }
    schema
}

fn header_parameters(method: &Method, held: bool, kind: &str) -> Vec<Value> {
    let header = |name: &str, what: &str, schema: Value| json!({ "name": name, "in": "header", "required": false, "description": what, "schema": schema });
    let mut headers = Vec::new();
    if *method == Method::GET && kind == "application/json" {
        let what = "The `ETag` of what the caller has: 304 and nothing more where it is still that.";
        headers.push(header("If-None-Match", what, json!({ "type": "string" })));
    }
    if *method != Method::GET {
        let what = "A name of the caller's own for this very request, up to 255 printable characters of ASCII: it is done once, and answered the same for 24 hours.";
        headers.push(header("Idempotency-Key", what, json!({ "type": "string", "pattern": "^[!-~]{1,255}$" })));
    }
    if held {
        let what = "The `ETag` that a GET of it gave: nothing is done where it is another by now.";
        headers.push(header("If-Match", what, json!({ "type": "string" })));
    }
    headers
}

fn responses(endpoint: &Endpoint, schemas: &mut SchemaGenerator, problem: &Schema) -> Value {
    let Endpoint { method, path, about, .. } = endpoint;
    let mut responses = Map::new();
    responses.insert(about.good.status.as_u16().to_string(), good(method, &about.good, schemas));
    let mut bad: Vec<(StatusCode, &str)> = vec![
        (StatusCode::UNAUTHORIZED, "No token, or one that does not count."),
        (StatusCode::FORBIDDEN, "The caller's role may not do this."),
        (StatusCode::TOO_MANY_REQUESTS, "Too many requests: `Retry-After` says when there is room again."),
        (StatusCode::INTERNAL_SERVER_ERROR, "It failed on this side."),
        (StatusCode::SERVICE_UNAVAILABLE, "The store cannot be reached or is busy: try again."),
    ];
    if about.query.is_some() || *method != Method::GET {
        bad.push((StatusCode::BAD_REQUEST, "A parameter, a header or the body is not understood: the detail says which."));
    }
    if path.contains('{') {
        bad.push((StatusCode::NOT_FOUND, "There is no such thing."));
    }
    if *method != Method::GET {
        bad.push((StatusCode::CONFLICT, "It cannot be done as things stand; or a request with this key is being done."));
        bad.push((StatusCode::PAYLOAD_TOO_LARGE, "The body is larger than 1 MiB."));
        bad.push((StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not `application/json`."));
        bad.push((
            StatusCode::UNPROCESSABLE_ENTITY,
            "A member is unknown or of another type, or says nothing that can be done; or the key was given to another request.",
        ));
    }
    bad.extend(about.bad.iter().copied());
    for (status, when) in bad {
        let mut said = json!({ "description": when, "content": { "application/problem+json": { "schema": problem } } });
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                said["headers"] = json!({ "Retry-After": { "description": "Seconds.", "required": true, "schema": { "type": "integer", "minimum": 1 } } });
            }
            StatusCode::UNAUTHORIZED => {
                said["headers"] = json!({ "WWW-Authenticate": { "description": "How to show who one is.", "required": true, "schema": { "type": "string" } } });
            }
            _ => {}
        }
        responses.insert(status.as_u16().to_string(), said);
    }
    if *method == Method::GET && about.good.kind == "application/json" {
        responses.insert("304".to_owned(), json!({ "description": "It is what `If-None-Match` names." }));
    }
    responses.into()
}

fn good(method: &Method, good: &Good, schemas: &mut SchemaGenerator) -> Value {
    let mut said = json!({ "description": good.what });
    let mut content = Map::new();
    let schema = good.shape.map_or_else(|| json!({}), |shape| json!({ "schema": shape(schemas) }));
    content.insert(good.kind.to_owned(), schema);
    said["content"] = content.into();
    if good.located {
        said["headers"] = json!({ "Location": { "description": "Where it is.", "required": true, "schema": { "type": "string", "format": "uri-reference" } } });
    } else if *method == Method::GET && good.kind == "application/json" {
        said["headers"] =
            json!({ "ETag": { "description": "Names this very content.", "required": true, "schema": { "type": "string" } } });
    }
    said
}
