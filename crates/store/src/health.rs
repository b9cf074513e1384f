//! How apps behave: quarantines, and the steps that were put aside.

use jiff::Timestamp;
use model::{AppName, Aside, AuditEntry, AuditWhat, Health, Subject};
use serde_json::Value;

use crate::db::{Tx, args};
use crate::pack::json;
use crate::{Store, StoreError, sql};

impl Store {
    /// What is remembered of an app's behaviour; nothing, where nothing is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn health(&self, app: &AppName) -> Result<Health, StoreError> {
        match self.db.fetch_one(sql::HEALTH, args![app.as_str()]).await? {
            Some(row) => row.json(0, "what is remembered of an app"),
            None => Ok(Health::default()),
        }
    }

    /// Changes what is remembered of an app's behaviour, in one transaction: nobody else changes it in between.  What is as it was is not
    /// written; what `change` notes is, in the audit trail, as of `at`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_health<T>(
        &self,
        app: &AppName,
        at: Timestamp,
        change: impl FnOnce(&mut Health, &mut Vec<(AuditWhat, Value)>) -> T,
    ) -> Result<T, StoreError> {
        let mut tx = self.db.begin().await?;
        let mut health: Health = match tx.fetch_one(sql::HEALTH, args![app.as_str()]).await? {
            Some(row) => row.json(0, "what is remembered of an app")?,
            None => Health::default(),
        };
        let before = health.clone();
        let mut noted = Vec::new();
        let changed = change(&mut health, &mut noted);
        if health != before {
            self.note(&mut tx, app, at, noted).await?;
            tx.execute(sql::HEALTH_PUT, args![app.as_str(), json(&health)]).await?;
            tx.commit().await?;
        }
        Ok(changed)
    }

    /// Every step that failed alone, whether it still waits or not, by app and step.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn asides(&self) -> Result<Vec<Aside>, StoreError> {
        self.db.fetch(sql::ASIDES, args![]).await?.iter().map(|row| row.json(0, "a step that was put aside")).collect()
    }

    /// Changes the list of the steps of an app that failed alone, in one transaction, with what `change` notes in the audit trail.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_asides<T>(
        &self,
        app: &AppName,
        at: Timestamp,
        change: impl FnOnce(&mut Vec<Aside>, &mut Vec<(AuditWhat, Value)>) -> T,
    ) -> Result<T, StoreError> {
        let mut tx = self.db.begin().await?;
        let rows = tx.fetch(sql::ASIDES_OF_APP, args![app.as_str()]).await?;
        let mut asides: Vec<Aside> = rows.iter().map(|row| row.json(0, "a step that was put aside")).collect::<Result<_, _>>()?;
        let before = asides.clone();
        let mut noted = Vec::new();
        let changed = change(&mut asides, &mut noted);
        if asides != before {
            self.note(&mut tx, app, at, noted).await?;
            tx.execute(sql::ASIDES_DROP, args![app.as_str()]).await?;
            for aside in &asides {
                tx.execute(sql::ASIDE_PUT, args![app.as_str(), aside.step.to_string(), json(aside)]).await?;
            }
            tx.commit().await?;
        }
        Ok(changed)
    }

    async fn note(&self, tx: &mut Tx, app: &AppName, at: Timestamp, noted: Vec<(AuditWhat, Value)>) -> Result<(), StoreError> {
        let entry = |(what, details)| AuditEntry { at, actor: self.actor.clone(), what, subject: Subject::App(app.clone()), details };
        tx.audit_all(noted.into_iter().map(entry).collect()).await.map(drop)
    }
}
