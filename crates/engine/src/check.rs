//! Asks every app who it is, before any plan: credentials, profile, scope, limits, declared fields, clock.

use jiff::Timestamp;
use model::{AppName, Tenant};
use serde::Serialize;

use crate::{Engine, EngineError};

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
    /// Since when the app was in quarantine, where this ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered: Option<Timestamp>,
}

impl Engine {
    /// Logs in to one app and probes it, in quarantine or not; an answer ends a quarantine.  Reads only.
    ///
    /// # Errors
    /// Which credential is wrong, what answers at the address, who else uses the app.
    pub async fn check(&self, app: &AppName) -> Result<CheckReport, EngineError> {
        let setup = self.app(app)?;
        let connection = self.turn(app).await?;
        let probed = self.probed(&connection).await;
        let recovered = match &probed {
            Ok(_) => self.end_quarantine(app, "it was checked and answered").await,
            Err(_) => self.still_failing(&connection).await.map(|()| None),
        };
        connection.close().await;
        let recovered = recovered?.map(|quarantine| quarantine.since);
        let manifest = setup.target.manifest();
        Ok(CheckReport {
            app: app.clone(),
            connector: manifest.connector,
            base_url: setup.base_url.clone(),
            fingerprint: setup.fingerprint.to_string(),
            tenant: probed?,
            pinned: setup.profile.is_some(),
            limit: setup.limit_in_words(),
            recovered,
        })
    }
}
