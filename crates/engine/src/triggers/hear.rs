//! Hearing an event: is it the app that speaks, is it of now, and was it heard before (A13).

use connector::{Fault, RawEvent, Told};
use jiff::Timestamp;
use model::{AppName, Trigger};

use super::{Cause, Hook};
use crate::{Engine, EngineError};

/// An event that was believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeardEvents {
    /// Triggers that are new: they are kept, and wait to be planned for.
    pub fresh: u64,
    /// Those that were kept before.
    pub known: u64,
}

/// Why an event is not believed; for the operator, not for whoever sent it.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// No app of that name hears events.
    #[error("no app {app} is configured to be told of events: [app.{app}.webhook] names the secret")]
    NoSuchApp {
        /// The name in the address.
        app: String,
    },
    /// It is not signed as the app signs.
    #[error("it is not signed as {app} signs: {why}")]
    Forged {
        /// As whose it came.
        app: AppName,
        /// What is wrong, without any secret.
        why: String,
    },
    /// It is signed, and from another time.
    #[error(
        "it is signed by {app}, and happened at {at:.0}, which is further from now than the window: it may be a replay, or a clock is wrong"
    )]
    Stale {
        /// Whose it is.
        app: AppName,
        /// When it says it happened.
        at: Timestamp,
    },
    /// It is signed and cannot be read.
    #[error("it is signed by {app} and cannot be read: {fault}")]
    Garbled {
        /// Whose it is.
        app: AppName,
        /// What is wrong.
        fault: Fault,
    },
    /// It cannot be kept now.
    #[error("it cannot be kept: {0}")]
    Failed(#[from] EngineError),
}

impl Engine {
    /// The apps that may tell of events.
    pub fn heard_apps(&self) -> impl Iterator<Item = &AppName> {
        self.hooks.keys()
    }

    /// Whether an app tells of events at all, as far as its connector knows.
    ///
    /// # Errors
    /// The configuration has no such app.
    pub fn can_hear(&self, app: &AppName, hook: &Hook) -> Result<bool, EngineError> {
        let nothing = RawEvent { headers: Vec::new(), body: bytes::Bytes::new() };
        Ok(!matches!(self.app(app)?.target.decode(&nothing, &hook.signing), Err(Fault::Unsupported { .. })))
    }

    /// Hears an event that came as the app's: when this returns it is on disk, once, and waits to be planned for.  Nothing is asked of an app.
    ///
    /// # Errors
    /// [`Unheard`]; then nothing was kept.
    pub async fn hear(&self, app: &str, event: &RawEvent) -> Result<HeardEvents, Unheard> {
        let unknown = || Unheard::NoSuchApp { app: app.to_owned() };
        let (name, hook) = self.hooks.get_key_value(app).ok_or_else(unknown)?;
        let target = &self.setup.apps.get(name).ok_or_else(unknown)?.target;
        let told = target.decode(event, &hook.signing).map_err(|fault| match fault {
            Fault::Denied { scope: connector::Scope::Object(why) } => Unheard::Forged { app: name.clone(), why },
            fault => Unheard::Garbled { app: name.clone(), fault },
        })?;
        let now = self.ports.clock.now();
        let cause = Cause::Webhook(name.clone());
        let mut triggers: Vec<Trigger> = Vec::new();
        for Told { event, account, at, key } in told {
            if at.duration_since(now).abs() > hook.window {
                return Err(Unheard::Stale { app: name.clone(), at });
            }
            // What no text of the store may hold is nobody's key or word.
            let clean = |text: String| text.replace('\0', "");
            let trigger = self.trigger(&cause, &clean(event), clean(key), at);
            triggers.push(Trigger { account: clean(account.unwrap_or_default()), ..trigger });
        }
        let fresh = self.store.put_triggers(&triggers).await.map_err(EngineError::from)?;
        Ok(HeardEvents { fresh, known: triggers.len() as u64 - fresh })
    }
}
