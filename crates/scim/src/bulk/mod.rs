//! Bulk (RFC 7644, section 3.7): many operations in one request, some of which name what others will make.
//!
//! Pure: [`BulkRun::take_next`] says what to do next, the caller does it as any other request and tells [`BulkRun::done`].

mod links;
mod run;

use std::collections::HashMap;

use serde_json::{Map, Value};

pub use self::run::{BulkItem, BulkOutcome, BulkRun};
use crate::discovery::BulkLimits;
use crate::path::quoted;
use crate::{Error, Leniency, ScimType, urn};

/// One operation of a Bulk request.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkOperation {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// Below the base address: `/Users`, `/Groups/acbf3ae7`, `/Users/bulkId:qwerty`.
    pub path: String,
    /// The client's name of the operation; others name by it what it makes.
    pub bulk_id: Option<String>,
    /// The version that the client means, as in `If-Match`.
    pub version: Option<String>,
    /// The body.
    pub data: Option<Value>,
}

/// A Bulk request.
#[derive(Clone, Debug, PartialEq)]
pub struct Bulk {
    /// As they stand in the request.
    pub operations: Vec<BulkOperation>,
    /// After so many errors the rest is left undone; `None` for never.
    pub fail_on_errors: Option<usize>,
}

impl Bulk {
    /// Reads the body of a Bulk request; the caller has counted its bytes already.
    ///
    /// # Errors
    /// 413 where there are more operations than the limits allow, `invalidSyntax` for a body of another shape, `invalidValue` for a
    /// `bulkId` given twice.
    pub fn parse(body: &Value, limits: &BulkLimits, leniency: &Leniency) -> Result<Self, Error> {
        let syntax = |what: String| Error::bad(ScimType::InvalidSyntax, what);
        let Value::Object(body) = body else { return Err(syntax("the body is no JSON object; a Bulk request has Operations".into())) };
        let schemas = body.get("schemas").and_then(Value::as_array);
        let is = |id: &Value| id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(urn::BULK_REQUEST));
        if !leniency.loose_bodies && !schemas.is_some_and(|ids| ids.iter().any(is)) {
            return Err(syntax(format!("schemas has no {} in it", urn::BULK_REQUEST)));
        }
        let fail_on_errors = match body.get("failOnErrors") {
            None | Some(Value::Null) => None,
            Some(number) => match number.as_u64() {
                Some(0) | None => return Err(syntax("failOnErrors is a whole number from 1".into())),
                Some(number) => Some(number as usize),
            },
        };
        let Some(Value::Array(operations)) = body.get("Operations") else {
            return Err(syntax("Operations is missing, or no list".into()));
        };
        if operations.len() > limits.operations {
            let (given, most) = (operations.len(), limits.operations);
            return Err(Error::new(413, format!("{given} operations are more than the {most} that one Bulk request may have")));
        }
        let mut known = HashMap::new();
        let mut all = Vec::with_capacity(operations.len());
        for (at, operation) in operations.iter().enumerate() {
            let wrong = |what: &str| syntax(format!("operation {}: {what}", at + 1));
            let Value::Object(operation) = operation else { return Err(wrong("is no JSON object")) };
            let operation = one(operation, leniency).map_err(|why| wrong(&why))?;
            if let Some(id) = &operation.bulk_id
                && let Some(other) = known.insert(id.clone(), at)
            {
                let what = format!("operation {}: bulkId {} is that of operation {} already", at + 1, quoted(id), other + 1);
                return Err(Error::bad(ScimType::InvalidValue, what));
            }
            all.push(operation);
        }
        Ok(Self { operations: all, fail_on_errors })
    }

    /// Begins to carry it out.
    pub fn start(self) -> BulkRun {
        BulkRun::new(self)
    }
}

fn one(operation: &Map<String, Value>, leniency: &Leniency) -> Result<BulkOperation, String> {
    let text = |name: &str| match operation.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{name} is no text")),
    };
    let method = text("method")?.ok_or("method is missing")?;
    let known = ["POST", "PUT", "PATCH", "DELETE"];
    let same = |known: &&str| method == *known || leniency.loose_bodies && method.eq_ignore_ascii_case(known);
    let method =
        known.into_iter().find(same).ok_or_else(|| format!("method is one of {}, not {}", known.join(", "), quoted(&method)))?;
    let path = text("path")?.ok_or("path is missing")?;
    let bulk_id = text("bulkId")?;
    if !path.starts_with('/') {
        return Err(format!("path begins with a slash below the base address (/Users), not as {}", quoted(&path)));
    }
    if method == "POST" && bulk_id.is_none() && !leniency.loose_bodies {
        return Err("a POST needs a bulkId".into());
    }
    let data = operation.get("data").filter(|data| !data.is_null()).cloned();
    if data.is_none() && method != "DELETE" {
        return Err(format!("a {method} needs data"));
    }
    Ok(BulkOperation { method: method.to_owned(), path, bulk_id, version: text("version")?, data })
}
