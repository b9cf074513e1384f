//! What an assistant can read by address.

use engine::{Engine, EngineError, StoreError};
use model::Digest;
use rmcp::model::{ErrorData, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;

use super::told;

/// How addresses begin.
const SCHEME: &str = "provost://";
const JSON: &str = "application/json";

/// What there is without asking for anything special.
pub(super) fn all() -> Vec<Resource> {
    let resource = |name: &str, what: &str| Resource::new(format!("{SCHEME}{name}"), name).with_description(what).with_mime_type(JSON);
    vec![
        resource("apps", "The apps: accounts, certificates, limits, quarantines, what is put aside"),
        resource("findings", "What a person should know, as of the last planning"),
        resource("plans", "The plans there are, and where each stands"),
        resource("runs", "What was carried out"),
    ]
}

/// What there is by key, digest or id.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |uri: &str, name: &str, what: &str| {
        ResourceTemplate::new(format!("{SCHEME}{uri}"), name).with_description(what).with_mime_type(JSON)
    };
    vec![
        template("people/{key}", "person", "One person: accounts, evidence, what the next plan would do and why"),
        template("plans/{digest}", "plan", "A whole plan, by its digest"),
        template("runs/{id}", "run", "What became of a run, step by step"),
    ]
}

/// Reads one.
///
/// # Errors
/// There is no such thing, or the store fails.
pub(super) async fn read(engine: &Engine, uri: &str) -> Result<ResourceContents, ErrorData> {
    let path = uri.strip_prefix(SCHEME).unwrap_or_default();
    let text = match path.split_once('/') {
        None if path == "apps" => json(&engine.apps().await.map_err(|error| failed(&error))?),
        None if path == "findings" => json(&engine.findings().await.map_err(|error| failed(&error))?),
        None if path == "plans" => json(&engine.store().plans(engine.now()).await.map_err(|error| failed(&error.into()))?),
        None if path == "runs" => json(&engine.store().runs().await.map_err(|error| failed(&error.into()))?),
        Some(("people", key)) => json(&engine.explain_now(key).await.map_err(|error| failed(&error))?),
        Some(("plans", digest)) => {
            let digest: Digest = digest.parse().map_err(|error| ErrorData::invalid_params(format!("{digest:?}: {error}"), None))?;
            json(&engine.store().plan(&digest, engine.now()).await.map_err(|error| failed(&error.into()))?.plan)
        }
        Some(("runs", id)) => {
            let run = engine.store().find_run(id).await.map_err(|error| failed(&error.into()))?;
            json(&engine.report(&run.id).await.map_err(|error| failed(&error))?)
        }
        _ => return Err(ErrorData::resource_not_found(format!("there is nothing at {uri}"), None)),
    };
    Ok(ResourceContents::text(text?, uri).with_mime_type(JSON))
}

fn json(value: &impl Serialize) -> Result<String, ErrorData> {
    serde_json::to_string(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn failed(error: &EngineError) -> ErrorData {
    match error {
        EngineError::Store(StoreError::NotFound { .. }) | EngineError::Nobody { .. } | EngineError::NothingRead(_) => {
            ErrorData::resource_not_found(told(error), None)
        }
        EngineError::Several { .. } => ErrorData::invalid_params(told(error), None),
        _ => ErrorData::internal_error(told(error), None),
    }
}
