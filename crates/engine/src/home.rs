//! Whose ids our links name.
//!
//! A link is a person and an id, and an id means something in one tenant only: in another, where ids are small numbers, it is somebody
//! else's account.  So the store remembers for each app the tenant that its links are about, and nothing is asked of another one while
//! there are links.

use model::AppName;

use crate::{Engine, EngineError};

impl Engine {
    /// Makes sure that what is linked in this app is about the tenant configured now, and remembers which that is.
    ///
    /// # Errors
    /// [`EngineError::OtherHome`] when there are links and they are about another tenant.
    pub(crate) async fn at_home(&self, app: &AppName) -> Result<(), EngineError> {
        let here = self.app(app)?.home.as_str();
        let name = format!("home/{app}");
        match self.store.meta(&name).await? {
            Some(home) if home == here => return Ok(()),
            Some(_) if !self.store.links_of(app).await?.is_empty() => return Err(EngineError::OtherHome { app: app.clone() }),
            Some(_) | None => {}
        }
        Ok(self.store.set_meta(&name, here).await?)
    }
}
