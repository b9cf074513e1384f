//! What the tests of this crate share: sandboxes in the process, reached without sockets.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod absorb;
pub mod application;
pub mod canned;
pub mod lessonly;
pub mod mutate;
pub mod outside;
pub mod scim;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Target, Transport};
use model::{Secret, Tenant};
use sandbox::Slow;
use vendors::registry::{self, Settings, SettingsError};

/// A sandbox in the process as a transport.
pub struct InProcess(sandbox::InProcess);

impl InProcess {
    /// The sandbox whose router this is.
    pub fn new(router: axum::Router) -> Self {
        Self(sandbox::InProcess::new(router))
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let answer = self.0.send(request).await.map_err(|none| Broken::NoAnswer(none.to_string()))?;
        if let Some(Slow(by)) = answer.extensions().get() {
            tokio::time::sleep(*by).await;
        }
        Ok(answer)
    }
}

/// Settings for a sandbox at `base_url`.
pub fn settings(base_url: &str, credentials: &[(&str, &str)]) -> Settings {
    Settings {
        base_url: base_url.to_owned(),
        credentials: credentials.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
        options: BTreeMap::new(),
        declared: BTreeSet::new(),
        scope_all: true,
        profile: "guide".to_owned(),
        protect: BTreeSet::new(),
    }
}

/// Opens a connector of the registry, with its completed address.
pub fn open(name: &str, settings: Settings) -> Result<(Arc<dyn Target>, String), SettingsError> {
    let entry = registry::entry(name).unwrap_or_else(|| panic!("{name} is not in the registry"));
    let base = (entry.complete_url)(&settings)?;
    Ok(((entry.build)(settings)?, base))
}

/// What a probe finds of a tenant that hides nothing.
pub fn tenant() -> Tenant {
    Tenant {
        profile: "guide".to_owned(),
        sees_all: Some(true),
        sees: BTreeSet::new(),
        declared: BTreeSet::new(),
        clock_ahead_ms: 0,
        notes: Vec::new(),
    }
}

/// Lines of a ledger that came over the API.
pub fn api_changes(ledger: &Path) -> Vec<sandbox::ledger::Entry> {
    let text = std::fs::read_to_string(ledger).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<sandbox::ledger::Entry>(line).expect("the ledger is JSON lines"));
    lines.filter(|entry| entry.method != "ADMIN").collect()
}
