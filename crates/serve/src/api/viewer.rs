//! `/api/docs`: the document as a page, for people; made here, without a script and without anything from elsewhere.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Only the sheet of this server.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "api_docs.html")]
struct Shown {
    about: String,
    document: &'static str,
    tags: Vec<Tag>,
    schemas: Vec<Schema>,
}

struct Tag {
    name: String,
    what: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    more: String,
    parameters: Vec<Member>,
    body: Kind,
    answers: Vec<Answer>,
}

struct Answer {
    status: String,
    what: String,
    kind: Kind,
}

struct Schema {
    name: String,
    what: String,
    members: Vec<Member>,
}

struct Member {
    name: String,
    place: String,
    kind: Kind,
    what: String,
    wanted: bool,
}

/// A type in words, and the schema that it names, if it names one.
#[derive(Default)]
struct Kind {
    words: String,
    to: String,
}

/// The page, made once.
pub(super) struct Page(String);

impl Page {
    pub(super) fn new(document: &Value, address: &'static str) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut tags: Vec<Tag> = list(&document["tags"])
            .iter()
            .map(|tag| Tag { name: text(&tag["name"]), what: text(&tag["description"]), operations: Vec::new() })
            .collect();
        for (path, methods) in members(&document["paths"]) {
            for (method, said) in members(methods) {
                let operation = operation(path, method, said);
                if let Some(tag) = tags.iter_mut().find(|tag| said["tags"][0] == tag.name.as_str()) {
                    tag.operations.push(operation);
                }
            }
        }
        let schemas = members(&document["components"]["schemas"]).map(|(name, schema)| Schema {
            name: name.clone(),
            what: text(&schema["description"]),
            members: object(schema),
        });
        let about = text(&document["info"]["description"]);
        let page = Shown { about, document: address, tags, schemas: schemas.collect() };
        Self(page.render().expect("texts can be written down"))
    }

    pub(super) fn answer(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (HeaderName::from_static("content-security-policy"), POLICY),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
        ];
        (StatusCode::OK, headers, self.0.clone()).into_response()
    }
}

fn operation(path: &str, method: &str, said: &Value) -> Operation {
    let parameter = |parameter: &Value| Member {
        name: text(&parameter["name"]),
        place: text(&parameter["in"]),
        kind: kind(&parameter["schema"]),
        what: text(&parameter["description"]),
        wanted: parameter["required"] == true,
    };
    let answer = |(status, answer): (&String, &Value)| {
        let schema = members(&answer["content"]).next().map(|(_, content)| kind(&content["schema"])).unwrap_or_default();
        Answer { status: status.clone(), what: text(&answer["description"]), kind: schema }
    };
    Operation {
        id: text(&said["operationId"]),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(&said["summary"]),
        more: text(&said["description"]),
        parameters: said["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        body: kind(&said["requestBody"]["content"]["application/json"]["schema"]),
        answers: members(&said["responses"]).map(answer).collect(),
    }
}

/// The members of an object, of all that it may be.
fn object(schema: &Value) -> Vec<Member> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let own = members(&schema["properties"]).map(|(name, member)| Member {
        name: name.clone(),
        place: String::new(),
        kind: kind(member),
        what: text(&member["description"]),
        wanted: required(name),
    });
    let others = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|word| schema[word].as_array().into_iter().flatten());
    own.chain(others.flat_map(object)).collect()
}

/// A type in words.
fn kind(schema: &Value) -> Kind {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return Kind { words: name.to_owned(), to: name.to_owned() };
    }
    if let Some(several) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let mut kinds = several.iter().filter(|one| one["type"] != "null").map(kind);
        return kinds.next().unwrap_or_default();
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return Kind { words: words.join(" | "), to: String::new() };
    }
    if let Some(one) = schema["const"].as_str() {
        return Kind { words: one.to_owned(), to: String::new() };
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        name => name.as_str().into_iter().collect(),
    };
    match names.as_slice() {
        ["array"] => {
            let of = kind(&schema["items"]);
            Kind { words: format!("list of {}", of.words), to: of.to }
        }
        ["object"] if schema["additionalProperties"].is_object() => {
            let of = kind(&schema["additionalProperties"]);
            Kind { words: format!("map to {}", of.words), to: of.to }
        }
        names => {
            let format = schema["format"].as_str().map(|format| format!(" ({format})")).unwrap_or_default();
            Kind { words: format!("{}{format}", names.join(" or ")), to: String::new() }
        }
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
