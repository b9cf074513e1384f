//! A person lets us into an app: where they do it, and the session that comes of it.

use model::{AppName, Secret};

use crate::{Engine, EngineError};

impl Engine {
    /// Where a person allows us into this app, with a browser that then goes to `redirect` with `state` and a code; none where nobody has
    /// to.  Nothing is asked of the app.
    ///
    /// # Errors
    /// There is no such app, or somebody works on it just now: then the code would come to nothing.
    pub async fn consent(&self, app: &AppName, redirect: &str, state: &str) -> Result<Option<String>, EngineError> {
        let Some(address) = self.app(app)?.target.consent(redirect, state) else { return Ok(None) };
        self.nobody_works_on(app).await?;
        Ok(Some(address))
    }

    /// Turns the code into a session and keeps it sealed, with what renews it; gives the profile that the app speaks.
    ///
    /// # Errors
    /// The app does not take the code; somebody else works on it; the store fails.
    pub async fn redeem(&self, app: &AppName, code: &Secret, redirect: &str) -> Result<String, EngineError> {
        let connection = self.turn(app).await?;
        let redeemed = connection.redeem(code, redirect).await;
        let profile = connection.or_close(redeemed).await?;
        connection.or_close(self.end_quarantine(app, "a person let us in").await).await?;
        connection.close().await;
        Ok(profile)
    }
}
