//! Log-ins that were begun here and that a provider is asked about: each answered once, in the browser that it was begun in, within ten minutes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::{Secret, digest_of};
use tokio::time::Instant;

/// How long somebody may take at the provider.
pub(crate) const LASTS: Duration = Duration::from_secs(600);

/// What is remembered of one.
#[derive(Debug)]
pub(super) struct One {
    /// What the browser shows.
    pub(super) browser: Secret,
    /// What the ID token has to have in it.
    pub(super) nonce: Secret,
    /// What proves that whoever brings the code is who asked for it (PKCE).
    pub(super) verifier: Secret,
}

/// All that were begun, by their state.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<HashMap<String, (One, Instant)>>);

impl Begun {
    /// Remembers one.
    pub(super) fn put(&self, state: &Secret, one: One, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, until)| *until > now);
        all.insert(state.expose().to_owned(), (one, now + LASTS));
    }

    /// Takes one, which then is no more, whatever comes of it.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn take(&self, state: Option<&str>, browser: Option<&str>, now: Instant) -> Result<One, &'static str> {
        let state = state.filter(|state| !state.is_empty()).ok_or("it does not say which log-in it answers (no state)")?;
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(state);
        let Some((one, _)) = found.filter(|(_, until)| *until > now) else {
            return Err(
                "it answers no log-in that was begun here, one that was answered before, or one begun more than ten minutes ago",
            );
        };
        // Held against each other by their hashes, which tell nothing by how long it takes.
        match browser {
            Some(browser) if digest_of(&browser) == digest_of(&one.browser.expose()) => Ok(one),
            _ => Err("it answers a log-in that was begun in another browser"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_answered_once_in_its_browser_in_time() {
        let (begun, now) = (Begun::default(), Instant::now());
        let put = |state: &str| {
            let one = One { browser: Secret::new("b"), nonce: Secret::new("n"), verifier: Secret::new("v") };
            begun.put(&Secret::new(state), one, now);
        };
        put("s");
        assert!(begun.take(None, Some("b"), now).unwrap_err().contains("no state"));
        assert!(begun.take(Some("other"), Some("b"), now).unwrap_err().contains("no log-in that was begun here"));
        assert_eq!(begun.take(Some("s"), Some("b"), now).unwrap().nonce.expose(), "n");
        assert!(begun.take(Some("s"), Some("b"), now).is_err(), "once");
        for browser in [None, Some(""), Some("c")] {
            put("s");
            assert!(begun.take(Some("s"), browser, now).unwrap_err().contains("another browser"));
            assert!(begun.take(Some("s"), Some("b"), now).is_err(), "and it is no more");
        }
        put("s");
        assert!(begun.take(Some("s"), Some("b"), now + LASTS).is_err(), "too late");
        begun.put(
            &Secret::new("t"),
            One { browser: Secret::new("b"), nonce: Secret::new("n"), verifier: Secret::new("v") },
            now + LASTS,
        );
        assert_eq!(begun.0.lock().unwrap().len(), 1, "what is too late is forgotten");
    }
}
