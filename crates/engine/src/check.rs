//! Asks every app who it is, before any plan: credentials, profile, scope, limits, declared fields, clock.

use model::{AppName, Tenant};
use serde::Serialize;

use crate::{Engine, EngineError, Silent};

/// What a check of one app found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// Which app.
    pub app: AppName,
    /// Which connector.
    pub connector: &'static str,
    /// Where.
    pub base_url: String,
    /// Which tenant, as plans name it.
    pub fingerprint: String,
    /// What the probe found.
    pub tenant: Tenant,
    /// Whether configuration pins the profile; else logging in told it.
    pub pinned: bool,
    /// The limit that will be kept, in words.
    pub limit: String,
}

impl Engine {
    /// Logs in to one app and probes it.  Reads only.
    ///
    /// # Errors
    /// Which credential is wrong, what answers at the address, who else uses the app.
    pub async fn check(&self, app: &AppName) -> Result<CheckReport, EngineError> {
        let setup = self.app(app)?;
        let connection = self.connect(app).await?;
        let target = &connection.target;
        let probed = connection.ask(&Silent, |wire| async move { target.probe(&wire).await }).await;
        connection.close().await;
        let manifest = setup.target.manifest();
        let limit = match setup.rate.or(manifest.limit) {
            Some(rate) => format!("{} requests a second, {} more at once", rate.per_second, rate.burst),
            None => "not published: the pace adapts".into(),
        };
        Ok(CheckReport {
            app: app.clone(),
            connector: manifest.connector,
            base_url: setup.base_url.clone(),
            fingerprint: setup.fingerprint.to_string(),
            tenant: probed?,
            pinned: setup.profile.is_some(),
            limit,
        })
    }
}
